//! The whole recording, replayed in its order against the real control plane.
//!
//! Every line is taken by exactly one rule, which says what came of it; the story of all lines stands in `replay.txt`.
//! What the agent said is sent as it was recorded, signatures included. Where the recorded control plane made up names (of
//! tasks and of messages), the agent's words are sent once as they are, about things that nobody here knows, and once more
//! about what they stand for here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::agent::{Agent, candidate, check_head};
use crate::compare::{check_assignment, check_reported, definition};
use crate::recording::{CLUSTER, INSTANCE, Line, lines};
use crate::socket::Socket;
use crate::summary::summary;
use crate::world::World;

/// What the recorded control plane said and this one never does: roles, updates and attach messages are not built, and the
/// rest was only sent to see what the agent makes of it.
const NEVER_SAID: [&str; 7] = [
    "AttachInstanceNetworkInterfacesMessage",
    "AttachTaskNetworkInterfacesMessage",
    "CloseMessage",
    "ErrorMessage",
    "IAMRoleCredentialsMessage",
    "PerformUpdateMessage",
    "UpdateDesiredTaskState",
];

struct Replay {
    world: World,
    acs: Option<Agent>,
    tcs: Option<Socket>,
    /// Recorded tasks, and the tasks that stand for them here.
    tasks: BTreeMap<String, String>,
    /// Recorded messages, and the ids of those that stand for them here.
    messages: BTreeMap<String, Value>,
    /// Recorded payloads, and the tasks here that they are about.
    about: BTreeMap<String, String>,
    /// The recorded messages that the agent acknowledges in a line of its own.
    acknowledged: BTreeSet<String>,
    /// The highest number of a payload or a manifest so far.
    highest: i64,
    /// What the control plane answered to the last stop verification.
    verified: Value,
    /// The launch type that the instance serves now.
    serves: String,
    said: BTreeSet<String>,
    arns: BTreeSet<String>,
}

#[test]
fn every_line_of_the_recording_is_answered() {
    let lines = lines();
    let mut replay = Replay::new(&lines);
    let mut story = String::new();
    for line in &lines {
        let outcome = replay.line(line);
        writeln!(story, "{:3} {outcome}", line.number).unwrap();
    }
    assert_eq!(lines.len(), 104, "each of them once");
    expect_file!["replay.txt"].assert_eq(&story);
    let said = [
        "HeartbeatMessage",
        "PayloadMessage",
        "TaskManifestMessage",
        "TaskStopVerificationAck",
    ];
    assert_eq!(Vec::from_iter(&replay.said), said);
    assert_eq!(replay.tasks.len(), 10, "tasks that ran");
    assert!(
        replay
            .tasks
            .values()
            .all(|task| replay.world.describe(task)["lastStatus"] == "STOPPED")
    );
}

impl Replay {
    fn new(lines: &[Line]) -> Self {
        let acks = lines
            .iter()
            .filter(|line| line.kind == "ws-recv" && line.which == "acs")
            .map(Line::message);
        let acks = acks.filter(|(kind, _)| kind == "AckRequest");
        Self {
            world: World::joined_at(&lines[0]),
            acs: None,
            tcs: None,
            tasks: BTreeMap::new(),
            messages: BTreeMap::new(),
            about: BTreeMap::new(),
            acknowledged: acks
                .map(|(_, ack)| ack["messageId"].as_str().unwrap().to_owned())
                .collect(),
            highest: 0,
            verified: Value::Null,
            serves: "EXTERNAL".to_owned(),
            said: BTreeSet::new(),
            arns: BTreeSet::new(),
        }
    }

    /// Takes a line, and says what came of it.
    fn line(&mut self, line: &Line) -> String {
        if let Some(at) = line.said_at_ms() {
            self.until(at);
        }
        match (line.kind.as_str(), line.which.as_str()) {
            ("http", _) => format!("{}: {}", line.operation(), self.request(line)),
            ("ws-connect", "acs") => format!("ACS opens: {}", self.open_acs(Some(line))),
            ("ws-connect", "tcs") => format!("TCS opens: {}", self.open_tcs(line)),
            ("ws-send", "acs") => {
                let (kind, message) = line.message();
                format!("to the agent: {kind}: {}", self.said_to_agent(&kind, &message))
            }
            ("ws-recv", "acs") => {
                let (kind, message) = line.message();
                format!("the agent: {kind}: {}", self.said_by_agent(&kind, message))
            }
            ("ws-recv", "tcs") => format!("telemetry: {}", self.telemetry(line)),
            ("ws-close", which) => format!("{which} ends: {}", self.close(line)),
            other => panic!("line {}: no rule for {other:?}", line.number),
        }
    }

