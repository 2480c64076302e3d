//! GetLogEvents: a range read of one stream, from either end.

use super::check::Checks;
use super::keys::{Position, Span};
use super::rows::EventRow;
use super::token::{Cursor, Direction};
use super::{GetLogEvents, LogEventPage, LogStore, LogsError, OutputLogEvent, groups, keys, limits, streams};
use crate::store::{Row, Rows, Table, decode};
use crate::{Scope, StorageError};

impl LogStore {
    /// GetLogEvents.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn get_log_events(
        &self,
        scope: &Scope,
        request: &GetLogEvents,
        now_ms: i64,
    ) -> Result<LogEventPage, LogsError> {
        check(request)?;
        let token = request.next_token.as_deref().map(Cursor::from_token).transpose()?;
        let limit = usize::try_from(request.limit.unwrap_or(limits::EVENTS_LIMIT)).expect("the limit is checked");
        let view = self.store.view();
        let group = groups::find(&view, scope, &request.stream.log_group_name)?;
        let stream = streams::find(&view, &group, &request.stream.log_stream_name)?;
        let window = window(request, group.state.oldest_readable_ms(now_ms));
        let cursor = token.unwrap_or_else(|| first_cursor(request.start_from_head, window));
        let rows = view.range(Table::Events, &remaining(window, cursor).keys(stream.id));
        let found = read_page(rows, cursor.direction, limit)?;
        Ok(answer(found, token.map_or(window.from, |token| token.gap)))
    }
}

fn check(request: &GetLogEvents) -> Result<(), LogsError> {
    let checks: Checks = streams::check_path(&request.stream);
    checks
        .time("startTime", request.start_time_ms)
        .time("endTime", request.end_time_ms)
        .range("limit", request.limit, (1, limits::EVENTS_LIMIT))
        .done()
}

/// What the request's times and the group's retention let through.
fn window(request: &GetLogEvents, oldest_ms: i64) -> Span {
    let from_ms = request.start_time_ms.unwrap_or(0).max(oldest_ms);
    Span {
        from: Position::before(from_ms),
        to: Position::before(request.end_time_ms.unwrap_or(i64::MAX)),
    }
}

fn first_cursor(start_from_head: bool, window: Span) -> Cursor {
    if start_from_head {
        Cursor {
            direction: Direction::Forward,
            gap: window.from,
        }
    } else {
        Cursor {
            direction: Direction::Backward,
            gap: window.to,
        }
    }
}

fn remaining(window: Span, cursor: Cursor) -> Span {
    match cursor.direction {
        Direction::Forward => Span {
            from: window.from.max(cursor.gap),
            ..window
        },
        Direction::Backward => Span {
            to: window.to.min(cursor.gap),
            ..window
        },
    }
}

/// As many events as the limit and the size of an answer allow, in the order of time.
fn read_page(rows: Rows, direction: Direction, limit: usize) -> Result<Vec<(Position, OutputLogEvent)>, StorageError> {
    let mut rows: Box<dyn Iterator<Item = _>> = match direction {
        Direction::Forward => Box::new(rows),
        Direction::Backward => Box::new(rows.rev()),
    };
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < limit {
        let Some(row) = rows.next() else { break };
        let (position, event) = output(&row?)?;
        bytes += limits::event_bytes(&event.message);
        if bytes > limits::BATCH_BYTES {
            break;
        }
        found.push((position, event));
    }
    if direction == Direction::Backward {
        found.reverse();
    }
    Ok(found)
}

fn output(row: &Row) -> Result<(Position, OutputLogEvent), StorageError> {
    let position = keys::position(&row.key)?;
    let EventRow { ingested_ms, message } = decode(&row.value)?;
    let event = OutputLogEvent {
        timestamp_ms: position.timestamp_ms,
        message,
        ingestion_time_ms: ingested_ms,
    };
    Ok((position, event))
}

/// The page, with tokens at its two ends. A page without events has both ends where the reader stood, so that the
/// token that led there comes back.
fn answer(found: Vec<(Position, OutputLogEvent)>, stood_at: Position) -> LogEventPage {
    let first = found.first().map_or(stood_at, |(position, _)| *position);
    let end = found.last().map_or(stood_at, |(position, _)| position.next());
    LogEventPage {
        events: found.into_iter().map(|(_, event)| event).collect(),
        next_forward_token: Cursor {
            direction: Direction::Forward,
            gap: end,
        }
        .to_token(),
        next_backward_token: Cursor {
            direction: Direction::Backward,
            gap: first,
        }
        .to_token(),
    }
}
