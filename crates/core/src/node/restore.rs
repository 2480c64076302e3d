//! Finds the thread again after a restart: compares the records with the containers that are there.
//!
//! A record may be older than what happened, but never older than what was asked for. So a container that was to start
//! may have run already; one that ran and is not there any more has ended; and what was under way is asked for again.

use std::collections::BTreeMap;

use super::event::{FoundContainer, FoundState, Restored};
use super::model::{ContainerPhase, Exit, Phase, TaskRecord};
use super::{Keep, Node, Output, build, health, reasons, settle, step};
use crate::ecs::model::TaskKey;
use crate::ecs::view::assignment::Desired;
use crate::kernel::names::Name;
use crate::kernel::{Cx, Timestamp};

type Found = BTreeMap<(TaskKey, Name), FoundContainer>;

impl Node {
    /// Goes on from what was saved and what is found.
    pub(super) fn restored(&mut self, cx: &mut Cx, restored: Restored, out: &mut Output) {
        assert!(!self.restored, "an agent starts only once");
        self.restored = true;
        self.node = restored.node;
        let mut found = restored.found.into_iter().map(by_name).collect();
        for mut task in restored.records {
            let key = task.key().clone();
            compare(&mut task, &mut found, restored.rebooted, cx.now);
            out.ops
                .extend(step::under_way(&task).iter().map(|step| build::op(&task, step)));
            self.insert(task);
            self.turn(cx, &key, Keep::Always, out, |_, _| {});
        }
        for ((task, container), found) in found {
            self.strays.add(task, container, found.runtime_id);
        }
        out.ops.extend(self.strays.due(cx.now));
    }
}

fn by_name(found: FoundContainer) -> ((TaskKey, Name), FoundContainer) {
    ((found.task.clone(), found.container.clone()), found)
}

fn compare(task: &mut TaskRecord, found: &mut Found, rebooted: bool, now: Timestamp) {
    if rebooted && !task.has_ended() {
        task.desired = Desired::Stopped;
        task.reason.get_or_insert(reasons::REBOOTED.to_owned());
    }
    for retry in &mut task.retries {
        retry.at = None;
    }
    for position in 0..task.containers.len() {
        let name = task.containers[position].name.clone();
        let found = found.remove(&(task.key().clone(), name.clone()));
        // One that was to be started again is found as it was before that, or after.
        let earlier = |found: &FoundContainer| found.restarts < task.containers[position].restarts.count;
        let state = found.map(|found| {
            if earlier(&found) {
                FoundState::Created
            } else {
                found.state
            }
        });
        compare_container(task, &name, (state, rebooted), now);
        health::restored(&mut task.containers[position], now);
    }
    settle::follow(task, now);
    drop_unwanted(task);
    settle::follow(task, now);
}

fn compare_container(
    task: &mut TaskRecord,
    name: &Name,
    (found, rebooted): (Option<FoundState>, bool),
    now: Timestamp,
) {
    let may_run = matches!(
        step::container(task, name).phase,
        ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing
    );
    let starting = step::container(task, name).phase == ContainerPhase::Starting;
    match found {
        Some(FoundState::Running) if starting => settle::runs(task, name, now, now),
        Some(FoundState::Exited(exit)) if starting => ran(task, name, exit, now),
        Some(FoundState::Exited(exit)) if may_run => settle::exited(task, name, exit),
        Some(FoundState::Created) | None if may_run || (starting && rebooted) => {
            settle::vanish(step::container(task, name), now);
        }
        Some(FoundState::Running | FoundState::Exited(_) | FoundState::Created) | None => {}
    }
}

/// The container was started, and ended before anybody looked.
fn ran(task: &mut TaskRecord, name: &Name, exit: Exit, now: Timestamp) {
    settle::exited(task, name, exit);
    settle::runs(task, name, exit.at.min(now), now);
}

/// What was being made for a task that shall stop is not made again: nobody is making it since the restart.
fn drop_unwanted(task: &mut TaskRecord) {
    let give_up = |phase: &mut Phase| {
        if *phase == Phase::Making {
            *phase = Phase::Broken;
        }
    };
    if task.desired == Desired::Stopped {
        task.network.iter_mut().for_each(give_up);
        give_up(&mut task.cgroup);
        task.volumes.iter_mut().for_each(give_up);
    }
    for position in 0..task.containers.len() {
        let unwanted = step::wanted(task, &task.containers[position]) == Desired::Stopped;
        let container = &mut task.containers[position];
        if unwanted {
            if matches!(container.phase, ContainerPhase::Pulling | ContainerPhase::Cancelling) {
                container.phase = ContainerPhase::Removed;
            } else if container.phase == ContainerPhase::Starting {
                container.phase = ContainerPhase::Exited;
                container.exit = container.exit.or(container.restarts.exit);
            }
            container.bridge.iter_mut().for_each(give_up);
            container.logs.iter_mut().for_each(|logs| give_up(&mut logs.phase));
        }
    }
}
