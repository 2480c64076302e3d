//! Where rows lie. Numbers are big-endian, so that the order of keys is the order of what they say.
//!
//! | table    | key                                  | row                                   |
//! |----------|--------------------------------------|---------------------------------------|
//! | catalog  | `i`                                  | the last number given                 |
//! | catalog  | `s` scope                            | counts of the scope                   |
//! | catalog  | `g` scope, name                      | a group                               |
//! | catalog  | `u` group                            | what changes about a group            |
//! | catalog  | `t` group, name                      | a stream                              |
//! | catalog  | `n` stream                           | its name                              |
//! | catalog  | `r` group, time, name                | a stream in the order of last events  |
//! | catalog  | `e` time, group                      | when a group's oldest event expires   |
//! | catalog  | `d` group, `f` stream                | deleted, with rows left               |
//! | events   | stream, time, number                 | an event                              |
//! | timeline | group, time, number                  | whose event it is                     |
//!
//! Names stand last in their keys and need no end mark. Numbers of groups and streams are never given twice.

use super::rows::{
    DeletedGroupRow, DeletedStreamRow, GroupRow, GroupStateRow, LastIdRow, MarkRow, ScopeRow, StreamNameRow, StreamRow,
};
use crate::Scope;
use crate::StorageError;
use crate::store::{Key, KeyRange};
use serde::{Deserialize, Serialize};

/// A place in a stream or in a timeline: the gap before the event of this time and number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) timestamp_ms: i64,
    pub(super) number: u64,
}

impl Position {
    /// The gap before all events of `timestamp_ms`.
    pub(super) fn before(timestamp_ms: i64) -> Self {
        Self {
            timestamp_ms,
            number: 0,
        }
    }

    /// The gap after the event whose gap this is.
    pub(super) fn next(self) -> Self {
        Self {
            number: self.number.saturating_add(1),
            ..self
        }
    }
}

/// Events of one owner (a stream, or a group's timeline) from one gap to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Position,
    pub(super) to: Position,
}

impl Span {
    pub(super) fn keys(self, owner: u64) -> KeyRange {
        KeyRange {
            from: event(owner, self.from),
            to: event(owner, self.to),
        }
    }
}

pub(super) fn last_id() -> Key<LastIdRow> {
    Key::new(b"i".to_vec())
}

pub(super) fn scope(scope: &Scope) -> Key<ScopeRow> {
    Key::new(join(b's', &[&scope.key_bytes()]))
}

pub(super) fn group(scope: &Scope, name: &str) -> Key<GroupRow> {
    Key::new(join(b'g', &[&scope.key_bytes(), name.as_bytes()]))
}

/// The groups of a scope whose names start with `prefix`, and how long the key is before the name.
pub(super) fn groups(scope: &Scope, prefix: &str) -> (KeyRange, usize) {
    let scope_bytes = scope.key_bytes();
    (
        KeyRange::prefix(join(b'g', &[&scope_bytes, prefix.as_bytes()])),
        1 + scope_bytes.len(),
    )
}

pub(super) fn all_groups() -> KeyRange {
    KeyRange::prefix(b"g".to_vec())
}

/// The counts that a group's key belongs to.
pub(super) fn scope_of_group(key: &[u8]) -> Result<Key<ScopeRow>, StorageError> {
    let length = |at| usize::try_from(number(key, at)?).map_err(|_| unreadable(key));
    let region_at = 1 + 8 + length(1)?;
    let name_at = region_at + 8 + length(region_at)?;
    let scope_bytes = key.get(1..name_at).ok_or_else(|| unreadable(key))?;
    Ok(Key::new(join(b's', &[scope_bytes])))
}

pub(super) fn group_state(group: u64) -> Key<GroupStateRow> {
    Key::new(join(b'u', &[&group.to_be_bytes()]))
}

pub(super) fn stream(group: u64, name: &str) -> Key<StreamRow> {
    Key::new(join(b't', &[&group.to_be_bytes(), name.as_bytes()]))
}

/// The streams of a group whose names start with `prefix`.
pub(super) fn streams(group: u64, prefix: &str) -> KeyRange {
    KeyRange::prefix(stream(group, prefix).into_bytes())
}

/// The streams of a group from `name` on.
pub(super) fn streams_from(group: u64, name: &str) -> KeyRange {
    KeyRange {
        from: stream(group, name).into_bytes(),
        ..streams(group, "")
    }
}

/// How long a stream's key is before the name.
pub(super) const STREAM_NAME_AT: usize = 1 + 8;

pub(super) fn stream_name(stream: u64) -> Key<StreamNameRow> {
    Key::new(join(b'n', &[&stream.to_be_bytes()]))
}

pub(super) fn recency(group: u64, last_event_ms: i64, name: &str) -> Key<MarkRow> {
    Key::new(join(
        b'r',
        &[&group.to_be_bytes(), &last_event_ms.to_be_bytes(), name.as_bytes()],
    ))
}

