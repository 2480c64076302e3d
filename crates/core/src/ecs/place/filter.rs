//! Filters: each one says whether a machine passes, and if not, why. To add one: write it, list it.
//!
//! Some ask only what machines of one kind have in common, so one answer holds for all of them; the others ask each
//! machine.

use super::expression::{Facts, Query, Subject};
use super::index::Pool;
use super::index::group::Group;
use super::index::kind::Kind;
use super::index::pool::{Known, Machine};
use super::{Constraint, Want};
use crate::ecs::model::{Attribute, GpuNeed, Protocol};
use crate::kernel::Timestamp;

/// A [`Want`] with what follows from it, and the machines that it is about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What is wanted.
    pub want: &'a Want<'a>,
    /// The machines.
    pub pool: &'a Pool,
    /// Where the tasks of the same group stand.
    pub group: Option<&'a Group>,
    /// The CPU that the task takes.
    pub cpu: u32,
    /// The memory that the task takes.
    pub memory: u32,
    /// The GPUs that the task takes.
    pub gpus: GpuNeed,
    /// The host ports that the task takes.
    pub ports: Vec<(Protocol, u16)>,
    /// No other task of the group may stand on the machine.
    pub distinct: bool,
    /// Expressions that ask what machines of one kind do not have in common.
    personal: Vec<&'a Query>,
}

/// A filter that asks what machines of one kind have in common: the reason against them, or nothing.
type KindFilter = fn(&Want<'_>, &Kind) -> Option<&'static str>;
/// A filter that asks each machine: the reason against it, or nothing.
type MachineFilter = fn(&Asked<'_>, &Candidate<'_>) -> Option<&'static str>;

/// A machine that might take a task.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its row.
    pub slot: u32,
    /// The machine.
    pub machine: &'a Machine,
    /// What it registered with.
    pub known: &'a Known,
}

/// The filters of kinds, in the order in which their objections count.
const OF_KINDS: [KindFilter; 5] = [launch_type, architecture, zone, attributes, members];
/// The filters of machines, in the order in which their objections count.
const OF_MACHINES: [MachineFilter; 6] = [connection, resources, gpus, ports, distinct, personal_members];

/// The reason of machines that a `memberOf` constraint does not mean.
const NO_MEMBER: &str = "MemberOf placement constraint unsatisfied.";
/// The reason of machines that have a task of the group.
const NOT_DISTINCT: &str = "DistinctInstance placement constraint unsatisfied.";

impl<'a> Asked<'a> {
    /// What follows from `want`.
    #[must_use]
    pub fn new(pool: &'a Pool, want: &'a Want<'a>) -> Self {
        Self {
            want,
            pool,
            group: pool.group(want.group),
            cpu: want.definition.reserved_cpu().0,
            memory: want.definition.reserved_memory().0,
            gpus: want.definition.reserved_gpus(),
            ports: want.definition.reserved_ports().collect(),
            distinct: want.constraints.contains(&Constraint::DistinctInstance),
            personal: want.queries().filter(|query| is_personal(query)).collect(),
        }
    }

    /// The first objection to all machines of a kind.
    #[must_use]
    pub fn kind_objection(&self, kind: &Kind) -> Option<&'static str> {
        OF_KINDS.iter().find_map(|filter| filter(self.want, kind))
    }

    /// The first objection to a machine whose kind passes.
    #[must_use]
    pub fn machine_objection(&self, candidate: &Candidate<'_>) -> Option<&'static str> {
        OF_MACHINES.iter().find_map(|filter| filter(self, candidate))
    }

    /// The first objection to a machine.
    #[must_use]
    pub fn objection(&self, candidate: &Candidate<'_>) -> Option<&'static str> {
        let kind = self.pool.kinds().get(candidate.known.kind);
        self.kind_objection(kind).or_else(|| self.machine_objection(candidate))
    }

    /// The machine in this row, if it takes tasks.
    #[must_use]
    pub fn candidate(&self, slot: u32) -> Option<Candidate<'a>> {
        let machine = self.pool.machine(slot)?;
        let known = machine.known.as_ref().filter(|known| known.open)?;
        Some(Candidate { slot, machine, known })
    }

    /// Whether more of a machine counts than what it has left: then any change of it may matter.
    #[must_use]
    pub fn is_choosy(&self) -> bool {
        self.distinct || !self.gpus.is_nothing() || !self.ports.is_empty() || !self.personal.is_empty()
    }

    /// How many tasks of the group stand on a machine.
    #[must_use]
    pub fn of_group(&self, machine: &Machine) -> u32 {
        self.group.map_or(0, |group| machine.of_group(group.number))
    }
}

