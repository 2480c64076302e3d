//! Opening: creates the directory in one step, or recovers it, or says clearly why that is not possible.

use super::commit::Pending;
use super::{Key, Read, Record, StorageError, Store, Table, Tables, guarded};
use fjall::{Database, KeyspaceCreateOptions};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The newest layout of keys that this version knows.
const FORMAT: u64 = 1;

/// How much of the journals is replayed at most when the store opens: a few seconds' worth.
const JOURNAL_BYTES: u64 = 128 * 1024 * 1024;

/// Changes of the catalog that are kept in memory before they are sorted to disk.
const CATALOG_MEMORY_BYTES: u64 = 8 * 1024 * 1024;

/// The file that the tree writes last when it creates a directory.
const COMPLETE: &str = "version";

/// How the keys of this store are laid out.
#[derive(Serialize, Deserialize)]
struct FormatRow {
    format: u64,
}
impl Record for FormatRow {}

/// A key that begins with zero, which the store keeps for itself: users' keys begin with letters.
fn format_key() -> Key<FormatRow> {
    Key::new(b"\0format".to_vec())
}

impl Store {
    /// Opens the store in `dir`, which is created if it does not exist. `bulk` are its tables beside the catalog.
    ///
    /// # Errors
    ///
    /// [`StorageError`] when the directory is in use, damaged, of a newer format, or not accessible.
    pub(crate) fn open(dir: &Path, bulk: &[Table]) -> Result<Self, StorageError> {
        if !exists(&dir.join(COMPLETE))? {
            create(dir, bulk)?;
        }
        let opened = guarded(|| open_tables(dir, bulk)).map_err(|text| damaged(dir, &text))?;
        let store = opened.map_err(|error| StorageError::opening(dir, &error))?;
        store.check_format(dir)?;
        Ok(store)
    }

    fn check_format(&self, dir: &Path) -> Result<(), StorageError> {
        let found = self.view().get(&format_key())?.map(|row| row.format);
        match found {
            Some(FORMAT) => Ok(()),
            Some(found) => Err(StorageError::NewerFormat {
                path: dir.to_owned(),
                found,
                known: FORMAT,
            }),
            None => Err(damaged(dir, "its format is missing")),
        }
    }
}

fn open_tables(dir: &Path, bulk: &[Table]) -> fjall::Result<Store> {
    let database = Database::builder(dir).max_journaling_size(JOURNAL_BYTES).open()?;
    let opened = |table: &Table| Ok((*table, database.keyspace(table.name(), KeyspaceCreateOptions::default)?));
    let tables = Tables {
        catalog: database.keyspace(Table::Catalog.name(), catalog_options)?,
        bulk: bulk.iter().map(opened).collect::<fjall::Result<_>>()?,
    };
    Ok(Store {
        database,
        tables,
        pending: Mutex::new(Pending::default()),
        committer: Mutex::new(()),
    })
}

fn catalog_options() -> KeyspaceCreateOptions {
    // Rows are looked up by key and are expected to be there. They change often and are small: what they were must not
    // pile up in front of what they are.
    KeyspaceCreateOptions::default()
        .expect_point_read_hits(true)
        .max_memtable_size(CATALOG_MEMORY_BYTES)
}

/// Creates an empty store beside `dir` and moves it there, so that a crash in between leaves no half of a store.
fn create(dir: &Path, bulk: &[Table]) -> Result<(), StorageError> {
    if exists(dir)? && fs::read_dir(dir).map_err(|error| io(dir, &error))?.next().is_some() {
        return Err(damaged(dir, "the directory has files but no complete store"));
    }
    let unfinished = unfinished(dir);
    if exists(&unfinished)? {
        fs::remove_dir_all(&unfinished).map_err(|error| io(&unfinished, &error))?;
    }
    fs::create_dir_all(&unfinished).map_err(|error| io(&unfinished, &error))?;
    let store = open_tables(&unfinished, bulk).map_err(|error| StorageError::opening(&unfinished, &error))?;
    store.turn(|turn| {
        turn.put(format_key(), &FormatRow { format: FORMAT });
        Ok::<_, StorageError>(())
    })?;
    drop(store);
    fs::rename(&unfinished, dir).map_err(|error| io(dir, &error))?;
    sync_parent(dir)
}

fn unfinished(dir: &Path) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".creating");
    dir.with_file_name(name)
}

/// Makes the new name of `dir` durable.
fn sync_parent(dir: &Path) -> Result<(), StorageError> {
    let parent = dir
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(|error| io(parent, &error))
}

fn exists(path: &Path) -> Result<bool, StorageError> {
    path.try_exists().map_err(|error| io(path, &error))
}

fn io(path: &Path, error: &std::io::Error) -> StorageError {
    StorageError::Io {
        detail: format!("{}: {error}", path.display()),
    }
}

fn damaged(dir: &Path, detail: &str) -> StorageError {
    StorageError::Damaged {
        path: dir.to_owned(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_error(dir: &Path) -> StorageError {
        Store::open(dir, &[]).err().expect("the store must not open")
    }

    #[test]
    fn opens_what_it_created() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(Store::open(&path, &[]).unwrap());
        drop(Store::open(&path, &[]).unwrap());
        assert!(!unfinished(&path).exists());
    }

    #[test]
    fn an_empty_directory_becomes_a_store_and_an_unfinished_creation_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        fs::create_dir(&path).unwrap();
        fs::create_dir(unfinished(&path)).unwrap();
        fs::write(unfinished(&path).join("0.jnl"), b"half").unwrap();
        drop(Store::open(&path, &[]).unwrap());
        drop(Store::open(&path, &[]).unwrap());
    }

    #[test]
    fn two_openers_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let _first = Store::open(&path, &[]).unwrap();
        assert_eq!(open_error(&path), StorageError::InUse { path });
    }

    #[test]
    fn a_foreign_directory_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), b"mine").unwrap();
        assert!(matches!(open_error(dir.path()), StorageError::Damaged { .. }));
        assert_eq!(fs::read(dir.path().join("thesis.txt")).unwrap(), b"mine");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = Store::open(&path, &[]).unwrap();
        store
            .turn(|turn| {
                turn.put(format_key(), &FormatRow { format: 7 });
                Ok::<_, StorageError>(())
            })
            .unwrap();
        drop(store);
        assert_eq!(
            open_error(&path),
            StorageError::NewerFormat {
                path,
                found: 7,
                known: 1
            }
        );
    }

    #[test]
    fn a_changed_journal_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(Store::open(&path, &[]).unwrap());
        let journal = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        let journal = journal
            .into_iter()
            .find(|file| file.extension().is_some_and(|ext| ext == "jnl"))
            .unwrap();
        let mut bytes = fs::read(&journal).unwrap();
        let at = bytes.windows(6).position(|window| window == b"format").unwrap();
        bytes[at] ^= 1;
        fs::write(&journal, bytes).unwrap();
        assert!(matches!(open_error(&path), StorageError::Damaged { .. }));
    }

    #[test]
    fn a_lost_file_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        drop(Store::open(&path, &[]).unwrap());
        fs::remove_dir_all(path.join("keyspaces").join("0")).unwrap();
        assert!(matches!(open_error(&path), StorageError::Damaged { .. }));
    }
}
