//! A second opinion on placement: it looks at every machine, keeps no order, and is as simple as that allows.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::ecs::model::task::Counted;
use berth_core::ecs::model::{
    ContainerInstance, GpuCount, InstanceStatus, Protocol, Requirement, Task, TaskDefinition,
};
use berth_core::ecs::place::expression::Facts;
use berth_core::ecs::place::{Constraint, Strategy, Want};
use berth_core::kernel::ids::InstanceId;

use crate::fleet;

/// All machines.
#[derive(Debug, Default)]
pub(crate) struct Naive {
    pub(crate) machines: BTreeMap<InstanceId, Machine>,
}

/// A machine and what stands on it.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    pub(crate) instance: Option<ContainerInstance>,
    pub(crate) connected: bool,
    cpu: u32,
    memory: u32,
    running: u64,
    ports: BTreeMap<(Protocol, u16), u32>,
    gpus: BTreeSet<String>,
    groups: BTreeMap<String, u32>,
}

impl Naive {
    pub(crate) fn add(&mut self, task: &Task, definition: &TaskDefinition) {
        let machine = self.machines.entry(task.instance).or_default();
        machine.cpu += task.cpu.0;
        machine.memory += task.memory.0;
        machine.running += u64::from(task.count() == Some(Counted::Running));
        for port in fleet::ports(definition) {
            *machine.ports.entry(port).or_insert(0) += 1;
        }
        for gpu in &task.containers[0].gpu_ids {
            assert!(machine.gpus.insert(gpu.clone()), "no GPU is shared");
        }
        *machine.groups.entry(task.group.to_string()).or_insert(0) += 1;
    }

    pub(crate) fn remove(&mut self, task: &Task, definition: &TaskDefinition) {
        let machine = self.machines.entry(task.instance).or_default();
        machine.cpu -= task.cpu.0;
        machine.memory -= task.memory.0;
        machine.running -= u64::from(task.count() == Some(Counted::Running));
        for port in fleet::ports(definition) {
            *machine.ports.entry(port).or_insert(0) -= 1;
        }
        for gpu in &task.containers[0].gpu_ids {
            machine.gpus.remove(gpu);
        }
        *machine.groups.entry(task.group.to_string()).or_insert(0) -= 1;
    }

    /// The machine with the smallest score, and that score.
    pub(crate) fn best(&self, want: &Want<'_>) -> Option<(Vec<u32>, InstanceId)> {
        let tallies = self.tallies(want);
        let passing = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.objection(want).is_none());
        passing.map(|(id, machine)| (machine.score(want, &tallies), *id)).min()
    }

    /// The score of a machine.
    pub(crate) fn score(&self, want: &Want<'_>, id: InstanceId) -> Vec<u32> {
        self.machines[&id].score(want, &self.tallies(want))
    }

    /// For each strategy that spreads over an attribute, how many tasks of the group stand where.
    fn tallies<'a>(&'a self, want: &'a Want<'_>) -> Vec<BTreeMap<Option<String>, u32>> {
        let tally = |strategy: &Strategy| {
            let mut tally = BTreeMap::new();
            if let Strategy::SpreadAttribute(name) = strategy {
                for machine in self.machines.values() {
                    let count = machine.of_group(want.group);
                    if count > 0 && machine.instance.is_some() {
                        *tally.entry(machine.value(name)).or_insert(0) += count;
                    }
                }
            }
            tally
        };
        want.strategy.iter().map(tally).collect()
    }
}

impl Machine {
    fn of_group(&self, group: &str) -> u32 {
        self.groups.get(group).copied().unwrap_or(0)
    }

    fn free_cpu(&self) -> u32 {
        self.instance
            .as_ref()
            .map_or(0, |one| one.registered.cpu.0.saturating_sub(self.cpu))
    }

    fn free_memory(&self) -> u32 {
        let memory = |one: &ContainerInstance| one.registered.memory.0.saturating_sub(self.memory);
        self.instance.as_ref().map_or(0, memory)
    }

    /// The GPUs that no task holds.
    pub(crate) fn free_gpus(&self) -> Vec<String> {
        let all = self.instance.iter().flat_map(|one| &one.registered.gpus);
        all.filter(|gpu| !self.gpus.contains(*gpu)).cloned().collect()
    }

