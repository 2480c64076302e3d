//! Requests about tasks: shapes in, what the brain is asked out.

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::run_task::{NetworkWish, RunTask};
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::{LaunchType, TaskStatus};
use berth_core::ecs::place::Strategy;
use berth_core::ecs::view::list::TaskFilter;
use sha2::{Digest, Sha256};

use super::{Unasked, given, page, refuse_given, word};
use crate::ecs::Request;
use crate::ecs::entities::pairs;
use crate::shapes::ecs;

pub(super) fn list_tasks(shape: ecs::ListTasksRequest) -> Result<Request, Unasked> {
    refuse_given(
        "ListTasks",
        &[
            ("serviceName", shape.service_name.is_some()),
            ("daemonName", shape.daemon_name.is_some()),
        ],
    )?;
    let filter = TaskFilter {
        family: shape.family,
        instance: shape.container_instance,
        launch_type: word("launchType", shape.launch_type, LaunchType::from_word)?,
        desired_status: word("desiredStatus", shape.desired_status, desired_status)?,
        started_by: shape.started_by,
    };
    Ok(Request::Read(
        Read::ListTasks(shape.cluster, filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    ))
}

fn desired_status(word: &str) -> Option<TaskStatus> {
    match word {
        "RUNNING" => Some(TaskStatus::Running),
        "PENDING" => Some(TaskStatus::Pending),
        "STOPPED" => Some(TaskStatus::Stopped),
        _ => None,
    }
}

pub(super) fn run_task(shape: ecs::RunTaskRequest, body: &[u8]) -> Result<Request, Unasked> {
    if shape.launch_type.is_some() && given(shape.capacity_provider_strategy.as_ref()) {
        return Err(Refusal::LaunchTypeAndStrategy.into());
    }
    let unbuilt = unbuilt_of_run_task(&shape);
    let launch_type = word("launchType", shape.launch_type, LaunchType::from_word)?;
    let strategy = shape.placement_strategy.unwrap_or_default();
    let network = shape
        .network_configuration
        .and_then(|network| network.awsvpc_configuration);
    Ok(Request::Write(Write::RunTask(RunTask {
        cluster: shape.cluster,
        definition: shape.task_definition,
        count: shape.count.unwrap_or(1).into(),
        launch_type,
        platform_version: shape.platform_version,
        network: network.map(|one| NetworkWish {
            subnets: one.subnets,
            security_groups: one.security_groups.unwrap_or_default(),
        }),
        group: shape.group,
        started_by: shape.started_by,
        client_token: shape.client_token,
        digest: digest(body),
        strategy: strategy.into_iter().map(one_strategy).collect::<Result<_, _>>()?,
        tags: pairs(shape.tags),
        unbuilt,
    })))
}

fn unbuilt_of_run_task(shape: &ecs::RunTaskRequest) -> Vec<String> {
    let truth = |flag: Option<bool>| flag.unwrap_or(false);
    let overrides = shape
        .overrides
        .as_ref()
        .is_some_and(|overrides| *overrides != ecs::TaskOverride::default());
    let members = [
        (
            "capacityProviderStrategy",
            given(shape.capacity_provider_strategy.as_ref()),
        ),
        ("enableECSManagedTags", truth(shape.enable_ecs_managed_tags)),
        ("enableExecuteCommand", truth(shape.enable_execute_command)),
        ("overrides", overrides),
        ("placementConstraints", given(shape.placement_constraints.as_ref())),
        (
            "propagateTags",
            shape.propagate_tags.as_deref().is_some_and(|word| word != "NONE"),
        ),
        ("referenceId", shape.reference_id.is_some()),
        ("volumeConfigurations", given(shape.volume_configurations.as_ref())),
    ];
    members
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(member, _)| member.to_owned())
        .collect()
}

fn one_strategy(shape: ecs::PlacementStrategy) -> Result<Strategy, Unasked> {
    let (kind, field) = (shape.r#type.unwrap_or_default(), shape.field.unwrap_or_default());
    match (kind.as_str(), field.to_ascii_lowercase().as_str()) {
        ("random", _) => Ok(Strategy::Random),
        ("binpack", "memory") => Ok(Strategy::BinpackMemory),
        ("binpack", "cpu") => Ok(Strategy::BinpackCpu),
        ("spread", "instanceid" | "host" | "") => Ok(Strategy::SpreadInstance),
        ("spread", "attribute:ecs.availability-zone") => Ok(Strategy::SpreadZone),
        ("spread", _) => Err(Refusal::NotBuilt(format!(
            "Berth does not spread over '{field}' yet, only over instanceId and zones."
        ))
        .into()),
        ("binpack", _) => Err(Refusal::Word {
            member: "placementStrategy.field",
            word: field,
        }
        .into()),
        _ => Err(Refusal::Word {
            member: "placementStrategy.type",
            word: kind,
        }
        .into()),
    }
}

/// A digest of the request's bytes: an SDK that repeats a call repeats them.
fn digest(body: &[u8]) -> u128 {
    let hash = Sha256::digest(body);
    u128::from_be_bytes(hash[..16].try_into().expect("half of 32 bytes"))
}
