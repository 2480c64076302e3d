//! The health of containers between the agent's words, the protocol's and the control plane's.

use berth_core::ecs::model::HealthStatus;
use berth_core::ecs::probes::ProbeReport;
use berth_core::node;

use super::assign::task_key;
use super::tcs::{self, ContainerHealth, TaskHealth};
use super::text::EpochSeconds;

/// What an agent tells of a task.
#[must_use]
pub fn spell(health: &node::TaskHealth) -> TaskHealth {
    TaskHealth {
        task_arn: health.task.arn().to_string(),
        cluster_arn: Some(health.task.cluster_key().arn().to_string()),
        task_definition_family: Some(health.family.clone()),
        task_definition_version: Some(health.revision.to_string()),
        containers: health
            .containers
            .iter()
            .map(|(name, status, since, said)| ContainerHealth {
                container_name: name.to_string(),
                health_status: match status {
                    HealthStatus::Healthy => tcs::HealthStatus::Healthy,
                    HealthStatus::Unhealthy => tcs::HealthStatus::Unhealthy,
                    HealthStatus::Unknown => tcs::HealthStatus::Unknown,
                },
                status_since: Some(EpochSeconds::from_ms(since.0)),
                status_message: said.clone(),
            })
            .collect(),
    }
}

/// What the control plane hears; nothing of a task whose ARN cannot be read.
#[must_use]
pub fn read(health: TaskHealth) -> Option<ProbeReport> {
    let container = |one: ContainerHealth| {
        let status = match one.health_status {
            tcs::HealthStatus::Healthy => HealthStatus::Healthy,
            tcs::HealthStatus::Unhealthy => HealthStatus::Unhealthy,
            tcs::HealthStatus::Unknown | tcs::HealthStatus::Other(_) => HealthStatus::Unknown,
        };
        (one.container_name, status)
    };
    Some(ProbeReport {
        task: task_key(&health.task_arn).ok()?,
        containers: health.containers.into_iter().map(container).collect(),
    })
}

#[cfg(test)]
mod tests {
    use berth_core::kernel::Timestamp;
    use berth_core::kernel::names::Name;

    use super::*;

    #[test]
    fn what_an_agent_says_is_what_the_control_plane_hears() {
        let task = "arn:aws:ecs:us-east-1:012345678910:task/default/0123456789abcdef0123456789abcdef";
        let task = task_key(task).unwrap();
        let one = |name: &str, status| (Name::new(name), status, Timestamp(1500), Some("said".to_owned()));
        let statuses = [
            ("a", HealthStatus::Healthy),
            ("b", HealthStatus::Unhealthy),
            ("c", HealthStatus::Unknown),
        ];
        let said = node::TaskHealth {
            task: task.clone(),
            family: "web".to_owned(),
            revision: 7,
            containers: statuses.iter().map(|(name, status)| one(name, *status)).collect(),
        };
        let text = serde_json::to_string(&spell(&said)).unwrap();
        assert!(
            text.contains(r#""healthStatus":"UNHEALTHY","statusSince":1.5,"statusMessage":"said""#),
            "{text}"
        );
        let containers = statuses.map(|(name, status)| (name.to_owned(), status)).to_vec();
        let heard = read(serde_json::from_str(&text).unwrap());
        assert_eq!(heard, Some(ProbeReport { task, containers }));
    }
}
