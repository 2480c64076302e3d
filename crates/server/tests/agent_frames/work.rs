//! What is said on the ACS socket: work, what confirms it, and what keeps the connection alive.

use berth_core::control::RECONNECT_GRACE_MS;
use berth_core::ecs::session::{HEARTBEAT_MS, RESEND_MS, SILENCE_MS};
use berth_wire::link::extension::BERTH_VERSION;
use berth_wire::link::upgrade::Connect;
use serde_json::{Value, json};

use crate::agent::{Agent, candidate, check_head, stock, unknown_task};
use crate::recording::{CLUSTER, line};
use crate::summary::summary;
use crate::world::{World, sleeper};

/// A control plane with a connected agent that has answered its first heartbeat.
fn connected() -> (World, Agent) {
    let world = World::joined_at(&line(3));
    let mut agent = Agent::connect(&world.plane);
    agent.answer_heartbeat();
    agent.assert_quiet();
    (world, agent)
}

/// The tasks of a payload, by ARN.
fn told(payload: &Value) -> Vec<&str> {
    let tasks = payload["tasks"].as_array().unwrap();
    tasks.iter().map(|task| task["arn"].as_str().unwrap()).collect()
}

#[test]
fn payloads_are_repeated_until_they_are_acknowledged() {
    let (world, mut agent) = connected();
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    let first = agent.expect("PayloadMessage");
    check_head(&first, world.plane.now_ms());
    assert_eq!(told(&first), [&task]);
    world.plane.advance(RESEND_MS - 1);
    agent.assert_quiet();
    world.plane.advance(1);
    let second = agent.expect("PayloadMessage");
    assert_eq!(told(&second), [&task]);
    assert_ne!(second["messageId"], first["messageId"]);
    assert!(second["seqNum"].as_i64() > first["seqNum"].as_i64());
    agent.assert_quiet();
    // The acknowledgement of a message that was overtaken does not count: the later one may have said something else.
    agent.acknowledge(&first);
    agent.acknowledge(&json!({ "messageId": "nobody-said-this", "clusterArn": CLUSTER, "containerInstanceArn": "" }));
    agent.assert_quiet();
    world.plane.advance(RESEND_MS);
    // The heartbeat is due, too.
    let mut meanwhile = agent.settle();
    meanwhile.retain(|(kind, _)| kind != "HeartbeatMessage");
    let [(kind, third)] = meanwhile.try_into().unwrap();
    assert_eq!((kind.as_str(), told(&third)), ("PayloadMessage", vec![task.as_str()]));
    agent.acknowledge(&third);
    agent.assert_quiet();
    for _ in 0..4 {
        world.plane.advance(RESEND_MS);
        assert!(
            agent.settle().iter().all(|(kind, _)| kind == "HeartbeatMessage"),
            "never again"
        );
    }
}

#[test]
fn a_stop_is_told_once_more_and_shown_when_the_agent_has_taken_it() {
    let (world, mut agent) = connected();
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    let payload = agent.expect("PayloadMessage");
    agent.acknowledge(&payload);
    agent.assert_quiet();
    world.submit(&line(16), &task);
    world
        .plane
        .call("StopTask", &json!({ "task": task, "reason": "enough" }))
        .ok();
    let stop = agent.expect("PayloadMessage");
    assert_eq!(
        (told(&stop), &stop["tasks"][0]["desiredStatus"]),
        (vec![task.as_str()], &json!("STOPPED"))
    );
    assert_eq!(
        stop["tasks"][0].get("containers"),
        None,
        "a stop needs no more than the ARN"
    );
    assert_eq!(world.describe(&task)["lastStatus"], "RUNNING");
    agent.acknowledge(&stop);
    agent.assert_quiet();
    assert_eq!(world.describe(&task)["lastStatus"], "STOPPING");
    world.submit(&line(28), &task);
    let shown = world.describe(&task);
    assert_eq!(
        (&shown["stopCode"], &shown["stoppedReason"]),
        (&json!("UserInitiated"), &json!("enough"))
    );
    agent.assert_quiet();
}

#[test]
fn reports_may_come_late_early_or_twice() {
    let (world, _agent) = connected();
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    // The end first, then the start: nothing goes backwards.
    world.submit(&line(28), &task);
    let over = world.describe(&task);
    assert_eq!(over["lastStatus"], "STOPPED");
    world.submit(&line(16), &task);
    world.submit(&line(28), &task);
    assert_eq!(world.describe(&task), over);
}

