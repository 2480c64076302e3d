//! The machines of one cluster: rows with dense numbers, the orders in which placement asks for them, and which of them
//! changed lately.
//!
//! Row numbers and the list of changes depend on history, so they are no part of what a pool equals. Nothing that placement
//! decides follows from them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::blocks::{Blocks, Entry, Place};
use super::group::{Group, Groups};
use super::kind::{Kind, Kinds};
use super::load::Load;
use crate::ecs::model::{Attribute, ContainerInstance, InstanceStatus, Protocol, Task, TaskDefinition};
use crate::ecs::place::digest;
use crate::ecs::place::expression::Facts;
use crate::kernel::Timestamp;
use crate::kernel::ids::InstanceId;
use crate::kernel::names::Name;

/// How many changes a pool remembers: one for each machine, within these bounds. Whoever has slept longer begins anew, which
/// costs the more the more machines there are.
const CHANGES: (usize, usize) = (256, 4096);

/// The machines of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    slots: BTreeMap<InstanceId, u32>,
    rows: Vec<Option<Machine>>,
    free: BTreeSet<u32>,
    kinds: Kinds,
    groups: Groups,
    by_id: Blocks,
    by_memory: Blocks,
    by_cpu: Blocks,
    /// The machines that changed last, oldest first, as they were then.
    changes: VecDeque<Touched>,
    /// How many changes there ever were.
    changed: u64,
    /// Counts registrations: what kinds there are, and which row is whose, holds as long as this stands.
    epoch: u64,
}

/// One machine: registered, or gone with tasks left on it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its id.
    pub id: InstanceId,
    /// What stands on it.
    pub load: Load,
    /// How many tasks of which group, by the group's number, in no order.
    groups: Vec<(u32, u32)>,
    /// Whether its agent counts as connected.
    pub connected: bool,
    /// What it registered with; nothing once it is deregistered.
    pub known: Option<Known>,
    /// Counts its changes.
    pub stamp: u64,
}

/// What a machine registered with, as far as others do not have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number of its kind.
    pub kind: u32,
    /// Whether it takes new tasks.
    pub open: bool,
    /// Host ports that no task may have.
    pub ports: BTreeSet<(Protocol, u16)>,
    /// Its GPUs.
    pub gpus: BTreeSet<String>,
    /// The machine's id at a cloud.
    pub ec2_instance_id: Option<String>,
    /// When it joined.
    pub registered_at: Timestamp,
}

/// A machine that changed, as it was then.
#[derive(Clone, Copy, Debug)]
pub struct Touched {
    /// The machine.
    pub id: InstanceId,
    /// Its row in the pool.
    pub slot: u32,
    /// Its kind.
    pub kind: u32,
    /// What it has left: CPU and memory.
    pub left: (u32, u32),
    /// What it had left before.
    pub before: (u32, u32),
    /// What happened to it.
    pub cause: Cause,
}

/// What happened to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A task of the group with this digest was put on it.
    Took(u64),
    /// A task of the group with this digest left it.
    Gave(u64),
    /// Its agent came or went.
    Other,
}

impl Known {
    fn of(instance: &ContainerInstance, kind: u32) -> Self {
        Self {
            kind,
            open: instance.status == InstanceStatus::Active,
            ports: instance.registered.ports.clone(),
            gpus: instance.registered.gpus.clone(),
            ec2_instance_id: instance.ec2_instance_id.clone(),
            registered_at: instance.registered_at,
        }
    }
}

