//! What a container waits for, when it is started again and how its health is probed, in the words of the protocol.
//!
//! Health checks are Docker's business there: the stock agent finds them in Docker's own configuration, ours beside it.

use berth_core::ecs::model::{Condition, ContainerDefinition, Dependency, HealthCheck, Lifecycle};

use super::assign::Unreadable;
use super::docker::Healthcheck;
use super::extension;
use super::payload::{Container, ContainerCondition, ContainerDependency, HealthCheckType, RestartPolicy};

/// Docker counts in nanoseconds.
const NANOSECONDS: u64 = 1_000_000_000;

/// Fills in what the protocol has for it.
pub(super) fn spell(definition: &ContainerDefinition, container: &mut Container) {
    let lifecycle = &definition.lifecycle;
    container.depends_on = lifecycle.depends_on.iter().map(dependency).collect();
    container.start_timeout = lifecycle.start_timeout_s;
    container.restart_policy = lifecycle.restart_policy.as_ref().map(|policy| RestartPolicy {
        enabled: policy.enabled,
        ignored_exit_codes: policy.ignored_exit_codes.clone(),
        restart_attempt_period: policy.attempt_period_s,
    });
    container.health_check_type = lifecycle.health_check.as_ref().map(|_| HealthCheckType::Docker);
}

fn dependency(dependency: &Dependency) -> ContainerDependency {
    ContainerDependency {
        container_name: dependency.container.clone(),
        condition: match dependency.condition {
            Condition::Start => ContainerCondition::Start,
            Condition::Complete => ContainerCondition::Complete,
            Condition::Success => ContainerCondition::Success,
            Condition::Healthy => ContainerCondition::Healthy,
        },
    }
}

/// The health check for the stock agent.
pub(super) fn docker(check: &HealthCheck) -> Healthcheck {
    let nanoseconds = |seconds: u32| u64::from(seconds) * NANOSECONDS;
    Healthcheck {
        test: check.command.clone(),
        interval: nanoseconds(check.interval_s),
        timeout: nanoseconds(check.timeout_s),
        retries: check.retries,
        start_period: check.start_period_s.map(nanoseconds),
    }
}

/// The health check for Berth's agent.
pub(super) fn extension(check: &HealthCheck) -> extension::HealthCheck {
    extension::HealthCheck {
        command: check.command.clone(),
        interval: check.interval_s,
        timeout: check.timeout_s,
        retries: check.retries,
        start_period: check.start_period_s,
    }
}

/// Reads it back.
pub(super) fn read(container: &Container, check: Option<extension::HealthCheck>) -> Result<Lifecycle, Unreadable> {
    let policy = |policy: &RestartPolicy| berth_core::ecs::model::RestartPolicy {
        enabled: policy.enabled,
        ignored_exit_codes: policy.ignored_exit_codes.clone(),
        attempt_period_s: policy.restart_attempt_period,
    };
    Ok(Lifecycle {
        depends_on: container
            .depends_on
            .iter()
            .map(read_dependency)
            .collect::<Result<_, _>>()?,
        start_timeout_s: container.start_timeout,
        restart_policy: container.restart_policy.as_ref().map(policy),
        health_check: check.map(|check| HealthCheck {
            command: check.command,
            interval_s: check.interval,
            timeout_s: check.timeout,
            retries: check.retries,
            start_period_s: check.start_period,
        }),
    })
}

fn read_dependency(dependency: &ContainerDependency) -> Result<Dependency, Unreadable> {
    Ok(Dependency {
        container: dependency.container_name.clone(),
        condition: match &dependency.condition {
            ContainerCondition::Start => Condition::Start,
            ContainerCondition::Complete => Condition::Complete,
            ContainerCondition::Success => Condition::Success,
            ContainerCondition::Healthy => Condition::Healthy,
            other @ ContainerCondition::Other(_) => {
                return Err(super::assign::unreadable("the condition", other.as_str()));
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_agent_gets_health_checks_in_nanoseconds() {
        let check = HealthCheck {
            command: vec!["CMD-SHELL".into(), "true".into()],
            interval_s: 5,
            timeout_s: 2,
            retries: 3,
            start_period_s: Some(300),
        };
        let text = serde_json::to_string(&docker(&check)).unwrap();
        let wanted = r#"{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Timeout":2000000000,"Retries":3,"StartPeriod":300000000000}"#;
        assert_eq!(text, wanted);
    }
}
