//! Files and directories that only their owner can read. A file is written whole or not at all, and durable afterwards.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder of `dir` that only its owner can enter, also where `dir` itself is open.
///
/// # Errors
/// The file system's.
pub fn private_dir(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
    let closed = made.and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o700)));
    closed.with_context(|| format!("cannot make {}", path.display()))?;
    Ok(path)
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// The file system's.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let renamed = write_unfinished(path, text).and_then(|unfinished| fs::rename(unfinished, path));
    let written = renamed.and_then(|()| sync_parent(path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// As [`write_private`], but a file that is there stays as it is: of several processes, the first one's remains.
///
/// # Errors
/// The file system's.
pub fn write_private_once(path: &Path, text: &str) -> Result<()> {
    let written = write_unfinished(path, text).and_then(|unfinished| {
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(unfinished)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let written = written.and_then(|()| sync_parent(path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// What a file holds, if it is there.
///
/// # Errors
/// The file system's.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Makes the name of a new file durable.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Writes beside `path`, under a name of this process: others may write the same file now.
fn write_unfinished(path: &Path, text: &str) -> io::Result<PathBuf> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(unfinished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert_eq!(read_if_there(&path).unwrap(), None);
        for write in [write_private_once, write_private, write_private_once] {
            write(&path, "secret").unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        write_private_once(&path, "late").unwrap();
        assert_eq!(read_if_there(&path).unwrap().as_deref(), Some("secret"));
        write_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn private_folders_are_closed_even_if_they_were_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(private_dir(dir.path(), "x").unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
