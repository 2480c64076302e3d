//! The history: tasks that are over and have left the control plane's state, for as long as the operator keeps them.
//!
//! * [`HistoryStore::put`] returns when the tasks are durable. To put a task again changes nothing, so that whoever moves
//!   tasks here may repeat itself after a crash.
//! * A task is found by its path, and those of a cluster in the order of their numbers, which is the order in which the API
//!   lists them.
//! * What is older than the operator keeps is not shown any more, and deleted in slices; so is the oldest when there is more
//!   than the operator has room for.
//!
//! It does not know what is in a task: that is the caller's own text.

mod keys;

use crate::store::{Read, Row, Store, Table, Turn, View};
use crate::{RawRow, Scope, StorageError};
use keys::{HeadRow, MarkRow, TotalsRow};
use std::path::Path;

/// A cluster of tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterPath {
    /// The account and the region.
    pub scope: Scope,
    /// The cluster's name.
    pub name: String,
}

/// Where a task is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskPath {
    /// Its cluster.
    pub cluster: ClusterPath,
    /// Its number.
    pub task: u128,
}

/// A task that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedTask {
    /// Where it is found.
    pub path: TaskPath,
    /// When it ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// The caller's text.
    pub body: Vec<u8>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long after its end a task is kept, in milliseconds.
    pub keep_ms: i64,
    /// The most bytes of tasks.
    pub most_bytes: u64,
}

/// What [`HistoryStore::expire`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many tasks it deleted.
    pub deleted: usize,
    /// Whether there are more to delete.
    pub more: bool,
}

/// The tasks of all scopes in one directory.
pub struct HistoryStore {
    store: Store,
}

impl HistoryStore {
    /// Opens the history in `dir`, a directory of its own, which is created if it does not exist.
    ///
    /// # Errors
    /// [`StorageError`] when the directory is in use by another process, damaged, of a newer format, or not accessible.
    pub fn open(dir: &Path) -> Result<Self, StorageError> {
        let store = Store::open(dir, &[Table::Tasks])?;
        Ok(Self { store })
    }

    /// Keeps these tasks, each once however often it comes. Returns when they are durable.
    ///
    /// # Errors
    /// The disk's. After a failed write the history takes no further ones.
    pub fn put(&self, tasks: &[EndedTask]) -> Result<(), StorageError> {
        self.store.turn(|turn| {
            let mut totals = turn.get(&keys::totals())?.unwrap_or_default();
            for task in tasks {
                put_one(turn, &mut totals, task)?;
            }
            turn.put(keys::totals(), &totals);
            Ok(())
        })
    }

