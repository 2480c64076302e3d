//! The recorded traffic of the public ECS agent, read and written with our types.
//!
//! Equal means: the same JSON value, where nulls, empty lists and empty objects count as absent, and numbers count
//! by value (`2` is `2.0`). Nothing else may be lost or added.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use berth_wire::link::acs::{self, BackendMessage};
use berth_wire::link::frame::SignedFrame;
use berth_wire::link::upgrade::Connect;
use berth_wire::link::{docker, payload, tcs};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const FRAMES: &str = include_str!("../../../tests/data/agent-frames.jsonl");

fn lines(kind: &str) -> impl Iterator<Item = (usize, Value)> {
    let parsed = FRAMES.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    parsed
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(move |(_, line)| line["kind"] == kind)
}

/// The JSON of a recorded frame: text of a telemetry frame, or an object.
fn json_of(line: &Value) -> String {
    let msg = &line["msg"];
    msg.as_str().map_or_else(
        || msg.to_string(),
        |text| SignedFrame::parse(text).unwrap().json.to_owned(),
    )
}

fn normal(mut value: Value) -> Value {
    if let Some(number) = value.as_f64() {
        return Value::from(number);
    }
    if let Some(items) = value.as_array_mut() {
        return items.drain(..).map(normal).collect();
    }
    if let Some(members) = value.as_object_mut() {
        let members = std::mem::take(members)
            .into_iter()
            .map(|(name, member)| (name, normal(member)));
        return Value::Object(members.filter(|(_, member)| !is_absent(member)).collect());
    }
    value
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

fn parse(text: &str) -> Value {
    normal(serde_json::from_str(text).unwrap())
}

#[test]
fn every_frame_survives_our_types() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in lines("ws-send").chain(lines("ws-recv")) {
        let text = json_of(&line);
        let (kind, again) = match (line["kind"].as_str().unwrap(), line["which"].as_str().unwrap()) {
            ("ws-send", "acs") => {
                BackendMessage::parse(&text).map(|message| (message.kind().to_owned(), message.encode()))
            }
            ("ws-recv", "acs") => {
                acs::AgentMessage::parse(&text).map(|message| (message.kind().to_owned(), message.encode()))
            }
            ("ws-send", "tcs") => {
                tcs::BackendMessage::parse(&text).map(|message| (message.kind().to_owned(), message.encode()))
            }
            ("ws-recv", "tcs") => {
                tcs::AgentMessage::parse(&text).map(|message| (message.kind().to_owned(), message.encode()))
            }
            other => panic!("line {number}: {other:?}"),
        }
        .unwrap_or_else(|error| panic!("line {number}: {error}"));
        *seen.entry(kind.clone()).or_default() += 1;
        // A type that does not exist, sent to see what the agent does.
        if kind != "UpdateDesiredTaskState" {
            assert_eq!(parse(&again), parse(&text), "line {number}");
        }
    }
    assert_eq!(seen.values().sum::<usize>(), 59);
    assert_eq!(seen.get("PayloadMessage"), Some(&14));
    assert_eq!(seen.get("PublishHealthRequest"), Some(&4));
    assert_eq!(seen.get("TaskStopVerificationMessage"), Some(&1));
}

#[test]
fn every_upgrade_survives_our_types() {
    for (number, line) in lines("ws-connect") {
        let path = line["path"].as_str().unwrap();
        let query = path.split_once('?').unwrap().1;
        let connect = Connect::parse(query).unwrap();
        let again = if line["which"] == "acs" {
            connect.to_acs_query()
        } else {
            connect.to_tcs_query()
        };
        assert_eq!(again, query, "line {number}");
        assert_eq!(connect.cluster, "default");
        assert_eq!(connect.docker_version, "20.10.24+dfsg1");
        assert_eq!(connect.berth_version, None);
    }
}

fn payloads() -> Vec<acs::PayloadMessage> {
    let messages = lines("ws-send").map(|(_, line)| BackendMessage::parse(&json_of(&line)).unwrap());
    let payload = |message| {
        if let BackendMessage::Payload(payload) = message {
            Some(payload)
        } else {
            None
        }
    };
    messages.filter_map(payload).collect()
}

#[test]
fn payloads_say_what_was_recorded() {
    let payloads = payloads();
    let task = &payloads
        .iter()
        .find(|payload| payload.message_id == "pay-5")
        .unwrap()
        .tasks[0];
    assert_eq!((task.cpu, task.memory), (Some(0.5), Some(256)));
    assert_eq!(task.role_credentials.as_ref().unwrap().access_key_id, "ASIATASK");
    let app = &task.containers[1];
    assert_eq!(app.overriding_command().unwrap().unwrap()[..2], ["sh", "-c"]);
    assert_eq!(app.depends_on[0].condition, payload::ContainerCondition::Complete);
    assert_eq!(app.health_check_type, Some(payload::HealthCheckType::Docker));
    let host_config = app.docker_config.as_ref().unwrap().host_config.as_ref().unwrap();
    let host_config: docker::HostConfig = serde_json::from_str(host_config).unwrap();
    assert_eq!(host_config.network_mode.as_deref(), Some("bridge"));
    let bad = payloads.iter().find(|payload| payload.message_id == "bad-ovr").unwrap();
    assert!(bad.tasks[0].containers[0].overriding_command().is_err());
    let awsvpc = &payloads
        .iter()
        .find(|payload| payload.message_id == "vpc1")
        .unwrap()
        .tasks[0];
    assert_eq!(awsvpc.network_mode, Some(payload::NetworkMode::Awsvpc));
    let interface = &awsvpc.elastic_network_interfaces[0];
    assert_eq!(interface.subnet_gateway_ipv4_address.as_deref(), Some("10.1.2.1/24"));
    assert_eq!(interface.ipv4_addresses[0].private_address, "10.1.2.3");
}

/// Facts that the server's reading of state changes relies on.
#[test]
fn state_changes_have_the_shape_that_we_count_on() {
    let mut repeated = 0;
    let mut early_ends = 0;
    for (number, line) in lines("http") {
        let target = line["headers"]["X-Amz-Target"].as_str().unwrap();
        assert!(
            !target.ends_with("SubmitContainerStateChange"),
            "the agent does not use it"
        );
        if !target.ends_with("SubmitTaskStateChange") {
            continue;
        }
        let body = &line["body"];
        let status = body["status"].as_str().unwrap();
        assert!(["PENDING", "RUNNING", "STOPPED"].contains(&status), "line {number}");
        assert!(body["reason"].is_string() && body["task"].is_string() && body["cluster"].is_string());
        let containers: Vec<&Value> = body["containers"].as_array().into_iter().flatten().collect();
        for container in &containers {
            assert!(
                container["containerName"].is_string() && container["status"].is_string(),
                "line {number}"
            );
        }
        let names: Vec<_> = containers.iter().map(|container| &container["containerName"]).collect();
        repeated += usize::from(
            names
                .iter()
                .enumerate()
                .any(|(index, name)| names[..index].contains(name)),
        );
        early_ends += usize::from(status != "STOPPED" && body["executionStoppedAt"].is_number());
    }
    assert_eq!(
        repeated, 1,
        "a container that ended before it was reported as running comes twice, in order"
    );
    assert_eq!(
        early_ends, 2,
        "executionStoppedAt comes while the task is still on its way down"
    );
}
