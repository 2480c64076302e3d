//! TagResource and UntagResource: tags of clusters, container instances, task definitions and tasks, named by their ARNs.
//!
//! What ECS can tag too but Berth does not have (services, task sets, capacity providers of the user's own) is missing here
//! as it is missing in AWS where nobody made it.

use super::{Admitted, Caller};
use crate::ecs::model::{Cluster, ClusterStatus, ContainerInstance, DefinitionStatus, InstanceStatus, Task};
use crate::ecs::model::{ClusterKey, TaskDefinition, TaskKey};
use crate::ecs::refer::{self, DefinitionRef};
use crate::ecs::refusal::{Refusal, Untaggable};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::tags::TagFault;
use crate::kernel::{Arn, Edit, Scope, Tags};

/// Kinds that have tags in ECS and of which there are none here.
const NEVER_THERE: [&str; 9] = [
    "capacity-provider",
    "service",
    "task-set",
    "service-deployment",
    "service-revision",
    "daemon",
    "daemon-task-definition",
    "gateway",
    "express-gateway-service",
];

/// Something with tags.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tagged<'a> {
    Cluster(&'a Cluster),
    Instance(&'a ContainerInstance),
    Definition(&'a TaskDefinition),
    Task(&'a Task),
}

/// What an ARN names.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    /// Something with tags.
    Here(Tagged<'a>),
    /// A task that the state does not have: the history may.
    Gone(TaskKey),
}

/// Adds tags, or gives those that are there new values.
///
/// # Errors
/// Nothing taggable by this ARN, a task that is over, or tags that break a limit.
pub fn tag(state: &State, caller: &Caller, arn: &str, tags: Vec<(String, String)>) -> Result<Admitted, Refusal> {
    retag(state, caller, arn, |before| before.with(&Tags::new(tags)?))
}

/// Takes tags away. Keys that are not there are no fault.
///
/// # Errors
/// Nothing taggable by this ARN, a task that is over, or a reserved key.
pub fn untag(state: &State, caller: &Caller, arn: &str, keys: &[String]) -> Result<Admitted, Refusal> {
    retag(state, caller, arn, |before| before.without(keys))
}

fn retag(
    state: &State,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&Tags) -> Result<Tags, TagFault>,
) -> Result<Admitted, Refusal> {
    match find(state, &caller.scope, arn)? {
        Found::Here(Tagged::Task(task)) if task.is_stopped() => Err(Refusal::Untaggable(Untaggable::StoppedTask)),
        Found::Here(target) => Ok(target.retagged(change(target.tags()).map_err(Refusal::Tags)?)),
        Found::Gone(key) => Ok(Admitted::unchanged(Answer::Retagged(key))),
    }
}

/// What the ARN names, if it can have tags.
///
/// # Errors
/// No ARN of here, or of something that is not there or over. Tasks that are over have tags.
pub(crate) fn find<'a>(state: &'a State, scope: &Scope, text: &str) -> Result<Found<'a>, Refusal> {
    let arn: Arn = text.parse().map_err(|_| Refusal::Identifier(text.to_owned()))?;
    let (kind, rest) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
    match kind {
        "cluster" => cluster(state, scope, text).map(Found::Here),
        "container-instance" => instance(state, &cluster_of(state, scope, rest)?, text).map(Found::Here),
        "task-definition" => definition(state, scope, text).map(Found::Here),
        "task" => task(state, &cluster_of(state, scope, rest)?, text),
        other => match NEVER_THERE.iter().find(|kind| **kind == other) {
            Some(kind) => Err(Refusal::Untaggable(Untaggable::Missing(kind))),
            None => Err(Refusal::Identifier(text.to_owned())),
        },
    }
}

fn cluster<'a>(state: &'a State, scope: &Scope, text: &str) -> Result<Tagged<'a>, Refusal> {
    let key = refer::cluster(scope, Some(text))?;
    let cluster = state.clusters().get(&key).ok_or(Refusal::ClusterNotFound)?;
    match cluster.status {
        ClusterStatus::Active => Ok(Tagged::Cluster(cluster)),
        ClusterStatus::Inactive => Err(Refusal::Untaggable(Untaggable::Inactive("cluster"))),
    }
}

/// The cluster in the ARN of something that stands in one.
fn cluster_of(state: &State, scope: &Scope, rest: &str) -> Result<ClusterKey, Refusal> {
    let (name, _) = rest.split_once('/').ok_or(Refusal::Untaggable(Untaggable::ShortArn))?;
    Ok(refer::active_cluster(state, scope, Some(name))?.key.clone())
}

fn instance<'a>(state: &'a State, cluster: &ClusterKey, text: &str) -> Result<Tagged<'a>, Refusal> {
    const KIND: &str = "container instance";
    let key = refer::instance(cluster, text)?;
    let missing = Refusal::Untaggable(Untaggable::Missing(KIND));
    let instance = state.instances().get(&key).ok_or(missing)?;
    if instance.status == InstanceStatus::Inactive {
        return Err(Refusal::Untaggable(Untaggable::Inactive(KIND)));
    }
    Ok(Tagged::Instance(instance))
}

fn definition<'a>(state: &'a State, scope: &Scope, text: &str) -> Result<Tagged<'a>, Refusal> {
    let found = match refer::definition(scope, text)? {
        DefinitionRef::Revision(key) => state.definitions().get(&key),
        // Tags belong to one revision.
        DefinitionRef::Newest(_) => return Err(Refusal::Identifier(text.to_owned())),
    };
    let definition = found.ok_or(Refusal::Untaggable(Untaggable::MissingDefinition))?;
    if definition.status == DefinitionStatus::Active {
        Ok(Tagged::Definition(definition))
    } else {
        Err(Refusal::Untaggable(Untaggable::Inactive("task definition")))
    }
}

fn task<'a>(state: &'a State, cluster: &ClusterKey, text: &str) -> Result<Found<'a>, Refusal> {
    let key = refer::task(cluster, text)?;
    Ok(match state.tasks().get(&key) {
        Some(task) => Found::Here(Tagged::Task(task)),
        None => Found::Gone(key),
    })
}

impl<'a> Tagged<'a> {
    /// The tags that it has.
    pub(crate) fn tags(self) -> &'a Tags {
        match self {
            Self::Cluster(cluster) => &cluster.tags,
            Self::Instance(instance) => &instance.tags,
            Self::Definition(definition) => &definition.tags,
            Self::Task(task) => &task.tags,
        }
    }

    /// The same thing with other tags. Tags that are as they were change nothing.
    fn retagged(self, tags: Tags) -> Admitted {
        if tags == *self.tags() {
            return Admitted::unchanged(Answer::Acknowledged);
        }
        let change = match self {
            Self::Cluster(cluster) => Change::Cluster(Edit::Put(Cluster {
                tags,
                ..cluster.clone()
            })),
            Self::Instance(instance) => Change::Instance(Edit::Put(ContainerInstance {
                tags,
                version: instance.version + 1,
                ..instance.clone()
            })),
            Self::Definition(definition) => Change::TaskDefinition(Edit::Put(TaskDefinition {
                tags,
                ..definition.clone()
            })),
            Self::Task(task) => Change::Task(Edit::Put(Task {
                tags,
                version: task.version + 1,
                ..task.clone()
            })),
        };
        Admitted::with(vec![change], Answer::Acknowledged)
    }
}
