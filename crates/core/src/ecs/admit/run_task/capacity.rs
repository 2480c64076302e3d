//! What capacity the tasks of a RunTask run on: a launch type, or shares of capacity providers.

use super::RunTask;
use crate::ecs::admit::{Caller, strategy};
use crate::ecs::model::capacity::share_out;
use crate::ecs::model::{CapacityProvider, ClusterKey, LaunchType};
use crate::ecs::refusal::{Refusal, StrategyFault};
use crate::ecs::state::State;

/// The capacity of all tasks of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// What their machines must serve.
    pub(super) launch_type: LaunchType,
    /// The provider of each task; empty without a strategy.
    pub(super) providers: Vec<CapacityProvider>,
}

impl From<LaunchType> for Capacity {
    fn from(launch_type: LaunchType) -> Self {
        Self {
            launch_type,
            providers: Vec::new(),
        }
    }
}

/// The launch type or the strategy that is asked for; else the cluster's default strategy; else EC2.
///
/// # Errors
/// Both are asked for, or a strategy that cannot be followed.
pub(super) fn choose(
    state: &State,
    caller: &Caller,
    cluster: &ClusterKey,
    request: &RunTask,
    count: usize,
) -> Result<Capacity, Refusal> {
    let items = match (request.launch_type, request.capacity.as_slice()) {
        (Some(_), [_, ..]) => return Err(Refusal::LaunchTypeAndStrategy),
        (Some(launch_type), []) => return Ok(launch_type.into()),
        (None, drafts) => {
            let cluster = state.clusters().get(cluster);
            let associated = cluster.map(|cluster| cluster.providers.as_slice()).unwrap_or_default();
            let default = cluster
                .map(|cluster| cluster.default_strategy.clone())
                .unwrap_or_default();
            let wanted = strategy::items(&caller.scope, drafts, associated)?;
            if wanted.is_empty() { default } else { wanted }
        }
    };
    if items.is_empty() {
        return Ok(LaunchType::Ec2.into());
    }
    let providers = share_out(&items, count);
    if providers.is_empty() {
        return Err(Refusal::Strategy(StrategyFault::NoWeight));
    }
    Ok(Capacity {
        launch_type: LaunchType::Fargate,
        providers,
    })
}
