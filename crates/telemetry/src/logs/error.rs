//! The errors of the logs API, one variant for each exception of CloudWatch Logs.
//!
//! Messages are AWS's own wherever they are known. The server turns the variant into the code.

use crate::StorageError;

/// Why a call on the log store was refused or failed. Refused calls have changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// `ResourceAlreadyExistsException`.
    #[error("{0}")]
    ResourceAlreadyExists(String),
    /// `ResourceNotFoundException`.
    #[error("{0}")]
    ResourceNotFound(String),
    /// `InvalidParameterException`.
    #[error("{0}")]
    InvalidParameter(String),
    /// `LimitExceededException`.
    #[error("{0}")]
    LimitExceeded(String),
    /// `ServiceUnavailableException`: the disk failed. A write may or may not have happened.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl LogsError {
    pub(super) fn group_exists() -> Self {
        Self::ResourceAlreadyExists("The specified log group already exists".to_owned())
    }

    pub(super) fn stream_exists() -> Self {
        Self::ResourceAlreadyExists("The specified log stream already exists".to_owned())
    }

    pub(super) fn no_group() -> Self {
        Self::ResourceNotFound("The specified log group does not exist.".to_owned())
    }

    pub(super) fn no_stream() -> Self {
        Self::ResourceNotFound("The specified log stream does not exist.".to_owned())
    }

    pub(super) fn too_many_groups() -> Self {
        Self::LimitExceeded("Resource limit exceeded.".to_owned())
    }

    pub(super) fn bad_token() -> Self {
        Self::InvalidParameter("The specified nextToken is invalid.".to_owned())
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidParameter(message.into())
    }
}
