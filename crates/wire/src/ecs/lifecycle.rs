//! What a container definition says of the container's life, between its shape and the brain's types.

use berth_core::ecs::admit::lifecycle::{HealthCheckDraft, LifecycleDraft, RestartPolicyDraft};
use berth_core::ecs::model::{Dependency, HealthCheck, Lifecycle, RestartPolicy};

use crate::shapes::ecs;

pub(super) fn draft(shape: &ecs::ContainerDefinition) -> LifecycleDraft {
    let dependency = |one: &ecs::ContainerDependency| (one.container_name.clone(), one.condition.clone());
    LifecycleDraft {
        depends_on: shape.depends_on.iter().flatten().map(dependency).collect(),
        start_timeout_s: shape.start_timeout.map(i64::from),
        restart_policy: shape.restart_policy.as_ref().map(|policy| RestartPolicyDraft {
            enabled: policy.enabled,
            ignored_exit_codes: policy.ignored_exit_codes.clone().unwrap_or_default(),
            attempt_period_s: policy.restart_attempt_period.map(i64::from),
        }),
        health_check: shape.health_check.as_ref().map(|check| HealthCheckDraft {
            command: check.command.clone(),
            interval_s: check.interval.map(i64::from),
            timeout_s: check.timeout.map(i64::from),
            retries: check.retries.map(i64::from),
            start_period_s: check.start_period.map(i64::from),
        }),
    }
}

/// Fills in what the shape has for it.
pub(super) fn show(lifecycle: &Lifecycle, shape: &mut ecs::ContainerDefinition) {
    let dependency = |one: &Dependency| ecs::ContainerDependency {
        container_name: one.container.clone(),
        condition: one.condition.to_string(),
    };
    let depends_on = &lifecycle.depends_on;
    shape.depends_on = (!depends_on.is_empty()).then(|| depends_on.iter().map(dependency).collect());
    shape.start_timeout = lifecycle.start_timeout_s.map(small);
    shape.restart_policy = lifecycle.restart_policy.as_ref().map(restart_policy);
    shape.health_check = lifecycle.health_check.as_ref().map(health_check);
}

fn restart_policy(policy: &RestartPolicy) -> ecs::ContainerRestartPolicy {
    let codes = &policy.ignored_exit_codes;
    ecs::ContainerRestartPolicy {
        enabled: policy.enabled,
        ignored_exit_codes: (!codes.is_empty()).then(|| codes.clone()),
        restart_attempt_period: policy.attempt_period_s.map(small),
    }
}

fn health_check(check: &HealthCheck) -> ecs::HealthCheck {
    ecs::HealthCheck {
        command: check.command.clone(),
        interval: Some(small(check.interval_s)),
        timeout: Some(small(check.timeout_s)),
        retries: Some(small(check.retries)),
        start_period: check.start_period_s.map(small),
    }
}

/// Numbers of definitions came from 32-bit signed integers.
fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
