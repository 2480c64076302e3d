//! UpdateContainerAgent: what the stock agent is told in which words, and what is shown of what it answers.

use berth_core::ecs::model::AgentRelease;
use berth_wire::link::upgrade::Connect;
use serde_json::{Value, json};

use crate::agent::{Agent, stock};
use crate::recording::{CLUSTER, INSTANCE, line};
use crate::world::World;

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const LOCATION: &str = "https://there/ecs-agent-1.106.0.tar";

/// A control plane that offers a newer agent, and the recorded one connected.
fn offered() -> (World, Agent) {
    let world = World::joined_at(&line(3)).offering(AgentRelease::new("1.106.0", LOCATION, SHA256).unwrap());
    let agent = connected(&world, &stock());
    (world, agent)
}

fn connected(world: &World, connect: &Connect) -> Agent {
    let mut agent = Agent::connect_as(&world.plane, connect);
    agent.answer_heartbeat();
    agent
}

fn update(world: &World) -> Value {
    let request = json!({ "containerInstance": INSTANCE });
    world.plane.call("UpdateContainerAgent", &request).ok()["containerInstance"].take()
}

fn refusal(world: &World) -> String {
    let request = json!({ "containerInstance": INSTANCE });
    world.plane.call("UpdateContainerAgent", &request).refusal().0
}

fn status(world: &World) -> Value {
    world.instance()["agentUpdateStatus"].clone()
}

/// All that an update message says.
#[track_caller]
fn check_message(message: &Value) {
    let expected = json!({
        "messageId": message["messageId"],
        "clusterArn": CLUSTER,
        "containerInstanceArn": INSTANCE,
        "updateInfo": { "location": LOCATION, "signature": SHA256 },
    });
    assert_eq!(message, &expected);
    assert!(message["messageId"].as_str().is_some_and(|id| !id.is_empty()));
}

/// The stock agent's answer to an update that it does not want, as it was recorded of one with updates disabled.
fn refuse(agent: &mut Agent, message: &Value) {
    let nack = json!({
        "cluster": CLUSTER,
        "containerInstance": INSTANCE,
        "messageId": message["messageId"],
        "reason": "Updates are disabled",
    });
    agent.say("NackRequest", &nack);
}

#[test]
fn the_agent_fetches_its_successor_and_becomes_it() {
    let (world, mut agent) = offered();
    assert_eq!(world.instance().get("agentUpdateStatus"), None, "nobody has asked yet");
    assert_eq!(update(&world)["agentUpdateStatus"], "PENDING");
    let stage = agent.expect("StageUpdateMessage");
    check_message(&stage);
    assert_eq!(status(&world), "STAGING");
    assert_eq!(refusal(&world), "UpdateInProgressException");
    agent.acknowledge(&stage);
    let perform = agent.expect("PerformUpdateMessage");
    check_message(&perform);
    assert_ne!(perform["messageId"], stage["messageId"]);
    assert_eq!(status(&world), "STAGED");
    agent.acknowledge(&perform);
    agent.assert_quiet();
    assert_eq!(status(&world), "UPDATING");
    drop(agent);
    // Whoever comes back names its instance when it registers, and its version when it connects.
    world.join("EXTERNAL");
    assert_eq!(status(&world), "UPDATING");
    let successor = Connect {
        agent_version: "1.106.0".to_owned(),
        ..stock()
    };
    let mut agent = connected(&world, &successor);
    agent.assert_quiet();
    assert_eq!(status(&world), "UPDATED");
    assert_eq!(world.instance()["versionInfo"]["agentVersion"], "1.106.0");
    assert_eq!(refusal(&world), "NoUpdateAvailableException");
}

#[test]
fn an_agent_that_takes_no_updates_is_shown_as_failed() {
    let (world, mut agent) = offered();
    update(&world);
    let stage = agent.expect("StageUpdateMessage");
    refuse(&mut agent, &stage);
    agent.assert_quiet();
    assert_eq!(status(&world), "FAILED");
    // It can be asked again, and may refuse to become what it has fetched.
    update(&world);
    let stage = agent.expect("StageUpdateMessage");
    agent.acknowledge(&stage);
    let perform = agent.expect("PerformUpdateMessage");
    refuse(&mut agent, &perform);
    agent.assert_quiet();
    assert_eq!(status(&world), "FAILED");
}

#[test]
fn an_update_outlives_the_control_plane_that_offered_it() {
    let (world, mut agent) = offered();
    update(&world);
    let stage = agent.expect("StageUpdateMessage");
    agent.acknowledge(&stage);
    agent.expect("PerformUpdateMessage");
    // The next control plane offers nothing.
    let world = world.restart();
    assert_eq!(status(&world), "STAGED");
    let mut agent = connected(&world, &stock());
    let stage = agent.expect("StageUpdateMessage");
    check_message(&stage);
    agent.acknowledge(&stage);
    let perform = agent.expect("PerformUpdateMessage");
    check_message(&perform);
    agent.acknowledge(&perform);
    agent.assert_quiet();
    let world = world.restart();
    assert_eq!(status(&world), "UPDATING");
    // It comes back as it was.
    connected(&world, &stock()).assert_quiet();
    assert_eq!(status(&world), "FAILED");
    assert_eq!(refusal(&world), "NoUpdateAvailableException");
}

#[test]
fn our_own_agent_is_not_updated_over_the_link() {
    let world = World::joined_at(&line(3)).offering(AgentRelease::new("1.106.0", LOCATION, SHA256).unwrap());
    let own = Connect {
        berth_version: Some(1),
        ..stock()
    };
    let mut agent = connected(&world, &own);
    assert_eq!(refusal(&world), "NoUpdateAvailableException");
    agent.assert_quiet();
    assert_eq!(world.instance().get("agentUpdateStatus"), None);
}
