//! Where a task goes: filter, score, pick, explain. A pure function over the index of machines.
//!
//! The index hands out machines in the order that the first strategy asks for, so that the first one that passes all
//! filters is the best, and a placement does not look at every machine. Only a refusal looks at more, to say why.

pub mod filter;
pub mod index;

use std::collections::BTreeSet;

use super::model::{ClusterKey, InstanceKey, LaunchType, TaskDefinition};
use super::state::State;
use crate::kernel::Cx;
use crate::kernel::ids::InstanceId;
use filter::Candidate;

/// What a task needs from its machine.
#[derive(Clone, Debug)]
pub struct Want<'a> {
    /// The cluster whose machines are meant.
    pub cluster: &'a ClusterKey,
    /// What runs.
    pub definition: &'a TaskDefinition,
    /// On what kind of capacity.
    pub launch_type: LaunchType,
    /// In which zones, if it matters.
    pub zones: Option<BTreeSet<&'a str>>,
    /// The tasks among which to spread.
    pub group: &'a str,
    /// In which order to prefer machines.
    pub strategy: &'a [Strategy],
}

/// A rule by which machines are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Fill machines: the one with the least free memory first.
    BinpackMemory,
    /// Fill machines: the one with the least free CPU first.
    BinpackCpu,
    /// Few tasks of the group per machine.
    SpreadInstance,
    /// Few tasks of the group per zone.
    SpreadZone,
    /// Any machine.
    Random,
}

/// Why a machine, or the cluster, cannot take a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The ARN of the machine, if one is meant.
    pub arn: Option<String>,
    /// The reason, for example `RESOURCE:MEMORY`.
    pub reason: String,
}

impl Failure {
    /// A failure of one machine.
    #[must_use]
    pub fn of(instance: &InstanceKey, reason: &str) -> Self {
        Self {
            arn: Some(instance.arn().to_string()),
            reason: reason.to_owned(),
        }
    }
}

/// What FARGATE tasks show when no machine can take them, whatever the machine's own reason: the machine is hidden.
pub const NO_CAPACITY: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

/// The most machines that a refusal explains.
const EXPLAINED: usize = 10;

/// The machine for one more task.
///
/// # Errors
/// Why none can take it.
pub fn place(
    state: &State,
    connected: &BTreeSet<InstanceKey>,
    cx: &mut Cx,
    want: &Want<'_>,
) -> Result<InstanceId, Vec<Failure>> {
    let passing = |id: &InstanceId| filter::first_objection(&candidate(state, connected, want, *id), want).is_none();
    let found = match want.strategy.first() {
        Some(Strategy::BinpackMemory) => in_memory_order(state, want).find(passing),
        Some(Strategy::BinpackCpu) => in_cpu_order(state, want).find(passing),
        Some(Strategy::SpreadInstance | Strategy::SpreadZone) => spread(state, want, passing),
        Some(Strategy::Random) | None => any(state, cx, want, passing),
    };
    found.ok_or_else(|| explain(state, connected, want))
}

fn candidate<'a>(
    state: &'a State,
    connected: &BTreeSet<InstanceKey>,
    want: &Want<'_>,
    id: InstanceId,
) -> Candidate<'a> {
    let key = InstanceKey {
        scope: want.cluster.scope.clone(),
        cluster: want.cluster.name.clone(),
        id,
    };
    Candidate {
        instance: state
            .instances()
            .get(&key)
            .expect("the index names machines that are there"),
        load: state.index().load(&key).expect("an indexed machine has a load"),
        connected: connected.contains(&key),
    }
}

fn in_memory_order<'a>(state: &'a State, want: &Want<'_>) -> impl Iterator<Item = InstanceId> + use<'a> {
    let least = want.definition.reserved_memory();
    state
        .index()
        .orders(want.cluster)
        .into_iter()
        .flat_map(move |orders| orders.by_memory(least))
}

fn in_cpu_order<'a>(state: &'a State, want: &Want<'_>) -> impl Iterator<Item = InstanceId> + use<'a> {
    let least = want.definition.reserved_cpu();
    state
        .index()
        .orders(want.cluster)
        .into_iter()
        .flat_map(move |orders| orders.by_cpu(least))
}

/// How good a machine is for a spread task. The smallest is the best.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SpreadScore {
    in_zone: u32,
    on_machine: u32,
    id: InstanceId,
}

fn spread(state: &State, want: &Want<'_>, passing: impl Fn(&InstanceId) -> bool) -> Option<InstanceId> {
    let orders = state.index().orders(want.cluster)?;
    let by_zone = matches!(want.strategy.first(), Some(Strategy::SpreadZone));
    let zone = |id: InstanceId| {
        let key = InstanceKey {
            scope: want.cluster.scope.clone(),
            cluster: want.cluster.name.clone(),
            id,
        };
        state
            .instances()
            .get(&key)
            .map(super::model::ContainerInstance::zone)
            .unwrap_or_default()
    };
    let mut in_zones = std::collections::BTreeMap::<String, u32>::new();
    if by_zone {
        for (id, count) in orders.group(want.group) {
            *in_zones.entry(zone(id)).or_insert(0) += count;
        }
    }
    let score = |id: InstanceId| SpreadScore {
        in_zone: if by_zone {
            in_zones.get(&zone(id)).copied().unwrap_or(0)
        } else {
            0
        },
        on_machine: orders.of_group(want.group, id),
        id,
    };
    in_memory_order(state, want)
        .filter(passing)
        .map(score)
        .min()
        .map(|score| score.id)
}

/// Any machine: the first fitting one from a random place on.
fn any(state: &State, cx: &mut Cx, want: &Want<'_>, passing: impl Fn(&InstanceId) -> bool) -> Option<InstanceId> {
    let orders = state.index().orders(want.cluster)?;
    let from = InstanceId(cx.draw("placement"));
    orders.from(from).find(passing)
}

/// Why no machine can take the task: the reasons of the closest ones, or of the cluster as a whole.
fn explain(state: &State, connected: &BTreeSet<InstanceKey>, want: &Want<'_>) -> Vec<Failure> {
    if want.launch_type == LaunchType::Fargate {
        return vec![Failure {
            arn: None,
            reason: NO_CAPACITY.to_owned(),
        }];
    }
    let machines = state
        .index()
        .orders(want.cluster)
        .into_iter()
        .flat_map(|orders| orders.from(InstanceId(0)));
    let objection = |id: InstanceId| {
        let candidate = candidate(state, connected, want, id);
        let reason = filter::first_objection(&candidate, want)?;
        Some(Failure::of(&candidate.instance.key, reason))
    };
    let failures: Vec<Failure> = machines.filter_map(objection).take(EXPLAINED).collect();
    if failures.is_empty() {
        vec![Failure {
            arn: Some(want.cluster.arn().to_string()),
            reason: "NO ACTIVE INSTANCES".to_owned(),
        }]
    } else {
        failures
    }
}
