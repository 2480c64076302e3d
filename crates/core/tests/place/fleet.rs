//! Machines, task definitions and tasks for tests and benchmarks of placement.

use berth_core::ecs::model::{
    Attribute, ClusterKey, ContainerInstance, GpuCount, InstanceKey, InstanceStatus, Protocol, Requirement, Task,
    TaskDefinition, TaskStatus,
};
use berth_core::kernel::ids::{InstanceId, TaskId};
use berth_core::kernel::{CpuUnits, MemoryMib};
use serde_json::{Value, json};

/// The scope of everything here, as stored.
fn scope() -> Value {
    json!({"account": 42, "region": "us-east-1"})
}

/// A value of the brain's, from what the store would have. Members that came later have their defaults.
fn stored<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("fixtures are well-formed")
}

/// The cluster of everything here.
pub(crate) fn cluster() -> ClusterKey {
    stored(json!({"scope": scope(), "name": "default"}))
}

/// The key of the machine with this number.
pub(crate) fn key(id: u128) -> InstanceKey {
    let ClusterKey { scope, name } = cluster();
    InstanceKey {
        scope,
        cluster: name,
        id: InstanceId(id),
    }
}

/// What a machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
    pub(crate) gpus: u32,
}

/// A machine.
pub(crate) fn machine(id: u128, size: Size, attributes: &[(&str, &str)]) -> ContainerInstance {
    let mut attributes: Vec<Attribute> = attributes
        .iter()
        .map(|(name, value)| Attribute {
            name: (*name).to_owned(),
            value: (!value.is_empty()).then(|| (*value).to_owned()),
        })
        .collect();
    attributes.sort();
    let gpus: Vec<String> = (0..size.gpus).map(|gpu| format!("GPU-{gpu}")).collect();
    let mut instance: ContainerInstance = stored(json!({
        "key": {"scope": scope(), "cluster": "default", "id": 0},
        "status": "Active",
        "attributes": [],
        "registered": {"cpu": size.cpu, "memory": size.memory, "ports": [["Tcp", 22]], "gpus": gpus},
        "client_token": null,
        "ec2_instance_id": format!("i-{id}"),
        "versions": {"agent": "1.105.1", "agent_hash": null, "docker": null},
        "tags": [],
        "registered_at": 1_700_000_000_000_i64,
        "version": 1,
    }));
    instance.key = key(id);
    instance.attributes = attributes;
    instance.status = InstanceStatus::Active;
    instance
}

/// A definition with one container that takes this much and, unless it is 0, this host port. [`u32::MAX`] GPUs are all.
pub(crate) fn definition(family: &str, size: Size, port: u16, requires: &[&str]) -> TaskDefinition {
    let mut definition: TaskDefinition = stored(json!({
        "key": {"scope": scope(), "family": family, "revision": 1},
        "status": "Active",
        "containers": [{
            "name": "app", "image": "busybox", "cpu": size.cpu, "memory": size.memory, "memory_reservation": null,
            "essential": true, "entry_point": null, "command": null, "environment": [],
            "port_mappings": [{
                "container_port": 80, "container_port_range": null, "host_port": port, "protocol": "Tcp",
                "name": null, "app_protocol": null,
            }],
            "user": null, "working_directory": null, "log_configuration": null, "stop_timeout_s": null, "unbuilt": [],
        }],
        "network_mode": null, "requires_compatibilities": [], "compatibilities": ["Ec2"], "cpu": null, "memory": null,
        "execution_role_arn": null, "task_role_arn": null, "runtime_platform": null, "unbuilt": [],
        "requires_attributes": [], "tags": [], "registered_at": 0, "registered_by": "", "deregistered_at": null,
    }));
    let attribute = |name: &&str| Attribute {
        name: (*name).to_owned(),
        value: None,
    };
    let count = match size.gpus {
        0 => None,
        u32::MAX => Some(GpuCount::All),
        count => Some(GpuCount::Some(count)),
    };
    definition.containers[0].resource_requirements = count.map(Requirement::Gpus).into_iter().collect();
    definition.requires_attributes = requires.iter().map(attribute).collect();
    definition
}

/// A task of `definition` that is on its way, with these GPUs.
pub(crate) fn task(id: u128, definition: &TaskDefinition, group: &str, instance: InstanceId, gpus: &[String]) -> Task {
    let mut task: Task = stored(json!({
        "key": {"scope": scope(), "cluster": "default", "id": 0},
        "family": definition.key.family.to_string(), "revision": 1, "instance": 0, "zone": "", "launch_type": "Ec2",
        "last_status": "Pending", "desired_status": "Running", "version": 1, "cpu": 0, "memory": 0,
        "containers": [{
            "id": 7, "name": "app", "status": "Pending", "exit_code": null, "reason": null,
            "runtime_id": null, "image_digest": null, "bindings": [], "gpu_ids": gpus,
        }],
        "interface": null, "group": group, "started_by": null, "tags": [], "stop_code": null, "stopped_reason": null,
        "times": {
            "created_at": 0, "connectivity_at": null, "pull_started_at": null, "pull_stopped_at": null,
            "started_at": null, "stopping_at": null, "execution_stopped_at": null, "stopped_at": null,
        },
    }));
    task.key.id = TaskId(id);
    task.instance = instance;
    task.last_status = TaskStatus::Pending;
    task.cpu = CpuUnits(definition.reserved_cpu().0);
    task.memory = MemoryMib(definition.reserved_memory().0);
    task
}

/// The host ports of a definition.
pub(crate) fn ports(definition: &TaskDefinition) -> Vec<(Protocol, u16)> {
    definition.reserved_ports().collect()
}
