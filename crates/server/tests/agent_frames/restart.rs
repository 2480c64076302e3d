//! What agents must not notice of a new start of the control plane on the same data.

use serde_json::json;

use crate::agent::Agent;
use crate::recording::{INSTANCE, line};
use crate::world::{World, sleeper};

#[test]
fn numbers_grow_and_tasks_are_known_over_starts() {
    let mut world = World::joined_at(&line(3));
    let mut agent = Agent::connect(&world.plane);
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    let payload = agent.expect("PayloadMessage");
    agent.acknowledge(&payload);
    agent.assert_quiet();
    let mut highest = payload["seqNum"].as_i64().unwrap();
    assert!(highest > agent.manifest["timeline"].as_i64().unwrap());
    for _ in 0..3 {
        world = world.restart();
        drop(agent);
        assert_eq!(
            world.instance()["agentConnected"],
            true,
            "nobody was away while the control plane was"
        );
        agent = Agent::connect(&world.plane);
        let first = agent.manifest["timeline"].as_i64().unwrap();
        assert!(
            first > highest,
            "the agent drops manifests that are not newer than all that it has seen"
        );
        assert_eq!(agent.manifest["tasks"][0]["taskArn"], task);
        assert_eq!(agent.manifest["tasks"][0]["desiredStatus"], "RUNNING");
        let payload = agent.expect("PayloadMessage");
        assert_eq!(payload["tasks"][0]["arn"], task);
        highest = payload["seqNum"].as_i64().unwrap();
        assert!(highest > first);
        // Within a start, too.
        drop(agent);
        agent = Agent::connect(&world.plane);
        let second = agent.manifest["timeline"].as_i64().unwrap();
        assert!(second > highest);
        highest = agent.expect("PayloadMessage")["seqNum"].as_i64().unwrap();
    }
}

#[test]
fn what_was_acknowledged_to_anybody_is_still_so() {
    let world = World::joined_at(&line(3));
    let mut agent = Agent::connect(&world.plane);
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    agent.expect("PayloadMessage");
    world.submit(&line(16), &task);
    let (shown, instance) = (world.describe(&task), world.instance());
    assert_eq!(shown["lastStatus"], "RUNNING");
    let world = world.restart();
    assert_eq!((world.describe(&task), world.instance()), (shown, instance));
    // What ended meanwhile is reported to the new start.
    world.submit(&line(28), &task);
    let shown = world.describe(&task);
    assert_eq!(
        (&shown["lastStatus"], &shown["containers"][0]["exitCode"]),
        (&json!("STOPPED"), &json!(7))
    );
    let world = world.restart();
    assert_eq!(world.describe(&task), shown);
    let agent = Agent::connect(&world.plane);
    assert_eq!(agent.manifest["tasks"], json!([]), "it is over");
}

#[test]
fn an_agent_that_does_not_come_back_is_away_after_the_grace() {
    let world = World::joined_at(&line(3));
    drop(Agent::connect(&world.plane));
    let world = world.restart();
    world.plane.advance(berth_core::control::START_GRACE_MS - 1);
    assert_eq!(world.instance()["agentConnected"], true);
    world.plane.advance(1);
    assert_eq!(world.instance()["agentConnected"], false);
    let definition = world.plane.call("RegisterTaskDefinition", &sleeper("bridge")).ok();
    let request = json!({
        "taskDefinition": definition["taskDefinition"]["taskDefinitionArn"],
        "launchType": "EXTERNAL",
    });
    let ran = world.plane.call("RunTask", &request).ok();
    assert_eq!(ran["failures"], json!([{ "arn": INSTANCE, "reason": "AGENT" }]));
}
