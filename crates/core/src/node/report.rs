//! What to tell the control plane about a task, and when.
//!
//! A report is the difference between what is known and what the control plane has taken in; it is made anew for every
//! attempt. So nothing is queued and nothing is lost by a restart, and at most one report of a task is on its way.

use super::model::{ContainerRecord, InFlight, TaskRecord};
use super::{Answer, Phase};
use crate::ecs::model::ContainerStatus;
use crate::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use crate::kernel::{Cx, Timestamp};

/// How long news of containers waits for more of it, when the task itself has no news.
const BATCH_MS: i64 = 1_000;
/// The pause after the first failed report; it doubles with each.
const PAUSE_MS: i64 = 1_000;
/// The longest pause.
const PAUSE_MOST_MS: i64 = 30_000;

/// The report to send now, if there is one; it is then on its way.
pub(super) fn next(task: &mut TaskRecord, now: Timestamp) -> Option<(u64, TaskReport)> {
    if task.reports.in_flight.is_some() || task.is_over() {
        return None;
    }
    let news = has_news(task);
    let progress = &mut task.reports;
    progress.news_since = news.then(|| progress.news_since.unwrap_or(now));
    progress.retry_at.take_if(|at| *at <= now);
    if progress.retry_at.is_some() {
        return None;
    }
    if needs_attachment(task) {
        return Some(send(task, attachment(task), None, true));
    }
    let status = status_to_tell(task);
    let moved = status > task.reports.status.unwrap_or(ReportedStatus::Pending);
    if moved || news_due(task).is_some_and(|at| at <= now) {
        let report = whole(task, status);
        return Some(send(task, report, Some(status), false));
    }
    None
}

/// When there may be a report to send that may not be sent now.
pub(super) fn wake_at(task: &TaskRecord) -> Option<Timestamp> {
    if task.reports.in_flight.is_some() || task.is_over() {
        return None;
    }
    task.reports.retry_at.or_else(|| news_due(task))
}

/// Takes in the control plane's answer to report `number`.
pub(super) fn answered(task: &mut TaskRecord, number: u64, answer: Answer, cx: &mut Cx) {
    let Some(sent) = task.reports.in_flight.take_if(|sent| sent.number == number) else {
        return;
    };
    match answer {
        Answer::Accepted | Answer::Rejected => taken_in(task, sent, cx.now),
        Answer::Failed => {
            let pause_ms = (PAUSE_MS << task.reports.failures.min(10)).min(PAUSE_MOST_MS);
            let jitter_ms = cx.below("report", (pause_ms / 5) as u64) as i64;
            task.reports.failures += 1;
            task.reports.retry_at = Some(cx.now.plus_ms(pause_ms + jitter_ms));
        }
    }
}

/// Forgets that the end was taken in: the control plane believes that the task goes on, so it is told once more.
pub(super) fn tell_again(task: &mut TaskRecord) {
    if task.reports.over_at.take().is_some() {
        task.reports.status = task.times.running_at.map(|_| ReportedStatus::Running);
        for container in &mut task.containers {
            container.reported = None;
        }
    }
}

fn taken_in(task: &mut TaskRecord, sent: InFlight, now: Timestamp) {
    let progress = &mut task.reports;
    progress.attached |= sent.attached;
    progress.status = progress.status.max(sent.status);
    progress.failures = 0;
    progress.retry_at = None;
    if sent.status == Some(ReportedStatus::Stopped) {
        progress.over_at = Some(now);
    }
    for (container, said) in task.containers.iter_mut().zip(sent.containers) {
        container.reported = container.reported.max(said);
    }
}

fn send(
    task: &mut TaskRecord,
    report: TaskReport,
    status: Option<ReportedStatus>,
    attached: bool,
) -> (u64, TaskReport) {
    let said = |c: &ContainerRecord| status.is_some().then(|| c.status());
    let containers = task.containers.iter().map(said).collect();
    let progress = &mut task.reports;
    progress.newest += 1;
    progress.in_flight = Some(InFlight {
        number: progress.newest,
        status,
        attached,
        containers,
    });
    (progress.newest, report)
}

fn needs_attachment(task: &TaskRecord) -> bool {
    task.network == Some(Phase::Ready) && !task.reports.attached
}

fn attachment(task: &TaskRecord) -> TaskReport {
    let interface = task.assignment.interface.as_ref();
    TaskReport {
        attached: interface
            .map(|interface| interface.attachment.to_string())
            .into_iter()
            .collect(),
        ..TaskReport::default()
    }
}

/// The next status to tell. A task that ran is told as RUNNING before it is told as STOPPED, however late.
fn status_to_tell(task: &TaskRecord) -> ReportedStatus {
    let ran = task.times.running_at.is_some();
    if ran && task.reports.status < Some(ReportedStatus::Running) {
        ReportedStatus::Running
    } else {
        task.known
    }
}

fn has_news(task: &TaskRecord) -> bool {
    task.containers.iter().any(is_news)
}

fn is_news(container: &ContainerRecord) -> bool {
    container.status() > container.reported.unwrap_or(ContainerStatus::Pending)
}

/// When news of containers is told without news of the task: after a while, or at once if telling it failed before.
fn news_due(task: &TaskRecord) -> Option<Timestamp> {
    let wait_ms = if task.reports.failures == 0 { BATCH_MS } else { 0 };
    task.reports.news_since.map(|since| since.plus_ms(wait_ms))
}

fn whole(task: &TaskRecord, status: ReportedStatus) -> TaskReport {
    TaskReport {
        status: Some(status),
        reason: task.reason.clone(),
        containers: task
            .containers
            .iter()
            .filter(|c| is_news(c))
            .flat_map(of_container)
            .collect(),
        attached: Vec::new(),
        pull_started_at: task.times.pull_started_at,
        pull_stopped_at: task.times.pull_stopped_at,
        execution_stopped_at: task.times.execution_stopped_at,
    }
}

/// What happened to a container since it was last told of: that it ran, that it ended, or both in this order.
fn of_container(container: &ContainerRecord) -> Vec<ContainerReport> {
    let entry = |status| ContainerReport {
        name: container.name.to_string(),
        status,
        exit_code: None,
        reason: None,
        runtime_id: container.started_at.map(|_| container.runtime_id.to_string()),
        image_digest: container.image_digest.clone(),
        bindings: container.bindings.clone(),
    };
    let ran = container.started_at.is_some() && container.reported < Some(ContainerStatus::Running);
    let over = container.status() == ContainerStatus::Stopped;
    let running = ran.then(|| entry(ContainerStatus::Running));
    let stopped = over.then(|| ContainerReport {
        exit_code: container.exit.and_then(|exit| exit.code),
        reason: container.reason.clone(),
        ..entry(ContainerStatus::Stopped)
    });
    running.into_iter().chain(stopped).collect()
}