impl Machine {
    /// What expressions can ask about it.
    #[must_use]
    pub fn facts<'a>(&'a self, pool: &'a Pool, known: &'a Known) -> Facts<'a> {
        let kind = pool.kinds.get(known.kind);
        let group = |(number, _): &(u32, u32)| pool.groups.get(*number).map(|group| group.name.as_str());
        Facts {
            attributes: &kind.attributes,
            agent_version: kind.agent_version.as_deref(),
            ec2_instance_id: known.ec2_instance_id.as_deref(),
            registered_at: known.registered_at,
            agent_connected: self.connected,
            running_tasks: self.load.running().into(),
            groups: self.groups.iter().filter_map(group).collect(),
        }
    }

    /// How many tasks of the group with this number stand on it.
    #[must_use]
    pub fn of_group(&self, number: u32) -> u32 {
        let mine = self.groups.iter().find(|(group, _)| *group == number);
        mine.map_or(0, |(_, count)| *count)
    }

    fn enter(&mut self, number: u32) {
        match self.groups.iter_mut().find(|(group, _)| *group == number) {
            Some((_, count)) => *count += 1,
            None => self.groups.push((number, 1)),
        }
    }

    fn leave(&mut self, number: u32) {
        if let Some(at) = self.groups.iter().position(|(group, _)| *group == number) {
            self.groups[at].1 -= 1;
            if self.groups[at].1 == 0 {
                self.groups.swap_remove(at);
            }
        }
    }

    /// The GPUs that no task holds, in the order of their ids.
    pub fn free_gpus(&self) -> impl Iterator<Item = &str> {
        let all = self.known.iter().flat_map(|known| &known.gpus);
        all.map(String::as_str).filter(|gpu| !self.load.holds_gpu(gpu))
    }

    /// The CPU and memory that no task holds.
    fn left(&self) -> (u32, u32) {
        (self.load.free_cpu().0, self.load.free_memory().0)
    }

    fn entry(&self, slot: u32, kind: u32, first: u32, second: u32) -> Entry {
        let id = self.id;
        Entry {
            place: Place { first, second, id },
            cpu: self.load.free_cpu().0,
            memory: self.load.free_memory().0,
            slot,
            kind,
        }
    }
}

/// The orders of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id alone.
    Id,
    /// Least free memory first, then least free CPU.
    Memory,
    /// Least free CPU first, then least free memory.
    Cpu,
}

impl Order {
    /// Where a machine stands in this order.
    #[must_use]
    pub fn place(self, machine: &Machine) -> Place {
        let load = &machine.load;
        self.place_with(load.free_cpu().0, load.free_memory().0, machine.id)
    }

    /// Where a machine stands in this order that has this much left.
    #[must_use]
    pub fn place_with(self, cpu: u32, memory: u32, id: InstanceId) -> Place {
        let (first, second) = match self {
            Self::Id => (0, 0),
            Self::Memory => (memory, cpu),
            Self::Cpu => (cpu, memory),
        };
        Place { first, second, id }
    }
}

