//! What the agent knows about one task, as it is kept in one file per task: the assignment, how far every part of it
//! is, and what the control plane has heard of it.
//!
//! Every status here only moves forward. Nothing here decides: `step` says what may begin, `settle` what has happened.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::health::HealthRecord;
use super::logs::AwsLogs;
use super::op::Step;
use crate::ecs::model::{ContainerDefinition, ContainerStatus, NetworkBinding, TaskKey};
use crate::ecs::report::ReportedStatus;
use crate::ecs::view::assignment::{Assignment, Desired};
use crate::kernel::Timestamp;
use crate::kernel::names::Name;

/// What the agent must remember beside its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The highest sequence number that the control plane has sent; -1 at first.
    pub highest_seq: i64,
    /// The container instance that the sequence is of, by its ARN; none before the first registration.
    #[serde(default)]
    pub instance: Option<String>,
}

impl Default for NodeRecord {
    fn default() -> Self {
        Self {
            highest_seq: -1,
            instance: None,
        }
    }
}

/// The runtime's id of a container: 64 hexadecimal digits, chosen before anything is done, so that whatever was
/// made under it can be found again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuntimeId(pub Name);

impl std::fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How far something is that is made before containers start, and unmade after they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing was done for it.
    Absent,
    /// It is being made.
    Making,
    /// Making it failed; something of it may be there.
    Broken,
    /// It is there.
    Ready,
    /// It is being unmade.
    Unmaking,
    /// Nothing is left of it.
    Gone,
}

/// How far a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContainerPhase {
    /// Nothing was done for it.
    Waiting,
    /// Its image is being pulled.
    Pulling,
    /// Its image is being pulled in vain: the pull was called off and has not ended yet.
    Cancelling,
    /// Its image is there.
    Pulled,
    /// It is being created and started.
    Starting,
    /// Its process runs.
    Running,
    /// Its process was asked to end.
    Stopping,
    /// Its process was killed.
    Killing,
    /// Its process ended, or could not be started. Something of it may be there.
    Exited,
    /// It is being removed.
    Removing,
    /// Nothing is left of it.
    Removed,
}

/// How a container's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, 128 + the signal's number if a signal ended it; none if nobody knows it.
    pub code: Option<i32>,
    /// When.
    pub at: Timestamp,
    /// Whether the kernel killed it for its use of memory.
    pub oom: bool,
}

/// Where a container's output goes, and how far that is: made means the stream is there, unmade that every line has
/// arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Where it goes.
    pub to: AwsLogs,
    /// How far it is.
    pub phase: Phase,
}

/// How often a container was started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarts {
    /// How often.
    pub count: u32,
    /// When the process started that runs now or ran last.
    pub run_started_at: Option<Timestamp>,
    /// How the process before that ended.
    pub exit: Option<Exit>,
}

/// One container of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Its name in the definition.
    pub name: Name,
    /// Its id in the runtime.
    pub runtime_id: RuntimeId,
    /// How far it is.
    pub phase: ContainerPhase,
    /// Where its output goes, if the definition says so.
    pub logs: Option<LogRecord>,
    /// Its network of its own; only in bridge mode.
    pub bridge: Option<Phase>,
    /// The digest of its image, once pulled.
    pub image_digest: Option<String>,
    /// Its published ports.
    pub bindings: Vec<NetworkBinding>,
    /// When its process first started.
    pub started_at: Option<Timestamp>,
    /// When its process is killed, if it has not ended by then.
    pub kill_at: Option<Timestamp>,
    /// How its process ended.
    pub exit: Option<Exit>,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: Restarts,
    /// How well it is, once it runs; only if its definition says how to find out.
    #[serde(default)]
    pub health: Option<HealthRecord>,
    /// Why it failed, in ECS's words.
    pub reason: Option<String>,
    /// What the control plane has taken in about it.
    pub reported: Option<ContainerStatus>,
}

/// A step of cleaning that failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Which step.
    pub step: Step,
    /// How often it failed.
    pub failures: u32,
    /// When to try again; none while it is being tried.
    pub at: Option<Timestamp>,
}

