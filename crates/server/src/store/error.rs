//! What can go wrong with the store's directory.

use std::path::{Path, PathBuf};

/// The store cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds it.
    #[error("the store at {} is in use: another Berth runs on this data directory", path.display())]
    InUse {
        /// Its directory.
        path: PathBuf,
    },
    /// Its files make no sense. Nothing was repaired or dropped.
    #[error("the store at {} is damaged: {detail}; restore it from a backup, or move it away to start empty", path.display())]
    Damaged {
        /// Its directory.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A newer Berth wrote it.
    #[error("the store at {} has format {found}, this version reads {known}: use a newer version of Berth", path.display())]
    NewerFormat {
        /// Its directory.
        path: PathBuf,
        /// The format that it says it has.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// A value that cannot be read.
    #[error("the store's row {key} of table {table} cannot be read: {detail}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The file system refused.
    #[error("the store failed: {detail}")]
    Io {
        /// What it said.
        detail: String,
    },
}

impl StoreError {
    pub(super) fn io(dir: &Path, error: &std::io::Error) -> Self {
        Self::Io {
            detail: format!("{}: {error}", dir.display()),
        }
    }

    pub(super) fn opening(dir: &Path, error: &fjall::Error) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the enum is open: whatever else it says, the files make no sense"
        )]
        match error {
            fjall::Error::Locked => Self::InUse { path: dir.to_owned() },
            fjall::Error::Io(io) if is_refusal(io.kind()) => Self::io(dir, io),
            other => Self::Damaged {
                path: dir.to_owned(),
                detail: other.to_string(),
            },
        }
    }

    pub(super) fn running(error: &fjall::Error) -> Self {
        Self::Io {
            detail: error.to_string(),
        }
    }
}

/// Whether the file system does not let us, whatever is in the files.
fn is_refusal(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        kind,
        PermissionDenied | ReadOnlyFilesystem | StorageFull | QuotaExceeded
    )
}