impl Pool {
    /// A pool without machines, the `number`th that there is.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self {
            epoch: number << 32,
            ..Self::default()
        }
    }

    /// The machines that take tasks, in this order.
    #[must_use]
    pub fn order(&self, order: Order) -> &Blocks {
        match order {
            Order::Id => &self.by_id,
            Order::Memory => &self.by_memory,
            Order::Cpu => &self.by_cpu,
        }
    }

    /// Whether no machine takes tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The machine in this row.
    #[must_use]
    pub fn machine(&self, slot: u32) -> Option<&Machine> {
        self.rows.get(slot as usize)?.as_ref()
    }

    /// The machine with this id.
    #[must_use]
    pub fn find(&self, id: InstanceId) -> Option<&Machine> {
        self.machine(*self.slots.get(&id)?)
    }

    /// The kinds of its machines.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Where the tasks of a group stand, if it has any.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.find(name)
    }

    /// Holds as long as no machine came, changed what it registered with, or left.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many changes of machines there ever were.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// The machines that take tasks and changed since there had been `before` changes; nothing if that is too long ago. They are
    /// as they were then, in the order of their ids; what changed again comes again.
    pub fn changed_since(&self, before: u64) -> Option<impl Iterator<Item = &Touched> + '_> {
        let count = usize::try_from(self.changed.checked_sub(before)?).ok()?;
        let skip = self.changes.len().checked_sub(count)?;
        Some(self.changes.range(skip..))
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.slots.is_empty()
    }

    /// Answers the machine's row, as the other changes do.
    pub(super) fn set(&mut self, id: InstanceId, instance: Option<&ContainerInstance>, connected: bool) -> u32 {
        let slot = self.row(id);
        let kind = instance.map(|instance| self.kinds.enter(instance));
        let known = instance.zip(kind).map(|(instance, kind)| Known::of(instance, kind));
        let capacity = instance.map(|one| (one.registered.cpu, one.registered.memory));
        let machine = self.rows[slot as usize].as_ref().expect("only rows in use change");
        if (&machine.known, machine.load.capacity, machine.connected) == (&known, capacity, connected) {
            // What else changed of it is nothing that placement asks for: searches may go on.
            kind.iter().for_each(|kind| self.kinds.leave(*kind));
            return slot;
        }
        self.epoch += 1;
        self.leave_orders(slot);
        let before = self.known_mut(slot, |machine| {
            machine.connected = connected;
            machine.load.capacity = capacity;
            std::mem::replace(&mut machine.known, known)
        });
        self.move_groups(slot, before.as_ref().map(|before| before.kind), kind);
        if let Some(before) = before {
            self.kinds.leave(before.kind);
        }
        self.enter_orders(slot);
        slot
    }

    pub(super) fn connect(&mut self, id: InstanceId, connected: bool) {
        if let Some(slot) = self.slots.get(&id).copied() {
            let left = self.known_mut(slot, |machine| {
                machine.connected = connected;
                machine.left()
            });
            self.note(slot, left, Cause::Other);
        }
    }

    pub(super) fn add(&mut self, task: &Task, definition: Option<&TaskDefinition>) -> u32 {
        let slot = self.row(task.instance);
        let digest = digest::of(&task.group);
        let group = self.groups.enter(digest, &task.group, self.kind_in(slot));
        self.change(slot, Cause::Took(digest), |machine| {
            machine.load.add(task, definition);
            machine.enter(group);
        });
        slot
    }

    /// The opposite of [`Pool::add`], with the same task.
    pub(super) fn remove(&mut self, task: &Task, definition: Option<&TaskDefinition>) -> u32 {
        let slot = self.row(task.instance);
        let digest = digest::of(&task.group);
        let group = self.groups.find(&task.group).map(|group| group.number);
        self.change(slot, Cause::Gave(digest), |machine| {
            machine.load.remove(task, definition);
            group.iter().for_each(|group| machine.leave(*group));
        });
        if let Some(group) = group {
            self.groups.leave(digest, group, self.kind_in(slot));
        }
        slot
    }

    /// The kind of the machine in this row, as long as it is registered.
    fn kind_in(&self, slot: u32) -> Option<u32> {
        let known = self.machine(slot)?.known.as_ref()?;
        Some(known.kind)
    }

    /// Changes what stands on a machine and keeps the orders true.
    fn change(&mut self, slot: u32, cause: Cause, change: impl FnOnce(&mut Machine)) {
        let machine = self.rows[slot as usize].as_mut().expect("only rows in use change");
        let left = machine.left();
        let before = (Order::Memory.place(machine), Order::Cpu.place(machine));
        change(machine);
        machine.stamp += 1;
        let after = (Order::Memory.place(machine), Order::Cpu.place(machine));
        if let Some(known) = machine.known.as_ref().filter(|known| known.open && before != after) {
            let (memory, cpu) = after;
            let entry = |place: Place| machine.entry(slot, known.kind, place.first, place.second);
            self.by_memory.remove(&before.0);
            self.by_cpu.remove(&before.1);
            self.by_memory.insert(entry(memory));
            self.by_cpu.insert(entry(cpu));
            self.by_id.update(entry(Place::START));
        }
        self.note(slot, left, cause);
    }

    fn known_mut<T>(&mut self, slot: u32, change: impl FnOnce(&mut Machine) -> T) -> T {
        let machine = self.rows[slot as usize].as_mut().expect("only rows in use change");
        machine.stamp += 1;
        change(machine)
    }

    /// The row of a machine: its own, or a free one.
    fn row(&mut self, id: InstanceId) -> u32 {
        if let Some(slot) = self.slots.get(&id) {
            return *slot;
        }
        self.epoch += 1;
        let slot = self.free.pop_first().unwrap_or_else(|| {
            self.rows.push(None);
            u32::try_from(self.rows.len() - 1).expect("there are fewer than four billion machines")
        });
        self.rows[slot as usize] = Some(Machine {
            id,
            load: Load::default(),
            groups: Vec::new(),
            connected: false,
            known: None,
            stamp: 0,
        });
        self.slots.insert(id, slot);
        slot
    }

    /// A machine that is not registered and has no tasks says nothing.
    pub(super) fn forget_idle(&mut self, slot: u32) {
        let idle = |machine: &&Machine| machine.known.is_none() && machine.load.tasks().is_empty();
        if let Some(id) = self.machine(slot).filter(idle).map(|machine| machine.id) {
            self.epoch += 1;
            self.slots.remove(&id);
            self.rows[slot as usize] = None;
            self.free.insert(slot);
        }
    }

    /// The row of a machine.
    #[must_use]
    pub fn slot(&self, id: InstanceId) -> Option<u32> {
        self.slots.get(&id).copied()
    }

    fn note(&mut self, slot: u32, before: (u32, u32), cause: Cause) {
        let Some(machine) = self.machine(slot) else {
            return;
        };
        let Some(known) = machine.known.as_ref().filter(|known| known.open) else {
            return;
        };
        let touched = Touched {
            id: machine.id,
            slot,
            kind: known.kind,
            left: machine.left(),
            before,
            cause,
        };
        self.changed += 1;
        self.changes.push_back(touched);
        while self.changes.len() > self.by_id.len().clamp(CHANGES.0, CHANGES.1) {
            self.changes.pop_front();
        }
    }

    fn enter_orders(&mut self, slot: u32) {
        let Some(machine) = self.rows[slot as usize].as_ref() else {
            return;
        };
        let Some(known) = machine.known.as_ref().filter(|known| known.open) else {
            return;
        };
        let entry = |order: Order| {
            let place = order.place(machine);
            machine.entry(slot, known.kind, place.first, place.second)
        };
        self.by_id.insert(entry(Order::Id));
        self.by_memory.insert(entry(Order::Memory));
        self.by_cpu.insert(entry(Order::Cpu));
    }

    fn leave_orders(&mut self, slot: u32) {
        let Some(machine) = self.rows[slot as usize].as_ref() else {
            return;
        };
        if machine.known.as_ref().is_some_and(|known| known.open) {
            self.by_id.remove(&Order::Id.place(machine));
            self.by_memory.remove(&Order::Memory.place(machine));
            self.by_cpu.remove(&Order::Cpu.place(machine));
        }
    }

    /// The tasks of a machine stand on another kind of machine from now on.
    fn move_groups(&mut self, slot: u32, from: Option<u32>, to: Option<u32>) {
        let machine = self.rows[slot as usize].as_ref().expect("only rows in use change");
        for (group, count) in &machine.groups {
            self.groups.shift(*group, *count, from, to);
        }
    }

    /// All that the pool says of its machines, in the order of their ids.
    fn said(&self) -> impl Iterator<Item = Said<'_>> {
        let machines = self.slots.values().filter_map(|slot| self.machine(*slot));
        let named = |(number, count): &(u32, u32)| Some((&self.groups.get(*number)?.name, *count));
        machines.map(move |machine| {
            let known = machine.known.as_ref();
            Said {
                id: machine.id,
                load: &machine.load,
                groups: machine.groups.iter().filter_map(named).collect(),
                open: known.map(|known| known.open),
                attributes: known.map(|known| self.kinds.get(known.kind).attributes.as_slice()),
                ports: known.map(|known| &known.ports),
                gpus: known.map(|known| &known.gpus),
            }
        })
    }

    /// The tasks of groups by the kinds of their machines, without numbers that depend on history.
    fn grouped(&self) -> BTreeMap<&Name, BTreeMap<&Kind, u32>> {
        let kinds = |group: &'_ Group| {
            let kinds = group.kinds();
            kinds.map(|(kind, count)| (self.kinds.get(kind), count)).collect()
        };
        self.groups.iter().map(|group| (&group.name, kinds(group))).collect()
    }
}

/// What a pool says of a machine.
#[derive(PartialEq)]
struct Said<'a> {
    id: InstanceId,
    load: &'a Load,
    groups: BTreeMap<&'a Name, u32>,
    open: Option<bool>,
    attributes: Option<&'a [Attribute]>,
    ports: Option<&'a BTreeSet<(Protocol, u16)>>,
    gpus: Option<&'a BTreeSet<String>>,
}

impl PartialEq for Pool {
    fn eq(&self, other: &Self) -> bool {
        let standing = |blocks: &Blocks| -> Vec<(Place, u32, u32)> {
            blocks
                .iter()
                .map(|entry| (entry.place, entry.cpu, entry.memory))
                .collect()
        };
        let orders = [Order::Id, Order::Memory, Order::Cpu];
        self.said().eq(other.said())
            && self.grouped() == other.grouped()
            && orders
                .iter()
                .all(|order| standing(self.order(*order)) == standing(other.order(*order)))
    }
}

impl Eq for Pool {}
