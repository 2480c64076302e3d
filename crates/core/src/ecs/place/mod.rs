//! Where a task goes: filter, score, pick, explain. A pure function over the index of machines.
//!
//! For one strategy of filling, or none, the index hands out machines in the wanted order: the first one that passes all
//! filters is the best, and a placement does not look at every machine. Spreading and several strategies score all machines
//! of the cluster and filter the best ones. A refusal looks at more, to say why.

pub mod expression;
pub mod filter;
pub mod index;

use std::collections::{BTreeMap, BTreeSet};

use super::model::{ClusterKey, ContainerInstance, InstanceKey, LaunchType, TaskDefinition};
use super::state::State;
use crate::kernel::Cx;
use crate::kernel::ids::InstanceId;
use filter::Candidate;
use index::Orders;

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
    /// In which order to prefer machines: a later strategy decides among those that are equal by the earlier ones. At most
    /// [`MOST_STRATEGIES`].
    pub strategy: &'a [Strategy],
}

/// The most strategies of one request.
pub const MOST_STRATEGIES: usize = 5;

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
    let found = state
        .index()
        .orders(want.cluster)
        .and_then(|orders| match want.strategy {
            [] | [Strategy::Random, ..] => orders.from(InstanceId(cx.draw(STREAM))).find(passing),
            [Strategy::BinpackMemory] => orders.by_memory(want.definition.reserved_memory()).find(passing),
            [Strategy::BinpackCpu] => orders.by_cpu(want.definition.reserved_cpu()).find(passing),
            [..] => best(&Scorer::new(state, want, orders), cx, passing),
        });
    found.ok_or_else(|| explain(state, connected, want))
}

/// Why the machine `id`, which takes tasks, cannot take this one; nothing if it can.
///
/// # Panics
/// If the machine does not take tasks.
#[must_use]
pub fn objection(
    state: &State,
    connected: &BTreeSet<InstanceKey>,
    want: &Want<'_>,
    id: InstanceId,
) -> Option<&'static str> {
    filter::first_objection(&candidate(state, connected, want, id), want)
}

/// The stream of chance from which machines are chosen.
const STREAM: &str = "placement";

impl Want<'_> {
    fn key(&self, id: InstanceId) -> InstanceKey {
        InstanceKey {
            scope: self.cluster.scope.clone(),
            cluster: self.cluster.name.clone(),
            id,
        }
    }
}

fn candidate<'a>(
    state: &'a State,
    connected: &BTreeSet<InstanceKey>,
    want: &Want<'_>,
    id: InstanceId,
) -> Candidate<'a> {
    let key = want.key(id);
    Candidate {
        instance: state
            .instances()
            .get(&key)
            .expect("the index names machines that are there"),
        load: state.index().load(&key).expect("an indexed machine has a load"),
        connected: connected.contains(&key),
    }
}

/// How good a machine is: one number per strategy, in their order, then the id. The smallest is the best.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    by_strategy: [u32; MOST_STRATEGIES],
    id: InstanceId,
}

/// What machines are scored by.
struct Scorer<'a> {
    state: &'a State,
    want: &'a Want<'a>,
    orders: &'a Orders,
    /// How many tasks of the group stand in each zone.
    in_zones: BTreeMap<String, u32>,
}

impl<'a> Scorer<'a> {
    fn new(state: &'a State, want: &'a Want<'a>, orders: &'a Orders) -> Self {
        let mut scorer = Self {
            state,
            want,
            orders,
            in_zones: BTreeMap::new(),
        };
        if want.strategy.contains(&Strategy::SpreadZone) {
            for (id, count) in orders.group(want.group) {
                *scorer.in_zones.entry(scorer.zone(id)).or_insert(0) += count;
            }
        }
        scorer
    }

    fn zone(&self, id: InstanceId) -> String {
        let instance = self.state.instances().get(&self.want.key(id));
        instance.map(ContainerInstance::zone).unwrap_or_default()
    }

    fn score(&self, cx: &mut Cx, id: InstanceId) -> Score {
        let load = self.state.index().load(&self.want.key(id));
        let mut by_strategy = [0; MOST_STRATEGIES];
        for (score, strategy) in by_strategy.iter_mut().zip(self.want.strategy) {
            *score = match strategy {
                Strategy::BinpackMemory => load.map_or(0, |load| load.free_memory().0),
                Strategy::BinpackCpu => load.map_or(0, |load| load.free_cpu().0),
                Strategy::SpreadInstance => self.orders.of_group(self.want.group, id),
                Strategy::SpreadZone => self.in_zones.get(&self.zone(id)).copied().unwrap_or(0),
                Strategy::Random => cx.draw(STREAM) as u32,
            };
        }
        Score { by_strategy, id }
    }
}

/// The passing machine with the best score. All are scored, which is cheap; filters only see the best ones.
fn best(scorer: &Scorer<'_>, cx: &mut Cx, passing: impl Fn(&InstanceId) -> bool) -> Option<InstanceId> {
    let all = scorer.orders.from(InstanceId(0));
    let mut scores: Vec<Score> = all.map(|id| scorer.score(cx, id)).collect();
    scores.sort_unstable();
    scores.into_iter().map(|score| score.id).find(passing)
}

/// Why no machine can take the task: the reasons of some of them, or of the cluster as a whole.
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
