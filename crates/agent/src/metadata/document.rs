//! Writes the documents of tasks and containers from the brain's record. Pure.
//!
//! Not told, because nothing here knows it: drifts of the clock, the use of ephemeral storage, snapshotters.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use berth_core::ecs::model::{ContainerDefinition, NetworkMode, Protocol};
use berth_core::ecs::report::ReportedStatus;
use berth_core::ecs::view::assignment::{AssignedInterface, Desired};
use berth_core::kernel::{Arn, Timestamp};
use berth_core::network::DefaultNetwork;
use berth_core::node::health::HealthRecord;
use berth_core::node::{ContainerPhase, ContainerRecord, TaskRecord};
use serde_json::Number;

use super::shapes::{
    ContainerDocument, ContainerVersion4, HealthDocument, InterfaceDocument, LimitsDocument, NetworkDocument,
    PortDocument, TaskDocument, TaskVersion4,
};
use crate::net::Cidr;
use crate::ops::{CONTAINER_LABEL, TASK_LABEL};

/// CPU units of a whole CPU.
const UNITS: u32 = 1024;
/// The CPU units of a container that asks for none, as with the stock agent.
const LEAST_UNITS: u32 = 2;
/// So many digits end the name that Docker would know a container by.
const NAME_DIGITS: usize = 20;

/// In how much detail documents tell: every version tells more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Networks of tasks with an interface only.
    V2,
    /// All networks.
    V3,
    /// Logs, ARNs, interfaces and what was pulled only.
    V4,
}

/// What the addresses of containers on the bridge are, by their places in the task.
pub(super) type Addresses = Vec<Option<Ipv4Addr>>;

/// The document of a task, without tags.
pub(super) fn task(record: &TaskRecord, addresses: &Addresses, detail: Detail) -> TaskDocument {
    let assignment = &record.assignment;
    let key = record.key();
    let limits = LimitsDocument {
        cpu: assignment.cpu.and_then(|units| vcpus(units.0)),
        memory: assignment.memory.map(|mib| mib.0),
    };
    let shown = (0..record.containers.len()).filter(|at| is_shown(&record.containers[*at], detail));
    TaskDocument {
        cluster: key.cluster.to_string(),
        task_arn: key.arn().to_string(),
        family: assignment.family.clone(),
        revision: assignment.revision.to_string(),
        desired_status: desired(record),
        known_status: known(record),
        containers: shown.map(|at| container(record, at, addresses, detail)).collect(),
        limits: Some(limits).filter(|limits| limits.cpu.is_some() || limits.memory.is_some()),
        pull_started_at: record.times.pull_started_at.map(rfc3339),
        pull_stopped_at: record.times.pull_stopped_at.map(rfc3339),
        execution_stopped_at: record.times.execution_stopped_at.map(rfc3339),
        availability_zone: assignment.zone.clone(),
        task_tags: None,
        container_instance_tags: None,
        version_4: (detail == Detail::V4).then(|| TaskVersion4 {
            launch_type: assignment.launch_type.as_str(),
            vpc_id: DefaultNetwork::of(&key.scope).vpc.to_string(),
            service_name: assignment.group.strip_prefix("service:").unwrap_or_default().to_owned(),
            fault_injection_enabled: false,
            errors: Vec::new(),
        }),
    }
}

/// The document of the container at place `at` of a task.
pub(super) fn container(record: &TaskRecord, at: usize, addresses: &Addresses, detail: Detail) -> ContainerDocument {
    let assigned = &record.assignment.containers[at];
    let (definition, known) = (&assigned.definition, &record.containers[at]);
    let key = record.key();
    let arn = || {
        Arn::new(
            "ecs",
            &key.scope,
            format!("container/{}/{}/{}", key.cluster, key.id, assigned.id),
        )
    };
    ContainerDocument {
        docker_id: known.runtime_id.to_string(),
        name: definition.name.clone(),
        docker_name: docker_name(record, definition, known),
        image: definition.image.clone(),
        image_id: known.image_digest.clone().unwrap_or_default(),
        ports: ports(record, definition, known, detail),
        labels: labels(record, definition),
        desired_status: desired(record),
        known_status: status(known.phase),
        exit_code: known.exit.and_then(|exit| exit.code),
        limits: LimitsDocument {
            cpu: Some(definition.cpu.0.max(LEAST_UNITS).into()),
            memory: Some(definition.memory.map_or(0, |mib| mib.0)),
        },
        // It is made and started in one step.
        created_at: known.started_at.map(rfc3339),
        started_at: known.started_at.map(rfc3339),
        finished_at: known.exit.map(|exit| rfc3339(exit.at)),
        kind: "NORMAL",
        health: known.health.as_ref().map(health),
        networks: networks(record, addresses.get(at).copied().flatten(), detail),
        version_4: (detail == Detail::V4).then(|| ContainerVersion4 {
            log_driver: definition.log_configuration.as_ref().map(|log| log.driver.clone()),
            log_options: log_options(definition, known),
            container_arn: arn().to_string(),
            restart_count: definition
                .lifecycle
                .restart_policy
                .as_ref()
                .is_some_and(|policy| policy.enabled)
                .then_some(known.restarts.count),
        }),
    }
}

/// CPU units in CPUs: a whole number has no point, as Go writes it.
fn vcpus(units: u32) -> Option<Number> {
    match units % UNITS {
        0 => Some((units / UNITS).into()),
        _ => Number::from_f64(f64::from(units) / f64::from(UNITS)),
    }
}

