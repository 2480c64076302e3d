//! RunTask. First the request as a whole is admitted or refused; then each task is placed in a step of its own, so that the
//! second one sees what the first one took.
//!
//! [`checks`] has what a request must satisfy, [`make`] how one task of it is placed and made.

pub mod checks;
pub mod make;

use super::{Caller, check_length, cluster};
use crate::ecs::model::{ClientToken, ClientTokenKey, ClusterKey, DefinitionStatus, LaunchType, TaskDefinition};
use crate::ecs::model::{TaskDefinitionKey, TaskKey};
use crate::ecs::place::{self, Strategy};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::kernel::ids::TaskId;
use crate::kernel::{Cx, Edit, Tags};
use checks::InterfaceWish;

/// A RunTask request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTask {
    /// The cluster; the default one springs up.
    pub cluster: Option<String>,
    /// The task definition: family, `family:revision` or ARN.
    pub definition: String,
    /// How many tasks, 1 to 10.
    pub count: i64,
    /// What capacity to run on; EC2 if nothing is said.
    pub launch_type: Option<LaunchType>,
    /// The version of the FARGATE platform.
    pub platform_version: Option<String>,
    /// Where awsvpc tasks get their interface.
    pub network: Option<NetworkWish>,
    /// Tasks of one purpose.
    pub group: Option<String>,
    /// Who starts it, in the caller's words.
    pub started_by: Option<String>,
    /// The idempotency key.
    pub client_token: Option<String>,
    /// A digest of everything else in the request, to tell a repetition from another use of the token.
    pub digest: u128,
    /// In which order to prefer machines.
    pub strategy: Vec<Strategy>,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
    /// Members that were given and that Berth does not carry out yet.
    pub unbuilt: Vec<String>,
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
    definition: TaskDefinitionKey,
    launch_type: LaunchType,
    interface: Option<InterfaceWish>,
    group: String,
    started_by: Option<String>,
    token: Option<(ClientTokenKey, u128)>,
    strategy: Vec<Strategy>,
    tags: Tags,
}

/// Admits a request as a whole. A request that repeats another one is answered as that was, whatever has changed since.
///
/// # Errors
/// Whatever makes the request impossible for every task of it. Nothing has changed then.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: RunTask) -> Result<Admission, Refusal> {
    let cluster = refer::cluster(&caller.scope, request.cluster.as_deref())?;
    check_texts(&request)?;
    let token = request.client_token.filter(|token| !token.is_empty());
    let token = token.map(|token| ClientTokenKey {
        cluster: cluster.clone(),
        token,
    });
    if let Some(known) = token.as_ref().and_then(|key| state.tokens().get(key)) {
        return repetition(known, request.digest).map(Admission::Repeated);
    }
    let first = cluster::spring_up(state, cx, &cluster)?;
    let definition = find_definition(state, caller, &request.definition)?;
    let count = u32::try_from(request.count).ok();
    let count = count
        .filter(|count| (1..=10).contains(count))
        .ok_or(Refusal::OutOfRange {
            member: "count",
            least: 1,
            most: 10,
        })?;
    if request.strategy.len() > place::MOST_STRATEGIES {
        return Err(Refusal::TooMany {
            what: "placement strategies",
            most: place::MOST_STRATEGIES,
        });
    }
    let launch_type = request.launch_type.unwrap_or(LaunchType::Ec2);
    checks::launch_type(definition, launch_type, request.platform_version.as_deref())?;
    let interface = checks::interface(definition, caller, request.network.as_ref())?;
    checks::built(definition, &request.unbuilt)?;
    let tags = Tags::new(request.tags).map_err(Refusal::Tags)?;
    checks::machines(state, &cluster, launch_type)?;
    let group = request.group.filter(|group| !group.is_empty());
    Ok(Admission::Fresh(Order {
        first,
        count,
        definition: definition.key.clone(),
        launch_type,
        interface,
        group: group.unwrap_or_else(|| format!("family:{}", definition.key.family)),
        started_by: request.started_by,
        token: token.map(|key| (key, request.digest)),
        strategy: request.strategy,
        tags,
        cluster,
    }))
}

fn check_texts(request: &RunTask) -> Result<(), Refusal> {
    check_length(request.client_token.as_ref(), "clientToken", 64)?;
    check_length(request.started_by.as_ref(), "startedBy", 128)?;
    check_length(request.group.as_ref(), "group", 255)
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

fn find_definition<'a>(state: &'a State, caller: &Caller, text: &str) -> Result<&'a TaskDefinition, Refusal> {
    let found = refer::definition(&caller.scope, text)?.find(state, &caller.scope);
    let definition = found.ok_or(Refusal::DefinitionNotFound)?;
    if definition.status == DefinitionStatus::Active {
        Ok(definition)
    } else {
        Err(Refusal::DefinitionInactive)
    }
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
