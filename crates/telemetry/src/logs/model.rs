//! What callers pass and what they get: the requests and answers of the logs API in Rust.
//!
//! Numbers of requests are what arrives on the wire, unchecked. Times are milliseconds since 1970. Resource names of
//! ARNs are the server's to make.

/// A log group and a log stream in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPath {
    /// The group's name.
    pub log_group_name: String,
    /// The stream's name.
    pub log_stream_name: String,
}

impl StreamPath {
    /// The stream `log_stream_name` of the group `log_group_name`.
    pub fn new(log_group_name: impl Into<String>, log_stream_name: impl Into<String>) -> Self {
        Self {
            log_group_name: log_group_name.into(),
            log_stream_name: log_stream_name.into(),
        }
    }
}

/// Which log groups to describe.
#[derive(Clone, Debug, Default)]
pub struct DescribeLogGroups {
    /// What the names start with.
    pub log_group_name_prefix: Option<String>,
    /// What the names contain; not together with a prefix.
    pub log_group_name_pattern: Option<String>,
    /// Groups per page: 1 to 50, which is the default.
    pub limit: Option<i64>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    /// Its name.
    pub log_group_name: String,
    /// When it was created.
    pub creation_time_ms: i64,
    /// How long events are kept; for ever if absent.
    pub retention_in_days: Option<i64>,
    /// The bytes of all its events, with 26 for each event beside its message. Events that have expired count until
    /// they are deleted.
    pub stored_bytes: u64,
}

/// Log groups in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupPage {
    /// The groups. A page may hold fewer than the limit, even none, while there is a next one.
    pub log_groups: Vec<LogGroup>,
    /// Present if there may be more.
    pub next_token: Option<String>,
}

/// The order of described log streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderBy {
    /// By name.
    #[default]
    LogStreamName,
    /// By the newest event; streams without events come first.
    LastEventTime,
}

/// Which log streams of a group to describe.
#[derive(Clone, Debug, Default)]
pub struct DescribeLogStreams {
    /// The group's name.
    pub log_group_name: String,
    /// What the names start with; only in the order of names.
    pub log_stream_name_prefix: Option<String>,
    /// The order.
    pub order_by: OrderBy,
    /// Whether the order is reversed.
    pub descending: bool,
    /// Streams per page: 1 to 50, which is the default.
    pub limit: Option<i64>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// A log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// Its name.
    pub log_stream_name: String,
    /// When it was created.
    pub creation_time_ms: i64,
    /// The time of its oldest event that has not expired.
    pub first_event_timestamp_ms: Option<i64>,
    /// The time of its newest event, if that has not expired.
    pub last_event_timestamp_ms: Option<i64>,
    /// When events last arrived.
    pub last_ingestion_time_ms: Option<i64>,
    /// The token that old clients send back with the next events; nothing depends on it.
    pub upload_sequence_token: String,
}

/// Log streams in the requested order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStreamPage {
    /// The streams.
    pub log_streams: Vec<LogStream>,
    /// Present if there are more.
    pub next_token: Option<String>,
}

/// An event to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLogEvent {
    /// When it happened.
    pub timestamp_ms: i64,
    /// Its text.
    pub message: String,
}

/// Events for a stream, in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct PutLogEvents {
    /// The stream.
    pub stream: StreamPath,
    /// 1 to 10,000 events.
    pub log_events: Vec<InputLogEvent>,
}

/// What became of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutLogEventsAnswer {
    /// The token that old clients send back with the next events; nothing depends on it.
    pub next_sequence_token: String,
    /// Which events were not stored because of their time; absent if all were stored.
    pub rejected_log_events_info: Option<RejectedLogEvents>,
}

/// Indices into the events of a PutLogEvents call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectedLogEvents {
    /// The first event that is more than two hours in the future; all after it are too.
    pub too_new_log_event_start_index: Option<usize>,
    /// The index after the last event that is older than 14 days.
    pub too_old_log_event_end_index: Option<usize>,
    /// The index after the last event that is younger than 14 days but past the group's retention.
    pub expired_log_event_end_index: Option<usize>,
}

/// Which events of a stream to read.
#[derive(Clone, Debug, Default)]
pub struct GetLogEvents {
    /// The stream.
    pub stream: StreamPath,
    /// The earliest time.
    pub start_time_ms: Option<i64>,
    /// The time before which events must lie.
    pub end_time_ms: Option<i64>,
    /// Events per page: 1 to 10,000; without it as many as fit into 1 MiB.
    pub limit: Option<i64>,
    /// Whether the first page is the oldest instead of the newest. A token knows its direction itself.
    pub start_from_head: bool,
    /// A forward or backward token of an earlier page.
    pub next_token: Option<String>,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLogEvent {
    /// When it happened.
    pub timestamp_ms: i64,
    /// Its text.
    pub message: String,
    /// When it arrived.
    pub ingestion_time_ms: i64,
}

/// Events of a stream, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEventPage {
    /// The events.
    pub events: Vec<OutputLogEvent>,
    /// What to pass for the events after these. At the end it is the token that was passed; it works again when newer
    /// events have arrived.
    pub next_forward_token: String,
    /// What to pass for the events before these. At the beginning it is the token that was passed.
    pub next_backward_token: String,
}

/// Which events of a group to find.
#[derive(Clone, Debug, Default)]
pub struct FilterLogEvents {
    /// The group's name.
    pub log_group_name: String,
    /// Up to 100 streams; all of the group if empty.
    pub log_stream_names: Vec<String>,
    /// What the streams' names start with; not together with names.
    pub log_stream_name_prefix: Option<String>,
    /// The earliest time.
    pub start_time_ms: Option<i64>,
    /// The latest time (events of this very millisecond are returned).
    pub end_time_ms: Option<i64>,
    /// What the messages match; see [`super::FilterPattern`].
    pub filter_pattern: Option<String>,
    /// Events per page: 1 to 10,000, which is the default.
    pub limit: Option<i64>,
    /// Whether the oldest events come first, which is the default. A token knows its direction itself.
    pub start_from_head: Option<bool>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// An event of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilteredLogEvent {
    /// The stream it belongs to.
    pub log_stream_name: String,
    /// When it happened.
    pub timestamp_ms: i64,
    /// Its text.
    pub message: String,
    /// When it arrived.
    pub ingestion_time_ms: i64,
    /// Its identity, the same in every answer.
    pub event_id: String,
}

/// Events of a group, interleaved by time; those of the same millisecond in the order of their arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilteredLogEventPage {
    /// The events. A page may hold fewer than the limit, even none, while there is a next one.
    pub events: Vec<FilteredLogEvent>,
    /// Present if there may be more.
    pub next_token: Option<String>,
}

/// What a call of [`super::LogStore::expire`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Rows that were deleted.
    pub deleted: usize,
    /// Whether the budget ended before the work did: call again soon.
    pub more: bool,
}