#[test]
fn only_tasks_that_should_not_run_may_be_stopped() {
    let (world, mut agent) = connected();
    let run = |agent: &mut Agent| {
        let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
        let payload = agent.expect("PayloadMessage");
        agent.acknowledge(&payload);
        task
    };
    let (runs, stops, over) = (run(&mut agent), run(&mut agent), run(&mut agent));
    world.plane.call("StopTask", &json!({ "task": stops })).ok();
    let payload = agent.expect("PayloadMessage");
    agent.acknowledge(&payload);
    world.submit(&line(28), &over);
    agent.assert_quiet();
    let unknown = unknown_task(1_000_000);
    let foreign = "arn:aws:ecs:us-east-1:210987654321:task/default/0123456789abcdef0123456789abcdef";
    let asked = [runs.as_str(), &stops, &over, &unknown, foreign, "nonsense"];
    let message = json!({
        "messageId": agent.manifest["messageId"],
        "stopCandidates": asked.map(candidate),
    });
    agent.say("TaskStopVerificationMessage", &message);
    let verified = agent.expect("TaskStopVerificationAck");
    assert_eq!(
        verified["messageId"], agent.manifest["messageId"],
        "the agent ignores any other"
    );
    assert_eq!(verified["generatedAt"], world.plane.now_ms());
    assert_eq!(
        verified["stopTasks"],
        json!([candidate(&stops), candidate(&over), candidate(&unknown)])
    );
    // Nothing may be stopped: nothing is said.
    let message = json!({ "messageId": agent.manifest["messageId"], "stopCandidates": [candidate(&runs)] });
    agent.say("TaskStopVerificationMessage", &message);
    agent.assert_quiet();
}

#[test]
fn answered_heartbeats_keep_a_connection() {
    let (world, mut agent) = connected();
    for _ in 0..10 {
        world.plane.advance(HEARTBEAT_MS - 1);
        agent.assert_quiet();
        world.plane.advance(1);
        agent.hear_heartbeat(world.plane.now_ms());
        agent.answer_heartbeat();
        agent.assert_quiet();
    }
    assert_eq!(world.instance()["agentConnected"], true);
}

#[test]
fn silence_ends_a_connection() {
    let world = World::joined_at(&line(3));
    let mut agent = Agent::connect(&world.plane);
    for _ in 1..SILENCE_MS / HEARTBEAT_MS {
        world.plane.advance(HEARTBEAT_MS);
        agent.heartbeat = None;
        agent.hear_heartbeat(world.plane.now_ms());
    }
    world.plane.advance(HEARTBEAT_MS);
    agent.assert_cut();
    world.plane.await_no_agents();
    world.plane.advance(RECONNECT_GRACE_MS);
    assert_eq!(world.instance()["agentConnected"], false);
}

#[test]
fn an_agent_counts_as_connected_while_its_socket_is_open_and_for_a_while_after() {
    let world = World::joined_at(&line(3));
    assert_eq!(world.instance()["agentConnected"], false);
    let agent = Agent::connect(&world.plane);
    let instance = world.instance();
    assert_eq!(instance["agentConnected"], true);
    let versions = json!({
        "agentHash": "a8b3e7d3",
        "agentVersion": "1.105.1",
        "dockerVersion": "DockerVersion: 20.10.24+dfsg1",
    });
    assert_eq!(instance["versionInfo"], versions);
    drop(agent);
    world.plane.await_no_agents();
    world.plane.advance(RECONNECT_GRACE_MS - 1);
    assert_eq!(world.instance()["agentConnected"], true, "it may come back");
    world.plane.advance(1);
    assert_eq!(world.instance()["agentConnected"], false);
}

#[test]
fn a_new_connection_takes_the_place_of_the_old_one() {
    let (world, old) = connected();
    let mut new = Agent::connect(&world.plane);
    old.assert_cut();
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    assert_eq!(told(&new.expect("PayloadMessage")), [&task]);
    assert_eq!(
        world.instance()["agentConnected"],
        true,
        "the end of the old one is not the agent's"
    );
}

