//! Who may ask for what: the tasks of this machine with the ids of their containers and the addresses that they ask from.
//!
//! An id alone is not enough: whoever asks must have the address of the container that the id belongs to. An address of
//! one's own interface alone is enough for version 2, since the kernel takes no other source from that interface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use berth_core::ecs::model::{NetworkMode, TaskKey};
use berth_core::ecs::report::ReportedStatus;
use berth_core::node::TaskRecord;

use super::document::Addresses;
use super::ids::Ids;
use crate::net::METADATA_ADDRESS;
use crate::places::container_netns;

/// All tasks that the brain has a record of.
#[derive(Default)]
pub(super) struct Book {
    tasks: BTreeMap<TaskKey, Arc<TaskRecord>>,
    ids: BTreeMap<String, (TaskKey, usize)>,
    /// The addresses of network namespaces on the bridge.
    bridge: BTreeMap<String, Ipv4Addr>,
}

/// A task, as somebody who may know it finds it.
#[derive(Clone, Debug)]
pub(super) struct FoundTask {
    pub(super) record: Arc<TaskRecord>,
    pub(super) addresses: Addresses,
}

impl Book {
    /// Takes in how a task stands.
    pub(super) fn put(&mut self, record: &TaskRecord, ids: &Ids) {
        for (at, container) in record.containers.iter().enumerate() {
            self.ids
                .insert(ids.of(&container.runtime_id), (record.key().clone(), at));
        }
        self.tasks.insert(record.key().clone(), Arc::new(record.clone()));
    }

    /// Forgets a task, and answers what was known of it.
    pub(super) fn delete(&mut self, task: &TaskKey) -> Option<Arc<TaskRecord>> {
        self.ids.retain(|_, (of, _)| of != task);
        self.tasks.remove(task)
    }

    /// A namespace has an address on the bridge.
    pub(super) fn place(&mut self, netns: String, address: Ipv4Addr) {
        self.bridge.insert(netns, address);
    }

    /// A namespace is gone.
    pub(super) fn displace(&mut self, netns: &str) {
        self.bridge.remove(netns);
    }

    /// Whether anybody may ask from this address.
    pub(super) fn knows(&self, peer: Ipv4Addr) -> bool {
        let tasks = || self.tasks.values().filter(|task| is_here(task));
        let has_interface = |task: &Arc<TaskRecord>| own_address(task) == Some(peer);
        let is_of_host = |task: &Arc<TaskRecord>| task.assignment.network_mode == NetworkMode::Host;
        self.bridge.values().any(|address| *address == peer)
            || tasks().any(has_interface)
            || (peer == METADATA_ADDRESS && tasks().any(is_of_host))
    }

    /// The container with this id, by its place in its task, if it asks itself.
    pub(super) fn by_id(&self, id: &str, peer: Ipv4Addr) -> Option<(FoundTask, usize)> {
        let (key, at) = self.ids.get(id)?;
        let found = self.found(self.tasks.get(key)?);
        let record = &found.record;
        let expected = match record.assignment.network_mode {
            NetworkMode::Awsvpc => own_address(record),
            NetworkMode::Bridge => found.addresses.get(*at).copied().flatten(),
            NetworkMode::Host => Some(METADATA_ADDRESS),
            NetworkMode::None => None,
        };
        (is_here(record) && expected == Some(peer)).then_some((found, *at))
    }

    /// The task whose interface has this address.
    pub(super) fn by_address(&self, peer: Ipv4Addr) -> Option<FoundTask> {
        let mut tasks = self.tasks.values().filter(|task| is_here(task));
        tasks
            .find(|task| own_address(task) == Some(peer))
            .map(|task| self.found(task))
    }

    fn found(&self, record: &Arc<TaskRecord>) -> FoundTask {
        let address = |name| self.bridge.get(&container_netns(record.key(), name)).copied();
        let containers = record.containers.iter();
        FoundTask {
            addresses: containers.map(|container| address(&container.name)).collect(),
            record: Arc::clone(record),
        }
    }
}

/// Whether anything of the task may still run; its address may be another's afterwards.
fn is_here(record: &TaskRecord) -> bool {
    record.known != ReportedStatus::Stopped && !record.has_ended()
}

fn own_address(record: &TaskRecord) -> Option<Ipv4Addr> {
    record.assignment.interface.as_ref().map(|interface| interface.address)
}
