//! StopTask: somebody wants a task to end.

use super::{Admitted, Caller, check_length};
use crate::ecs::model::{StopCode, Task, TaskStatus};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};

/// A StopTask request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopTask {
    /// The cluster.
    pub cluster: Option<String>,
    /// The task's id or ARN.
    pub task: String,
    /// Why, in the caller's words.
    pub reason: Option<String>,
}

/// Tells a task to stop. To stop what stops already changes nothing, and so does to stop what ended long ago.
///
/// # Errors
/// No such cluster, or a reason of more than 1,024 characters.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: &StopTask) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?;
    let key = refer::named_task(&cluster.key, &request.task)?.ok_or(Refusal::TaskNotFound)?;
    check_length(request.reason.as_ref(), "reason", 1024)?;
    let runs = |task: &&Task| task.desired_status != TaskStatus::Stopped;
    let task = state.tasks().get(&key).filter(runs);
    let answer = Answer::Task(key);
    // A task that is not here may be in the history, or nowhere: the answer will tell.
    let Some(task) = task else {
        return Ok(Admitted::unchanged(answer));
    };
    let reason = request
        .reason
        .as_deref()
        .filter(|reason| !reason.is_empty())
        .unwrap_or("Task stopped by user");
    Ok(Admitted::with(
        vec![Change::Task(Edit::Put(told_to_stop(task, cx, reason)))],
        answer,
    ))
}

/// The same task, told to stop by a user for `reason`.
pub(crate) fn told_to_stop(task: &Task, cx: &Cx, reason: &str) -> Task {
    let mut told = task.clone();
    told.desired_status = TaskStatus::Stopped;
    told.stop_code = Some(StopCode::UserInitiated);
    told.stopped_reason = Some(reason.to_owned());
    told.times.stopping_at = Some(cx.now);
    told.version += 1;
    told
}
