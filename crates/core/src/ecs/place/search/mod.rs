//! The best machine for one more task, without looking at all of them.
//!
//! A search walks through the machines in the order in which the first strategy of filling puts them, keeps those that may
//! take the task, and stops when nothing behind can be better than the best of them. It is kept for the next task of the
//! same signature, which takes up the walk where it stopped: of the machines that were passed, only those that changed since
//! are asked again. So equal tasks cost a step each, however many machines were full, taken or not meant.
//!
//! What a search remembers is a shortcut, never a fact: an empty [`Planner`] decides the same.
//!
//! [`signature`] tells searches apart, [`cell`] keeps machines that tasks are spread over together, [`score`] compares.

mod cell;
mod score;
mod signature;

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::ops::Bound;

use super::filter::{Asked, Candidate};
use super::index::blocks::{Colours, Entry, Least, Place};
use super::index::pool::{self, Cause, Order, Touched};
use crate::kernel::ids::InstanceId;
use cell::{Cells, Waiting};
use score::{Parts, Score};
use signature::Signature;

/// How many searches are remembered.
const MOST_SEARCHES: usize = 512;
/// How many machines may wait in all searches together: some tens of MiB.
const MOST_WAITING: usize = 400_000;
/// How many machines are tried at random before the first one that fits is taken.
const MOST_TRIES: usize = 32;

/// Searches that go on when the next task of their signature comes.
#[derive(Clone, Debug, Default)]
pub struct Planner {
    searches: Vec<Option<Box<Search>>>,
    waiting: usize,
}

/// A planner is a memory of shortcuts: two of them decide the same whatever they remember.
impl PartialEq for Planner {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Planner {}

/// The search for one signature.
#[derive(Clone, Debug)]
struct Search {
    signature: Signature,
    order: Order,
    cells: Cells,
    /// The digest of the group.
    group: u64,
    /// The pool's epoch that the cells are of.
    epoch: u64,
    /// How many of the pool's changes were taken in.
    changed: u64,
}

impl Planner {
    /// The row of the best machine; among equals, one that `random` chooses if the strategies want it so.
    pub(super) fn best(&mut self, asked: &Asked<'_>, random: Option<u128>) -> Option<u32> {
        let at = (signature::digest(asked) >> 32) as usize % MOST_SEARCHES;
        if self.searches.is_empty() {
            self.searches.resize_with(MOST_SEARCHES, || None);
        }
        if self.waiting > MOST_WAITING {
            self.searches.iter_mut().for_each(|search| *search = None);
            self.waiting = 0;
        }
        let row = &mut self.searches[at];
        let before = row.as_ref().map_or(0, |search| search.waiting());
        let mut search = match row.take() {
            Some(search) if search.signature.is_of(asked) => search,
            Some(_) | None => Box::new(Search::new(asked, Signature::of(asked))),
        };
        let best = search.best(asked, random);
        self.waiting = self.waiting + search.waiting() - before;
        *row = Some(search);
        best
    }
}

impl Search {
    fn new(asked: &Asked<'_>, signature: Signature) -> Self {
        let order = score::order(asked.want.strategy);
        let mut search = Self {
            signature,
            order,
            cells: Cells::new(asked),
            group: pool::digest(asked.want.group),
            epoch: asked.pool.epoch(),
            changed: 0,
        };
        search.begin(asked);
        search
    }

    /// Forgets what was seen.
    fn begin(&mut self, asked: &Asked<'_>) {
        let first = match self.order {
            Order::Id => 0,
            Order::Memory => asked.memory,
            Order::Cpu => asked.cpu,
        };
        for cell in &mut self.cells.all {
            cell.unseen = Some(Bound::Included(Place { first, ..Place::START }));
            cell.waiting.clear();
        }
        self.changed = asked.pool.changed();
    }

    fn waiting(&self) -> usize {
        self.cells.all.iter().map(|cell| cell.waiting.len()).sum()
    }

