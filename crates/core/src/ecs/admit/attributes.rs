//! PutAttributes and DeleteAttributes: what operators say of container instances. Placement sees it at once.
//!
//! What agents announce (`ecs.*`, `com.amazonaws.*`, `berth.*`) is not the caller's to change.

use std::collections::BTreeMap;

use super::{Admitted, Caller};
use crate::ecs::model::{Attribute, ClusterKey, ContainerInstance, InstanceKey};
use crate::ecs::refer;
use crate::ecs::refusal::{AttributeFault, Refusal};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::Edit;

/// An attribute of a target, as a call names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetAttribute {
    /// The attribute's name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// The kind of target; may be missing beside an ARN.
    pub target_type: Option<String>,
    /// The target's id or ARN.
    pub target_id: Option<String>,
}

/// An attribute of a container instance.
pub type Placed = (InstanceKey, Attribute);

/// The most attributes of one call.
const MOST_A_CALL: usize = 10;
/// The most attributes of an instance that are not announced by its agent.
const MOST_CUSTOM: usize = 10;
/// The most characters of a name or a value.
const MOST_CHARS: usize = 128;
/// The only kind of target.
const TARGET_TYPE: &str = "container-instance";
/// How names begin that only agents may use.
const RESERVED: [&str; 3] = ["ecs.", "com.amazonaws.", "berth."];

/// Puts attributes on instances, in place of those of the same names.
///
/// # Errors
/// No such cluster or target, a name or value that cannot be, or more than an instance may have.
pub fn put(
    state: &State,
    caller: &Caller,
    cluster: Option<&str>,
    attributes: Vec<TargetAttribute>,
) -> Result<Admitted, Refusal> {
    change(state, caller, cluster, attributes, |instance, attribute| {
        instance.attributes.retain(|old| old.name != attribute.name);
        instance.attributes.push(attribute.clone());
        instance.attributes.sort();
        let custom = instance.attributes.iter().filter(|one| is_custom(&one.name)).count();
        if custom > MOST_CUSTOM {
            return Err(Refusal::Attribute(AttributeFault::TooManyCustom(MOST_CUSTOM)));
        }
        Ok(())
    })
}

/// Takes attributes away from instances: those of the given names, and of the given values where one is given.
///
/// # Errors
/// No such cluster or target, or a name or value that cannot be.
pub fn delete(
    state: &State,
    caller: &Caller,
    cluster: Option<&str>,
    attributes: Vec<TargetAttribute>,
) -> Result<Admitted, Refusal> {
    change(state, caller, cluster, attributes, |instance, attribute| {
        let fits =
            |old: &Attribute| old.name == attribute.name && (attribute.value.is_none() || old.value == attribute.value);
        instance.attributes.retain(|old| !fits(old));
        Ok(())
    })
}

/// Whether an attribute of this name is the operator's.
fn is_custom(name: &str) -> bool {
    !RESERVED.iter().any(|prefix| name.starts_with(prefix))
}

/// Makes the same change for each attribute on its instance. All of them are made, or none.
fn change(
    state: &State,
    caller: &Caller,
    cluster: Option<&str>,
    attributes: Vec<TargetAttribute>,
    each: impl Fn(&mut ContainerInstance, &Attribute) -> Result<(), Refusal>,
) -> Result<Admitted, Refusal> {
    let cluster = &refer::active_cluster(state, &caller.scope, cluster)?.key;
    if attributes.is_empty() {
        return Err(Refusal::Empty("Attributes"));
    }
    if attributes.len() > MOST_A_CALL {
        return Err(Refusal::TooMany {
            what: "attributes",
            most: MOST_A_CALL,
        });
    }
    let (mut changed, mut shown) = (BTreeMap::new(), Vec::new());
    for given in attributes {
        let before = target(state, cluster, &given)?;
        let attribute = checked(given)?;
        let instance = changed.entry(before.key.clone()).or_insert_with(|| before.clone());
        each(instance, &attribute)?;
        shown.push((before.key.clone(), attribute));
    }
    let changes = changed.into_values().filter_map(|instance| put_if_new(state, instance));
    Ok(Admitted::with(changes.collect(), Answer::Attributes(shown)))
}

fn put_if_new(state: &State, instance: ContainerInstance) -> Option<Change> {
    if state.instances().get(&instance.key) == Some(&instance) {
        return None;
    }
    let version = instance.version + 1;
    Some(Change::Instance(Edit::Put(ContainerInstance { version, ..instance })))
}

fn target<'a>(
    state: &'a State,
    cluster: &ClusterKey,
    given: &TargetAttribute,
) -> Result<&'a ContainerInstance, Refusal> {
    let id = given.target_id.as_deref().filter(|id| !id.is_empty());
    let id = id.ok_or(Refusal::Attribute(AttributeFault::NoTarget))?;
    match given.target_type.as_deref() {
        Some(TARGET_TYPE) => {}
        None if id.starts_with("arn:") => {}
        None => return Err(Refusal::Attribute(AttributeFault::NoTargetType)),
        Some(word) => {
            return Err(Refusal::Word {
                member: "targetType",
                word: word.to_owned(),
            });
        }
    }
    let key = refer::instance(cluster, id).ok();
    let found = key.and_then(|key| state.instances().get(&key));
    found
        .filter(|instance| instance.is_registered())
        .ok_or(Refusal::TargetNotFound)
}

fn checked(given: TargetAttribute) -> Result<Attribute, Refusal> {
    let TargetAttribute { name, value, .. } = given;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_/\\.".contains(c);
    let is_value = |c: char| is_name(c) || "@: ".contains(c);
    let fits = |text: &str| (1..=MOST_CHARS).contains(&text.chars().count());
    if !fits(&name) || !name.chars().all(is_name) || !is_custom(&name) {
        return Err(Refusal::Attribute(AttributeFault::Name(name)));
    }
    let value_fits = |value: &str| fits(value) && value.chars().all(is_value) && value.trim() == value;
    match value {
        Some(value) if !value_fits(&value) => Err(Refusal::Attribute(AttributeFault::Value(value))),
        value => Ok(Attribute { name, value }),
    }
}
