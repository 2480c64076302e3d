//! The best machine for one more task, without looking at all of them.
//!
//! A search walks through the machines in the order in which the first strategy of filling puts them, keeps those that may
//! take the task, and stops when nothing behind can be better than the best of them. Tasks that are spread over machines walk
//! once for each number of tasks that machines have. A search is kept for the next task of the same signature, which takes up
//! the walk where it stopped: of the machines that were passed, only those that changed since are asked again, and of those
//! that wait, only the best are kept in mind if the walk comes to the others again. So equal tasks cost a step each, however
//! many machines were full, taken or not meant.
//!
//! What a search remembers is a shortcut, never a fact: an empty [`Planner`] decides the same.
//!
//! `signature` tells searches apart, `cell` keeps machines that tasks are spread over together, `frontier` knows how far
//! a search has looked in one of them, `score` compares.

mod cell;
mod frontier;
mod score;
mod signature;

use std::cmp::Reverse;
use std::ops::Bound;

use super::digest;
use super::filter::{Asked, Candidate};
use super::index::blocks::{Colours, Entry, Least, Place};
use super::index::pool::{Cause, Order, Touched};
use crate::kernel::ids::InstanceId;
use cell::{Cells, Waiting};
use frontier::{Frontier, first};
use score::{Parts, Score, Shape};
use signature::Signature;

/// On how many shelves searches are remembered, by the digests of their signatures.
const SHELVES: usize = 64;
/// How many searches a shelf has room for.
const MOST_OF_SHELF: usize = 8;
/// How many machines may wait in all searches together: some tens of MiB.
const MOST_WAITING: usize = 400_000;
/// How many machines are tried at random before the first one that fits is taken.
const MOST_TRIES: usize = 32;

/// Searches that go on when the next task of their signature comes.
#[derive(Clone, Debug, Default)]
pub struct Planner {
    shelves: Vec<Vec<Search>>,
    waiting: usize,
    /// How many tasks were placed.
    placed: u64,
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
    digest: u64,
    signature: Signature,
    /// How many tasks had been placed when it was used last.
    used: u64,
    shape: Shape,
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
        self.placed += 1;
        if self.waiting > MOST_WAITING {
            self.shelves.clear();
            self.waiting = 0;
        }
        self.shelves.resize_with(SHELVES, Vec::new);
        let digest = signature::digest(asked);
        let shelf = &mut self.shelves[(digest >> 32) as usize % SHELVES];
        let at = match shelf.iter().position(|search| search.is_of(digest, asked)) {
            Some(at) => at,
            None => {
                self.waiting -= make_room(shelf);
                shelf.push(Search::new(asked, digest));
                shelf.len() - 1
            }
        };
        let search = &mut shelf[at];
        search.used = self.placed;
        self.waiting -= search.waiting();
        let best = search.best(asked, random);
        self.waiting += search.waiting();
        best
    }
}

/// Forgets the search of a full shelf that was not used for the longest time. Answers how many machines waited in it.
fn make_room(shelf: &mut Vec<Search>) -> usize {
    let oldest = (0..shelf.len()).min_by_key(|at| shelf[*at].used);
    let oldest = oldest.filter(|_| shelf.len() >= MOST_OF_SHELF);
    oldest.map_or(0, |at| shelf.swap_remove(at).waiting())
}

impl Search {
    fn new(asked: &Asked<'_>, digest: u64) -> Self {
        let mut search = Self {
            digest,
            signature: Signature::of(asked),
            used: 0,
            shape: Shape::of(asked.want.strategy),
            cells: Cells::new(asked),
            group: digest::of(asked.want.group),
            epoch: asked.pool.epoch(),
            changed: 0,
        };
        search.begin(asked);
        search
    }

    fn is_of(&self, digest: u64, asked: &Asked<'_>) -> bool {
        self.digest == digest && self.signature.is_of(asked)
    }