    fn best(&mut self, asked: &Asked<'_>, random: Option<u128>) -> Option<u32> {
        self.catch_up(asked);
        self.cells.count(asked);
        let anywhere = score::deciding(asked.want.strategy).is_empty();
        if let Some(random) = random.filter(|_| anywhere) {
            let found = self.alike(asked, Parts::default(), Place::START, random);
            if found.is_some() {
                return found;
            }
        }
        let (whole, best) = self.first(asked)?;
        let alike = random.and_then(|random| self.alike(asked, whole.parts, best.score.place, random));
        Some(alike.unwrap_or(best.slot))
    }

    /// Looks again at the machines that changed since the last task.
    fn catch_up(&mut self, asked: &Asked<'_>) {
        if self.epoch != asked.pool.epoch() {
            self.cells = Cells::new(asked);
            self.epoch = asked.pool.epoch();
            return self.begin(asked);
        }
        let room = 2 * asked.pool.order(Order::Id).len() + 1024;
        let Some(changes) = asked.pool.changed_since(self.changed).filter(|_| self.waiting() < room) else {
            return self.begin(asked);
        };
        for touched in changes {
            let entry = &touched.entry;
            let cell = self.cells.of_kind(entry.kind);
            let Some(cell) = cell.filter(|_| self.may_be_better(asked, touched)) else {
                continue;
            };
            let then = self.order.place_with(entry.cpu, entry.memory, entry.place.id);
            if !self.cells.all[cell].has_seen(then) {
                continue;
            }
            // What changed again since comes again, so this may be about what is not so any more.
            let candidate = asked.candidate(entry.slot);
            let now = candidate.filter(|now| self.cells.all[cell].has_seen(self.order.place(now.machine)));
            if let Some(candidate) = now {
                self.keep(asked, &candidate);
            }
        }
        self.changed = asked.pool.changed();
    }

    /// Whether a machine may take the task now and did not before, or is better than it was. A machine that only became worse
    /// waits already, and is found out when it is the first.
    fn may_be_better(&self, asked: &Asked<'_>, touched: &Touched) -> bool {
        let fits = |cpu, memory| cpu >= asked.cpu && memory >= asked.memory;
        let (cpu, memory) = touched.before;
        let better = match touched.cause {
            Cause::Took(_) => self.order != Order::Id,
            Cause::Gave(group) => group == self.group,
            Cause::Other => true,
        };
        fits(touched.entry.cpu, touched.entry.memory) && (better || asked.is_choosy() || !fits(cpu, memory))
    }

    /// Keeps a machine if it may take the task.
    fn keep(&mut self, asked: &Asked<'_>, candidate: &Candidate<'_>) -> bool {
        let cell = self.cells.of_kind(candidate.known.kind);
        let cell = cell.filter(|_| asked.machine_objection(candidate).is_none());
        let Some(cell) = cell.and_then(|cell| self.cells.all.get_mut(cell)) else {
            return false;
        };
        cell.waiting.push(Reverse(Waiting {
            score: Score::of(asked, self.order, candidate),
            slot: candidate.slot,
            stamp: candidate.machine.stamp,
        }));
        true
    }

    /// The best machine with its whole score: nothing that was not looked at can be better.
    fn first(&mut self, asked: &Asked<'_>) -> Option<(Score, Waiting)> {
        loop {
            let best = self.best_waiting(asked);
            if !self.open(asked, best.map(|(whole, _)| whole)) {
                return best;
            }
            self.walk(asked);
        }
    }

    /// The best of those that wait. Who changed meanwhile waits as what it is now, or does not wait any more.
    fn best_waiting(&mut self, asked: &Asked<'_>) -> Option<(Score, Waiting)> {
        let mut best: Option<(Score, Waiting)> = None;
        for cell in &mut self.cells.all {
            while let Some(mut top) = cell.waiting.peek_mut() {
                let candidate = asked.candidate(top.0.slot);
                let same = candidate.is_some_and(|now| now.machine.stamp == top.0.stamp);
                if same {
                    break;
                }
                let now = candidate.filter(|now| asked.machine_objection(now).is_none());
                match now.map(|now| (Score::of(asked, self.order, &now), now.machine.stamp)) {
                    Some((score, stamp)) => (top.0.score, top.0.stamp) = (score, stamp),
                    None => drop(PeekMut::pop(top)),
                }
            }
            let top = cell.waiting.peek().map(|Reverse(top)| (cell.whole(top.score), *top));
            best = match (best, top) {
                (Some(best), Some(top)) if top.0 < best.0 => Some(top),
                (None, top) => top,
                (best, _) => best,
            };
        }
        best
    }

