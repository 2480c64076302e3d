//! Finds the thread again when an agent starts: the containers that carry its labels are told to the brain and watched,
//! the shipment of output goes on, and what belongs to no record is taken away.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::names::Name;
use berth_core::node::{FoundContainer, FoundState, NodeRecord, Phase, Restored, RuntimeId, TaskRecord};
use berth_wire::link::assign;

use crate::net::NetError;
use crate::ops::{CONTAINER_LABEL, INSTANCE_LABEL, Machine, RESTARTS_LABEL, TASK_LABEL, exit_of};
use crate::places::{container_netns, task_netns};
use crate::runtime::{ContainerInfo, ContainerStatus, RuntimeError};

/// What keeps an agent from finding out where it stands.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Network(#[from] NetError),
}

/// Looks at the machine.
pub(crate) async fn look(
    machine: &Arc<Machine>,
    (node, records): (NodeRecord, Vec<TaskRecord>),
    rebooted: bool,
) -> Result<Restored, RestoreError> {
    let containers = machine.containerd.list().await?;
    let found: Vec<FoundContainer> = containers.iter().filter_map(|info| take_up(machine, info)).collect();
    for task in &records {
        ship(machine, task);
        machine.metadata.note_task(task);
    }
    remove_strange_files(machine, &records);
    remove_strange_volumes(machine, &records);
    remove_strange_namespaces(machine, &records).await?;
    remove_strange_cgroups(machine, &records);
    if !records.is_empty() {
        tracing::info!(
            tasks = records.len(),
            containers = found.len(),
            rebooted,
            "found what was here before"
        );
    }
    Ok(Restored {
        node,
        records,
        found,
        rebooted,
    })
}

fn take_up(machine: &Arc<Machine>, info: &ContainerInfo) -> Option<FoundContainer> {
    let Some((task, container)) = owner(info, &machine.places.suffix) else {
        tracing::warn!(
            container = info.id,
            "a container in this agent's namespace is not this agent's: left alone"
        );
        return None;
    };
    machine.take_up(task.clone(), container.clone(), info);
    Some(FoundContainer {
        task,
        container,
        runtime_id: RuntimeId(Name::new(&info.id)),
        restarts: info
            .labels
            .get(RESTARTS_LABEL)
            .and_then(|count| count.parse().ok())
            .unwrap_or(0),
        state: match info.status {
            ContainerStatus::Created => FoundState::Created,
            ContainerStatus::Running { .. } => FoundState::Running,
            ContainerStatus::Stopped(exit) => FoundState::Exited(exit_of(exit)),
        },
    })
}

fn owner(info: &ContainerInfo, suffix: &str) -> Option<(TaskKey, Name)> {
    let label = |name: &str| info.labels.get(name).map(String::as_str);
    let own = label(INSTANCE_LABEL) == Some(suffix);
    let task = own.then(|| label(TASK_LABEL)).flatten()?;
    Some((assign::task_key(task).ok()?, Name::new(label(CONTAINER_LABEL)?)))
}

/// Goes on with the delivery of the output of a task's containers.
fn ship(machine: &Machine, task: &TaskRecord) {
    for container in &task.containers {
        let Some(logs) = container.logs.as_ref().filter(|logs| logs.phase != Phase::Gone) else {
            continue;
        };
        if !machine.places.spool(&container.runtime_id).is_dir() {
            continue;
        }
        if let Err(error) = machine.ship(&container.runtime_id, &logs.to) {
            tracing::warn!(task = %task.key().id, container = %container.name, %error, "cannot deliver its output");
        }
    }
}

/// Directories of containers that no record knows. Their tasks have long been over.
fn remove_strange_files(machine: &Machine, records: &[TaskRecord]) {
    let containers = records.iter().flat_map(|task| &task.containers);
    let known: BTreeSet<&str> = containers.map(|container| container.runtime_id.0.as_str()).collect();
    for directory in [machine.places.logs_dir(), machine.places.containers_dir()] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let is_known = entry.file_name().to_str().is_some_and(|name| known.contains(name));
            if !is_known && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "cannot remove what a container left");
            }
        }
    }
}

/// Volumes of tasks that no record knows. Containers that still use them are removed at the same time.
fn remove_strange_volumes(machine: &Machine, records: &[TaskRecord]) {
    let known: BTreeSet<String> = records.iter().map(|task| task.key().id.to_string()).collect();
    for entry in fs::read_dir(machine.places.tasks_volumes())
        .into_iter()
        .flatten()
        .flatten()
    {
        let is_known = entry.file_name().to_str().is_some_and(|name| known.contains(name));
        if !is_known && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "cannot remove what a task left");
        }
    }
}

/// Control groups of tasks that no record knows: an agent that was killed may have made them just before, or a container
/// that nobody knows has yet to go.
fn remove_strange_cgroups(machine: &Arc<Machine>, records: &[TaskRecord]) {
    let known: BTreeSet<String> = records.iter().map(|task| task.key().id.to_string()).collect();
    let found = machine.cgroups.children(&machine.places.cgroup_root());
    for name in found.difference(&known) {
        machine.remove_strange_cgroup(name);
    }
}

async fn remove_strange_namespaces(machine: &Machine, records: &[TaskRecord]) -> Result<(), NetError> {
    let of_containers = |task: &TaskRecord| -> Vec<String> {
        let names = task.containers.iter().map(|container| &container.name);
        names.map(|name| container_netns(task.key(), name)).collect()
    };
    let of_tasks = records.iter().map(|task| task_netns(task.key()));
    let known: BTreeSet<String> = records.iter().flat_map(of_containers).chain(of_tasks).collect();
    for namespace in machine.network.namespaces().await? {
        if !known.contains(&namespace.id) {
            machine.network.remove_namespace(&namespace.id).await?;
        } else if let Some(address) = namespace.address {
            machine.metadata.place(namespace.id, address);
        }
    }
    Ok(())
}
