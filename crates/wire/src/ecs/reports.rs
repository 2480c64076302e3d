//! What agents send over the API: registrations and state changes.

use std::collections::BTreeSet;

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::register_instance::RegisterInstance;
use berth_core::ecs::api::{Submit, SubmitAttachments};
use berth_core::ecs::model::instance::Versions;
use berth_core::ecs::model::{Attribute, ContainerStatus, NetworkBinding, Protocol, Resources};
use berth_core::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use berth_core::kernel::{CpuUnits, MemoryMib};
use serde::Deserialize;

use super::entities::pairs;
use crate::shapes::ecs;

/// The part of an identity document that is of use here.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct IdentityDocument {
    instance_id: Option<String>,
    instance_type: Option<String>,
    image_id: Option<String>,
    availability_zone: Option<String>,
}

impl IdentityDocument {
    fn parse(text: Option<String>) -> Result<Self, Refusal> {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => serde_json::from_str(&text).map_err(|_| Refusal::IdentityDocument),
            None => Ok(Self::default()),
        }
    }

    /// What the service knows of the machine without its agent.
    fn attributes(&self) -> impl Iterator<Item = Attribute> {
        let known = [
            ("ecs.instance-type", &self.instance_type),
            ("ecs.ami-id", &self.image_id),
            ("ecs.availability-zone", &self.availability_zone),
        ];
        known.into_iter().filter_map(|(name, value)| {
            let (name, value) = (name.to_owned(), Some(value.clone()?));
            Some(Attribute { name, value })
        })
    }
}

/// A RegisterContainerInstance request.
///
/// # Errors
/// A resource, a device or an identity that cannot be understood.
pub fn registration(shape: ecs::RegisterContainerInstanceRequest) -> Result<RegisterInstance, Refusal> {
    let identity = IdentityDocument::parse(shape.instance_identity_document)?;
    let versions = shape.version_info.unwrap_or_default();
    let attribute = |one: ecs::Attribute| Attribute {
        name: one.name,
        value: one.value,
    };
    let announced = shape.attributes.into_iter().flatten().map(attribute);
    Ok(RegisterInstance {
        cluster: shape.cluster,
        instance: shape.container_instance_arn,
        client_token: shape.client_token,
        resources: Resources {
            gpus: gpus(shape.platform_devices.unwrap_or_default())?,
            ..resources(shape.total_resources.unwrap_or_default())?
        },
        // What the agent says counts: it comes later.
        attributes: identity.attributes().chain(announced).collect(),
        ec2_instance_id: identity.instance_id,
        versions: Versions {
            agent: versions.agent_version,
            agent_hash: versions.agent_hash,
            docker: versions.docker_version,
        },
        tags: pairs(shape.tags),
    })
}

