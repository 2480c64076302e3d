//! The agent's brain: one task's lifecycle, one step per call.
//!
//! It turns the control plane's assignments into operations on the machine, and what the machine answers into
//! reports. It is pure: no I/O, no clock. What it wants remembered is saved before anything is done because of it,
//! so the agent may die on any line: [`event::Restored`] brings the records back and the work goes on.
//!
//! Reading order: `model` (what is known about a task), `op` (what can be asked of the machine), `step` (the whole
//! lifecycle on one screen), `order`, `restart` and `health` (what definitions say of it), `settle` (what an answer means), `report`, `admit` (the control plane's messages),
//! `restore`.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::TaskKey;
use crate::ecs::report::ReportedStatus;
use crate::ecs::view::assignment::Desired;
use crate::kernel::{Cx, Timestamp};

mod admit;
mod build;
pub mod event;
pub mod health;
pub mod logs;
pub mod model;
pub mod op;
mod order;
mod reasons;
mod report;
mod restart;
mod restore;
mod settle;
mod step;
mod strays;
#[cfg(test)]
mod tests;
mod volumes;

pub use event::{Answer, Event, FoundContainer, FoundState, MessageId, Output, Restored, Save, ToControl};
pub use health::{HealthRecord, Probe, TaskHealth};
pub use logs::{AwsLogs, LogMode};
pub use model::{ContainerPhase, ContainerRecord, Exit, NodeRecord, Phase, Restarts, RuntimeId, TaskRecord};
pub use op::{ManifestFailure, Netns, Op, StartContainer, Step, StepFacts, StepFailure};
use strays::Strays;
pub use volumes::{MountSource, VolumeMount};

/// How long the record of a task is kept after its end was taken in and nothing of it is left, so that a late message cannot start it again.
const KEPT_MS: i64 = 600_000;

/// What the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Seconds between the stop signal and SIGKILL for containers whose definition has no `stopTimeout`.
    pub stop_timeout_s: u32,
}

impl Default for Config {
    /// The defaults of ECS.
    fn default() -> Self {
        Self { stop_timeout_s: 30 }
    }
}

/// The agent's brain.
#[derive(Clone, Debug)]
pub struct Node {
    config: Config,
    node: NodeRecord,
    tasks: BTreeMap<TaskKey, Held>,
    wakeups: BTreeSet<(Timestamp, TaskKey)>,
    /// The last manifest, until its candidates are confirmed.
    manifest: Option<MessageId>,
    /// Containers of tasks that are not on record, until they are removed.
    strays: Strays,
    restored: bool,
    closing: bool,
}

/// A task in memory.
#[derive(Clone, Debug)]
struct Held {
    record: TaskRecord,
    /// Its entry among the wakeups.
    wake_at: Option<Timestamp>,
}

/// When a changed record is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// In this turn: something that is not seen here depends on it.
    Always,
    /// With the first thing that is done because of it. Until then a restart finds it out again.
    WhenActed,
}

