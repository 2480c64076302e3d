//! Container instances: machines that joined a cluster.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::agent_update::AgentUpdate;
use super::cluster::{ClusterKey, ClusterName};
use super::task_definition::{Architecture, Protocol};
use crate::kernel::ids::InstanceId;
use crate::kernel::{Arn, CpuUnits, Entity, MemoryMib, Scope, Tags, Timestamp};

/// The key of a container instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceKey {
    /// The account and region.
    pub scope: Scope,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The instance's id.
    pub id: InstanceId,
}

impl InstanceKey {
    /// The ARN, ending in `container-instance/cluster/id`.
    #[must_use]
    pub fn arn(&self) -> Arn {
        Arn::new(
            "ecs",
            &self.scope,
            format!("container-instance/{}/{}", self.cluster, self.id),
        )
    }

    /// The key of the cluster that it joined.
    #[must_use]
    pub fn cluster_key(&self) -> ClusterKey {
        ClusterKey {
            scope: self.scope.clone(),
            name: self.cluster.clone(),
        }
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scope, self.cluster, self.id)
    }
}

/// What kind of capacity a task runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LaunchType {
    /// On an instance that the user sees.
    Ec2,
    /// On capacity that hides its machine.
    Fargate,
    /// On a machine that joined from outside.
    External,
}

impl LaunchType {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Ec2, Self::Fargate, Self::External];
}

/// Whether an instance takes tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceStatus {
    /// It does.
    Active,
    /// It keeps the tasks that it has, and takes no new ones.
    Draining,
    /// It was deregistered.
    Inactive,
}

/// A property of an instance, or one that a task asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attribute {
    /// The attribute's name.
    pub name: String,
    /// Its value; some say all by being there.
    pub value: Option<String>,
}

/// What a machine has, or has left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU units.
    pub cpu: CpuUnits,
    /// Memory.
    pub memory: MemoryMib,
    /// Host ports that are taken.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// GPUs, by their ids.
    #[serde(default)]
    pub gpus: BTreeSet<String>,
}

/// A machine that joined a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerInstance {
    /// Its key.
    pub key: InstanceKey,
    /// Whether it takes tasks.
    pub status: InstanceStatus,
    /// What the agent announced: capabilities and properties, in the order of their names.
    pub attributes: Vec<Attribute>,
    /// What the machine has. The ports are those that no task may have.
    pub registered: Resources,
    /// The idempotency key of the registration.
    pub client_token: Option<String>,
    /// The machine's id at a cloud, if it has one.
    pub ec2_instance_id: Option<String>,
    /// Versions of the agent and its runtime, as far as they are known.
    pub versions: Versions,
    /// The update of its agent that was last asked for.
    #[serde(default)]
    pub agent_update: Option<AgentUpdate>,
    /// The user's tags.
    pub tags: Tags,
    /// When it joined first.
    pub registered_at: Timestamp,
    /// When it was deregistered, while it is.
    #[serde(default)]
    pub deregistered_at: Option<Timestamp>,
    /// Counts the changes of this row.
    pub version: u64,
}

/// What software an instance runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The agent's version, for example `1.105.1`.
    pub agent: Option<String>,
    /// The agent's commit.
    pub agent_hash: Option<String>,
    /// The runtime's version, for example `DockerVersion: 20.10.24`.
    pub docker: Option<String>,
}

impl Versions {
    /// These versions, and what was known before of those that are not named.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            agent: self.agent.or(before.agent),
            agent_hash: self.agent_hash.or(before.agent_hash),
            docker: self.docker.or(before.docker),
        }
    }
}

impl Entity for ContainerInstance {
    type Key = InstanceKey;

    fn key(&self) -> &InstanceKey {
        &self.key
    }
}

/// The attribute by which an agent announces what launch types its machine serves, separated by commas.
pub const SERVES: &str = "berth.launch-types";
/// The attribute that marks a machine from outside.
pub const EXTERNAL: &str = "ecs.capability.external";
/// The attribute that names the machine's type.
pub const TYPE: &str = "ecs.instance-type";
/// The attribute that names the zone.
pub const ZONE: &str = "ecs.availability-zone";
/// The attribute that names the instruction set.
pub const ARCHITECTURE: &str = "ecs.cpu-architecture";

impl ContainerInstance {
    /// Whether it belongs to its cluster, and its agent to it.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        match self.status {
            InstanceStatus::Active | InstanceStatus::Draining => true,
            InstanceStatus::Inactive => false,
        }
    }

    /// The attribute with this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether this machine serves tasks of launch type `wanted`: what it announced; else EXTERNAL if it is from outside, else
    /// EC2; never FARGATE by default.
    #[must_use]
    pub fn serves(&self, wanted: LaunchType) -> bool {
        serves(|name| self.attribute(name), wanted)
    }

    /// Whether this machine runs images made for `wanted`: what it announced; nothing announced means x86-64, as the stock
    /// agent leaves it out on EC2.
    #[must_use]
    pub fn runs(&self, wanted: Architecture) -> bool {
        runs(|name| self.attribute(name), wanted)
    }

    /// Its instruction set, as [`ContainerInstance::runs`] understands it.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        if self.runs(Architecture::Arm64) {
            Architecture::Arm64
        } else {
            Architecture::X86_64
        }
    }

    /// The zone that it stands in: what it announced, else the first zone of its region.
    #[must_use]
    pub fn zone(&self) -> String {
        let announced = self.attribute(ZONE).and_then(|attribute| attribute.value.clone());
        announced.unwrap_or_else(|| format!("{}a", self.key.scope.region))
    }
}

/// What [`ContainerInstance::serves`] says, for whoever has only the attributes.
pub(crate) fn serves<'a>(attribute: impl Fn(&str) -> Option<&'a Attribute>, wanted: LaunchType) -> bool {
    match attribute(SERVES).and_then(|attribute| attribute.value.as_deref()) {
        Some(list) => list.split(',').any(|word| word.trim() == wanted.as_str()),
        None if attribute(EXTERNAL).is_some() => wanted == LaunchType::External,
        None => wanted == LaunchType::Ec2,
    }
}

/// What [`ContainerInstance::runs`] says, for whoever has only the attributes.
pub(crate) fn runs<'a>(attribute: impl Fn(&str) -> Option<&'a Attribute>, wanted: Architecture) -> bool {
    let announced = attribute(ARCHITECTURE).and_then(|attribute| attribute.value.as_deref());
    match wanted {
        Architecture::X86_64 => matches!(announced, None | Some("x86_64" | "amd64")),
        Architecture::Arm64 => matches!(announced, Some("arm64" | "aarch64")),
    }
}
