//! Finds out what a request calls: service, operation and protocol.
//!
//! The operation stands in `X-Amz-Target` or in the form's `Action`; paths join here with rest-json. The service is the
//! one for which the request is signed; only an unsigned request is judged by its target. Whether anybody may call it,
//! and whether the signature is right, is not asked here.

use super::{Call, Protocol, Request, Response, ServiceError, form};
use berth_core::kernel::Scope;

use crate::document::{DecodeError, Document};
use crate::page::{Key, List};
use crate::schema::{OperationModel, ServiceModel};
use crate::shapes::{Input, Operation, SERVICES, Structure, from_document, into_document};

/// A request whose operation is known.
#[derive(Clone, Debug)]
pub struct Route {
    /// What is called.
    pub operation: Operation,
    /// How the request is spelled and the answer will be.
    pub protocol: Protocol,
    /// The list whose pages are turned, once it is known who does.
    list: Option<List>,
}

impl Route {
    /// Of a call of this operation.
    #[must_use]
    pub fn new(operation: Operation, protocol: Protocol) -> Self {
        let list = None;
        Self {
            operation,
            protocol,
            list,
        }
    }

    /// With pagination tokens that are good for `scope` and what `request` asks for only: inside, a token is the place that it
    /// stands for.
    #[must_use]
    pub fn paged(self, key: &Key, scope: &Scope, request: &Request<'_>) -> Self {
        if !List::is_list(self.operation) {
            return self;
        }
        // A request that cannot be read is refused when it is decoded.
        let document = self.protocol.decode_request(self.model(), request).ok();
        let list = document.and_then(|document| List::of(key, scope, self.operation, &document));
        Self { list, ..self }
    }

    /// The service that is called.
    #[must_use]
    pub fn service(&self) -> &'static ServiceModel {
        self.operation.service()
    }

    /// The tables of the operation that is called.
    #[must_use]
    pub fn model(&self) -> &'static OperationModel {
        self.operation.model()
    }

    /// The typed request. `I` is the input of the operation.
    ///
    /// # Errors
    /// What the service answers to a request that it cannot read.
    pub fn decode<I: Input>(&self, request: &Request<'_>) -> Result<I, ServiceError> {
        let unreadable = |error| ServiceError::unreadable(self.service(), self.protocol, &error);
        let mut document = self
            .protocol
            .decode_request(self.model(), request)
            .map_err(unreadable)?;
        if let Some(list) = &self.list {
            list.open_in(&mut document)?;
        }
        from_document(document).map_err(unreadable)
    }

    /// The answer. `output` is what the operation answers.
    #[must_use]
    pub fn answer<O: Structure>(&self, output: O, request_id: &str) -> Response {
        self.encode(into_document(output), request_id)
    }

    /// The answer out of a document of the operation's output.
    #[must_use]
    pub fn encode(&self, mut output: Document, request_id: &str) -> Response {
        if let Some(list) = &self.list {
            list.seal_in(&mut output);
        }
        let call = Call {
            service: self.service(),
            operation: self.model(),
            request_id,
        };
        self.protocol.encode_response(call, &output)
    }

    /// A refusal.
    #[must_use]
    pub fn refuse(&self, error: &ServiceError, request_id: &str) -> Response {
        self.protocol.encode_error(Some(self.service()), error, request_id)
    }
}

/// A request that calls nothing that can be called.
#[derive(Clone, Debug)]
pub struct Unrouted {
    /// The service, if at least that is known.
    pub service: Option<&'static ServiceModel>,
    /// How the refusal will be spelled.
    pub protocol: Protocol,
    /// The refusal.
    pub error: ServiceError,
}

impl Unrouted {
    /// The refusal as it is sent.
    #[must_use]
    pub fn refuse(&self, request_id: &str) -> Response {
        self.protocol.encode_error(self.service, &self.error, request_id)
    }
}

/// How a request names its operation.
enum Target {
    /// `X-Amz-Target: Prefix.Name`.
    Header {
        prefix: String,
        name: String,
        protocol: Protocol,
    },
    /// `Action=Name`.
    Action(String),
    /// Not at all.
    None,
}

