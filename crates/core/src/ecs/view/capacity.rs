//! DescribeCapacityProviders: the two that every account has.

use super::Reply;
use super::describe::missing;
use super::list::{Entry, Order, PageWish};
use crate::ecs::model::CapacityProvider;
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::State;
use crate::kernel::Scope;

/// The most names that one call describes.
const MOST_NAMES: usize = 100;
/// The most providers of one page.
const MOST_ENTRIES: i64 = 10;

/// Which capacity providers are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderFilter {
    /// Names or ARNs; all if there are none.
    pub names: Vec<String>,
    /// A cluster whose providers they must be.
    pub cluster: Option<String>,
}

/// DescribeCapacityProviders.
///
/// # Errors
/// No such cluster, too many names, or a page that does not exist.
pub fn providers(state: &State, scope: &Scope, filter: &ProviderFilter, page: &PageWish) -> Result<Reply, Refusal> {
    if filter.names.len() > MOST_NAMES {
        return Err(Refusal::TooMany {
            what: "capacity providers",
            most: MOST_NAMES,
        });
    }
    let cluster = filter
        .cluster
        .as_deref()
        .map(|text| refer::active_cluster(state, scope, Some(text)));
    let cluster = cluster.transpose()?;
    let fits = |provider: &CapacityProvider| cluster.is_none_or(|cluster| cluster.providers.contains(provider));
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in &filter.names {
        match refer::capacity_provider(scope, name).filter(fits) {
            Some(provider) => found.push(provider),
            None => failures.push(missing(scope, "capacity-provider/", name)),
        }
    }
    if filter.names.is_empty() {
        found.extend(CapacityProvider::ALL.into_iter().filter(fits));
    }
    found.sort_unstable();
    found.dedup();
    let entry = |provider: CapacityProvider| Entry {
        place: provider.to_string(),
        item: provider,
    };
    let (found, next) = page.slice(MOST_ENTRIES, Order::Ascending, found.into_iter().map(entry))?;
    let found = found.into_iter().map(|provider| (provider.arn(scope), provider));
    Ok(Reply::Providers(found.collect(), failures, next))
}
