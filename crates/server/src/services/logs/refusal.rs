//! Refusals in the terms of CloudWatch Logs.

use std::error::Error;

use berth_telemetry::logs::LogsError;
use berth_wire::protocol::ServiceError;

/// The exception for what the store refused, or could not do.
pub(super) fn of(error: LogsError) -> ServiceError {
    match error {
        LogsError::ResourceAlreadyExists(text) => ServiceError::client("ResourceAlreadyExistsException", text),
        LogsError::ResourceNotFound(text) => ServiceError::client("ResourceNotFoundException", text),
        LogsError::InvalidParameter(text) => invalid(text),
        LogsError::LimitExceeded(text) => ServiceError::client("LimitExceededException", text),
        LogsError::Storage(error) => unavailable(&error),
    }
}

/// A request that asks for what cannot be.
pub(super) fn invalid(text: impl Into<String>) -> ServiceError {
    ServiceError::client("InvalidParameterException", text)
}

/// A failure of ours. What exactly failed is for the operator's log, not for clients.
pub(super) fn unavailable(error: &(dyn Error + 'static)) -> ServiceError {
    tracing::error!(error, "the log store failed");
    ServiceError::with_status(
        "ServiceUnavailableException",
        "The service cannot complete the request.",
        503,
    )
}

/// There is too little disk space to take in anything new.
pub(super) fn low_space() -> ServiceError {
    ServiceError::with_status(
        "ServiceUnavailableException",
        "The control plane has too little free disk space to take in anything new. Reading and deleting works.",
        503,
    )
}

/// Refuses a member that asks for something which is not done here.
///
/// # Errors
/// If it asks.
pub(super) fn unless_asked(asks: bool, member: &str, why: &str) -> Result<(), ServiceError> {
    if asks {
        Err(invalid(format!("{member} is not supported: {why}.")))
    } else {
        Ok(())
    }
}