#[test]
fn what_cannot_be_read_or_is_not_known_ends_nothing() {
    let (_world, mut agent) = connected();
    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"type":"AckRequest","message":{}}"#,
        r#"{"type":"AckRequest","message":{"messageId":7}}"#,
        r#"{"type":"HeartbeatAckRequest"}"#,
        r#"{"type":"IAMRoleCredentialsAckRequest","message":{"messageId":"a","credentialsId":"b","expiration":"c"}}"#,
        r#"{"type":"NackRequest","message":{"messageId":"a","reason":"Updates are disabled"}}"#,
        r#"{"type":"SomethingNew","message":{"x":[1]}}"#,
        r#"{"type":"PayloadMessage","message":{"messageId":"a"}}"#,
        r#"{"type":"TaskStopVerificationMessage","message":{"messageId":"a"}}"#,
        r#"{"type":"TaskStopVerificationMessage","message":{"messageId":"a","stopCandidates":[{}]}}"#,
    ] {
        agent.say_text(text);
    }
    agent.say_binary(&[0xff, 0xfe]);
    agent.assert_quiet();
}

#[test]
fn the_close_of_the_agent_is_completed() {
    let (world, agent) = connected();
    assert_eq!(
        agent.close(1000, "ConnectionExpired: Reconnect to continue"),
        Some(1000)
    );
    world.plane.await_no_agents();
}

/// A task with an interface of its own, told to an agent that announces this about itself.
fn with_interface(connect: &Connect) -> (World, Agent, String) {
    let world = World::at(&line(3));
    world.join("EC2");
    let mut agent = Agent::connect_as(&world.plane, connect);
    let task = world.run(&sleeper("awsvpc"), "EC2", None);
    let payload = agent.expect("PayloadMessage");
    assert_eq!(
        summary(&world.describe(&task)),
        "PROVISIONING, wants RUNNING, interface PRECREATED; app PROVISIONING"
    );
    agent.acknowledge(&payload);
    agent.assert_quiet();
    (world, agent, task)
}

#[test]
fn the_stock_agent_does_not_confirm_interfaces_so_its_acknowledgement_does() {
    let (world, mut agent, task) = with_interface(&stock());
    assert_eq!(
        summary(&world.describe(&task)),
        "PENDING, wants RUNNING, interface ATTACHED [connected]; app PENDING"
    );
    assert_eq!(world.describe(&task)["connectivity"], "CONNECTED");
    agent.assert_quiet();
}

#[test]
fn our_agent_confirms_interfaces_itself() {
    let ours = Connect {
        berth_version: Some(BERTH_VERSION),
        ..stock()
    };
    let (world, mut agent, task) = with_interface(&ours);
    let shown = world.describe(&task);
    assert_eq!(
        summary(&shown),
        "PROVISIONING, wants RUNNING, interface PRECREATED; app PROVISIONING"
    );
    let id = shown["attachments"][0]["id"].as_str().unwrap();
    let attachment = format!("arn:aws:ecs:us-east-1:123456789012:attachment/{id}");
    let report = json!({ "task": task, "attachments": [{ "attachmentArn": attachment, "status": "ATTACHED" }] });
    world.plane.call("SubmitTaskStateChange", &report).ok();
    assert_eq!(
        summary(&world.describe(&task)),
        "PENDING, wants RUNNING, interface ATTACHED [connected]; app PENDING"
    );
    agent.assert_quiet();
}

#[test]
fn reports_about_tasks_that_nobody_knows_are_acknowledged_and_nonsense_is_refused() {
    let world = World::joined_at(&line(3));
    let submit = |task: &str| {
        world
            .plane
            .call("SubmitTaskStateChange", &json!({ "task": task, "status": "STOPPED" }))
    };
    for known_to_nobody in [
        &unknown_task(1),
        "arn:aws:ecs:us-east-1:123456789012:task/default/dddd0000",
    ] {
        assert!(submit(known_to_nobody).ok()["acknowledgment"].is_string());
    }
    // The agent drops these events: they will not become better.
    for nonsense in [
        "nonsense",
        "arn:aws:ecs:us-east-1:210987654321:task/default/0123456789abcdef0123456789abcdef",
    ] {
        assert_eq!(submit(nonsense).refusal().0, "InvalidParameterException");
    }
    let report = json!({ "task": unknown_task(1), "status": "DANCING" });
    assert_eq!(
        world.plane.call("SubmitTaskStateChange", &report).refusal().0,
        "InvalidParameterException"
    );
}
