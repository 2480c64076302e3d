//! The entities of one kind in key order.

use std::collections::{BTreeMap, btree_map};
use std::ops::RangeBounds;

use super::change::{Edit, Entity};

/// All entities of one kind, in key order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<E: Entity> {
    rows: BTreeMap<E::Key, E>,
}

impl<E: Entity> Default for Table<E> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<E: Entity> Table<E> {
    /// Applies `edit` and answers the entity that stood there before.
    pub fn apply(&mut self, edit: Edit<E>) -> Option<E> {
        match edit {
            Edit::Put(entity) => self.rows.insert(entity.key().clone(), entity),
            Edit::Delete(key) => self.rows.remove(&key),
        }
    }

    /// The entity with this key.
    #[must_use]
    pub fn get(&self, key: &E::Key) -> Option<&E> {
        self.rows.get(key)
    }

    /// All entities in key order.
    pub fn iter(&self) -> btree_map::Values<'_, E::Key, E> {
        self.rows.values()
    }

    /// The entities whose keys lie in `keys`, in key order.
    pub fn range(&self, keys: impl RangeBounds<E::Key>) -> impl DoubleEndedIterator<Item = &E> {
        self.rows.range(keys).map(|(_, entity)| entity)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
