//! The durable store of the control plane: a map of entities in an embedded LSM tree.
//!
//! It knows nothing of what the entities mean. A batch of changes is one transaction, synced before [`Store::commit`]
//! returns; loading gives back the changes whose fold is the state.

mod error;
mod raw;
pub mod record;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use berth_core::control::{Change, State};
use berth_telemetry::guarded;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

pub use error::StoreError;
pub use raw::{Row, readable};
pub use record::Table;

/// The layout of tables and keys that this version writes and reads.
const FORMAT: u32 = 1;
/// Where the layout's number stands.
const FORMAT_KEY: &str = "format";

/// The open store.
pub struct Store {
    database: Database,
    tables: Vec<(Table, Keyspace)>,
    dir: PathBuf,
}

impl Store {
    /// Opens the store in `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// A directory that is in use, damaged, or written by a newer version.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let opened = guarded(|| Self::open_files(dir));
        opened.unwrap_or_else(|detail| Err(damaged(dir, detail)))
    }

    fn open_files(dir: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|error| StoreError::io(dir, &error))?;
        let database = Database::builder(dir)
            .open()
            .map_err(|error| StoreError::opening(dir, &error))?;
        let keyspace = |table: Table| {
            let opened = database.keyspace(table.name(), KeyspaceCreateOptions::default);
            opened.map_err(|error| StoreError::opening(dir, &error))
        };
        // Opening makes tables that are not there: first it must be known that the layout is ours.
        check_format(dir, &database, &keyspace(Table::Control)?)?;
        let open = |table| keyspace(table).map(|keyspace| (table, keyspace));
        let tables = Table::ALL.into_iter().map(open).collect::<Result<_, _>>()?;
        let dir = dir.to_owned();
        Ok(Self { database, tables, dir })
    }

    /// The state that all committed changes make.
    ///
    /// # Errors
    /// A value that cannot be read.
    pub fn load(&self) -> Result<State, StoreError> {
        let loaded = guarded(|| self.load_rows());
        loaded.unwrap_or_else(|detail| Err(damaged(&self.dir, detail)))
    }

    fn load_rows(&self) -> Result<State, StoreError> {
        let mut state = State::default();
        for (table, keyspace) in &self.tables {
            for row in keyspace.iter() {
                let (key, value) = row
                    .into_inner()
                    .map_err(|error| StoreError::opening(&self.dir, &error))?;
                if key.as_ref() == FORMAT_KEY.as_bytes() {
                    continue;
                }
                let change = record::decode(*table, &value).map_err(|detail| StoreError::Row {
                    table: table.name(),
                    key: String::from_utf8_lossy(&key).into_owned(),
                    detail,
                })?;
                state.apply(change);
            }
        }
        Ok(state)
    }

    /// Makes `changes` durable, all or none of them.
    ///
    /// # Errors
    /// The disk's. Nothing may be acknowledged then, and the process must end: memory and disk may differ.
    pub fn commit<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for change in changes {
            let row = record::encode(change);
            match row.value {
                Some(value) => batch.insert(self.keyspace(row.table), row.key, value),
                None => batch.remove(self.keyspace(row.table), row.key),
            }
        }
        batch.commit().map_err(|error| StoreError::running(&error))
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        let found = self.tables.iter().find(|(other, _)| *other == table);
        &found.expect("every table was opened").1
    }
}

fn damaged(dir: &Path, detail: String) -> StoreError {
    StoreError::Damaged {
        path: dir.to_owned(),
        detail,
    }
}

/// Refuses a layout that is not ours; a store without one is new, and gets ours.
fn check_format(dir: &Path, database: &Database, control: &Keyspace) -> Result<(), StoreError> {
    let found = control.get(FORMAT_KEY).map_err(|error| StoreError::running(&error))?;
    match found.as_deref().map(<[u8; 4]>::try_from) {
        None => {
            let mut batch = database.batch().durability(Some(PersistMode::SyncData));
            batch.insert(control, FORMAT_KEY, FORMAT.to_be_bytes());
            batch.commit().map_err(|error| StoreError::running(&error))
        }
        Some(Ok(bytes)) if u32::from_be_bytes(bytes) == FORMAT => Ok(()),
        Some(Ok(bytes)) => {
            let (path, found) = (dir.to_owned(), u32::from_be_bytes(bytes));
            Err(StoreError::NewerFormat {
                path,
                found,
                known: FORMAT,
            })
        }
        Some(Err(_)) => Err(damaged(dir, "its format is not a number".into())),
    }
}
