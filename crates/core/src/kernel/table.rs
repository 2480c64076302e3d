//! The entities of one kind in key order.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use super::change::{Edit, Entity};

/// All entities of one kind, in key order. Rows are boxed: a tree has room for half as many again as it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<E: Entity> {
    rows: BTreeMap<E::Key, Box<E>>,
}

impl<E: Entity> Default for Table<E> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<E: Entity> Table<E> {
    /// Applies `edit` and answers the entity that stood there before.
    pub fn apply(&mut self, edit: Edit<E>) -> Option<E> {
        let before = match edit {
            Edit::Put(entity) => self.rows.insert(entity.key().clone(), Box::new(entity)),
            Edit::Delete(key) => self.rows.remove(&key),
        };
        before.map(|entity| *entity)
    }

    /// The entity with this key.
    #[must_use]
    pub fn get(&self, key: &E::Key) -> Option<&E> {
        self.rows.get(key).map(Box::as_ref)
    }

    /// All entities in key order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &E> + Clone {
        self.rows.values().map(Box::as_ref)
    }

    /// The entities whose keys lie in `keys`, in key order.
    pub fn range(&self, keys: impl RangeBounds<E::Key>) -> impl DoubleEndedIterator<Item = &E> {
        self.rows.range(keys).map(|(_, entity)| entity.as_ref())
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