    /// Forgets what was seen.
    fn begin(&mut self, asked: &Asked<'_>) {
        let first = self.start(asked);
        for cell in &mut self.cells.all {
            cell.frontier = Frontier::at(0, first);
            cell.waiting.clear();
        }
        self.changed = asked.pool.changed();
    }

    /// Before all machines that have enough of what the order goes by.
    fn start(&self, asked: &Asked<'_>) -> Place {
        let first = match self.shape.order {
            Order::Id => 0,
            Order::Memory => asked.memory,
            Order::Cpu => asked.cpu,
        };
        Place { first, ..Place::START }
    }

    fn waiting(&self) -> usize {
        self.cells.all.iter().map(|cell| cell.waiting.len()).sum()
    }

    fn best(&mut self, asked: &Asked<'_>, random: Option<u128>) -> Option<u32> {
        if self.epoch != asked.pool.epoch() {
            self.cells = Cells::new(asked);
            self.epoch = asked.pool.epoch();
            self.begin(asked);
        }
        let anywhere = score::deciding(asked.want.strategy).is_empty();
        if let Some(random) = random.filter(|_| anywhere) {
            let found = self.alike(asked, Parts::default(), Place::START, random);
            if found.is_some() {
                return found;
            }
        }
        self.catch_up(asked);
        self.cells.count(asked);
        let (whole, best) = self.first(asked)?;
        let alike = random.and_then(|random| self.alike(asked, whole.parts, best.score.place(), random));
        Some(alike.unwrap_or(best.slot))
    }

    /// Looks again at the machines that changed since the last task.
    fn catch_up(&mut self, asked: &Asked<'_>) {
        let room = 2 * asked.pool.order(Order::Id).len() + 1024;
        let Some(changes) = asked.pool.changed_since(self.changed).filter(|_| self.waiting() < room) else {
            return self.begin(asked);
        };
        for touched in changes {
            let cell = self.cells.of_kind(touched.kind);
            let Some(cell) = cell.filter(|_| self.may_be_better(asked, touched)) else {
                continue;
            };
            let (cpu, memory) = touched.left;
            let then = self.shape.order.place_with(cpu, memory, touched.id);
            if self.shape.has_levels() || self.cells.all[cell].frontier.has_seen(0, then) {
                // What changed again since comes again, so this may be about what is not so any more.
                self.look_again(asked, touched.slot);
            }
        }
        self.changed = asked.pool.changed();
    }

    /// A machine that changed waits from now on, or is left for the passage that comes to it.
    fn look_again(&mut self, asked: &Asked<'_>, slot: u32) {
        let Some(candidate) = asked.candidate(slot) else {
            return;
        };
        let Some(cell) = self.cells.of_kind(candidate.known.kind) else {
            return;
        };
        let (level, place) = self.key(asked, &candidate);
        if !self.cells.all[cell].frontier.has_seen(level, place) {
            self.cells.all[cell].frontier.note(level);
        } else if self.keep(asked, &candidate) && self.shape.ordered {
            self.cells.all[cell].forget_far(&self.shape);
        }
    }

    /// When a machine is come to: at this level, at this place.
    fn key(&self, asked: &Asked<'_>, candidate: &Candidate<'_>) -> (u32, Place) {
        let place = self.shape.order.place(candidate.machine);
        (self.shape.level(asked, candidate), place)
    }

    /// Whether a machine may take the task now and did not before, is better than it was, or is of another level. A machine
    /// that only became worse waits already, and is found out when it is the first.
    fn may_be_better(&self, asked: &Asked<'_>, touched: &Touched) -> bool {
        let fits = |(cpu, memory)| cpu >= asked.cpu && memory >= asked.memory;
        let better = match touched.cause {
            Cause::Took(group) => self.shape.order != Order::Id || group == self.group && self.shape.has_levels(),
            Cause::Gave(group) => group == self.group,
            Cause::Other => true,
        };
        fits(touched.left) && (better || asked.is_choosy() || !fits(touched.before))
    }

