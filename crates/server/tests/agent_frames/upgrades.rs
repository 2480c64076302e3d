//! Which sockets open, and how others are refused.

use berth_wire::link::upgrade::{Connect, RefusalKind, UpgradeRefusal};
use serde_json::json;

use crate::agent::{Agent, acs_target, stock};
use crate::plane::Answer;
use crate::recording::{INSTANCE, Line, line, lines};
use crate::socket::Socket;
use crate::world::{World, sleeper};

/// Five minutes: by so much clocks may differ.
const SKEW_MS: i64 = 300_000;

fn upgrades() -> Vec<Line> {
    lines().into_iter().filter(|line| line.kind == "ws-connect").collect()
}

/// Status, kind and text of a refused upgrade.
#[track_caller]
fn refusal(answer: Result<Socket, Answer>) -> (u16, RefusalKind, String) {
    let answer = answer.err().expect("a refusal");
    let refusal = UpgradeRefusal::parse(&answer.body).expect("a body that the agent can read");
    (answer.status, refusal.kind, refusal.message)
}

#[test]
fn recorded_signatures_open_sockets_at_their_time_only() {
    let upgrades = upgrades();
    assert_eq!(upgrades.len(), 6);
    let world = World::joined_at(&upgrades[0]);
    for line in &upgrades {
        let knock = || world.plane.upgrade(&line.path, &line.headers());
        let at = line.said_at_ms().unwrap();
        for (now_ms, opens) in [
            (at, true),
            (at + SKEW_MS, true),
            (at + SKEW_MS + 1000, false),
            (at - SKEW_MS - 1000, false),
        ] {
            world.plane.set(now_ms);
            assert_eq!(knock().is_ok(), opens, "line {}", line.number);
        }
        let (status, kind, text) = refusal(knock());
        assert_eq!((status, kind), (403, RefusalKind::AccessDenied));
        assert!(text.starts_with("Signature not yet current"), "{text}");
    }
}

#[test]
fn broken_signatures_open_nothing() {
    let world = World::joined_at(&line(3));
    for line in upgrades() {
        world.plane.set(line.said_at_ms().unwrap());
        let with = |change: &dyn Fn(&str) -> String| {
            let mut headers = line.headers();
            let signed = headers.iter_mut().find(|(name, _)| name == "Authorization").unwrap();
            signed.1 = change(&signed.1);
            refusal(world.plane.upgrade(&line.path, &headers))
        };
        let last = |text: &str| if text.ends_with('0') { "1" } else { "0" };
        let (status, kind, text) = with(&|text| format!("{}{}", &text[..text.len() - 1], last(text)));
        assert_eq!((status, kind), (403, RefusalKind::AccessDenied));
        assert!(
            text.starts_with("The request signature we calculated does not match"),
            "{text}"
        );
        let (_, kind, text) = with(&|text| text.replace("AKIDEXAMPLE", "AKIDANOTHER"));
        assert_eq!(kind, RefusalKind::AccessDenied);
        assert_eq!(text, "The security token included in the request is invalid.");
        let longer = format!("{}&x=1", line.path);
        assert_eq!(
            refusal(world.plane.upgrade(&longer, &line.headers())).1,
            RefusalKind::AccessDenied
        );
        let mut unsigned = line.headers();
        unsigned.retain(|(name, _)| name != "Authorization");
        assert_eq!(
            refusal(world.plane.upgrade(&line.path, &unsigned)).1,
            RefusalKind::AccessDenied
        );
    }
}

#[test]
fn sockets_are_for_instances_that_are_here() {
    let world = World::joined_at(&line(3));
    let knock = |change: fn(&mut Connect)| {
        let mut connect = stock();
        change(&mut connect);
        let acs = refusal(world.plane.upgrade_now(&acs_target(&connect)));
        let tcs = refusal(world.plane.upgrade_now(&format!("/tcs/ws?{}", connect.to_tcs_query())));
        assert_eq!(acs, tcs);
        (acs.0, acs.1)
    };
    assert_eq!(
        knock(|connect| connect.container_instance_arn = INSTANCE.replace("0123", "ffff")),
        (400, RefusalKind::InvalidInstance)
    );
    assert_eq!(
        knock(|connect| connect.container_instance_arn = "nope".into()),
        (400, RefusalKind::InvalidInstance)
    );
    assert_eq!(
        knock(|connect| connect.cluster = "other".into()),
        (400, RefusalKind::InvalidInstance)
    );
    assert_eq!(
        knock(|connect| connect.container_instance_arn = INSTANCE.replace("us-east-1", "us-west-2")),
        (400, RefusalKind::InvalidInstance)
    );
    assert_eq!(
        knock(|connect| connect.cluster = "a b".into()),
        (400, RefusalKind::InvalidCluster)
    );
    assert_eq!(
        knock(|connect| connect.container_instance_arn.clear()),
        (400, RefusalKind::BadRequest)
    );
}

#[test]
fn an_instance_that_has_left_is_told_so_and_stays_away() {
    let world = World::joined_at(&line(3));
    let agent = Agent::connect(&world.plane);
    world
        .plane
        .call("DeregisterContainerInstance", &json!({ "containerInstance": INSTANCE }))
        .ok();
    agent.assert_cut();
    for line in [line(3), line(4)] {
        let (status, kind, _) = refusal(world.plane.upgrade(&line.path, &line.headers()));
        assert_eq!((status, kind), (400, RefusalKind::InactiveInstance));
    }
}

#[test]
fn an_instance_that_leaves_with_tasks_is_heard_until_they_are_over() {
    let world = World::joined_at(&line(3));
    let mut agent = Agent::connect(&world.plane);
    let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
    let payload = agent.expect("PayloadMessage");
    agent.acknowledge(&payload);
    agent.assert_quiet();
    world.submit(&line(16), &task);
    world
        .plane
        .call(
            "DeregisterContainerInstance",
            &json!({ "containerInstance": INSTANCE, "force": true }),
        )
        .ok();
    let payload = agent.expect("PayloadMessage");
    assert_eq!(payload["tasks"][0]["desiredStatus"], "STOPPED");
    drop(agent);
    world.plane.await_no_agents();
    // A connection that breaks now must not leave the task running there.
    let mut agent = Agent::connect(&world.plane);
    assert_eq!(agent.manifest["tasks"][0]["desiredStatus"], "STOPPED");
    let payload = agent.expect("PayloadMessage");
    assert_eq!(payload["tasks"][0]["arn"], task);
    agent.acknowledge(&payload);
    agent.assert_quiet();
    world.submit(&line(28), &task);
    agent.assert_cut();
    let shown = world.describe(&task);
    assert_eq!(
        (&shown["lastStatus"], &shown["containers"][0]["exitCode"]),
        (&json!("STOPPED"), &json!(7))
    );
    let (_, kind, _) = refusal(world.plane.upgrade_now(&acs_target(&stock())));
    assert_eq!(kind, RefusalKind::InactiveInstance);
}

#[test]
fn what_is_no_websocket_is_refused() {
    let world = World::joined_at(&line(3));
    let upgrade = line(3);
    let mut headers = upgrade.headers();
    headers.retain(|(name, _)| !name.starts_with("Sec-") && name != "Connection" && name != "Upgrade");
    let answer = world.plane.upgrade(&upgrade.path, &headers).err().expect("a refusal");
    assert!((400..500).contains(&answer.status), "{answer:?}");
}