/// The streams of a group in the order of their last events.
pub(super) fn recencies(group: u64) -> KeyRange {
    KeyRange::prefix(join(b'r', &[&group.to_be_bytes()]))
}

/// How long a recency's key is before the name.
pub(super) const RECENCY_NAME_AT: usize = 1 + 8 + 8;

pub(super) fn expiry(due_ms: i64, group: u64) -> Key<MarkRow> {
    Key::new(join(b'e', &[&due_ms.to_be_bytes(), &group.to_be_bytes()]))
}

/// The groups that have something to expire at `now_ms`.
pub(super) fn expiries_due(now_ms: i64) -> KeyRange {
    KeyRange {
        from: join(b'e', &[]),
        to: join(b'e', &[&now_ms.saturating_add(1).to_be_bytes()]),
    }
}

/// How long an expiry's key is before the group.
pub(super) const EXPIRY_GROUP_AT: usize = 1 + 8;

pub(super) fn deleted_group(group: u64) -> Key<DeletedGroupRow> {
    Key::new(join(b'd', &[&group.to_be_bytes()]))
}

pub(super) fn deleted_groups() -> KeyRange {
    KeyRange::prefix(b"d".to_vec())
}

pub(super) fn deleted_stream(stream: u64) -> Key<DeletedStreamRow> {
    Key::new(join(b'f', &[&stream.to_be_bytes()]))
}

pub(super) fn deleted_streams() -> KeyRange {
    KeyRange::prefix(b"f".to_vec())
}

/// How long the key of something deleted is before its number.
pub(super) const DELETED_AT: usize = 1;

/// The key of an event in its stream or in its group's timeline.
pub(super) fn event(owner: u64, position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(&owner.to_be_bytes());
    key.extend_from_slice(&position.timestamp_ms.to_be_bytes());
    key.extend_from_slice(&position.number.to_be_bytes());
    key
}

/// The position in an event's key.
pub(super) fn position(key: &[u8]) -> Result<Position, StorageError> {
    let timestamp_ms = i64::from_be_bytes(eight(key, 8)?);
    Ok(Position {
        timestamp_ms,
        number: number(key, 16)?,
    })
}

/// The number at `at` in a key.
pub(super) fn number(key: &[u8], at: usize) -> Result<u64, StorageError> {
    Ok(u64::from_be_bytes(eight(key, at)?))
}

/// The text from `at` to the end of a key.
pub(super) fn text(key: &[u8], at: usize) -> Result<&str, StorageError> {
    key.get(at..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or_else(|| unreadable(key))
}

fn eight(key: &[u8], at: usize) -> Result<[u8; 8], StorageError> {
    key.get(at..)
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .ok_or_else(|| unreadable(key))
}

fn unreadable(key: &[u8]) -> StorageError {
    StorageError::UnreadableRow {
        detail: format!("its key is {key:02x?}"),
    }
}

fn join(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![tag];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_the_order_of_time_and_arrival() {
        let at = |timestamp_ms, number| event(7, Position { timestamp_ms, number });
        let sorted = [at(0, 5), at(1, 0), at(255, 9), at(256, 1), at(256, 2), at(i64::MAX, 0)];
        assert!(sorted.is_sorted());
        assert_eq!(
            position(&at(256, 2)).unwrap(),
            Position {
                timestamp_ms: 256,
                number: 2
            }
        );
        let all = Span {
            from: Position::before(0),
            to: Position::before(i64::MAX),
        }
        .keys(7);
        assert!(all.from == at(0, 0) && at(i64::MAX - 1, u64::MAX) < all.to);
    }

    #[test]
    fn scopes_do_not_run_into_each_other() {
        let (near, _) = groups(&Scope::new("1", "eu"), "");
        let far = group(&Scope::new("1", "eu-1"), "a");
        assert!(!(near.from.as_slice() <= far.bytes() && far.bytes() < near.to.as_slice()));
    }

    #[test]
    fn names_come_back_out_of_keys() {
        let eu = Scope::new("012345678910", "eu-central-1");
        let (range, at) = groups(&eu, "/ecs");
        assert_eq!(text(&range.from, at).unwrap(), "/ecs");
        assert_eq!(
            scope_of_group(group(&eu, "/ecs").bytes()).unwrap().bytes(),
            scope(&eu).bytes()
        );
        assert_eq!(text(stream(3, "web/1").bytes(), STREAM_NAME_AT).unwrap(), "web/1");
        assert_eq!(text(recency(3, 9, "web/1").bytes(), RECENCY_NAME_AT).unwrap(), "web/1");
        assert_eq!(number(expiry(5, 77).bytes(), EXPIRY_GROUP_AT).unwrap(), 77);
        assert!(position(b"short").is_err() && text(b"t", 9).is_err());
    }
}
