//! What one machine should do: its assignment set, derived from the tasks placed on it.
//!
//! The control plane derives assignments, `wire` spells them in the agent protocol, and the agent's brain acts on them.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::ecs::model::{
    Container, ContainerDefinition, LaunchType, NetworkMode, Task, TaskDefinition, TaskKey, Volume,
};
use crate::kernel::ids::Uuid;
use crate::kernel::{CpuUnits, MemoryMib};
use crate::network::default::SUBNET_PREFIX_LEN;
use crate::network::interface::Mac;
use crate::network::{DefaultNetwork, Interface, InterfaceId};

/// Where the agent shall take a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Desired {
    /// Its containers shall run.
    Running,
    /// Its containers shall end.
    Stopped,
}

/// One task that a machine shall run or stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which task.
    pub task: TaskKey,
    /// Where to take it.
    pub desired: Desired,
    /// The family of its definition.
    pub family: String,
    /// The revision of its definition.
    pub revision: u32,
    /// The capacity that was asked for.
    pub launch_type: LaunchType,
    /// Tasks of one purpose.
    pub group: String,
    /// The zone of the machine.
    pub zone: String,
    /// How the containers reach the network.
    pub network_mode: NetworkMode,
    /// The limit of CPU of the whole task.
    pub cpu: Option<CpuUnits>,
    /// The limit of memory of the whole task.
    pub memory: Option<MemoryMib>,
    /// The task's interface, in awsvpc mode.
    pub interface: Option<AssignedInterface>,
    /// What its containers share and keep. None when the task shall stop.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// What to run. Empty when the task shall stop.
    pub containers: Vec<AssignedContainer>,
}

/// A container of an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedContainer {
    /// The last part of the container's ARN.
    pub id: Uuid,
    /// What to run.
    pub definition: ContainerDefinition,
    /// The GPUs that it gets.
    #[serde(default)]
    pub gpu_ids: Vec<String>,
}

/// The interface of an assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedInterface {
    /// The interface's id.
    pub id: InterfaceId,
    /// The id of its attachment to the task.
    pub attachment: Uuid,
    /// The hardware address.
    pub mac: Mac,
    /// The private address.
    pub address: Ipv4Addr,
    /// Bits of the network part of the subnet.
    pub prefix_len: u8,
    /// The subnet's router.
    pub gateway: Ipv4Addr,
    /// The name by which the address is known.
    pub private_dns_name: String,
}

/// The assignment that follows from `task`, whose definition is `definition`. Overrides are applied here: machines see
/// what they make of the definition, as the stock agent takes no others than those of commands.
#[must_use]
pub fn assignment(task: &Task, definition: &TaskDefinition, interface: Option<&Interface>) -> Assignment {
    let definition = &*task.effective(definition);
    let desired = crate::ecs::session::desired(task);
    let part = |(container, definition): (&Container, &ContainerDefinition)| AssignedContainer {
        id: container.id,
        definition: with_log_mode(task, with_execution_env(task.launch_type, definition.clone())),
        gpu_ids: container.gpu_ids.clone(),
    };
    let parts = task.containers.iter().zip(&definition.containers);
    let wanted = parts.filter(|_| desired == Desired::Running);
    Assignment {
        task: task.key.clone(),
        desired,
        family: task.family.to_string(),
        revision: task.revision,
        launch_type: task.launch_type,
        group: task.group.to_string(),
        zone: task.zone.to_string(),
        network_mode: definition.effective_network_mode(),
        cpu: definition.cpu,
        memory: definition.memory,
        interface: interface.and_then(assigned_interface),
        volumes: if desired == Desired::Running {
            definition.volumes.clone()
        } else {
            Vec::new()
        },
        containers: wanted.map(part).collect(),
    }
}

/// The definition with the variable by which SDKs know where they run. What the definition says itself counts.
fn with_execution_env(launch_type: LaunchType, mut definition: ContainerDefinition) -> ContainerDefinition {
    let name = "AWS_EXECUTION_ENV";
    let value = match launch_type {
        LaunchType::Ec2 => "AWS_ECS_EC2",
        LaunchType::Fargate => "AWS_ECS_FARGATE",
        // No such word is documented for machines from outside.
        LaunchType::External => return definition,
    };
    if !definition.environment.iter().any(|(said, _)| said == name) {
        definition.environment.push((name.to_owned(), value.to_owned()));
    }
    definition
}

/// The definition with the log mode that the account has set, where it says nothing of one itself.
fn with_log_mode(task: &Task, mut definition: ContainerDefinition) -> ContainerDefinition {
    if let Some(log) = definition.log_configuration.as_mut().filter(|_| task.blocking_logs) {
        let says = |name: &str| name == "mode" || name == "max-buffer-size";
        if log.driver == "awslogs" && !log.options.iter().any(|(name, _)| says(name)) {
            log.options.push(("mode".to_owned(), "blocking".to_owned()));
        }
    }
    definition
}

fn assigned_interface(interface: &Interface) -> Option<AssignedInterface> {
    let network = DefaultNetwork::of(&interface.key.scope);
    let subnet = network.subnet(interface.subnet)?;
    Some(AssignedInterface {
        id: interface.key.id,
        attachment: interface.attachment,
        mac: interface.mac,
        address: interface.address,
        prefix_len: SUBNET_PREFIX_LEN,
        gateway: subnet.gateway(),
        private_dns_name: interface.private_dns_name(),
    })
}