    /// Opens the cells that may have a better machine among those that were not looked at. Answers whether there are any.
    fn open(&mut self, asked: &Asked<'_>, best: Option<Score>) -> bool {
        for cell in &mut self.cells.all {
            let bound = |place| Score::bound(asked.want.strategy, self.order, place);
            let bound = cell.unseen.map(|unseen| cell.whole(bound(first(&unseen).0)));
            cell.open = bound.is_some_and(|bound| best.is_none_or(|best| bound < best));
        }
        self.cells.all.iter().any(|cell| cell.open)
    }

    /// Goes on in the open cells, until one more machine waits or all were looked at.
    fn walk(&mut self, asked: &Asked<'_>) {
        let (mut kinds, mut from) = (Colours::default(), None);
        for cell in self.cells.all.iter().filter(|cell| cell.open) {
            kinds.add(cell.kinds);
            let earlier = |from: &Bound<Place>| cell.unseen.is_none_or(|unseen| first(from) <= first(&unseen));
            from = from.filter(earlier).or(cell.unseen);
        }
        let Some(from) = from else {
            return;
        };
        let mut found = None;
        for entry in asked.pool.order(self.order).walk(from, least(asked, kinds)) {
            let cell = self.cells.of_kind(entry.kind).map(|cell| &self.cells.all[cell]);
            if cell.is_none_or(|cell| !cell.open || cell.has_seen(entry.place)) {
                continue;
            }
            let candidate = asked.candidate(entry.slot);
            if candidate.is_some_and(|candidate| self.keep(asked, &candidate)) {
                found = Some(entry.place);
                break;
            }
        }
        for cell in self.cells.all.iter_mut().filter(|cell| cell.open) {
            cell.unseen = match found {
                Some(place) if cell.has_seen(place) => cell.unseen,
                Some(place) => Some(Bound::Excluded(place)),
                None => None,
            };
        }
    }

    /// A machine that the strategies do not tell from the best one, from a random place on.
    fn alike(&self, asked: &Asked<'_>, parts: Parts, best: Place, random: u128) -> Option<u32> {
        let mut kinds = Colours::default();
        self.cells.all.iter().for_each(|cell| kinds.add(cell.kinds));
        let least = least(asked, kinds);
        let at = |id| Bound::Included(Place { id, ..best });
        let order = asked.pool.order(self.order);
        let behind = order.walk(at(InstanceId(random)), least);
        let around = behind.chain(order.walk(at(Place::START.id), least));
        let near = |entry: &&Entry| (entry.place.first, entry.place.second) == (best.first, best.second);
        around.take(MOST_TRIES).filter(near).find_map(|entry| {
            let cell = &self.cells.all[self.cells.of_kind(entry.kind)?];
            let candidate = asked.candidate(entry.slot)?;
            let score = || cell.whole(Score::of(asked, self.order, &candidate));
            let fits = asked.machine_objection(&candidate).is_none() && score().parts == parts;
            fits.then_some(entry.slot)
        })
    }
}

fn least(asked: &Asked<'_>, kinds: Colours) -> Least {
    Least {
        cpu: asked.cpu,
        memory: asked.memory,
        kinds,
    }
}

/// Where a bound begins, in the order of bounds.
fn first(bound: &Bound<Place>) -> (Place, bool) {
    match bound {
        Bound::Unbounded => (Place::START, false),
        Bound::Included(place) => (*place, false),
        Bound::Excluded(place) => (*place, true),
    }
}
