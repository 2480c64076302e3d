//! Spells a step out as the operation that the shell can carry out without looking anything up.

use std::sync::Arc;

use super::model::{ContainerRecord, TaskRecord};
use super::op::{Netns, Op, StartContainer, Step};
use super::volumes;
use crate::ecs::model::NetworkMode;
use crate::ecs::view::assignment::{AssignedContainer, AssignedInterface};
use crate::kernel::CpuUnits;
use crate::kernel::names::Name;

/// The operation of `step`.
pub(super) fn op(task: &TaskRecord, step: &Step) -> Op {
    let key = task.key().clone();
    match step {
        Step::SetUpNetwork => Op::SetUpNetwork {
            task: key,
            interface: interface(task),
        },
        Step::TearDownNetwork => Op::TearDownNetwork {
            task: key,
            interface: interface(task),
        },
        Step::CreateCgroup => Op::CreateCgroup {
            task: key,
            cpu: task.assignment.cpu,
            weight: weight(task),
            memory: task.assignment.memory,
        },
        Step::RemoveCgroup => Op::RemoveCgroup { task: key },
        Step::CreateVolumes => Op::CreateVolumes {
            task: key,
            volumes: task.assignment.volumes.clone(),
        },
        Step::RemoveVolumes => Op::RemoveVolumes { task: key },
        Step::Pull(name)
        | Step::CancelPull(name)
        | Step::Connect(name)
        | Step::PrepareLogs(name)
        | Step::Start(name)
        | Step::Probe(name)
        | Step::Stop(name)
        | Step::Kill(name)
        | Step::DrainLogs(name)
        | Step::Remove(name)
        | Step::Disconnect(name) => of_container(task, step, name),
    }
}

/// A task without CPU of its own weighs as much as its containers together, as with the stock agent.
fn weight(task: &TaskRecord) -> CpuUnits {
    let containers = task.assignment.containers.iter();
    let together = containers.fold(0_u32, |sum, one| sum.saturating_add(one.definition.cpu.0));
    task.assignment.cpu.unwrap_or(CpuUnits(together))
}

fn of_container(task: &TaskRecord, step: &Step, name: &Name) -> Op {
    let (assigned, record) = part(task, name);
    let (key, container) = (task.key().clone(), name.clone());
    let runtime_id = record.runtime_id.clone();
    let logs = record.logs.as_ref().map(|logs| logs.to.clone());
    match step {
        Step::Pull(_) => Op::Pull {
            task: key,
            container,
            image: assigned.definition.image.clone(),
        },
        Step::CancelPull(_) => Op::CancelPull { task: key, container },
        Step::Connect(_) => Op::Connect {
            task: key,
            container,
            ports: assigned.definition.port_mappings.clone(),
        },
        Step::PrepareLogs(_) => Op::PrepareLogs {
            task: key,
            container,
            logs: logs.expect("only a container with logs prepares them"),
        },
        Step::DrainLogs(_) => Op::DrainLogs {
            task: key,
            container,
            runtime_id,
            logs: logs.expect("only a container with logs drains them"),
        },
        Step::Start(_) => Op::Start(Box::new(start(task, assigned, record))),
        Step::Probe(_) => probe(task, name),
        Step::Stop(_) => Op::Stop {
            task: key,
            container,
            runtime_id,
        },
        Step::Kill(_) => Op::Kill {
            task: key,
            container,
            runtime_id,
        },
        Step::Remove(_) => Op::Remove {
            task: key,
            container,
            runtime_id,
        },
        Step::Disconnect(_) => Op::Disconnect { task: key, container },
        Step::SetUpNetwork
        | Step::TearDownNetwork
        | Step::CreateCgroup
        | Step::RemoveCgroup
        | Step::CreateVolumes
        | Step::RemoveVolumes => unreachable!("these steps are of the task as a whole"),
    }
}

fn start(task: &TaskRecord, assigned: &AssignedContainer, record: &ContainerRecord) -> StartContainer {
    let is_alone = assigned.definition.surroundings.disable_networking == Some(true);
    StartContainer {
        assignment: Arc::clone(&task.assignment),
        container: assigned.clone(),
        runtime_id: record.runtime_id.clone(),
        restarts: record.restarts.count,
        image_digest: record
            .image_digest
            .clone()
            .expect("a container starts after its image was pulled"),
        mounts: volumes::of(&task.assignment, &assigned.definition),
        netns: match task.assignment.network_mode {
            NetworkMode::None => Netns::Isolated,
            NetworkMode::Host | NetworkMode::Awsvpc | NetworkMode::Bridge if is_alone => Netns::Isolated,
            NetworkMode::Host => Netns::Host,
            NetworkMode::Awsvpc => Netns::Task,
            NetworkMode::Bridge => Netns::Bridge,
        },
        logs: record.logs.as_ref().map(|logs| logs.to.clone()),
    }
}

fn probe(task: &TaskRecord, name: &Name) -> Op {
    let (assigned, record) = part(task, name);
    let check = assigned.definition.lifecycle.health_check.as_ref();
    let check = check.expect("only a container with a health check is probed");
    let given = check.command.iter().skip(1).cloned();
    let shell = ["/bin/sh", "-c"].iter().map(|&word| word.to_owned());
    Op::Probe {
        task: task.key().clone(),
        container: name.clone(),
        runtime_id: record.runtime_id.clone(),
        command: match check.command.first().map(String::as_str) {
            Some("CMD-SHELL") => shell.chain(given).collect(),
            Some(_) | None => given.collect(),
        },
        timeout_s: check.timeout_s,
    }
}

fn part<'a>(task: &'a TaskRecord, name: &Name) -> (&'a AssignedContainer, &'a ContainerRecord) {
    let mut parts = task.assignment.containers.iter().zip(&task.containers);
    parts
        .find(|(_, record)| record.name == *name)
        .expect("a step names a container of its task")
}

fn interface(task: &TaskRecord) -> AssignedInterface {
    let interface = task.assignment.interface.clone();
    interface.expect("a task in awsvpc mode without an interface was refused")
}
