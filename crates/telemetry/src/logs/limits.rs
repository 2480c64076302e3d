//! The numbers of CloudWatch Logs, and those that bound the work of one call here.
//!
//! Source: the operations' documentation in the published service model, and "CloudWatch Logs quotas".

/// Log groups in one account and region.
pub(super) const GROUPS_PER_SCOPE: u64 = 1_000_000;
/// Characters of a group's or a stream's name.
pub(super) const NAME_CHARS: usize = 512;
/// Characters of a filter pattern.
pub(super) const PATTERN_CHARS: usize = 1024;
/// Streams that one FilterLogEvents call may name.
pub(super) const NAMED_STREAMS: usize = 100;
/// Groups or streams on one page of a Describe call.
pub(super) const DESCRIBED: i64 = 50;
/// Events in one PutLogEvents call, and on one page of events.
pub(super) const EVENTS: usize = 10_000;
/// The same as the type of a request's limit.
pub(super) const EVENTS_LIMIT: i64 = 10_000;
/// Bytes of one PutLogEvents call, of one event, and of one page of events, with [`EVENT_OVERHEAD_BYTES`] each.
pub(super) const BATCH_BYTES: usize = 1_048_576;
/// What an event counts beside its message.
pub(super) const EVENT_OVERHEAD_BYTES: usize = 26;
/// The time that the events of one PutLogEvents call may span.
pub(super) const BATCH_SPAN_MS: i64 = DAY_MS;
/// How old an event may be when it arrives.
pub(super) const TOO_OLD_MS: i64 = 14 * DAY_MS;
/// How far in the future an event may be when it arrives.
pub(super) const TOO_NEW_MS: i64 = 2 * 60 * 60 * 1000;
/// FilterLogEvents reads backwards only when the start time is not before 2024.
pub(super) const BACKWARD_SINCE_MS: i64 = 1_704_067_200_000;
/// A day of retention.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The retentions that a group can have.
pub(super) const RETENTION_DAYS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// Events that one FilterLogEvents call looks at before it returns a page that is not full (AWS does so too).
pub(super) const EXAMINED_EVENTS: usize = 50_000;
/// Bytes of events that one FilterLogEvents call looks at before it returns a page that is not full.
pub(super) const EXAMINED_BYTES: usize = 32 * BATCH_BYTES;
/// Names that one DescribeLogGroups call looks at before it returns a page that is not full.
pub(super) const EXAMINED_NAMES: usize = 2_000;
/// Streams that FilterLogEvents merges; with more it reads the group's timeline.
pub(super) const MERGED_STREAMS: usize = 100;
/// Rows that one turn of expiry touches, so that other calls never wait long for it.
pub(super) const EXPIRY_SLICE: usize = 500;

/// What an event with this message counts.
pub(super) fn event_bytes(message: &str) -> usize {
    message.len() + EVENT_OVERHEAD_BYTES
}
