//! A task's life on one screen: which steps may begin, given how far everything is.
//!
//! ```text
//!   at once, side by side:   pull every image · make the task's network, control group and volumes (or each
//!                            container's place on the bridge) · make the log streams
//!   then:                    start the first container, then the others side by side, each as soon as what it depends on
//!                            allows; probe the health of those that run
//!   all run:                 RUNNING
//!   an essential one ends, the task shall stop, or what all need has failed:
//!                            call pulls off · stop what runs, those first that depend on others; kill what takes too long
//!   one with a policy ends:  start it again
//!   as each container ends:  deliver the rest of its output
//!   when all have ended:     remove the containers, then the networks, the control group and the task's own volumes
//!   nothing is left, or nothing but what resists, off the network: STOPPED
//! ```
//!
//! [`next`] is a pure function of the record; [`begin`] marks a step as under way, [`under_way`] finds those again after
//! a restart. What the steps come to is taken in by `settle`.

use super::health;
use super::model::{ContainerPhase, ContainerRecord, Phase, Retry, TaskRecord};
use super::op::Step;
use super::order::{self, Standing};
use crate::ecs::view::assignment::Desired;
use crate::kernel::Timestamp;

/// How often a step of cleaning must have failed before the end of the task is told all the same.
const CLEANING_TRIES: u32 = 5;

/// The steps that may begin now.
pub(super) fn next(task: &TaskRecord, now: Timestamp) -> Vec<Step> {
    let mut steps = of_task(task);
    for container in &task.containers {
        steps.extend(of_furnishings(task, container));
        steps.extend(of_process(task, container, now));
    }
    let due = task.retries.iter().filter(|retry| retry.at.is_some_and(|at| at <= now));
    steps.extend(due.map(|retry| retry.step.clone()));
    steps
}

/// What the task as a whole needs, and no longer needs.
fn of_task(task: &TaskRecord) -> Vec<Step> {
    let removed = task.containers.iter().all(|c| c.phase == ContainerPhase::Removed);
    let let_go = task.containers.iter().all(|c| lets_go(task, c));
    let network = match (task.desired, task.network) {
        (Desired::Running, Some(Phase::Absent)) => Some(Step::SetUpNetwork),
        (Desired::Stopped, Some(Phase::Ready | Phase::Broken)) if let_go => Some(Step::TearDownNetwork),
        (Desired::Running | Desired::Stopped, _) => None,
    };
    let cgroup = match (task.desired, task.cgroup) {
        (Desired::Running, Phase::Absent) => Some(Step::CreateCgroup),
        (Desired::Stopped, Phase::Ready | Phase::Broken) if removed => Some(Step::RemoveCgroup),
        (Desired::Running | Desired::Stopped, _) => None,
    };
    let volumes = match (task.desired, task.volumes) {
        (Desired::Running, Some(Phase::Absent)) => Some(Step::CreateVolumes),
        (Desired::Stopped, Some(Phase::Ready | Phase::Broken)) if removed => Some(Step::RemoveVolumes),
        (Desired::Running | Desired::Stopped, _) => None,
    };
    network.into_iter().chain(cgroup).chain(volumes).collect()
}

/// What a container needs around it, and no longer needs.
fn of_furnishings(task: &TaskRecord, container: &ContainerRecord) -> Vec<Step> {
    let wanted = wanted(task, container) == Desired::Running;
    let let_go = lets_go(task, container);
    let bridge = match container.bridge {
        Some(Phase::Absent) if wanted => Some(Step::Connect(container.name.clone())),
        Some(Phase::Ready | Phase::Broken) if let_go => Some(Step::Disconnect(container.name.clone())),
        Some(_) | None => None,
    };
    let wrote = container.is_over() && container.started_at.is_some();
    let logs = match container.logs.as_ref().map(|logs| logs.phase) {
        Some(Phase::Absent) if wanted => Some(Step::PrepareLogs(container.name.clone())),
        Some(Phase::Ready) if wrote => Some(Step::DrainLogs(container.name.clone())),
        Some(_) | None => None,
    };
    bridge.into_iter().chain(logs).collect()
}

/// What moves a container itself on.
fn of_process(task: &TaskRecord, container: &ContainerRecord, now: Timestamp) -> Option<Step> {
    let wanted = wanted(task, container) == Desired::Running;
    let name = container.name.clone();
    match container.phase {
        ContainerPhase::Waiting if wanted => Some(Step::Pull(name)),
        ContainerPhase::Pulling if !wanted => Some(Step::CancelPull(name)),
        ContainerPhase::Pulled if wanted && may_start(task, container, now) => Some(Step::Start(name)),
        ContainerPhase::Running if !wanted && order::may_stop(task, container) => Some(Step::Stop(name)),
        ContainerPhase::Running if health::due_at(task, container).is_some_and(|at| at <= now) => {
            Some(Step::Probe(name))
        }
        ContainerPhase::Stopping if container.kill_at.is_some_and(|at| at <= now) => Some(Step::Kill(name)),
        ContainerPhase::Exited if task.has_ended() && is_drained(container) => Some(Step::Remove(name)),
        ContainerPhase::Waiting
        | ContainerPhase::Pulling
        | ContainerPhase::Cancelling
        | ContainerPhase::Pulled
        | ContainerPhase::Starting
        | ContainerPhase::Running
        | ContainerPhase::Stopping
        | ContainerPhase::Killing
        | ContainerPhase::Exited
        | ContainerPhase::Removing
        | ContainerPhase::Removed => None,
    }
}