    /// The body of a task that ended at `oldest_ms` or later.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn get(&self, path: &TaskPath, oldest_ms: i64) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(row) = self.store.view().value(Table::Tasks, &keys::path(path))? else {
            return Ok(None);
        };
        let (ended_ms, body) = keys::ended(&row)?;
        Ok((ended_ms >= oldest_ms).then(|| body.to_vec()))
    }

    /// The tasks of a cluster that ended at `oldest_ms` or later, by their numbers, beginning behind `after`. Rows are read
    /// as the iterator moves.
    pub fn list(&self, cluster: &ClusterPath, after: Option<u128>, oldest_ms: i64) -> Listing {
        let rows = self.store.view().range(Table::Tasks, &keys::behind(cluster, after));
        Listing { rows, oldest_ms }
    }

    /// How many tasks there are, and how many bytes they take.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn size(&self) -> Result<(u64, u64), StorageError> {
        let totals = self.store.view().get(&keys::totals())?.unwrap_or_default();
        Ok((totals.tasks, totals.bytes))
    }

    /// Deletes up to `budget` tasks that are too old or too many, those first that ended first.
    ///
    /// # Errors
    /// [`StorageError`]; what was deleted before stays deleted.
    pub fn expire(&self, now_ms: i64, limits: Limits, budget: usize) -> Result<Swept, StorageError> {
        let oldest_ms = now_ms.saturating_sub(limits.keep_ms);
        let goes = |ended_ms: i64, totals: &TotalsRow| ended_ms < oldest_ms || totals.bytes > limits.most_bytes;
        self.delete_first(budget, goes)
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// [`StorageError`]; what was deleted before stays deleted.
    pub fn clear(&self) -> Result<(), StorageError> {
        while self.delete_first(CLEAR_SLICE, |_, _| true)?.more {}
        Ok(())
    }

    /// Hands on all rows as they lie at this moment, for a backup: table, key and value.
    ///
    /// # Errors
    /// [`StorageError`], and those of `take`.
    pub fn export<E: From<StorageError>>(
        &self,
        take: impl FnMut(&'static str, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.store.export(take)
    }

    /// Puts rows of a backup back. Returns when they are durable.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn import(&self, rows: Vec<RawRow>) -> Result<(), StorageError> {
        self.store.import(rows)
    }

    /// Deletes tasks in the order of their ends for as long as they are to go.
    fn delete_first(&self, budget: usize, goes: impl Fn(i64, &TotalsRow) -> bool) -> Result<Swept, StorageError> {
        let view = self.store.view();
        let mut swept = Swept::default();
        let first = first_marks(&view, budget.saturating_add(1))?;
        self.store.turn(|turn| {
            let mut totals = turn.get(&keys::totals())?.unwrap_or_default();
            for mark in &first {
                let (ended_ms, path) = keys::marked(&mark.key)?;
                if !goes(ended_ms, &totals) {
                    break;
                }
                if swept.deleted == budget {
                    swept.more = true;
                    break;
                }
                delete_one(turn, &mut totals, ended_ms, path)?;
                swept.deleted += 1;
            }
            if swept.deleted > 0 {
                turn.put(keys::totals(), &totals);
            }
            Ok(swept)
        })
    }
}

/// The most tasks that one turn of clearing deletes.
const CLEAR_SLICE: usize = 1000;

fn first_marks(view: &View<'_>, most: usize) -> Result<Vec<Row>, StorageError> {
    view.range(Table::Catalog, &keys::marks()).take(most).collect()
}

fn put_one(turn: &mut Turn<'_>, totals: &mut TotalsRow, task: &EndedTask) -> Result<(), StorageError> {
    let path = keys::path(&task.path);
    let row = keys::row(task.ended_ms, &task.body);
    // Of the bulk rows, none is deleted here: a batch must not name a key twice.
    if let Some(before) = turn.get(&keys::head(&path))? {
        turn.remove(keys::mark(before.ended_ms, &path));
        totals.take_off(before);
    }
    let bytes = (row.len() + path.len()) as u64;
    let ended_ms = task.ended_ms;
    turn.put(keys::head(&path), &HeadRow { ended_ms, bytes });
    turn.put(keys::mark(ended_ms, &path), &MarkRow {});
    turn.append(Table::Tasks, path, row);
    totals.tasks += 1;
    totals.bytes += bytes;
    Ok(())
}

fn delete_one(turn: &mut Turn<'_>, totals: &mut TotalsRow, ended_ms: i64, path: &[u8]) -> Result<(), StorageError> {
    turn.remove(keys::mark(ended_ms, path));
    // A task that was put once more since the mark was read has another mark now.
    if let Some(head) = turn.get(&keys::head(path))?.filter(|head| head.ended_ms == ended_ms) {
        turn.remove(keys::head(path));
        turn.delete(Table::Tasks, path.to_vec());
        totals.take_off(head);
    }
    Ok(())
}

/// Tasks in the order of their numbers: number and body of each.
pub struct Listing {
    rows: crate::store::Rows,
    oldest_ms: i64,
}

impl Iterator for Listing {
    type Item = Result<(u128, Vec<u8>), StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rows.next()?.and_then(|row| self.look(&row)) {
                Ok(None) => {}
                Ok(Some(found)) => return Some(Ok(found)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Listing {
    fn look(&self, row: &Row) -> Result<Option<(u128, Vec<u8>)>, StorageError> {
        let (ended_ms, body) = keys::ended(&row.value)?;
        let live = ended_ms >= self.oldest_ms;
        live.then(|| Ok((keys::task(&row.key)?, body.to_vec()))).transpose()
    }
}
