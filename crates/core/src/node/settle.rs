//! Takes in what happened: answers of steps, ends of containers, and what follows from them.
//!
//! An answer that nobody waits for, and an end that is known already, change nothing. Nothing here begins a step.

use super::model::{ContainerPhase, ContainerRecord, Exit, Phase, Retry, TaskRecord};
use super::op::{Step, StepFacts, StepFailure};
use super::order::{self, Standing};
use super::{health, reasons, restart, step};
use crate::ecs::model::{ContainerStatus, NetworkBinding, NetworkMode};
use crate::ecs::report::ReportedStatus;
use crate::ecs::view::assignment::Desired;
use crate::kernel::Timestamp;
use crate::kernel::names::Name;

/// The exit code that the stock agent gives a container that could not start for want of what it depends on.
const NEVER_STARTED_CODE: i32 = 143;
/// The longest pause before a step of cleaning is tried again.
const CLEANING_PAUSE_MOST_MS: i64 = 300_000;
/// The longest pause before a step is tried again for which the end of the task waits.
const URGENT_PAUSE_MOST_MS: i64 = 16_000;
/// The pause after the first failure of a step of cleaning; it doubles with each.
const CLEANING_PAUSE_MS: i64 = 1_000;

/// Takes in what `done` came to.
pub(super) fn done(task: &mut TaskRecord, done: &Step, outcome: Result<StepFacts, StepFailure>, now: Timestamp) {
    if let Step::Probe(name) = done {
        return health::probed(task, name, outcome, now);
    }
    if !step::under_way(task).contains(done) {
        return;
    }
    match done {
        Step::SetUpNetwork => task.network = Some(made_for_task(task, done, outcome)),
        Step::CreateCgroup => task.cgroup = made_for_task(task, done, outcome),
        Step::CreateVolumes => task.volumes = Some(made_for_task(task, done, outcome)),
        Step::Pull(name) => pulled(task, name, outcome, now),
        Step::Connect(name) => connected(task, name, outcome),
        Step::PrepareLogs(name) => logs_prepared(task, name, outcome),
        Step::Start(name) => started(task, name, outcome, now),
        Step::Stop(_) | Step::CancelPull(_) | Step::Probe(_) => {}
        Step::Kill(_)
        | Step::DrainLogs(_)
        | Step::Remove(_)
        | Step::Disconnect(_)
        | Step::TearDownNetwork
        | Step::RemoveCgroup
        | Step::RemoveVolumes => cleaned(task, done, outcome.is_ok(), now),
    }
}

/// What all containers need was made, or else the task ends.
fn made_for_task(task: &mut TaskRecord, made: &Step, outcome: Result<StepFacts, StepFailure>) -> Phase {
    match outcome {
        Ok(_) => Phase::Ready,
        Err(failure) => {
            let reason = reasons::of(made, &failure, task.assignment.launch_type);
            fail_task(task, reason);
            Phase::Broken
        }
    }
}

fn fail_task(task: &mut TaskRecord, reason: String) {
    task.desired = Desired::Stopped;
    task.reason.get_or_insert(reason);
}

fn pulled(task: &mut TaskRecord, name: &Name, outcome: Result<StepFacts, StepFailure>, now: Timestamp) {
    task.times.pull_stopped_at = Some(now);
    let launch_type = task.assignment.launch_type;
    let told = |failure: &StepFailure| reasons::of(&Step::Pull(name.clone()), failure, launch_type);
    let container = step::container(task, name);
    let in_vain = container.phase == ContainerPhase::Cancelling;
    match outcome {
        Ok(StepFacts::Pulled { digest }) => {
            container.image_digest = Some(digest);
            container.phase = ContainerPhase::Pulled;
        }
        Ok(StepFacts::Done | StepFacts::Connected { .. } | StepFacts::Started { .. } | StepFacts::Probed { .. }) => {
            let failure = StepFailure::CannotPull("the image has no digest".to_owned());
            fail_container(container, ContainerPhase::Removed, told(&failure));
        }
        Err(_) if in_vain => container.phase = ContainerPhase::Removed,
        Err(failure) => fail_container(container, ContainerPhase::Removed, told(&failure)),
    }
}

fn fail_container(container: &mut ContainerRecord, phase: ContainerPhase, reason: String) {
    container.reason.get_or_insert(reason);
    container.phase = phase;
}

fn connected(task: &mut TaskRecord, name: &Name, outcome: Result<StepFacts, StepFailure>) {
    let launch_type = task.assignment.launch_type;
    let container = step::container(task, name);
    match outcome {
        Ok(facts) => {
            container.bridge = Some(Phase::Ready);
            if let StepFacts::Connected { bindings } = facts {
                container.bindings = bindings;
            }
        }
        Err(failure) => {
            container.bridge = Some(Phase::Broken);
            let reason = reasons::of(&Step::Connect(name.clone()), &failure, launch_type);
            container.reason.get_or_insert(reason);
        }
    }
}

