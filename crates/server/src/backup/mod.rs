//! Backups: everything durable of a control plane in one file, taken while it runs, and put back into an empty directory.
//!
//! The state is read from one snapshot, and the history from one that is younger: a task that moves meanwhile is in both,
//! never in neither. Logs come along if they are asked for. Files (keys) are the business of whoever owns the directory.
//!
//! Whatever agents have heard is numbered by the control plane's epoch. A restored one begins with an epoch so much higher
//! that agents do not take what it says for old news.

mod format;
mod restore;

pub use format::{BackupError, Frame, Reader, Writer};
pub use restore::{Contents, Restore};

use std::io::Write;

use berth_telemetry::history::HistoryStore;
use berth_telemetry::logs::LogStore;

use crate::store::Store;

/// What tables of the state are called in a backup, before the name that the store has for them.
pub const STATE: &str = "state/";
/// What tables of the history are called in a backup.
pub const HISTORY: &str = "history/";
/// What tables of the logs are called in a backup.
pub const LOGS: &str = "logs/";

/// What a backup is taken of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The state.
    pub store: &'a Store,
    /// Tasks that are over.
    pub history: &'a HistoryStore,
    /// Log events, if they are wanted.
    pub logs: Option<&'a LogStore>,
}

impl Sources<'_> {
    /// Writes all rows as they are now.
    ///
    /// # Errors
    /// The stores', and those of the writer.
    pub fn write(&self, to: &mut Writer<impl Write>) -> Result<(), BackupError> {
        // In this order: what leaves the state after its snapshot was in the history before it left.
        let mut tables = Tables {
            to,
            last: String::new(),
        };
        self.store
            .export(|table, key, value| tables.row(STATE, table, key, value))?;
        self.history
            .export(|table, key, value| tables.row(HISTORY, table, key, value))?;
        match self.logs {
            Some(logs) => logs.export(|table, key, value| tables.row(LOGS, table, key, value)),
            None => Ok(()),
        }
    }
}

/// Rows that come table by table.
struct Tables<'a, W> {
    to: &'a mut Writer<W>,
    last: String,
}

impl<W: Write> Tables<'_, W> {
    fn row(&mut self, part: &str, table: &str, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        if self.last.strip_prefix(part) != Some(table) {
            self.last = format!("{part}{table}");
            self.to.table(&self.last)?;
        }
        self.to.row(key, value)
    }
}
