//! Submit*StateChange: what an agent says that its tasks did. Statuses only move forward, repeated reports change nothing.

use super::Admitted;
use crate::ecs::model::{Container, ContainerStatus, LaunchType, StopCode, Task, TaskKey, TaskStatus};
use crate::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};
use crate::network;

/// What tasks show whose essential container ended.
pub const ESSENTIAL_EXITED: &str = "Essential container in task exited";
/// What tasks show that never ran on an instance that the user sees.
pub const FAILED_TO_START: &str = "Task failed to start";

/// Takes a report about `key`. Reports about tasks that nobody knows any more are taken and forgotten, so that agents stop repeating them.
#[must_use]
pub fn admit(state: &State, cx: &Cx, key: &TaskKey, report: TaskReport) -> Admitted {
    let mut admitted = Admitted::unchanged(Answer::Acknowledged);
    let Some(before) = state.tasks().get(key).filter(|task| !task.is_stopped()) else {
        return admitted;
    };
    let mut task = before.clone();
    take_times(&mut task, &report);
    for container in &report.containers {
        if let Some(known) = task.containers.iter_mut().find(|known| known.name == container.name) {
            take_container(known, container, cx);
        }
    }
    take_attachment(&mut task, cx, &report);
    if let Some(status) = report.status {
        advance(&mut task, cx, status, report.reason);
    }
    if task != *before {
        if task.is_stopped() {
            admitted.network.extend(
                task.interface_key()
                    .map(|key| network::Change::Interface(Edit::Delete(key))),
            );
        }
        task.version += 1;
        admitted.changes.push(Change::Task(Edit::Put(task)));
    }
    admitted
}

fn take_times(task: &mut Task, report: &TaskReport) {
    let times = &mut task.times;
    times.pull_started_at = times.pull_started_at.or(report.pull_started_at);
    times.pull_stopped_at = times.pull_stopped_at.or(report.pull_stopped_at);
    times.execution_stopped_at = times.execution_stopped_at.or(report.execution_stopped_at);
}

fn take_container(known: &mut Container, report: &ContainerReport, cx: &Cx) {
    if report.status < known.status {
        return;
    }
    if report.status > known.status {
        known.changed_at = Some(cx.now);
    }
    known.status = report.status;
    known.exit_code = known.exit_code.or(report.exit_code);
    known.reason = known
        .reason
        .take()
        .or_else(|| report.reason.clone().filter(|reason| !reason.is_empty()));
    known.runtime_id = known.runtime_id.take().or_else(|| report.runtime_id.clone());
    known.image_digest = known.image_digest.take().or_else(|| report.image_digest.clone());
    if !report.bindings.is_empty() {
        known.bindings.clone_from(&report.bindings);
    }
}

/// An attachment is in place: the task has its network.
fn take_attachment(task: &mut Task, cx: &Cx, report: &TaskReport) {
    let Some((_, attachment)) = task.interface else { return };
    let attachment = attachment.to_string();
    if report.attached.contains(&attachment) || report.status == Some(ReportedStatus::Running) {
        task.times.connectivity_at.get_or_insert(cx.now);
        task.last_status = task.last_status.max(TaskStatus::Pending);
    }
}

fn advance(task: &mut Task, cx: &Cx, status: ReportedStatus, reason: Option<String>) {
    match status {
        ReportedStatus::Pending => {}
        ReportedStatus::Running => {
            task.last_status = task.last_status.max(TaskStatus::Running);
            task.times.started_at.get_or_insert(cx.now);
        }
        ReportedStatus::Stopped => stop(task, cx, reason),
    }
}

/// The task is over. Why it is over was known if somebody stopped it, and follows from its containers otherwise.
fn stop(task: &mut Task, cx: &Cx, reason: Option<String>) {
    let stopped_by_itself = task.desired_status != TaskStatus::Stopped;
    if stopped_by_itself {
        let (code, words) = cause(task, reason);
        task.stop_code = Some(code);
        task.stopped_reason = Some(words);
        task.times.stopping_at = Some(task.times.execution_stopped_at.unwrap_or(cx.now));
    }
    for container in &mut task.containers {
        container.status = ContainerStatus::Stopped;
    }
    task.desired_status = TaskStatus::Stopped;
    task.last_status = TaskStatus::Stopped;
    task.times.stopped_at = Some(cx.now);
}

fn cause(task: &Task, reason: Option<String>) -> (StopCode, String) {
    let reason = reason.filter(|reason| !reason.is_empty());
    let of_container = || task.containers.iter().find_map(|container| container.reason.clone());
    if task.times.started_at.is_some() || task.containers.iter().any(|container| container.exit_code.is_some()) {
        return (
            StopCode::EssentialContainerExited,
            reason.unwrap_or_else(|| ESSENTIAL_EXITED.to_owned()),
        );
    }
    let words = match task.launch_type {
        LaunchType::Fargate => reason.or_else(of_container),
        LaunchType::Ec2 | LaunchType::External => reason,
    };
    (
        StopCode::TaskFailedToStart,
        words.unwrap_or_else(|| FAILED_TO_START.to_owned()),
    )
}
