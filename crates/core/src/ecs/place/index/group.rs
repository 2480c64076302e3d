//! Groups of tasks: machines count their tasks by the number of the group, and a group counts its tasks by the kinds of their
//! machines.
//!
//! Numbers depend on history, so they are no part of what a pool equals.

use std::collections::{BTreeMap, BTreeSet};

use super::load::count_down;
use crate::ecs::place::digest;
use crate::kernel::names::Name;

/// The tasks of one group that are not over.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its number in the pool.
    pub number: u32,
    /// Its name.
    pub name: Name,
    tasks: u32,
    /// How many stand on which kind of machines; those that stand on machines that are gone are of none.
    kinds: BTreeMap<u32, u32>,
}

impl Group {
    /// How many of its tasks stand on machines of which kind.
    pub fn kinds(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.kinds.iter().map(|(kind, count)| (*kind, *count))
    }
}

/// The groups of a pool. Numbers of groups without tasks are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// By the digests of their names; those of one digest stand together.
    numbers: BTreeMap<u64, Vec<u32>>,
    rows: Vec<Option<Group>>,
    free: BTreeSet<u32>,
}

impl Groups {
    pub(super) fn find(&self, name: &str) -> Option<&Group> {
        self.find_digested(digest::of(name), name)
    }

    fn find_digested(&self, digest: u64, name: &str) -> Option<&Group> {
        let mut groups = self.numbers.get(&digest)?.iter().filter_map(|number| self.get(*number));
        groups.find(|group| group.name.as_str() == name)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Group> {
        self.rows.get(number as usize)?.as_ref()
    }

    /// All groups that have tasks.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.rows.iter().flatten()
    }

    /// One more task of the group stands on a machine of this kind. Answers the group's number.
    pub(super) fn enter(&mut self, digest: u64, name: &str, kind: Option<u32>) -> u32 {
        let number = match self.find_digested(digest, name) {
            Some(group) => group.number,
            None => self.add(digest, name),
        };
        if let Some(Some(group)) = self.rows.get_mut(number as usize) {
            group.tasks += 1;
            if let Some(kind) = kind {
                *group.kinds.entry(kind).or_insert(0) += 1;
            }
        }
        number
    }

    fn add(&mut self, digest: u64, name: &str) -> u32 {
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.rows.push(None);
            u32::try_from(self.rows.len() - 1).expect("there are fewer than four billion groups")
        });
        self.numbers.entry(digest).or_default().push(number);
        self.rows[number as usize] = Some(Group {
            number,
            name: Name::new(name),
            tasks: 0,
            kinds: BTreeMap::new(),
        });
        number
    }

    /// The opposite of [`Groups::enter`].
    pub(super) fn leave(&mut self, digest: u64, number: u32, kind: Option<u32>) {
        let group = self.rows[number as usize].as_mut();
        let group = group.expect("a group with tasks has a row");
        group.tasks -= 1;
        if let Some(kind) = kind {
            count_down(&mut group.kinds, &kind);
        }
        if group.tasks > 0 {
            return;
        }
        self.rows[number as usize] = None;
        self.free.insert(number);
        if let Some(numbers) = self.numbers.get_mut(&digest) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.numbers.remove(&digest);
            }
        }
    }

    /// This many tasks of a group stand on another kind of machine from now on.
    pub(super) fn shift(&mut self, number: u32, count: u32, from: Option<u32>, to: Option<u32>) {
        let group = self.rows[number as usize].as_mut();
        let group = group.expect("a group with tasks has a row");
        for _ in 0..count {
            from.iter().for_each(|kind| count_down(&mut group.kinds, kind));
        }
        if let Some(kind) = to {
            *group.kinds.entry(kind).or_insert(0) += count;
        }
    }
}
