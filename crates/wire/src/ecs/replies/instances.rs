//! Container instances as shapes.

use std::collections::BTreeSet;

use berth_core::ecs::health::Check;
use berth_core::ecs::model::{Attribute, InstanceKey, Protocol, Resources};
use berth_core::ecs::place::Failure;
use berth_core::ecs::view::InstanceView;

use super::number;
use crate::document::Document;
use crate::ecs::entities::{attributes, failures, tags};
use crate::shapes::ecs::{self, Operation};
use crate::shapes::into_document;

/// The answer to a change of one instance.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "this kind of reply belongs to two of the 88 operations"
)]
pub(super) fn changed(operation: Operation, view: InstanceView) -> Document {
    let container_instance = Some(instance(view, Shows::CHANGED));
    match operation {
        Operation::DeregisterContainerInstance => {
            into_document(ecs::DeregisterContainerInstanceResponse { container_instance })
        }
        _ => into_document(ecs::RegisterContainerInstanceResponse { container_instance }),
    }
}

/// The answer about many instances, and about what was not found or not changed.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "this kind of reply belongs to two of the 88 operations"
)]
pub(super) fn many(
    operation: Operation,
    views: Vec<InstanceView>,
    missing: Vec<Failure>,
    included: &[String],
) -> Document {
    let all = |shows| Some(views.into_iter().map(|view| instance(view, shows)).collect());
    let failures = Some(failures(missing));
    match operation {
        Operation::UpdateContainerInstancesState => into_document(ecs::UpdateContainerInstancesStateResponse {
            container_instances: all(Shows::CHANGED),
            failures,
        }),
        _ => into_document(ecs::DescribeContainerInstancesResponse {
            container_instances: all(Shows::of(included)),
            failures,
        }),
    }
}

/// What of an instance is shown beside the rest.
#[derive(Clone, Copy, Debug)]
struct Shows {
    tags: bool,
    health: bool,
}

impl Shows {
    /// What the answers to changes show.
    const CHANGED: Self = Self {
        tags: true,
        health: false,
    };

    /// What the words of `include` say.
    fn of(included: &[String]) -> Self {
        let says = |wanted: &str| included.iter().any(|word| word == wanted);
        Self {
            tags: says("TAGS"),
            health: says("CONTAINER_INSTANCE_HEALTH"),
        }
    }
}

fn instance(view: InstanceView, shows: Shows) -> ecs::ContainerInstance {
    let InstanceView {
        instance,
        remaining,
        agent_connected,
        checks,
        running,
        pending,
    } = view;
    let has_gpus = !instance.registered.gpus.is_empty();
    ecs::ContainerInstance {
        container_instance_arn: Some(instance.key.arn().to_string()),
        ec2_instance_id: instance.ec2_instance_id,
        version: i64::try_from(instance.version).ok(),
        version_info: Some(ecs::VersionInfo {
            agent_version: instance.versions.agent,
            agent_hash: instance.versions.agent_hash,
            docker_version: instance.versions.docker,
        }),
        remaining_resources: Some(resources(&remaining, has_gpus)),
        registered_resources: Some(resources(&instance.registered, has_gpus)),
        status: Some(instance.status.to_string()),
        agent_connected: Some(agent_connected),
        agent_update_status: instance.agent_update.map(|update| update.status.to_string()),
        running_tasks_count: number(running),
        pending_tasks_count: number(pending),
        attributes: Some(attributes(&instance.attributes)),
        registered_at: Some(instance.registered_at),
        attachments: Some(Vec::new()),
        tags: Some(if shows.tags { tags(&instance.tags) } else { Vec::new() }),
        health_status: shows.health.then(|| health(checks)),
        ..ecs::ContainerInstance::default()
    }
}

/// An attribute with the instance that it is of.
pub(super) fn target_attribute((key, attribute): (InstanceKey, Attribute)) -> ecs::Attribute {
    ecs::Attribute {
        name: attribute.name,
        value: attribute.value,
        target_type: Some("container-instance".to_owned()),
        target_id: Some(key.arn().to_string()),
    }
}

/// The worst check counts for the whole.
fn health(checks: Vec<Check>) -> ecs::ContainerInstanceHealthStatus {
    let overall = checks.iter().map(|check| check.status).max();
    let detail = |check: Check| ecs::InstanceHealthCheckResult {
        r#type: Some(check.kind.to_string()),
        status: Some(check.status.to_string()),
        status_reason: check.reason,
        last_updated: Some(check.updated_at),
        last_status_change: Some(check.changed_at),
    };
    ecs::ContainerInstanceHealthStatus {
        overall_status: overall.map(|status| status.to_string()),
        details: Some(checks.into_iter().map(detail).collect()),
    }
}

/// Only machines with GPUs show how many of them there are.
fn resources(resources: &Resources, has_gpus: bool) -> Vec<ecs::Resource> {
    let base = |name: &str, kind: &str| ecs::Resource {
        name: Some(name.to_owned()),
        r#type: Some(kind.to_owned()),
        double_value: Some(0.0),
        long_value: Some(0),
        integer_value: Some(0),
        string_set_value: None,
    };
    let integer = |name, value: u32| ecs::Resource {
        integer_value: i32::try_from(value).ok(),
        ..base(name, "INTEGER")
    };
    let set = |name, values| ecs::Resource {
        string_set_value: Some(values),
        ..base(name, "STRINGSET")
    };
    let all = [
        integer("CPU", resources.cpu.0),
        integer("MEMORY", resources.memory.0),
        set("PORTS", ports(&resources.ports, Protocol::Tcp)),
        set("PORTS_UDP", ports(&resources.ports, Protocol::Udp)),
    ];
    let gpus = has_gpus.then(|| set("GPU", resources.gpus.iter().cloned().collect()));
    all.into_iter().chain(gpus).collect()
}

fn ports(ports: &BTreeSet<(Protocol, u16)>, wanted: Protocol) -> Vec<String> {
    ports
        .iter()
        .filter(|(protocol, _)| *protocol == wanted)
        .map(|(_, port)| port.to_string())
        .collect()
}
