//! The spool of one container's log: a directory that carries its events from the logger to the shipper.
//!
//! ```text
//! options.json               where the events go; written by the agent before the container exists
//! logger.lock                locked by the logger as long as it lives; a lock needs no process ids
//! logger.error               why a logger could not start
//! 0000000000000001.segment   records, appended by the logger; it begins the next file when one is full
//! position.json              how far the shipper came; replaced by rename
//! ```
//!
//! One logger writes and one shipper reads at a time, in different processes, with no other talk between them than
//! these files. A segment that was shipped and is followed by another one is removed by the reader; that is how the
//! writer learns that there is room again.

pub mod format;
mod reader;
mod writer;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use reader::{Batch, Reader};
pub use writer::Writer;

use super::options::LogOptions;

const OPTIONS: &str = "options.json";
const LOCK: &str = "logger.lock";
const ERROR: &str = "logger.error";
const SEGMENT: &str = "segment";

/// Log lines may hold secrets.
const OWNER_ONLY_DIR: u32 = 0o700;
const OWNER_ONLY_FILE: u32 = 0o600;

/// Whether a spool has a logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggerState {
    /// There has been none yet.
    NotStarted,
    /// It lives.
    Running,
    /// It ended or was killed.
    Ended,
}

/// Makes the spool of a container that is about to be created. An existing one keeps its records.
///
/// # Errors
/// What the file system says.
pub fn prepare(spool: &Path, options: &LogOptions) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIR).create(spool)?;
    replace_json(&spool.join(OPTIONS), options)
}

/// The options that [`prepare`] wrote.
///
/// # Errors
/// What the file system says; `InvalidData` when the file is not what [`prepare`] writes.
pub fn options(spool: &Path) -> io::Result<LogOptions> {
    read_json(&spool.join(OPTIONS))
}

/// Every spool under `root`, in the order of their names: what a restarted agent has to attach to or to remove.
/// A `root` that does not exist has none.
///
/// # Errors
/// What the file system says.
pub fn list(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut spools = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join(OPTIONS).is_file() {
            spools.push(path);
        }
    }
    spools.sort();
    Ok(spools)
}

/// Removes a spool and all that was not shipped. Nothing happens when there is none.
///
/// # Errors
/// What the file system says.
pub fn remove(spool: &Path) -> io::Result<()> {
    absent_is_done(fs::remove_dir_all(spool))
}

/// Whether the spool's logger lives. Any process may ask.
///
/// # Errors
/// What the file system says.
pub fn logger_state(spool: &Path) -> io::Result<LoggerState> {
    let lock = match File::open(spool.join(LOCK)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(LoggerState::NotStarted),
        lock => lock?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(LoggerState::Ended),
        Err(TryLockError::WouldBlock) => Ok(LoggerState::Running),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Why the last logger of this spool could not start, if it could not.
#[must_use]
pub fn logger_error(spool: &Path) -> Option<String> {
    fs::read_to_string(spool.join(ERROR)).ok()
}

/// Leaves word why the logger cannot start: nobody reads its standard error.
///
/// # Errors
/// What the file system says.
pub fn note_logger_error(spool: &Path, reason: &str) -> io::Result<()> {
    fs::write(spool.join(ERROR), reason)
}

/// Makes the caller the spool's logger until the file that it gets is closed, which the kernel does when it dies.
/// Waits for an earlier logger to end: two must not write at once.
///
/// # Errors
/// What the file system says.
pub fn claim(spool: &Path) -> io::Result<File> {
    let path = spool.join(LOCK);
    let lock = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => new_lock(&path)?,
        existing => {
            let lock = existing?;
            lock.lock()?;
            lock
        }
    };
    absent_is_done(fs::remove_file(spool.join(ERROR)))?;
    Ok(lock)
}

/// A lock that is locked before anybody can see it: a lock that is there and free means that the logger has ended.
fn new_lock(path: &Path) -> io::Result<File> {
    let hidden = path.with_extension("new");
    let lock = owner_only().create(true).truncate(true).write(true).open(&hidden)?;
    lock.lock()?;
    fs::rename(&hidden, path)?;
    Ok(lock)
}

/// The numbers of the segments that are there, ascending.
fn segments(spool: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(spool)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(SEGMENT)) {
            numbers.extend(
                path.file_stem()
                    .and_then(OsStr::to_str)
                    .and_then(|stem| stem.parse::<u64>().ok()),
            );
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn segment_path(spool: &Path, number: u64) -> PathBuf {
    spool.join(format!("{number:016}.{SEGMENT}"))
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(OWNER_ONLY_FILE);
    options
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Replaces a file as a whole: who reads it sees the old one or the new one.
fn replace_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = owner_only().create(true).truncate(true).write(true).open(&new)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    fs::rename(&new, path)
}

fn absent_is_done(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
