//! Tasks and their containers as shapes.

use berth_core::ecs::model::instance::ARCHITECTURE;
use berth_core::ecs::model::{
    Architecture, Container, ContainerOverride, ContainerStatus, CpuMemory, LaunchType, NetworkBinding, Overrides,
    Task, TaskInterface, TaskStatus,
};
use berth_core::ecs::view::{PartView, TaskView};
use berth_core::kernel::{Arn, MemoryMib};
use berth_core::network::interface::{Mac, private_dns_name};

use crate::ecs::entities::tags;
use crate::ecs::requirements::requirement_shapes;
use crate::shapes::ecs;

pub(super) fn task(view: TaskView, shows_tags: bool) -> ecs::Task {
    let TaskView {
        task,
        parts,
        size,
        architecture,
        health,
    } = view;
    let is_fargate = task.launch_type == LaunchType::Fargate;
    let containers = task.containers.iter().zip(&parts);
    ecs::Task {
        attachments: Some(interface_attachment(&task).into_iter().collect()),
        attributes: Some(architecture.map(cpu_architecture).into_iter().collect()),
        availability_zone: Some(task.zone.to_string()),
        cluster_arn: Some(task.key.cluster_key().arn().to_string()),
        connectivity: task.connected_at().map(|_| "CONNECTED".to_owned()),
        connectivity_at: task.connected_at(),
        // The machine of a FARGATE task is hidden.
        container_instance_arn: (!is_fargate).then(|| task.instance_key().arn().to_string()),
        containers: Some(containers.map(|(one, part)| container(&task, one, part)).collect()),
        cpu: Some(size.cpu.unwrap_or(task.cpu).0.to_string()),
        created_at: Some(task.times.created_at),
        desired_status: Some(task.desired_status.to_string()),
        enable_execute_command: Some(false),
        ephemeral_storage: is_fargate.then_some(ecs::EphemeralStorage {
            size_in_gi_b: FARGATE_STORAGE_GIB,
        }),
        execution_stopped_at: task.times.execution_stopped_at,
        fargate_ephemeral_storage: is_fargate.then_some(ecs::TaskEphemeralStorage {
            size_in_gi_b: Some(FARGATE_STORAGE_GIB),
            kms_key_id: None,
        }),
        group: Some(task.group.to_string()),
        health_status: Some(health.to_string()),
        last_status: Some(task.last_status.to_string()),
        launch_type: Some(task.launch_type.to_string()),
        capacity_provider_name: task.capacity_provider.map(|provider| provider.to_string()),
        memory: Some(size.memory.unwrap_or(task.memory).0.to_string()),
        overrides: Some(overrides(&task)),
        platform_version: is_fargate.then(|| "1.4.0".to_owned()),
        platform_family: is_fargate.then(|| "Linux".to_owned()),
        pull_started_at: task.times.pull_started_at,
        pull_stopped_at: task.times.pull_stopped_at,
        started_at: task.times.started_at,
        started_by: task.started_by.as_ref().map(ToString::to_string),
        stop_code: task.stop_code.map(|code| code.to_string()),
        stopped_at: task.times.stopped_at,
        stopped_reason: task.stopped_reason.clone(),
        stopping_at: task.times.stopping_at,
        tags: Some(if shows_tags { tags(&task.tags) } else { Vec::new() }),
        task_arn: Some(task.key.arn().to_string()),
        task_definition_arn: Some(task.definition_key().arn().to_string()),
        version: i64::try_from(task.version).ok(),
        ..ecs::Task::default()
    }
}

/// The storage of FARGATE tasks whose definition asks for no other size.
const FARGATE_STORAGE_GIB: i32 = 20;

fn cpu_architecture(architecture: Architecture) -> ecs::Attribute {
    let word = match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "arm64",
    };
    ecs::Attribute {
        name: ARCHITECTURE.to_owned(),
        value: Some(word.to_owned()),
        ..ecs::Attribute::default()
    }
}

/// ECS names all containers, also those of which nothing is changed.
fn overrides(task: &Task) -> ecs::TaskOverride {
    let none = Overrides::default();
    let overrides = task.overrides.as_deref().unwrap_or(&none);
    let container = |container: &Container| container_override(&container.name, overrides.container(&container.name));
    ecs::TaskOverride {
        container_overrides: Some(task.containers.iter().map(container).collect()),
        inference_accelerator_overrides: Some(Vec::new()),
        cpu: overrides.cpu.map(|units| units.0.to_string()),
        memory: overrides.memory.map(|mib| mib.0.to_string()),
        execution_role_arn: overrides.execution_role_arn.clone(),
        ..ecs::TaskOverride::default()
    }
}

