//! RegisterContainerInstance: a machine joins a cluster, or an agent comes back.

use std::collections::BTreeMap;

use super::{Admitted, Caller, check_length, cluster};
use crate::ecs::model::instance::{TYPE, Versions};
use crate::ecs::model::{Attribute, ContainerInstance, InstanceKey, InstanceStatus, Resources};
use crate::ecs::quota::{Exceeded, within};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::ids::InstanceId;
use crate::kernel::{Cx, Edit, Tags};

/// A RegisterContainerInstance request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterInstance {
    /// The cluster to join.
    pub cluster: Option<String>,
    /// The instance that this machine was before, when an agent comes back.
    pub instance: Option<String>,
    /// The idempotency key: one per start of an agent.
    pub client_token: Option<String>,
    /// What the machine has.
    pub resources: Resources,
    /// What the agent announces.
    pub attributes: Vec<Attribute>,
    /// The machine's id at a cloud.
    pub ec2_instance_id: Option<String>,
    /// What software it runs.
    pub versions: Versions,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
}

/// The most attributes of a machine. The stock agent announces about a hundred.
const MOST_ATTRIBUTES: usize = 500;

/// Registers a machine.
///
/// An agent that comes back names its instance. It gets it again also when that was forgotten meanwhile, for the machine is the
/// same; the attributes that the operator gave it at first are kept, because agents do not repeat them. Deregistering is final:
/// the instance comes back only to stop what is left on it, and as what it is.
///
/// # Errors
/// An instance that was deregistered, a cluster that is not there (the default one springs up), an ARN, attributes or tags that do not fit.
pub fn admit(state: &State, cx: &mut Cx, caller: &Caller, request: RegisterInstance) -> Result<Admitted, Refusal> {
    let cluster = refer::cluster(&caller.scope, request.cluster.as_deref())?;
    let mut changes: Vec<Change> = cluster::spring_up(state, cx, caller, &cluster)?.into_iter().collect();
    let tags = Tags::new(request.tags).map_err(Refusal::Tags)?;
    check_length(request.client_token.as_ref(), "clientToken", 64)?;
    check_attributes(&request.attributes)?;
    let named = request.instance.as_deref().filter(|arn| !arn.is_empty());
    let returning = named.map(|arn| refer::instance(&cluster, arn)).transpose()?;
    let token = request.client_token.filter(|token| !token.is_empty());
    let repeated = token
        .as_deref()
        .and_then(|token| state.registered_with(&cluster, token));
    let key = |id| InstanceKey {
        scope: cluster.scope.clone(),
        cluster: cluster.name.clone(),
        id,
    };
    let key = match (returning, repeated) {
        (Some(key), _) => key,
        (None, Some(id)) => key(id),
        (None, None) => key(InstanceId::mint(cx)),
    };
    let before = state.instances().get(&key);
    check_stays(state, before)?;
    check_type(before, &request.attributes)?;
    let attributes = merge(before, request.attributes);
    check_count(&attributes)?;
    let announced = ContainerInstance {
        key: key.clone(),
        status: returned_to(before),
        attributes,
        registered: request.resources,
        client_token: token,
        ec2_instance_id: request.ec2_instance_id,
        versions: request
            .versions
            .or(before.map(|before| before.versions.clone()).unwrap_or_default()),
        agent_update: before.and_then(|before| before.agent_update.clone()),
        tags: if tags.is_empty() {
            before.map(|before| before.tags.clone()).unwrap_or_default()
        } else {
            tags
        },
        registered_at: before.map_or(cx.now, |before| before.registered_at),
        deregistered_at: before.and_then(|before| before.deregistered_at),
        version: before.map_or(1, |before| before.version),
    };
    if before.is_none() {
        let count = state.counts(&cluster).instances;
        within(caller.quotas.instances_per_cluster, count + 1, Exceeded::Instances)?;
    }
    if before != Some(&announced) {
        let version = before.map_or(1, |before| before.version + 1);
        changes.push(Change::Instance(Edit::Put(ContainerInstance { version, ..announced })));
    }
    Ok(Admitted::with(changes, Answer::Instance(key)))
}

/// What was deregistered is gone for good, once nothing is left on it that its agent must stop.
fn check_stays(state: &State, before: Option<&ContainerInstance>) -> Result<(), Refusal> {
    let gone =
        |instance: &&ContainerInstance| !instance.is_registered() && !state.index().leaving().contains(&instance.key);
    match before.filter(gone) {
        Some(gone) => Err(Refusal::InstanceGone(gone.key.id)),
        None => Ok(()),
    }
}

/// A machine that comes back is of the type that it was: what stands on it was placed by that.
fn check_type(before: Option<&ContainerInstance>, announced: &[Attribute]) -> Result<(), Refusal> {
    let Some(before) = before.filter(|before| before.is_registered()) else {
        return Ok(());
    };
    let was = before.attribute(TYPE).and_then(|attribute| attribute.value.as_ref());
    let is = announced.iter().rev().find(|attribute| attribute.name == TYPE);
    match (was, is.and_then(|attribute| attribute.value.as_ref())) {
        (Some(was), Some(is)) if was != is => Err(Refusal::InstanceType {
            id: before.key.id,
            before: was.clone(),
        }),
        _ => Ok(()),
    }
}

/// A machine that drains or leaves does so also when its agent starts again.
fn returned_to(before: Option<&ContainerInstance>) -> InstanceStatus {
    before.map_or(InstanceStatus::Active, |before| before.status)
}

fn check_count(attributes: &[Attribute]) -> Result<(), Refusal> {
    if attributes.len() <= MOST_ATTRIBUTES {
        return Ok(());
    }
    Err(Refusal::TooMany {
        what: "attributes",
        most: MOST_ATTRIBUTES,
    })
}

fn check_attributes(attributes: &[Attribute]) -> Result<(), Refusal> {
    check_count(attributes)?;
    attributes.iter().try_for_each(|attribute| {
        if attribute.name.is_empty() {
            return Err(Refusal::Empty("Attribute names"));
        }
        check_length(Some(&attribute.name), "attributes.name", 128)?;
        check_length(attribute.value.as_ref(), "attributes.value", 128)
    })
}

/// What is announced now, and of what was announced before, all but capabilities: agents repeat those that still hold, but
/// not what their operator gave them. Of two with the same name the later one counts, as for the agent.
fn merge(before: Option<&ContainerInstance>, announced: Vec<Attribute>) -> Vec<Attribute> {
    let kept = before.into_iter().flat_map(|before| before.attributes.iter().cloned());
    let all = kept.filter(|old| !is_capability(&old.name)).chain(announced);
    let by_name: BTreeMap<String, Option<String>> = all.map(|attribute| (attribute.name, attribute.value)).collect();
    let attribute = |(name, value)| Attribute { name, value };
    by_name.into_iter().map(attribute).collect()
}

fn is_capability(name: &str) -> bool {
    name.starts_with("ecs.capability.") || name.starts_with("com.amazonaws.ecs.capability.")
}
