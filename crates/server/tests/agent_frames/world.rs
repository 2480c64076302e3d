//! A control plane with its data directory, the recorded instance in it, and tasks to run there.

use berth_core::control::State;
use berth_core::ecs::model::AgentRelease;
use berth_core::kernel::Scope;
use berth_core::network::DefaultNetwork;
use berth_server::store::{Store, StoreError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plane::Plane;
use crate::recording::{ACCOUNT, INSTANCE, Line, line};

/// The line in which the agent comes back and names its instance.
pub(crate) const RETURN: usize = 35;

/// A control plane and its data.
pub(crate) struct World {
    pub(crate) plane: Plane,
    dir: TempDir,
}

impl World {
    /// Nothing is there yet. It is the moment at which `line` was said.
    pub(crate) fn at(line: &Line) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plane = Plane::start(dir.path(), line.said_at_ms().unwrap());
        Self { plane, dir }
    }

    /// The recorded instance has joined. It is the moment at which `line` was said.
    pub(crate) fn joined_at(line: &Line) -> Self {
        let world = Self::at(line);
        world.join("EXTERNAL");
        world
    }

    /// The same, while the operator offers this release of the agent.
    pub(crate) fn offering(self, release: AgentRelease) -> Self {
        let now_ms = self.plane.now_ms();
        drop(self.plane);
        Self {
            plane: Plane::offering(Some(release), self.dir.path(), now_ms),
            ..self
        }
    }

    /// The recorded instance joins, or comes back, as a machine that serves this launch type.
    pub(crate) fn join(&self, launch_type: &str) {
        self.join_with(launch_type, &[]);
    }

    /// The same, as a machine that announces these capabilities besides.
    pub(crate) fn join_with(&self, launch_type: &str, capabilities: &[&str]) {
        let back = line(RETURN);
        let mut body = back.request();
        let attributes = body["attributes"].as_array_mut().unwrap();
        attributes.extend(capabilities.iter().map(|name| json!({ "name": name })));
        if launch_type == "EC2" {
            // What the agent announces on EC2 instead: it was not recorded.
            attributes.retain(|attribute| attribute["name"] != "ecs.capability.external");
            attributes.push(json!({ "name": "ecs.capability.task-eni" }));
        }
        let joined = self.plane.send_changed(&back, &body).ok();
        assert_eq!(joined["containerInstance"]["containerInstanceArn"], INSTANCE);
    }

    /// The control plane's process ends, and the next one starts on the same data.
    pub(crate) fn restart(self) -> Self {
        let now_ms = self.plane.now_ms();
        drop(self.plane);
        Self {
            plane: Plane::start(self.dir.path(), now_ms),
            ..self
        }
    }

    /// What is durable while the control plane does not run.
    pub(crate) fn stored(self, look: impl FnOnce(&State)) -> Self {
        let now_ms = self.plane.now_ms();
        drop(self.plane);
        let store = loop {
            // The process that was may still be letting go of it.
            match Store::open(&self.dir.path().join("state")) {
                Ok(store) => break store,
                Err(StoreError::InUse { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        look(&store.load().unwrap());
        drop(store);
        Self {
            plane: Plane::start(self.dir.path(), now_ms),
            ..self
        }
    }

    /// Registers a task definition and runs it once. Answers the task's ARN.
    #[track_caller]
    pub(crate) fn run(&self, definition: &Value, launch_type: &str, group: Option<&str>) -> String {
        let registered = self.plane.call("RegisterTaskDefinition", definition).ok();
        let mut request = json!({
            "taskDefinition": registered["taskDefinition"]["taskDefinitionArn"],
            "launchType": launch_type,
        });
        if let Some(group) = group {
            request["group"] = group.into();
        }
        if definition["networkMode"] == "awsvpc" {
            request["networkConfiguration"] = json!({ "awsvpcConfiguration": { "subnets": [subnet()] } });
        }
        let ran = self.plane.call("RunTask", &request).ok();
        assert_eq!(ran["failures"], json!([]));
        ran["tasks"][0]["taskArn"].as_str().unwrap().to_owned()
    }

    /// What DescribeTasks shows.
    #[track_caller]
    pub(crate) fn describe(&self, task: &str) -> Value {
        let mut described = self.plane.call("DescribeTasks", &json!({ "tasks": [task] })).ok();
        assert_eq!(described["failures"], json!([]));
        described["tasks"][0].take()
    }

    /// What DescribeContainerInstances shows of the recorded instance.
    pub(crate) fn instance(&self) -> Value {
        let request = json!({ "containerInstances": [INSTANCE] });
        self.plane.call("DescribeContainerInstances", &request).ok()["containerInstances"][0].take()
    }

    /// Sends the state change of a recorded line about another task.
    pub(crate) fn submit(&self, recorded: &Line, task: &str) {
        let mut body = recorded.request();
        body["task"] = task.into();
        let answer = self.plane.send_changed(recorded, &body).ok();
        assert!(answer["acknowledgment"].is_string());
    }
}

/// A definition of one container that sleeps.
pub(crate) fn sleeper(network_mode: &str) -> Value {
    json!({
        "family": "sleeper",
        "networkMode": network_mode,
        "containerDefinitions": [{ "name": "app", "image": "busybox:test", "memory": 16, "command": ["sleep", "9"] }],
    })
}

/// The default subnet of the zone in which instances stand that announce none.
pub(crate) fn subnet() -> String {
    let scope = Scope {
        account: ACCOUNT.parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
    };
    let subnets = DefaultNetwork::of(&scope).subnets;
    subnets
        .iter()
        .find(|subnet| subnet.zone == "us-east-1a")
        .unwrap()
        .id
        .to_string()
}
