//! Requests of ECS: shapes in, what the brain is asked out.

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::cluster::CreateCluster;
use berth_core::ecs::admit::deregister_instance::DeregisterInstance;
use berth_core::ecs::admit::run_task::{NetworkWish, RunTask};
use berth_core::ecs::admit::stop_task::StopTask;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::{DefinitionStatus, InstanceStatus, LaunchType, TaskStatus};
use berth_core::ecs::place::Strategy;
use berth_core::ecs::view::list::{DefinitionFilter, FamilyFilter, PageWish, TaskFilter};
use sha2::{Digest, Sha256};

use super::entities::pairs;
use super::{Request, Unasked, definition, reports};
use crate::page;
use crate::protocol::{self, Route, ServiceError, not_built};
use crate::shapes::ecs::{self, Operation};

/// Decodes a request of `operation`.
///
/// # Errors
/// What cannot be read, what the brain could not take, or an operation that is not built.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is in the next function")]
pub fn request(operation: Operation, route: &Route, raw: &protocol::Request<'_>) -> Result<Request, Unasked> {
    match operation {
        Operation::CreateCluster => create_cluster(route.decode(raw)?),
        Operation::DeleteCluster => {
            let shape: ecs::DeleteClusterRequest = route.decode(raw)?;
            Ok(Request::Write(Write::DeleteCluster(shape.cluster)))
        }
        Operation::DescribeClusters => describe_clusters(route.decode(raw)?),
        Operation::ListClusters => {
            let shape: ecs::ListClustersRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::ListClusters(page(shape.max_results, shape.next_token)?),
                Vec::new(),
            ))
        }
        Operation::RegisterTaskDefinition => {
            let draft = definition::draft(route.decode(raw)?, raw.body.len());
            Ok(Request::Write(Write::RegisterTaskDefinition(draft)))
        }
        Operation::DeregisterTaskDefinition => {
            let shape: ecs::DeregisterTaskDefinitionRequest = route.decode(raw)?;
            Ok(Request::Write(Write::DeregisterTaskDefinition(shape.task_definition)))
        }
        Operation::DescribeTaskDefinition => {
            let shape: ecs::DescribeTaskDefinitionRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::DescribeTaskDefinition(shape.task_definition),
                shape.include.unwrap_or_default(),
            ))
        }
        Operation::ListTaskDefinitions => list_definitions(route.decode(raw)?),
        Operation::ListTaskDefinitionFamilies => list_families(route.decode(raw)?),
        other => request_of_instances_and_tasks(other, route, raw),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm is for what is not built, however much that is"
)]
fn request_of_instances_and_tasks(
    operation: Operation,
    route: &Route,
    raw: &protocol::Request<'_>,
) -> Result<Request, Unasked> {
    match operation {
        Operation::RegisterContainerInstance => {
            let instance = reports::registration(route.decode(raw)?)?;
            Ok(Request::Write(Write::RegisterInstance(instance)))
        }
        Operation::DeregisterContainerInstance => {
            let shape: ecs::DeregisterContainerInstanceRequest = route.decode(raw)?;
            let (cluster, instance, force) = (shape.cluster, shape.container_instance, shape.force.unwrap_or(false));
            Ok(Request::Write(Write::DeregisterInstance(DeregisterInstance {
                cluster,
                instance,
                force,
            })))
        }
        Operation::DescribeContainerInstances => {
            let shape: ecs::DescribeContainerInstancesRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::DescribeInstances(shape.cluster, shape.container_instances),
                shape.include.unwrap_or_default(),
            ))
        }
        Operation::ListContainerInstances => list_instances(route.decode(raw)?),
        Operation::RunTask => run_task(route.decode(raw)?, raw.body),
        Operation::StopTask => {
            let ecs::StopTaskRequest { cluster, task, reason } = route.decode(raw)?;
            Ok(Request::Write(Write::StopTask(StopTask { cluster, task, reason })))
        }
        Operation::DescribeTasks => {
            let shape: ecs::DescribeTasksRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::DescribeTasks(shape.cluster, shape.tasks),
                shape.include.unwrap_or_default(),
            ))
        }
        Operation::ListTasks => list_tasks(route.decode(raw)?),
        Operation::SubmitTaskStateChange => Ok(Request::Write(Write::Submit(reports::task(route.decode(raw)?)?))),
        Operation::SubmitContainerStateChange => {
            Ok(Request::Write(Write::Submit(reports::container(route.decode(raw)?)?)))
        }
        Operation::SubmitAttachmentStateChanges => {
            Ok(Request::Write(Write::Submit(reports::attachments(route.decode(raw)?))))
        }
        Operation::DiscoverPollEndpoint => {
            let _: ecs::DiscoverPollEndpointRequest = route.decode(raw)?;
            Ok(Request::DiscoverPollEndpoint)
        }
        other => {
            // The request is read all the same, so that a malformed one is told what is wrong with it.
            let read = route.protocol.decode_request(other.model(), raw);
            read.map_err(|error| ServiceError::unreadable(&ecs::SERVICE, route.protocol, &error))?;
            Err(not_built(&ecs::SERVICE, other.name()).into())
        }
    }
}

