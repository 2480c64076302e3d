//! What a request may override of its task definition.

use std::collections::BTreeSet;

use crate::ecs::admit::definition_rules as rules;
use crate::ecs::admit::requirements::{self, RequirementDraft};
use crate::ecs::model::{ContainerOverride, LaunchType, Overrides, TaskDefinition};
use crate::ecs::refusal::{Fault, LaunchFault};
use crate::kernel::{CpuUnits, MemoryMib, arn};

/// The most characters of overrides, as JSON without blanks.
const MOST_CHARACTERS: usize = 8192;

/// The `overrides` of a request: words and numbers as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverridesDraft {
    /// `containerOverrides`.
    pub containers: Vec<ContainerOverrideDraft>,
    /// `cpu`: units, or `.5 vCPU`.
    pub cpu: Option<String>,
    /// `memory`: MiB, or `2 GB`.
    pub memory: Option<String>,
    /// `executionRoleArn`.
    pub execution_role_arn: Option<String>,
    /// How many characters the whole has as JSON.
    pub characters: usize,
}

/// One of `containerOverrides`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerOverrideDraft {
    /// `name`.
    pub name: Option<String>,
    /// `command`.
    pub command: Vec<String>,
    /// `environment`.
    pub environment: Vec<(String, String)>,
    /// `cpu`.
    pub cpu: Option<i64>,
    /// `memory`.
    pub memory: Option<i64>,
    /// `memoryReservation`.
    pub memory_reservation: Option<i64>,
    /// `resourceRequirements`.
    pub resource_requirements: Vec<RequirementDraft>,
}

/// The overrides that are meant, or nothing if they change nothing.
///
/// # Errors
/// The first member that cannot be, also of the definition that they make of `definition`. The sizes of FARGATE count if
/// `launch_type` says so.
pub fn check(
    draft: OverridesDraft,
    definition: &TaskDefinition,
    launch_type: Option<LaunchType>,
) -> Result<Option<Box<Overrides>>, LaunchFault> {
    if draft.characters > MOST_CHARACTERS {
        return Err(LaunchFault::OverridesTooLong(MOST_CHARACTERS));
    }
    let mut names = BTreeSet::new();
    for container in &draft.containers {
        let name = container.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or(LaunchFault::OverrideNameMissing)?;
        if definition.container(name).is_none() {
            return Err(LaunchFault::OverrideUnknown(name.to_owned()));
        }
        if !names.insert(name.to_owned()) {
            return Err(LaunchFault::OverrideTwice(name.to_owned()));
        }
    }
    let overrides = parse(draft).map_err(LaunchFault::Override)?;
    if overrides == Overrides::default() {
        return Ok(None);
    }
    let changed = overrides.apply(definition);
    rules::check(&changed).map_err(LaunchFault::Override)?;
    if launch_type == Some(LaunchType::Fargate) {
        rules::fargate_size(&changed).map_err(LaunchFault::Override)?;
        rules::fargate_devices(&changed).map_err(LaunchFault::Override)?;
    }
    Ok(Some(Box::new(overrides)))
}

fn parse(draft: OverridesDraft) -> Result<Overrides, Fault> {
    let role = draft.execution_role_arn.filter(|arn| !arn.is_empty());
    if let Some(bad) = role.as_ref().filter(|role| arn::role_account(role).is_none()) {
        return Err(Fault::Role(bad.clone()));
    }
    let mut containers: Vec<ContainerOverride> =
        draft.containers.into_iter().map(container).collect::<Result<_, _>>()?;
    containers.retain(ContainerOverride::changes);
    Ok(Overrides {
        containers,
        cpu: draft.cpu.as_deref().map(rules::task_cpu).transpose()?,
        memory: draft.memory.as_deref().map(rules::task_memory).transpose()?,
        execution_role_arn: role,
    })
}

fn container(draft: ContainerOverrideDraft) -> Result<ContainerOverride, Fault> {
    let number = |value: Option<i64>, member| {
        let checked = value.map(|value| u32::try_from(value).map_err(|_| Fault::Negative { member }));
        checked.transpose()
    };
    if draft.environment.iter().any(|(name, _)| name.is_empty()) {
        return Err(Fault::EnvironmentName);
    }
    let name = draft.name.unwrap_or_default();
    Ok(ContainerOverride {
        resource_requirements: requirements::parse(&name, draft.resource_requirements)?,
        name,
        command: Some(draft.command).filter(|command| !command.is_empty()),
        environment: draft.environment,
        cpu: number(draft.cpu, "cpu")?.map(CpuUnits),
        memory: number(draft.memory, "memory")?.map(MemoryMib),
        memory_reservation: number(draft.memory_reservation, "memoryReservation")?.map(MemoryMib),
    })
}
