//! FilterLogEvents: the events of a group that match, interleaved by time.
//!
//! One call looks at a bounded number of events. A page that is not full because of that has a token all the same, as
//! AWS's pages do.

use super::check::Checks;
use super::groups::{self, Group};
use super::keys::{self, Position, Span};
use super::rows::StreamRow;
use super::scan::{Found, FoundEvent, Merge, Scan, Stretch, Timeline, Wanted};
use super::token::{Cursor, Direction};
use super::{FilterLogEvents, FilterPattern, FilteredLogEvent, FilteredLogEventPage, LogStore, LogsError};
use super::{limits, streams};
use crate::Scope;
use crate::store::{Table, View, decode};
use std::collections::BTreeSet;
use std::rc::Rc;

impl LogStore {
    /// FilterLogEvents.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`] (also for a filter pattern that is not supported),
    /// [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn filter_log_events(
        &self,
        scope: &Scope,
        request: &FilterLogEvents,
        now_ms: i64,
    ) -> Result<FilteredLogEventPage, LogsError> {
        check(request)?;
        let pattern = FilterPattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
        let token = request.next_token.as_deref().map(Cursor::from_token).transpose()?;
        let view = self.store.view();
        let group = groups::find(&view, scope, &request.log_group_name)?;
        let stretch = stretch(request, group.state.oldest_readable_ms(now_ms), token);
        let mut scan = match wanted(&view, &group, request)? {
            Some(wanted) => Scan::Merge(Merge::new(&view, wanted, stretch)?),
            None => Scan::Timeline(Timeline::new(&view, group.id, prefix(request), stretch)),
        };
        let limit = usize::try_from(request.limit.unwrap_or(limits::EVENTS_LIMIT)).expect("the limit is checked");
        let mut page = Page {
            limit,
            ..Page::default()
        };
        while let Some(found) = scan.next()? {
            let position = found.position;
            if !page.take(found, &pattern) {
                page.next_token = Some(cursor_at(position, stretch.direction).to_token());
                break;
            }
        }
        Ok(FilteredLogEventPage {
            events: page.events,
            next_token: page.next_token,
        })
    }
}

fn prefix(request: &FilterLogEvents) -> &str {
    request.log_stream_name_prefix.as_deref().unwrap_or_default()
}

fn check(request: &FilterLogEvents) -> Result<(), LogsError> {
    let mut checks = Checks::default().group("logGroupName", &request.log_group_name);
    if !request.log_stream_names.is_empty() {
        checks = checks.count("logStreamNames", request.log_stream_names.len(), limits::NAMED_STREAMS);
    }
    for name in &request.log_stream_names {
        checks = checks.stream("logStreamNames", name);
    }
    if let Some(prefix) = &request.log_stream_name_prefix {
        checks = checks.stream("logStreamNamePrefix", prefix);
    }
    checks
        .time("startTime", request.start_time_ms)
        .time("endTime", request.end_time_ms)
        .range("limit", request.limit, (1, limits::EVENTS_LIMIT))
        .done()?;
    check_combinations(request)
}

fn check_combinations(request: &FilterLogEvents) -> Result<(), LogsError> {
    if !request.log_stream_names.is_empty() && request.log_stream_name_prefix.is_some() {
        let message = "logStreamNames and logStreamNamePrefix cannot be specified together.";
        return Err(LogsError::invalid(message));
    }
    let backward = request.start_from_head == Some(false) && request.next_token.is_none();
    if backward
        && request
            .start_time_ms
            .is_some_and(|start_ms| start_ms < limits::BACKWARD_SINCE_MS)
    {
        let message = "startFromHead can be false only if startTime is on or after Jan 1, 2024 00:00:00 UTC.";
        return Err(LogsError::invalid(message));
    }
    Ok(())
}

/// What the request's times, the group's retention and the token leave to scan.
fn stretch(request: &FilterLogEvents, oldest_ms: i64, token: Option<Cursor>) -> Stretch {
    let from_ms = request.start_time_ms.unwrap_or(0).max(oldest_ms);
    let to_ms = request.end_time_ms.map_or(i64::MAX, |end_ms| end_ms.saturating_add(1));
    let mut span = Span {
        from: Position::before(from_ms),
        to: Position::before(to_ms),
    };
    let asked = if request.start_from_head == Some(false) {
        Direction::Backward
    } else {
        Direction::Forward
    };
    match token {
        Some(Cursor {
            direction: Direction::Forward,
            gap,
        }) => span.from = span.from.max(gap),
        Some(Cursor {
            direction: Direction::Backward,
            gap,
        }) => span.to = span.to.min(gap),
        None => {}
    }
    Stretch {
        span,
        direction: token.map_or(asked, |token| token.direction),
    }
}

/// The streams whose events are wanted, or none if they are too many to read side by side.
fn wanted(view: &View<'_>, group: &Group, request: &FilterLogEvents) -> Result<Option<Vec<Wanted>>, LogsError> {
    let names: BTreeSet<&String> = request.log_stream_names.iter().collect();
    if !names.is_empty() {
        let wanted = |name: &String| {
            Ok(Wanted {
                id: streams::find(view, group, name)?.id,
                name: Rc::from(name.as_str()),
            })
        };
        return names
            .into_iter()
            .map(wanted)
            .collect::<Result<_, LogsError>>()
            .map(Some);
    }
    let mut found = Vec::new();
    for row in view.range(Table::Catalog, &keys::streams(group.id, prefix(request))) {
        if found.len() == limits::MERGED_STREAMS {
            return Ok(None);
        }
        let row = row?;
        let stream: StreamRow = decode(&row.value)?;
        found.push(Wanted {
            id: stream.id,
            name: Rc::from(keys::text(&row.key, keys::STREAM_NAME_AT)?),
        });
    }
    Ok(Some(found))
}

/// Where the next page begins: with the event at `position`.
fn cursor_at(position: Position, direction: Direction) -> Cursor {
    let gap = match direction {
        Direction::Forward => position,
        Direction::Backward => position.next(),
    };
    Cursor { direction, gap }
}

/// A page in the making.
#[derive(Default)]
struct Page {
    limit: usize,
    events: Vec<FilteredLogEvent>,
    bytes: usize,
    examined: usize,
    examined_bytes: usize,
    next_token: Option<String>,
}

impl Page {
    /// Looks at what was found and keeps it if it matches. Says `false` if it must be looked at on the next page.
    fn take(&mut self, found: Found, pattern: &FilterPattern) -> bool {
        let worked_enough = self.examined == limits::EXAMINED_EVENTS || self.examined_bytes >= limits::EXAMINED_BYTES;
        if worked_enough || self.events.len() == self.limit {
            return false;
        }
        self.examined += 1;
        let Some(event) = found.event else { return true };
        let bytes = limits::event_bytes(&event.row.message);
        self.examined_bytes += bytes;
        if !pattern.matches(&event.row.message) {
            return true;
        }
        if self.bytes + bytes > limits::BATCH_BYTES {
            return false;
        }
        self.bytes += bytes;
        self.events.push(output(found.position, event));
        true
    }
}

fn output(position: Position, event: FoundEvent) -> FilteredLogEvent {
    FilteredLogEvent {
        event_id: format!(
            "{:017}{:019}{:020}",
            position.timestamp_ms, event.stream, position.number
        ),
        log_stream_name: event.name.to_string(),
        timestamp_ms: position.timestamp_ms,
        message: event.row.message,
        ingestion_time_ms: event.row.ingested_ms,
    }
}
