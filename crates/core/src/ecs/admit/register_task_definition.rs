//! RegisterTaskDefinition: a draft becomes a new revision, or is refused for the first fault found.

use super::capabilities;
use super::definition_rules as rules;
use super::lifecycle::{self, LifecycleDraft};
use super::placement::{self, ConstraintDraft};
use super::requirements::{self, RequirementDraft};
use super::volumes::{self, VolumeDraft};
use super::{Admitted, Caller, surroundings};
use crate::ecs::model::task_definition::{Family, FamilyKey};
use crate::ecs::model::{
    Architecture, ContainerDefinition, DefinitionStatus, LaunchType, LogConfiguration, Mounts, NetworkMode,
    PortMapping, Protocol, RuntimePlatform, Surroundings, TaskDefinition, TaskDefinitionKey, Unbuilt,
};
use crate::ecs::place::expression::Query;
use crate::ecs::quota::{Exceeded, within};
use crate::ecs::refusal::{Fault, Refusal};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{CpuUnits, Cx, Edit, MemoryMib, Tags};

/// A RegisterTaskDefinition request: words and numbers as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The family's name.
    pub family: String,
    /// The containers.
    pub containers: Vec<ContainerDraft>,
    /// `networkMode`.
    pub network_mode: Option<String>,
    /// `requiresCompatibilities`.
    pub requires_compatibilities: Vec<String>,
    /// The task's CPU: units, or `.5 vCPU`.
    pub cpu: Option<String>,
    /// The task's memory: MiB, or `2 GB`.
    pub memory: Option<String>,
    /// `executionRoleArn`.
    pub execution_role_arn: Option<String>,
    /// `taskRoleArn`.
    pub task_role_arn: Option<String>,
    /// `runtimePlatform`, if it was given.
    pub platform: Option<PlatformDraft>,
    /// `pidMode`, which FARGATE limits; also among the unbuilt.
    pub pid_mode: Option<String>,
    /// `volumes`.
    pub volumes: Vec<VolumeDraft>,
    /// `placementConstraints`.
    pub placement_constraints: Vec<ConstraintDraft>,
    /// Members that Berth does not carry out.
    pub unbuilt: Vec<Unbuilt>,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
    /// Bytes of the request.
    pub size_bytes: usize,
}

/// `runtimePlatform` as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformDraft {
    /// `cpuArchitecture`.
    pub architecture: Option<String>,
    /// `operatingSystemFamily`.
    pub system: Option<String>,
}

/// A container of a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerDraft {
    /// `name`.
    pub name: String,
    /// `image`.
    pub image: String,
    /// `cpu`.
    pub cpu: i64,
    /// `memory`.
    pub memory: Option<i64>,
    /// `memoryReservation`.
    pub memory_reservation: Option<i64>,
    /// `essential`.
    pub essential: Option<bool>,
    /// `entryPoint`.
    pub entry_point: Option<Vec<String>>,
    /// `command`.
    pub command: Option<Vec<String>>,
    /// `environment`.
    pub environment: Vec<(String, String)>,
    /// `portMappings`.
    pub port_mappings: Vec<PortDraft>,
    /// `user`.
    pub user: Option<String>,
    /// `workingDirectory`.
    pub working_directory: Option<String>,
    /// `logConfiguration`.
    pub log_configuration: Option<LogConfiguration>,
    /// `stopTimeout`.
    pub stop_timeout_s: Option<i64>,
    /// `dependsOn`, `startTimeout`, `restartPolicy` and `healthCheck`.
    pub lifecycle: LifecycleDraft,
    /// `resourceRequirements`.
    pub resource_requirements: Vec<RequirementDraft>,
    /// How it finds its machine.
    pub surroundings: Surroundings,
    /// `mountPoints` and `volumesFrom`.
    pub mounts: Mounts,
    /// Members that Berth does not carry out.
    pub unbuilt: Vec<Unbuilt>,
}

/// A port mapping of a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortDraft {
    /// `containerPort`.
    pub container_port: Option<i64>,
    /// `containerPortRange`.
    pub container_port_range: Option<String>,
    /// `hostPort`.
    pub host_port: Option<i64>,
    /// `protocol`.
    pub protocol: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `appProtocol`.
    pub app_protocol: Option<String>,
}

