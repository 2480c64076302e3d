//! Whole payloads, member by member: all that the stock agent is told of a task, and nothing that it would stumble over.

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::recording::{ACCOUNT, CLUSTER, INSTANCE, line};
use crate::world::{World, subnet};

/// What the recorded machine does not announce: it had no task limits, and Docker's log drivers are its operator's choice.
const MORE: [&str; 2] = [
    "ecs.capability.task-cpu-mem-limit",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
];

/// A definition with all that is carried out and that the stock agent reads.
fn full(network_mode: &str) -> Value {
    let bridge = network_mode == "bridge";
    json!({
        "family": "full",
        "networkMode": network_mode,
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "web",
                "image": "busybox:test",
                "essential": true,
                "cpu": 10,
                "memory": 64,
                "memoryReservation": 32,
                "entryPoint": ["sh", "-c"],
                "command": ["sleep 9"],
                "environment": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                "portMappings": [
                    { "containerPort": 80, "hostPort": if bridge { 0 } else { 80 } },
                    { "containerPort": 53, "hostPort": if bridge { 5353 } else { 53 }, "protocol": "udp" },
                ],
                "user": "app:daemon",
                "workingDirectory": "/tmp",
                "stopTimeout": 7,
                "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "g", "awslogs-region": "us-east-1" } },
            },
            { "name": "side", "image": "busybox:test", "essential": false },
        ],
    })
}

/// A machine that can run it, with its agent connected.
fn machine() -> (World, Agent) {
    let world = World::at(&line(3));
    world.join_with("EC2", &MORE);
    let mut agent = Agent::connect(&world.plane);
    agent.answer_heartbeat();
    (world, agent)
}

/// Runs the definition, with overrides for the first container. Answers the task, and the payload that tells of it.
fn told(world: &World, agent: &mut Agent, definition: &Value) -> (Value, Value) {
    let registered = world.plane.call("RegisterTaskDefinition", definition).ok();
    let mut request = json!({
        "taskDefinition": registered["taskDefinition"]["taskDefinitionArn"],
        "group": "canaries",
        "overrides": { "containerOverrides": [{
            "name": "web",
            "command": ["sleep 8"],
            "environment": [{ "name": "B", "value": "3" }, { "name": "C", "value": "4" }],
            "cpu": 20,
            "memoryReservation": 48,
        }] },
    });
    if definition["networkMode"] == "awsvpc" {
        request["networkConfiguration"] = json!({ "awsvpcConfiguration": { "subnets": [subnet()] } });
    }
    let mut ran = world.plane.call("RunTask", &request).ok();
    assert_eq!(ran["failures"], json!([]));
    (ran["tasks"][0].take(), agent.expect("PayloadMessage"))
}

/// The containers, of which `ports` and Docker's network mode follow from that of the task.
fn containers(task: &Value, ports: Value, network_mode: Option<&str>) -> Value {
    let mut host = json!({
        "LogConfig": { "Type": "awslogs", "Config": { "awslogs-group": "g", "awslogs-region": "us-east-1" } },
        "MemoryReservation": 48 << 20,
    });
    let mut plain = json!({});
    if let Some(mode) = network_mode {
        host["NetworkMode"] = mode.into();
        plain["NetworkMode"] = mode.into();
    }
    let mut web = json!({
        "name": "web",
        "image": "busybox:test",
        "essential": true,
        "containerArn": task["containers"][0]["containerArn"],
        "command": ["sleep 8"],
        "entryPoint": ["sh", "-c"],
        "environment": { "A": "1", "B": "3", "C": "4", "AWS_EXECUTION_ENV": "AWS_ECS_EC2" },
        "cpu": 20,
        "memory": 64,
        "stopTimeout": 7,
        "dockerConfig": { "version": "1.21", "config": { "User": "app:daemon", "WorkingDir": "/tmp" }, "hostConfig": host },
    });
    if ports != json!([]) {
        web["portMappings"] = ports;
    }
    let side = json!({
        "name": "side",
        "image": "busybox:test",
        "essential": false,
        "containerArn": task["containers"][1]["containerArn"],
        "environment": { "AWS_EXECUTION_ENV": "AWS_ECS_EC2" },
        "cpu": 0,
        "dockerConfig": { "version": "1.21", "config": {}, "hostConfig": plain },
    });
    json!([web, side])
}

/// The payload as the stock agent reads it: without Berth's own members, Docker's texts as what they say.
fn as_read(mut payload: Value) -> Value {
    for task in payload["tasks"].as_array_mut().unwrap() {
        for container in task["containers"].as_array_mut().unwrap() {
            container.as_object_mut().unwrap().remove("berth");
            for text in ["config", "hostConfig"] {
                let said = container["dockerConfig"][text].as_str().unwrap();
                container["dockerConfig"][text] = serde_json::from_str(said).unwrap();
            }
        }
    }
    payload
}

