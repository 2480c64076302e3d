//! Replies of the brain as the shapes of ECS.

mod clusters;
mod instances;
mod tasks;

use berth_core::ecs::admit::settings::Held;
use berth_core::ecs::model::SettingName;
use berth_core::ecs::view::{Page, Reply};

use super::definition;
use super::entities::{failures, tags};
use crate::document::Document;
use crate::shapes::ecs::{self, Operation};
use crate::shapes::into_document;
use clusters::{changed_cluster, cluster, provider};
use instances::target_attribute;
use tasks::task;

/// The document of the answer of `operation`. `included` has the words of the request's `include`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
#[must_use]
pub fn document(operation: Operation, reply: Reply, included: &[String]) -> Document {
    let shows_tags = included.iter().any(|word| word == "TAGS");
    match reply {
        Reply::Cluster(view) => {
            let cluster = Some(changed_cluster(*view));
            match operation {
                Operation::UpdateCluster => into_document(ecs::UpdateClusterResponse { cluster }),
                Operation::UpdateClusterSettings => into_document(ecs::UpdateClusterSettingsResponse { cluster }),
                Operation::PutClusterCapacityProviders => {
                    into_document(ecs::PutClusterCapacityProvidersResponse { cluster })
                }
                Operation::DeleteCluster => into_document(ecs::DeleteClusterResponse { cluster }),
                _ => into_document(ecs::CreateClusterResponse { cluster }),
            }
        }
        Reply::Clusters(views, missing) => into_document(ecs::DescribeClustersResponse {
            clusters: Some(views.into_iter().map(|view| cluster(view, included)).collect()),
            failures: Some(failures(missing)),
        }),
        Reply::TaskDefinition(definition) => task_definition(operation, &definition, shows_tags),
        Reply::TaskDefinitions(definitions, missing) => into_document(ecs::DeleteTaskDefinitionsResponse {
            task_definitions: Some(definitions.iter().map(definition::shape).collect()),
            failures: Some(failures(missing)),
        }),
        Reply::Instance(view) => instances::changed(operation, *view),
        Reply::Instances(views, missing) => instances::many(operation, views, missing, included),
        Reply::Task(view) => into_document(ecs::StopTaskResponse {
            task: Some(task(*view, true)),
        }),
        Reply::Tasks(views, missing) => {
            let shows_tags = shows_tags || matches!(operation, Operation::RunTask | Operation::StartTask);
            let tasks = Some(views.into_iter().map(|view| task(view, shows_tags)).collect());
            into_document(ecs::RunTaskResponse {
                tasks,
                failures: Some(failures(missing)),
            })
        }
        Reply::Page(page) => list(operation, page),
        Reply::Past(past) => unreachable!("the shell completes an answer before it is spelled: {past:?}"),
        Reply::Providers(found, missing, next_token) => into_document(ecs::DescribeCapacityProvidersResponse {
            capacity_providers: Some(found.into_iter().map(provider).collect()),
            failures: Some(failures(missing)),
            next_token,
        }),
        Reply::Attributes(list, next_token) => {
            let attributes = Some(list.into_iter().map(target_attribute).collect());
            match operation {
                Operation::ListAttributes => into_document(ecs::ListAttributesResponse { attributes, next_token }),
                Operation::DeleteAttributes => into_document(ecs::DeleteAttributesResponse { attributes }),
                _ => into_document(ecs::PutAttributesResponse { attributes }),
            }
        }
        Reply::Setting(held) => setting_document(operation, held),
        Reply::Settings(list, next_token) => into_document(ecs::ListAccountSettingsResponse {
            settings: Some(list.into_iter().map(setting).collect()),
            next_token,
        }),
        Reply::Tags(found) => into_document(ecs::ListTagsForResourceResponse {
            tags: Some(tags(&found)),
        }),
        Reply::Acknowledged | Reply::Remaining(_) | Reply::Join(_) => acknowledgment(operation),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn setting_document(operation: Operation, held: Held) -> Document {
    let setting = Some(setting(held));
    match operation {
        Operation::DeleteAccountSetting => into_document(ecs::DeleteAccountSettingResponse { setting }),
        Operation::PutAccountSettingDefault => into_document(ecs::PutAccountSettingDefaultResponse { setting }),
        _ => into_document(ecs::PutAccountSettingResponse { setting }),
    }
}

/// An account setting as it holds.
fn setting(held: Held) -> ecs::Setting {
    let kind = if held.name == SettingName::GuardDutyActivate {
        "aws_managed"
    } else {
        "user"
    };
    ecs::Setting {
        name: Some(held.name.to_string()),
        value: Some(held.value),
        principal_arn: Some(held.principal),
        r#type: Some(kind.to_owned()),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn acknowledgment(operation: Operation) -> Document {
    match operation {
        Operation::TagResource => into_document(ecs::TagResourceResponse {}),
        Operation::UntagResource => into_document(ecs::UntagResourceResponse {}),
        _ => into_document(ecs::SubmitTaskStateChangeResponse {
            acknowledgment: Some("ok".to_owned()),
        }),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn task_definition(
    operation: Operation,
    definition: &berth_core::ecs::model::TaskDefinition,
    shows_tags: bool,
) -> Document {
    let task_definition = Some(definition::shape(definition));
    let tags = definition::tags_of(definition);
    match operation {
        Operation::DeregisterTaskDefinition => into_document(ecs::DeregisterTaskDefinitionResponse { task_definition }),
        Operation::DescribeTaskDefinition => into_document(ecs::DescribeTaskDefinitionResponse {
            task_definition,
            tags: tags.filter(|_| shows_tags),
        }),
        _ => into_document(ecs::RegisterTaskDefinitionResponse { task_definition, tags }),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn list(operation: Operation, page: Page) -> Document {
    // The route makes a token of the place where the page ends.
    let (items, next_token) = (Some(page.items), page.next);
    match operation {
        Operation::ListClusters => into_document(ecs::ListClustersResponse {
            cluster_arns: items,
            next_token,
        }),
        Operation::ListTaskDefinitions => into_document(ecs::ListTaskDefinitionsResponse {
            task_definition_arns: items,
            next_token,
        }),
        Operation::ListTaskDefinitionFamilies => into_document(ecs::ListTaskDefinitionFamiliesResponse {
            families: items,
            next_token,
        }),
        Operation::ListContainerInstances => into_document(ecs::ListContainerInstancesResponse {
            container_instance_arns: items,
            next_token,
        }),
        _ => into_document(ecs::ListTasksResponse {
            task_arns: items,
            next_token,
        }),
    }
}

fn number(count: usize) -> Option<i32> {
    Some(i32::try_from(count).unwrap_or(i32::MAX))
}