    fn acs(&mut self) -> &mut Agent {
        self.acs.as_mut().expect("an open socket")
    }

    /// Time passes, and the agent answers heartbeats.
    fn until(&mut self, at_ms: i64) {
        if at_ms <= self.world.plane.now_ms() {
            return;
        }
        if let Some(acs) = &mut self.acs {
            acs.answer_heartbeat();
            acs.assert_quiet();
        }
        self.world.plane.set(at_ms);
        self.world.plane.nudge();
        if let Some(acs) = self.acs.as_mut().filter(|acs| acs.heartbeat_due_ms <= at_ms) {
            acs.hear_heartbeat(at_ms);
        }
    }

    // Requests.

    fn request(&mut self, line: &Line) -> String {
        match line.operation() {
            "RegisterContainerInstance" => self.register(line),
            "DiscoverPollEndpoint" => {
                let found = self.world.plane.send(line).ok();
                assert_eq!(found["endpoint"], "http://127.0.0.1:8080/acs");
                assert_eq!(found["telemetryEndpoint"], "http://127.0.0.1:8080/tcs");
                "the endpoint that was called".to_owned()
            }
            "CreateCluster" => {
                let cluster = &self.world.plane.send(line).ok()["cluster"];
                assert_eq!(
                    (&cluster["clusterName"], &cluster["clusterArn"]),
                    (&json!("default"), &json!(CLUSTER))
                );
                "it is there already".to_owned()
            }
            "SubmitTaskStateChange" => self.state_change(line),
            // It asks for the tags of its machine, and of a task that this control plane does not know.
            "ListTagsForResource" => match self.world.plane.send(line) {
                answer if answer.status == 200 => answer.body,
                answer => answer.refusal().0,
            },
            "GetParameters" | "GetTaskProtection" => {
                let (kind, _) = self.world.plane.send(line).refusal();
                assert_eq!(kind == "UnrecognizedClientException", !line.is_of_known_key());
                kind
            }
            other => panic!("line {}: no rule for {other}", line.number),
        }
    }

    fn register(&mut self, line: &Line) -> String {
        let answer = self.world.plane.send(line).ok();
        let (sent, instance) = (line.request(), &answer["containerInstance"]);
        let attributes = sent["attributes"].as_array().unwrap();
        for attribute in attributes {
            assert!(
                instance["attributes"].as_array().unwrap().contains(attribute),
                "{attribute} is not echoed"
            );
        }
        let arn = instance["containerInstanceArn"].as_str().unwrap();
        let again = self.world.plane.send(line).ok();
        assert_eq!(
            again["containerInstance"]["containerInstanceArn"], arn,
            "an SDK repeats calls"
        );
        let returns = sent.get("containerInstanceArn");
        assert_eq!(returns.is_some(), arn == INSTANCE);
        assert!(
            returns.is_some() || self.arns.insert(arn.to_owned()),
            "another start is another instance"
        );
        let who = returns.map_or("a new instance", |_| "the instance that it was");
        format!("{who}, {} attributes echoed", attributes.len())
    }

    fn state_change(&mut self, line: &Line) -> String {
        let verbatim = self.world.plane.send(line);
        if line.is_of_known_key() {
            assert!(verbatim.ok()["acknowledgment"].is_string());
        } else {
            assert_eq!(
                verbatim.refusal().0,
                "UnrecognizedClientException",
                "its secret is not known"
            );
        }
        let request = line.request();
        let Some(task) = self.tasks.get(request["task"].as_str().unwrap()) else {
            return "nobody knows this task".to_owned();
        };
        self.world.submit(line, task);
        let shown = self.world.describe(task);
        check_reported(&request, &shown);
        // An agent that repeats itself changes nothing.
        self.world.submit(line, task);
        assert_eq!(self.world.describe(task), shown);
        summary(&shown)
    }

    // Sockets.

