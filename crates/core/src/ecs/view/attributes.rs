//! ListAttributes: what agents announced and operators said of the instances of a cluster.

use super::Reply;
use super::list::{Entry, MOST, Order, PageWish};
use crate::ecs::model::{Attribute, ContainerInstance};
use crate::ecs::refer;
use crate::ecs::refusal::{AttributeFault, Refusal};
use crate::ecs::state::State;
use crate::kernel::Scope;
use crate::kernel::ids::InstanceId;

/// Which attributes are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeFilter {
    /// The cluster of the instances.
    pub cluster: Option<String>,
    /// The attribute's name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
}

/// ListAttributes, by instances and names.
///
/// # Errors
/// No such cluster, a value without a name, or a page that does not exist.
pub fn list(state: &State, scope: &Scope, filter: &AttributeFilter, page: &PageWish) -> Result<Reply, Refusal> {
    let cluster = &refer::active_cluster(state, scope, filter.cluster.as_deref())?.key;
    if filter.value.is_some() && filter.name.is_none() {
        return Err(Refusal::Attribute(AttributeFault::ValueWithoutName));
    }
    let fits = |attribute: &&Attribute| {
        filter.name.as_ref().is_none_or(|name| *name == attribute.name)
            && (filter.value.is_none() || filter.value == attribute.value)
    };
    let after = page.after.as_deref().and_then(|place| place.split_once(' '));
    let first = after.and_then(|(id, _)| id.parse().ok()).unwrap_or(InstanceId(0));
    let instances = state
        .instances_of(cluster, first)
        .filter(|instance| instance.is_registered());
    let entries = instances.flat_map(|instance: &ContainerInstance| {
        let entry = |attribute: &Attribute| Entry {
            place: format!("{} {}", instance.key.id, attribute.name),
            item: (instance.key.clone(), attribute.clone()),
        };
        instance.attributes.iter().filter(fits).map(entry).collect::<Vec<_>>()
    });
    let (items, next) = page.slice(MOST, Order::Ascending, entries)?;
    Ok(Reply::Attributes(items, next))
}
