//! Bodies of requests: decoded by the tables of an operation, which the first line names.

use berth_core::kernel::Scope;
use berth_wire::page::Key;
use berth_wire::protocol::{Protocol, Request, Route, encode_call, route};
use berth_wire::shapes::{Input, Operation, SERVICES, ecs, logs};
use berth_wire::sigv4::RequestHead;

use super::first_line;

/// JSON: `service Operation`, then the body.
pub(super) fn json(data: &[u8]) {
    let (line, body) = first_line(data);
    let Some(operation) = operation(line) else {
        return;
    };
    let route = Route::new(operation, Protocol::AwsJson11);
    decode(&route, "/", body);
    match route.model().name {
        "RegisterTaskDefinition" => again::<ecs::RegisterTaskDefinitionRequest>(&route, body),
        "RunTask" => again::<ecs::RunTaskRequest>(&route, body),
        "RegisterContainerInstance" => again::<ecs::RegisterContainerInstanceRequest>(&route, body),
        "PutLogEvents" => again::<logs::PutLogEventsRequest>(&route, body),
        _ => {}
    }
}

/// Forms: `service Operation`, then the query string, then the body.
pub(super) fn query(data: &[u8]) {
    let (line, rest) = first_line(data);
    let (target, body) = first_line(rest);
    let request = request(target, body);
    if let Ok(found) = route(line.split(' ').next(), &request) {
        decode(&found, target, body);
    }
    if let Some(operation) = operation(line) {
        decode(&Route::new(operation, Protocol::AwsQuery), target, body);
        decode(&Route::new(operation, Protocol::Ec2Query), target, body);
    }
}

/// A token that nobody gave out: every list refuses it.
pub(super) fn page_tokens(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let body = serde_json::json!({ "nextToken": token }).to_string();
    foreign::<ecs::ListTasksRequest>(Operation::Ecs(ecs::Operation::ListTasks), &body, token);
    foreign::<ecs::ListClustersRequest>(Operation::Ecs(ecs::Operation::ListClusters), &body, token);
    foreign::<logs::FilterLogEventsRequest>(Operation::Logs(logs::Operation::FilterLogEvents), &body, token);
}

fn foreign<I: Input + std::fmt::Debug>(operation: Operation, body: &str, token: &str) {
    let scope = Scope {
        account: "000000000001".parse().expect("an account"),
        region: "us-east-1".parse().expect("a region"),
    };
    let request = request("/", body.as_bytes());
    let route = Route::new(operation, Protocol::AwsJson11).paged(&Key::new([7; 32]), &scope, &request);
    let read = route.decode::<I>(&request);
    assert_eq!(read.is_ok(), token.is_empty(), "nobody gave out {token:?}");
}

fn operation(line: &str) -> Option<Operation> {
    let (service, name) = line.split_once(' ')?;
    let service = SERVICES.iter().find(|known| known.name == service)?;
    Operation::find(service, name)
}

fn request<'a>(target: &'a str, body: &'a [u8]) -> Request<'a> {
    const HEADERS: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
    let head = RequestHead {
        method: "POST",
        target,
        headers: HEADERS,
    };
    Request { head, body }
}

fn decode(route: &Route, target: &str, body: &[u8]) {
    let _ = route.protocol.decode_request(route.model(), &request(target, body));
}

/// What was read says the same when it is written and read again.
fn again<I: Input + Clone + PartialEq + std::fmt::Debug>(route: &Route, body: &[u8]) {
    if let Ok(read) = route.decode::<I>(&request("/", body)) {
        let written = encode_call(read.clone()).body;
        assert_eq!(route.decode::<I>(&request("/", &written)), Ok(read));
    }
}
