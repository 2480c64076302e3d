//! Task definitions: families, their revisions, and what each container of a task asks for.
//!
//! What the agent carries out is typed here. Every other member of the API's shape is kept as [`Unbuilt`]: stored and
//! echoed, and refused by name when a task is to run with it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instance::{Attribute, LaunchType};
use super::lifecycle::{Condition, Lifecycle};
use super::requirement::{GpuNeed, Requirement};
use super::surroundings::Surroundings;
use super::volume::{Mounts, Volume};
use crate::ecs::place::expression::Query;
use crate::kernel::names::{Opaque, is_ecs_name, name_types};
use crate::kernel::{Arn, CpuUnits, Entity, MemoryMib, Scope, Tags, Timestamp};

name_types! {
    /// A family's name: 1 to 255 letters, digits, dashes and underscores.
    FamilyName(|text| is_ecs_name(text, 255));
}

impl FamilyName {
    /// Where the names that begin with `prefix` begin in the order. It need not be a name itself.
    pub(crate) fn from_prefix(prefix: &str) -> Self {
        Self(crate::kernel::names::Name::new(prefix))
    }
}

/// A family: the revisions that share a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its key.
    pub key: FamilyKey,
    /// The number of the newest revision ever registered.
    pub newest: u32,
}

/// The key of a family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FamilyKey {
    /// The account and region.
    pub scope: Scope,
    /// The family's name.
    pub name: FamilyName,
}

impl fmt::Display for FamilyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.name)
    }
}

impl Entity for Family {
    type Key = FamilyKey;

    fn key(&self) -> &FamilyKey {
        &self.key
    }
}

/// The key of a task definition: one revision of a family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskDefinitionKey {
    /// The account and region.
    pub scope: Scope,
    /// The family's name.
    pub family: FamilyName,
    /// Counts every registration in the family, from 1.
    pub revision: u32,
}

impl TaskDefinitionKey {
    /// The ARN, ending in `task-definition/family:revision`.
    #[must_use]
    pub fn arn(&self) -> Arn {
        Arn::new(
            "ecs",
            &self.scope,
            format!("task-definition/{}:{}", self.family, self.revision),
        )
    }
}

impl fmt::Display for TaskDefinitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scope, self.family, self.revision)
    }
}

/// Whether new tasks may use a task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DefinitionStatus {
    /// They may.
    Active,
    /// It was deregistered: what runs goes on, nothing new starts.
    Inactive,
    /// It is to be deleted, and will be gone when no task refers to it any more.
    DeleteInProgress,
}

/// How the containers of a task reach the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkMode {
    /// Each container on the host's bridge, with published ports.
    Bridge,
    /// In the host's own network.
    Host,
    /// One interface of a VPC for the whole task.
    Awsvpc,
    /// No network but loopback.
    None,
}

/// The machine's instruction set that the images are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// `X86_64`.
    X86_64,
    /// `ARM64`.
    Arm64,
}

/// What the task's machine must be. The operating system is Linux: others are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimePlatform {
    /// The architecture, if the definition names one.
    pub architecture: Option<Architecture>,
    /// Whether the definition names the operating system family `LINUX`.
    pub names_linux: bool,
}

/// A member that is stored and echoed, but that the agent does not carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbuilt {
    /// The member's name in the API.
    pub member: String,
    /// Its value as JSON.
    pub value: Opaque,
    /// Whether it asks for something. An empty list or a `false` asks for nothing, and such a task may run.
    pub asks: bool,
}

/// One revision of a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Its key.
    pub key: TaskDefinitionKey,
    /// Whether new tasks may use it.
    pub status: DefinitionStatus,
    /// The containers, in the order given.
    pub containers: Vec<ContainerDefinition>,
    /// How the containers reach the network, if the definition says so.
    pub network_mode: Option<NetworkMode>,
    /// The launch types that it must be valid for.
    pub requires_compatibilities: Vec<LaunchType>,
    /// The launch types that it is valid for.
    pub compatibilities: Vec<LaunchType>,
    /// The task's share of CPU.
    pub cpu: Option<CpuUnits>,
    /// The task's memory limit.
    pub memory: Option<MemoryMib>,
    /// The role of the machinery around the task.
    pub execution_role_arn: Option<String>,
    /// The role of the task's own code.
    pub task_role_arn: Option<String>,
    /// What the task's machine must be, if the definition says so.
    pub runtime_platform: Option<RuntimePlatform>,
    /// What its containers can share and keep.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// Members of the task that are not carried out.
    pub unbuilt: Vec<Unbuilt>,
    /// What an instance must be capable of.
    pub requires_attributes: Vec<Attribute>,
    /// Which instances are meant.
    #[serde(default)]
    pub placement_constraints: Vec<Query>,
    /// The user's tags.
    pub tags: Tags,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The ARN of whoever registered it.
    pub registered_by: String,
    /// When it was deregistered.
    pub deregistered_at: Option<Timestamp>,
    /// When it was to be deleted.
    #[serde(default)]
    pub delete_requested_at: Option<Timestamp>,
}

impl Entity for TaskDefinition {
    type Key = TaskDefinitionKey;