/// The message around `told`.
fn message(world: &World, payload: &Value, told: &Value) -> Value {
    json!({
        "messageId": payload["messageId"],
        "clusterArn": CLUSTER,
        "containerInstanceArn": INSTANCE,
        "seqNum": payload["seqNum"],
        "generatedAt": world.plane.now_ms(),
        "tasks": [told],
    })
}

fn task(task: &Value, network_mode: &str, containers: &Value) -> Value {
    json!({
        "arn": task["taskArn"],
        "desiredStatus": "RUNNING",
        "taskClusterArn": CLUSTER,
        "family": "full",
        "version": "1",
        "taskDefinitionAccountId": ACCOUNT,
        "zone": "us-east-1a",
        "group": "canaries",
        "launchType": "EC2",
        "networkMode": network_mode,
        "cpu": 0.25,
        "memory": 512,
        "containers": containers,
    })
}

#[test]
fn all_that_is_said_of_a_task_in_bridge_mode() {
    let (world, mut agent) = machine();
    let (ran, payload) = told(&world, &mut agent, &full("bridge"));
    let ports = json!([
        { "containerPort": 80, "hostPort": 0, "protocol": "tcp" },
        { "containerPort": 53, "hostPort": 5353, "protocol": "udp" },
    ]);
    let expected = task(&ran, "bridge", &containers(&ran, ports, Some("bridge")));
    assert_eq!(as_read(payload.clone()), message(&world, &payload, &expected));
}

#[test]
fn all_that_is_said_of_a_task_with_an_interface() {
    let (world, mut agent) = machine();
    let (ran, payload) = told(&world, &mut agent, &full("awsvpc"));
    let mut expected = task(&ran, "awsvpc", &containers(&ran, json!([]), None));
    let detail = |name: &str| {
        let details = ran["attachments"][0]["details"].as_array().unwrap();
        let found = details.iter().find(|detail| detail["name"] == name);
        found.unwrap()["value"].clone()
    };
    let attachment = ran["attachments"][0]["id"].as_str().unwrap();
    let address = detail("privateIPv4Address");
    expected["elasticNetworkInterfaces"] = json!([{
        "attachmentArn": format!("arn:aws:ecs:us-east-1:{ACCOUNT}:attachment/{attachment}"),
        "ec2Id": detail("networkInterfaceId"),
        "macAddress": detail("macAddress"),
        "index": 0,
        "ipv4Addresses": [{ "privateAddress": address, "primary": true }],
        "subnetGatewayIpv4Address": "172.31.0.1/20",
        "privateDnsName": detail("privateDnsName"),
    }]);
    assert_eq!(as_read(payload.clone()), message(&world, &payload, &expected));
}

/// What the definition requires of machines.
fn required(world: &World, definition: &Value) -> Vec<String> {
    let registered = world.plane.call("RegisterTaskDefinition", definition).ok();
    names(&registered["taskDefinition"]["requiresAttributes"])
}

fn names(attributes: &Value) -> Vec<String> {
    let attributes = attributes.as_array().unwrap();
    attributes
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The capabilities that the recorded agents announced are those that definitions ask for, in the same words.
#[test]
fn the_recorded_agents_can_do_what_definitions_ask_for() {
    let world = World::at(&line(3));
    let container = |members: Value| {
        let mut container = json!({ "name": "app", "image": "busybox:test", "memory": 16 });
        container
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        json!({ "family": "needs", "containerDefinitions": [container] })
    };
    let with_role = json!({ "family": "needs", "taskRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/t"), "networkMode": "bridge",
        "containerDefinitions": [{ "name": "app", "image": "busybox:test", "memory": 16 }] });
    let announced = names(&line(1).request()["attributes"]);
    for members in [
        json!({ "memoryReservation": 8 }),
        json!({ "logConfiguration": { "logDriver": "json-file" } }),
        json!({ "logConfiguration": { "logDriver": "awsfirelens" } }),
        json!({ "healthCheck": { "command": ["CMD-SHELL", "true"] } }),
        json!({ "privileged": true }),
        json!({ "interactive": true }),
        json!({ "linuxParameters": { "initProcessEnabled": true } }),
        json!({ "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }] }),
        json!({ "environmentFiles": [{ "type": "s3", "value": "arn:aws:s3:::b/f.env" }] }),
        json!({ "startTimeout": 5 }),
    ] {
        let asked = required(&world, &container(members.clone()));
        assert!(!asked.is_empty(), "{members}");
        for name in asked {
            assert!(announced.contains(&name), "{members} asks for {name}");
        }
    }
    // The agent that came back had roles of tasks, too.
    let announced = names(&line(35).request()["attributes"]);
    for name in required(&world, &with_role) {
        assert!(announced.contains(&name), "a role asks for {name}");
    }
}
