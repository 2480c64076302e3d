//! Group commit: turns run one after the other in memory, and whoever comes first makes all waiting turns durable.
//!
//! A turn holds the lock on [`Pending`] for as long as it decides, never for a disk write. Then its thread waits for the
//! committer's lock: while one batch is being synced, the turns that come meanwhile gather in the next batch, and the
//! first thread that gets the lock commits them all. The tables show a batch only after its sync, and every turn waits
//! for everything that it has seen, so that no answer, not even a refusal, tells of something that a power cut undoes.
//!
//! After a failed commit nothing is written any more: what memory believes and what the disk holds may differ.

use super::turn::Staged;
use super::{StorageError, Table, Tables, Turn, View};
use fjall::{Database, PersistMode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The open store.
pub(crate) struct Store {
    pub(super) database: Database,
    pub(super) tables: Tables,
    pub(super) pending: Mutex<Pending>,
    /// Held by the thread that is committing a batch.
    pub(super) committer: Mutex<()>,
}

/// Turns that are not durable yet.
#[derive(Default)]
pub(super) struct Pending {
    /// The batch that takes new turns.
    filling: Staged,
    /// The batch that is being made durable; empty when none is.
    committing: Arc<Staged>,
    /// How many batches were closed: the number of the batch that is filling.
    closed: u64,
    /// How many batches are durable.
    durable: u64,
    /// Why no more turns are taken.
    failed: Option<StorageError>,
}

impl Store {
    /// Everything that is durable now.
    pub(crate) fn view(&self) -> View<'_> {
        View::new(self.database.snapshot(), &self.tables)
    }

    /// Why nothing is written any more, if a write has failed.
    pub(crate) fn failed(&self) -> Option<StorageError> {
        lock(&self.pending).failed.clone()
    }

    /// Runs `decide` with exclusive access, and returns when everything it has seen and written is durable. When
    /// `decide` returns an error, nothing that it wrote counts.
    pub(crate) fn turn<T, E: From<StorageError>>(
        &self,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (answer, batches) = self.decide(decide)?;
        self.make_durable(batches)?;
        answer
    }

    /// The answer of one turn, and how many batches must be durable before it may be told.
    fn decide<T, E>(
        &self,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, E>,
    ) -> Result<(Result<T, E>, u64), StorageError> {
        let mut pending = lock(&self.pending);
        if let Some(failed) = &pending.failed {
            return Err(failed.clone());
        }
        let mut turn = Turn::new(&self.tables, [&pending.filling, &pending.committing]);
        let answer = decide(&mut turn);
        let staged = turn.into_staged();
        if answer.is_ok() {
            pending.filling.absorb(staged);
        }
        let unfinished = u64::from(!pending.filling.is_empty());
        Ok((answer, pending.closed + unfinished))
    }

    fn make_durable(&self, batches: u64) -> Result<(), StorageError> {
        if lock(&self.pending).durable >= batches {
            return Ok(());
        }
        let _committer = lock(&self.committer);
        let Some(batch) = self.close_batch(batches)? else {
            return Ok(());
        };
        let outcome = self.write(&batch);
        let mut pending = lock(&self.pending);
        pending.committing = Arc::default();
        match &outcome {
            Ok(()) => pending.durable = pending.closed,
            Err(error) => pending.failed = Some(error.clone()),
        }
        outcome
    }

    /// The batch to write so that `batches` are durable, or none if they are.
    fn close_batch(&self, batches: u64) -> Result<Option<Arc<Staged>>, StorageError> {
        let mut pending = lock(&self.pending);
        if pending.durable >= batches {
            return Ok(None);
        }
        if let Some(failed) = &pending.failed {
            return Err(failed.clone());
        }
        pending.committing = Arc::new(std::mem::take(&mut pending.filling));
        pending.closed += 1;
        Ok(Some(Arc::clone(&pending.committing)))
    }

    fn write(&self, staged: &Staged) -> Result<(), StorageError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in &staged.catalog {
            match value {
                Some(value) => batch.insert(self.tables.of(Table::Catalog), key.as_slice(), value.clone()),
                None => batch.remove(self.tables.of(Table::Catalog), key.as_slice()),
            }
        }
        for (table, key, value) in &staged.bulk {
            match value {
                Some(value) => batch.insert(self.tables.of(*table), key.as_slice(), value.as_slice()),
                None => batch.remove(self.tables.of(*table), key.as_slice()),
            }
        }
        batch.commit().map_err(|error| StorageError::running(&error))
    }
}

/// The lock, also when a thread has panicked with it: turns stage elsewhere, so that nothing here is ever half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Read, Record};
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Counter {
        count: u64,
    }
    impl Record for Counter {}

    fn key() -> Key<Counter> {
        Key::new(b"counter".to_vec())
    }

    fn increment(store: &Store) -> Result<u64, StorageError> {
        store.turn(|turn| {
            let count = turn.get(&key())?.map_or(0, |row| row.count) + 1;
            turn.put(key(), &Counter { count });
            Ok(count)
        })
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), &[]).unwrap();
        (dir, store)
    }

    #[test]
    fn waiting_turns_share_one_commit_and_none_is_lost() {
        let (_dir, store) = store();
        std::thread::scope(|scope| {
            let first_commit = lock(&store.committer);
            let turns: Vec<_> = (0..16).map(|_| scope.spawn(|| increment(&store))).collect();
            let staged = || {
                lock(&store.pending)
                    .filling
                    .catalog
                    .get(&b"counter"[..])
                    .cloned()
                    .flatten()
            };
            while staged().is_none_or(|bytes| super::super::decode::<Counter>(&bytes).unwrap().count < 16) {
                std::thread::yield_now();
            }
            assert!(
                store.view().get(&key()).unwrap().is_none(),
                "nothing shows before it is durable"
            );
            let before = lock(&store.pending).durable;
            drop(first_commit);
            let mut counts: Vec<u64> = turns.into_iter().map(|turn| turn.join().unwrap().unwrap()).collect();
            counts.sort_unstable();
            assert_eq!(counts, (1..=16).collect::<Vec<_>>());
            assert_eq!(lock(&store.pending).durable, before + 1);
        });
        assert_eq!(store.view().get(&key()).unwrap().unwrap().count, 16);
    }

    #[test]
    fn a_refused_turn_writes_nothing() {
        let (_dir, store) = store();
        increment(&store).unwrap();
        let refused: Result<(), StorageError> = store.turn(|turn| {
            turn.put(key(), &Counter { count: 99 });
            Err(StorageError::UnreadableRow {
                detail: "refused".to_owned(),
            })
        });
        assert!(refused.is_err());
        assert_eq!(increment(&store), Ok(2));
    }

    #[test]
    fn a_turn_that_panics_leaves_the_store_usable() {
        let (_dir, store) = store();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.turn(|turn| -> Result<(), StorageError> {
                turn.put(key(), &Counter { count: 99 });
                panic!("on purpose");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(increment(&store), Ok(1));
    }

    #[test]
    fn after_a_failed_commit_nothing_is_taken() {
        let (_dir, store) = store();
        lock(&store.pending).failed = Some(StorageError::Io {
            detail: "no space left".to_owned(),
        });
        assert_eq!(
            increment(&store),
            Err(StorageError::Io {
                detail: "no space left".to_owned()
            })
        );
    }
}
