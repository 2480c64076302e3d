//! One turn: reads that see all earlier turns, and writes that count only when the turn succeeds.

use super::{Key, Read, Record, StorageError, Table, Tables, encode};
use fjall::Slice;
use std::collections::BTreeMap;

/// Writes that belong together.
#[derive(Default)]
pub(super) struct Staged {
    /// The newest bytes of catalog rows; `None` is a deletion. Later turns read them here until they are durable.
    pub(super) catalog: BTreeMap<Vec<u8>, Option<Slice>>,
    /// Bulk writes, which no turn reads back; `None` is a deletion.
    pub(super) bulk: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Staged {
    pub(super) fn is_empty(&self) -> bool {
        self.catalog.is_empty() && self.bulk.is_empty()
    }

    /// Puts the writes of a later turn on top.
    pub(super) fn absorb(&mut self, later: Staged) {
        self.catalog.extend(later.catalog);
        self.bulk.extend(later.bulk);
    }
}

/// What one turn sees and what it writes.
pub(crate) struct Turn<'a> {
    tables: &'a Tables,
    /// Earlier turns that are not in the tables yet, the newest first.
    earlier: [&'a Staged; 2],
    staged: Staged,
}

impl<'a> Turn<'a> {
    pub(super) fn new(tables: &'a Tables, earlier: [&'a Staged; 2]) -> Self {
        Self {
            tables,
            earlier,
            staged: Staged::default(),
        }
    }

    pub(super) fn into_staged(self) -> Staged {
        self.staged
    }

    /// Writes a catalog row.
    pub(crate) fn put<R: Record>(&mut self, key: Key<R>, row: &R) {
        self.staged.catalog.insert(key.into_bytes(), Some(encode(row).into()));
    }

    /// Deletes a catalog row, if it is there.
    pub(crate) fn remove<R>(&mut self, key: Key<R>) {
        self.staged.catalog.insert(key.into_bytes(), None);
    }

    /// Writes a row that turns do not read.
    pub(crate) fn append(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.staged.bulk.push((table, key, Some(value)));
    }

    /// Deletes a row that turns do not read.
    pub(crate) fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.staged.bulk.push((table, key, None));
    }
}

impl Read for Turn<'_> {
    fn bytes(&self, key: &[u8]) -> Result<Option<Slice>, StorageError> {
        let [newer, older] = self.earlier;
        for staged in [&self.staged, newer, older] {
            if let Some(bytes) = staged.catalog.get(key) {
                return Ok(bytes.clone());
            }
        }
        self.tables
            .of(Table::Catalog)
            .get(key)
            .map_err(|error| StorageError::running(&error))
    }
}