/// The ids of the GPUs. Other devices that the API knows are not shared out, and are left to the machine.
fn gpus(devices: Vec<ecs::PlatformDevice>) -> Result<BTreeSet<String>, Refusal> {
    let mut gpus = BTreeSet::new();
    for device in devices {
        let news = match device.r#type.as_str() {
            "GPU" if !device.id.is_empty() => gpus.insert(device.id.clone()),
            "NEURON_DEVICE" => true,
            _ => false,
        };
        if !news {
            return Err(Refusal::Resource(format!("{} {}", device.r#type, device.id)));
        }
    }
    Ok(gpus)
}

fn resources(shapes: Vec<ecs::Resource>) -> Result<Resources, Refusal> {
    let mut resources = Resources::default();
    let mut named = BTreeSet::new();
    for shape in shapes {
        let name = shape.name.clone().unwrap_or_default();
        let bad = || Refusal::Resource(name.clone());
        if name.is_empty() || !named.insert(name.clone()) {
            return Err(bad());
        }
        let number = || u32::try_from(shape.integer_value.unwrap_or(0)).map_err(|_| bad());
        match name.as_str() {
            "CPU" => resources.cpu = CpuUnits(number()?),
            "MEMORY" => resources.memory = MemoryMib(number()?),
            "PORTS" => resources.ports.extend(ports(Protocol::Tcp, &shape).ok_or_else(bad)?),
            "PORTS_UDP" => resources.ports.extend(ports(Protocol::Udp, &shape).ok_or_else(bad)?),
            // Kinds of resources that placement does not know yet are left to the agent.
            _ => {}
        }
    }
    Ok(resources)
}

fn ports(protocol: Protocol, shape: &ecs::Resource) -> Option<BTreeSet<(Protocol, u16)>> {
    let texts = shape.string_set_value.iter().flatten();
    texts
        .map(|port| port.parse().ok().map(|port| (protocol, port)))
        .collect()
}

/// A SubmitTaskStateChange request.
///
/// # Errors
/// A status that agents do not report.
pub fn task(shape: ecs::SubmitTaskStateChangeRequest) -> Result<Submit, Refusal> {
    let containers = shape.containers.unwrap_or_default();
    let attached = attached(shape.attachments.unwrap_or_default());
    let report = TaskReport {
        status: shape
            .status
            .filter(|status| !status.is_empty())
            .map(status)
            .transpose()?,
        reason: shape.reason.filter(|reason| !reason.is_empty()),
        containers: containers.into_iter().map(container_report).collect::<Result<_, _>>()?,
        attached,
        pull_started_at: shape.pull_started_at,
        pull_stopped_at: shape.pull_stopped_at,
        execution_stopped_at: shape.execution_stopped_at,
    };
    Ok(Submit {
        cluster: shape.cluster,
        task: shape.task,
        report,
    })
}

/// A SubmitContainerStateChange request: a report of one container.
///
/// # Errors
/// A status that agents do not report.
pub fn container(shape: ecs::SubmitContainerStateChangeRequest) -> Result<Submit, Refusal> {
    let change = ecs::ContainerStateChange {
        container_name: shape.container_name,
        runtime_id: shape.runtime_id,
        exit_code: shape.exit_code,
        network_bindings: shape.network_bindings,
        reason: shape.reason,
        status: shape.status,
        image_digest: None,
    };
    let report = TaskReport {
        containers: vec![container_report(change)?],
        ..TaskReport::default()
    };
    Ok(Submit {
        cluster: shape.cluster,
        task: shape.task,
        report,
    })
}

/// A SubmitAttachmentStateChanges request.
///
/// # Errors
/// A status that attachments do not have.
pub fn attachments(shape: ecs::SubmitAttachmentStateChangesRequest) -> Result<SubmitAttachments, Refusal> {
    let known = |change: &ecs::AttachmentStateChange| ATTACHMENT_STATUSES.contains(&change.status.as_str());
    if let Some(unknown) = shape.attachments.iter().find(|change| !known(change)) {
        return Err(Refusal::Word {
            member: "attachments.status",
            word: unknown.status.clone(),
        });
    }
    let in_place = shape.attachments.into_iter().filter(|change| change.status == ATTACHED);
    Ok(SubmitAttachments {
        cluster: shape.cluster,
        attached: in_place.map(|change| change.attachment_arn).collect(),
    })
}

/// The status of an attachment that is in place.
const ATTACHED: &str = "ATTACHED";
/// Every status that an attachment can have. Only one of them is news: the others are the control plane's own.
const ATTACHMENT_STATUSES: [&str; 8] = [
    "PRECREATED",
    "CREATED",
    "ATTACHING",
    ATTACHED,
    "DETACHING",
    "DETACHED",
    "DELETED",
    "FAILED",
];

/// The last parts of the ARNs of attachments that are in place.
fn attached(shapes: Vec<ecs::AttachmentStateChange>) -> Vec<String> {
    let in_place = shapes.into_iter().filter(|change| change.status == ATTACHED);
    in_place
        .filter_map(|change| change.attachment_arn.rsplit('/').next().map(str::to_owned))
        .collect()
}

fn status(word: String) -> Result<ReportedStatus, Refusal> {
    match word.as_str() {
        "PENDING" => Ok(ReportedStatus::Pending),
        "RUNNING" => Ok(ReportedStatus::Running),
        "STOPPED" => Ok(ReportedStatus::Stopped),
        _ => Err(Refusal::Word { member: "status", word }),
    }
}

fn container_report(shape: ecs::ContainerStateChange) -> Result<ContainerReport, Refusal> {
    let word = shape.status.unwrap_or_default();
    let bindings = shape.network_bindings.unwrap_or_default();
    Ok(ContainerReport {
        name: shape.container_name.unwrap_or_default(),
        status: ContainerStatus::from_word(&word).ok_or(Refusal::Word {
            member: "containers.status",
            word,
        })?,
        exit_code: shape.exit_code,
        reason: shape.reason.filter(|reason| !reason.is_empty()),
        runtime_id: shape.runtime_id,
        image_digest: shape.image_digest,
        bindings: bindings.into_iter().filter_map(binding).collect(),
    })
}

/// A published port; ranges are not built and are not reported by our agent.
fn binding(shape: ecs::NetworkBinding) -> Option<NetworkBinding> {
    let port = |number: Option<i32>| u16::try_from(number?).ok();
    Some(NetworkBinding {
        bind_ip: shape.bind_ip.unwrap_or_default().into(),
        container_port: port(shape.container_port)?,
        host_port: port(shape.host_port)?,
        protocol: Protocol::from_word(shape.protocol.as_deref().unwrap_or("tcp"))?,
    })
}

/// A report as the request that an agent of ours submits.
#[must_use]
pub fn submission(
    cluster: String,
    task: String,
    report: TaskReport,
    account_arn: &str,
) -> ecs::SubmitTaskStateChangeRequest {
    let attachment = |id: String| ecs::AttachmentStateChange {
        attachment_arn: format!("{account_arn}:attachment/{id}"),
        status: ATTACHED.to_owned(),
    };
    let attachments: Vec<_> = report.attached.into_iter().map(attachment).collect();
    ecs::SubmitTaskStateChangeRequest {
        cluster: Some(cluster),
        task: Some(task),
        status: report.status.map(|status| status_word(status).to_owned()),
        reason: report.reason,
        containers: Some(report.containers.into_iter().map(container_change).collect()),
        attachments: (!attachments.is_empty()).then_some(attachments),
        managed_agents: None,
        pull_started_at: report.pull_started_at,
        pull_stopped_at: report.pull_stopped_at,
        execution_stopped_at: report.execution_stopped_at,
    }
}

fn status_word(status: ReportedStatus) -> &'static str {
    match status {
        ReportedStatus::Pending => "PENDING",
        ReportedStatus::Running => "RUNNING",
        ReportedStatus::Stopped => "STOPPED",
    }
}

fn container_change(report: ContainerReport) -> ecs::ContainerStateChange {
    let binding = |one: NetworkBinding| ecs::NetworkBinding {
        bind_ip: Some(one.bind_ip.to_string()),
        container_port: Some(one.container_port.into()),
        host_port: Some(one.host_port.into()),
        protocol: Some(one.protocol.to_string()),
        ..ecs::NetworkBinding::default()
    };
    let bindings: Vec<_> = report.bindings.into_iter().map(binding).collect();
    ecs::ContainerStateChange {
        container_name: Some(report.name),
        image_digest: report.image_digest,
        runtime_id: report.runtime_id,
        exit_code: report.exit_code,
        network_bindings: (!bindings.is_empty()).then_some(bindings),
        reason: report.reason,
        status: Some(report.status.to_string()),
    }
}
