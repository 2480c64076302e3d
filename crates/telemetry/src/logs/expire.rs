//! Expiry: deletes what retention or a deletion has made invisible, a slice at a time.
//!
//! Groups with a retention stand in a schedule by the time when their oldest event is due, deleted groups and streams in
//! a list of their own; so a call looks only at what has something to delete. How far a group or a stream is cleared is
//! noted with every slice: looking again from the beginning would visit everything that was deleted before.

use super::groups::{self, Group};
use super::keys::{self, Position, Span};
use super::rows::{DeletedGroupRow, DeletedStreamRow, EventRow, GroupStateRow, StreamRow, TimelineRow};
use super::{Expired, LogStore, LogsError, limits};
use crate::StorageError;
use crate::store::{Key, Read, Row, Store, Table, Turn, View, decode};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// Events that are put while expiry runs are at most this much older than what it takes for the oldest live event,
/// because the callers' clocks agree better than that.
const CLOCK_SLACK_MS: i64 = 60 * 60 * 1000;

impl LogStore {
    /// Deletes up to about `budget` rows that nobody can see any more: events past their group's retention, and what is
    /// left of deleted groups and streams. Call it now and then, and soon again while it says that there is more.
    ///
    /// # Errors
    ///
    /// [`LogsError::Storage`]; what was deleted before stays deleted.
    pub fn expire(&self, now_ms: i64, budget: usize) -> Result<Expired, LogsError> {
        let _one_at_a_time = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut work = Work {
            store: &self.store,
            left: budget,
            deleted: 0,
        };
        let finished = work.clear_groups()? && work.clear_streams()? && work.expire_groups(now_ms)?;
        Ok(Expired {
            deleted: work.deleted,
            more: !finished,
        })
    }
}

/// The work of one call. Its methods return `false` when the budget has ended before the work.
struct Work<'s> {
    store: &'s Store,
    /// What is left of the budget.
    left: usize,
    deleted: usize,
}

/// Rows to deal with in one turn.
struct Slice {
    rows: Vec<Row>,
    /// Whether nothing comes after them.
    last: bool,
}

/// An event past its group's retention.
struct Past {
    position: Position,
    stream: u64,
    bytes: u64,
}

