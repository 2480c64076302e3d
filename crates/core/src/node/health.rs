//! When a container's health is probed, and what the probes come to. The rules are Docker's: the first probe an interval
//! after the start, the next an interval after the last one ended; so many failures in a row make it unhealthy, one
//! success healthy again. Failures in the start period do not count until a probe succeeds.
//!
//! The machine only runs a probe. Nothing follows from health here but that others may start (see `order`).

use serde::{Deserialize, Serialize};

use super::model::{ContainerPhase, ContainerRecord, TaskRecord};
use super::op::{Step, StepFacts, StepFailure};
use super::{reasons, step};
use crate::ecs::model::{HealthCheck, HealthStatus, LaunchType, TaskKey};
use crate::ecs::view::assignment::Desired;
use crate::kernel::Timestamp;
use crate::kernel::names::Name;

/// The most bytes of a probe's output that are kept, as in Docker.
const MOST_OUTPUT: usize = 4096;

/// What is known of a container's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// How well it is.
    pub status: HealthStatus,
    /// Since when.
    pub since: Timestamp,
    /// How many probes have failed in a row.
    pub failures: u32,
    /// What the last probe said: its output, or why there is none.
    pub output: Option<String>,
    /// The next probe.
    pub probe: Probe,
}

/// Where the next probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// It begins then.
    Due(Timestamp),
    /// It is under way.
    UnderWay {
        /// How often the container had been started again when it began.
        restarts: u32,
        /// When it began.
        since: Timestamp,
    },
}

/// The health of a task's containers, as it is told to the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskHealth {
    /// Which task.
    pub task: TaskKey,
    /// The family of its definition.
    pub family: String,
    /// The revision of its definition.
    pub revision: u32,
    /// Those that are probed: name, status, since when, and what the last probe said.
    pub containers: Vec<(Name, HealthStatus, Timestamp, Option<String>)>,
}

/// The health of the task's containers that are probed and run.
pub(super) fn of(task: &TaskRecord) -> Option<TaskHealth> {
    let of_container = |one: &ContainerRecord| {
        let health = one.health.as_ref().filter(|_| !one.is_over())?;
        Some((one.name.clone(), health.status, health.since, health.output.clone()))
    };
    let containers: Vec<_> = task.containers.iter().filter_map(of_container).collect();
    (!containers.is_empty()).then(|| TaskHealth {
        task: task.key().clone(),
        family: task.assignment.family.clone(),
        revision: task.assignment.revision,
        containers,
    })
}

/// The statuses alone, to see whether one has changed.
pub(super) fn statuses(task: &TaskRecord) -> Vec<Option<HealthStatus>> {
    let status = |one: &ContainerRecord| {
        one.health
            .as_ref()
            .filter(|_| !one.is_over())
            .map(|health| health.status)
    };
    task.containers.iter().map(status).collect()
}

fn check<'a>(task: &'a TaskRecord, name: &Name) -> Option<&'a HealthCheck> {
    let (definition, _) = task.parts().find(|(_, one)| one.name == *name)?;
    definition.lifecycle.health_check.as_ref()
}

/// The container's process has just started: nothing is known of its health.
pub(super) fn begin(task: &mut TaskRecord, name: &Name, now: Timestamp) {
    let Some(interval_ms) = check(task, name).map(interval_ms) else {
        return;
    };
    let health = &mut step::container(task, name).health;
    let under_way = health.as_ref().map(|health| health.probe).filter(|probe| match probe {
        Probe::UnderWay { .. } => true,
        Probe::Due(_) => false,
    });
    *health = Some(HealthRecord {
        status: HealthStatus::Unknown,
        since: now,
        failures: 0,
        output: None,
        probe: under_way.unwrap_or(Probe::Due(now.plus_ms(interval_ms))),
    });
}

/// When the container is to be probed next, if it is and nothing is under way.
pub(super) fn due_at(task: &TaskRecord, container: &ContainerRecord) -> Option<Timestamp> {
    let runs = container.phase == ContainerPhase::Running && step::wanted(task, container) == Desired::Running;
    match container.health.as_ref().filter(|_| runs)?.probe {
        Probe::Due(at) => Some(at),
        Probe::UnderWay { .. } => None,
    }
}

/// The probe begins.
pub(super) fn probing(container: &mut ContainerRecord, now: Timestamp) {
    let restarts = container.restarts.count;
    if let Some(health) = &mut container.health {
        health.probe = Probe::UnderWay { restarts, since: now };
    }
}

/// Nobody waits for a probe any more that was under way: the agent was started anew.
pub(super) fn restored(container: &mut ContainerRecord, now: Timestamp) {
    match &mut container.health {
        Some(health) if matches!(health.probe, Probe::UnderWay { .. }) => health.probe = Probe::Due(now),
        Some(_) | None => {}
    }
}

/// Takes in what a probe came to. One of an earlier run of the container says nothing about this one.
pub(super) fn probed(task: &mut TaskRecord, name: &Name, outcome: Result<StepFacts, StepFailure>, now: Timestamp) {
    let (Some(check), Some(position)) = (check(task, name).cloned(), task.position(name)) else {
        return;
    };
    let launch_type = task.assignment.launch_type;
    let container = &mut task.containers[position];
    let (runs, restarts) = (container.phase == ContainerPhase::Running, container.restarts.count);
    let started_at = container.restarts.run_started_at.or(container.started_at);
    let Some(health) = &mut container.health else {
        return;
    };
    let Probe::UnderWay { restarts: of, since } = health.probe else {
        return;
    };
    health.probe = Probe::Due(now.plus_ms(interval_ms(&check)));
    if !runs || of != restarts {
        return;
    }
    let passed = matches!(outcome, Ok(StepFacts::Probed { exit_code: 0, .. }));
    health.output = Some(output(name, outcome, check.timeout_s, launch_type));
    let grace_ms = i64::from(check.start_period_s.unwrap_or(0)) * 1000;
    let early = started_at.is_some_and(|at| since.since_ms(at) < grace_ms);
    if passed {
        health.failures = 0;
        health.turn(HealthStatus::Healthy, now);
    } else if !early || health.status != HealthStatus::Unknown {
        health.failures += 1;
        if health.failures >= check.retries {
            health.turn(HealthStatus::Unhealthy, now);
        }
    }
}

impl HealthRecord {
    fn turn(&mut self, status: HealthStatus, now: Timestamp) {
        if self.status != status {
            (self.status, self.since) = (status, now);
        }
    }
}

fn output(name: &Name, outcome: Result<StepFacts, StepFailure>, timeout_s: u32, launch_type: LaunchType) -> String {
    let mut text = match outcome {
        Ok(StepFacts::Probed { output, .. }) => output,
        Ok(StepFacts::Done | StepFacts::Pulled { .. } | StepFacts::Connected { .. } | StepFacts::Started { .. }) => {
            String::new()
        }
        Err(StepFailure::Timeout { .. }) => format!("Health check exceeded timeout ({timeout_s}s)"),
        Err(failure) => reasons::of(&Step::Probe(name.clone()), &failure, launch_type),
    };
    let end = (0..=MOST_OUTPUT.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

fn interval_ms(check: &HealthCheck) -> i64 {
    i64::from(check.interval_s) * 1000
}
