//! Tasks: one run of a task definition on one machine.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::capacity::CapacityProvider;
use super::cluster::{ClusterKey, ClusterName};
use super::container::Container;
use super::instance::{InstanceKey, LaunchType};
use super::overrides::Overrides;
use super::task_definition::{FamilyName, TaskDefinition, TaskDefinitionKey};
use crate::kernel::ids::{InstanceId, TaskId, Uuid};
use crate::kernel::names::Name;
use crate::kernel::shared::Shared;
use crate::kernel::{Arn, CpuUnits, Entity, MemoryMib, Scope, Tags, Timestamp};
use crate::network::{InterfaceId, InterfaceKey, SubnetId};

/// The key of a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskKey {
    /// The account and region.
    pub scope: Scope,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The task's id.
    pub id: TaskId,
}

impl TaskKey {
    /// The ARN, ending in `task/cluster/id`.
    #[must_use]
    pub fn arn(&self) -> Arn {
        Arn::new("ecs", &self.scope, format!("task/{}/{}", self.cluster, self.id))
    }

    /// The key of the task's cluster.
    #[must_use]
    pub fn cluster_key(&self) -> ClusterKey {
        ClusterKey {
            scope: self.scope.clone(),
            name: self.cluster.clone(),
        }
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scope, self.cluster, self.id)
    }
}

/// Where a task stands, or where it should go. It only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Its interface is being made.
    Provisioning,
    /// Its machine is preparing it.
    Pending,
    /// All its containers run.
    Running,
    /// Its containers are being stopped.
    Stopping,
    /// Its interface is being taken away.
    Deprovisioning,
    /// It is over.
    Stopped,
}

/// Why a task stopped, as a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    /// It never ran.
    TaskFailedToStart,
    /// A container that it cannot be without ended.
    EssentialContainerExited,
    /// Somebody stopped it.
    UserInitiated,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its key.
    pub key: TaskKey,
    /// The family of its definition.
    pub family: FamilyName,
    /// The revision of its definition.
    pub revision: u32,
    /// The machine that it was placed on.
    pub instance: InstanceId,
    /// The zone of that machine.
    pub zone: Name,
    /// The capacity that was asked for.
    pub launch_type: LaunchType,
    /// The capacity provider whose share it is of, if it was run by a strategy.
    #[serde(default)]
    pub capacity_provider: Option<CapacityProvider>,
    /// Whether its containers wait for their logs, where the definition says nothing of it.
    #[serde(default)]
    pub blocking_logs: bool,
    /// Where it stands.
    pub last_status: TaskStatus,
    /// Where it should be: running or stopped.
    pub desired_status: TaskStatus,
    /// Counts the changes that users can see, from 1.
    pub version: u64,
    /// The share of CPU that it holds.
    pub cpu: CpuUnits,
    /// The memory that it holds.
    pub memory: MemoryMib,
    /// Its containers, in the order of the definition.
    pub containers: Vec<Container>,
    /// Its interface in awsvpc mode.
    pub interface: Option<TaskInterface>,
    /// Tasks of one purpose; by default `family:NAME`.
    pub group: Name,
    /// Who started it, in the caller's words.
    pub started_by: Option<Name>,
    /// What it changes of its definition. Most tasks change nothing.
    #[serde(default)]
    pub overrides: Option<Box<Overrides>>,
    /// The user's tags.
    pub tags: Tags,
    /// Why it stopped, as a code.
    pub stop_code: Option<StopCode>,
    /// Why it stopped, in words.
    pub stopped_reason: Option<String>,
    /// Moments of its life.
    pub times: Times,
}

/// What a task knows of its interface for good. The interface itself is given back when the task is over, while the task
/// still shows which one it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInterface {
    /// The interface.
    pub id: InterfaceId,
    /// The attachment that ties it to the task.
    pub attachment: Uuid,
    /// The subnet of its address.
    pub subnet: SubnetId,
    /// Its private address.
    pub address: Ipv4Addr,
}

