//! What is derived for others: descriptions and lists for callers, assignments for machines.

pub mod assignment;
pub mod attributes;
pub mod capacity;
pub mod describe;
pub mod list;
pub mod past;
pub mod settings;

use past::Past;
use serde::{Deserialize, Serialize};

use super::admit::settings::Held;
use super::counts::Counts;
use super::health::Check;
use super::model::{
    Architecture, Attribute, CapacityProvider, Cluster, ClusterKey, CpuMemory, HealthStatus, InstanceKey, Task,
    TaskDefinition, TaskDefinitionKey, TaskKey,
};
use super::model::{ContainerInstance, Resources};
use super::place::Failure;
use crate::kernel::{Arn, Tags};

/// What the answer to a write shows, once its changes are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A cluster.
    Cluster(ClusterKey),
    /// A task definition.
    TaskDefinition(TaskDefinitionKey),
    /// Task definitions, and which could not be changed.
    TaskDefinitions(Vec<TaskDefinitionKey>, Vec<Failure>),
    /// A container instance.
    Instance(InstanceKey),
    /// Container instances, and which could not be changed.
    Instances(Vec<InstanceKey>, Vec<Failure>),
    /// A task.
    Task(TaskKey),
    /// Tasks, and why there are not more.
    Tasks(Vec<TaskKey>, Vec<Failure>),
    /// An account setting.
    Setting(Held),
    /// Attributes of container instances.
    Attributes(Vec<(InstanceKey, Attribute)>),
    /// Why the tags of a task were not changed that has left the state.
    Retagged(TaskKey),
    /// That it was taken.
    Acknowledged,
}

/// An answer with all that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A cluster.
    Cluster(Box<ClusterView>),
    /// Clusters, and what was not found.
    Clusters(Vec<ClusterView>, Vec<Failure>),
    /// A task definition.
    TaskDefinition(Box<TaskDefinition>),
    /// Task definitions, and which could not be changed.
    TaskDefinitions(Vec<TaskDefinition>, Vec<Failure>),
    /// A container instance.
    Instance(Box<InstanceView>),
    /// Container instances, and what was not found.
    Instances(Vec<InstanceView>, Vec<Failure>),
    /// A task.
    Task(Box<TaskView>),
    /// Tasks, and what was not found or not placed.
    Tasks(Vec<TaskView>, Vec<Failure>),
    /// Tasks, or a page of them, that the history may know more of.
    Past(Box<Past>),
    /// A page of names or ARNs.
    Page(Page),
    /// Capacity providers with their ARNs, what was not found, and where the next page begins.
    Providers(Vec<(Arn, CapacityProvider)>, Vec<Failure>, Option<String>),
    /// An account setting.
    Setting(Held),
    /// Account settings, and where the next page begins.
    Settings(Vec<Held>, Option<String>),
    /// Attributes of container instances, and where the next page begins.
    Attributes(Vec<(InstanceKey, Attribute)>, Option<String>),
    /// The tags of one thing.
    Tags(Tags),
    /// That it was taken.
    Acknowledged,
    /// What came of a request about join tokens.
    Join(crate::iam::admit::JoinReply),
    /// How much of a reset is left to do.
    Remaining(usize),
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Names or ARNs.
    pub items: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A cluster with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// The cluster.
    pub cluster: Cluster,
    /// How much there is in it.
    pub counts: Counts,
}

/// A container instance with what is derived for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// The instance.
    pub instance: ContainerInstance,
    /// What it has left; ports are those that are taken.
    pub remaining: Resources,
    /// Whether its agent is connected.
    pub agent_connected: bool,
    /// How well it is.
    pub checks: Vec<Check>,
    /// Tasks that run on it.
    pub running: usize,
    /// Tasks on their way to running.
    pub pending: usize,
}

/// A task with what is derived for it. The history keeps it whole: members that are added need a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// The task.
    pub task: Task,
    /// What the definition says of its containers, in their order.
    pub parts: Vec<PartView>,
    /// Whether the definition names a size of the task.
    pub size: CpuMemory,
    /// The instruction set of its machine, if that is still known.
    #[serde(default)]
    pub architecture: Option<Architecture>,
    /// How well it is, by its essential containers.
    #[serde(default)]
    pub health: HealthStatus,
}

/// What the definition says of a container. Kept like [`TaskView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartView {
    /// The image reference.
    pub image: String,
    /// CPU and memory.
    pub size: CpuMemory,
    /// The soft memory limit.
    pub memory_reservation: Option<crate::kernel::MemoryMib>,
    /// How well it is.
    #[serde(default)]
    pub health: HealthStatus,
}