    /// Keeps a machine if it may take the task.
    fn keep(&mut self, asked: &Asked<'_>, candidate: &Candidate<'_>) -> bool {
        let cell = self.cells.of_kind(candidate.known.kind);
        let cell = cell.filter(|_| asked.machine_objection(candidate).is_none());
        let Some(cell) = cell.and_then(|cell| self.cells.all.get_mut(cell)) else {
            return false;
        };
        cell.waiting.push(Reverse(Waiting {
            score: Score::of(asked, self.shape.order, candidate),
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

    /// The best of those that wait.
    fn best_waiting(&mut self, asked: &Asked<'_>) -> Option<(Score, Waiting)> {
        let shape = self.shape;
        let tops = self.cells.all.iter_mut().filter_map(|cell| {
            let top = cell.top(asked, &shape)?;
            Some((cell.whole(top.score), top))
        });
        tops.min_by_key(|(whole, _)| *whole)
    }

    /// Opens the cells that may have a better machine among those that were not looked at. Answers whether there are any.
    fn open(&mut self, asked: &Asked<'_>, best: Option<Score>) -> bool {
        for cell in &mut self.cells.all {
            let Frontier { level, unseen, .. } = cell.frontier;
            let bound = |place| self.shape.bound(asked.want.strategy, level, place);
            let bound = unseen.map(|unseen| cell.whole(bound(first(&unseen).0)));
            cell.open = bound.is_some_and(|bound| best.is_none_or(|best| bound < best));
        }
        self.cells.all.iter().any(|cell| cell.open)
    }

    /// Goes on in the open cells, until one more machine waits or all of their levels were looked at.
    fn walk(&mut self, asked: &Asked<'_>) {
        let (mut kinds, mut from) = (Colours::default(), None);
        for cell in self.cells.all.iter().filter(|cell| cell.open) {
            let unseen = cell.frontier.unseen;
            kinds.add(cell.kinds);
            let earlier = |from: &Bound<Place>| unseen.is_none_or(|unseen| first(from) <= first(&unseen));
            from = from.filter(earlier).or(unseen);
        }
        let Some(from) = from else {
            return;
        };
        let mut entries = asked.pool.order(self.shape.order).walk(from, least(asked, kinds));
        let found = entries.find(|entry| self.meet(asked, entry));
        let start = self.start(asked);
        for cell in self.cells.all.iter_mut().filter(|cell| cell.open) {
            match found {
                Some(entry) => cell.frontier.pass(entry.place),
                None => cell.frontier.rise(start),
            }
        }
    }

    /// Comes to a machine. Answers whether it waits from now on.
    fn meet(&mut self, asked: &Asked<'_>, entry: &Entry) -> bool {
        let Some(cell) = self.cells.of_kind(entry.kind) else {
            return false;
        };
        let cell = &mut self.cells.all[cell];
        if !cell.open || cell.frontier.has_passed(entry.place) {
            return false;
        }
        let Some(candidate) = asked.candidate(entry.slot) else {
            return false;
        };
        let level = self.shape.level(asked, &candidate);
        cell.frontier.note(level);
        level == cell.frontier.level && self.keep(asked, &candidate)
    }

    /// A machine that the strategies do not tell from the best one, from a random place on.
    fn alike(&self, asked: &Asked<'_>, parts: Parts, best: Place, random: u128) -> Option<u32> {
        let mut kinds = Colours::default();
        self.cells.all.iter().for_each(|cell| kinds.add(cell.kinds));
        let least = least(asked, kinds);
        let at = |id| Bound::Included(Place { id, ..best });
        let order = asked.pool.order(self.shape.order);
        let behind = order.walk(at(InstanceId(random)), least);
        let around = behind.chain(order.walk(at(Place::START.id), least));
        let near = |entry: &&Entry| (entry.place.first, entry.place.second) == (best.first, best.second);
        around.take(MOST_TRIES).filter(near).find_map(|entry| {
            let cell = &self.cells.all[self.cells.of_kind(entry.kind)?];
            let candidate = asked.candidate(entry.slot)?;
            let score = || cell.whole(Score::of(asked, self.shape.order, &candidate));
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