    fn key(&self) -> &TaskDefinitionKey {
        &self.key
    }
}

/// One container of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDefinition {
    /// Unique within the definition.
    pub name: String,
    /// The image reference.
    pub image: String,
    /// CPU shares; 0 if none were asked for.
    pub cpu: CpuUnits,
    /// The hard memory limit.
    pub memory: Option<MemoryMib>,
    /// The soft memory limit.
    pub memory_reservation: Option<MemoryMib>,
    /// Whether the task ends when this container ends.
    pub essential: bool,
    /// Replaces the image's entry point.
    pub entry_point: Option<Vec<String>>,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment variables, in the order given.
    pub environment: Vec<(String, String)>,
    /// Ports that others can reach.
    pub port_mappings: Vec<PortMapping>,
    /// `user`, `user:group`, names or numbers.
    pub user: Option<String>,
    /// The directory that the process starts in.
    pub working_directory: Option<String>,
    /// Where its output goes.
    pub log_configuration: Option<LogConfiguration>,
    /// Seconds between SIGTERM and SIGKILL.
    pub stop_timeout_s: Option<u32>,
    /// What it waits for, when it is started again and how its health is probed.
    #[serde(default)]
    pub lifecycle: Lifecycle,
    /// Devices of the machine.
    #[serde(default)]
    pub resource_requirements: Vec<Requirement>,
    /// How it finds its machine.
    #[serde(default)]
    pub surroundings: Surroundings,
    /// The places of volumes in it.
    #[serde(default)]
    pub mounts: Mounts,
    /// Members of the container that are not carried out.
    pub unbuilt: Vec<Unbuilt>,
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port of a container that others can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// The port inside; 0 if a range is given instead.
    pub container_port: u16,
    /// A range of ports inside, for example `8000-8010`. It is not carried out yet.
    pub container_port_range: Option<String>,
    /// The port of the host; 0 or none asks for any free one.
    pub host_port: Option<u16>,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port's name, for service discovery.
    pub name: Option<String>,
    /// The protocol spoken on it: `http`, `http2` or `grpc`.
    pub app_protocol: Option<String>,
}

/// Where a container's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    /// The log driver's name, for example `awslogs`.
    pub driver: String,
    /// The driver's options, in the order of their names.
    pub options: Vec<(String, String)>,
}

impl TaskDefinition {
    /// How the containers reach the network when nothing else was said: by the bridge.
    #[must_use]
    pub fn effective_network_mode(&self) -> NetworkMode {
        self.network_mode.unwrap_or(NetworkMode::Bridge)
    }

    /// The CPU that a task of this definition takes from its machine: the task's, or the sum of its containers'.
    #[must_use]
    pub fn reserved_cpu(&self) -> CpuUnits {
        self.cpu
            .unwrap_or_else(|| CpuUnits(total(self.containers.iter().map(|container| container.cpu.0))))
    }

    /// The memory that a task of this definition takes from its machine: the task's, or the sum of its containers'
    /// reservations (limits where there is none).
    #[must_use]
    pub fn reserved_memory(&self) -> MemoryMib {
        let of =
            |container: &ContainerDefinition| container.memory_reservation.or(container.memory).map_or(0, |mib| mib.0);
        self.memory
            .unwrap_or_else(|| MemoryMib(total(self.containers.iter().map(of))))
    }

    /// The host ports that a task of this definition takes from its machine: fixed ones, on the host or the bridge.
    pub fn reserved_ports(&self) -> impl Iterator<Item = (Protocol, u16)> + '_ {
        let mode = self.effective_network_mode();
        let fixed = move |mapping: &PortMapping| {
            let port = match mode {
                NetworkMode::Bridge => mapping.host_port.unwrap_or(0),
                NetworkMode::Host => mapping.container_port,
                NetworkMode::Awsvpc | NetworkMode::None => 0,
            };
            (port != 0).then_some((mapping.protocol, port))
        };
        self.containers
            .iter()
            .flat_map(|container| &container.port_mappings)
            .filter_map(fixed)
    }

    /// The GPUs that a task of this definition takes from its machine.
    #[must_use]
    pub fn reserved_gpus(&self) -> GpuNeed {
        let all = self.containers.iter();
        GpuNeed::of(all.flat_map(|container| &container.resource_requirements))
    }

    /// The container with this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.containers.iter().find(|container| container.name == name)
    }
}

impl ContainerDefinition {
    /// The containers that it waits for, and for what: those whose volumes it takes over are made first.
    pub fn waits_for(&self) -> impl Iterator<Item = (&str, Condition)> {
        let depends = self.lifecycle.depends_on.iter();
        let depends = depends.map(|dependency| (dependency.container.as_str(), dependency.condition));
        let from = self.mounts.from.iter();
        depends.chain(from.map(|from| (from.container.as_str(), Condition::Start)))
    }
}

/// A sum that stays at the largest number instead of beginning anew: more than any machine has.
fn total(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(0, u32::saturating_add)
}

/// A size that a definition names, of a task or of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuMemory {
    /// CPU units.
    pub cpu: Option<CpuUnits>,
    /// The hard memory limit.
    pub memory: Option<MemoryMib>,
}
