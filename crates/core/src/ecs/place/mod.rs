//! Where a task goes: filter, score, pick, explain. A function of the index of machines and of nothing else.
//!
//! [`filter`] says which machines pass and why others do not, [`search`] finds the best of those that pass without looking
//! at all of them, [`index`] keeps the machines in the orders in which that needs them, and [`expression`] is the language
//! of `memberOf`.

mod digest;
pub mod expression;
pub mod filter;
pub mod index;
pub mod search;

use std::collections::BTreeSet;

use super::model::{ClusterKey, InstanceKey, LaunchType, TaskDefinition};
use crate::kernel::Cx;
use crate::kernel::ids::InstanceId;
use expression::Query;
use filter::Asked;
use index::pool::Order;
use index::{Index, Pool};
pub use search::Planner;

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
    /// What the request demands of machines; the definition demands more.
    pub constraints: &'a [Constraint],
}

/// The most strategies of one request.
pub const MOST_STRATEGIES: usize = 5;
/// The most constraints of a request and its definition together.
pub const MOST_CONSTRAINTS: usize = 10;

/// A rule by which machines are preferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Fill machines: the one with the least free memory first.
    BinpackMemory,
    /// Fill machines: the one with the least free CPU first.
    BinpackCpu,
    /// Few tasks of the group per machine.
    SpreadInstance,
    /// Few tasks of the group per value of this attribute.
    SpreadAttribute(String),
    /// Any machine.
    Random,
}

/// A demand on machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// No machine has two tasks of the group.
    DistinctInstance,
    /// Only machines that are meant.
    MemberOf(Query),
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
pub fn place(index: &Index, planner: &mut Planner, cx: &mut Cx, want: &Want<'_>) -> Result<InstanceId, Vec<Failure>> {
    let random = want.strategy.is_empty() || want.strategy.contains(&Strategy::Random);
    let random = random.then(|| cx.draw(STREAM));
    let pool = index.pool(want.cluster);
    let asked = pool.map(|pool| Asked::new(pool, want));
    let best = asked.as_ref().and_then(|asked| planner.best(asked, random));
    let id = |slot| Some(asked.as_ref()?.candidate(slot)?.machine.id);
    best.and_then(id).ok_or_else(|| explain(pool, want))
}

/// Why the machine `id`, which takes tasks, cannot take this one; nothing if it can.
///
/// # Panics
/// If the machine does not take tasks.
#[must_use]
pub fn objection(index: &Index, want: &Want<'_>, id: InstanceId) -> Option<&'static str> {
    let pool = index.pool(want.cluster).expect("a machine that takes tasks is indexed");
    let asked = Asked::new(pool, want);
    let candidate = pool.slot(id).and_then(|slot| asked.candidate(slot));
    asked.objection(&candidate.expect("only machines that take tasks are asked about"))
}

/// The stream of chance from which machines are chosen.
const STREAM: &str = "placement";

impl Want<'_> {
    /// The expressions of all `memberOf` constraints.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        let requested = self.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::MemberOf(query) => Some(query),
            Constraint::DistinctInstance => None,
        });
        self.definition.placement_constraints.iter().chain(requested)
    }

    fn key(&self, id: InstanceId) -> InstanceKey {
        InstanceKey {
            scope: self.cluster.scope.clone(),
            cluster: self.cluster.name.clone(),
            id,
        }
    }
}

/// Why no machine can take the task: the reasons of the first ones, or of the cluster as a whole.
fn explain(pool: Option<&Pool>, want: &Want<'_>) -> Vec<Failure> {
    if want.launch_type == LaunchType::Fargate {
        return vec![Failure {
            arn: None,
            reason: NO_CAPACITY.to_owned(),
        }];
    }
    let machines = pool.into_iter().flat_map(|pool| pool.order(Order::Id).iter());
    let asked = pool.map(|pool| Asked::new(pool, want));
    let failure = |slot| {
        let asked = asked.as_ref()?;
        let candidate = asked.candidate(slot)?;
        let reason = asked.objection(&candidate)?;
        Some(Failure::of(&want.key(candidate.machine.id), reason))
    };
    // Every machine objects, so this looks at no more machines than it explains.
    let failures: Vec<Failure> = machines
        .filter_map(|entry| failure(entry.slot))
        .take(EXPLAINED)
        .collect();
    if failures.is_empty() {
        vec![Failure {
            arn: Some(want.cluster.arn().to_string()),
            reason: "NO ACTIVE INSTANCES".to_owned(),
        }]
    } else {
        failures
    }
}
