//! Capacity providers: names for where tasks run, and how a strategy shares tasks out among them.
//!
//! There are the two that ECS has in every account. Both run on machines that serve FARGATE; nothing of the user's own exists.

use serde::{Deserialize, Serialize};

use crate::kernel::{Arn, Scope};

/// A capacity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CapacityProvider {
    /// FARGATE.
    Fargate,
    /// FARGATE that may be taken away again.
    FargateSpot,
}

impl CapacityProvider {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 2] = [Self::Fargate, Self::FargateSpot];

    /// The ARN that it has in `scope`.
    #[must_use]
    pub fn arn(self, scope: &Scope) -> Arn {
        Arn::new("ecs", scope, format!("capacity-provider/{self}"))
    }
}

/// What a strategy says of one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyItem {
    /// The provider.
    pub provider: CapacityProvider,
    /// Its share of the tasks beyond all bases.
    pub weight: u32,
    /// How many tasks it gets before the others get any.
    pub base: u32,
}

/// The providers of `count` tasks, in the order of the tasks: first the bases, then by weights.
///
/// Empty if no item has a weight and the bases do not reach; one item alone takes everything.
#[must_use]
pub fn share_out(items: &[StrategyItem], count: usize) -> Vec<CapacityProvider> {
    let bases = items.iter().flat_map(|item| {
        let base = usize::try_from(item.base).unwrap_or(usize::MAX);
        std::iter::repeat_n(item.provider, base.min(count))
    });
    let mut shares: Vec<CapacityProvider> = bases.take(count).collect();
    let mut given = vec![0_u64; items.len()];
    while shares.len() < count {
        let Some(next) = next_by_weight(items, &given) else {
            return Vec::new();
        };
        given[next] += 1;
        shares.push(items[next].provider);
    }
    shares
}

/// The item that is furthest behind its weight; of equals the first.
fn next_by_weight(items: &[StrategyItem], given: &[u64]) -> Option<usize> {
    let alone = items.len() == 1;
    let weight = |at: usize| if alone { 1 } else { u64::from(items[at].weight) };
    let open = (0..items.len()).filter(|at| weight(*at) > 0);
    // (given + 1) / weight, compared without division.
    open.reduce(|best, at| {
        let behind = (given[at] + 1) * weight(best) < (given[best] + 1) * weight(at);
        if behind { at } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(items: &[(CapacityProvider, u32, u32)], count: usize) -> (usize, usize) {
        let items: Vec<StrategyItem> = items
            .iter()
            .map(|(provider, weight, base)| StrategyItem {
                provider: *provider,
                weight: *weight,
                base: *base,
            })
            .collect();
        let shares = share_out(&items, count);
        let of = |wanted| shares.iter().filter(|provider| **provider == wanted).count();
        (of(CapacityProvider::Fargate), of(CapacityProvider::FargateSpot))
    }

    #[test]
    fn bases_come_first_and_weights_share_the_rest() {
        use CapacityProvider::{Fargate, FargateSpot};
        assert_eq!(shares(&[(Fargate, 1, 0), (FargateSpot, 4, 0)], 10), (2, 8));
        assert_eq!(shares(&[(Fargate, 1, 2), (FargateSpot, 1, 0)], 10), (6, 4));
        assert_eq!(shares(&[(Fargate, 0, 2), (FargateSpot, 1, 0)], 10), (2, 8));
        assert_eq!(shares(&[(Fargate, 1, 5), (FargateSpot, 1, 0)], 3), (3, 0));
        assert_eq!(shares(&[(FargateSpot, 0, 0)], 2), (0, 2));
        assert_eq!(shares(&[(Fargate, 0, 1), (FargateSpot, 0, 0)], 2), (0, 0));
        assert_eq!(shares(&[(Fargate, 0, 2), (FargateSpot, 0, 0)], 2), (2, 0));
        assert_eq!(shares(&[(Fargate, 0, 100_000), (FargateSpot, 1000, 0)], 10), (10, 0));
        assert_eq!(shares(&[], 1), (0, 0));
    }
}
