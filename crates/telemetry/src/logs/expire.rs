//! Expiry: deletes what retention or a deletion has made invisible, a slice at a time.
//!
//! Groups with a retention stand in a schedule by the time when their oldest event is due, deleted groups and streams in
//! a list of their own; so a call looks only at what has something to delete.

use super::groups::{self, Group};
use super::keys::{self, Position, Span};
use super::rows::{DeletedStreamRow, EventRow, GroupStateRow, StreamRow, TimelineRow};
use super::{Expired, LogStore, LogsError, limits};
use crate::store::{Key, KeyRange, Read, Row, Table, Turn, View, decode};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// What may still be deleted in this call.
struct Budget {
    left: usize,
    deleted: usize,
}

impl Budget {
    fn slice(&self) -> usize {
        self.left.min(limits::EXPIRY_SLICE)
    }

    fn spend(&mut self, rows: usize) {
        self.left = self.left.saturating_sub(rows);
        self.deleted += rows;
    }
}

/// An event past its group's retention.
struct Past {
    position: Position,
    stream: u64,
    bytes: u64,
}

impl LogStore {
    /// Deletes up to about `budget` rows that nobody can see any more: events past their group's retention, and what is
    /// left of deleted groups and streams. Call it now and then, and soon again while it says that there is more.
    ///
    /// # Errors
    ///
    /// [`LogsError::Storage`]; what was deleted before stays deleted.
    pub fn expire(&self, now_ms: i64, budget: usize) -> Result<Expired, LogsError> {
        let _one_at_a_time = self.expiring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut budget = Budget {
            left: budget,
            deleted: 0,
        };
        while budget.left > 0 {
            if !self.expire_something(now_ms, &mut budget)? {
                return Ok(Expired {
                    deleted: budget.deleted,
                    more: false,
                });
            }
        }
        Ok(Expired {
            deleted: budget.deleted,
            more: true,
        })
    }

