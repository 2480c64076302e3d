//! Golden bytes per protocol, round trips over every generated shape, and hostile input.

mod hostile;
mod json;
mod model;
mod query;
mod routes;

use super::{Request, Response};
use crate::sigv4::RequestHead;

/// A request to `/` with these headers.
fn post<'a>(headers: &'a [(&'a str, &'a [u8])], body: &'a str) -> Request<'a> {
    let head = RequestHead {
        method: "POST",
        target: "/",
        headers,
    };
    let body = body.as_bytes();
    Request { head, body }
}

/// A request with a form as its body.
fn form(body: &str) -> Request<'_> {
    post(
        &[("Content-Type", b"application/x-www-form-urlencoded; charset=utf-8")],
        body,
    )
}

/// Status, headers and body as people read them.
fn show(response: &Response) -> String {
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"));
    let body = String::from_utf8_lossy(&response.body);
    format!("{}\n{}\n{body}\n", response.status, headers.collect::<String>())
}
