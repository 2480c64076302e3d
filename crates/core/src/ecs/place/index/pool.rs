//! The machines of one cluster: rows with dense numbers, the orders in which placement asks for them, and which of them
//! changed lately.
//!
//! Row numbers and the list of changes depend on history, so they are no part of what a pool equals. Nothing that placement
//! decides follows from them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::blocks::{Blocks, Entry, Place};
use super::kind::{Kind, Kinds};
use super::load::{Load, count_down};
use crate::ecs::model::{Attribute, ContainerInstance, InstanceStatus, Protocol, Task, TaskDefinition};
use crate::ecs::place::expression::Facts;
use crate::kernel::Timestamp;
use crate::kernel::ids::InstanceId;
use crate::kernel::names::Name;

/// The most changes that a pool remembers. Whoever has slept longer begins anew.
const MOST_CHANGES: usize = 512;

/// The machines of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    slots: BTreeMap<InstanceId, u32>,
    rows: Vec<Option<Machine>>,
    free: BTreeSet<u32>,
    kinds: Kinds,
    groups: BTreeMap<Name, Group>,
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
    /// The machine, in the order of ids.
    pub entry: Entry,
    /// What it had left before: CPU and memory.
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

/// A number that is the same for the same group, and seldom for another.
#[must_use]
pub fn digest(group: &str) -> u64 {
    group.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Where the tasks of one group stand.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// How many on which machine.
    on: BTreeMap<u32, u32>,
    /// How many on which kind of machines.
    kinds: BTreeMap<u32, u32>,
}

impl Group {
    /// How many of its tasks stand on the machine in this row.
    #[must_use]
    pub fn on(&self, slot: u32) -> u32 {
        self.on.get(&slot).copied().unwrap_or(0)
    }

    /// How many of its tasks stand on machines of which kind.
    pub fn kinds(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.kinds.iter().map(|(kind, count)| (*kind, *count))
    }
}

impl Machine {
    /// What expressions can ask about it.
    #[must_use]
    pub fn facts<'a>(&'a self, known: &'a Known, kind: &'a Kind) -> Facts<'a> {
        Facts {
            attributes: &kind.attributes,
            agent_version: kind.agent_version.as_deref(),
            ec2_instance_id: known.ec2_instance_id.as_deref(),
            registered_at: known.registered_at,
            agent_connected: self.connected,
            running_tasks: self.load.running().into(),
            groups: self.load.groups().collect(),
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
        self.groups.get(name)
    }

    /// Holds as long as no machine came, changed what it is, or left.
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
        self.epoch += 1;
        let slot = self.row(id);
        self.leave_orders(slot);
        let kind = instance.map(|instance| self.kinds.enter(instance));
        let known = instance.zip(kind).map(|(instance, kind)| Known {
            kind,
            open: instance.status == InstanceStatus::Active,
            ports: instance.registered.ports.clone(),
            gpus: instance.registered.gpus.clone(),
            ec2_instance_id: instance.ec2_instance_id.clone(),
            registered_at: instance.registered_at,
        });
        let before = self.known_mut(slot, |machine| {
            machine.connected = connected;
            machine.load.capacity = instance.map(|one| (one.registered.cpu, one.registered.memory));
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
        let name = match self.groups.get_key_value(task.group.as_str()) {
            Some((name, _)) => name.clone(),
            None => Name::new(&task.group),
        };
        let cause = Cause::Took(digest(&task.group));
        self.change(slot, cause, |machine| machine.load.add(task, &name, definition));
        let kind = self
            .machine(slot)
            .and_then(|machine| machine.known.as_ref())
            .map(|known| known.kind);
        let group = match self.groups.get_mut(&name) {
            Some(group) => group,
            None => self.groups.entry(name).or_default(),
        };
        *group.on.entry(slot).or_insert(0) += 1;
        if let Some(kind) = kind {
            *group.kinds.entry(kind).or_insert(0) += 1;
        }
        slot
    }

    /// The opposite of [`Pool::add`], with the same task.
    pub(super) fn remove(&mut self, task: &Task, definition: Option<&TaskDefinition>) -> u32 {
        let slot = self.row(task.instance);
        let name = Name::new(&task.group);
        let cause = Cause::Gave(digest(&task.group));
        self.change(slot, cause, |machine| machine.load.remove(task, &name, definition));
        let kind = self
            .machine(slot)
            .and_then(|machine| machine.known.as_ref())
            .map(|known| known.kind);
        if let Some(group) = self.groups.get_mut(&name) {
            count_down(&mut group.on, &slot);
            if let Some(kind) = kind {
                count_down(&mut group.kinds, &kind);
            }
            if group.on.is_empty() {
                self.groups.remove(&name);
            }
        }
        slot
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
        let entry = machine.entry(slot, known.kind, 0, 0);
        self.changed += 1;
        self.changes.push_back(Touched { entry, before, cause });
        if self.changes.len() > MOST_CHANGES {
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
        for name in machine.load.groups() {
            let group = self.groups.get_mut(name).expect("a group with tasks has a row");
            let count = group.on.get(&slot).copied().unwrap_or(0);
            for _ in 0..count {
                from.iter().for_each(|kind| count_down(&mut group.kinds, kind));
            }
            if let Some(kind) = to {
                *group.kinds.entry(kind).or_insert(0) += count;
            }
        }
    }

    /// All that the pool says of its machines, in the order of their ids.
    fn said(&self) -> impl Iterator<Item = Said<'_>> {
        let machines = self.slots.values().filter_map(|slot| self.machine(*slot));
        machines.map(|machine| {
            let known = machine.known.as_ref();
            Said {
                id: machine.id,
                load: &machine.load,
                open: known.map(|known| known.open),
                attributes: known.map(|known| self.kinds.get(known.kind).attributes.as_slice()),
                ports: known.map(|known| &known.ports),
                gpus: known.map(|known| &known.gpus),
            }
        })
    }

    /// The tasks of groups by machine and by kind, without numbers that depend on history.
    fn grouped(&self) -> BTreeMap<&Name, Grouped<'_>> {
        let on = |group: &Group| {
            let counts = group.on.iter();
            counts
                .filter_map(|(slot, count)| Some((self.machine(*slot)?.id, *count)))
                .collect()
        };
        let kinds = |group: &'_ Group| {
            group
                .kinds()
                .map(|(kind, count)| (self.kinds.get(kind), count))
                .collect()
        };
        self.groups
            .iter()
            .map(|(name, group)| (name, (on(group), kinds(group))))
            .collect()
    }
}

/// The tasks of a group, by machine and by kind.
type Grouped<'a> = (BTreeMap<InstanceId, u32>, BTreeMap<&'a Kind, u32>);

/// What a pool says of a machine.
#[derive(PartialEq)]
struct Said<'a> {
    id: InstanceId,
    load: &'a Load,
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
