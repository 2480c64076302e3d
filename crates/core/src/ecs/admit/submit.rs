//! Submit*StateChange: what an agent says that its tasks did. Statuses only move forward, repeated reports change nothing.

use super::Admitted;
use crate::ecs::model::{
    Container, ContainerStatus, LaunchType, NetworkBinding, StopCode, Task, TaskDefinition, TaskKey, TaskStatus,
};
use crate::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::names::Name;
use crate::kernel::{Cx, Edit, Timestamp};
use crate::network;

/// What tasks show whose essential container ended.
pub const ESSENTIAL_EXITED: &str = "Essential container in task exited";
/// What tasks show that never ran on an instance that the user sees.
pub const FAILED_TO_START: &str = "Task failed to start";
/// The most characters of a reason that are kept.
const MOST_REASON: usize = 1024;
/// The most characters of a runtime's id, a digest or an address that are kept. Those of every known runtime are shorter.
const MOST_NAME: usize = 255;
/// The most published ports of a container that are kept: more than a definition of 64 KiB can map.
const MOST_BINDINGS: usize = 4096;

/// Takes a report about `key`. Reports about tasks that nobody knows any more are taken and forgotten, so that agents stop
/// repeating them.
#[must_use]
pub fn admit(state: &State, cx: &Cx, key: &TaskKey, report: TaskReport) -> Admitted {
    let mut admitted = Admitted::unchanged(Answer::Acknowledged);
    let Some(before) = state.tasks().get(key).filter(|task| !task.is_stopped()) else {
        return admitted;
    };
    let mut task = before.clone();
    take_times(&mut task, &report);
    for container in &report.containers {
        if let Some(known) = task.containers.iter_mut().find(|known| *known.name == *container.name) {
            take_container(known, container);
        }
    }
    take_attachment(&mut task, cx, &report);
    let definition = state.definitions().get(&task.definition_key());
    match report.status {
        None | Some(ReportedStatus::Pending) => {}
        Some(ReportedStatus::Running) => run(&mut task, cx),
        Some(ReportedStatus::Stopped) => stop(&mut task, definition, cx, report.reason),
    }
    if task != *before {
        admitted.network.extend(given_back(&task));
        task.version += 1;
        admitted.changes.push(Change::Task(Edit::Put(task)));
    }
    admitted
}

/// The change that gives a task's interface back, once the task is over.
pub(crate) fn given_back(task: &Task) -> Option<network::Change> {
    let key = task.interface_key().filter(|_| task.is_stopped())?;
    Some(network::Change::Interface(Edit::Delete(key)))
}

/// The task is over at `now`: nothing of it runs any more.
pub(crate) fn end(task: &mut Task, now: Timestamp) {
    for container in &mut task.containers {
        container.status = ContainerStatus::Stopped;
    }
    task.desired_status = TaskStatus::Stopped;
    task.last_status = TaskStatus::Stopped;
    task.times.stopped_at = Some(now);
}

fn take_times(task: &mut Task, report: &TaskReport) {
    let times = &mut task.times;
    times.pull_started_at = times.pull_started_at.or(report.pull_started_at);
    times.pull_stopped_at = times.pull_stopped_at.or(report.pull_stopped_at);
    times.execution_stopped_at = times.execution_stopped_at.or(report.execution_stopped_at);
}

/// What was said first about a container stays; ports are those of the latest report.
fn take_container(known: &mut Container, report: &ContainerReport) {
    if report.status < known.status {
        return;
    }
    known.status = report.status;
    known.exit_code = known.exit_code.or(report.exit_code);
    known.reason = known
        .reason
        .take()
        .or_else(|| kept(report.reason.as_deref(), MOST_REASON));
    let name = |said: &Option<String>| kept(said.as_deref(), MOST_NAME);
    known.runtime_id = known.runtime_id.take().or_else(|| name(&report.runtime_id));
    known.image_digest = known
        .image_digest
        .take()
        .or_else(|| name(&report.image_digest).map(Name::from));
    if !report.bindings.is_empty() {
        known.bindings = report.bindings.iter().take(MOST_BINDINGS).map(kept_binding).collect();
    }
}

/// A text as it is kept: nothing instead of an empty one, and the beginning of a long one.
fn kept(text: Option<&str>, most: usize) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| beginning(text, most))
}

