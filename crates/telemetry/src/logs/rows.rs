//! What lies on disk: the rows of the catalog, of streams and of timelines.
//!
//! Rows are maps with named fields: a new field needs `#[serde(default)]`, a field that changes its meaning a new name.

use super::keys::Position;
use super::limits::DAY_MS;
use crate::store::Record;
use serde::{Deserialize, Serialize};

/// The last number that was given to a group or a stream.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct LastIdRow {
    pub(super) id: u64,
}

/// What is counted per scope.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct ScopeRow {
    pub(super) groups: u64,
}

/// A log group, found by its name.
#[derive(Serialize, Deserialize)]
pub(super) struct GroupRow {
    pub(super) id: u64,
    pub(super) created_ms: i64,
}

/// What changes about a log group, found by its number.
#[derive(Serialize, Deserialize, Default, PartialEq)]
pub(super) struct GroupStateRow {
    pub(super) retention_days: Option<i64>,
    pub(super) stored_bytes: u64,
    /// The number of the next event: events of one millisecond are ordered by it.
    pub(super) next_event: u64,
    /// When the group stands in the schedule of expiry.
    pub(super) expiry_due_ms: Option<i64>,
    /// Before this there is no event: expiry has deleted them, and none has come since.
    pub(super) cleared_to: Position,
}

impl GroupStateRow {
    /// The oldest time whose events have not expired.
    pub(super) fn oldest_live_ms(&self, now_ms: i64) -> i64 {
        self.retention_ms()
            .map_or(0, |retention_ms| now_ms.saturating_sub(retention_ms).max(0))
    }

    /// The oldest time at which there may be live events. Reads begin here, and so never pass what expiry has deleted.
    pub(super) fn oldest_readable_ms(&self, now_ms: i64) -> i64 {
        self.oldest_live_ms(now_ms).max(self.cleared_to.timestamp_ms)
    }

    /// When an event of `timestamp_ms` is to be deleted, if ever.
    pub(super) fn due_ms(&self, timestamp_ms: i64) -> Option<i64> {
        self.retention_ms()
            .map(|retention_ms| timestamp_ms.saturating_add(retention_ms).saturating_add(1))
    }

    fn retention_ms(&self) -> Option<i64> {
        self.retention_days.map(|days| days.saturating_mul(DAY_MS))
    }
}

/// A log stream, found by its group's number and its name.
#[derive(Serialize, Deserialize)]
pub(super) struct StreamRow {
    pub(super) id: u64,
    pub(super) created_ms: i64,
    pub(super) last_event_ms: Option<i64>,
    pub(super) last_ingestion_ms: Option<i64>,
    pub(super) stored_bytes: u64,
    /// How often events were put.
    pub(super) uploads: u64,
}

impl StreamRow {
    /// A token in AWS's form, 56 digits.
    pub(super) fn sequence_token(&self) -> String {
        format!("49{:019}{:035}", self.id, self.uploads)
    }

    /// Where the stream stands in the order of last events: before all others while it has none.
    pub(super) fn recency_ms(&self) -> i64 {
        self.last_event_ms.unwrap_or(0)
    }
}

/// The name of a stream, found by its number. A stream without one is deleted.
#[derive(Serialize, Deserialize)]
pub(super) struct StreamNameRow {
    pub(super) group: u64,
    pub(super) name: String,
}

/// A row whose key says everything.
#[derive(Serialize, Deserialize)]
pub(super) struct MarkRow {}

/// A deleted group whose streams are still there.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct DeletedGroupRow {
    /// The last stream that was dealt with.
    pub(super) cleared_to: String,
}

/// A deleted stream whose events are still there.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(super) struct DeletedStreamRow {
    pub(super) group: u64,
    /// Before this, all events are deleted.
    pub(super) cleared_to: Position,
}

impl DeletedStreamRow {
    pub(super) fn new(group: u64) -> Self {
        Self {
            group,
            cleared_to: Position::before(0),
        }
    }
}

/// A log event.
#[derive(Serialize, Deserialize)]
pub(super) struct EventRow {
    pub(super) ingested_ms: i64,
    pub(super) message: String,
}

/// An entry of a group's timeline: whose event lies at this position.
#[derive(Serialize, Deserialize)]
pub(super) struct TimelineRow {
    pub(super) stream: u64,
}

impl Record for LastIdRow {}
impl Record for ScopeRow {}
impl Record for GroupRow {}
impl Record for GroupStateRow {}
impl Record for StreamRow {}
impl Record for StreamNameRow {}
impl Record for MarkRow {}
impl Record for DeletedGroupRow {}
impl Record for DeletedStreamRow {}
impl Record for EventRow {}
impl Record for TimelineRow {}
