//! The agent's end of an ACS socket: it answers as the recorded agent did.

use berth_core::ecs::session::HEARTBEAT_MS;
use berth_wire::link::upgrade::{Connect, PROTOCOL_VERSION};
use serde_json::{Value, json};

use crate::plane::Plane;
use crate::recording::{ACCOUNT, CLUSTER, INSTANCE};
use crate::socket::Socket;

/// An agent whose socket is open.
pub(crate) struct Agent {
    socket: Socket,
    /// The heartbeat that it has not answered yet.
    pub(crate) heartbeat: Option<String>,
    /// When the next heartbeat is due.
    pub(crate) heartbeat_due_ms: i64,
    /// The manifest with which the connection began.
    pub(crate) manifest: Value,
    fences: u32,
}

/// Who connects: the stock agent of the recording.
pub(crate) fn stock() -> Connect {
    Connect {
        cluster: "default".to_owned(),
        container_instance_arn: INSTANCE.to_owned(),
        agent_version: "1.105.1".to_owned(),
        agent_hash: "a8b3e7d3".to_owned(),
        docker_version: "20.10.24+dfsg1".to_owned(),
        protocol_version: Some(PROTOCOL_VERSION),
        send_credentials: false,
        seq_num: Some(1),
        berth_version: None,
    }
}

/// Where `connect` knocks.
pub(crate) fn acs_target(connect: &Connect) -> String {
    format!("/acs/ws?{}", connect.to_acs_query())
}

/// A task that nobody has ever heard of.
pub(crate) fn unknown_task(number: u32) -> String {
    format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/default/fe{number:030x}")
}

impl Agent {
    /// Connects now as the stock agent does.
    pub(crate) fn connect(plane: &Plane) -> Self {
        Self::connect_as(plane, &stock())
    }

    /// Connects now.
    pub(crate) fn connect_as(plane: &Plane, connect: &Connect) -> Self {
        let socket = plane.upgrade_now(&acs_target(connect)).expect("an open socket");
        Self::begin(plane, socket)
    }

    /// Begins on an open socket: a heartbeat, then the manifest. Payloads of the tasks that it names follow.
    pub(crate) fn begin(plane: &Plane, socket: Socket) -> Self {
        let mut agent = Self {
            socket,
            heartbeat: None,
            heartbeat_due_ms: 0,
            manifest: Value::Null,
            fences: 0,
        };
        agent.hear_heartbeat(plane.now_ms());
        agent.manifest = agent.expect("TaskManifestMessage");
        check_head(&agent.manifest, plane.now_ms());
        agent
    }

    /// The next message, which must be of this type.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let (found, message) = self.socket.next();
        assert_eq!(found, kind, "{message}");
        message
    }

    /// The next heartbeat, which comes at `now_ms`. It is not answered yet.
    #[track_caller]
    pub(crate) fn hear_heartbeat(&mut self, now_ms: i64) {
        let message = self.expect("HeartbeatMessage");
        assert_eq!(message["healthy"], true);
        let id = message["messageId"].as_str().unwrap().to_owned();
        assert!(self.heartbeat.replace(id).is_none(), "the one before was answered");
        self.heartbeat_due_ms = now_ms + HEARTBEAT_MS;
    }

    /// Answers the heartbeat that waits, if there is one.
    pub(crate) fn answer_heartbeat(&mut self) {
        if let Some(id) = self.heartbeat.take() {
            self.say("HeartbeatAckRequest", &json!({ "messageId": id }));
        }
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, kind: &str, message: &Value) {
        self.say_text(&json!({ "type": kind, "message": message }).to_string());
    }

    /// Sends a text as it is.
    pub(crate) fn say_text(&mut self, text: &str) {
        self.socket.say(text);
    }

    /// Sends a binary frame.
    pub(crate) fn say_binary(&mut self, bytes: &[u8]) {
        self.socket.say_binary(bytes);
    }

    /// Acknowledges a message, in the recorded shape.
    pub(crate) fn acknowledge(&mut self, message: &Value) {
        let ack = json!({
            "cluster": message["clusterArn"],
            "containerInstance": message["containerInstanceArn"],
            "messageId": message["messageId"],
        });
        self.say("AckRequest", &ack);
    }

    /// Waits until all that was said so far has been taken, and gives back what the control plane said meanwhile.
    ///
    /// The fence is a question that the protocol has an answer for: whether a task may be stopped that nobody knows.
    #[track_caller]
    pub(crate) fn settle(&mut self) -> Vec<(String, Value)> {
        self.fences += 1;
        let id = self.manifest["messageId"].clone();
        let question = json!({
            "messageId": id,
            "stopCandidates": [candidate(&unknown_task(self.fences))],
        });
        self.say("TaskStopVerificationMessage", &question);
        let mut meanwhile = Vec::new();
        loop {
            let (kind, message) = self.socket.next();
            let stops = message["stopTasks"][0]["taskArn"].as_str();
            if kind == "TaskStopVerificationAck" && stops == Some(&unknown_task(self.fences)) {
                assert_eq!(message["messageId"], id);
                return meanwhile;
            }
            meanwhile.push((kind, message));
        }
    }

    /// Nothing was said, and the connection goes on.
    #[track_caller]
    pub(crate) fn assert_quiet(&mut self) {
        assert_eq!(self.settle(), []);
    }

    /// The connection ends without another message.
    #[track_caller]
    pub(crate) fn assert_cut(mut self) {
        assert_eq!(self.socket.hear(), None);
    }

    /// Closes the socket as the agent does.
    pub(crate) fn close(self, code: u16, reason: &'static str) -> Option<u16> {
        self.socket.close(code, reason)
    }
}

/// A task in a stop verification.
pub(crate) fn candidate(task: &str) -> Value {
    json!({ "desiredStatus": "STOPPED", "taskArn": task, "taskClusterArn": CLUSTER })
}

/// What payloads and manifests begin with. The stock agent drops them without a word if it is not there.
#[track_caller]
pub(crate) fn check_head(message: &Value, now_ms: i64) {
    assert!(
        message["messageId"].as_str().is_some_and(|id| !id.is_empty()),
        "{message}"
    );
    assert_eq!(message["clusterArn"], CLUSTER);
    assert_eq!(message["containerInstanceArn"], INSTANCE);
    assert_eq!(message["generatedAt"], now_ms);
}
