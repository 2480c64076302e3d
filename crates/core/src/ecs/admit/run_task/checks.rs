//! What a RunTask must satisfy before any of its tasks is placed.

use super::NetworkWish;
use crate::ecs::admit::Caller;
use crate::ecs::model::{
    ClusterKey, ContainerDefinition, LaunchType, NetworkMode, Requirement, SecurityOption, TaskDefinition, Unbuilt,
    Volume,
};
use crate::ecs::place::index::Pool;
use crate::ecs::quota::{Exceeded, within};
use crate::ecs::refusal::Refusal;
use crate::ecs::state::State;
use crate::network::{DefaultNetwork, SecurityGroupId, Subnet};

/// The options of the awslogs driver that are carried out.
const BUILT_LOG_OPTIONS: [&str; 6] = [
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream-prefix",
    "awslogs-create-group",
    "mode",
    "max-buffer-size",
];

/// Where a task may get its interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceWish {
    /// Any of these.
    pub subnets: Vec<Subnet>,
    /// All of these.
    pub groups: Vec<SecurityGroupId>,
}

/// Whether tasks of `definition` can run on `launch_type`.
///
/// # Errors
/// They cannot, or the platform version is none of this launch type's, or that of Windows.
pub fn launch_type(
    definition: &TaskDefinition,
    launch_type: LaunchType,
    platform_version: Option<&str>,
) -> Result<(), Refusal> {
    if !definition.compatibilities.contains(&launch_type) {
        return Err(Refusal::LaunchTypeUnsupported(launch_type));
    }
    match platform_version {
        None | Some("" | "LATEST" | "1.4.0") if launch_type == LaunchType::Fargate => Ok(()),
        None | Some("") => Ok(()),
        Some("1.0.0") if launch_type == LaunchType::Fargate => Err(Refusal::PlatformUnfit),
        Some(_) => Err(Refusal::PlatformUnknown),
    }
}

/// The subnets and groups that are meant, if the task gets an interface.
///
/// # Errors
/// A wish that is missing, not wanted, or names what does not exist.
pub fn interface(
    definition: &TaskDefinition,
    caller: &Caller,
    wish: Option<&NetworkWish>,
) -> Result<Option<InterfaceWish>, Refusal> {
    let wish = match (definition.effective_network_mode(), wish) {
        (NetworkMode::Awsvpc, None) => return Err(Refusal::NetworkMissing),
        (NetworkMode::Awsvpc, Some(wish)) => wish,
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, None) => return Ok(None),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, Some(_)) => return Err(Refusal::NetworkUnwanted),
    };
    if wish.subnets.is_empty() {
        return Err(Refusal::Empty("Subnets"));
    }
    if wish.subnets.len() > 16 {
        return Err(Refusal::TooMany {
            what: "subnets",
            most: 16,
        });
    }
    if wish.security_groups.len() > 5 {
        return Err(Refusal::TooMany {
            what: "security groups",
            most: 5,
        });
    }
    let network = DefaultNetwork::of(&caller.scope);
    let subnet = |id: &String| {
        let found = id.parse().ok().and_then(|id| network.subnet(id)).cloned();
        found.ok_or_else(|| Refusal::SubnetNotFound(id.clone()))
    };
    let group = |id: &String| {
        let found = id.parse().ok().filter(|id| *id == network.security_group);
        found.ok_or_else(|| Refusal::SecurityGroupNotFound(id.clone()))
    };
    let subnets = wish.subnets.iter().map(subnet).collect::<Result<_, _>>()?;
    let groups: Vec<SecurityGroupId> = wish.security_groups.iter().map(group).collect::<Result<_, _>>()?;
    Ok(Some(InterfaceWish {
        subnets,
        groups: if groups.is_empty() {
            vec![network.security_group]
        } else {
            groups
        },
    }))
}

/// Whether the cluster has machines at all. FARGATE hides its machines, so there it is a matter of capacity.
///
/// # Errors
/// It has none.
pub fn machines(state: &State, cluster: &ClusterKey, launch_type: LaunchType) -> Result<(), Refusal> {
    let pool = state.index().pool(cluster);
    if launch_type != LaunchType::Fargate && pool.is_none_or(Pool::is_empty) {
        return Err(Refusal::NoInstances);
    }
    Ok(())
}

/// Whether the operator allows the cluster `count` more tasks.
///
/// # Errors
/// It would have too many.
pub fn room(state: &State, caller: &Caller, cluster: &ClusterKey, count: usize) -> Result<(), Refusal> {
    let tasks = state.counts(cluster).tasks() + count;
    within(caller.quotas.tasks_per_cluster, tasks, Exceeded::Tasks)
}

/// Nothing is run without what it asked for.
///
/// # Errors
/// The first member of the request, which is one of `operation`, or of the definition that Berth does not carry out.
pub fn built(definition: &TaskDefinition, request: &[String], operation: &str) -> Result<(), Refusal> {
    if let Some(member) = request.first() {
        return Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{member}' of {operation} yet."
        )));
    }
    if definition.task_role_arn.is_some() {
        return Err(Refusal::NotBuilt(
            "Berth does not carry out 'taskRoleArn' yet: tasks cannot have a role.".to_owned(),
        ));
    }
    let asked = |unbuilt: &&Unbuilt| unbuilt.asks;
    if let Some(unbuilt) = definition.unbuilt.iter().find(asked) {
        return Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{}' of task definitions yet.",
            unbuilt.member
        )));
    }
    if let Some(member) = definition.volumes.iter().find_map(Volume::unbuilt) {
        return Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{member}' of task definitions yet."
        )));
    }
    definition.containers.iter().try_for_each(built_container)
}

/// How a device that cannot be had is called.
fn unbuilt_device(requirement: &Requirement) -> Option<&'static str> {
    match requirement {
        Requirement::Gpus(_) => None,
        Requirement::SharedGpu(_) => Some("resourceRequirements.sharingStrategy"),
        Requirement::NeuronDevices => Some("resourceRequirements.type NeuronDevice"),
        Requirement::Accelerator(_) => Some("resourceRequirements.type InferenceAccelerator"),
    }
}

fn built_container(container: &ContainerDefinition) -> Result<(), Refusal> {
    let refuse = |member: &str| {
        let name = &container.name;
        Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{member}' yet, which container '{name}' asks for."
        )))
    };
    if let Some(unbuilt) = container.unbuilt.iter().find(|unbuilt| unbuilt.asks) {
        return refuse(&unbuilt.member);
    }
    if let Some(member) = container.resource_requirements.iter().find_map(unbuilt_device) {
        return refuse(member);
    }
    let options = container.surroundings.docker_security_options.iter().flatten();
    if let Some(option) = options
        .into_iter()
        .find(|option| SecurityOption::parse(option).is_none())
    {
        return refuse(&format!("dockerSecurityOptions {option}"));
    }
    if container
        .port_mappings
        .iter()
        .any(|mapping| mapping.container_port_range.is_some())
    {
        return refuse("portMappings.containerPortRange");
    }
    let Some(log) = &container.log_configuration else {
        return Ok(());
    };
    match log.driver.as_str() {
        "none" => Ok(()),
        "awslogs" => {
            let unbuilt = log
                .options
                .iter()
                .find(|(option, _)| !BUILT_LOG_OPTIONS.contains(&option.as_str()));
            unbuilt.map_or(Ok(()), |(option, _)| {
                refuse(&format!("logConfiguration.options.{option}"))
            })
        }
        driver => refuse(&format!("logConfiguration.logDriver {driver}")),
    }
}