/// Moments of a task's life on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTimes {
    /// The first pull began.
    pub pull_started_at: Option<Timestamp>,
    /// The last pull ended.
    pub pull_stopped_at: Option<Timestamp>,
    /// All containers ran.
    pub running_at: Option<Timestamp>,
    /// An essential container ended.
    pub execution_stopped_at: Option<Timestamp>,
}

/// What the control plane has taken in about a task, and the report that is on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportProgress {
    /// The number of the newest report; reports of a task count from 1.
    pub newest: u64,
    /// The status that was taken in.
    pub status: Option<ReportedStatus>,
    /// Whether the attachment was taken in.
    pub attached: bool,
    /// How often the next report has failed.
    pub failures: u32,
    /// Until when no report is sent, after a failure.
    pub retry_at: Option<Timestamp>,
    /// Since when there is news of containers that no report has carried.
    pub news_since: Option<Timestamp>,
    /// When the STOPPED report was taken in: the task is over.
    pub over_at: Option<Timestamp>,
    /// The report on its way. It does not survive a restart: what it said is then reported again.
    #[serde(skip)]
    pub in_flight: Option<InFlight>,
}

/// What the report on its way says, to be marked as taken in once it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Its number.
    pub number: u64,
    /// The status that it says.
    pub status: Option<ReportedStatus>,
    /// Whether it says that the attachment is in place.
    pub attached: bool,
    /// What it says of each container, in the order of the record.
    pub containers: Vec<Option<ContainerStatus>>,
}

/// All that the agent knows about one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// What the control plane assigned. Its desired status is the first one; [`TaskRecord::desired`] counts.
    pub assignment: Arc<Assignment>,
    /// Where the task shall go.
    pub desired: Desired,
    /// Where it is.
    pub known: ReportedStatus,
    /// Why it stopped, for failures of the task as a whole.
    pub reason: Option<String>,
    /// The network namespace that its containers share; only in awsvpc mode.
    pub network: Option<Phase>,
    /// The control group above those of its containers.
    pub cgroup: Phase,
    /// The directories of its volumes; only if it has volumes.
    #[serde(default)]
    pub volumes: Option<Phase>,
    /// Its containers, in the order of the assignment.
    pub containers: Vec<ContainerRecord>,
    /// Moments of its life.
    pub times: NodeTimes,
    /// Steps of cleaning that failed.
    pub retries: Vec<Retry>,
    /// What the control plane knows of it.
    pub reports: ReportProgress,
}

impl ContainerRecord {
    /// Whether it has ended, or will never start.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase >= ContainerPhase::Exited
    }

    /// Whether something about it failed before it could start.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.started_at.is_none() && self.reason.is_some()
    }

    /// Its status in the words of the API.
    #[must_use]
    pub fn status(&self) -> ContainerStatus {
        match self.phase {
            ContainerPhase::Waiting | ContainerPhase::Pulling | ContainerPhase::Cancelling => ContainerStatus::Pending,
            // One that is started again has not ended.
            ContainerPhase::Pulled | ContainerPhase::Starting if self.started_at.is_some() => ContainerStatus::Running,
            ContainerPhase::Pulled | ContainerPhase::Starting => ContainerStatus::Pending,
            ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => ContainerStatus::Running,
            ContainerPhase::Exited | ContainerPhase::Removing | ContainerPhase::Removed => ContainerStatus::Stopped,
        }
    }
}

impl TaskRecord {
    /// Which task.
    #[must_use]
    pub fn key(&self) -> &TaskKey {
        &self.assignment.task
    }

    /// The containers with what the assignment says of them.
    pub fn parts(&self) -> impl Iterator<Item = (&ContainerDefinition, &ContainerRecord)> {
        self.assignment
            .containers
            .iter()
            .map(|container| &container.definition)
            .zip(&self.containers)
    }

    /// The position of the container called `name`.
    #[must_use]
    pub fn position(&self, name: &Name) -> Option<usize> {
        self.containers.iter().position(|container| container.name == *name)
    }

    /// Whether the control plane knows that the task stopped. The record is kept a while, so that a message that
    /// is late does not start the task again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.reports.over_at.is_some()
    }

    /// Whether all containers have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.containers.iter().all(ContainerRecord::is_over)
    }
}
