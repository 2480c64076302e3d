//! Requests about tasks: shapes in, what the brain is asked out.

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::placement::ConstraintDraft;
use berth_core::ecs::admit::run_task::launch::Launch;
use berth_core::ecs::admit::run_task::{NetworkWish, RunTask};
use berth_core::ecs::admit::start_task::StartTask;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::{LaunchType, TaskStatus};
use berth_core::ecs::place::Strategy;
use berth_core::ecs::view::list::TaskFilter;
use sha2::{Digest, Sha256};

use super::clusters::strategy as strategy_drafts;
use super::{Unasked, given, overrides, page, word};
use crate::document::Document;
use crate::ecs::Request;
use crate::ecs::entities::pairs;
use crate::protocol::stored;
use crate::shapes::{Structure, ecs, into_document};

pub(super) fn list_tasks(shape: ecs::ListTasksRequest) -> Result<Request, Unasked> {
    let filter = TaskFilter {
        family: shape.family,
        instance: shape.container_instance,
        launch_type: word("launchType", shape.launch_type, LaunchType::from_word)?,
        desired_status: word("desiredStatus", shape.desired_status, desired_status)?,
        started_by: shape.started_by,
        service: shape.service_name,
        daemon: shape.daemon_name,
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

pub(super) fn run_task(shape: ecs::RunTaskRequest) -> Result<Request, Unasked> {
    let digest = digest(shape.clone());
    let unbuilt = unbuilt_of_run_task(&shape);
    let launch_type = word("launchType", shape.launch_type.clone(), LaunchType::from_word)?;
    let strategy = shape.placement_strategy.clone().unwrap_or_default();
    let constraints = shape.placement_constraints.clone().unwrap_or_default();
    Ok(Request::Write(Write::RunTask(RunTask {
        count: shape.count.unwrap_or(1).into(),
        launch_type,
        capacity: strategy_drafts(shape.capacity_provider_strategy.clone().unwrap_or_default()),
        platform_version: shape.platform_version.clone(),
        client_token: shape.client_token.clone(),
        digest,
        strategy: strategy.into_iter().map(one_strategy).collect::<Result<_, _>>()?,
        constraints: constraints.into_iter().map(constraint).collect(),
        launch: launch(shape, unbuilt),
    })))
}

pub(super) fn start_task(shape: ecs::StartTaskRequest) -> Request {
    let instances = shape.container_instances;
    // All other members are among those of RunTask.
    let shared = ecs::RunTaskRequest {
        cluster: shape.cluster,
        enable_ecs_managed_tags: shape.enable_ecs_managed_tags,
        enable_execute_command: shape.enable_execute_command,
        group: shape.group,
        network_configuration: shape.network_configuration,
        overrides: shape.overrides,
        propagate_tags: shape.propagate_tags,
        reference_id: shape.reference_id,
        started_by: shape.started_by,
        tags: shape.tags,
        task_definition: shape.task_definition,
        volume_configurations: shape.volume_configurations,
        ..ecs::RunTaskRequest::default()
    };
    let unbuilt = unbuilt_of_run_task(&shared);
    let launch = launch(shared, unbuilt);
    Request::Write(Write::StartTask(StartTask { launch, instances }))
}

/// The members that RunTask and StartTask share.
fn launch(shape: ecs::RunTaskRequest, unbuilt: Vec<String>) -> Launch {
    let network = shape
        .network_configuration
        .and_then(|network| network.awsvpc_configuration);
    Launch {
        cluster: shape.cluster,
        definition: shape.task_definition,
        network: network.map(|one| NetworkWish {
            subnets: one.subnets,
            security_groups: one.security_groups.unwrap_or_default(),
        }),
        group: shape.group,
        started_by: shape.started_by,
        reference_id: shape.reference_id,
        overrides: shape.overrides.map(overrides::draft).unwrap_or_default(),
        propagate_tags: shape.propagate_tags,
        managed_tags: shape.enable_ecs_managed_tags.unwrap_or(false),
        tags: pairs(shape.tags),
        unbuilt,
    }
}

fn unbuilt_of_run_task(shape: &ecs::RunTaskRequest) -> Vec<String> {
    let truth = |flag: Option<bool>| flag.unwrap_or(false);
    let members = [
        ("enableExecuteCommand", truth(shape.enable_execute_command)),
        ("volumeConfigurations", given(shape.volume_configurations.as_ref())),
    ];
    let overrides = shape.overrides.iter().flat_map(overrides::unbuilt);
    members
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(member, _)| member)
        .chain(overrides)
        .map(str::to_owned)
        .collect()
}

fn one_strategy(shape: ecs::PlacementStrategy) -> Result<Strategy, Unasked> {
    let (kind, field) = (shape.r#type.unwrap_or_default(), shape.field.unwrap_or_default());
    match (kind.as_str(), field.to_ascii_lowercase().as_str()) {
        ("random", _) => Ok(Strategy::Random),
        ("binpack", "memory") => Ok(Strategy::BinpackMemory),
        ("binpack", "cpu") => Ok(Strategy::BinpackCpu),
        ("spread", "instanceid" | "host" | "") => Ok(Strategy::SpreadInstance),
        ("spread" | "binpack", _) => {
            let name = field.strip_prefix("attribute:").filter(|name| !name.is_empty());
            let spread = name.filter(|_| kind == "spread");
            spread
                .map(|name| Strategy::SpreadAttribute(name.to_owned()))
                .ok_or(unknown("placementStrategy.field", field.clone()))
        }
        _ => Err(unknown("placementStrategy.type", kind)),
    }
}

fn unknown(member: &'static str, word: String) -> Unasked {
    Refusal::Word { member, word }.into()
}

fn constraint(shape: ecs::PlacementConstraint) -> ConstraintDraft {
    ConstraintDraft {
        kind: shape.r#type,
        expression: shape.expression,
    }
}

/// A digest of what a request means: other names of the same cluster and members that say nothing make no difference.
fn digest(mut shape: ecs::RunTaskRequest) -> u128 {
    let schema = shape.schema();
    shape.client_token = None;
    // The token belongs to its cluster.
    shape.cluster = None;
    shape.count = shape.count.or(Some(1));
    let meaning = meaning(into_document(shape)).unwrap_or(Document::Null);
    let hash = Sha256::digest(stored::to_text(&meaning, schema));
    u128::from_be_bytes(hash[..16].try_into().expect("half of 32 bytes"))
}

/// The document without what says nothing: empty lists and texts, and flags that are not set. Numbers always say something.
fn meaning(document: Document) -> Option<Document> {
    match document {
        Document::Null | Document::Bool(false) => None,
        Document::String(text) if text.is_empty() => None,
        Document::List(items) if items.is_empty() => None,
        Document::List(items) => {
            let items = items.into_iter().map(|item| meaning(item).unwrap_or(Document::Null));
            Some(Document::List(items.collect()))
        }
        Document::Structure(members) => {
            let members: Vec<Document> = members
                .into_iter()
                .map(|member| meaning(member).unwrap_or(Document::Null))
                .collect();
            let says = members.iter().any(|member| !member.is_null());
            says.then_some(Document::Structure(members))
        }
        other @ (Document::Bool(true)
        | Document::Integer(_)
        | Document::Double(_)
        | Document::String(_)
        | Document::Blob(_)
        | Document::Timestamp(_)
        | Document::Map(_)) => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::from_document;

    fn digest_of(text: &str) -> u128 {
        let document = stored::from_text(text, &ecs::RUN_TASK_REQUEST).unwrap();
        digest(from_document(document).unwrap())
    }

    #[test]
    fn a_digest_is_of_what_a_request_means() {
        let plain =
            digest_of(r#"{"taskDefinition":"web","overrides":{"containerOverrides":[{"name":"a","command":["x"]}]}}"#);
        for same in [
            r#"{"overrides":{"containerOverrides":[{"command":["x"],"name":"a"}]},"taskDefinition":"web"}"#,
            r#"{"cluster":"default","count":1,"taskDefinition":"web","tags":[],"enableECSManagedTags":false,"clientToken":"t",
                "overrides":{"containerOverrides":[{"name":"a","command":["x"],"environment":[]}],"cpu":""},"group":""}"#,
        ] {
            assert_eq!(digest_of(same), plain, "{same}");
        }
        for other in [
            r#"{"taskDefinition":"web"}"#,
            r#"{"taskDefinition":"web","count":2,"overrides":{"containerOverrides":[{"name":"a","command":["x"]}]}}"#,
            r#"{"taskDefinition":"web","overrides":{"containerOverrides":[{"name":"a","command":["x",""]}]}}"#,
            r#"{"taskDefinition":"web","overrides":{"containerOverrides":[{"name":"a","command":["x"],"cpu":0}]}}"#,
        ] {
            assert_ne!(digest_of(other), plain, "{other}");
        }
    }
}
