//! Which revisions of task definitions may be used, and which of those that are to be deleted nobody refers to any more.
//!
//! Everything here follows from task definitions and tasks, whatever the order in which they came.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{DefinitionStatus, FamilyName, TaskDefinition, TaskDefinitionKey};
use crate::kernel::{Scope, Timestamp};

/// What follows for revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revisions {
    active: BTreeSet<TaskDefinitionKey>,
    /// How many tasks, also such that are over, refer to a revision: they are shown with what it says.
    uses: BTreeMap<TaskDefinitionKey, usize>,
    /// The revisions that are to be deleted and to which no task refers, and since when they are to be deleted.
    unused: BTreeSet<(Timestamp, TaskDefinitionKey)>,
}

impl Revisions {
    /// A definition came, changed or went.
    pub(super) fn set(&mut self, key: &TaskDefinitionKey, old: Option<&TaskDefinition>, new: Option<&TaskDefinition>) {
        if new.is_some_and(|new| new.status == DefinitionStatus::Active) {
            self.active.insert(key.clone());
        } else {
            self.active.remove(key);
        }
        if let Some(since) = deleting(old) {
            self.unused.remove(&(since, key.clone()));
        }
        if let Some(since) = deleting(new).filter(|_| !self.uses.contains_key(key)) {
            self.unused.insert((since, key.clone()));
        }
    }

    /// A task refers to the revision from now on.
    pub(super) fn task_came(&mut self, key: &TaskDefinitionKey, definition: Option<&TaskDefinition>) {
        *self.uses.entry(key.clone()).or_insert(0) += 1;
        if let Some(since) = deleting(definition) {
            self.unused.remove(&(since, key.clone()));
        }
    }

    /// The opposite of [`Revisions::task_came`].
    pub(super) fn task_went(&mut self, key: &TaskDefinitionKey, definition: Option<&TaskDefinition>) {
        let Some(uses) = self.uses.get_mut(key) else { return };
        *uses -= 1;
        if *uses > 0 {
            return;
        }
        self.uses.remove(key);
        if let Some(since) = deleting(definition) {
            self.unused.insert((since, key.clone()));
        }
    }

    /// The newest revision of a family that new tasks may use.
    pub(super) fn newest_active(&self, scope: &Scope, family: &FamilyName) -> Option<&TaskDefinitionKey> {
        let key = |revision| TaskDefinitionKey {
            scope: scope.clone(),
            family: family.clone(),
            revision,
        };
        self.active.range(key(0)..=key(u32::MAX)).next_back()
    }

    /// The revision that is to be deleted for the longest time among those to which no task refers, and since when.
    pub(super) fn first_unused(&self) -> Option<&(Timestamp, TaskDefinitionKey)> {
        self.unused.first()
    }
}

/// Since when a definition is to be deleted, if it is.
fn deleting(definition: Option<&TaskDefinition>) -> Option<Timestamp> {
    definition.and_then(|definition| definition.delete_requested_at)
}
