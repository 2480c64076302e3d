//! How far a search has looked in a cell.
//!
//! Where the first thing that tells machines apart is how many tasks of the group they have, a search goes through the order
//! once for each such number, its *level*: through the machines without tasks, then through those with one, and so on. Tasks
//! that are spread are nearly level, so that a passage meets few machines of other levels. Else there is one level, 0.

use std::ops::Bound;

use crate::ecs::place::index::blocks::Place;

/// How far a search has looked in a cell. Of the machines before it, those that may take the task wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frontier {
    /// The level at which it stands.
    pub(super) level: u32,
    /// From where on machines of this level were not looked at; nothing if all machines of all levels were.
    pub(super) unseen: Option<Bound<Place>>,
    /// No machine that was not looked at is between this level and that of the frontier.
    next: u32,
}

impl Frontier {
    /// Before all machines that stand at `first` or behind.
    pub(super) fn at(level: u32, first: Place) -> Self {
        Self {
            level,
            unseen: Some(Bound::Included(first)),
            next: u32::MAX,
        }
    }

    /// At a machine of this level, with whatever is behind it not looked at.
    pub(super) fn before(level: u32, place: Place) -> Self {
        Self {
            next: level.saturating_add(1),
            ..Self::at(level, place)
        }
    }

    /// Whether a machine of this level that stands here was looked at.
    pub(super) fn has_seen(&self, level: u32, place: Place) -> bool {
        let Some(unseen) = self.unseen else {
            return true;
        };
        level < self.level || level == self.level && is_before(place, unseen)
    }

    /// Whether the passage through this level has come by this place.
    pub(super) fn has_passed(&self, place: Place) -> bool {
        self.unseen.is_none_or(|unseen| is_before(place, unseen))
    }

    /// A machine of this level was not looked at and may have been passed.
    pub(super) fn note(&mut self, level: u32) {
        if level > self.level {
            self.next = self.next.min(level);
        }
    }

    /// All machines of this level up to `place` were looked at.
    pub(super) fn pass(&mut self, place: Place) {
        if !self.has_passed(place) {
            self.unseen = Some(Bound::Excluded(place));
        }
    }

    /// All machines of this level were looked at. The next passage begins at `first`, if there may be others.
    pub(super) fn rise(&mut self, first: Place) {
        if self.next == u32::MAX {
            self.unseen = None;
        } else {
            *self = Self::at(self.next, first);
        }
    }
}

/// Where a bound begins, in the order of bounds.
pub(super) fn first(bound: &Bound<Place>) -> (Place, bool) {
    match bound {
        Bound::Unbounded => (Place::START, false),
        Bound::Included(place) => (*place, false),
        Bound::Excluded(place) => (*place, true),
    }
}

fn is_before(place: Place, unseen: Bound<Place>) -> bool {
    match unseen {
        Bound::Included(first) => place < first,
        Bound::Excluded(last) => place <= last,
        Bound::Unbounded => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::InstanceId;

    fn place(id: u128) -> Place {
        Place {
            id: InstanceId(id),
            ..Place::START
        }
    }

    #[test]
    fn a_frontier_rises_to_the_levels_that_may_have_machines() {
        let mut frontier = Frontier::at(1, Place::START);
        assert!(frontier.has_seen(0, place(9)) && !frontier.has_seen(1, place(3)));
        frontier.pass(place(5));
        assert!(frontier.has_seen(1, place(5)) && !frontier.has_seen(1, place(6)) && !frontier.has_seen(2, place(3)));
        for level in [1, 4, 3, 7] {
            frontier.note(level);
        }
        frontier.rise(Place::START);
        assert_eq!(frontier, Frontier::at(3, Place::START));
        frontier.rise(Place::START);
        assert!(frontier.has_seen(9, place(9)), "there was nobody above");
    }

    #[test]
    fn whoever_lets_go_of_machines_comes_to_the_next_level_too() {
        let mut frontier = Frontier::before(1, place(5));
        assert!(frontier.has_seen(1, place(4)) && !frontier.has_seen(1, place(5)));
        frontier.rise(Place::START);
        assert_eq!(frontier, Frontier::at(2, Place::START));
    }
}