/// Where a container shall go: with its task, unless something that it needs has failed.
pub(super) fn wanted(task: &TaskRecord, container: &ContainerRecord) -> Desired {
    if container.has_failed() {
        Desired::Stopped
    } else {
        task.desired
    }
}

/// Whether all is there that `container` needs, and all has happened that it waits for. The first container that waits for
/// no other must have been started before the rest, since they share its shim; one that could not start leaves this to the
/// next.
fn may_start(task: &TaskRecord, container: &ContainerRecord, now: Timestamp) -> bool {
    let ready = |phase: Option<Phase>| phase.is_none_or(|phase| phase == Phase::Ready);
    let furnished = ready(task.network)
        && task.cgroup == Phase::Ready
        && ready(task.volumes)
        && ready(container.bridge)
        && ready(container.logs.as_ref().map(|logs| logs.phase));
    let in_order = |c: &ContainerRecord| order::standing(task, c, now) == Standing::Met;
    let candidate = |c: &&ContainerRecord| !(c.is_over() || c.has_failed()) && in_order(c);
    let led = task.containers.iter().any(|c| c.started_at.is_some());
    let leads = || {
        task.containers
            .iter()
            .find(candidate)
            .is_none_or(|leader| leader.name == container.name)
    };
    furnished && in_order(container) && (led || leads())
}

fn is_drained(container: &ContainerRecord) -> bool {
    container.logs.as_ref().is_none_or(|logs| match logs.phase {
        Phase::Absent | Phase::Broken | Phase::Gone => true,
        Phase::Making | Phase::Unmaking => false,
        Phase::Ready => container.started_at.is_none(),
    })
}

/// Whether nothing of the task is left on the machine, and nothing is under way.
pub(super) fn is_clean(task: &TaskRecord) -> bool {
    let gone = |phase: Option<Phase>| phase.is_none_or(|phase| matches!(phase, Phase::Absent | Phase::Gone));
    let container = |c: &ContainerRecord| c.phase == ContainerPhase::Removed && gone(c.bridge) && is_drained(c);
    gone(task.network) && gone(Some(task.cgroup)) && gone(task.volumes) && task.containers.iter().all(container)
}

/// Whether this step of cleaning has failed so often that others do not wait for it any longer.
fn often(retry: &Retry) -> bool {
    retry.failures >= CLEANING_TRIES && !matches!(retry.step, Step::Kill(_))
}

/// Whether the container's place in the network may go: it is removed, or it has ended and what comes before resists.
fn lets_go(task: &TaskRecord, container: &ContainerRecord) -> bool {
    let before = [
        Step::DrainLogs(container.name.clone()),
        Step::Remove(container.name.clone()),
    ];
    let resists = |retry: &Retry| often(retry) && before.contains(&retry.step);
    container.phase == ContainerPhase::Removed || (container.is_over() && task.retries.iter().any(resists))
}

/// Whether the task holds neither an address nor a port of the host.
fn is_off_network(task: &TaskRecord) -> bool {
    let off = |phase: Option<Phase>| phase.is_none_or(|phase| matches!(phase, Phase::Absent | Phase::Gone));
    off(task.network) && task.containers.iter().all(|container| off(container.bridge))
}

/// Whether all containers have ended and what is left of the task resists: nothing goes on but cleaning that has failed
/// often. The control plane is told the end then, while the cleaning goes on. It is never told while the task is on the
/// network: it would give the task's address and ports to the next one.
pub(super) fn resists(task: &TaskRecord) -> bool {
    let hopeless = |step: &Step| task.retries.iter().any(|retry| retry.step == *step && often(retry));
    task.has_ended()
        && is_off_network(task)
        && !task.retries.is_empty()
        && task.retries.iter().all(often)
        && under_way(task).iter().all(hopeless)
}

