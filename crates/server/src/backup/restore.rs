//! Putting a backup back: into a directory that nobody uses yet, and only when it was seen to be whole.

use std::io::Read;
use std::path::{Path, PathBuf};

use berth_core::control::Change;
use berth_telemetry::RawRow;
use berth_telemetry::history::HistoryStore;
use berth_telemetry::logs::LogStore;

use super::{BackupError, Frame, HISTORY, LOGS, Reader, STATE};
use crate::store::{Row, Store, Table};

/// By how much the epoch of a restored control plane is higher: more starts than there are between a backup and its use.
const EPOCHS: u32 = 1 << 16;
/// The most bytes of rows that are written at once.
const BATCH_BYTES: usize = 4 << 20;

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files: paths in the data directory, and what is in them.
    pub files: Vec<(String, Vec<u8>)>,
    /// How many rows there are.
    pub rows: u64,
    /// Whether there are log events.
    pub logs: bool,
}

/// Puts the rows of a backup back.
pub struct Restore {
    store: Store,
    history: HistoryStore,
    logs: LogStore,
    dir: PathBuf,
    table: String,
    waiting: Vec<Frame>,
    waiting_bytes: usize,
}

impl Restore {
    /// Reads a whole backup and sees that it is as it was written.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn check(from: impl Read) -> Result<Contents, BackupError> {
        let mut reader = Reader::new(from)?;
        let mut contents = Contents::default();
        let mut in_table = false;
        while let Some(frame) = reader.frame()? {
            match frame {
                Frame::File { path, content } => contents.files.push((path, content)),
                Frame::Table(name) => {
                    in_table = [STATE, HISTORY, LOGS].iter().any(|part| name.starts_with(part));
                    contents.logs |= name.starts_with(LOGS);
                }
                Frame::Row { .. } if in_table => contents.rows += 1,
                Frame::Row { .. } => return Err(BackupError::Damaged("it has rows of an unknown table")),
            }
        }
        Ok(contents)
    }

    /// Puts all rows of a backup into the folder of a control plane, `dir`, which must not be there yet.
    ///
    /// # Errors
    /// The disk's, and whatever is wrong with the backup. The folder is to be thrown away then.
    pub fn rows(from: impl Read, dir: &Path) -> Result<(), BackupError> {
        let mut restore = Self {
            store: Store::open(&dir.join("state"))?,
            history: HistoryStore::open(&dir.join("history"))?,
            logs: LogStore::open(&dir.join("logs"))?,
            dir: dir.to_owned(),
            table: String::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
        };
        let mut reader = Reader::new(from)?;
        while let Some(frame) = reader.frame()? {
            restore.take(frame)?;
        }
        restore.flush()?;
        restore.finish()
    }

    fn take(&mut self, frame: Frame) -> Result<(), BackupError> {
        match frame {
            Frame::File { .. } => Ok(()),
            Frame::Table(name) => {
                self.flush()?;
                self.table = name;
                Ok(())
            }
            Frame::Row { ref key, ref value } => {
                self.waiting_bytes += key.len() + value.len();
                self.waiting.push(frame);
                if self.waiting_bytes < BATCH_BYTES {
                    Ok(())
                } else {
                    self.flush()
                }
            }
        }
    }

    /// Writes the rows that wait.
    fn flush(&mut self) -> Result<(), BackupError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if let Some(table) = self.table.strip_prefix(STATE) {
            let table =
                Table::named(table).ok_or(BackupError::Damaged("it has a table that this version does not know"))?;
            return Ok(self.store.import(table, waiting.into_iter().filter_map(row))?);
        }
        let raw = |table: &str| {
            let rows = waiting.iter().cloned().filter_map(row).map(|(key, value)| RawRow {
                table: table.to_owned(),
                key,
                value,
            });
            rows.collect::<Vec<_>>()
        };
        match (self.table.strip_prefix(HISTORY), self.table.strip_prefix(LOGS)) {
            (Some(table), _) => Ok(self.history.import(raw(table))?),
            (None, Some(table)) => Ok(self.logs.import(raw(table))?),
            (None, None) => Ok(()),
        }
    }

    /// Raises the epoch, and sees that everything can be read again.
    fn finish(self) -> Result<(), BackupError> {
        let epoch = self.store.load()?.epoch().saturating_add(EPOCHS);
        self.store.commit(&[Change::Epoch(epoch)])?;
        let Self {
            store,
            history,
            logs,
            dir,
            ..
        } = self;
        drop((store, history, logs));
        Store::open(&dir.join("state"))?.load()?;
        HistoryStore::open(&dir.join("history"))?;
        LogStore::open(&dir.join("logs"))?;
        Ok(())
    }
}

fn row(frame: Frame) -> Option<Row> {
    match frame {
        Frame::Row { key, value } => Some((key, value)),
        Frame::File { .. } | Frame::Table(_) => None,
    }
}
