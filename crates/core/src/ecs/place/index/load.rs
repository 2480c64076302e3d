//! What stands on one machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::task::Counted;
use crate::ecs::model::{NetworkMode, Protocol, Task, TaskDefinition};
use crate::kernel::ids::TaskId;
use crate::kernel::{CpuUnits, MemoryMib};

/// What stands on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// What the machine has, as long as it is registered.
    pub(super) capacity: Option<(CpuUnits, MemoryMib)>,
    cpu: CpuUnits,
    memory: MemoryMib,
    ports: BTreeMap<(Protocol, u16), u32>,
    gpus: BTreeMap<String, u32>,
    tasks: BTreeSet<TaskId>,
    running: u32,
}

impl Load {
    /// CPU that no task holds.
    #[must_use]
    pub fn free_cpu(&self) -> CpuUnits {
        let free = self.capacity.and_then(|(cpu, _)| cpu.checked_sub(self.cpu));
        free.unwrap_or_default()
    }

    /// Memory that no task holds.
    #[must_use]
    pub fn free_memory(&self) -> MemoryMib {
        let free = self.capacity.and_then(|(_, memory)| memory.checked_sub(self.memory));
        free.unwrap_or_default()
    }

    /// Host ports that tasks hold.
    pub fn ports(&self) -> impl Iterator<Item = (Protocol, u16)> + '_ {
        self.ports.keys().copied()
    }

    /// Whether a task holds this host port.
    #[must_use]
    pub fn holds(&self, port: (Protocol, u16)) -> bool {
        self.ports.contains_key(&port)
    }

    /// Whether a task holds this GPU.
    #[must_use]
    pub fn holds_gpu(&self, gpu: &str) -> bool {
        self.gpus.contains_key(gpu)
    }

    /// The tasks that are not over.
    #[must_use]
    pub fn tasks(&self) -> &BTreeSet<TaskId> {
        &self.tasks
    }

    /// How many of them run, or are on their way to their end.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.running
    }

    pub(super) fn add(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        self.cpu = CpuUnits(self.cpu.0.saturating_add(task.cpu.0));
        self.memory = MemoryMib(self.memory.0.saturating_add(task.memory.0));
        self.tasks.insert(task.key.id);
        self.running += u32::from(task.count() == Some(Counted::Running));
        for port in host_ports(task, definition) {
            *self.ports.entry(port).or_insert(0) += 1;
        }
        for gpu in gpus(task) {
            *self.gpus.entry(gpu.clone()).or_insert(0) += 1;
        }
    }

    /// The opposite of [`Load::add`], with the same task.
    pub(super) fn remove(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        self.cpu = self.cpu.checked_sub(task.cpu).unwrap_or_default();
        self.memory = self.memory.checked_sub(task.memory).unwrap_or_default();
        self.tasks.remove(&task.key.id);
        self.running -= u32::from(task.count() == Some(Counted::Running));
        for port in host_ports(task, definition) {
            count_down(&mut self.ports, &port);
        }
        for gpu in gpus(task) {
            count_down(&mut self.gpus, gpu);
        }
    }
}

/// The ports of its machine that a task holds: those that its definition fixes, and those that its agent chose for it.
fn host_ports(task: &Task, definition: Option<&TaskDefinition>) -> BTreeSet<(Protocol, u16)> {
    let fixed = definition.into_iter().flat_map(TaskDefinition::reserved_ports);
    let mode = definition.map(TaskDefinition::effective_network_mode);
    let shares = matches!(mode, Some(NetworkMode::Bridge | NetworkMode::Host));
    let containers = task.containers.iter().filter(|_| shares);
    let chosen = containers.flat_map(|container| &container.bindings);
    fixed
        .chain(chosen.map(|binding| (binding.protocol, binding.host_port)))
        .collect()
}

/// The GPUs that a task holds.
fn gpus(task: &Task) -> impl Iterator<Item = &String> {
    task.containers.iter().flat_map(|container| &container.gpu_ids)
}

pub(super) fn count_down<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