    /// A recorded upgrade, or one of this moment where the recording lacks it.
    fn open_acs(&mut self, line: Option<&Line>) -> String {
        let plane = &self.world.plane;
        let agent = match line {
            Some(line) => Agent::begin(plane, plane.upgrade(&line.path, &line.headers()).unwrap()),
            None => Agent::connect(plane),
        };
        let before = self.acs.replace(agent);
        let replaces = before.is_some();
        before.into_iter().for_each(Agent::assert_cut);
        self.said
            .extend(["HeartbeatMessage".to_owned(), "TaskManifestMessage".to_owned()]);
        let manifest = self.acs().manifest.clone();
        self.check_number(&manifest["timeline"]);
        let alive = self
            .tasks
            .values()
            .map(|task| self.world.describe(task))
            .filter(|task| task["lastStatus"] != "STOPPED");
        let alive: BTreeSet<String> = alive.map(|task| task["taskArn"].as_str().unwrap().to_owned()).collect();
        let listed = manifest["tasks"].as_array().unwrap();
        let named = |one: &Value| {
            assert_eq!(
                (&one["taskClusterArn"], &one["desiredStatus"]),
                (&json!(CLUSTER), &json!("RUNNING"))
            );
            one["taskArn"].as_str().unwrap().to_owned()
        };
        assert_eq!(listed.iter().map(named).collect::<BTreeSet<_>>(), alive);
        if !alive.is_empty() {
            let payload = self.hear_payload();
            assert_eq!(
                payload["tasks"].as_array().unwrap().len(),
                alive.len(),
                "all are told again"
            );
            self.acs().acknowledge(&payload);
        }
        self.acs().assert_quiet();
        let replaces = if replaces { "in place of the one before, " } else { "" };
        format!("{replaces}a heartbeat and a manifest of {} tasks", alive.len())
    }

    fn open_tcs(&mut self, line: &Line) -> String {
        let socket = self.world.plane.upgrade(&line.path, &line.headers()).unwrap();
        self.tcs = Some(socket);
        "accepted".to_owned()
    }

    fn telemetry(&mut self, line: &Line) -> String {
        let socket = self.tcs.as_mut().expect("an open socket");
        let (sent, _) = line.message();
        let mut answers = Vec::new();
        for text in [line.frame(), line.frame_json()] {
            socket.say(&text);
            let answer = std::iter::repeat_with(|| socket.next()).find(|(kind, _)| kind != "HeartbeatMessage");
            answers.extend(answer.map(|(kind, _)| kind));
        }
        assert_eq!(answers[0], answers[1], "with and without the header block");
        format!("{sent}: {}", answers[0])
    }

    fn close(&mut self, line: &Line) -> String {
        match (line.which.as_str(), line.code) {
            ("acs", 1006) => {
                self.acs = None;
                self.world.plane.await_no_agents();
                "without a word".to_owned()
            }
            ("tcs", 1006) => {
                self.tcs = None;
                "without a word".to_owned()
            }
            ("acs", 1000) => {
                let acs = self.acs.take().expect("an open socket");
                assert_eq!(acs.close(1000, "ConnectionExpired: Reconnect to continue"), Some(1000));
                self.world.plane.await_no_agents();
                "the control plane completes the close".to_owned()
            }
            other => panic!("line {}: no rule for {other:?}", line.number),
        }
    }

    // To the agent.

    fn said_to_agent(&mut self, kind: &str, message: &Value) -> String {
        if self.acs.is_none() {
            self.open_acs(None);
        }
        let task = message["tasks"][0]["arn"].as_str().unwrap_or_default();
        match (kind, message["tasks"][0]["desiredStatus"].as_str()) {
            ("HeartbeatMessage", _) => self.heartbeat(),
            ("TaskManifestMessage", _) => {
                let outcome = self.open_acs(None);
                let id = self.acs().manifest["messageId"].clone();
                self.messages
                    .insert(message["messageId"].as_str().unwrap().to_owned(), id);
                format!("the agent connects again: {outcome}")
            }
            ("PayloadMessage", Some("RUNNING")) => self.run(message),
            ("PayloadMessage", Some("STOPPED")) if self.tasks.contains_key(task) => self.stop(message),
            ("PayloadMessage", Some("STOPPED")) => "never said: nobody knows this task".to_owned(),
            ("TaskStopVerificationAck", _) => self.stop_verified(message),
            (kind, _) => {
                assert!(NEVER_SAID.contains(&kind), "no rule for {kind}");
                "never said".to_owned()
            }
        }
    }

    fn heartbeat(&mut self) -> String {
        if self.acs().heartbeat.is_none() {
            let due = self.acs().heartbeat_due_ms;
            self.until(due);
        }
        assert!(self.acs().heartbeat.is_some());
        "said".to_owned()
    }

    /// The next message is a payload with a higher number than all before.
    fn hear_payload(&mut self) -> Value {
        let payload = self.acs().expect("PayloadMessage");
        check_head(&payload, self.world.plane.now_ms());
        self.check_number(&payload["seqNum"]);
        self.said.insert("PayloadMessage".to_owned());
        payload
    }

