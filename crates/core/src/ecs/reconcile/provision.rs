//! Tasks whose interfaces never come: they are told to stop, so that nobody waits for them for ever.

use super::Plan;
use crate::ecs::admit::stop_task::told_to_stop;
use crate::ecs::model::{StopCode, Task, TaskKey};
use crate::ecs::state::{Change, State};
use crate::kernel::{Cx, Edit, Timestamp};

/// Milliseconds for which a task may wait for its interface: as long as the agent protocol lets agents look for one.
pub const INTERFACE_MS: i64 = 300_000;
/// What tasks show that have waited longer.
const TIMED_OUT: &str = "Timeout waiting for network interface provisioning to complete.";

/// When the first of the waiting tasks has waited too long. Waits begin anew when the control plane starts: while it did not
/// run, nobody could tell it of interfaces.
#[must_use]
pub fn due(state: &State, started_at: Timestamp) -> Option<Timestamp> {
    let (made_at, _) = state.provisioning().next()?;
    Some((*made_at).max(started_at).plus_ms(INTERFACE_MS))
}

/// What is to be done for at most `most` tasks.
#[must_use]
pub fn provision(state: &State, started_at: Timestamp, cx: &Cx, most: usize) -> Plan {
    let late = |made_at: Timestamp| cx.now.since_ms(made_at.max(started_at)) >= INTERFACE_MS;
    let waiting = state.provisioning().take_while(|(made_at, _)| late(*made_at));
    let tasks = waiting.filter_map(|(_, key): &(Timestamp, TaskKey)| state.tasks().get(key));
    let told = tasks.take(most).map(|task| Change::Task(Edit::Put(failed(task, cx))));
    Plan {
        changes: told.collect(),
        ..Plan::default()
    }
}

fn failed(task: &Task, cx: &Cx) -> Task {
    Task {
        stop_code: Some(StopCode::TaskFailedToStart),
        ..told_to_stop(task, cx, TIMED_OUT)
    }
}