/// Refuses members that were given and are not carried out, by their names.
fn refuse_given(operation: &str, members: &[(&str, bool)]) -> Result<(), Unasked> {
    match members.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((member, _)) => {
            Err(Refusal::NotBuilt(format!("Berth does not carry out '{member}' of {operation} yet.")).into())
        }
    }
}

fn given<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn create_cluster(shape: ecs::CreateClusterRequest) -> Result<Request, Unasked> {
    refuse_given(
        "CreateCluster",
        &[
            ("settings", given(shape.settings.as_ref())),
            ("configuration", shape.configuration.is_some()),
            ("capacityProviders", given(shape.capacity_providers.as_ref())),
            (
                "defaultCapacityProviderStrategy",
                given(shape.default_capacity_provider_strategy.as_ref()),
            ),
            ("serviceConnectDefaults", shape.service_connect_defaults.is_some()),
        ],
    )?;
    Ok(Request::Write(Write::CreateCluster(CreateCluster {
        name: shape.cluster_name,
        tags: pairs(shape.tags),
    })))
}

fn describe_clusters(shape: ecs::DescribeClustersRequest) -> Result<Request, Unasked> {
    Ok(Request::Read(
        Read::DescribeClusters(shape.clusters.unwrap_or_default()),
        shape.include.unwrap_or_default(),
    ))
}

fn page(limit: Option<i32>, token: Option<String>) -> Result<PageWish, Refusal> {
    let after = token
        .filter(|token| !token.is_empty())
        .map(|token| page::open(&token))
        .transpose();
    Ok(PageWish {
        limit: limit.map(i64::from),
        after: after.map_err(|_| Refusal::PaginationToken)?,
    })
}

/// The variant for a word, or a refusal that names the member.
fn word<T>(member: &'static str, word: Option<String>, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    word.map(|word| parse(&word).ok_or(Refusal::Word { member, word }))
        .transpose()
}

fn list_definitions(shape: ecs::ListTaskDefinitionsRequest) -> Result<Request, Unasked> {
    let filter = DefinitionFilter {
        family: shape.family_prefix,
        status: word("status", shape.status, DefinitionStatus::from_word)?,
        descending: word("sort", shape.sort, sort)?.unwrap_or(false),
    };
    Ok(Request::Read(
        Read::ListTaskDefinitions(filter, page(shape.max_results, shape.next_token)?),
        Vec::new(),
    ))
}

fn sort(word: &str) -> Option<bool> {
    match word {
        "ASC" => Some(false),
        "DESC" => Some(true),
        _ => None,
    }
}

fn list_families(shape: ecs::ListTaskDefinitionFamiliesRequest) -> Result<Request, Unasked> {
    let status = shape.status.filter(|status| status != "ALL");
    let filter = FamilyFilter {
        prefix: shape.family_prefix,
        status: word("status", status, DefinitionStatus::from_word)?,
    };
    Ok(Request::Read(
        Read::ListFamilies(filter, page(shape.max_results, shape.next_token)?),
        Vec::new(),
    ))
}

fn list_instances(shape: ecs::ListContainerInstancesRequest) -> Result<Request, Unasked> {
    refuse_given(
        "ListContainerInstances",
        &[("filter", shape.filter.is_some_and(|filter| !filter.is_empty()))],
    )?;
    let status = word("status", shape.status, InstanceStatus::from_word)?;
    Ok(Request::Read(
        Read::ListInstances(shape.cluster, status, page(shape.max_results, shape.next_token)?),
        Vec::new(),
    ))
}

fn list_tasks(shape: ecs::ListTasksRequest) -> Result<Request, Unasked> {
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
        Read::ListTasks(shape.cluster, filter, page(shape.max_results, shape.next_token)?),
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

fn run_task(shape: ecs::RunTaskRequest, body: &[u8]) -> Result<Request, Unasked> {
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