    /// One turn's worth of work, or `false` if there is nothing to do.
    fn expire_something(&self, now_ms: i64, budget: &mut Budget) -> Result<bool, LogsError> {
        let view = self.store.view();
        if let Some(row) = first(&view, &keys::deleted_groups())? {
            self.clear_group(&view, keys::number(&row.key, keys::DELETED_AT)?, budget)?;
        } else if let Some(row) = first(&view, &keys::deleted_streams())? {
            let DeletedStreamRow { group } = decode(&row.value)?;
            self.clear_stream(&view, (group, keys::number(&row.key, keys::DELETED_AT)?), budget)?;
        } else if let Some(row) = first(&view, &keys::expiries_due(now_ms))? {
            self.expire_events(&view, keys::number(&row.key, keys::EXPIRY_GROUP_AT)?, (now_ms, budget))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Turns some streams of a deleted group into deleted streams.
    fn clear_group(&self, view: &View<'_>, group: u64, budget: &mut Budget) -> Result<(), LogsError> {
        let slice = budget.slice();
        let rows = view.range(Table::Catalog, &keys::streams(group, ""));
        let streams: Vec<Row> = rows.take(slice).collect::<Result<_, _>>()?;
        self.store.turn(|turn| {
            for row in &streams {
                let stream: StreamRow = decode(&row.value)?;
                let name = keys::text(&row.key, keys::STREAM_NAME_AT)?;
                turn.remove(keys::recency(group, stream.recency_ms(), name));
                turn.remove(keys::stream_name(stream.id));
                turn.remove(Key::<StreamRow>::new(row.key.to_vec()));
                turn.put(keys::deleted_stream(stream.id), &DeletedStreamRow { group });
            }
            if streams.len() < slice {
                turn.remove(keys::deleted_group(group));
            }
            Ok::<_, LogsError>(())
        })?;
        budget.spend(streams.len().max(1));
        Ok(())
    }

    /// Deletes some events of a deleted stream.
    fn clear_stream(&self, view: &View<'_>, (group, stream): (u64, u64), budget: &mut Budget) -> Result<(), LogsError> {
        let slice = budget.slice();
        let rows = view.range(Table::Events, &keys::events(stream));
        let events: Vec<Row> = rows.take(slice).collect::<Result<_, _>>()?;
        self.store.turn(|turn| {
            for row in &events {
                turn.delete(Table::Timeline, keys::event(group, keys::position(&row.key)?));
                turn.delete(Table::Events, row.key.to_vec());
            }
            if events.len() < slice {
                turn.remove(keys::deleted_stream(stream));
            }
            Ok::<_, LogsError>(())
        })?;
        budget.spend(events.len().max(1));
        Ok(())
    }

    /// Deletes some events that are past the retention of their group, and notes when the next ones are due.
    fn expire_events(
        &self,
        view: &View<'_>,
        group: u64,
        (now_ms, budget): (i64, &mut Budget),
    ) -> Result<(), LogsError> {
        let seen = view.get(&keys::group_state(group))?.unwrap_or_default();
        let oldest_live_ms = seen.oldest_live_ms(now_ms);
        let past = past_events(view, group, oldest_live_ms, budget.slice())?;
        let finished = past.len() < budget.slice();
        let next_due_ms = next_due(view, group, (oldest_live_ms, &seen))?;
        self.store.turn(|turn| {
            let Some(state) = turn.get(&keys::group_state(group))? else {
                return Ok(());
            };
            let mut group = Group { id: group, state };
            delete_events(turn, &mut group, &past)?;
            // Events or a policy that came meanwhile may be due earlier: then the group stays due and is seen again.
            let unchanged =
                group.state.next_event == seen.next_event && group.state.retention_days == seen.retention_days;
            if finished && unchanged {
                groups::schedule_expiry(turn, &mut group, next_due_ms);
            }
            turn.put(keys::group_state(group.id), &group.state);
            Ok::<_, LogsError>(())
        })?;
        budget.spend(past.len().max(1));
        Ok(())
    }
}

fn first(view: &View<'_>, range: &KeyRange) -> Result<Option<Row>, LogsError> {
    Ok(view.range(Table::Catalog, range).next().transpose()?)
}

fn past_events(view: &View<'_>, group: u64, oldest_live_ms: i64, slice: usize) -> Result<Vec<Past>, LogsError> {
    let span = Span {
        from: Position::before(0),
        to: Position::before(oldest_live_ms),
    };
    let mut past = Vec::new();
    for row in view.range(Table::Timeline, &span.keys(group)).take(slice) {
        let row = row?;
        let position = keys::position(&row.key)?;
        let TimelineRow { stream } = decode(&row.value)?;
        let event = view.value(Table::Events, &keys::event(stream, position))?;
        let message = event
            .map(|bytes| decode::<EventRow>(&bytes))
            .transpose()?
            .map(|event| event.message);
        let bytes = message.map_or(0, |message| limits::event_bytes(&message));
        past.push(Past {
            position,
            stream,
            bytes: u64::try_from(bytes).expect("an event is at most 1 MiB"),
        });
    }
    Ok(past)
}

/// When the first event that is still live will be due.
fn next_due(
    view: &View<'_>,
    group: u64,
    (oldest_live_ms, state): (i64, &GroupStateRow),
) -> Result<Option<i64>, LogsError> {
    let Some(days) = state.retention_days else {
        return Ok(None);
    };
    let live = Span {
        from: Position::before(oldest_live_ms),
        to: Position::before(i64::MAX),
    };
    let Some(row) = view.range(Table::Timeline, &live.keys(group)).next().transpose()? else {
        return Ok(None);
    };
    let oldest_ms = keys::position(&row.key)?.timestamp_ms;
    Ok(Some(
        oldest_ms
            .saturating_add(days.saturating_mul(limits::DAY_MS))
            .saturating_add(1),
    ))
}

fn delete_events(turn: &mut Turn<'_>, group: &mut Group, past: &[Past]) -> Result<(), LogsError> {
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
