//! Replies of the brain as the shapes of ECS.

use std::collections::BTreeSet;

use berth_core::ecs::model::{
    ClusterStatus, Container, ContainerStatus, CpuMemory, LaunchType, NetworkBinding, Protocol, Resources, Task,
    TaskInterface, TaskStatus,
};
use berth_core::ecs::view::{ClusterView, InstanceView, Page, PartView, Reply, TaskView};
use berth_core::kernel::{Arn, MemoryMib};
use berth_core::network::interface::{Mac, private_dns_name};

use super::definition;
use super::entities::{attributes, failures, tags};
use crate::document::Document;
use crate::page;
use crate::shapes::ecs::{self, Operation};
use crate::shapes::into_document;

/// The document of the answer of `operation`. `included` has the words of the request's `include`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
#[must_use]
pub fn document(operation: Operation, reply: Reply, included: &[String]) -> Document {
    let shows_tags = included.iter().any(|word| word == "TAGS");
    match reply {
        Reply::Cluster(view) => {
            let cluster = Some(cluster(view, true));
            match operation {
                Operation::DeleteCluster => into_document(ecs::DeleteClusterResponse { cluster }),
                _ => into_document(ecs::CreateClusterResponse { cluster }),
            }
        }
        Reply::Clusters(views, missing) => into_document(ecs::DescribeClustersResponse {
            clusters: Some(views.into_iter().map(|view| cluster(view, shows_tags)).collect()),
            failures: Some(failures(missing)),
        }),
        Reply::TaskDefinition(definition) => task_definition(operation, &definition, shows_tags),
        Reply::Instance(view) => {
            let container_instance = Some(instance(*view, true));
            match operation {
                Operation::DeregisterContainerInstance => {
                    into_document(ecs::DeregisterContainerInstanceResponse { container_instance })
                }
                _ => into_document(ecs::RegisterContainerInstanceResponse { container_instance }),
            }
        }
        Reply::Instances(views, missing) => into_document(ecs::DescribeContainerInstancesResponse {
            container_instances: Some(views.into_iter().map(|view| instance(view, shows_tags)).collect()),
            failures: Some(failures(missing)),
        }),
        Reply::Task(view) => into_document(ecs::StopTaskResponse {
            task: Some(task(*view, true)),
        }),
        Reply::Tasks(views, missing) => {
            let shows_tags = shows_tags || operation == Operation::RunTask;
            let tasks = Some(views.into_iter().map(|view| task(view, shows_tags)).collect());
            into_document(ecs::RunTaskResponse {
                tasks,
                failures: Some(failures(missing)),
            })
        }
        Reply::Page(page) => list(operation, page),
        Reply::Acknowledged | Reply::Remaining(_) => into_document(ecs::SubmitTaskStateChangeResponse {
            acknowledgment: Some("ok".to_owned()),
        }),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn task_definition(
    operation: Operation,
    definition: &berth_core::ecs::model::TaskDefinition,
    shows_tags: bool,
) -> Document {
    let task_definition = Some(definition::shape(definition));
    let tags = definition::tags_of(definition);
    match operation {
        Operation::DeregisterTaskDefinition => into_document(ecs::DeregisterTaskDefinitionResponse { task_definition }),
        Operation::DescribeTaskDefinition => into_document(ecs::DescribeTaskDefinitionResponse {
            task_definition,
            tags: tags.filter(|_| shows_tags),
        }),
        _ => into_document(ecs::RegisterTaskDefinitionResponse { task_definition, tags }),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "each kind of reply belongs to a few of the 88 operations"
)]
fn list(operation: Operation, page: Page) -> Document {
    let (items, next_token) = (Some(page.items), page.next.map(|place| page::seal(&place)));
    match operation {
        Operation::ListClusters => into_document(ecs::ListClustersResponse {
            cluster_arns: items,
            next_token,
        }),
        Operation::ListTaskDefinitions => into_document(ecs::ListTaskDefinitionsResponse {
            task_definition_arns: items,
            next_token,
        }),
        Operation::ListTaskDefinitionFamilies => into_document(ecs::ListTaskDefinitionFamiliesResponse {
            families: items,
            next_token,
        }),
        Operation::ListContainerInstances => into_document(ecs::ListContainerInstancesResponse {
            container_instance_arns: items,
            next_token,
        }),
        _ => into_document(ecs::ListTasksResponse {
            task_arns: items,
            next_token,
        }),
    }
}

fn number(count: usize) -> Option<i32> {
    Some(i32::try_from(count).unwrap_or(i32::MAX))
}

fn cluster(view: ClusterView, shows_tags: bool) -> ecs::Cluster {
    let (cluster, counts) = (view.cluster, view.counts);
    let counts = if cluster.status == ClusterStatus::Inactive {
        Default::default()
    } else {
        counts
    };
    ecs::Cluster {
        cluster_arn: Some(cluster.key.arn().to_string()),
        cluster_name: Some(cluster.key.name.to_string()),
        status: Some(cluster.status.to_string()),
        registered_container_instances_count: number(counts.instances),
        running_tasks_count: number(counts.running),
        pending_tasks_count: number(counts.pending),
        active_services_count: Some(0),
        statistics: Some(Vec::new()),
        tags: Some(if shows_tags { tags(&cluster.tags) } else { Vec::new() }),
        settings: Some(Vec::new()),
        capacity_providers: Some(Vec::new()),
        default_capacity_provider_strategy: Some(Vec::new()),
        ..ecs::Cluster::default()
    }
}

fn instance(view: InstanceView, shows_tags: bool) -> ecs::ContainerInstance {
    let InstanceView {
        instance,
        remaining,
        agent_connected,
        running,
        pending,
    } = view;
    ecs::ContainerInstance {
        container_instance_arn: Some(instance.key.arn().to_string()),
        ec2_instance_id: instance.ec2_instance_id,
        version: i64::try_from(instance.version).ok(),
        version_info: Some(ecs::VersionInfo {
            agent_version: instance.versions.agent,
            agent_hash: instance.versions.agent_hash,
            docker_version: instance.versions.docker,
        }),
        remaining_resources: Some(resources(&remaining)),
        registered_resources: Some(resources(&instance.registered)),
        status: Some(instance.status.to_string()),
        agent_connected: Some(agent_connected),
        running_tasks_count: number(running),
        pending_tasks_count: number(pending),
        attributes: Some(attributes(&instance.attributes)),
        registered_at: Some(instance.registered_at),
        attachments: Some(Vec::new()),
        tags: Some(if shows_tags { tags(&instance.tags) } else { Vec::new() }),
        ..ecs::ContainerInstance::default()
    }
}

fn resources(resources: &Resources) -> Vec<ecs::Resource> {
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
    let set = |name, protocol| ecs::Resource {
        string_set_value: Some(ports(&resources.ports, protocol)),
        ..base(name, "STRINGSET")
    };
    vec![
        integer("CPU", resources.cpu.0),
        integer("MEMORY", resources.memory.0),
        set("PORTS", Protocol::Tcp),
        set("PORTS_UDP", Protocol::Udp),
    ]
}

fn ports(ports: &BTreeSet<(Protocol, u16)>, wanted: Protocol) -> Vec<String> {
    ports
        .iter()
        .filter(|(protocol, _)| *protocol == wanted)
        .map(|(_, port)| port.to_string())
        .collect()
}

fn task(view: TaskView, shows_tags: bool) -> ecs::Task {
    let TaskView { task, parts, size } = view;
    let is_fargate = task.launch_type == LaunchType::Fargate;
    let containers = task.containers.iter().zip(&parts);
    ecs::Task {
        attachments: Some(interface_attachment(&task).into_iter().collect()),
        attributes: Some(Vec::new()),
        availability_zone: Some(task.zone.clone()),
        cluster_arn: Some(task.key.cluster_key().arn().to_string()),
        connectivity: task.times.connectivity_at.map(|_| "CONNECTED".to_owned()),
        connectivity_at: task.times.connectivity_at,
        // The machine of a FARGATE task is hidden.
        container_instance_arn: (!is_fargate).then(|| task.instance_key().arn().to_string()),
        containers: Some(containers.map(|(one, part)| container(&task, one, part)).collect()),
        cpu: Some(size.cpu.unwrap_or(task.cpu).0.to_string()),
        created_at: Some(task.times.created_at),
        desired_status: Some(task.desired_status.to_string()),
        enable_execute_command: Some(false),
        execution_stopped_at: task.times.execution_stopped_at,
        group: Some(task.group.clone()),
        health_status: Some("UNKNOWN".to_owned()),
        last_status: Some(task.last_status.to_string()),
        launch_type: Some(task.launch_type.to_string()),
        memory: Some(size.memory.unwrap_or(task.memory).0.to_string()),
        overrides: Some(overrides(&task)),
        platform_version: is_fargate.then(|| "1.4.0".to_owned()),
        platform_family: is_fargate.then(|| "Linux".to_owned()),
        pull_started_at: task.times.pull_started_at,
        pull_stopped_at: task.times.pull_stopped_at,
        started_at: task.times.started_at,
        started_by: task.started_by.clone(),
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

/// Overrides are not built, so every task has none; ECS names the containers all the same.
fn overrides(task: &Task) -> ecs::TaskOverride {
    let none = |container: &Container| ecs::ContainerOverride {
        name: Some(container.name.clone()),
        ..ecs::ContainerOverride::default()
    };
    ecs::TaskOverride {
        container_overrides: Some(task.containers.iter().map(none).collect()),
        inference_accelerator_overrides: Some(Vec::new()),
        ..ecs::TaskOverride::default()
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
        name: Some(container.name.clone()),
        image: Some(part.image.clone()),
        image_digest: container.image_digest.clone(),
        runtime_id: container.runtime_id.clone(),
        last_status: Some(last_status(task, container)),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
        network_bindings: Some(container.bindings.iter().map(binding).collect()),
        network_interfaces: Some(task.interface.map(shape).into_iter().collect()),
        health_status: Some("UNKNOWN".to_owned()),
        cpu: cpu.map(|units| units.0.to_string()),
        memory: mib(memory),
        memory_reservation: mib(part.memory_reservation),
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
        bind_ip: Some(binding.bind_ip.clone()),
        container_port: Some(binding.container_port.into()),
        host_port: Some(binding.host_port.into()),
        protocol: Some(binding.protocol.to_string()),
        ..ecs::NetworkBinding::default()
    }
}
