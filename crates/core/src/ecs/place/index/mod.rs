//! What the machines of each cluster have left, kept in the orders in which placement asks for it.
//!
//! Everything here follows from instances, tasks and task definitions, whatever the order in which they came: rows that
//! say nothing are removed, so that equal facts have an equal index. Which agents are connected stands here too, because
//! placement asks for it with everything else; it is seen and not stored, so it is no part of what an index equals.
//!
//! [`pool`] has the machines of one cluster, [`blocks`] one order of them, [`kind`] what many of them have in common,
//! [`load`] what stands on one of them, [`group`] the tasks that are to be spread.

pub mod blocks;
pub mod group;
pub mod kind;
pub mod load;
pub mod pool;

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::{ClusterKey, ContainerInstance, InstanceKey, Task, TaskDefinition};
pub use load::Load;
pub use pool::{Machine, Pool};

/// The load of all machines.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pools: BTreeMap<ClusterKey, Pool>,
    leaving: BTreeSet<InstanceKey>,
    connected: BTreeSet<InstanceKey>,
    /// How many pools there ever were. What searches remember of a pool must not fit one that came after it.
    made: u64,
}

impl PartialEq for Index {
    fn eq(&self, other: &Self) -> bool {
        self.pools == other.pools && self.leaving == other.leaving
    }
}

impl Eq for Index {}

impl Index {
    /// What stands on a machine.
    #[must_use]
    pub fn load(&self, key: &InstanceKey) -> Option<&Load> {
        self.machine(key).map(|machine| &machine.load)
    }

    /// A machine that is registered, or that has tasks left.
    #[must_use]
    pub fn machine(&self, key: &InstanceKey) -> Option<&Machine> {
        self.pool(&key.cluster_key())?.find(key.id)
    }

    /// The machines of a cluster.
    #[must_use]
    pub fn pool(&self, cluster: &ClusterKey) -> Option<&Pool> {
        self.pools.get(cluster)
    }

    /// The machines that were deregistered and still have tasks.
    #[must_use]
    pub fn leaving(&self) -> &BTreeSet<InstanceKey> {
        &self.leaving
    }

    /// The machines whose agents count as connected.
    #[must_use]
    pub fn connected(&self) -> &BTreeSet<InstanceKey> {
        &self.connected
    }

    /// An agent counts as connected from now on, or does not any more.
    pub fn set_connected(&mut self, key: &InstanceKey, connected: bool) {
        let before = if connected {
            !self.connected.insert(key.clone())
        } else {
            self.connected.remove(key)
        };
        if let Some(pool) = self.pools.get_mut(&key.cluster_key()).filter(|_| before != connected) {
            pool.connect(key.id, connected);
        }
    }

    /// A machine came, changed, or (`None`) was forgotten.
    pub fn set_instance(&mut self, key: &InstanceKey, instance: Option<&ContainerInstance>) {
        let registered = instance.filter(|instance| instance.is_registered());
        let connected = self.connected.contains(key);
        self.change(key, |pool| pool.set(key.id, registered, connected));
    }

    /// A task stands on its machine from now on.
    pub fn add_task(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        if !task.is_stopped() {
            self.change(&task.instance_key(), |pool| pool.add(task, definition));
        }
    }

    /// The opposite of [`Index::add_task`], with the same task.
    pub fn remove_task(&mut self, task: &Task, definition: Option<&TaskDefinition>) {
        if !task.is_stopped() {
            self.change(&task.instance_key(), |pool| pool.remove(task, definition));
        }
    }

    /// Changes a machine, and forgets what says nothing any more.
    fn change(&mut self, key: &InstanceKey, change: impl FnOnce(&mut Pool) -> u32) {
        let cluster = key.cluster_key();
        let pool = match self.pools.get_mut(&cluster) {
            Some(pool) => pool,
            None => {
                self.made += 1;
                self.pools.entry(cluster.clone()).or_insert(Pool::new(self.made))
            }
        };
        let slot = change(pool);
        pool.forget_idle(slot);
        let leaves = pool.machine(slot).is_some_and(|machine| machine.known.is_none());
        if leaves {
            self.leaving.insert(key.clone());
        } else if !self.leaving.is_empty() {
            self.leaving.remove(key);
        }
        if pool.is_forgotten() {
            self.pools.remove(&cluster);
        }
    }
}
