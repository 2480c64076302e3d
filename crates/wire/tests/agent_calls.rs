//! What the public agent really sent, and the sample that must register unchanged, read by the generated shapes.

use berth_wire::protocol::{Request, Route, encode_call, route};
use berth_wire::shapes::{Input, Operation, ecs};
use berth_wire::sigv4::RequestHead;
use serde_json::Value;

const FRAMES: &str = include_str!("../../../tests/data/agent-frames.jsonl");
const SAMPLE: &str = include_str!("../../../examples/sample-fargate-app/task-definition.json");

/// Reads a request whose body is this JSON, writes what was understood, and gives both as JSON.
fn reread(target: &str, body: &Value) -> (ecs::Operation, Value) {
    let headers: [(&str, &[u8]); 2] = [
        ("X-Amz-Target", target.as_bytes()),
        ("Content-Type", b"application/x-amz-json-1.1"),
    ];
    let head = RequestHead {
        method: "POST",
        target: "/",
        headers: &headers,
    };
    let body = body.to_string();
    let request = Request {
        head,
        body: body.as_bytes(),
    };
    let route = route(None, &request).expect("a known operation");
    let Operation::Ecs(operation) = route.operation else {
        panic!("{:?} is not of ECS", route.operation);
    };
    let written = match operation.name() {
        "CreateCluster" => again::<ecs::CreateClusterRequest>(&route, &request),
        "DiscoverPollEndpoint" => again::<ecs::DiscoverPollEndpointRequest>(&route, &request),
        "GetTaskProtection" => again::<ecs::GetTaskProtectionRequest>(&route, &request),
        "ListTagsForResource" => again::<ecs::ListTagsForResourceRequest>(&route, &request),
        "RegisterContainerInstance" => again::<ecs::RegisterContainerInstanceRequest>(&route, &request),
        "RegisterTaskDefinition" => again::<ecs::RegisterTaskDefinitionRequest>(&route, &request),
        "SubmitTaskStateChange" => again::<ecs::SubmitTaskStateChangeRequest>(&route, &request),
        other => panic!("the agent did not call {other} when it was recorded"),
    };
    (operation, serde_json::from_slice(&written).expect("JSON"))
}

fn again<I: Input>(route: &Route, request: &Request<'_>) -> Vec<u8> {
    encode_call(route.decode::<I>(request).expect("readable")).body
}

#[test]
fn nothing_that_the_agent_said_is_lost() {
    let mut operations = std::collections::BTreeSet::new();
    for line in FRAMES.lines() {
        let frame: Value = serde_json::from_str(line).expect("a frame");
        let target = frame["headers"]["X-Amz-Target"].as_str().unwrap_or_default();
        if frame["kind"] == "http" && target.starts_with("AmazonEC2ContainerService") {
            let (operation, understood) = reread(target, &frame["body"]);
            assert_eq!(understood, frame["body"], "{operation:?}");
            operations.insert(operation.name());
        }
    }
    let expected = [
        "CreateCluster",
        "DiscoverPollEndpoint",
        "GetTaskProtection",
        "ListTagsForResource",
        "RegisterContainerInstance",
        "SubmitTaskStateChange",
    ];
    assert_eq!(Vec::from_iter(operations), expected);
}

#[test]
fn the_sample_is_understood_whole() {
    let sample: Value = serde_json::from_str(SAMPLE).expect("JSON");
    let (_, understood) = reread("AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &sample);
    assert_eq!(understood, sample);
}
