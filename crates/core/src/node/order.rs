//! The order of a task's containers: which may start, which never can, and which must end first.
//!
//! A dependency counts until its container has been started for the first time. Nothing here changes a record.

use super::model::{ContainerPhase, ContainerRecord, TaskRecord};
use super::reasons::{self, Hopeless};
use crate::ecs::model::{Condition, ContainerDefinition, HealthStatus};
use crate::kernel::Timestamp;

/// How a container stands with what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may start.
    Met,
    /// It waits, at most until then.
    Waits(Option<Timestamp>),
    /// It can never start, and why.
    Never(String),
}

/// How `container` stands with what it depends on.
pub(super) fn standing(task: &TaskRecord, container: &ContainerRecord, now: Timestamp) -> Standing {
    let own = task.parts().find(|(_, one)| one.name == container.name);
    let Some((definition, _)) = own.filter(|_| container.started_at.is_none()) else {
        return Standing::Met;
    };
    let mut all = Standing::Met;
    for (name, condition) in definition.waits_for() {
        let Some(on) = task.parts().find(|(on, _)| on.name == name) else {
            return Standing::Never(reasons::hopeless(Hopeless::Missing, None, (definition, container)));
        };
        let one = match judge(condition, on, now) {
            Ok(one) => one,
            Err(why) => return Standing::Never(reasons::hopeless(why, Some(on), (definition, container))),
        };
        all = match (all, one) {
            (Standing::Waits(first), Standing::Waits(other)) => Standing::Waits(first.into_iter().chain(other).min()),
            (Standing::Met, one) => one,
            (all @ (Standing::Waits(_) | Standing::Never(_)), _) => all,
        };
    }
    all
}

fn judge(
    condition: Condition,
    (definition, on): (&ContainerDefinition, &ContainerRecord),
    now: Timestamp,
) -> Result<Standing, Hopeless> {
    let Some(started_at) = on.started_at else {
        let will_start = !on.is_over() && !on.has_failed();
        return if will_start {
            Ok(Standing::Waits(None))
        } else {
            Err(Hopeless::NotStarting)
        };
    };
    let healthy = on
        .health
        .as_ref()
        .is_some_and(|health| health.status == HealthStatus::Healthy);
    match condition {
        Condition::Start => return Ok(Standing::Met),
        Condition::Complete if on.is_over() => return Ok(Standing::Met),
        Condition::Success if on.is_over() => {
            let succeeded = on.exit.is_some_and(|exit| exit.code == Some(0));
            return if succeeded {
                Ok(Standing::Met)
            } else {
                Err(Hopeless::NotSuccessful)
            };
        }
        Condition::Healthy if on.is_over() => return Err(Hopeless::Over),
        Condition::Healthy if healthy => return Ok(Standing::Met),
        Condition::Complete | Condition::Success | Condition::Healthy => {}
    }
    let timeout_s = definition.lifecycle.start_timeout_s.filter(|seconds| *seconds > 0);
    let until = timeout_s.map(|seconds| started_at.plus_ms(i64::from(seconds) * 1000));
    if until.is_some_and(|until| until <= now) {
        return Err(Hopeless::TimedOut);
    }
    Ok(Standing::Waits(until))
}

/// Whether nothing that depends on `container` runs any more: it may be stopped then.
pub(super) fn may_stop(task: &TaskRecord, container: &ContainerRecord) -> bool {
    let depends = |definition: &ContainerDefinition| {
        let mut on = definition.lifecycle.depends_on.iter();
        on.any(|dependency| dependency.container == container.name.as_str())
    };
    !task
        .parts()
        .any(|(definition, other)| depends(definition) && is_up(other))
}

fn is_up(container: &ContainerRecord) -> bool {
    match container.phase {
        ContainerPhase::Starting | ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => true,
        ContainerPhase::Waiting
        | ContainerPhase::Pulling
        | ContainerPhase::Cancelling
        | ContainerPhase::Pulled
        | ContainerPhase::Exited
        | ContainerPhase::Removing
        | ContainerPhase::Removed => false,
    }
}
