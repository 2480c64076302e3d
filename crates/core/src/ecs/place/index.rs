//! What the machines of each cluster have left, kept in the orders in which placement asks for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::{ClusterKey, ContainerInstance, InstanceKey, Protocol, Task, TaskDefinition};
use crate::kernel::ids::{InstanceId, TaskId};
use crate::kernel::{CpuUnits, MemoryMib};

/// The load of all machines.
#[derive(Clone, Debug, Default)]
pub struct Index {
    loads: BTreeMap<InstanceKey, Load>,
    clusters: BTreeMap<ClusterKey, Orders>,
}

/// What stands on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    capacity: Option<(CpuUnits, MemoryMib)>,
    cpu: u32,
    memory: u32,
    ports: BTreeMap<(Protocol, u16), u32>,
    tasks: BTreeSet<TaskId>,
}

/// The active machines of one cluster, in several orders.
#[derive(Clone, Debug, Default)]
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
        CpuUnits(self.capacity.map_or(0, |(cpu, _)| cpu.0).saturating_sub(self.cpu))
    }

    /// Memory that no task holds.
    #[must_use]
    pub fn free_memory(&self) -> MemoryMib {
        MemoryMib(
            self.capacity
                .map_or(0, |(_, memory)| memory.0)
                .saturating_sub(self.memory),
        )
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

    /// A machine came, changed, or (`None`) takes no tasks any more.
    pub(crate) fn set_instance(&mut self, key: &InstanceKey, instance: Option<&ContainerInstance>) {
        let capacity = instance.map(|instance| (instance.registered.cpu, instance.registered.memory));
        self.reorder(key, |load| load.capacity = capacity);
    }

    /// A task stands on its machine from now on.
    pub(crate) fn add_task(&mut self, task: &Task, definition: &TaskDefinition) {
        if task.is_stopped() {
            return;
        }
        self.reorder(&task.instance_key(), |load| {
            load.cpu += task.cpu.0;
            load.memory += task.memory.0;
            load.tasks.insert(task.key.id);
            for port in definition.reserved_ports() {
                *load.ports.entry(port).or_insert(0) += 1;
            }
        });
        let groups = &mut self.clusters.entry(task.key.cluster_key()).or_default().by_group;
        *groups
            .entry(task.group.clone())
            .or_default()
            .entry(task.instance)
            .or_insert(0) += 1;
    }

    /// The opposite of [`Index::add_task`], with the same task.
    pub(crate) fn remove_task(&mut self, task: &Task, definition: &TaskDefinition) {
        if task.is_stopped() {
            return;
        }
        self.reorder(&task.instance_key(), |load| {
            load.cpu -= task.cpu.0;
            load.memory -= task.memory.0;
            load.tasks.remove(&task.key.id);
            for port in definition.reserved_ports() {
                count_down(&mut load.ports, &port);
            }
        });
        let groups = &mut self.clusters.entry(task.key.cluster_key()).or_default().by_group;
        if let Some(counts) = groups.get_mut(&task.group) {
            count_down(counts, &task.instance);
            if counts.is_empty() {
                groups.remove(&task.group);
            }
        }
    }

    /// Changes the load of a machine and keeps the orders true.
    fn reorder(&mut self, key: &InstanceKey, change: impl FnOnce(&mut Load)) {
        let load = self.loads.entry(key.clone()).or_default();
        let orders = self.clusters.entry(key.cluster_key()).or_default();
        if load.capacity.is_some() {
            orders.by_id.remove(&key.id);
            orders.by_memory.remove(&(load.free_memory(), key.id));
            orders.by_cpu.remove(&(load.free_cpu(), key.id));
        }
        change(load);
        if load.capacity.is_some() {
            orders.by_id.insert(key.id);
            orders.by_memory.insert((load.free_memory(), key.id));
            orders.by_cpu.insert((load.free_cpu(), key.id));
        } else if load.tasks.is_empty() {
            self.loads.remove(key);
        }
    }
}

fn count_down<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
