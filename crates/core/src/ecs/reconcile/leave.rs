//! The tasks of machines that were deregistered by force: they are told to stop, and are over when no agent is left that
//! could say so.

use std::collections::BTreeSet;

use super::Plan;
use crate::ecs::admit::stop_task::told_to_stop;
use crate::ecs::admit::submit::{end, given_back};
use crate::ecs::model::{InstanceKey, Task, TaskStatus};
use crate::ecs::state::{Change, State};
use crate::kernel::{Cx, Edit};

/// What tasks show that had to stop for this.
const FORCED: &str = "Container instance deregistration forced by user.";

/// What is to be done for at most `most` tasks.
#[must_use]
pub fn leave(state: &State, connected: &BTreeSet<InstanceKey>, cx: &Cx, most: usize) -> Plan {
    let machines = state.index().leaving().iter();
    let tasks = machines.flat_map(|key| {
        let load = state.index().load(key);
        let ids = load.into_iter().flat_map(|load| load.tasks());
        ids.filter_map(|id| state.task_on(key, *id))
    });
    let mut next = tasks.filter_map(|task| step(task, connected.contains(&task.instance_key()), cx));
    let mut plan = Plan::default();
    for task in next.by_ref().take(most) {
        plan.network.extend(given_back(&task));
        plan.changes.push(Change::Task(Edit::Put(task)));
    }
    plan.unfinished = next.next().is_some();
    plan
}

/// The next step of a task whose machine leaves, if there is one to take.
fn step(task: &Task, connected: bool, cx: &Cx) -> Option<Task> {
    let told = task.desired_status == TaskStatus::Stopped;
    if connected {
        return (!told).then(|| told_to_stop(task, cx, FORCED));
    }
    let mut over = if told {
        let mut over = task.clone();
        over.version += 1;
        over
    } else {
        told_to_stop(task, cx, FORCED)
    };
    end(&mut over, cx.now);
    Some(over)
}