/// Finds what a request calls. `signed_for` is the service in the scope of the request's signature.
///
/// # Errors
/// The refusal of the service, or of nobody in particular.
pub fn route(signed_for: Option<&str>, request: &Request<'_>) -> Result<Route, Unrouted> {
    let target = target(request).map_err(|error| unreadable(signed_for, &error))?;
    let service = service(signed_for, &target);
    match (service, target) {
        (Some(service), Target::Header { prefix, name, protocol }) => {
            let protocol = if service.speaks(protocol) {
                protocol
            } else {
                first_protocol(service, protocol)
            };
            let is_own = service.target_prefix == Some(prefix.as_str());
            find(service, protocol, if is_own { &name } else { "" })
        }
        (Some(service), Target::Action(name)) => find(service, first_protocol(service, Protocol::AwsQuery), &name),
        (Some(service), Target::None) => Err(unrouted(service, first_protocol(service, Protocol::AwsJson11), "")),
        (None, Target::Header { protocol, .. }) => Err(nobody(protocol)),
        (None, Target::Action(_)) => Err(nobody(Protocol::AwsQuery)),
        (None, Target::None) => Err(nobody(Protocol::AwsJson11)),
    }
}

fn target(request: &Request<'_>) -> Result<Target, DecodeError> {
    if let Some(header) = request.header("x-amz-target") {
        let (prefix, name) = header.rsplit_once('.').unwrap_or(("", header));
        let is_1_0 = request
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/x-amz-json-1.0"));
        return Ok(Target::Header {
            prefix: prefix.to_owned(),
            name: name.to_owned(),
            protocol: if is_1_0 {
                Protocol::AwsJson10
            } else {
                Protocol::AwsJson11
            },
        });
    }
    let pairs = form::pairs(request)?;
    Ok(form::value(&pairs, "Action").map_or(Target::None, |name| Target::Action(name.to_owned())))
}

fn service(signed_for: Option<&str>, target: &Target) -> Option<&'static ServiceModel> {
    let all = SERVICES.iter().copied();
    match (signed_for, target) {
        (Some(name), _) => named(name),
        (None, Target::Header { prefix, .. }) => all
            .into_iter()
            .find(|service| service.target_prefix == Some(prefix.as_str())),
        (None, Target::Action(_) | Target::None) => None,
    }
}

fn named(name: &str) -> Option<&'static ServiceModel> {
    SERVICES.iter().copied().find(|service| service.name == name)
}

/// What the service speaks first, or `otherwise` if it speaks nothing.
fn first_protocol(service: &ServiceModel, otherwise: Protocol) -> Protocol {
    service.protocols.first().copied().unwrap_or(otherwise)
}

fn find(service: &'static ServiceModel, protocol: Protocol, name: &str) -> Result<Route, Unrouted> {
    let operation = Operation::find(service, name).ok_or_else(|| unrouted(service, protocol, name))?;
    Ok(Route::new(operation, protocol))
}

fn unrouted(service: &'static ServiceModel, protocol: Protocol, name: &str) -> Unrouted {
    let error = if service.knows(name) {
        not_built(service, name)
    } else {
        unknown(protocol, name)
    };
    Unrouted {
        service: Some(service),
        protocol,
        error,
    }
}

/// A request that names no service that we have.
fn nobody(protocol: Protocol) -> Unrouted {
    Unrouted {
        service: None,
        protocol,
        error: unknown(protocol, ""),
    }
}

/// A form that cannot be read, so that it is not even known what it calls.
fn unreadable(signed_for: Option<&str>, error: &DecodeError) -> Unrouted {
    let service = signed_for.and_then(named);
    let protocol = service.map_or(Protocol::AwsQuery, |service| {
        first_protocol(service, Protocol::AwsQuery)
    });
    let error = ServiceError::client("MalformedQueryString", error.to_string());
    Unrouted {
        service,
        protocol,
        error,
    }
}

/// What a service answers to an operation that it never had.
fn unknown(protocol: Protocol, name: &str) -> ServiceError {
    match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => ServiceError::client("UnknownOperationException", ""),
        Protocol::AwsQuery | Protocol::Ec2Query if name.is_empty() => ServiceError::client(
            "MissingAction",
            "The request is missing an action or a required parameter.",
        ),
        Protocol::AwsQuery | Protocol::Ec2Query => {
            let message = format!("The action {name} is not valid for this web service.");
            ServiceError::client("InvalidAction", message)
        }
    }
}

/// What a service answers to an operation that it has at AWS and not here, in a code of its own.
#[must_use]
pub fn not_built(service: &ServiceModel, name: &str) -> ServiceError {
    let message = format!("The operation {name} of {} is not available here.", service.service_id);
    match service.name {
        "ecs" => ServiceError::client("UnsupportedFeatureException", message),
        "ec2" => ServiceError::client("UnsupportedOperation", message),
        _ if service.target_prefix.is_some() => ServiceError::client("UnknownOperationException", message),
        _ => ServiceError::client("InvalidAction", message),
    }
}