/// Registers the next revision of a family.
///
/// # Errors
/// The first fault of the draft.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, draft: Draft) -> Result<Admitted, Refusal> {
    let tags = Tags::new(draft.tags.clone()).map_err(Refusal::Tags)?;
    if draft
        .requires_compatibilities
        .iter()
        .any(|word| word == "MANAGED_INSTANCES")
    {
        let text = "Berth does not carry out the compatibility MANAGED_INSTANCES yet.";
        return Err(Refusal::NotBuilt(text.to_owned()));
    }
    let placement_constraints = placement::of_definition(&draft.placement_constraints)?;
    let mut definition = parse(state, cx, caller, draft, placement_constraints).map_err(Refusal::Definition)?;
    definition.tags = tags;
    let key = definition.key.clone();
    let family = FamilyKey {
        scope: key.scope.clone(),
        name: key.family.clone(),
    };
    let changes = vec![
        Change::Family(Edit::Put(Family {
            key: family,
            newest: key.revision,
        })),
        Change::TaskDefinition(Edit::Put(definition)),
    ];
    within(
        caller.quotas.revisions_per_family,
        key.revision as usize,
        Exceeded::Revisions,
    )?;
    Ok(Admitted::with(changes, Answer::TaskDefinition(key)))
}

fn parse(
    state: &State,
    cx: &Cx,
    caller: &Caller,
    draft: Draft,
    placement_constraints: Vec<Query>,
) -> Result<TaskDefinition, Fault> {
    if draft.size_bytes > rules::MOST_BYTES {
        return Err(Fault::Size);
    }
    let family = FamilyKey {
        scope: caller.scope.clone(),
        name: draft.family.parse().map_err(|_| Fault::Family)?,
    };
    let requires: Vec<LaunchType> = draft
        .requires_compatibilities
        .iter()
        .map(|word| launch_type(word))
        .collect::<Result<_, _>>()?;
    let network_mode = draft.network_mode.as_deref().map(network_mode).transpose()?;
    let mut definition = TaskDefinition {
        key: TaskDefinitionKey {
            revision: state.next_revision(&family),
            scope: family.scope,
            family: family.name,
        },
        status: DefinitionStatus::Active,
        containers: containers(draft.containers, network_mode.unwrap_or(NetworkMode::Bridge))?,
        network_mode,
        requires_compatibilities: requires,
        compatibilities: Vec::new(),
        cpu: draft.cpu.as_deref().map(rules::task_cpu).transpose()?,
        memory: draft.memory.as_deref().map(rules::task_memory).transpose()?,
        execution_role_arn: role(draft.execution_role_arn)?,
        task_role_arn: role(draft.task_role_arn)?,
        runtime_platform: draft.platform.map(platform).transpose()?,
        volumes: volumes::parse(draft.volumes)?,
        unbuilt: draft.unbuilt,
        requires_attributes: Vec::new(),
        placement_constraints,
        tags: Tags::default(),
        registered_at: cx.now,
        registered_by: caller.arn.clone(),
        deregistered_at: None,
        delete_requested_at: None,
    };
    rules::check(&definition)?;
    let fargate = rules::fargate(&definition, draft.pid_mode.as_deref());
    if definition.requires_compatibilities.contains(&LaunchType::Fargate) {
        fargate.clone()?;
    }
    definition.compatibilities = compatibilities(fargate.is_ok());
    definition.requires_attributes = capabilities::required(&definition);
    Ok(definition)
}

/// Every definition runs on machines of one's own; FARGATE is the narrower one.
fn compatibilities(fargate: bool) -> Vec<LaunchType> {
    let mut all = vec![LaunchType::Ec2, LaunchType::External];
    if fargate {
        all.push(LaunchType::Fargate);
    }
    all
}

fn launch_type(word: &str) -> Result<LaunchType, Fault> {
    LaunchType::from_word(word).ok_or_else(|| Fault::Word {
        member: "requiresCompatibilities",
        word: word.to_owned(),
    })
}

fn network_mode(word: &str) -> Result<NetworkMode, Fault> {
    NetworkMode::from_word(word).ok_or_else(|| Fault::Word {
        member: "networkMode",
        word: word.to_owned(),
    })
}

fn role(arn: Option<String>) -> Result<Option<String>, Fault> {
    let bad = arn
        .as_ref()
        .filter(|arn| crate::kernel::arn::role_account(arn).is_none() && !arn.is_empty());
    match bad {
        Some(bad) => Err(Fault::Role(bad.clone())),
        None => Ok(arn.filter(|arn| !arn.is_empty())),
    }
}

