//! Containers that are started again when they end, without an end of their task.
//!
//! The same container is started again: its files, its place in the network and its log stream stay. To the control
//! plane it has not ended.

use super::model::{ContainerPhase, Exit, TaskRecord};
use crate::ecs::model::RestartPolicy;
use crate::ecs::view::assignment::Desired;

/// Starts the container at `position` again after `exit`, if its policy wants that; answers whether it does.
pub(super) fn again(task: &mut TaskRecord, position: usize, exit: Exit) -> bool {
    let policy = task.assignment.containers[position]
        .definition
        .lifecycle
        .restart_policy
        .as_ref();
    let container = &task.containers[position];
    let ran_ms = container
        .restarts
        .run_started_at
        .or(container.started_at)
        .map(|at| exit.at.since_ms(at));
    let asked = task.desired == Desired::Running && container.phase == ContainerPhase::Running;
    let wanted = asked
        && policy
            .zip(ran_ms)
            .is_some_and(|(policy, ran_ms)| allows(policy, exit, ran_ms));
    if wanted {
        let container = &mut task.containers[position];
        container.phase = ContainerPhase::Pulled;
        container.restarts.count += 1;
        container.restarts.exit = Some(exit);
        container.exit = None;
    }
    wanted
}

fn allows(policy: &RestartPolicy, exit: Exit, ran_ms: i64) -> bool {
    let counts = exit.code.is_some_and(|code| !policy.ignored_exit_codes.contains(&code));
    policy.enabled && counts && ran_ms >= policy.attempt_period_ms()
}