/// The steps whose answers are awaited. They are those to repeat after a restart.
pub(super) fn under_way(task: &TaskRecord) -> Vec<Step> {
    let furnishing = |phase: Option<Phase>, make: Step, unmake: Step| match phase {
        Some(Phase::Making) => Some(make),
        Some(Phase::Unmaking) => Some(unmake),
        Some(Phase::Absent | Phase::Broken | Phase::Ready | Phase::Gone) | None => None,
    };
    let mut steps = Vec::new();
    steps.extend(furnishing(task.network, Step::SetUpNetwork, Step::TearDownNetwork));
    steps.extend(furnishing(Some(task.cgroup), Step::CreateCgroup, Step::RemoveCgroup));
    steps.extend(furnishing(task.volumes, Step::CreateVolumes, Step::RemoveVolumes));
    for container in &task.containers {
        let name = || container.name.clone();
        let logs = container.logs.as_ref().map(|logs| logs.phase);
        steps.extend(furnishing(
            container.bridge,
            Step::Connect(name()),
            Step::Disconnect(name()),
        ));
        steps.extend(furnishing(logs, Step::PrepareLogs(name()), Step::DrainLogs(name())));
        steps.extend(match container.phase {
            ContainerPhase::Pulling | ContainerPhase::Cancelling => Some(Step::Pull(name())),
            ContainerPhase::Starting => Some(Step::Start(name())),
            ContainerPhase::Stopping => Some(Step::Stop(name())),
            ContainerPhase::Killing => Some(Step::Kill(name())),
            ContainerPhase::Removing => Some(Step::Remove(name())),
            ContainerPhase::Waiting
            | ContainerPhase::Pulled
            | ContainerPhase::Running
            | ContainerPhase::Exited
            | ContainerPhase::Removed => None,
        });
    }
    let waits = |step: &Step| {
        task.retries
            .iter()
            .any(|retry| retry.step == *step && retry.at.is_some())
    };
    steps.retain(|step| !waits(step));
    steps
}

/// Marks `step` as under way. `stop_timeout_s` is for containers whose definition has none.
pub(super) fn begin(task: &mut TaskRecord, step: &Step, now: Timestamp, stop_timeout_s: u32) {
    for retry in task.retries.iter_mut().filter(|retry| retry.step == *step) {
        retry.at = None;
    }
    match step {
        Step::SetUpNetwork => task.network = Some(Phase::Making),
        Step::TearDownNetwork => task.network = Some(Phase::Unmaking),
        Step::CreateCgroup => task.cgroup = Phase::Making,
        Step::RemoveCgroup => task.cgroup = Phase::Unmaking,
        Step::CreateVolumes => task.volumes = Some(Phase::Making),
        Step::RemoveVolumes => task.volumes = Some(Phase::Unmaking),
        Step::Pull(name) => {
            task.times.pull_started_at.get_or_insert(now);
            container(task, name).phase = ContainerPhase::Pulling;
        }
        Step::CancelPull(name) => container(task, name).phase = ContainerPhase::Cancelling,
        Step::Connect(name) => container(task, name).bridge = Some(Phase::Making),
        Step::Disconnect(name) => container(task, name).bridge = Some(Phase::Unmaking),
        Step::PrepareLogs(name) => mark_logs(task, name, Phase::Making),
        Step::DrainLogs(name) => mark_logs(task, name, Phase::Unmaking),
        Step::Start(name) => container(task, name).phase = ContainerPhase::Starting,
        Step::Probe(name) => health::probing(container(task, name), now),
        Step::Stop(name) => {
            let timeout_s = stop_timeout(task, name).unwrap_or(stop_timeout_s);
            let container = container(task, name);
            container.phase = ContainerPhase::Stopping;
            container.kill_at = Some(now.plus_ms(i64::from(timeout_s) * 1000));
        }
        Step::Kill(name) => container(task, name).phase = ContainerPhase::Killing,
        Step::Remove(name) => container(task, name).phase = ContainerPhase::Removing,
    }
}

fn stop_timeout(task: &TaskRecord, name: &crate::kernel::names::Name) -> Option<u32> {
    let mut parts = task.parts();
    parts
        .find(|(_, c)| c.name == *name)
        .and_then(|(definition, _)| definition.stop_timeout_s)
}

/// The container that a step names.
pub(super) fn container<'a>(task: &'a mut TaskRecord, name: &crate::kernel::names::Name) -> &'a mut ContainerRecord {
    let position = task.position(name).expect("a step names a container of its task");
    &mut task.containers[position]
}

/// Moves the container's log stream on to `phase`.
pub(super) fn mark_logs(task: &mut TaskRecord, name: &crate::kernel::names::Name, phase: Phase) {
    let logs = container(task, name).logs.as_mut();
    logs.expect("a step about logs is taken only for a container that has them")
        .phase = phase;
}

/// When a step may begin that may not begin now.
pub(super) fn wake_at(task: &TaskRecord, now: Timestamp) -> Option<Timestamp> {
    let stopping = |c: &&ContainerRecord| c.phase == ContainerPhase::Stopping;
    let kills = task.containers.iter().filter(stopping).filter_map(|c| c.kill_at);
    let probes = task.containers.iter().filter_map(|c| health::due_at(task, c));
    let retries = task.retries.iter().filter_map(|retry| retry.at);
    let patience = task.containers.iter().filter_map(|c| patience(task, c, now));
    kills.chain(probes).chain(retries).chain(patience).min()
}

/// Until when a container waits for others.
fn patience(task: &TaskRecord, container: &ContainerRecord, now: Timestamp) -> Option<Timestamp> {
    let waits = !container.is_over() && wanted(task, container) == Desired::Running;
    match order::standing(task, container, now) {
        Standing::Waits(until) if waits => until,
        Standing::Waits(_) | Standing::Met | Standing::Never(_) => None,
    }
}
