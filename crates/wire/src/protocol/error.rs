//! Refusals as clients see them, and what becomes of bytes that cannot be read.

use std::borrow::Cow;

use super::Protocol;
use crate::document::{DecodeError, Document};
use crate::schema::ServiceModel;

/// A refusal in the terms of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceError {
    /// What clients match on: `ClusterNotFoundException`.
    pub code: Cow<'static, str>,
    /// What people read.
    pub message: String,
    /// HTTP status.
    pub status: u16,
    /// Further members of the exception, such as `resourceIds`. Free-form: no positional structures.
    pub fields: Vec<(&'static str, Document)>,
}

impl ServiceError {
    /// A refusal for which the client is to blame (status 400).
    #[must_use]
    pub fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(code, message, 400)
    }

    /// A failure of ours (status 500).
    #[must_use]
    pub fn server(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(code, message, 500)
    }

    /// Any refusal.
    #[must_use]
    pub fn with_status(code: &'static str, message: impl Into<String>, status: u16) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
            status,
            fields: Vec::new(),
        }
    }

    /// The same with a further member.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<Document>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Who is to blame, in the words of awsQuery.
    pub(super) fn fault(&self) -> &'static str {
        if self.status >= 500 { "Receiver" } else { "Sender" }
    }

    /// What a service answers to a request that it cannot read.
    #[must_use]
    pub fn unreadable(service: &ServiceModel, protocol: Protocol, error: &DecodeError) -> Self {
        let code = match protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => json_code(service, error),
            Protocol::AwsQuery => query_code(error),
            Protocol::Ec2Query => ec2_code(error),
        };
        Self::client(code, message(protocol, error))
    }
}

fn json_code(service: &ServiceModel, error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Missing { .. } if matches!(service.name, "ecs" | "logs") => "InvalidParameterException",
        DecodeError::Missing { .. } => "ValidationException",
        DecodeError::Malformed { .. }
        | DecodeError::WrongType { .. }
        | DecodeError::TooDeep
        | DecodeError::TooLarge { .. } => "SerializationException",
    }
}

fn query_code(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Missing { .. } => "ValidationError",
        DecodeError::WrongType { .. } => "MalformedInput",
        DecodeError::Malformed { .. } | DecodeError::TooDeep | DecodeError::TooLarge { .. } => "MalformedQueryString",
    }
}

fn ec2_code(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Missing { .. } => "MissingParameter",
        DecodeError::WrongType { .. } => "InvalidParameterValue",
        DecodeError::Malformed { .. } | DecodeError::TooDeep | DecodeError::TooLarge { .. } => "MalformedQueryString",
    }
}

/// AWS's own words where it has some; ours say where.
fn message(protocol: Protocol, error: &DecodeError) -> String {
    match (protocol, error) {
        (Protocol::Ec2Query, DecodeError::Missing { path }) => {
            format!("The request must contain the parameter {path}")
        }
        (Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::AwsQuery, DecodeError::Missing { path }) => format!(
            "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
        ),
        (_, error) => error.to_string(),
    }
}
