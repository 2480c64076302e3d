//! Where rows lie. Numbers are big-endian, so that the order of keys is the order of what they say.
//!
//! | table   | key                         | row                           |
//! |---------|-----------------------------|-------------------------------|
//! | catalog | `n`                         | how much there is             |
//! | catalog | `t` scope, cluster, task    | when the task ended, its size |
//! | catalog | `e` time, scope, cluster, task | its place in the order of ends |
//! | tasks   | scope, cluster, task        | when it ended, and its body   |

use super::{ClusterPath, TaskPath};
use crate::StorageError;
use crate::store::{Key, KeyRange, Record};
use serde::{Deserialize, Serialize};

/// How much the history holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TotalsRow {
    pub(super) tasks: u64,
    pub(super) bytes: u64,
}

/// What is known of a task without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadRow {
    pub(super) ended_ms: i64,
    pub(super) bytes: u64,
}

/// A row whose key says everything.
#[derive(Serialize, Deserialize)]
pub(super) struct MarkRow {}

impl TotalsRow {
    pub(super) fn take_off(&mut self, task: HeadRow) {
        self.tasks = self.tasks.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(task.bytes);
    }
}

impl Record for TotalsRow {}
impl Record for HeadRow {}
impl Record for MarkRow {}

pub(super) fn totals() -> Key<TotalsRow> {
    Key::new(b"n".to_vec())
}

pub(super) fn head(path: &[u8]) -> Key<HeadRow> {
    Key::new([b"t", path].concat())
}

pub(super) fn mark(ended_ms: i64, path: &[u8]) -> Key<MarkRow> {
    Key::new([b"e", ended_ms.to_be_bytes().as_slice(), path].concat())
}

/// All marks, the task that ended first in front.
pub(super) fn marks() -> KeyRange {
    KeyRange::prefix(b"e".to_vec())
}

/// When the task of a mark ended, and its path.
pub(super) fn marked(key: &[u8]) -> Result<(i64, &[u8]), StorageError> {
    let rest = key.get(1..).and_then(<[u8]>::split_first_chunk);
    let (time, path) = rest.ok_or_else(|| unreadable(key))?;
    Ok((i64::from_be_bytes(*time), path))
}

/// The path of a task as bytes.
pub(super) fn path(task: &TaskPath) -> Vec<u8> {
    let mut bytes = cluster(&task.cluster);
    bytes.extend_from_slice(&task.task.to_be_bytes());
    bytes
}

fn cluster(cluster: &ClusterPath) -> Vec<u8> {
    let mut bytes = cluster.scope.key_bytes();
    bytes.extend_from_slice(&cluster.name.len().to_be_bytes());
    bytes.extend_from_slice(cluster.name.as_bytes());
    bytes
}

/// The tasks of a cluster whose numbers are higher than `after`.
pub(super) fn behind(path: &ClusterPath, after: Option<u128>) -> KeyRange {
    let prefix = cluster(path);
    let all = KeyRange::prefix(prefix.clone());
    let from = match after.map(|after| after.checked_add(1)) {
        None => prefix,
        Some(Some(first)) => [prefix, first.to_be_bytes().to_vec()].concat(),
        Some(None) => all.to.clone(),
    };
    KeyRange { from, to: all.to }
}

/// The task's number at the end of a path.
pub(super) fn task(path: &[u8]) -> Result<u128, StorageError> {
    let last = path.split_last_chunk().ok_or_else(|| unreadable(path))?;
    Ok(u128::from_be_bytes(*last.1))
}

/// A row of a task: when it ended, then its body.
pub(super) fn row(ended_ms: i64, body: &[u8]) -> Vec<u8> {
    [ended_ms.to_be_bytes().as_slice(), body].concat()
}

/// When a task ended, and its body.
pub(super) fn ended(row: &[u8]) -> Result<(i64, &[u8]), StorageError> {
    let (time, body) = row.split_first_chunk().ok_or_else(|| unreadable(row))?;
    Ok((i64::from_be_bytes(*time), body))
}

fn unreadable(bytes: &[u8]) -> StorageError {
    StorageError::UnreadableRow {
        detail: format!("it is too short: {bytes:02x?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    fn web(task: u128) -> TaskPath {
        TaskPath {
            cluster: ClusterPath {
                scope: Scope::new("012345678910", "eu-west-1"),
                name: "web".to_owned(),
            },
            task,
        }
    }

    #[test]
    fn keys_say_what_they_were_made_of() {
        let path = path(&web(7));
        assert_eq!(task(&path), Ok(7));
        assert_eq!(marked(mark(5, &path).bytes()), Ok((5, path.as_slice())));
        assert_eq!(ended(&row(9, b"body")), Ok((9, &b"body"[..])));
        assert!(task(b"x").is_err() && marked(b"e").is_err() && ended(b"1234").is_err());
    }

    #[test]
    fn a_range_begins_behind_its_task_and_ends_with_its_cluster() {
        let inside = |range: &KeyRange, key: &[u8]| range.from.as_slice() <= key && key < range.to.as_slice();
        let range = behind(&web(0).cluster, Some(7));
        assert!(!inside(&range, &path(&web(7))) && inside(&range, &path(&web(8))));
        assert!(inside(&range, &path(&web(u128::MAX))));
        let mut other = web(8);
        other.cluster.name = "webs".to_owned();
        assert!(!inside(&range, &path(&other)));
        assert!(behind(&web(0).cluster, Some(u128::MAX)).is_empty());
    }
}
