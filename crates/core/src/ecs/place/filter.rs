//! Filters: each one says whether a machine passes, and if not, why. To add one: write it, list it.

use super::Want;
use super::index::Load;
use crate::ecs::model::{Attribute, ContainerInstance, Protocol};

/// A machine that might take a task.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The machine.
    pub instance: &'a ContainerInstance,
    /// What stands on it.
    pub load: &'a Load,
    /// Whether its agent is connected.
    pub connected: bool,
}

/// A filter: the reason against a machine, or nothing.
type Filter = fn(&Candidate<'_>, &Want<'_>) -> Option<&'static str>;

/// All filters, in the order in which their objections count.
const FILTERS: [Filter; 7] = [
    launch_type,
    architecture,
    zone,
    attributes,
    connection,
    resources,
    ports,
];

/// The first objection to a machine.
#[must_use]
pub fn first_objection(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    FILTERS.iter().find_map(|filter| filter(candidate, want))
}

fn launch_type(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    (!candidate.instance.serves(want.launch_type)).then_some("ATTRIBUTE")
}

/// A definition that names no architecture does not mind which one it gets.
fn architecture(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    let wanted = want.definition.runtime_platform?.architecture?;
    (!candidate.instance.runs(wanted)).then_some("ATTRIBUTE")
}

fn zone(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    let zones = want.zones.as_ref()?;
    (!zones.contains(candidate.instance.zone().as_str())).then_some("LOCATION")
}

fn attributes(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    let has = |wanted: &Attribute| {
        let found = candidate.instance.attribute(&wanted.name);
        found.is_some_and(|found| wanted.value.is_none() || found.value == wanted.value)
    };
    (!want.definition.requires_attributes.iter().all(has)).then_some("ATTRIBUTE")
}

fn connection(candidate: &Candidate<'_>, _: &Want<'_>) -> Option<&'static str> {
    (!candidate.connected).then_some("AGENT")
}

fn resources(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    if candidate.load.free_cpu() < want.definition.reserved_cpu() {
        Some("RESOURCE:CPU")
    } else if candidate.load.free_memory() < want.definition.reserved_memory() {
        Some("RESOURCE:MEMORY")
    } else {
        None
    }
}

fn ports(candidate: &Candidate<'_>, want: &Want<'_>) -> Option<&'static str> {
    let taken =
        |port: &(Protocol, u16)| candidate.load.holds(*port) || candidate.instance.registered.ports.contains(port);
    want.definition
        .reserved_ports()
        .find(taken)
        .map(|(protocol, _)| match protocol {
            Protocol::Tcp => "RESOURCE:PORTS",
            Protocol::Udp => "RESOURCE:PORTS_UDP",
        })
}
