//! StartTask: the caller is the scheduler and names the machines. Each machine that cannot take its task is a failure.

use super::Caller;
use super::run_task::checks;
use super::run_task::launch::{Launch, Limits, Pattern};
use crate::ecs::model::{ClusterKey, ContainerInstance, InstanceStatus};
use crate::ecs::place::Failure;
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::State;
use crate::kernel::Arn;

/// A StartTask request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartTask {
    /// What is run.
    pub launch: Launch,
    /// The machines that get one task each, as the caller names them.
    pub instances: Vec<String>,
}

/// What each task of an admitted request will be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartOrder {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The machines that get one task each, as the caller names them.
    pub instances: Vec<String>,
    pub(super) pattern: Pattern,
}

/// What is particular to StartTask.
const LIMITS: Limits = Limits {
    operation: "StartTask",
    started_by: 36,
};
/// The most machines of one request.
const MOST_INSTANCES: usize = 10;

/// Admits a request as a whole.
///
/// # Errors
/// Whatever makes the request impossible for every machine. Nothing has changed then.
pub fn admit(state: &State, caller: &Caller, request: StartTask) -> Result<StartOrder, Refusal> {
    let StartTask { launch, instances } = request;
    let cluster = refer::active_cluster(state, &caller.scope, launch.cluster.as_deref())?;
    let cluster = cluster.key.clone();
    launch.check_texts(LIMITS)?;
    if instances.is_empty() {
        return Err(Refusal::Empty("Container instances"));
    }
    if instances.len() > MOST_INSTANCES {
        return Err(Refusal::TooMany {
            what: "container instances",
            most: MOST_INSTANCES,
        });
    }
    let definition = launch.find(state, caller)?;
    let pattern = launch.pattern((state, caller), &cluster, definition, None, LIMITS)?;
    checks::room(state, caller, &cluster, instances.len())?;
    Ok(StartOrder {
        cluster,
        instances,
        pattern,
    })
}

impl StartOrder {
    /// The machine that `text` names, if it takes tasks at all.
    pub(super) fn machine<'a>(&self, state: &'a State, text: &str) -> Result<&'a ContainerInstance, Failure> {
        let key = refer::instance(&self.cluster, text).ok();
        let found = key.and_then(|key| state.instances().get(&key));
        let Some(instance) = found else {
            return Err(Failure {
                arn: Some(self.arn_of(text)),
                reason: "MISSING".to_owned(),
            });
        };
        match instance.status {
            InstanceStatus::Active => Ok(instance),
            // Of the documented reasons, this is the one for machines that take no tasks.
            InstanceStatus::Draining | InstanceStatus::Inactive => Err(Failure::of(&instance.key, "INACTIVE")),
        }
    }

    fn arn_of(&self, text: &str) -> String {
        if text.starts_with("arn:") {
            return text.to_owned();
        }
        let resource = format!("container-instance/{}/{text}", self.cluster.name);
        Arn::new("ecs", &self.cluster.scope, resource).to_string()
    }
}