/// A log stream that cannot be made ends the whole task, as in ECS, and is told of both.
fn logs_prepared(task: &mut TaskRecord, name: &Name, outcome: Result<StepFacts, StepFailure>) {
    let Err(failure) = outcome else {
        return step::mark_logs(task, name, Phase::Ready);
    };
    step::mark_logs(task, name, Phase::Broken);
    let reason = reasons::of(&Step::PrepareLogs(name.clone()), &failure, task.assignment.launch_type);
    step::container(task, name).reason.get_or_insert(reason.clone());
    fail_task(task, reason);
}

fn started(task: &mut TaskRecord, name: &Name, outcome: Result<StepFacts, StepFailure>, now: Timestamp) {
    match outcome {
        Ok(StepFacts::Started { at }) => runs(task, name, at, now),
        Ok(StepFacts::Done | StepFacts::Pulled { .. } | StepFacts::Connected { .. } | StepFacts::Probed { .. }) => {
            runs(task, name, now, now)
        }
        Err(failure) => {
            let reason = reasons::of(&Step::Start(name.clone()), &failure, task.assignment.launch_type);
            let container = step::container(task, name);
            container.exit = container.exit.or(container.restarts.exit);
            fail_container(container, ContainerPhase::Exited, reason);
        }
    }
}

/// The container's process was started at `at`. If it has ended meanwhile, it counts as having run all the same.
pub(super) fn runs(task: &mut TaskRecord, name: &Name, at: Timestamp, now: Timestamp) {
    let host = task.assignment.network_mode == NetworkMode::Host;
    let bindings = if host { host_bindings(task, name) } else { Vec::new() };
    let container = step::container(task, name);
    container.phase = ContainerPhase::Running;
    container.started_at.get_or_insert(at);
    container.restarts.run_started_at = Some(at);
    if container.bindings.is_empty() {
        container.bindings = bindings;
    }
    let exit = container.exit;
    health::begin(task, name, at.max(now));
    follow(task, now);
    if let Some(exit) = exit {
        end(task, name, exit);
    }
}

/// On the host's network, a container's ports are the host's.
fn host_bindings(task: &TaskRecord, name: &Name) -> Vec<NetworkBinding> {
    let definition = task.assignment.containers.iter().map(|c| &c.definition);
    let own = definition.filter(|definition| definition.name == name.as_str());
    own.flat_map(|definition| &definition.port_mappings)
        .map(|mapping| NetworkBinding {
            bind_ip: Name::new("0.0.0.0"),
            container_port: mapping.container_port,
            host_port: mapping.container_port,
            protocol: mapping.protocol,
        })
        .collect()
}

/// The container's process ended. Its start may not have been answered yet.
pub(super) fn exited(task: &mut TaskRecord, name: &Name, exit: Exit) {
    let Some(position) = task.position(name) else {
        return;
    };
    let container = &mut task.containers[position];
    match container.phase {
        ContainerPhase::Starting => container.exit = Some(exit),
        ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => {
            end(task, name, exit);
            task.retries.retain(|retry| retry.step != Step::Kill(name.clone()));
        }
        ContainerPhase::Waiting
        | ContainerPhase::Pulling
        | ContainerPhase::Cancelling
        | ContainerPhase::Pulled
        | ContainerPhase::Exited
        | ContainerPhase::Removing
        | ContainerPhase::Removed => {}
    }
}

/// The process ended. Unless it is started again, this is the end of the container.
fn end(task: &mut TaskRecord, name: &Name, exit: Exit) {
    let Some(position) = task
        .position(name)
        .filter(|position| !restart::again(task, *position, exit))
    else {
        return;
    };
    let container = &mut task.containers[position];
    container.phase = ContainerPhase::Exited;
    container.exit = Some(exit);
    if exit.oom {
        container.reason.get_or_insert(reasons::OUT_OF_MEMORY.to_owned());
    }
}

/// The container should be there and is not.
pub(super) fn vanish(container: &mut ContainerRecord, now: Timestamp) {
    // One that was to be started again is known to have ended.
    let restarts = container.phase == ContainerPhase::Starting;
    container.exit = container.exit.or(container.restarts.exit.filter(|_| restarts));
    container.phase = ContainerPhase::Exited;
    container.reason.get_or_insert(reasons::VANISHED.to_owned());
    container.exit.get_or_insert(Exit {
        code: None,
        at: now,
        oom: false,
    });
}