    fn check_number(&mut self, number: &Value) {
        let number = number.as_i64().unwrap();
        assert!(number > self.highest, "numbers grow");
        self.highest = number;
    }

    /// A payload was heard that stands for a recorded one. The agent acknowledges it now, unless that is recorded.
    fn stands_for(&mut self, recorded: &Value, payload: &Value) {
        let id = recorded["messageId"].as_str().unwrap().to_owned();
        if !self.acknowledged.contains(&id) {
            self.acs().acknowledge(payload);
        }
        self.about
            .insert(id.clone(), payload["tasks"][0]["arn"].as_str().unwrap().to_owned());
        self.messages.insert(id, payload["messageId"].clone());
        self.acs().assert_quiet();
    }

    /// A user runs what the recorded payload has.
    fn run(&mut self, recorded: &Value) -> String {
        let wanted = &recorded["tasks"][0];
        let launch_type = wanted["launchType"].as_str().unwrap_or("EXTERNAL").to_owned();
        if launch_type != self.serves {
            self.world.join(&launch_type);
            self.serves.clone_from(&launch_type);
        }
        let group = wanted["group"].as_str().filter(|group| group.starts_with("family:"));
        let task = self.world.run(&definition(wanted), &launch_type, group);
        let payload = self.hear_payload();
        assert_eq!(payload["tasks"].as_array().unwrap().len(), 1);
        check_assignment(wanted, &payload["tasks"][0], &task);
        self.stands_for(recorded, &payload);
        let shown = summary(&self.world.describe(&task));
        self.tasks.insert(wanted["arn"].as_str().unwrap().to_owned(), task);
        format!("runs: {shown}")
    }

    /// A user stops what the recorded payload stops.
    fn stop(&mut self, recorded: &Value) -> String {
        let task = self.tasks[recorded["tasks"][0]["arn"].as_str().unwrap()].clone();
        let request = json!({ "task": task, "reason": "no longer needed" });
        self.world.plane.call("StopTask", &request).ok();
        let payload = self.hear_payload();
        let told = payload["tasks"].as_array().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0]["arn"], &told[0]["desiredStatus"]),
            (&json!(task), &json!("STOPPED"))
        );
        self.stands_for(recorded, &payload);
        format!("stops: {}", summary(&self.world.describe(&task)))
    }

    fn stop_verified(&self, recorded: &Value) -> String {
        assert_eq!(
            self.verified["messageId"], self.messages["man-6"],
            "that of the manifest, no other"
        );
        assert_eq!(
            self.verified["stopTasks"], recorded["stopTasks"],
            "the unknown task, not the one that should run"
        );
        if recorded["messageId"] == "nope" {
            return "never said: it is no manifest's id".to_owned();
        }
        "said, about the task that nobody knows".to_owned()
    }

    // From the agent.

    fn said_by_agent(&mut self, kind: &str, mut message: Value) -> String {
        let id = message["messageId"].as_str().unwrap().to_owned();
        match kind {
            "HeartbeatAckRequest" => message["messageId"] = self.acs().heartbeat.take().expect("one waits").into(),
            _ => message["messageId"] = self.messages.get(&id).cloned().unwrap_or(id.clone().into()),
        }
        match kind {
            "TaskStopVerificationMessage" => return self.verify_stops(kind, message),
            "HeartbeatAckRequest" | "AckRequest" | "IAMRoleCredentialsAckRequest" | "NackRequest" => {}
            other => panic!("no rule for {other}"),
        }
        self.acs().say(kind, &message);
        self.acs().assert_quiet();
        match self.about.get(&id) {
            Some(task) => format!("taken: {}", summary(&self.world.describe(task))),
            None => "taken".to_owned(),
        }
    }

    /// The agent asks about the recorded task, which nobody knows here, and about the one that stands for it and should run.
    fn verify_stops(&mut self, kind: &str, mut message: Value) -> String {
        let candidates = message["stopCandidates"].as_array_mut().unwrap();
        let runs = &self.tasks[candidates[0]["taskArn"].as_str().unwrap()];
        candidates.push(candidate(runs));
        self.acs().say(kind, &message);
        self.verified = self.acs().expect("TaskStopVerificationAck");
        self.said.insert("TaskStopVerificationAck".to_owned());
        self.acs().assert_quiet();
        format!(
            "{} of {} may stop",
            self.verified["stopTasks"].as_array().unwrap().len(),
            2
        )
    }
}
