//! PutClusterCapacityProviders, and what every strategy of capacity providers must satisfy.

use std::collections::BTreeSet;

use super::{Admitted, Caller, cluster};
use crate::ecs::model::{CapacityProvider, Cluster, StrategyItem};
use crate::ecs::refer;
use crate::ecs::refusal::{Refusal, StrategyFault};
use crate::ecs::state::State;
use crate::ecs::view::Answer;
use crate::kernel::Scope;

/// The most items of a strategy.
const MOST_ITEMS: usize = 20;
/// The largest weight of an item.
const MOST_WEIGHT: i64 = 1_000;
/// The largest base of an item.
const MOST_BASE: i64 = 100_000;

/// What a strategy says of one provider, in the caller's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrategyDraft {
    /// Its name or ARN.
    pub provider: String,
    /// Its share, 0 to 1,000; 0 if nothing is said.
    pub weight: Option<i64>,
    /// What it gets first, 0 to 100,000; 0 if nothing is said.
    pub base: Option<i64>,
}

/// A PutClusterCapacityProviders request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutProviders {
    /// The cluster's name or ARN.
    pub cluster: String,
    /// Names or ARNs of the providers that its tasks may use from now on.
    pub providers: Vec<String>,
    /// How tasks are shared out that say nothing of it.
    pub strategy: Vec<StrategyDraft>,
}

/// Replaces a cluster's providers and its default strategy.
///
/// # Errors
/// No such cluster, providers or a strategy that cannot be, or a provider in use that would go.
pub fn put(state: &State, caller: &Caller, request: &PutProviders) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, Some(&request.cluster))?;
    let providers = providers(&caller.scope, &request.providers)?;
    let default_strategy = items(&caller.scope, &request.strategy, &providers)?;
    let counts = state.counts(&cluster.key);
    let goes = |provider: &&CapacityProvider| !providers.contains(provider);
    if cluster
        .providers
        .iter()
        .filter(goes)
        .any(|provider| counts.tasks_of(*provider) > 0)
    {
        return Err(Refusal::ProviderInUse);
    }
    let updated = Cluster {
        providers,
        default_strategy,
        ..cluster.clone()
    };
    if updated == *cluster {
        return Ok(Admitted::unchanged(Answer::Cluster(updated.key)));
    }
    Ok(cluster::put(updated))
}

/// The providers that are meant, each once.
///
/// # Errors
/// One that does not exist.
pub(super) fn providers(scope: &Scope, names: &[String]) -> Result<Vec<CapacityProvider>, Refusal> {
    let mut found: Vec<CapacityProvider> = Vec::new();
    for name in names {
        let provider = refer::capacity_provider(scope, name).ok_or(Refusal::ProviderUnknown)?;
        if !found.contains(&provider) {
            found.push(provider);
        }
    }
    Ok(found)
}

/// The strategy that is meant, in a cluster that has `associated`.
///
/// # Errors
/// A provider that does not exist or is not the cluster's, a number out of its range, or items that contradict each other.
pub(super) fn items(
    scope: &Scope,
    drafts: &[StrategyDraft],
    associated: &[CapacityProvider],
) -> Result<Vec<StrategyItem>, Refusal> {
    if drafts.len() > MOST_ITEMS {
        return Err(Refusal::Strategy(StrategyFault::TooMany(MOST_ITEMS)));
    }
    let items: Vec<StrategyItem> = drafts
        .iter()
        .map(|draft| item(scope, draft))
        .collect::<Result<_, _>>()?;
    let distinct: BTreeSet<CapacityProvider> = items.iter().map(|item| item.provider).collect();
    let fault = if distinct.len() < items.len() {
        Some(StrategyFault::Duplicate)
    } else if items.iter().filter(|item| item.base > 0).count() > 1 {
        Some(StrategyFault::Bases)
    } else if distinct.iter().any(|provider| !associated.contains(provider)) {
        Some(StrategyFault::NotAssociated)
    } else {
        None
    };
    fault.map_or(Ok(items), |fault| Err(Refusal::Strategy(fault)))
}

fn item(scope: &Scope, draft: &StrategyDraft) -> Result<StrategyItem, Refusal> {
    Ok(StrategyItem {
        provider: refer::capacity_provider(scope, &draft.provider).ok_or(Refusal::ProviderUnknown)?,
        weight: number(draft.weight, "weight", MOST_WEIGHT)?,
        base: number(draft.base, "base", MOST_BASE)?,
    })
}

fn number(value: Option<i64>, member: &'static str, most: i64) -> Result<u32, Refusal> {
    let value = value.unwrap_or(0);
    let fitting = u32::try_from(value).ok().filter(|_| value <= most);
    fitting.ok_or(Refusal::OutOfRange { member, least: 0, most })
}