#[expect(clippy::cast_possible_wrap, reason = "sizes came from 32-bit signed integers")]
fn container_override(name: &str, changed: Option<&ContainerOverride>) -> ecs::ContainerOverride {
    let named = ecs::ContainerOverride {
        name: Some(name.to_owned()),
        ..ecs::ContainerOverride::default()
    };
    let Some(changed) = changed else { return named };
    let variable = |(name, value): &(String, String)| ecs::KeyValuePair {
        name: Some(name.clone()),
        value: Some(value.clone()),
    };
    let environment: Vec<_> = changed.environment.iter().map(variable).collect();
    ecs::ContainerOverride {
        command: changed.command.clone(),
        environment: (!environment.is_empty()).then_some(environment),
        cpu: changed.cpu.map(|units| units.0 as i32),
        memory: changed.memory.map(|mib| mib.0 as i32),
        memory_reservation: changed.memory_reservation.map(|mib| mib.0 as i32),
        resource_requirements: requirement_shapes(&changed.resource_requirements),
        ..named
    }
}

fn interface_attachment(task: &Task) -> Option<ecs::Attachment> {
    let interface = task.interface?;
    let status = match task.last_status {
        TaskStatus::Stopped => "DELETED",
        TaskStatus::Provisioning
        | TaskStatus::Pending
        | TaskStatus::Running
        | TaskStatus::Stopping
        | TaskStatus::Deprovisioning => {
            if task.times.connectivity_at.is_some() {
                "ATTACHED"
            } else {
                "PRECREATED"
            }
        }
    };
    let detail = |name: &str, value: String| ecs::KeyValuePair {
        name: Some(name.to_owned()),
        value: Some(value),
    };
    let address = interface.address;
    let details = vec![
        detail("subnetId", interface.subnet.to_string()),
        detail("networkInterfaceId", interface.id.to_string()),
        detail("macAddress", Mac::of(address).to_string()),
        detail("privateDnsName", private_dns_name(&task.key.scope.region, address)),
        detail("privateIPv4Address", address.to_string()),
    ];
    Some(ecs::Attachment {
        id: Some(interface.attachment.to_string()),
        r#type: Some("ElasticNetworkInterface".to_owned()),
        status: Some(status.to_owned()),
        details: Some(details),
    })
}

fn container(task: &Task, container: &Container, part: &PartView) -> ecs::Container {
    let Task { key, .. } = task;
    let arn = Arn::new(
        "ecs",
        &key.scope,
        format!("container/{}/{}/{}", key.cluster, key.id, container.id),
    );
    let shape = |interface: TaskInterface| ecs::NetworkInterface {
        attachment_id: Some(interface.attachment.to_string()),
        private_ipv4_address: Some(interface.address.to_string()),
        ..ecs::NetworkInterface::default()
    };
    let CpuMemory { cpu, memory } = part.size;
    let mib = |memory: Option<MemoryMib>| memory.map(|mib| mib.0.to_string());
    ecs::Container {
        container_arn: Some(arn.to_string()),
        task_arn: Some(key.arn().to_string()),
        name: Some(container.name.to_string()),
        image: Some(part.image.clone()),
        image_digest: container.image_digest.as_ref().map(ToString::to_string),
        runtime_id: container.runtime_id.clone(),
        last_status: Some(last_status(task, container)),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
        network_bindings: Some(container.bindings.iter().map(binding).collect()),
        network_interfaces: Some(task.interface.map(shape).into_iter().collect()),
        health_status: Some(part.health.to_string()),
        cpu: cpu.map(|units| units.0.to_string()),
        memory: mib(memory),
        memory_reservation: mib(part.memory_reservation),
        gpu_ids: (!container.gpu_ids.is_empty()).then(|| container.gpu_ids.clone()),
        ..ecs::Container::default()
    }
}

/// A container of a task that has no network yet is as far as its task.
fn last_status(task: &Task, container: &Container) -> String {
    let waits = container.status == ContainerStatus::Pending && task.last_status == TaskStatus::Provisioning;
    if waits {
        task.last_status.to_string()
    } else {
        container.status.to_string()
    }
}

fn binding(binding: &NetworkBinding) -> ecs::NetworkBinding {
    ecs::NetworkBinding {
        bind_ip: Some(binding.bind_ip.to_string()),
        container_port: Some(binding.container_port.into()),
        host_port: Some(binding.host_port.into()),
        protocol: Some(binding.protocol.to_string()),
        ..ecs::NetworkBinding::default()
    }
}