    /// The GPUs that a task would get; nothing if there are too few.
    pub(crate) fn gpus_for(&self, definition: &TaskDefinition) -> Option<Vec<String>> {
        let mut free = self.free_gpus();
        let all = self.instance.as_ref()?.registered.gpus.len();
        match definition.containers[0].resource_requirements.first() {
            None => free.clear(),
            Some(Requirement::Gpus(GpuCount::All)) if free.len() == all && all > 0 => {}
            Some(Requirement::Gpus(GpuCount::Some(count))) if free.len() >= *count as usize => {
                free.truncate(*count as usize);
            }
            Some(_) => return None,
        }
        Some(free)
    }

    fn value(&self, name: &str) -> Option<String> {
        let instance = self.instance.as_ref()?;
        if name == "ecs.availability-zone" {
            return Some(instance.zone());
        }
        let attribute = instance.attribute(name)?;
        Some(attribute.value.clone().unwrap_or_default())
    }

    fn score(&self, want: &Want<'_>, tallies: &[BTreeMap<Option<String>, u32>]) -> Vec<u32> {
        let end = want.strategy.iter().position(|one| *one == Strategy::Random);
        let deciding = want.strategy.iter().zip(tallies).take(end.unwrap_or(usize::MAX));
        let number = |(strategy, tally): (&Strategy, &BTreeMap<Option<String>, u32>)| match strategy {
            Strategy::BinpackMemory => self.free_memory(),
            Strategy::BinpackCpu => self.free_cpu(),
            Strategy::SpreadInstance => self.of_group(want.group),
            Strategy::SpreadAttribute(name) => tally.get(&self.value(name)).copied().unwrap_or(0),
            Strategy::Random => 0,
        };
        deciding.map(number).collect()
    }

    /// Why this machine cannot take the task; nothing about machines that take none.
    pub(crate) fn objection(&self, want: &Want<'_>) -> Option<&'static str> {
        let open = |one: &&ContainerInstance| one.status == InstanceStatus::Active;
        let Some(instance) = self.instance.as_ref().filter(open) else {
            return Some("closed");
        };
        let definition = want.definition;
        let required = |wanted: &berth_core::ecs::model::Attribute| instance.attribute(&wanted.name).is_some();
        let facts = Facts {
            attributes: &instance.attributes,
            agent_version: instance.versions.agent.as_deref(),
            ec2_instance_id: instance.ec2_instance_id.as_deref(),
            registered_at: instance.registered_at,
            agent_connected: self.connected,
            running_tasks: self.running,
            groups: self
                .groups
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(name, _)| name.as_str())
                .collect(),
        };
        let taken = |port: &(Protocol, u16)| {
            self.ports.get(port).is_some_and(|count| *count > 0) || instance.registered.ports.contains(port)
        };
        let common: BTreeSet<&str> = BTreeSet::from(["attribute:", "agentVersion"]);
        let shared = |text: &str| common.iter().any(|start| text.starts_with(start));
        let fails = |of_kind: bool| {
            let mut queries = want.queries().filter(|query| shared(query.as_str()) == of_kind);
            queries.any(|query| !query.matches(&facts))
        };
        let distinct = want.constraints.contains(&Constraint::DistinctInstance);
        let zones = |zones: &BTreeSet<&str>| !zones.contains(instance.zone().as_str());
        let reasons = [
            (!instance.serves(want.launch_type), "ATTRIBUTE"),
            (want.zones.as_ref().is_some_and(zones), "LOCATION"),
            (!definition.requires_attributes.iter().all(required), "ATTRIBUTE"),
            (fails(true), "MemberOf placement constraint unsatisfied."),
            (!self.connected, "AGENT"),
            (self.free_cpu() < definition.reserved_cpu().0, "RESOURCE:CPU"),
            (self.free_memory() < definition.reserved_memory().0, "RESOURCE:MEMORY"),
            (self.gpus_for(definition).is_none(), "RESOURCE:GPU"),
            (definition.reserved_ports().any(|port| taken(&port)), "RESOURCE:PORTS"),
            (
                distinct && self.of_group(want.group) > 0,
                "DistinctInstance placement constraint unsatisfied.",
            ),
            (fails(false), "MemberOf placement constraint unsatisfied."),
        ];
        reasons.iter().find(|(holds, _)| *holds).map(|(_, reason)| *reason)
    }
}
