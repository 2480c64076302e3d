//! RunTask. First the request as a whole is admitted or refused; then each task is placed in a step of its own, so that the
//! second one sees what the first one took.
//!
//! [`launch`] has what it shares with StartTask, [`overrides`] what of a definition can be overridden, [`checks`] what a
//! request must satisfy, [`make`] how one task of it is placed and made.

mod capacity;
pub mod checks;
pub mod launch;
pub mod make;
pub mod overrides;

use super::placement::{self, ConstraintDraft};
use super::strategy::StrategyDraft;
use super::{Caller, check_length, cluster};
use crate::ecs::model::{CapacityProvider, ClientToken, ClientTokenKey, ClusterKey, LaunchType, TaskKey};
use crate::ecs::place::{Constraint, Strategy};
use crate::ecs::refer;
use crate::ecs::refusal::{LaunchFault, Refusal};
use crate::ecs::state::{Change, State};
use crate::kernel::ids::TaskId;
use crate::kernel::{Cx, Edit};
use capacity::Capacity;
use launch::{Launch, Limits, Pattern};

/// A RunTask request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTask {
    /// What is run. The default cluster springs up.
    pub launch: Launch,
    /// How many tasks, 1 to 10.
    pub count: i64,
    /// What capacity to run on; EC2 if nothing is said and the cluster has no default strategy.
    pub launch_type: Option<LaunchType>,
    /// How to share the tasks out among capacity providers, instead of a launch type.
    pub capacity: Vec<StrategyDraft>,
    /// The version of the FARGATE platform.
    pub platform_version: Option<String>,
    /// The idempotency key.
    pub client_token: Option<String>,
    /// A digest of everything else in the request, to tell a repetition from another use of the token.
    pub digest: u128,
    /// In which order to prefer machines.
    pub strategy: Vec<Strategy>,
    /// What is demanded of machines.
    pub constraints: Vec<ConstraintDraft>,
}

/// Where an awsvpc task wants its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkWish {
    /// Ids of subnets, any of which will do.
    pub subnets: Vec<String>,
    /// Ids of security groups; the default group if there are none.
    pub security_groups: Vec<String>,
}

/// What an admitted request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "an admission is made once per request and never stored"
)]
pub enum Admission {
    /// The same client token made these tasks before: they are the answer, and nothing is placed.
    Repeated(Vec<TaskKey>),
    /// Tasks are to be placed.
    Fresh(Order),
}

/// What each task of an admitted request will be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The cluster springs up, if it was not there.
    pub first: Option<Change>,
    /// How many tasks to place.
    pub count: u32,
    pattern: Pattern,
    capacity: Capacity,
    token: Option<(ClientTokenKey, u128)>,
    strategy: Vec<Strategy>,
    constraints: Vec<Constraint>,
}

impl Order {
    /// The capacity provider of the `nth` task, counted from 0.
    #[must_use]
    pub fn provider(&self, nth: u32) -> Option<CapacityProvider> {
        self.capacity.providers.get(nth as usize).copied()
    }
}

/// What is particular to RunTask.
const LIMITS: Limits = Limits {
    operation: "RunTask",
    started_by: 128,
};
/// The most characters of a client token.
const MOST_TOKEN: usize = 64;

/// Admits a request as a whole. A request that repeats another one is answered as that was, whatever has changed since.
///
/// # Errors
/// Whatever makes the request impossible for every task of it. Nothing has changed then.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: RunTask) -> Result<Admission, Refusal> {
    let launch = &request.launch;
    let cluster = refer::cluster(&caller.scope, launch.cluster.as_deref())?;
    launch.check_texts(LIMITS)?;
    let token = token_key(&cluster, request.client_token.clone())?;
    if let Some(known) = token.as_ref().and_then(|key| state.tokens().get(key)) {
        return repetition(known, request.digest).map(Admission::Repeated);
    }
    let first = cluster::spring_up(state, cx, caller, &cluster)?;
    let definition = launch.find(state, caller)?;
    let count = u32::try_from(request.count).ok();
    let count = count
        .filter(|count| (1..=10).contains(count))
        .ok_or(Refusal::OutOfRange {
            member: "count",
            least: 1,
            most: 10,
        })?;
    let capacity = capacity::choose(state, caller, &cluster, &request, count as usize)?;
    let launch_type = capacity.launch_type;
    placement::check(launch_type, &request.strategy, &request.constraints)?;
    let constraints = placement::constraints(&request.constraints, definition.placement_constraints.len())?;
    checks::launch_type(definition, launch_type, request.platform_version.as_deref())?;
    let pattern = request
        .launch
        .pattern((state, caller), &cluster, definition, Some(launch_type), LIMITS)?;
    checks::machines(state, &cluster, launch_type)?;
    checks::room(state, caller, &cluster, count as usize)?;
    Ok(Admission::Fresh(Order {
        first,
        count,
        pattern,
        capacity,
        token: token.map(|key| (key, request.digest)),
        strategy: request.strategy,
        constraints,
        cluster,
    }))
}

/// What a client token is remembered by: 1 to 64 printable characters without blanks.
fn token_key(cluster: &ClusterKey, token: Option<String>) -> Result<Option<ClientTokenKey>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    check_length(Some(&token), "clientToken", MOST_TOKEN)?;
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Refusal::Launch(LaunchFault::Token));
    }
    Ok(Some(ClientTokenKey {
        cluster: cluster.clone(),
        token,
    }))
}

/// The tasks that a known token made, if the request is the same.
fn repetition(known: &ClientToken, digest: u128) -> Result<Vec<TaskKey>, Refusal> {
    let ClusterKey { scope, name } = &known.key.cluster;
    let key = |id: &TaskId| TaskKey {
        scope: scope.clone(),
        cluster: name.clone(),
        id: *id,
    };
    let tasks: Vec<TaskKey> = known.tasks.iter().map(key).collect();
    if known.digest == digest {
        return Ok(tasks);
    }
    Err(Refusal::TokenConflict {
        resource_ids: tasks.iter().map(|key| key.arn().to_string()).collect(),
    })
}

/// The change that remembers the request's client token with the tasks that it made.
#[must_use]
pub fn remember(order: &Order, cx: &Cx, tasks: &[TaskId]) -> Option<Change> {
    let (key, digest) = order.token.clone()?;
    let token = ClientToken {
        key,
        digest,
        tasks: tasks.to_vec(),
        used_at: cx.now,
    };
    (!tasks.is_empty()).then_some(Change::ClientToken(Edit::Put(token)))
}
