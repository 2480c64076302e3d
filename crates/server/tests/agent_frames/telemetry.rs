//! The TCS socket: every frame is answered, for agents leave when nothing comes back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::recording::{INSTANCE, Line, line, lines};
use crate::socket::Socket;
use crate::world::World;

/// The first answer that is no heartbeat: its type.
fn answer(socket: &mut Socket) -> String {
    std::iter::repeat_with(|| socket.next().0)
        .find(|kind| kind != "HeartbeatMessage")
        .expect("an endless iterator")
}

fn open(world: &World) -> Socket {
    let upgrade = line(4);
    let mut socket = world.plane.upgrade(&upgrade.path, &upgrade.headers()).unwrap();
    let (kind, message) = socket.next();
    assert_eq!(
        (kind.as_str(), &message["healthy"]),
        ("HeartbeatMessage", &Value::Bool(true))
    );
    socket
}

fn frames() -> impl Iterator<Item = Line> {
    lines()
        .into_iter()
        .filter(|line| line.kind == "ws-recv" && line.which == "tcs")
}

#[test]
fn every_recorded_frame_gets_its_answer() {
    let world = World::joined_at(&line(4));
    let mut socket = open(&world);
    let mut answers: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in frames() {
        let frame = line.frame();
        assert!(
            frame.starts_with("Authorization: AWS4-HMAC-SHA256 "),
            "line {}",
            line.number
        );
        socket.say(&frame);
        *answers.entry((line.message().0, answer(&mut socket))).or_default() += 1;
    }
    let expected = [
        (("PublishHealthRequest", "AckPublishHealth"), 4),
        (("PublishInstanceStatusRequest", "AckPublishInstanceStatus"), 6),
        (("PublishMetricsRequest", "AckPublishMetric"), 6),
    ];
    let owned = |((sent, answer), count): ((&str, &str), usize)| ((sent.to_owned(), answer.to_owned()), count);
    assert_eq!(answers, expected.map(owned).into());
    assert!(
        world.plane.metrics().contains("berth_telemetry_frames_total 16\n"),
        "{}",
        world.plane.metrics()
    );
}

#[test]
fn what_the_agent_says_of_its_runtime_is_shown() {
    let world = World::joined_at(&line(4));
    let mut socket = open(&world);
    let _agent = Agent::connect(&world.plane);
    let recorded = frames().find(|line| line.message().0 == "PublishInstanceStatusRequest");
    let mut frame: Value = serde_json::from_str(&recorded.unwrap().frame_json()).unwrap();
    for status in ["OK", "IMPAIRED"] {
        frame["message"]["statuses"][0]["status"] = status.into();
        socket.say(&frame.to_string());
        assert_eq!(answer(&mut socket), "AckPublishInstanceStatus");
        let mut request = json!({ "containerInstances": [INSTANCE] });
        let shown = world.plane.call("DescribeContainerInstances", &request).ok();
        assert_eq!(shown["containerInstances"][0]["healthStatus"], Value::Null);
        request["include"] = json!(["CONTAINER_INSTANCE_HEALTH"]);
        let shown = world.plane.call("DescribeContainerInstances", &request).ok();
        let checks = shown["containerInstances"][0]["healthStatus"]["details"]
            .as_array()
            .unwrap()
            .clone();
        let runtime = checks
            .iter()
            .find(|check| check["type"] == "CONTAINER_RUNTIME")
            .unwrap();
        assert_eq!(runtime["status"], status);
    }
}

#[test]
fn frames_need_no_header_block() {
    let world = World::joined_at(&line(4));
    let mut socket = open(&world);
    for line in frames() {
        let plain = line.frame_json();
        assert!(plain.starts_with('{'));
        socket.say(&plain);
        let with_text = answer(&mut socket);
        socket.say_binary(plain.as_bytes());
        assert_eq!(answer(&mut socket), with_text);
    }
}

#[test]
fn frames_that_cannot_be_read_end_nothing() {
    let world = World::joined_at(&line(4));
    let mut socket = open(&world);
    let good = frames().next().unwrap();
    let cut = good.frame();
    for bad in [
        "",
        "{",
        "Host: a\r\n\r\n",
        r#"{"type":"PublishMetricsRequest","message":{}}"#,
        r#"{"type":"PublishMetricsRequest","message":{"metadata":{},"timestamp":"now"}}"#,
        r#"{"type":"SomethingNew","message":{"x":1}}"#,
        &cut[..cut.len() - 1],
    ] {
        socket.say(bad);
    }
    socket.say_binary(&[0xff, 0xfe]);
    socket.say(&good.frame());
    assert_eq!(
        answer(&mut socket),
        "AckPublishMetric",
        "and only the good one is answered"
    );
}

#[test]
fn the_close_of_the_agent_is_completed() {
    let world = World::joined_at(&line(4));
    assert_eq!(open(&world).close(1000, ""), Some(1000));
}
