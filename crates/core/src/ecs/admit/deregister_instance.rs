//! DeregisterContainerInstance: a machine leaves its cluster.

use super::stop_task::told_to_stop;
use super::{Admitted, Caller};
use crate::ecs::model::{ContainerInstance, InstanceStatus, Task, TaskStatus};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};

/// What tasks show that had to stop for this.
const FORCED: &str = "Container instance deregistration forced by user.";

/// Deregisters `instance`. With `force` its tasks are told to stop first.
///
/// # Errors
/// No such cluster or instance, or tasks on it without `force`.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: &DeregisterInstance) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?;
    let key = refer::instance(&cluster.key, &request.instance)?;
    let active = |instance: &&ContainerInstance| instance.status == InstanceStatus::Active;
    let instance = state
        .instances()
        .get(&key)
        .filter(active)
        .ok_or(Refusal::InstanceNotFound)?;
    let load = state.index().load(&key);
    let tasks: Vec<&Task> = load
        .map(|load| load.tasks().iter().filter_map(|id| state.task_on(&key, *id)).collect())
        .unwrap_or_default();
    if !tasks.is_empty() && !request.force {
        return Err(Refusal::InstanceHasTasks);
    }
    let stop = |task: &&Task| task.desired_status != TaskStatus::Stopped;
    let mut changes: Vec<Change> = tasks
        .into_iter()
        .filter(stop)
        .map(|task| Change::Task(Edit::Put(told_to_stop(task, cx, FORCED))))
        .collect();
    let left = ContainerInstance {
        status: InstanceStatus::Inactive,
        version: instance.version + 1,
        ..instance.clone()
    };
    changes.push(Change::Instance(Edit::Put(left)));
    Ok(Admitted::with(changes, Answer::Instance(key)))
}

/// A DeregisterContainerInstance request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeregisterInstance {
    /// The cluster.
    pub cluster: Option<String>,
    /// The instance's id or ARN.
    pub instance: String,
    /// Whether to deregister it although tasks run on it.
    pub force: bool,
}
