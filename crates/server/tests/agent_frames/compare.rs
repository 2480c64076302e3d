//! What is here beside what was recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::recording::CLUSTER;

/// A definition of what a recorded payload runs, as far as Berth carries it out.
pub(crate) fn definition(task: &Value) -> Value {
    let environment = |container: &Value| {
        let pairs = container["environment"].as_object().cloned().unwrap_or_default();
        pairs
            .into_iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect::<Value>()
    };
    let container = |container: &Value| {
        let mut made = json!({ "memory": 16, "environment": environment(container) });
        for member in [
            "name",
            "image",
            "essential",
            "cpu",
            "memory",
            "command",
            "entryPoint",
            "portMappings",
            "stopTimeout",
        ] {
            if let Some(value) = container.get(member) {
                made[member] = value.clone();
            }
        }
        made
    };
    let containers = task["containers"].as_array().unwrap();
    let mut made = json!({
        "family": task["family"],
        "containerDefinitions": containers.iter().map(container).collect::<Value>(),
    });
    if let Some(mode) = task.get("networkMode") {
        made["networkMode"] = mode.clone();
    }
    made
}

/// What the agent is told, beside what it was told when it was recorded.
pub(crate) fn check_assignment(recorded: &Value, told: &Value, task: &str) {
    assert_eq!(told["arn"], task);
    assert_eq!(told["taskClusterArn"], CLUSTER);
    assert!(told["version"].is_string() && told["group"].is_string());
    for member in [
        "desiredStatus",
        "family",
        "launchType",
        "networkMode",
        "taskDefinitionAccountId",
    ] {
        assert_eq!(recorded.get(member).unwrap_or(&told[member]), &told[member], "{member}");
    }
    let awsvpc = recorded["networkMode"] == "awsvpc";
    check_interfaces(told, awsvpc);
    let (recorded, told) = (
        recorded["containers"].as_array().unwrap(),
        told["containers"].as_array().unwrap(),
    );
    assert_eq!(recorded.len(), told.len());
    for (recorded, told) in recorded.iter().zip(told) {
        check_container(recorded, told, awsvpc);
    }
}

fn check_container(recorded: &Value, told: &Value, awsvpc: bool) {
    for member in ["name", "image", "essential", "cpu", "memory", "command", "stopTimeout"] {
        assert_eq!(recorded.get(member).unwrap_or(&told[member]), &told[member], "{member}");
    }
    let or_empty = |container: &Value, member: &str, empty: Value| container.get(member).cloned().unwrap_or(empty);
    let mut environment = or_empty(told, "environment", json!({}));
    // The control plane says where a container runs; the recorded one did not.
    environment.as_object_mut().unwrap().remove("AWS_EXECUTION_ENV");
    assert_eq!(or_empty(recorded, "environment", json!({})), environment);
    let ports = |container| or_empty(container, "portMappings", json!([]));
    assert_eq!(
        if awsvpc { json!([]) } else { ports(recorded) },
        ports(told),
        "Docker publishes none of an interface"
    );
    assert!(
        told["containerArn"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:ecs:us-east-1:123456789012:container/default/")
    );
    let docker = &told["dockerConfig"];
    assert_eq!(docker["version"], "1.21");
    let text = |member: &str| serde_json::from_str::<Value>(docker[member].as_str().unwrap()).unwrap();
    assert!(text("config").is_object());
    assert_eq!(
        text("hostConfig").get("NetworkMode"),
        (!awsvpc).then_some(&json!("bridge"))
    );
}

/// An interface has what the stock agent cannot do without.
fn check_interfaces(told: &Value, awsvpc: bool) {
    let interfaces = told["elasticNetworkInterfaces"].as_array().cloned().unwrap_or_default();
    assert_eq!(interfaces.len(), usize::from(awsvpc));
    for interface in interfaces {
        let text = |member: &str| interface[member].as_str().unwrap().to_owned();
        assert!(text("attachmentArn").starts_with("arn:aws:ecs:us-east-1:123456789012:attachment/"));
        assert!(text("ec2Id").starts_with("eni-") && text("macAddress").len() == 17);
        assert!(text("subnetGatewayIpv4Address").ends_with("/20"));
        assert_eq!(interface["ipv4Addresses"][0]["primary"], true);
        assert!(
            interface["ipv4Addresses"][0]["privateAddress"]
                .as_str()
                .unwrap()
                .starts_with("172.31.")
        );
    }
}

/// All that a state change says is shown: of a container that it names twice, what it says last.
pub(crate) fn check_reported(reported: &Value, shown: &Value) {
    for time in ["pullStartedAt", "pullStoppedAt", "executionStoppedAt"] {
        assert_eq!(reported.get(time).unwrap_or(&shown[time]), &shown[time], "{time}");
    }
    let shown = shown["containers"].as_array().unwrap();
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    for container in reported["containers"].as_array().into_iter().flatten() {
        last.insert(container["containerName"].as_str().unwrap(), container);
    }
    for (name, reported) in last {
        let shown = shown.iter().find(|container| container["name"] == name).unwrap();
        assert_eq!(shown["lastStatus"], reported["status"]);
        for member in ["exitCode", "reason", "runtimeId", "imageDigest", "networkBindings"] {
            assert_eq!(
                reported.get(member).unwrap_or(&shown[member]),
                &shown[member],
                "{member} of {name}"
            );
        }
    }
}