impl<'s> Work<'s> {
    /// Hands `rows` to `work` in slices.
    fn in_slices(
        &mut self,
        mut rows: impl Iterator<Item = Result<Row, StorageError>>,
        mut work: impl FnMut(Slice) -> Result<(), LogsError>,
    ) -> Result<bool, LogsError> {
        while self.left > 0 {
            let size = self.left.min(limits::EXPIRY_SLICE);
            let rows: Vec<Row> = rows.by_ref().take(size).collect::<Result<_, _>>()?;
            let (count, last) = (rows.len(), rows.len() < size);
            work(Slice { rows, last })?;
            // Finding nothing is work too.
            self.left = self.left.saturating_sub(count.max(1));
            self.deleted += count;
            if last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn clear_groups(&mut self) -> Result<bool, LogsError> {
        let view = self.store.view();
        for row in view.range(Table::Catalog, &keys::deleted_groups()) {
            let row = row?;
            if !self.clear_group(&view, keys::number(&row.key, keys::DELETED_AT)?, decode(&row.value)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Turns the streams of a deleted group into deleted streams.
    fn clear_group(&mut self, view: &View<'_>, group: u64, state: DeletedGroupRow) -> Result<bool, LogsError> {
        let store: &'s Store = self.store;
        let streams = view.range(Table::Catalog, &keys::streams_from(group, &state.cleared_to));
        self.in_slices(streams, |slice| {
            store.turn(|turn| {
                let mut cleared_to = String::new();
                for row in &slice.rows {
                    let stream: StreamRow = decode(&row.value)?;
                    let name = keys::text(&row.key, keys::STREAM_NAME_AT)?;
                    turn.remove(keys::recency(group, stream.recency_ms(), name));
                    turn.remove(keys::stream_name(stream.id));
                    turn.remove(Key::<StreamRow>::new(row.key.to_vec()));
                    turn.put(keys::deleted_stream(stream.id), &DeletedStreamRow::new(group));
                    name.clone_into(&mut cleared_to);
                }
                if slice.last {
                    turn.remove(keys::deleted_group(group));
                } else {
                    turn.put(keys::deleted_group(group), &DeletedGroupRow { cleared_to });
                }
                Ok(())
            })
        })
    }

    fn clear_streams(&mut self) -> Result<bool, LogsError> {
        let view = self.store.view();
        for row in view.range(Table::Catalog, &keys::deleted_streams()) {
            let row = row?;
            if !self.clear_stream(&view, keys::number(&row.key, keys::DELETED_AT)?, decode(&row.value)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes the events of a deleted stream.
    fn clear_stream(&mut self, view: &View<'_>, stream: u64, state: DeletedStreamRow) -> Result<bool, LogsError> {
        let store: &'s Store = self.store;
        let rest = Span {
            from: state.cleared_to,
            to: Position::before(i64::MAX),
        };
        let events = view.range(Table::Events, &rest.keys(stream));
        self.in_slices(events, |slice| {
            store.turn(|turn| {
                let mut cleared_to = state.cleared_to;
                for row in &slice.rows {
                    let position = keys::position(&row.key)?;
                    turn.delete(Table::Timeline, keys::event(state.group, position));
                    turn.delete(Table::Events, row.key.to_vec());
                    cleared_to = position.next();
                }
                if slice.last {
                    turn.remove(keys::deleted_stream(stream));
                } else {
                    turn.put(keys::deleted_stream(stream), &DeletedStreamRow { cleared_to, ..state });
                }
                Ok(())
            })
        })
    }

    fn expire_groups(&mut self, now_ms: i64) -> Result<bool, LogsError> {
        let view = self.store.view();
        for row in view.range(Table::Catalog, &keys::expiries_due(now_ms)) {
            let group = keys::number(&row?.key, keys::EXPIRY_GROUP_AT)?;
            let state = view.get(&keys::group_state(group))?.unwrap_or_default();
            if !self.expire_group(&view, Group { id: group, state }, now_ms)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes the events of `seen` that are past its retention, and notes when the next ones are due.
    fn expire_group(&mut self, view: &View<'_>, seen: Group, now_ms: i64) -> Result<bool, LogsError> {
        let store: &'s Store = self.store;
        let oldest_live_ms = seen.state.oldest_live_ms(now_ms);
        let span = Span {
            from: seen.state.cleared_to,
            to: Position::before(oldest_live_ms),
        };
        let surely_cleared = Position::before(oldest_live_ms.saturating_sub(CLOCK_SLACK_MS).max(0));
        let next_due_ms = next_due(view, &seen, oldest_live_ms)?;
        self.in_slices(view.range(Table::Timeline, &span.keys(seen.id)), |slice| {
            let past = slice
                .rows
                .iter()
                .map(|row| past(view, row))
                .collect::<Result<Vec<Past>, _>>()?;
            store.turn(|turn| {
                let Some(state) = turn.get(&keys::group_state(seen.id))? else {
                    return Ok(());
                };
                let mut group = Group { id: seen.id, state };
                delete_events(turn, &mut group, &past)?;
                // A policy that came meanwhile has its own idea of what is past.
                if group.state.retention_days == seen.state.retention_days {
                    let reached = past.last().map_or(group.state.cleared_to, |past| past.position.next());
                    group.state.cleared_to = reached.min(surely_cleared).max(group.state.cleared_to);
                    finish(turn, &mut group, (&seen.state, next_due_ms), slice.last);
                }
                turn.put(keys::group_state(group.id), &group.state);
                Ok(())
            })
        })
    }
}

fn past(view: &View<'_>, row: &Row) -> Result<Past, StorageError> {
    let position = keys::position(&row.key)?;
    let TimelineRow { stream } = decode(&row.value)?;
    let event = view.value(Table::Events, &keys::event(stream, position))?;
    let event = event.map(|bytes| decode::<EventRow>(&bytes)).transpose()?;
    let bytes = event.map_or(0, |event| limits::event_bytes(&event.message));
    Ok(Past {
        position,
        stream,
        bytes: u64::try_from(bytes).expect("an event is at most 1 MiB"),
    })
}

/// When the first event that is still live will be due.
fn next_due(view: &View<'_>, group: &Group, oldest_live_ms: i64) -> Result<Option<i64>, LogsError> {
    let live = Span {
        from: Position::before(oldest_live_ms),
        to: Position::before(i64::MAX),
    };
    let Some(row) = view.range(Table::Timeline, &live.keys(group.id)).next().transpose()? else {
        return Ok(None);
    };
    Ok(group.state.due_ms(keys::position(&row.key)?.timestamp_ms))
}

fn delete_events(turn: &mut Turn<'_>, group: &mut Group, past: &[Past]) -> Result<(), StorageError> {
    let mut freed: BTreeMap<u64, u64> = BTreeMap::new();
    for event in past {
        turn.delete(Table::Timeline, keys::event(group.id, event.position));
        turn.delete(Table::Events, keys::event(event.stream, event.position));
        *freed.entry(event.stream).or_default() += event.bytes;
    }
    for (stream, bytes) in freed {
        // A stream without a name is deleted, and its bytes were taken off then.
        let Some(name) = turn.get(&keys::stream_name(stream))? else {
            continue;
        };
        let key = keys::stream(group.id, &name.name);
        let Some(mut row) = turn.get(&key)? else { continue };
        row.stored_bytes = row.stored_bytes.saturating_sub(bytes);
        group.state.stored_bytes = group.state.stored_bytes.saturating_sub(bytes);
        turn.put(key, &row);
    }
    Ok(())
}

/// After the last slice, puts the group where it belongs in the schedule. If events came meanwhile, they may be due
/// earlier than what was seen: then the group stays due and the next call sees it again.
fn finish(turn: &mut Turn<'_>, group: &mut Group, (seen, next_due_ms): (&GroupStateRow, Option<i64>), last: bool) {
    if last && group.state.next_event == seen.next_event {
        groups::schedule_expiry(turn, group, next_due_ms);
    }
}
