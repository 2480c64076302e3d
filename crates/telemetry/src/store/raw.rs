//! All rows of a store as they lie, for backups: read from one snapshot, and put back into an empty store.

use super::{Row, StorageError, Store, Table};
use fjall::Readable;

/// A row of a table, as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRow {
    /// The table's name.
    pub table: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

impl Store {
    /// Hands on all rows as they are now, table by table.
    pub(crate) fn export<E: From<StorageError>>(
        &self,
        mut take: impl FnMut(&'static str, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.database.snapshot();
        for table in self.tables.all() {
            for guard in snapshot.iter(self.tables.of(table)) {
                let Row { key, value } = super::view::row(guard)?;
                take(table.name(), &key, &value)?;
            }
        }
        Ok(())
    }

    /// Puts rows back, all of them durable when it returns.
    pub(crate) fn import(&self, rows: Vec<RawRow>) -> Result<(), StorageError> {
        let mut batch = self.database.batch().durability(Some(fjall::PersistMode::SyncData));
        for row in rows {
            let table = self.tables.all().find(|table| table.name() == row.table);
            let table = table.ok_or_else(|| StorageError::UnreadableRow {
                detail: format!("there is no table {}", row.table),
            })?;
            batch.insert(self.tables.of(table), row.key, row.value);
        }
        batch.commit().map_err(|error| StorageError::running(&error))
    }
}

impl super::Tables {
    fn all(&self) -> impl Iterator<Item = Table> {
        std::iter::once(Table::Catalog).chain(self.bulk.iter().map(|(table, _)| *table))
    }
}
