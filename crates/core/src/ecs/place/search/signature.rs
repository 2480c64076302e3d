//! What tells one search from another: everything that decides where a task goes, but the machines.

use std::collections::BTreeSet;

use crate::ecs::model::{Architecture, Attribute, ClusterKey, GpuNeed, LaunchType, Protocol};
use crate::ecs::place::digest::Digest;
use crate::ecs::place::filter::Asked;
use crate::ecs::place::{Constraint, Strategy};

/// What tells one search from another.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    cluster: ClusterKey,
    cpu: u32,
    memory: u32,
    gpus: GpuNeed,
    ports: Vec<(Protocol, u16)>,
    architecture: Option<Architecture>,
    attributes: Vec<Attribute>,
    launch_type: LaunchType,
    zones: Option<BTreeSet<String>>,
    group: String,
    strategy: Vec<Strategy>,
    constraints: Vec<Constraint>,
    queries: Vec<String>,
}

impl Signature {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let want = asked.want;
        let zones = want.zones.as_ref();
        Self {
            cluster: want.cluster.clone(),
            cpu: asked.cpu,
            memory: asked.memory,
            gpus: asked.gpus,
            ports: asked.ports.clone(),
            architecture: architecture(asked),
            attributes: want.definition.requires_attributes.clone(),
            launch_type: want.launch_type,
            zones: zones.map(|zones| zones.iter().map(|zone| (*zone).to_owned()).collect()),
            group: want.group.to_owned(),
            strategy: want.strategy.to_vec(),
            constraints: want.constraints.to_vec(),
            queries: want.queries().map(|query| query.as_str().to_owned()).collect(),
        }
    }

    /// Whether `asked` has this signature.
    pub(super) fn is_of(&self, asked: &Asked<'_>) -> bool {
        let want = asked.want;
        let zones = match (&self.zones, &want.zones) {
            (Some(mine), Some(theirs)) => mine.iter().map(String::as_str).eq(theirs.iter().copied()),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let queries = self.queries.iter().map(String::as_str);
        (self.cpu, self.memory, self.launch_type) == (asked.cpu, asked.memory, want.launch_type)
            && self.group == want.group
            && self.strategy == want.strategy
            && self.gpus == asked.gpus
            && self.ports == asked.ports
            && self.architecture == architecture(asked)
            && self.constraints == want.constraints
            && queries.eq(want.queries().map(|query| query.as_str()))
            && zones
            && self.attributes == want.definition.requires_attributes
            && self.cluster == *want.cluster
    }
}

fn architecture(asked: &Asked<'_>) -> Option<Architecture> {
    asked.want.definition.runtime_platform?.architecture
}

/// A number that equal signatures have in common, and others seldom.
pub(super) fn digest(asked: &Asked<'_>) -> u64 {
    let want = asked.want;
    let mut digest = Digest::START;
    digest.number(u64::from(asked.cpu) << 32 | u64::from(asked.memory));
    digest.number(u64::from(asked.gpus.count) << 32 | u64::from(asked.gpus.whole));
    digest.text(want.group);
    digest.text(want.cluster.name.as_str());
    digest.number(want.launch_type as u64);
    for strategy in want.strategy {
        match strategy {
            Strategy::BinpackMemory => digest.number(1),
            Strategy::BinpackCpu => digest.number(2),
            Strategy::SpreadInstance => digest.number(3),
            Strategy::Random => digest.number(4),
            Strategy::SpreadAttribute(name) => digest.text(name),
        }
    }
    digest.number(want.constraints.len() as u64);
    want.queries().for_each(|query| digest.text(query.as_str()));
    digest.0
}