impl Node {
    /// A brain that has heard nothing yet: [`Event::Restored`] comes first.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            node: NodeRecord::default(),
            tasks: BTreeMap::new(),
            wakeups: BTreeSet::new(),
            manifest: None,
            strays: Strays::default(),
            restored: false,
            closing: false,
        }
    }

    /// Takes in an event.
    ///
    /// # Panics
    /// If the first event is not [`Event::Restored`], or a later one is.
    pub fn handle(&mut self, cx: &mut Cx, event: Event) -> Output {
        let mut out = Output::default();
        let started = self.restored || matches!(event, Event::Restored(_));
        assert!(
            started,
            "the agent looks at what it left behind before it does anything"
        );
        match event {
            Event::Restored(restored) => self.restored(cx, restored, &mut out),
            Event::Registered { instance } => self.registered(instance, &mut out),
            Event::Payload { seq, message, tasks } => self.payload(cx, (seq, message), tasks, &mut out),
            Event::Manifest { seq, message, tasks } => self.manifest(cx, (seq, message), &tasks, &mut out),
            Event::StopVerified { message, tasks } => self.stop_verified(cx, &message, &tasks, &mut out),
            Event::Done { task, step, outcome } if !self.tasks.contains_key(&task) => {
                self.strays.removed((task, step), outcome.is_ok(), cx.now);
            }
            Event::Done { task, step, outcome } => self.turn(cx, &task, Keep::WhenActed, &mut out, |task, cx| {
                settle::done(task, &step, outcome, cx.now);
            }),
            Event::Exited { task, container, exit } => self.turn(cx, &task, Keep::WhenActed, &mut out, |task, _| {
                settle::exited(task, &container, exit);
            }),
            Event::Submitted { task, number, answer } => self.turn(cx, &task, Keep::WhenActed, &mut out, |task, cx| {
                report::answered(task, number, answer, cx);
            }),
            Event::Shutdown => self.shutdown(cx, &mut out),
        }
        out
    }

    /// Does what is due by now.
    pub fn tick(&mut self, cx: &mut Cx) -> Output {
        let mut out = Output::default();
        let due = self.wakeups.iter().take_while(|(at, _)| *at <= cx.now);
        let due: Vec<TaskKey> = due.map(|(_, key)| key.clone()).collect();
        for key in due {
            self.turn(cx, &key, Keep::WhenActed, &mut out, |_, _| {});
        }
        out.ops.extend(self.strays.due(cx.now));
        out
    }

    /// When [`Node::tick`] has something to do next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let of_tasks = self.wakeups.first().map(|(at, _)| *at);
        of_tasks.into_iter().chain(self.strays.next_wakeup()).min()
    }

    /// All tasks on record, in the order of their keys; also those that are over, for a while.
    pub fn records(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks.values().map(|held| &held.record)
    }

    /// The record of a task.
    #[must_use]
    pub fn record(&self, task: &TaskKey) -> Option<&TaskRecord> {
        self.tasks.get(task).map(|held| &held.record)
    }

    /// The health of all containers that are probed, by their tasks.
    pub fn health(&self) -> impl Iterator<Item = TaskHealth> {
        self.records().filter_map(health::of)
    }

    /// Whether nothing of any task is left on the machine. After [`Event::Shutdown`] an agent that cannot reach its
    /// control plane may end here.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.records().all(|task| task.known == ReportedStatus::Stopped)
    }

    /// Whether, moreover, the control plane knows the end of every task.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.records().all(TaskRecord::is_over)
    }

    fn shutdown(&mut self, cx: &mut Cx, out: &mut Output) {
        self.closing = true;
        let keys: Vec<TaskKey> = self.tasks.keys().cloned().collect();
        for key in keys {
            self.turn(cx, &key, Keep::Always, out, |task, _| {
                if task.desired == Desired::Running {
                    task.desired = Desired::Stopped;
                    task.reason.get_or_insert(reasons::SHUT_DOWN.to_owned());
                }
            });
        }
    }

    fn insert(&mut self, record: TaskRecord) {
        let wake_at = None;
        self.tasks.insert(record.key().clone(), Held { record, wake_at });
    }

    /// One turn of one task: changes it, draws the conclusions, begins what may begin, reports what is to be reported,
    /// and saves it if anything is to be done because of it. A task that is not known has no turn.
    fn turn(
        &mut self,
        cx: &mut Cx,
        key: &TaskKey,
        keep: Keep,
        out: &mut Output,
        change: impl FnOnce(&mut TaskRecord, &mut Cx),
    ) {
        let Some(held) = self.tasks.get_mut(key) else {
            return;
        };
        let (before, was) = ((out.ops.len(), out.send.len()), health::statuses(&held.record));
        change(&mut held.record, cx);
        advance(&mut held.record, cx.now, self.config, out);
        let changes = |op: &Op| !matches!(op, Op::Probe { .. });
        let turned = was != health::statuses(&held.record);
        out.health |= turned;
        let acted = turned || out.send.len() > before.1 || out.ops[before.0..].iter().any(changes);
        let over_at = held
            .record
            .reports
            .over_at
            .filter(|_| step::is_clean(&held.record) || self.closing);
        let kept_until = over_at.map(|at| at.plus_ms(KEPT_MS));
        if kept_until.is_some_and(|until| self.closing || until <= cx.now) {
            out.save.push(Save::Delete(key.clone()));
            self.wake(key, None);
            self.tasks.remove(key);
            return;
        }
        if acted || keep == Keep::Always || kept_until.is_some() {
            out.save.push(Save::Put(Box::new(held.record.clone())));
        }
        let own = [
            step::wake_at(&held.record, cx.now),
            report::wake_at(&held.record),
            kept_until,
        ];
        self.wake(key, own.into_iter().flatten().min());
    }

    fn wake(&mut self, key: &TaskKey, at: Option<Timestamp>) {
        let Some(held) = self.tasks.get_mut(key) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut held.wake_at, at) {
            self.wakeups.remove(&(before, key.clone()));
        }
        self.wakeups.extend(at.map(|at| (at, key.clone())));
    }
}

/// Begins every step that may begin, and sends the report that is due.
fn advance(task: &mut TaskRecord, now: Timestamp, config: Config, out: &mut Output) {
    settle::follow(task, now);
    loop {
        let steps = step::next(task, now);
        for step in &steps {
            step::begin(task, step, now, config.stop_timeout_s);
            out.ops.push(build::op(task, step));
        }
        if steps.is_empty() {
            break;
        }
    }
    let report = report::next(task, now);
    out.send.extend(report.map(|(number, report)| ToControl::Report {
        task: task.key().clone(),
        number,
        report,
    }));
}
