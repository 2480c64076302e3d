//! Reading: a snapshot of everything that is durable.

use super::{Key, KeyRange, Record, StorageError, Table, Tables, decode};
use fjall::{Readable, Slice};

/// Point reads, from a snapshot or inside a turn.
pub(crate) trait Read {
    /// The bytes of the catalog row at `key`.
    fn bytes(&self, key: &[u8]) -> Result<Option<Slice>, StorageError>;

    /// The catalog row at `key`.
    fn get<R: Record>(&self, key: &Key<R>) -> Result<Option<R>, StorageError> {
        self.bytes(key.bytes())?.map(|bytes| decode(&bytes)).transpose()
    }
}

/// Everything that was durable at one moment.
pub(crate) struct View<'s> {
    snapshot: fjall::Snapshot,
    tables: &'s Tables,
}

impl<'s> View<'s> {
    pub(super) fn new(snapshot: fjall::Snapshot, tables: &'s Tables) -> Self {
        Self { snapshot, tables }
    }

    /// The rows of `table` in `range`, from either end; blocks are read as the iterator moves.
    pub(crate) fn range(&self, table: Table, range: &KeyRange) -> Rows {
        // The tree's own ranges must not be inverted; clients' time ranges may be.
        let found = (!range.is_empty()).then(|| {
            self.snapshot
                .range(self.tables.of(table), range.from.as_slice()..range.to.as_slice())
        });
        Rows(found)
    }

    /// The bytes of the row at `key` in any table.
    pub(crate) fn value(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, StorageError> {
        self.snapshot
            .get(self.tables.of(table), key)
            .map_err(|error| StorageError::running(&error))
    }
}

impl Read for View<'_> {
    fn bytes(&self, key: &[u8]) -> Result<Option<Slice>, StorageError> {
        self.value(Table::Catalog, key)
    }
}

/// A key and its row's bytes.
pub(crate) struct Row {
    pub(crate) key: Slice,
    pub(crate) value: Slice,
}

/// Rows in the order of their keys. It keeps its snapshot alive.
pub(crate) struct Rows(Option<fjall::Iter>);

impl Iterator for Rows {
    type Item = Result<Row, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.next().map(row)
    }
}

impl DoubleEndedIterator for Rows {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.as_mut()?.next_back().map(row)
    }
}

pub(super) fn row(guard: fjall::Guard) -> Result<Row, StorageError> {
    let (key, value) = guard.into_inner().map_err(|error| StorageError::running(&error))?;
    Ok(Row { key, value })
}
