//! What can go wrong between the agent and containerd. Callers render these as ECS reasons
//! (`CannotCreateContainerError`, ...); the texts here are for people and say what to do next.

use std::path::PathBuf;

use containerd_client::tonic::{Code, Status};

use super::users::UserError;
use crate::cgroups::CgroupError;

/// A failure of the container runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A program that a private containerd needs is not installed.
    #[error(
        "{program} was not found on this machine. Install it (Debian, Ubuntu: `apt-get install \
         {packages}`; Fedora, Amazon Linux: `dnf install {packages}`) and start again"
    )]
    MissingProgram {
        /// The program's name.
        program: &'static str,
        /// The packages that bring it, on most distributions.
        packages: &'static str,
    },
    /// The private containerd did not start.
    #[error("the private containerd did not start: {reason}; its log is {}", log.display())]
    StartFailed {
        /// Why, with the end of its log when it ended by itself.
        reason: String,
        /// Where it logs.
        log: PathBuf,
    },
    /// Nobody answers on the socket.
    #[error("containerd does not answer on {}: {reason}", socket.display())]
    Unavailable {
        /// The socket that was tried.
        socket: PathBuf,
        /// The transport's reason.
        reason: String,
    },
    /// The configuration cannot work.
    #[error("{0}")]
    InvalidConfig(String),
    /// containerd knows no such container, task or snapshot.
    #[error("{0}: not found")]
    NotFound(String),
    /// The container still runs, so it cannot be deleted.
    #[error("container {0} is still running: kill it and wait for its end before deleting it")]
    StillRunning(String),
    /// The user or group that the container asks for does not exist in its image.
    #[error(transparent)]
    User(#[from] UserError),
    /// containerd or runc refused; the message is theirs, unchanged, because people search for it.
    #[error("failed to {operation}: {message}")]
    Refused {
        /// What was asked, for example `create task for container`.
        operation: &'static str,
        /// The runtime's own message.
        message: String,
    },
    /// The host has no usable control groups.
    #[error(transparent)]
    Cgroups(#[from] CgroupError),
    /// A file of the driver's own could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was done with which file.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
}

impl RuntimeError {
    /// An answer of containerd as an error of ours.
    pub(crate) fn from_status(operation: &'static str, status: &Status) -> Self {
        if status.code() == Code::NotFound {
            return Self::NotFound(status.message().to_owned());
        }
        Self::Refused {
            operation,
            message: status.message().to_owned(),
        }
    }

    /// A failed file operation, with its subject.
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }
}

/// NotFound as success: everything that removes is idempotent.
pub(crate) fn unless_missing<T>(result: Result<T, Status>) -> Result<Option<T>, Status> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

/// Whether the answer came from the transport (containerd died, restarts or was never there)
/// and not from containerd's own handlers.
pub(crate) fn connection_lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}
