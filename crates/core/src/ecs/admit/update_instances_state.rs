//! UpdateContainerInstancesState: machines stop taking tasks, or take them again. Tasks that stand on them are left alone.

use super::{Admitted, Caller};
use crate::ecs::model::{ClusterKey, ContainerInstance, InstanceKey, InstanceStatus};
use crate::ecs::place::Failure;
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::ecs::view::describe::missing;
use crate::kernel::Edit;

/// An UpdateContainerInstancesState request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateInstancesState {
    /// The cluster.
    pub cluster: Option<String>,
    /// Ids or ARNs of its instances.
    pub instances: Vec<String>,
    /// What they shall be; nothing for a word that is no status.
    pub status: Option<InstanceStatus>,
}

/// The most instances of one call.
const MOST: usize = 10;

/// Changes the status of instances between ACTIVE and DRAINING. What cannot be changed is a failure of its own.
///
/// # Errors
/// No such cluster, another status, no instances or too many.
pub fn admit(state: &State, caller: &Caller, request: &UpdateInstancesState) -> Result<Admitted, Refusal> {
    let cluster = &refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?.key;
    let status = match request.status {
        Some(status @ (InstanceStatus::Active | InstanceStatus::Draining)) => status,
        Some(InstanceStatus::Inactive) | None => return Err(Refusal::InstanceStatus),
    };
    if request.instances.is_empty() {
        return Err(Refusal::Empty("Container instances"));
    }
    if request.instances.len() > MOST {
        return Err(Refusal::TooManyInstances(MOST));
    }
    let (mut changed, mut keys, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for name in &request.instances {
        match find(state, cluster, name) {
            Ok(instance) if keys.contains(&instance.key) => {}
            Ok(instance) => {
                changed.extend(turned(instance, status));
                keys.push(instance.key.clone());
            }
            Err(failure) => failures.push(failure),
        }
    }
    Ok(Admitted::with(changed, Answer::Instances(keys, failures)))
}

fn find<'a>(state: &'a State, cluster: &ClusterKey, name: &str) -> Result<&'a ContainerInstance, Failure> {
    let key: Option<InstanceKey> = refer::instance(cluster, name).ok();
    let kind = format!("container-instance/{}/", cluster.name);
    let found = key.and_then(|key| state.instances().get(&key));
    let instance = found.ok_or_else(|| missing(&cluster.scope, &kind, name))?;
    if instance.is_registered() {
        Ok(instance)
    } else {
        Err(Failure::of(&instance.key, "INACTIVE"))
    }
}

fn turned(instance: &ContainerInstance, status: InstanceStatus) -> Option<Change> {
    let next = ContainerInstance {
        status,
        version: instance.version + 1,
        ..instance.clone()
    };
    (instance.status != status).then(|| Change::Instance(Edit::Put(next)))
}
