//! What an agent reports about a task. The agent's brain makes it, `wire` spells it, the control plane admits it.

use serde::{Deserialize, Serialize};

use super::model::{ContainerStatus, NetworkBinding};
use crate::kernel::Timestamp;

/// A report about one task: where it stands now, and what its containers did since the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    /// Where the task stands, if the report says so.
    pub status: Option<ReportedStatus>,
    /// Why, for failures of the task as a whole.
    pub reason: Option<String>,
    /// What containers did, in order; one may be named more than once.
    pub containers: Vec<ContainerReport>,
    /// Attachments that are in place, by the last part of their ARNs.
    pub attached: Vec<String>,
    /// When the first pull began.
    pub pull_started_at: Option<Timestamp>,
    /// When the last pull ended.
    pub pull_stopped_at: Option<Timestamp>,
    /// When the essential container ended.
    pub execution_stopped_at: Option<Timestamp>,
}

/// Where a task stands, in the agent's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReportedStatus {
    /// Being prepared.
    Pending,
    /// All containers run.
    Running,
    /// Over.
    Stopped,
}

/// What one container did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerReport {
    /// The container's name in the definition.
    pub name: String,
    /// Where it stands.
    pub status: ContainerStatus,
    /// What the process ended with.
    pub exit_code: Option<i32>,
    /// Why it failed, for example `CannotPullContainerError: ...`.
    pub reason: Option<String>,
    /// The runtime's id of it.
    pub runtime_id: Option<String>,
    /// The digest of its image.
    pub image_digest: Option<String>,
    /// Its published ports.
    pub bindings: Vec<NetworkBinding>,
}
