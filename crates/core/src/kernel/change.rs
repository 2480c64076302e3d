//! Facts change only by applying changes: the put or the delete of one whole entity.
//!
//! Applying is total: it cannot fail and asks nothing. State is the fold of all changes, so the store is a map of
//! entities, and a follower needs nothing but the stream of changes.

use std::fmt::Display;

/// A durable thing with a key of its own.
pub trait Entity: Clone {
    /// Unique among the entities of its kind; prints as the path under which the store keeps it.
    type Key: Clone + Ord + Display;

    /// The key of this entity.
    fn key(&self) -> &Self::Key;
}

/// A change of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<E: Entity> {
    /// The entity is from now on exactly this.
    Put(E),
    /// There is no such entity any more.
    Delete(E::Key),
}

impl<E: Entity> Edit<E> {
    /// The key of the entity that changes.
    pub fn key(&self) -> &E::Key {
        match self {
            Self::Put(entity) => entity.key(),
            Self::Delete(key) => key,
        }
    }
}
