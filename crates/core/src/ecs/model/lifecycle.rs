//! What a definition says of a container's life: what must have happened before it starts, when it is started again,
//! and how its health is probed.
//!
//! These are facts of the definition only. `admit::lifecycle` checks them, the agent's brain carries them out.

use serde::{Deserialize, Serialize};

/// The seconds that a container must have run before it is started again, if the policy does not say.
const DEFAULT_ATTEMPT_PERIOD_S: u32 = 300;

/// What a container's definition says of its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// What must have happened to other containers before this one starts. At the end the order is reversed.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// How many seconds after its start those that depend on it give up waiting.
    #[serde(default)]
    pub start_timeout_s: Option<u32>,
    /// Whether it is started again when it ends.
    #[serde(default)]
    pub restart_policy: Option<RestartPolicy>,
    /// How its health is probed.
    #[serde(default)]
    pub health_check: Option<HealthCheck>,
}

/// What another container must have reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The other container's name.
    pub container: String,
    /// What it must have reached.
    pub condition: Condition,
}

/// What a container can have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// It was started.
    Start,
    /// It ended, however.
    Complete,
    /// It ended with exit code 0.
    Success,
    /// It was found healthy.
    Healthy,
}

/// When a container that ended is started again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Whether it ever is.
    pub enabled: bool,
    /// Not after these exit codes.
    pub ignored_exit_codes: Vec<i32>,
    /// The seconds that it must have run before, if the definition says so.
    pub attempt_period_s: Option<u32>,
}

impl RestartPolicy {
    /// The milliseconds that a container must have run to be started again.
    #[must_use]
    pub fn attempt_period_ms(&self) -> i64 {
        i64::from(self.attempt_period_s.unwrap_or(DEFAULT_ATTEMPT_PERIOD_S)) * 1000
    }
}

/// How a container's health is probed. What its image says of that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `CMD` and a program with its arguments, or `CMD-SHELL` and a line for the container's shell.
    pub command: Vec<String>,
    /// Seconds between two probes.
    pub interval_s: u32,
    /// Seconds after which a probe has failed.
    pub timeout_s: u32,
    /// How many probes must fail in a row.
    pub retries: u32,
    /// Seconds after the start in which failures do not count, until a probe succeeds.
    pub start_period_s: Option<u32>,
}

/// How well a container is, by its probes; of a task, how well its essential containers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HealthStatus {
    /// Nobody knows: it is being found out, or nothing is probed.
    #[default]
    Unknown,
    /// The last probe succeeded, or too few have failed since.
    Healthy,
    /// Too many probes in a row have failed.
    Unhealthy,
}
