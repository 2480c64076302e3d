//! What ECS checks of dependencies between containers, restart policies and health checks when a definition is registered.

use std::collections::BTreeSet;

use crate::ecs::model::lifecycle::{Condition, Dependency, HealthCheck, Lifecycle, RestartPolicy};
use crate::ecs::model::{ContainerDefinition, TaskDefinition};
use crate::ecs::refusal::{Fault, LifecycleFault};

/// The most exit codes that a restart policy may ignore.
const MOST_IGNORED_CODES: usize = 50;
/// What holds for a health check that does not say otherwise.
const DEFAULT_INTERVAL_S: i64 = 30;
const DEFAULT_TIMEOUT_S: i64 = 5;
const DEFAULT_RETRIES: i64 = 3;

/// The members of a container's draft that are about its life: words and numbers as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LifecycleDraft {
    /// `dependsOn`: names and conditions.
    pub depends_on: Vec<(String, String)>,
    /// `startTimeout`.
    pub start_timeout_s: Option<i64>,
    /// `restartPolicy`.
    pub restart_policy: Option<RestartPolicyDraft>,
    /// `healthCheck`.
    pub health_check: Option<HealthCheckDraft>,
}

/// `restartPolicy` as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestartPolicyDraft {
    /// `enabled`.
    pub enabled: bool,
    /// `ignoredExitCodes`.
    pub ignored_exit_codes: Vec<i32>,
    /// `restartAttemptPeriod`.
    pub attempt_period_s: Option<i64>,
}

/// `healthCheck` as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheckDraft {
    /// `command`.
    pub command: Vec<String>,
    /// `interval`.
    pub interval_s: Option<i64>,
    /// `timeout`.
    pub timeout_s: Option<i64>,
    /// `retries`.
    pub retries: Option<i64>,
    /// `startPeriod`.
    pub start_period_s: Option<i64>,
}

/// What the draft of the container called `name` says of its life.
///
/// # Errors
/// The first value that cannot be.
pub(super) fn parse(draft: LifecycleDraft, name: &str) -> Result<Lifecycle, Fault> {
    let dependency = |(container, word): (String, String)| match Condition::from_word(&word) {
        Some(condition) => Ok(Dependency { container, condition }),
        None => Err(Fault::Word {
            member: "dependsOn.condition",
            word,
        }),
    };
    let start_timeout_s = draft
        .start_timeout_s
        .map(|seconds| u32::try_from(seconds).map_err(|_| Fault::Negative { member: "startTimeout" }));
    Ok(Lifecycle {
        depends_on: draft.depends_on.into_iter().map(dependency).collect::<Result<_, _>>()?,
        start_timeout_s: start_timeout_s.transpose()?,
        restart_policy: draft.restart_policy.map(|policy| restart(policy, name)).transpose()?,
        health_check: draft.health_check.map(|check| health(check, name)).transpose()?,
    })
}

fn restart(draft: RestartPolicyDraft, name: &str) -> Result<RestartPolicy, LifecycleFault> {
    if draft.ignored_exit_codes.len() > MOST_IGNORED_CODES {
        return Err(LifecycleFault::IgnoredExitCodes(name.to_owned()));
    }
    let seconds = |value| within(value, name, "restartPolicy.restartAttemptPeriod", (60, 1800));
    Ok(RestartPolicy {
        enabled: draft.enabled,
        ignored_exit_codes: draft.ignored_exit_codes,
        attempt_period_s: draft.attempt_period_s.map(seconds).transpose()?,
    })
}

fn health(draft: HealthCheckDraft, name: &str) -> Result<HealthCheck, LifecycleFault> {
    let knows = |word: &String| ["CMD", "CMD-SHELL"].contains(&word.as_str());
    if draft.command.len() < 2 || !draft.command.first().is_some_and(knows) {
        return Err(LifecycleFault::HealthCommand(name.to_owned()));
    }
    let number = |value: Option<i64>, default, member, range| within(value.unwrap_or(default), name, member, range);
    let start_period = |value| within(value, name, "healthCheck.startPeriod", (0, 300));
    Ok(HealthCheck {
        command: draft.command,
        interval_s: number(draft.interval_s, DEFAULT_INTERVAL_S, "healthCheck.interval", (5, 300))?,
        timeout_s: number(draft.timeout_s, DEFAULT_TIMEOUT_S, "healthCheck.timeout", (2, 60))?,
        retries: number(draft.retries, DEFAULT_RETRIES, "healthCheck.retries", (1, 10))?,
        start_period_s: draft.start_period_s.map(start_period).transpose()?,
    })
}

fn within(value: i64, container: &str, member: &'static str, (least, most): (i64, i64)) -> Result<u32, LifecycleFault> {
    let fits = Some(value).filter(|value| (least..=most).contains(value));
    fits.and_then(|value| u32::try_from(value).ok())
        .ok_or_else(|| LifecycleFault::OutOfRange {
            container: container.to_owned(),
            member,
            least,
            most,
        })
}

/// What holds between the containers of a definition.
///
/// # Errors
/// The first dependency that can never be satisfied, or that leads back to where it began.
pub(super) fn check(definition: &TaskDefinition) -> Result<(), LifecycleFault> {
    for container in &definition.containers {
        for dependency in &container.lifecycle.depends_on {
            possible(dependency, definition)?;
        }
    }
    if has_cycle(&definition.containers) {
        return Err(LifecycleFault::Cycle);
    }
    Ok(())
}

fn possible(dependency: &Dependency, definition: &TaskDefinition) -> Result<(), LifecycleFault> {
    let Some(on) = definition.container(&dependency.container) else {
        return Err(LifecycleFault::UnknownDependency(dependency.container.clone()));
    };
    match dependency.condition {
        Condition::Complete | Condition::Success if on.essential => Err(LifecycleFault::EssentialDependency),
        Condition::Healthy if on.lifecycle.health_check.is_none() => Err(LifecycleFault::UnprobedDependency),
        Condition::Start | Condition::Complete | Condition::Success | Condition::Healthy => Ok(()),
    }
}

/// Whether some containers wait for each other: those are left when no other can be started any more.
fn has_cycle(containers: &[ContainerDefinition]) -> bool {
    let mut started = BTreeSet::new();
    loop {
        let ready = |one: &&ContainerDefinition| {
            !started.contains(one.name.as_str()) && one.waits_for().all(|(name, _)| started.contains(name))
        };
        match containers.iter().find(ready) {
            Some(next) => started.insert(next.name.as_str()),
            None => return started.len() < containers.len(),
        };
    }
}
