//! What the machines of each cluster have left, kept in the orders in which placement asks for it.
//!
//! Everything here follows from instances, tasks and task definitions, whatever the order in which they came: rows that
//! say nothing are removed, so that equal facts have an equal index.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::{
    ClusterKey, ContainerInstance, InstanceKey, InstanceStatus, NetworkMode, Protocol, Task, TaskDefinition,
};
use crate::kernel::ids::{InstanceId, TaskId};
use crate::kernel::{CpuUnits, MemoryMib};

/// The load of all machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    loads: BTreeMap<InstanceKey, Load>,
    clusters: BTreeMap<ClusterKey, Orders>,
    leaving: BTreeSet<InstanceKey>,
}

/// What stands on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    capacity: Option<(CpuUnits, MemoryMib)>,
    /// Whether the machine takes new tasks.
    open: bool,
    cpu: CpuUnits,
    memory: MemoryMib,
    ports: BTreeMap<(Protocol, u16), u32>,
    tasks: BTreeSet<TaskId>,
}

/// The active machines of one cluster, in several orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    by_id: BTreeSet<InstanceId>,
    by_memory: BTreeSet<(MemoryMib, InstanceId)>,
    by_cpu: BTreeSet<(CpuUnits, InstanceId)>,
    by_group: BTreeMap<String, BTreeMap<InstanceId, u32>>,
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

    /// The tasks that are not over.
    #[must_use]
    pub fn tasks(&self) -> &BTreeSet<TaskId> {
        &self.tasks
    }
}

impl Orders {
    /// Machines with at least this much free memory, least first.
    pub fn by_memory(&self, least: MemoryMib) -> impl Iterator<Item = InstanceId> + '_ {
        self.by_memory.range((least, InstanceId(0))..).map(|(_, id)| *id)
    }

    /// Machines with at least this much free CPU, least first.
    pub fn by_cpu(&self, least: CpuUnits) -> impl Iterator<Item = InstanceId> + '_ {
        self.by_cpu.range((least, InstanceId(0))..).map(|(_, id)| *id)
    }

    /// All machines, from `first` on and around.
    pub fn from(&self, first: InstanceId) -> impl Iterator<Item = InstanceId> + '_ {
        self.by_id.range(first..).chain(self.by_id.range(..first)).copied()
    }

    /// The machines on which tasks of `group` stand, and how many.
    pub fn group(&self, group: &str) -> impl Iterator<Item = (InstanceId, u32)> + '_ {
        self.by_group
            .get(group)
            .into_iter()
            .flatten()
            .map(|(id, count)| (*id, *count))
    }

    /// How many tasks of `group` stand on a machine.
    #[must_use]
    pub fn of_group(&self, group: &str, id: InstanceId) -> u32 {
        self.by_group
            .get(group)
            .and_then(|counts| counts.get(&id))
            .copied()
            .unwrap_or(0)
    }

    /// How many machines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn insert(&mut self, id: InstanceId, load: &Load) {
        self.by_id.insert(id);
        self.by_memory.insert((load.free_memory(), id));
        self.by_cpu.insert((load.free_cpu(), id));
    }

    fn remove(&mut self, id: InstanceId, load: &Load) {
        self.by_id.remove(&id);
        self.by_memory.remove(&(load.free_memory(), id));
        self.by_cpu.remove(&(load.free_cpu(), id));
    }
}

impl Index {
    /// What stands on a machine.
    #[must_use]
    pub fn load(&self, key: &InstanceKey) -> Option<&Load> {
        self.loads.get(key)
    }

    /// The machines of a cluster.
    #[must_use]
    pub fn orders(&self, cluster: &ClusterKey) -> Option<&Orders> {
        self.clusters.get(cluster)
    }

    /// The machines that were deregistered and still have tasks.
    #[must_use]
    pub fn leaving(&self) -> &BTreeSet<InstanceKey> {
        &self.leaving
    }

    /// A machine came, changed, or (`None`) was forgotten.
    pub(crate) fn set_instance(&mut self, key: &InstanceKey, instance: Option<&ContainerInstance>) {
        let registered = instance.filter(|instance| instance.is_registered());
        let capacity = registered.map(|instance| (instance.registered.cpu, instance.registered.memory));
        let open = instance.is_some_and(|instance| instance.status == InstanceStatus::Active);
        self.change(key, |load, _| (load.capacity, load.open) = (capacity, open));
    }

    /// A task stands on its machine from now on.
    pub(crate) fn add_task(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        if task.is_stopped() {
            return;
        }
        self.change(&task.instance_key(), |load, orders| {
            load.cpu = CpuUnits(load.cpu.0.saturating_add(task.cpu.0));
            load.memory = MemoryMib(load.memory.0.saturating_add(task.memory.0));
            load.tasks.insert(task.key.id);
            for port in host_ports(task, definition) {
                *load.ports.entry(port).or_insert(0) += 1;
            }
            let group = orders.by_group.entry(task.group.clone()).or_default();
            *group.entry(task.instance).or_insert(0) += 1;
        });
    }

    /// The opposite of [`Index::add_task`], with the same task.
    pub(crate) fn remove_task(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        if task.is_stopped() {
            return;
        }
        self.change(&task.instance_key(), |load, orders| {
            load.cpu = load.cpu.checked_sub(task.cpu).unwrap_or_default();
            load.memory = load.memory.checked_sub(task.memory).unwrap_or_default();
            load.tasks.remove(&task.key.id);
            for port in host_ports(task, definition) {
                count_down(&mut load.ports, &port);
            }
            if let Some(group) = orders.by_group.get_mut(&task.group) {
                count_down(group, &task.instance);
                if group.is_empty() {
                    orders.by_group.remove(&task.group);
                }
            }
        });
    }

    /// Changes what stands on a machine and keeps the orders true.
    fn change(&mut self, key: &InstanceKey, change: impl FnOnce(&mut Load, &mut Orders)) {
        let load = self.loads.entry(key.clone()).or_default();
        let cluster = key.cluster_key();
        let orders = self.clusters.entry(cluster.clone()).or_default();
        orders.remove(key.id, load);
        self.leaving.remove(key);
        change(load, orders);
        let (registered, idle) = (load.capacity.is_some(), load.tasks.is_empty());
        if load.open {
            orders.insert(key.id, load);
        } else if !registered && idle {
            self.loads.remove(key);
        } else if !registered {
            self.leaving.insert(key.clone());
        }
        if orders.is_empty() && orders.by_group.is_empty() {
            self.clusters.remove(&cluster);
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

fn count_down<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
