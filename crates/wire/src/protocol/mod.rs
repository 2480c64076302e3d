//! The AWS protocols: which bytes a document becomes, and which document bytes are.
//!
//! [`Protocol`] is the seam. A further protocol (rest-json, rpc-v2-cbor) is one more variant, one more codec module and
//! one more way to recognise a request in [`mod@route`]; shapes, services and everything behind them stay as they are,
//! because they only meet documents. Nothing here knows what an operation means, and nothing here does I/O.

mod client;
mod error;
mod form;
mod json;
mod moment;
mod query;
pub mod route;
mod sample;
pub(crate) mod stored;
mod walk;
mod xml;

#[cfg(test)]
mod tests;

use crate::document::{DecodeError, Document};
use crate::schema::{OperationModel, ServiceModel, StructureSchema};
use crate::sigv4::RequestHead;

pub use client::{CallError, Outgoing, decode_reply, encode_call};
pub use error::ServiceError;
pub use route::{Route, Unrouted, not_built, route};
pub use sample::sample;

/// A way of spelling requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// JSON bodies, the operation in a header. Numbered by its content type only.
    AwsJson10,
    /// As 1.0.
    AwsJson11,
    /// Forms in, XML out.
    AwsQuery,
    /// As awsQuery with EC2's own names for everything.
    Ec2Query,
}

/// A request as it arrived: whole, and not yet understood.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Method, target and headers.
    pub head: RequestHead<'a>,
    /// All of it.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The value of a header that is text and comes once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self
            .head
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let first = values.next()?;
        let is_only = values.next().is_none();
        is_only.then(|| std::str::from_utf8(first.1).ok()).flatten()
    }

    /// What stands behind the question mark, still encoded.
    #[must_use]
    pub fn query(&self) -> &'a str {
        self.head.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// An answer, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Protocol {
    /// The members of a request. Members that the model does not have are ignored, as AWS does.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn decode_request(self, operation: &OperationModel, request: &Request<'_>) -> Result<Document, DecodeError> {
        match self {
            Self::AwsJson10 | Self::AwsJson11 => json::decode(request.body, operation.input, walk::Strictness::Request),
            Self::AwsQuery => query::decode(&form::pairs(request)?, operation.input, query::Dialect::Aws),
            Self::Ec2Query => query::decode(&form::pairs(request)?, operation.input, query::Dialect::Ec2),
        }
    }

    /// A successful answer. `output` is a document of the operation's output.
    #[must_use]
    pub fn encode_response(self, call: Call<'_>, output: &Document) -> Response {
        let body = match self {
            Self::AwsJson10 | Self::AwsJson11 if call.operation.is_void() => Vec::new(),
            Self::AwsJson10 | Self::AwsJson11 => json::encode(output, call.operation.output),
            Self::AwsQuery => xml::query_answer(call, output),
            Self::Ec2Query => xml::ec2_answer(call, output),
        };
        self.response(200, call.request_id, body)
    }

    /// A refusal. Without a service nobody knows what was called.
    #[must_use]
    pub fn encode_error(self, service: Option<&ServiceModel>, error: &ServiceError, request_id: &str) -> Response {
        let body = match self {
            Self::AwsJson10 | Self::AwsJson11 => json::encode_error(error),
            Self::AwsQuery => xml::query_error(service, error, request_id),
            Self::Ec2Query => xml::ec2_error(error, request_id),
        };
        let mut response = self.response(error.status, request_id, body);
        if self.is_json() && service.is_some_and(|service| service.query_compatible) {
            let query_error = format!("{};{}", error.code, error.fault());
            response.headers.push(("x-amzn-query-error", query_error));
        }
        response
    }

    fn is_json(self) -> bool {
        match self {
            Self::AwsJson10 | Self::AwsJson11 => true,
            Self::AwsQuery | Self::Ec2Query => false,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::AwsJson10 => "application/x-amz-json-1.0",
            Self::AwsJson11 => "application/x-amz-json-1.1",
            Self::AwsQuery => "text/xml",
            Self::Ec2Query => "text/xml;charset=UTF-8",
        }
    }

    fn response(self, status: u16, request_id: &str, body: Vec<u8>) -> Response {
        let headers = vec![
            ("content-type", self.content_type().to_owned()),
            ("x-amzn-requestid", request_id.to_owned()),
        ];
        Response { status, headers, body }
    }
}

/// One spelling of a document, whatever the request's protocol was.
pub(crate) fn canonical(document: &Document, schema: &'static StructureSchema) -> Vec<u8> {
    json::encode(document, schema)
}

/// What an answer belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The service that was called.
    pub service: &'static ServiceModel,
    /// The operation that was called.
    pub operation: &'static OperationModel,
    /// Names this one call in answers and logs.
    pub request_id: &'a str,
}