/// Moments of a task's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// It was accepted.
    pub created_at: Timestamp,
    /// Its network worked.
    pub connectivity_at: Option<Timestamp>,
    /// Its first image was being pulled.
    pub pull_started_at: Option<Timestamp>,
    /// Its last image was there.
    pub pull_stopped_at: Option<Timestamp>,
    /// It ran.
    pub started_at: Option<Timestamp>,
    /// It was told to stop.
    pub stopping_at: Option<Timestamp>,
    /// Its essential container ended.
    pub execution_stopped_at: Option<Timestamp>,
    /// It was over.
    pub stopped_at: Option<Timestamp>,
}

impl Entity for Task {
    type Key = TaskKey;

    fn key(&self) -> &TaskKey {
        &self.key
    }
}

impl Task {
    /// The key of its definition.
    #[must_use]
    pub fn definition_key(&self) -> TaskDefinitionKey {
        TaskDefinitionKey {
            scope: self.key.scope.clone(),
            family: self.family.clone(),
            revision: self.revision,
        }
    }

    /// Lets its texts be one with their equals.
    pub(crate) fn share(&mut self, shared: &mut Shared) {
        self.key.scope.share(shared);
        self.key.cluster.share(shared);
        self.family.share(shared);
        let others = [&mut self.zone, &mut self.group]
            .into_iter()
            .chain(&mut self.started_by);
        others.for_each(|name| shared.share(name));
        self.containers.iter_mut().for_each(|container| container.share(shared));
    }

    /// What it runs: its definition, which is `definition`, with its own overrides.
    #[must_use]
    pub fn effective<'a>(&self, definition: &'a TaskDefinition) -> Cow<'a, TaskDefinition> {
        effective(self.overrides.as_deref(), definition)
    }

    /// The key of its machine.
    #[must_use]
    pub fn instance_key(&self) -> InstanceKey {
        InstanceKey {
            scope: self.key.scope.clone(),
            cluster: self.key.cluster.clone(),
            id: self.instance,
        }
    }

    /// The key of its interface.
    #[must_use]
    pub fn interface_key(&self) -> Option<InterfaceKey> {
        self.interface.map(|interface| InterfaceKey {
            scope: self.key.scope.clone(),
            id: interface.id,
        })
    }

    /// When its network worked. A task without an interface of its own need not wait for one: what its machine did first says
    /// when.
    #[must_use]
    pub fn connected_at(&self) -> Option<Timestamp> {
        let times = &self.times;
        let at_once = times.pull_started_at.or(times.started_at);
        times.connectivity_at.or(at_once.filter(|_| self.interface.is_none()))
    }

    /// As what it is counted.
    #[must_use]
    pub fn count(&self) -> Option<Counted> {
        match self.last_status {
            TaskStatus::Provisioning | TaskStatus::Pending => Some(Counted::Pending),
            TaskStatus::Running | TaskStatus::Stopping | TaskStatus::Deprovisioning => Some(Counted::Running),
            TaskStatus::Stopped => None,
        }
    }

    /// Whether it is over and holds nothing any more.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.last_status == TaskStatus::Stopped
    }
}

/// `definition` with `overrides`.
pub(crate) fn effective<'a>(overrides: Option<&Overrides>, definition: &'a TaskDefinition) -> Cow<'a, TaskDefinition> {
    match overrides {
        None => Cow::Borrowed(definition),
        Some(overrides) => Cow::Owned(overrides.apply(definition)),
    }
}

/// As what a task that is not over counts in a cluster and on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// On its way to running.
    Pending,
    /// Running, or on its way to its end.
    Running,
}

/// The key of a remembered client token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientTokenKey {
    /// The account, region and cluster.
    pub cluster: ClusterKey,
    /// The caller's token.
    pub token: String,
}

impl fmt::Display for ClientTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.token)
    }
}

/// A client token that was used by a RunTask: the same call again answers the same tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// Its key.
    pub key: ClientTokenKey,
    /// A digest of the request that used it first.
    pub digest: u128,
    /// The tasks that this request made.
    pub tasks: Vec<TaskId>,
    /// When it was used first.
    pub used_at: Timestamp,
}

impl Entity for ClientToken {
    type Key = ClientTokenKey;

    fn key(&self) -> &ClientTokenKey {
        &self.key
    }
}
