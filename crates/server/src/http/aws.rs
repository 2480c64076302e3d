//! AWS requests: read, authenticate, find what is called, answer.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use berth_wire::protocol::{self, Protocol, ServiceError, Unrouted, route};

use super::limits::{self, Unread};
use crate::App;
use crate::auth::{self, Authenticated, Head};
use crate::services::{self, Call};

/// Answers an AWS request.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let request_id = request_id();
    let (parts, body) = request.into_parts();
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let body = match limits::collect(&app.bodies, body, asks_first).await {
        Ok(body) => body,
        Err(unread) => return unread_body(unread, &request_id),
    };
    let head = Head::of(&parts);
    let answered = answered(&app, &head, &body.bytes, &request_id).await;
    app.metrics.request(
        answered.service,
        answered.operation,
        answered.response.status,
        started.elapsed(),
    );
    respond(answered.response)
}

/// An answer, and what was called as far as that is known.
struct Answered {
    service: &'static str,
    operation: &'static str,
    response: protocol::Response,
}

async fn answered(app: &App, head: &Head<'_>, body: &[u8], request_id: &str) -> Answered {
    let headers = head.headers();
    let raw = protocol::Request {
        head: head.request(&headers),
        body,
    };
    let routed = route(auth::signed_for(&raw.head).as_deref(), &raw);
    let authenticated = auth::authenticate(app, &raw.head, body).await;
    let (route, Authenticated { principal, scope }) = match (routed, authenticated) {
        (Ok(route), Ok(authenticated)) => (route, authenticated),
        (routed, Err(refusal)) => return refused(&routed, &refusal, request_id),
        (Err(unrouted), Ok(_)) => return unknown(&unrouted, request_id),
    };
    let route = route.paged(&app.config.page_key, &scope, &raw);
    let call = Call {
        route: &route,
        raw: &raw,
        principal,
        scope,
        host: head.host(),
    };
    let response = match services::answer(app, &call).await {
        Ok(output) => route.encode(output, request_id),
        Err(error) => route.refuse(&error, request_id),
    };
    Answered {
        service: route.service().name,
        operation: route.model().name,
        response,
    }
}

fn refused(routed: &Result<protocol::Route, Unrouted>, error: &auth::Error, request_id: &str) -> Answered {
    let (service, protocol) = match routed {
        Ok(route) => (Some(route.service()), route.protocol),
        Err(unrouted) => (unrouted.service, unrouted.protocol),
    };
    let refusal = error.refusal(auth::style(protocol));
    let error = ServiceError::with_status(refusal.code, refusal.message, refusal.status);
    let response = protocol.encode_error(service, &error, request_id);
    Answered {
        service: service.map_or("unknown", |service| service.name),
        operation: "unauthenticated",
        response,
    }
}

fn unknown(unrouted: &Unrouted, request_id: &str) -> Answered {
    let service = unrouted.service.map_or("unknown", |service| service.name);
    Answered {
        service,
        operation: "unknown",
        response: unrouted.refuse(request_id),
    }
}

fn unread_body(unread: Unread, request_id: &str) -> Response<Body> {
    respond(Protocol::AwsJson11.encode_error(None, &self::unread(unread), request_id))
}

/// The exception for a body that was not taken.
pub(super) fn unread(unread: Unread) -> ServiceError {
    match unread {
        Unread::TooLarge => {
            let text = format!("The request's body is larger than {} bytes.", limits::BODY_BYTES);
            ServiceError::with_status("RequestEntityTooLargeException", text, 413)
        }
        Unread::TooSlow => ServiceError::with_status("RequestTimeout", "The request's body took too long.", 408),
        Unread::Displaced => {
            let text = "Too many requests arrive at once, and this one was among the slowest. Try again.";
            ServiceError::with_status("ServiceUnavailableException", text, 503)
        }
        Unread::Broken => ServiceError::client("IncompleteBody", "The request's body ended early."),
    }
}

pub(super) fn respond(answer: protocol::Response) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let builder = answer
        .headers
        .into_iter()
        .fold(Response::builder().status(status), |builder, (name, value)| {
            builder.header(name, value)
        });
    let response = builder
        .header(header::CONTENT_LENGTH, answer.body.len())
        .body(Body::from(answer.body));
    response.expect("names and values of headers come from the protocol's own tables")
}

/// A new request id, in the form of a UUID.
pub(crate) fn request_id() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    berth_core::kernel::ids::Uuid(u128::from_be_bytes(bytes)).to_string()
}