/// How long to wait before a step of cleaning is tried again that has failed `failures` times before.
pub(super) fn cleaning_pause_ms(step: &Step, failures: u32) -> i64 {
    let urgent = matches!(step, Step::Kill(_) | Step::Disconnect(_) | Step::TearDownNetwork);
    let most_ms = if urgent {
        URGENT_PAUSE_MOST_MS
    } else {
        CLEANING_PAUSE_MOST_MS
    };
    (CLEANING_PAUSE_MS << failures.min(10)).min(most_ms)
}

/// A step of cleaning ended. One that fails is tried again and again: nothing is left behind in silence.
fn cleaned(task: &mut TaskRecord, cleaned: &Step, ok: bool, now: Timestamp) {
    let before = task.retries.iter().position(|retry| retry.step == *cleaned);
    let failures = before.map_or(0, |position| task.retries.swap_remove(position).failures);
    if !ok {
        task.retries.push(Retry {
            step: cleaned.clone(),
            failures: failures + 1,
            at: Some(now.plus_ms(cleaning_pause_ms(cleaned, failures))),
        });
        return;
    }
    match cleaned {
        Step::TearDownNetwork => task.network = Some(Phase::Gone),
        Step::RemoveCgroup => task.cgroup = Phase::Gone,
        Step::RemoveVolumes => task.volumes = Some(Phase::Gone),
        Step::DrainLogs(name) => step::mark_logs(task, name, Phase::Gone),
        Step::Remove(name) => step::container(task, name).phase = ContainerPhase::Removed,
        Step::Disconnect(name) => step::container(task, name).bridge = Some(Phase::Gone),
        Step::Kill(_)
        | Step::SetUpNetwork
        | Step::CreateCgroup
        | Step::CreateVolumes
        | Step::Pull(_)
        | Step::CancelPull(_)
        | Step::Connect(_)
        | Step::PrepareLogs(_)
        | Step::Start(_)
        | Step::Probe(_)
        | Step::Stop(_) => {}
    }
}

/// Draws the conclusions: the statuses of the task that follow from those of its parts.
pub(super) fn follow(task: &mut TaskRecord, now: Timestamp) {
    give_up_unwanted(task);
    note_essential_end(task, now);
    while task.desired == Desired::Running && give_up_hopeless(task, now) {
        give_up_unwanted(task);
        note_essential_end(task, now);
    }
    if task.has_ended() {
        task.desired = Desired::Stopped;
    }
    give_up_unwanted(task);
    note_essential_end(task, now);
    let up = |c: &ContainerRecord| c.status() > ContainerStatus::Pending;
    if task.desired == Desired::Running && task.known < ReportedStatus::Running && task.containers.iter().all(up) {
        task.known = ReportedStatus::Running;
        task.times.running_at = Some(now);
    }
    if task.desired == Desired::Stopped && (step::is_clean(task) || step::resists(task)) {
        task.known = ReportedStatus::Stopped;
    }
}

/// A container that is not to run any more, and of which nothing is there, is over.
fn give_up_unwanted(task: &mut TaskRecord) {
    for position in 0..task.containers.len() {
        let container = &task.containers[position];
        let idle = matches!(container.phase, ContainerPhase::Waiting | ContainerPhase::Pulled);
        if idle && step::wanted(task, container) == Desired::Stopped {
            let container = &mut task.containers[position];
            container.phase = ContainerPhase::Removed;
            if container.started_at.is_some() {
                // It was to be started again: its files are still there.
                container.phase = ContainerPhase::Exited;
                container.exit = container.restarts.exit;
            }
        }
    }
}

/// A container that waits for what can never happen ends as in ECS: as if it had been stopped before it started. Answers
/// whether there was one; others may wait for it.
fn give_up_hopeless(task: &mut TaskRecord, now: Timestamp) -> bool {
    let waits = |c: &ContainerRecord| c.status() == ContainerStatus::Pending && c.phase != ContainerPhase::Starting;
    let hopeless = |c: &ContainerRecord| match order::standing(task, c, now) {
        Standing::Never(why) if waits(c) && !c.has_failed() => Some(why),
        Standing::Never(_) | Standing::Met | Standing::Waits(_) => None,
    };
    let found = task.containers.iter().map(hopeless).enumerate();
    let Some((position, why)) = found.filter_map(|(position, why)| Some((position, why?))).next() else {
        return false;
    };
    let container = &mut task.containers[position];
    container.reason = Some(why);
    container.exit = Some(Exit {
        code: Some(NEVER_STARTED_CODE),
        at: now,
        oom: false,
    });
    true
}

/// The end of an essential container is the end of the task.
fn note_essential_end(task: &mut TaskRecord, now: Timestamp) {
    let ended = task
        .parts()
        .filter(|(definition, container)| definition.essential && container.is_over());
    let first = ended
        .map(|(_, container)| container.exit.map_or(now, |exit| exit.at))
        .min();
    if let Some(at) = first {
        task.desired = Desired::Stopped;
        task.times.execution_stopped_at.get_or_insert(at);
    }
}
