//! How good a machine is: one number per strategy, in their order, then where it stands. The smallest is the best.

use crate::ecs::place::filter::{Asked, Candidate};
use crate::ecs::place::index::blocks::Place;
use crate::ecs::place::index::pool::Order;
use crate::ecs::place::{MOST_STRATEGIES, Strategy};

/// One number per strategy, in their order.
pub(super) type Parts = [u32; MOST_STRATEGIES];

/// How good a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    pub(super) parts: Parts,
    pub(super) place: Place,
}

/// The strategies that decide: those before the first `random`, after which nothing is left to decide.
pub(super) fn deciding(strategy: &[Strategy]) -> &[Strategy] {
    let end = strategy.iter().position(|one| *one == Strategy::Random);
    &strategy[..end.unwrap_or(strategy.len())]
}

/// The order that puts machines as the first strategy of filling wants them.
pub(super) fn order(strategy: &[Strategy]) -> Order {
    let filling = deciding(strategy).iter().find_map(|one| match one {
        Strategy::BinpackMemory => Some(Order::Memory),
        Strategy::BinpackCpu => Some(Order::Cpu),
        Strategy::SpreadInstance | Strategy::SpreadAttribute(_) | Strategy::Random => None,
    });
    filling.unwrap_or(Order::Id)
}

impl Score {
    /// The score of a machine, without what it has in common with its cell.
    pub(super) fn of(asked: &Asked<'_>, order: Order, candidate: &Candidate<'_>) -> Self {
        let (load, mut parts) = (&candidate.machine.load, Parts::default());
        for (part, strategy) in parts.iter_mut().zip(deciding(asked.want.strategy)) {
            *part = match strategy {
                Strategy::BinpackMemory => load.free_memory().0,
                Strategy::BinpackCpu => load.free_cpu().0,
                Strategy::SpreadInstance => asked.of_group(candidate.slot),
                Strategy::SpreadAttribute(_) | Strategy::Random => 0,
            };
        }
        let place = order.place(candidate.machine);
        Self { parts, place }
    }

    /// What no machine at `place` or behind it is better than.
    pub(super) fn bound(strategy: &[Strategy], order: Order, place: Place) -> Self {
        let mut parts = Parts::default();
        for (part, strategy) in parts.iter_mut().zip(deciding(strategy)) {
            *part = match (strategy, order) {
                (Strategy::BinpackMemory, Order::Memory) | (Strategy::BinpackCpu, Order::Cpu) => place.first,
                (Strategy::BinpackMemory, Order::Cpu) | (Strategy::BinpackCpu, Order::Memory) => place.second,
                (Strategy::BinpackMemory | Strategy::BinpackCpu, Order::Id)
                | (Strategy::SpreadInstance | Strategy::SpreadAttribute(_) | Strategy::Random, _) => 0,
            };
        }
        Self { parts, place }
    }
}