fn platform(draft: PlatformDraft) -> Result<RuntimePlatform, Fault> {
    let architecture = draft.architecture.map(|word| {
        Architecture::from_word(&word).ok_or(Fault::Word {
            member: "runtimePlatform.cpuArchitecture",
            word,
        })
    });
    match draft.system {
        Some(word) if word != "LINUX" => Err(Fault::Word {
            member: "runtimePlatform.operatingSystemFamily",
            word,
        }),
        system => Ok(RuntimePlatform {
            architecture: architecture.transpose()?,
            names_linux: system.is_some(),
        }),
    }
}

fn containers(drafts: Vec<ContainerDraft>, mode: NetworkMode) -> Result<Vec<ContainerDefinition>, Fault> {
    if drafts.is_empty() || drafts.len() > rules::MOST_CONTAINERS {
        return Err(Fault::ContainerCount);
    }
    drafts.into_iter().map(|draft| container(draft, mode)).collect()
}

fn container(draft: ContainerDraft, mode: NetworkMode) -> Result<ContainerDefinition, Fault> {
    if draft.name.is_empty() {
        return Err(Fault::NameMissing);
    }
    if draft.image.is_empty() {
        return Err(Fault::ImageMissing);
    }
    let count = |value: i64, member| u32::try_from(value).map_err(|_| Fault::Negative { member });
    let mib = |value: Option<i64>, member| value.map(|value| count(value, member).map(MemoryMib)).transpose();
    if draft.environment.iter().any(|(name, _)| name.is_empty()) {
        return Err(Fault::EnvironmentName);
    }
    surroundings::check(&draft.surroundings, mode)?;
    let stop_timeout_s = draft
        .stop_timeout_s
        .map(|value| count(value, "stopTimeout"))
        .transpose()?;
    Ok(ContainerDefinition {
        cpu: CpuUnits(count(draft.cpu, "cpu")?),
        memory: mib(draft.memory, "memory")?,
        memory_reservation: mib(draft.memory_reservation, "memoryReservation")?,
        essential: draft.essential.unwrap_or(true),
        port_mappings: draft
            .port_mappings
            .into_iter()
            .map(|port| mapping(port, mode))
            .collect::<Result<_, _>>()?,
        stop_timeout_s,
        lifecycle: lifecycle::parse(draft.lifecycle, &draft.name)?,
        resource_requirements: requirements::parse(&draft.name, draft.resource_requirements)?,
        name: draft.name,
        image: draft.image,
        entry_point: draft.entry_point,
        command: draft.command,
        environment: draft.environment,
        user: draft.user,
        working_directory: draft.working_directory,
        log_configuration: draft.log_configuration,
        surroundings: draft.surroundings,
        mounts: draft.mounts,
        unbuilt: draft.unbuilt,
    })
}

/// In awsvpc and host mode the port of the host is the container's, and is shown so even if it was left out.
fn mapping(draft: PortDraft, mode: NetworkMode) -> Result<PortMapping, Fault> {
    let port = |value: i64| u16::try_from(value).map_err(|_| Fault::Port(value));
    let container_port = match (draft.container_port, &draft.container_port_range) {
        (Some(value), None) if value > 0 => port(value)?,
        (None, Some(_)) => 0,
        (value, _) => return Err(Fault::Port(value.unwrap_or(0))),
    };
    if let Some(word) = draft
        .container_port_range
        .as_ref()
        .filter(|range| !is_port_range(range))
    {
        return Err(Fault::Word {
            member: "containerPortRange",
            word: word.clone(),
        });
    }
    let word = draft.protocol.unwrap_or_else(|| "tcp".to_owned());
    let given = draft.host_port.map(port).transpose()?;
    let same = matches!(mode, NetworkMode::Awsvpc | NetworkMode::Host) && container_port != 0;
    Ok(PortMapping {
        container_port,
        container_port_range: draft.container_port_range,
        host_port: if same && given.unwrap_or(0) == 0 {
            Some(container_port)
        } else {
            given
        },
        protocol: Protocol::from_word(&word).ok_or(Fault::Word {
            member: "protocol",
            word,
        })?,
        name: draft.name,
        app_protocol: draft.app_protocol,
    })
}

/// Whether `text` is two ports, the first and the last of a range, such as `8000-8010`.
fn is_port_range(text: &str) -> bool {
    let port = |digits: &str| {
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|port| plain && *port > 0)
    };
    let ends = text
        .split_once('-')
        .and_then(|(first, last)| Some((port(first)?, port(last)?)));
    ends.is_some_and(|(first, last)| first <= last)
}