fn beginning(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn kept_binding(said: &NetworkBinding) -> NetworkBinding {
    NetworkBinding {
        bind_ip: beginning(&said.bind_ip, MOST_NAME).into(),
        ..*said
    }
}

/// An attachment is in place: the task has its network.
fn take_attachment(task: &mut Task, cx: &Cx, report: &TaskReport) {
    let Some(interface) = task.interface else { return };
    let attachment = interface.attachment.to_string();
    if report.attached.contains(&attachment) || report.status == Some(ReportedStatus::Running) {
        task.times.connectivity_at.get_or_insert(cx.now);
        task.last_status = task.last_status.max(TaskStatus::Pending);
    }
}

fn run(task: &mut Task, cx: &Cx) {
    task.last_status = task.last_status.max(TaskStatus::Running);
    task.times.started_at.get_or_insert(cx.now);
}

/// The task is over. Why it is over was known if somebody stopped it, and follows from its containers otherwise.
fn stop(task: &mut Task, definition: Option<&TaskDefinition>, cx: &Cx, reason: Option<String>) {
    let stopped_by_itself = task.desired_status != TaskStatus::Stopped;
    if stopped_by_itself {
        let (code, words) = cause(task, definition, kept(reason.as_deref(), MOST_REASON));
        task.stop_code = Some(code);
        task.stopped_reason = Some(words);
        task.times.stopping_at = Some(task.times.execution_stopped_at.unwrap_or(cx.now));
    }
    end(task, cx.now);
}

fn cause(task: &Task, definition: Option<&TaskDefinition>, reason: Option<String>) -> (StopCode, String) {
    if task.times.started_at.is_some() || an_essential_exited(task, definition) {
        return (
            StopCode::EssentialContainerExited,
            reason.unwrap_or_else(|| ESSENTIAL_EXITED.to_owned()),
        );
    }
    let of_container = || task.containers.iter().find_map(|container| container.reason.clone());
    let words = match task.launch_type {
        LaunchType::Fargate => reason.or_else(of_container),
        LaunchType::Ec2 | LaunchType::External => reason,
    };
    (
        StopCode::TaskFailedToStart,
        words.unwrap_or_else(|| FAILED_TO_START.to_owned()),
    )
}

/// Whether an essential container ran and ended before all the others ran. The runtime gives an exit code also to a container
/// that it could not start; the reason tells.
fn an_essential_exited(task: &Task, definition: Option<&TaskDefinition>) -> bool {
    let essential = |name: &str| {
        let container = definition.and_then(|definition| definition.container(name));
        container.is_some_and(|container| container.essential)
    };
    let never_ran = |reason: &str| reason.starts_with("Cannot");
    task.containers.iter().any(|container| {
        container.exit_code.is_some()
            && !container.reason.as_deref().is_some_and(never_ran)
            && essential(&container.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::model::Protocol;
    use crate::kernel::ids::Uuid;

    fn container() -> Container {
        Container {
            id: Uuid(7),
            name: Name::new("app"),
            status: ContainerStatus::Pending,
            exit_code: None,
            reason: None,
            runtime_id: None,
            image_digest: None,
            bindings: Vec::new(),
            gpu_ids: Vec::new(),
        }
    }

    /// A report in which every text has this many characters.
    fn report(characters: usize, ports: u16) -> ContainerReport {
        let text = || "é".repeat(characters);
        let binding = |host_port| NetworkBinding {
            bind_ip: text().into(),
            container_port: 80,
            host_port,
            protocol: Protocol::Tcp,
        };
        ContainerReport {
            name: "app".to_owned(),
            status: ContainerStatus::Running,
            exit_code: None,
            reason: Some(text()),
            runtime_id: Some(text()),
            image_digest: Some(text()),
            bindings: (0..ports).map(binding).collect(),
        }
    }

    #[test]
    fn of_what_agents_say_no_more_is_kept_than_has_its_place() {
        let mut known = container();
        take_container(&mut known, &report(5000, 5000));
        let length = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
        assert_eq!(length(&known.reason), Some(MOST_REASON));
        assert_eq!(length(&known.runtime_id), Some(MOST_NAME));
        assert_eq!(known.image_digest.map(|text| text.chars().count()), Some(MOST_NAME));
        assert_eq!(known.bindings.len(), MOST_BINDINGS);
        assert!(
            known
                .bindings
                .iter()
                .all(|one| one.bind_ip.chars().count() == MOST_NAME)
        );
        let mut known = container();
        let said = report(71, 3);
        take_container(&mut known, &said);
        assert_eq!(
            (known.runtime_id, known.image_digest.as_deref(), known.bindings),
            (said.runtime_id, said.image_digest.as_deref(), said.bindings)
        );
    }
}
