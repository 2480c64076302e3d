//! What a log event is, and where it goes: the nouns that logger, spool and shipper share.
//!
//! The limits are those that PutLogEvents documents. Nothing here does I/O.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What CloudWatch Logs adds to the size of each event when it measures a batch.
pub(super) const EVENT_OVERHEAD_BYTES: usize = 26;

/// The largest batch that PutLogEvents takes, in bytes of messages and overhead.
pub(super) const MAX_BATCH_BYTES: usize = 1_048_576;

/// The largest number of events that PutLogEvents takes at once.
pub(super) const MAX_BATCH_EVENTS: usize = 10_000;

/// The longest time, in milliseconds, that one batch may span.
pub(super) const MAX_BATCH_SPAN_MS: i64 = 24 * 60 * 60 * 1000;

/// The longest message of one event: CloudWatch Logs takes events of up to 1 MiB, overhead included.
pub const MAX_MESSAGE_BYTES: usize = MAX_BATCH_BYTES - EVENT_OVERHEAD_BYTES;

/// The log group and the log stream of one container.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// The name of the log group (`awslogs-group`).
    pub group: String,
    /// The name of the log stream: `prefix/container/task id`.
    pub stream: String,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.stream)
    }
}

/// Which of the container's outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of a container, or a piece of a line that was too long for one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When the logger read the end of the line, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Where the line came from. CloudWatch Logs does not tell the two apart; other drivers may.
    pub source: Source,
    /// The text without its line end: never empty, at most [`MAX_MESSAGE_BYTES`].
    pub message: String,
}
