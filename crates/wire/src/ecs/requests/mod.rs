//! Requests of ECS: shapes in, what the brain is asked out.

mod attributes;
mod clusters;
mod definitions;
mod instances;
mod overrides;
mod settings;
mod tags;
mod tasks;

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::deregister_instance::DeregisterInstance;
use berth_core::ecs::admit::stop_task::StopTask;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::view::list::PageWish;

use super::{Request, Unasked, definition, reports};
use crate::protocol::{self, Route, ServiceError, not_built};
use crate::shapes::ecs::{self, Operation};

/// Decodes a request of `operation`.
///
/// # Errors
/// What cannot be read, what the brain could not take, or an operation that is not built.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is in the next function")]
pub fn request(operation: Operation, route: &Route, raw: &protocol::Request<'_>) -> Result<Request, Unasked> {
    match operation {
        Operation::CreateCluster => clusters::create_cluster(route.decode(raw)?),
        Operation::DeleteCluster => {
            let shape: ecs::DeleteClusterRequest = route.decode(raw)?;
            Ok(Request::Write(Write::DeleteCluster(shape.cluster)))
        }
        Operation::DescribeClusters => clusters::describe_clusters(route.decode(raw)?),
        Operation::UpdateCluster => clusters::update_cluster(route.decode(raw)?),
        Operation::UpdateClusterSettings => clusters::update_cluster_settings(route.decode(raw)?),
        Operation::PutClusterCapacityProviders => Ok(clusters::put_providers(route.decode(raw)?)),
        Operation::DescribeCapacityProviders => clusters::describe_providers(route.decode(raw)?),
        Operation::ListClusters => {
            let shape: ecs::ListClustersRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::ListClusters(page(shape.max_results, shape.next_token)),
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
        Operation::DeleteTaskDefinitions => {
            let shape: ecs::DeleteTaskDefinitionsRequest = route.decode(raw)?;
            Ok(Request::Write(Write::DeleteTaskDefinitions(shape.task_definitions)))
        }
        Operation::DescribeTaskDefinition => {
            let shape: ecs::DescribeTaskDefinitionRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::DescribeTaskDefinition(shape.task_definition),
                included(shape.include, "TAGS")?,
            ))
        }
        Operation::ListTaskDefinitions => definitions::list_definitions(route.decode(raw)?),
        Operation::ListTaskDefinitionFamilies => definitions::list_families(route.decode(raw)?),
        Operation::PutAttributes => Ok(attributes::put(route.decode(raw)?)),
        Operation::DeleteAttributes => Ok(attributes::delete(route.decode(raw)?)),
        Operation::ListAttributes => Ok(attributes::list(route.decode(raw)?)?),
        Operation::PutAccountSetting => Ok(settings::put(route.decode(raw)?)),
        Operation::PutAccountSettingDefault => Ok(settings::put_default(route.decode(raw)?)),
        Operation::DeleteAccountSetting => Ok(settings::delete(route.decode(raw)?)),
        Operation::ListAccountSettings => Ok(settings::list(route.decode(raw)?)),
        Operation::TagResource => Ok(tags::tag(route.decode(raw)?)),
        Operation::UntagResource => Ok(tags::untag(route.decode(raw)?)),
        Operation::ListTagsForResource => Ok(tags::list(route.decode(raw)?)),
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
                included(shape.include, "CONTAINER_INSTANCE_HEALTH,TAGS")?,
            ))
        }
        Operation::UpdateContainerAgent => Ok(instances::update_agent(route.decode(raw)?)),
        Operation::UpdateContainerInstancesState => Ok(instances::update_state(route.decode(raw)?)),
        Operation::ListContainerInstances => instances::list_instances(route.decode(raw)?),
        Operation::RunTask => tasks::run_task(route.decode(raw)?),
        Operation::StartTask => Ok(tasks::start_task(route.decode(raw)?)),
        Operation::StopTask => {
            let ecs::StopTaskRequest { cluster, task, reason } = route.decode(raw)?;
            Ok(Request::Write(Write::StopTask(StopTask { cluster, task, reason })))
        }
        Operation::DescribeTasks => {
            let shape: ecs::DescribeTasksRequest = route.decode(raw)?;
            Ok(Request::Read(
                Read::DescribeTasks(shape.cluster, shape.tasks),
                included(shape.include, "TAGS")?,
            ))
        }
        Operation::ListTasks => tasks::list_tasks(route.decode(raw)?),
        Operation::SubmitTaskStateChange => Ok(Request::Write(Write::Submit(reports::task(route.decode(raw)?)?))),
        Operation::SubmitContainerStateChange => {
            let report = reports::container(route.decode(raw)?)?;
            Ok(Request::Write(Write::SubmitContainer(report)))
        }
        Operation::SubmitAttachmentStateChanges => {
            let report = reports::attachments(route.decode(raw)?)?;
            Ok(Request::Write(Write::SubmitAttachments(report)))
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

fn given<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

/// The words of `include`, each of which must be one of `known`, a list with commas.
fn included(words: Option<Vec<String>>, known: &'static str) -> Result<Vec<String>, Refusal> {
    let words = words.unwrap_or_default();
    if words.iter().all(|word| known.split(',').any(|known| known == word)) {
        Ok(words)
    } else {
        Err(Refusal::Include(known))
    }
}

/// The route has opened the token: it is the place where the page before ended.
fn page(limit: Option<i32>, token: Option<String>) -> PageWish {
    PageWish {
        limit: limit.map(i64::from),
        after: token.filter(|token| !token.is_empty()),
    }
}

/// The variant for a word, or a refusal that names the member.
fn word<T>(member: &'static str, word: Option<String>, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    word.map(|word| parse(&word).ok_or(Refusal::Word { member, word }))
        .transpose()
}