/// Whether an expression asks what machines of one kind do not have in common.
fn is_personal(query: &Query) -> bool {
    query.meaning().any_test(&|test| match test.subject {
        Subject::Attribute(_) | Subject::AgentVersion => false,
        Subject::AgentConnected
        | Subject::Ec2InstanceId
        | Subject::RegisteredAt
        | Subject::RunningTasksCount
        | Subject::TaskGroup => true,
    })
}

fn launch_type(want: &Want<'_>, kind: &Kind) -> Option<&'static str> {
    (!kind.serves(want.launch_type)).then_some("ATTRIBUTE")
}

/// A definition that names no architecture does not mind which one it gets.
fn architecture(want: &Want<'_>, kind: &Kind) -> Option<&'static str> {
    let wanted = want.definition.runtime_platform?.architecture?;
    (!kind.runs(wanted)).then_some("ATTRIBUTE")
}

fn zone(want: &Want<'_>, kind: &Kind) -> Option<&'static str> {
    let zones = want.zones.as_ref()?;
    (!zones.contains(kind.zone.as_str())).then_some("LOCATION")
}

fn attributes(want: &Want<'_>, kind: &Kind) -> Option<&'static str> {
    let has = |wanted: &Attribute| {
        let found = kind.attribute(&wanted.name);
        found.is_some_and(|found| wanted.value.is_none() || found.value == wanted.value)
    };
    (!want.definition.requires_attributes.iter().all(has)).then_some("ATTRIBUTE")
}

fn members(want: &Want<'_>, kind: &Kind) -> Option<&'static str> {
    let facts = Facts {
        attributes: &kind.attributes,
        agent_version: kind.agent_version.as_deref(),
        ec2_instance_id: None,
        registered_at: Timestamp::default(),
        agent_connected: false,
        running_tasks: 0,
        groups: Vec::new(),
    };
    let common = want.queries().filter(|query| !is_personal(query));
    let fails = |query: &Query| !query.matches(&facts);
    common.into_iter().any(fails).then_some(NO_MEMBER)
}

fn connection(_: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    (!candidate.machine.connected).then_some("AGENT")
}

fn resources(asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    if candidate.machine.load.free_cpu().0 < asked.cpu {
        Some("RESOURCE:CPU")
    } else if candidate.machine.load.free_memory().0 < asked.memory {
        Some("RESOURCE:MEMORY")
    } else {
        None
    }
}

fn gpus(asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    if asked.gpus.is_nothing() {
        return None;
    }
    let all = candidate.known.gpus.len();
    let free = candidate.machine.free_gpus().count();
    (!asked.gpus.fits(all, free)).then_some("RESOURCE:GPU")
}

fn ports(asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    let taken = |port: &&(Protocol, u16)| candidate.machine.load.holds(**port) || candidate.known.ports.contains(*port);
    asked.ports.iter().find(taken).map(|(protocol, _)| match protocol {
        Protocol::Tcp => "RESOURCE:PORTS",
        Protocol::Udp => "RESOURCE:PORTS_UDP",
    })
}

fn distinct(asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    (asked.distinct && asked.of_group(candidate.machine) > 0).then_some(NOT_DISTINCT)
}

fn personal_members(asked: &Asked<'_>, candidate: &Candidate<'_>) -> Option<&'static str> {
    if asked.personal.is_empty() {
        return None;
    }
    let facts = candidate.machine.facts(asked.pool, candidate.known);
    let all = asked.personal.iter().all(|query| query.matches(&facts));
    (!all).then_some(NO_MEMBER)
}
