//! DeregisterContainerInstance: a machine leaves its cluster.

use super::{Admitted, Caller};
use crate::ecs::model::{ContainerInstance, InstanceStatus};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};

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

/// Deregisters an instance. What happens to its tasks then is decided by [`crate::ecs::reconcile::leave`].
///
/// # Errors
/// No such cluster or instance, or tasks on it without `force`.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: &DeregisterInstance) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?;
    let key = refer::instance(&cluster.key, &request.instance)?;
    let instance = state
        .instances()
        .get(&key)
        .filter(|instance| instance.is_registered())
        .ok_or(Refusal::InstanceNotFound)?;
    let has_tasks = state.index().load(&key).is_some_and(|load| !load.tasks().is_empty());
    if has_tasks && !request.force {
        return Err(Refusal::InstanceHasTasks);
    }
    let left = ContainerInstance {
        status: InstanceStatus::Inactive,
        deregistered_at: Some(cx.now),
        version: instance.version + 1,
        ..instance.clone()
    };
    Ok(Admitted::with(
        vec![Change::Instance(Edit::Put(left))],
        Answer::Instance(key),
    ))
}
