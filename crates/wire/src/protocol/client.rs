//! The client's side of awsJson: what our own agent sends and what it makes of the answer.
//!
//! Only JSON: our agent calls nothing else. Signing, sending and repeating is the caller's business.

use std::fmt;

use super::error::ServiceError;
use super::json;
use super::walk::Strictness;
use crate::document::DecodeError;
use crate::shapes::{Input, from_document, into_document};

/// A request to be signed and sent as `POST /`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError {
    /// The service refused.
    Refused(ServiceError),
    /// The service answered, but not so that it could be read.
    Unreadable(DecodeError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{}: {}", error.code, error.message),
            Self::Unreadable(error) => write!(f, "the answer cannot be read: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A request of awsJson 1.1.
///
/// # Panics
/// If the service of the operation does not speak JSON: a mistake of whoever wrote the call.
#[must_use]
pub fn encode_call<I: Input>(input: I) -> Outgoing {
    let prefix = I::service().target_prefix.expect("only JSON services are called");
    let target = format!("{prefix}.{}", I::operation().name);
    Outgoing {
        headers: vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", target),
        ],
        body: json::encode(&into_document(input), I::operation().input),
    }
}

/// The result of a call. `error_type` is the header `x-amzn-errortype` of the answer, if it has one.
///
/// # Errors
/// The refusal of the service, or why the answer cannot be read.
pub fn decode_reply<I: Input>(status: u16, error_type: Option<&str>, body: &[u8]) -> Result<I::Output, CallError> {
    if !(200..300).contains(&status) {
        return Err(CallError::Refused(json::decode_error(status, error_type, body)));
    }
    let document = json::decode(body, I::operation().output, Strictness::Response);
    document.and_then(from_document).map_err(CallError::Unreadable)
}
