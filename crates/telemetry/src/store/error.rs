//! What can go wrong with the directory on disk.
//!
//! The variants carry text instead of sources, so that one failed commit can be reported to everybody who shared it.

use std::path::{Path, PathBuf};

/// The store cannot be opened, read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Another process holds the directory's lock.
    #[error("the telemetry store at {} is in use by another process", path.display())]
    InUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The directory's content is not a readable store. Nothing has been repaired or dropped.
    #[error("the telemetry store at {} is damaged: {detail}; restore it from a backup or move it away to start empty", path.display())]
    Damaged {
        /// The store's directory.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A newer Berth wrote this store.
    #[error("the telemetry store at {} has format {found}, this version knows up to {known}: use a newer version", path.display())]
    NewerFormat {
        /// The store's directory.
        path: PathBuf,
        /// The format that the store says it has.
        found: u64,
        /// The newest format that this version reads.
        known: u64,
    },
    /// A row is not what it should be.
    #[error("a row of the telemetry store is unreadable: {detail}")]
    UnreadableRow {
        /// What was found.
        detail: String,
    },
    /// The disk or the file system refused, for example because it is full. After a failed write the store takes no
    /// further writes; open it again.
    #[error("the telemetry store failed: {detail}")]
    Io {
        /// What the system said.
        detail: String,
    },
}

impl StorageError {
    /// The error of an operation on the open store.
    pub(crate) fn running(error: &fjall::Error) -> Self {
        Self::Io { detail: plain(error) }
    }

    /// The error of opening the store at `path`.
    pub(crate) fn opening(path: &Path, error: &fjall::Error) -> Self {
        let path = path.to_owned();
        if matches!(error, fjall::Error::Locked) {
            return Self::InUse { path };
        }
        if let fjall::Error::Io(io) = error
            && !reads_garbage(io.kind())
        {
            return Self::Io {
                detail: format!("{}: {io}", path.display()),
            };
        }
        // Everything else says that the files make no sense.
        Self::Damaged {
            path,
            detail: plain(error),
        }
    }
}

/// Whether an error of this kind comes from the content of files instead of from access to them.
fn reads_garbage(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
    matches!(kind, InvalidData | InvalidInput | NotFound | Other | UnexpectedEof)
}

fn plain(error: &fjall::Error) -> String {
    error.to_string().trim_start_matches("FjallError: ").to_owned()
}
