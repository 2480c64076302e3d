//! Kinds of machines: machines with the same attributes and agent are asked about them once.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::instance::{self, ZONE};
use crate::ecs::model::{Architecture, Attribute, ContainerInstance, LaunchType};

/// What machines of one kind have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Their attributes, in the order of their names.
    pub attributes: Vec<Attribute>,
    /// The version of their agent.
    pub agent_version: Option<String>,
    /// The zone that they stand in.
    pub zone: String,
}

impl Kind {
    fn of(instance: &ContainerInstance) -> Self {
        let mut attributes = instance.attributes.clone();
        attributes.sort();
        Self {
            attributes,
            agent_version: instance.versions.agent.clone(),
            zone: instance.zone(),
        }
    }

    /// The attribute with this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        let at = self
            .attributes
            .partition_point(|attribute| attribute.name.as_str() < name);
        self.attributes.get(at).filter(|attribute| attribute.name == name)
    }

    /// What tasks are spread over: the attribute's value. The zone is always known; of other attributes, machines that lack
    /// them are together.
    #[must_use]
    pub fn spread_value(&self, name: &str) -> Option<&str> {
        if name == ZONE {
            return Some(&self.zone);
        }
        self.attribute(name)
            .map(|attribute| attribute.value.as_deref().unwrap_or(""))
    }

    /// Whether such machines serve this launch type.
    #[must_use]
    pub fn serves(&self, wanted: LaunchType) -> bool {
        instance::serves(|name| self.attribute(name), wanted)
    }

    /// Whether such machines run images made for `wanted`.
    #[must_use]
    pub fn runs(&self, wanted: Architecture) -> bool {
        instance::runs(|name| self.attribute(name), wanted)
    }
}

/// The kinds of a pool. Numbers of kinds that are gone are used again.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    numbers: BTreeMap<Kind, u32>,
    /// The kinds by their numbers, and how many machines are of each.
    rows: Vec<Option<(Kind, u32)>>,
    free: BTreeSet<u32>,
}

impl Kinds {
    /// The kind with this number.
    #[must_use]
    pub fn get(&self, number: u32) -> &Kind {
        let row = self.rows.get(number as usize).and_then(Option::as_ref);
        &row.expect("a machine's kind is kept as long as the machine").0
    }

    /// All kinds with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Kind)> {
        let rows = (0..).zip(&self.rows);
        rows.filter_map(|(number, row)| row.as_ref().map(|(kind, _)| (number, kind)))
    }

    /// One more machine is like `instance`.
    pub(super) fn enter(&mut self, instance: &ContainerInstance) -> u32 {
        let kind = Kind::of(instance);
        if let Some(number) = self.numbers.get(&kind) {
            if let Some(Some((_, count))) = self.rows.get_mut(*number as usize) {
                *count += 1;
            }
            return *number;
        }
        let number = self.free.pop_first().unwrap_or_else(|| {
            self.rows.push(None);
            u32::try_from(self.rows.len() - 1).expect("there are fewer than four billion machines")
        });
        self.rows[number as usize] = Some((kind.clone(), 1));
        self.numbers.insert(kind, number);
        number
    }

    /// One machine less is of this kind.
    pub(super) fn leave(&mut self, number: u32) {
        let row = &mut self.rows[number as usize];
        match row {
            Some((_, count)) if *count > 1 => *count -= 1,
            Some((kind, _)) => {
                self.numbers.remove(kind);
                *row = None;
                self.free.insert(number);
            }
            None => {}
        }
    }
}
