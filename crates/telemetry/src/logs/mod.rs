//! CloudWatch Logs: groups, streams and their events, durable and read in order of time.
//!
//! Reading order: `model` (what callers pass and get), `keys` and `rows` (how it lies on disk), `groups`, `streams`,
//! `put`, `get`, `filter` (with `scan` and `pattern`), `expire`.
//!
//! * A call that returns `Ok` is durable; concurrent calls share one sync of the disk.
//! * An event lies twice: as a row of its stream, and as an entry of its group's timeline. So a stream's newest lines
//!   are a range read from the end, and a group's events in time order need no visit to every stream.
//! * Deleting a group or a stream, whatever its size, is one small write: the name is gone at once, and
//!   [`LogStore::expire`] removes the events in slices.
//! * Numbers and texts of limits and errors are those of CloudWatch Logs (API model of 2014-03-28, as published in
//!   2026).
//!
//! It does not do tags, KMS keys, log classes, metric or subscription filters and Insights queries.

mod check;
mod error;
mod expire;
mod filter;
mod get;
mod groups;
mod keys;
mod limits;
mod listing;
mod model;
mod pattern;
mod put;
mod rows;
mod scan;
mod streams;
mod token;

pub use error::LogsError;
pub use model::{
    DescribeLogGroups, DescribeLogStreams, Expired, FilterLogEvents, FilteredLogEvent, FilteredLogEventPage,
    GetLogEvents, InputLogEvent, LogEventPage, LogGroup, LogGroupPage, LogStream, LogStreamPage, OrderBy,
    OutputLogEvent, PutLogEvents, PutLogEventsAnswer, RejectedLogEvents, StreamPath,
};
pub use pattern::FilterPattern;

use crate::store::{Store, Table};
use crate::{RawRow, StorageError};
use std::path::Path;
use std::sync::Mutex;

/// The log groups, streams and events of all scopes in one directory.
///
/// All methods take `&self`, block until they are done (a write: until it is durable) and may be called from many
/// threads. `now_ms` is always the caller's clock in milliseconds since 1970.
pub struct LogStore {
    store: Store,
    /// Held by the call of [`LogStore::expire`] that is at work.
    expiring: Mutex<()>,
}

impl LogStore {
    /// Opens the store in `dir`, a directory of its own, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the directory is in use by another process, damaged, of a newer format, or not accessible.
    pub fn open(dir: &Path) -> Result<Self, StorageError> {
        Ok(Self {
            store: Store::open(dir, &[Table::Events, Table::Timeline])?,
            expiring: Mutex::new(()),
        })
    }

    /// Why the store takes no writes any more, if one has failed: it needs to be opened again.
    #[must_use]
    pub fn failed(&self) -> Option<StorageError> {
        self.store.failed()
    }

    /// Hands on all rows as they lie at this moment, for a backup: table, key and value.
    ///
    /// # Errors
    /// [`StorageError`], and those of `take`.
    pub fn export<E: From<StorageError>>(
        &self,
        take: impl FnMut(&'static str, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.store.export(take)
    }

    /// Puts rows of a backup back. Returns when they are durable.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn import(&self, rows: Vec<RawRow>) -> Result<(), StorageError> {
        self.store.import(rows)
    }
}