/// Containers that were not made are not shown; version 4 shows those whose image is there.
fn is_shown(container: &ContainerRecord, detail: Detail) -> bool {
    match container.phase {
        ContainerPhase::Waiting | ContainerPhase::Pulling | ContainerPhase::Cancelling => false,
        ContainerPhase::Pulled => detail == Detail::V4,
        ContainerPhase::Starting | ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => true,
        ContainerPhase::Exited | ContainerPhase::Removing | ContainerPhase::Removed => container.started_at.is_some(),
    }
}

fn desired(record: &TaskRecord) -> &'static str {
    match record.desired {
        Desired::Running => "RUNNING",
        Desired::Stopped => "STOPPED",
    }
}

fn known(record: &TaskRecord) -> &'static str {
    let all = |least: ContainerPhase| record.containers.iter().all(|container| container.phase >= least);
    match record.known {
        ReportedStatus::Stopped => "STOPPED",
        ReportedStatus::Running => "RUNNING",
        ReportedStatus::Pending if all(ContainerPhase::Starting) => "CREATED",
        ReportedStatus::Pending if all(ContainerPhase::Pulled) => "PULLED",
        ReportedStatus::Pending => "NONE",
    }
}

fn status(phase: ContainerPhase) -> &'static str {
    match phase {
        ContainerPhase::Waiting | ContainerPhase::Pulling | ContainerPhase::Cancelling => "NONE",
        ContainerPhase::Pulled => "PULLED",
        ContainerPhase::Starting => "CREATED",
        ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => "RUNNING",
        ContainerPhase::Exited | ContainerPhase::Removing | ContainerPhase::Removed => "STOPPED",
    }
}

/// As the stock agent names containers in Docker.
pub(super) fn docker_name(record: &TaskRecord, definition: &ContainerDefinition, known: &ContainerRecord) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = definition.name.chars().filter(plain).collect();
    let digits: String = known.runtime_id.0.as_str().chars().take(NAME_DIGITS).collect();
    let assignment = &record.assignment;
    format!("ecs-{}-{}-{name}-{digits}", assignment.family, assignment.revision)
}

fn ports(
    record: &TaskRecord,
    definition: &ContainerDefinition,
    known: &ContainerRecord,
    detail: Detail,
) -> Vec<PortDocument> {
    if record.assignment.network_mode == NetworkMode::Awsvpc {
        let own = definition.port_mappings.iter();
        let own = own.filter(|mapping| mapping.container_port != 0);
        return own
            .map(|mapping| PortDocument {
                container_port: mapping.container_port,
                protocol: word(mapping.protocol),
                host_port: Some(mapping.container_port),
                host_ip: None,
            })
            .collect();
    }
    let published = known.bindings.iter();
    published
        .map(|binding| PortDocument {
            container_port: binding.container_port,
            protocol: word(binding.protocol),
            host_port: Some(binding.host_port),
            host_ip: (detail == Detail::V4).then(|| binding.bind_ip.to_string()),
        })
        .collect()
}

fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

fn labels(record: &TaskRecord, definition: &ContainerDefinition) -> BTreeMap<String, String> {
    let assignment = &record.assignment;
    let label = |name: &str, value: String| (format!("com.amazonaws.ecs.{name}"), value);
    let asked = definition.surroundings.docker_labels.clone().unwrap_or_default();
    let own = [
        (TASK_LABEL.to_owned(), record.key().arn().to_string()),
        (CONTAINER_LABEL.to_owned(), definition.name.clone()),
        label("cluster", record.key().cluster.to_string()),
        label("task-definition-family", assignment.family.clone()),
        label("task-definition-version", assignment.revision.to_string()),
    ];
    asked.into_iter().chain(own).collect()
}

fn health(health: &HealthRecord) -> HealthDocument {
    HealthDocument {
        status: health.status.as_str(),
        status_since: rfc3339(health.since),
        output: health.output.clone(),
    }
}

fn networks(record: &TaskRecord, address: Option<Ipv4Addr>, detail: Detail) -> Vec<NetworkDocument> {
    let mode = record.assignment.network_mode;
    let interface = record.assignment.interface.as_ref();
    match (mode, interface) {
        (NetworkMode::Awsvpc, Some(interface)) => vec![NetworkDocument {
            mode: mode.as_str(),
            ipv4_addresses: vec![interface.address.to_string()],
            interface: (detail == Detail::V4).then(|| properties(interface)),
        }],
        _ if detail == Detail::V2 => Vec::new(),
        _ => vec![NetworkDocument {
            mode: mode.as_str(),
            // Docker tells an empty address where there is none.
            ipv4_addresses: vec![address.map(|address| address.to_string()).unwrap_or_default()],
            interface: None,
        }],
    }
}

fn properties(interface: &AssignedInterface) -> InterfaceDocument {
    InterfaceDocument {
        attachment_index: 0,
        mac_address: interface.mac.to_string(),
        ipv4_subnet_cidr_block: Cidr::around(interface.address, interface.prefix_len).to_string(),
        private_dns_name: interface.private_dns_name.clone(),
        subnet_gateway_ipv4_address: format!("{}/{}", interface.gateway, interface.prefix_len),
    }
}

/// The driver's options with the stream that was chosen, which resource detectors look for.
fn log_options(definition: &ContainerDefinition, known: &ContainerRecord) -> BTreeMap<String, String> {
    let given = definition.log_configuration.iter().flat_map(|log| &log.options);
    let mut options: BTreeMap<String, String> = given.cloned().collect();
    if let Some(logs) = &known.logs {
        options.remove("awslogs-stream-prefix");
        let chosen = [
            ("awslogs-group", logs.to.group.clone()),
            ("awslogs-region", logs.to.region.to_string()),
            ("awslogs-stream", logs.to.stream.clone()),
        ];
        options.extend(chosen.map(|(name, value)| (name.to_owned(), value)));
    }
    options
}

/// `2026-11-20T22:14:19.041Z`.
pub(super) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |at| at.to_string())
}
