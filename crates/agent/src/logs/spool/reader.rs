//! The shipper's end of a spool: reads records in order, in batches that PutLogEvents takes, and remembers how far
//! they were acknowledged.
//!
//! It stands still at anything that is not a whole, sound record: that may still be on its way. Only when a later
//! segment exists is the rest of this one given up, because no logger ever writes there again. Whether a logger lives
//! is not asked here.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::format::{self, Record, SEGMENT_HEADER_BYTES, decode};
use super::{absent_is_done, read_json, replace_json, segment_path, segments};
use crate::logs::event::{EVENT_OVERHEAD_BYTES, LogEvent, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_BATCH_SPAN_MS};

/// The file that says how far the shipper came.
pub(super) const POSITION: &str = "position.json";

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The number of the segment.
    pub(super) segment: u64,
    /// Where in it, in bytes; 0 = its header was not read yet.
    pub(super) offset: u64,
    /// The number of the next record.
    pub(super) record: u64,
}

/// Events for one PutLogEvents: at least one, in order, within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    events: Vec<LogEvent>,
    end: Position,
}

impl Batch {
    /// The events.
    #[must_use]
    pub fn events(&self) -> &[LogEvent] {
        &self.events
    }
}

/// Reads the spool of one container.
#[derive(Debug)]
pub struct Reader {
    spool: PathBuf,
    position: Position,
    ended: bool,
    lost_records: u64,
    torn_bytes: u64,
}

impl Reader {
    /// Opens a spool where the last reader's acknowledgements ended.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(spool: &Path) -> io::Result<Self> {
        let position = match read_json(&spool.join(POSITION)) {
            Ok(position) => position,
            Err(error) if error.kind() == ErrorKind::NotFound => Position::default(),
            // Ruined by a loss of power: lines may be shipped twice. None counts as lost, whatever is there.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => Position {
                record: u64::MAX,
                ..Position::default()
            },
            Err(error) => return Err(error),
        };
        let reader = Self {
            spool: spool.to_owned(),
            position,
            ended: false,
            lost_records: 0,
            torn_bytes: 0,
        };
        for shipped in segments(spool)?.into_iter().filter(|number| *number < position.segment) {
            reader.remove_segment(shipped)?;
        }
        Ok(reader)
    }

    /// The events after the last acknowledged one; none if there are none yet. Without an acknowledgement in between
    /// it begins with the same events again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        loop {
            let batch = self.read_segment()?;
            if batch.is_some() {
                return Ok(batch);
            }
            let Some(next) = segments(&self.spool)?
                .into_iter()
                .find(|number| *number > self.position.segment)
            else {
                return Ok(None);
            };
            // The logger may have completed this segment after it was read and before the next was seen.
            let batch = self.read_segment()?;
            if batch.is_some() {
                return Ok(batch);
            }
            self.advance(next)?;
        }
    }

    /// Remembers, also for the next reader, that the events of this batch are safe at their destination.
    ///
    /// # Errors
    /// What the file system says. This reader goes on behind the batch even then; only a later one would repeat it.
    pub fn ack(&mut self, batch: &Batch) -> io::Result<()> {
        self.position = batch.end;
        replace_json(&self.spool.join(POSITION), &self.position)
    }

    /// Whether the logger said at the end of what was read that nothing is missing.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// How many records were dropped before this reader came to them.
    #[must_use]
    pub fn lost_records(&self) -> u64 {
        self.lost_records
    }

    /// How many bytes this reader gave up because they were no whole record.
    #[must_use]
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// What can be read of the current segment.
    fn read_segment(&mut self) -> io::Result<Option<Batch>> {
        let file = match File::open(segment_path(&self.spool, self.position.segment)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let length = file.metadata()?.len();
        if self.position.offset == 0 && !self.enter(&read_at(&file, 0, length.min(SEGMENT_HEADER_BYTES as u64))?)? {
            return Ok(None);
        }
        let unread = length.saturating_sub(self.position.offset).min(MAX_BATCH_BYTES as u64);
        let bytes = read_at(&file, self.position.offset, unread)?;
        Ok(self.collect(&bytes))
    }

    /// Reads the header of a segment; false if it is not there yet.
    fn enter(&mut self, header: &[u8]) -> io::Result<bool> {
        let Some(first) = format::first_record(header) else {
            return Ok(false);
        };
        let before = std::mem::replace(&mut self.position.record, first);
        self.lost_records += first.saturating_sub(before);
        self.position.offset = SEGMENT_HEADER_BYTES as u64;
        if first < before {
            // A loss of power took records that had been shipped, and the logger gave their numbers again. If its next
            // one finds no record at all, it goes on from the number that is on file.
            replace_json(&self.spool.join(POSITION), &self.position)?;
        }
        Ok(true)
    }

    fn collect(&mut self, mut bytes: &[u8]) -> Option<Batch> {
        let mut batch = Batch {
            events: Vec::new(),
            end: self.position,
        };
        let mut room = MAX_BATCH_BYTES;
        while let Some((record, length)) = decode(bytes) {
            match record {
                // The end is passed alone, so that it is known again after a restart.
                Record::End if !batch.events.is_empty() => break,
                Record::End => {
                    self.position = after(self.position, length);
                    batch.end = self.position;
                    self.ended = true;
                }
                Record::Message {
                    timestamp_ms,
                    source,
                    text,
                } => {
                    let size = text.len() + EVENT_OVERHEAD_BYTES;
                    if size > room || !batch.can_take(timestamp_ms) {
                        break;
                    }
                    room -= size;
                    batch.events.push(LogEvent {
                        timestamp_ms,
                        source,
                        message: text.to_owned(),
                    });
                    batch.end = after(batch.end, length);
                    self.ended = false;
                }
            }
            bytes = &bytes[length..];
        }
        (!batch.events.is_empty()).then_some(batch)
    }

    /// Goes to the next segment. All of the current one is acknowledged, or nobody can read it.
    fn advance(&mut self, next: u64) -> io::Result<()> {
        let current = segment_path(&self.spool, self.position.segment);
        if let Ok(metadata) = fs::metadata(&current) {
            self.torn_bytes += metadata.len().saturating_sub(self.position.offset);
        }
        self.remove_segment(self.position.segment)?;
        self.position = Position {
            segment: next,
            offset: 0,
            record: self.position.record,
        };
        Ok(())
    }

    fn remove_segment(&self, number: u64) -> io::Result<()> {
        absent_is_done(fs::remove_file(segment_path(&self.spool, number)))
    }
}

impl Batch {
    /// Whether the events stay in order and within a day. The clock of a machine may be set back.
    fn can_take(&self, timestamp_ms: i64) -> bool {
        let (Some(first), Some(last)) = (self.events.first(), self.events.last()) else {
            return true;
        };
        self.events.len() < MAX_BATCH_EVENTS
            && timestamp_ms >= last.timestamp_ms
            && timestamp_ms.saturating_sub(first.timestamp_ms) <= MAX_BATCH_SPAN_MS
    }
}

fn after(position: Position, length: usize) -> Position {
    Position {
        offset: position.offset + length as u64,
        record: position.record + 1,
        ..position
    }
}

fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).expect("at most one batch is read")];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
