//! PutLogEvents: all accepted events of a call become durable together, or none.

use super::check::Checks;
use super::groups::{self, Group};
use super::keys::Position;
use super::rows::{EventRow, MarkRow, StreamRow, TimelineRow};
use super::{InputLogEvent, LogStore, LogsError, PutLogEvents, PutLogEventsAnswer, RejectedLogEvents};
use super::{keys, limits, streams};
use crate::Scope;
use crate::store::{Table, Turn, encode};
use std::ops::Range;

/// An event, ready to be written.
struct Encoded {
    timestamp_ms: i64,
    bytes: u64,
    row: Vec<u8>,
}

impl LogStore {
    /// PutLogEvents. Events that are too old or too new for the group are left out and reported in the answer.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn put_log_events(
        &self,
        scope: &Scope,
        request: PutLogEvents,
        now_ms: i64,
    ) -> Result<PutLogEventsAnswer, LogsError> {
        check(&request)?;
        let path = request.stream;
        // Before the turn, so that no other call waits for the encoding.
        let events: Vec<Encoded> = request
            .log_events
            .into_iter()
            .map(|event| encoded(event, now_ms))
            .collect();
        self.store.turn(|turn| {
            let mut group = groups::find(turn, scope, &path.log_group_name)?;
            let mut stream = streams::find(turn, &group, &path.log_stream_name)?;
            let (accepted, rejected_log_events_info) = sort_out(&events, &group, now_ms);
            let events = &events[accepted];
            check_span(events)?;
            stream.uploads += 1;
            if let [oldest, .., newest] | [oldest @ newest] = events {
                append(turn, &mut group, &stream, events);
                note_newest(turn, &group, &mut stream, (newest.timestamp_ms, &path.log_stream_name));
                note_oldest(turn, &mut group, oldest.timestamp_ms);
                stream.last_ingestion_ms = Some(now_ms);
                stream.stored_bytes += bytes(events);
            }
            turn.put(keys::group_state(group.id), &group.state);
            turn.put(keys::stream(group.id, &path.log_stream_name), &stream);
            Ok(PutLogEventsAnswer {
                next_sequence_token: stream.sequence_token(),
                rejected_log_events_info,
            })
        })
    }
}

fn check(request: &PutLogEvents) -> Result<(), LogsError> {
    let events = &request.log_events;
    let mut checks = streams::check_path(&request.stream).count("logEvents", events.len(), limits::EVENTS);
    if let Some(index) = events.iter().position(|event| event.message.is_empty()) {
        checks = checks.length(&format!("logEvents.{}.member.message", index + 1), "", 1);
    }
    if let Some(index) = events.iter().position(|event| event.timestamp_ms < 0) {
        let field = format!("logEvents.{}.member.timestamp", index + 1);
        checks = checks.time(&field, Some(events[index].timestamp_ms));
    }
    Checks::done(checks)?;
    check_order_and_size(events)
}

fn check_order_and_size(events: &[InputLogEvent]) -> Result<(), LogsError> {
    if !events.is_sorted_by_key(|event| event.timestamp_ms) {
        let message = "Log events in a single PutLogEvents request must be in chronological order.";
        return Err(LogsError::invalid(message));
    }
    let (limit, mut total) = (limits::BATCH_BYTES, 0);
    for event in events {
        let bytes = limits::event_bytes(&event.message);
        if bytes > limit {
            return Err(LogsError::invalid(format!(
                "Log event too large: {bytes} bytes exceeds limit of {limit}"
            )));
        }
        total += bytes;
    }
    if total > limit {
        return Err(LogsError::invalid(format!(
            "Upload too large: {total} bytes exceeds limit of {limit}"
        )));
    }
    Ok(())
}

fn encoded(event: InputLogEvent, now_ms: i64) -> Encoded {
    let bytes = u64::try_from(limits::event_bytes(&event.message)).expect("an event is at most 1 MiB");
    let row = encode(&EventRow {
        ingested_ms: now_ms,
        message: event.message,
    });
    Encoded {
        timestamp_ms: event.timestamp_ms,
        bytes,
        row,
    }
}

/// Which events the group takes now, and what is said about the others. Events are in the order of time, so that the
/// old ones are a head and the new ones a tail.
fn sort_out(events: &[Encoded], group: &Group, now_ms: i64) -> (Range<usize>, Option<RejectedLogEvents>) {
    let before = |time_ms: i64| events.partition_point(|event| event.timestamp_ms < time_ms);
    let too_old = before(now_ms.saturating_sub(limits::TOO_OLD_MS));
    let expired = before(group.state.oldest_live_ms(now_ms));
    let too_new = before(now_ms.saturating_add(limits::TOO_NEW_MS).saturating_add(1));
    let rejected = RejectedLogEvents {
        too_old_log_event_end_index: (too_old > 0).then_some(too_old),
        expired_log_event_end_index: (expired > too_old).then_some(expired),
        too_new_log_event_start_index: (too_new < events.len()).then_some(too_new),
    };
    let first = too_old.max(expired).min(too_new);
    (
        first..too_new,
        Some(rejected).filter(|rejected| *rejected != RejectedLogEvents::default()),
    )
}

fn check_span(events: &[Encoded]) -> Result<(), LogsError> {
    let span_ms = match events {
        [oldest, .., newest] => newest.timestamp_ms - oldest.timestamp_ms,
        [_] | [] => 0,
    };
    if span_ms > limits::BATCH_SPAN_MS {
        let message = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        return Err(LogsError::invalid(message));
    }
    Ok(())
}

fn bytes(events: &[Encoded]) -> u64 {
    events.iter().map(|event| event.bytes).sum()
}

fn append(turn: &mut Turn<'_>, group: &mut Group, stream: &StreamRow, events: &[Encoded]) {
    let entry = encode(&TimelineRow { stream: stream.id });
    for event in events {
        let position = Position {
            timestamp_ms: event.timestamp_ms,
            number: group.state.next_event,
        };
        group.state.next_event += 1;
        turn.append(Table::Events, keys::event(stream.id, position), event.row.clone());
        turn.append(Table::Timeline, keys::event(group.id, position), entry.clone());
    }
    group.state.stored_bytes += bytes(events);
}

/// Moves the stream in the order of last events.
fn note_newest(turn: &mut Turn<'_>, group: &Group, stream: &mut StreamRow, (newest_ms, name): (i64, &str)) {
    if stream.last_event_ms.is_some_and(|last_ms| last_ms >= newest_ms) {
        return;
    }
    turn.remove(keys::recency(group.id, stream.recency_ms(), name));
    stream.last_event_ms = Some(newest_ms);
    turn.put(keys::recency(group.id, stream.recency_ms(), name), &MarkRow {});
}

/// Makes sure that expiry looks at the group when its oldest event is due, and that it looks far enough back.
fn note_oldest(turn: &mut Turn<'_>, group: &mut Group, oldest_ms: i64) {
    group.state.cleared_to = group.state.cleared_to.min(Position::before(oldest_ms));
    let due_ms = group.state.due_ms(oldest_ms);
    let known_ms = group.state.expiry_due_ms;
    if due_ms.is_some_and(|due_ms| known_ms.is_none_or(|known_ms| due_ms < known_ms)) {
        groups::schedule_expiry(turn, group, due_ms);
    }
}
