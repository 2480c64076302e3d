//! How well the containers of tasks are: what their agents said of their probes last. True only now, never stored. An agent
//! that is away changes nothing about it: what it said last counts until it says something else.

use std::collections::BTreeMap;

use super::model::{ContainerDefinition, HealthStatus, InstanceKey, TaskKey};
use super::state::State;

/// What an agent says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeReport {
    /// Which task.
    pub task: TaskKey,
    /// Names of containers, and how well they are.
    pub containers: Vec<(String, HealthStatus)>,
}

/// What is known of tasks whose containers are probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    tasks: BTreeMap<TaskKey, BTreeMap<String, HealthStatus>>,
}

impl Probes {
    /// Takes in what the agent of `instance` says. It says nothing of tasks that are not its own, and of containers that
    /// they do not have.
    pub fn reported(&mut self, state: &State, instance: &InstanceKey, reports: Vec<ProbeReport>) {
        for report in reports {
            let Some(task) = state.tasks().get(&report.task) else {
                continue;
            };
            if task.instance_key() != *instance {
                continue;
            }
            let has = |name: &str| task.containers.iter().any(|one| &*one.name == name);
            let known = report.containers.into_iter().filter(|(name, _)| has(name));
            self.tasks.entry(report.task).or_default().extend(known);
        }
    }

    /// The task is gone.
    pub fn forget(&mut self, task: &TaskKey) {
        self.tasks.remove(task);
    }

    /// How well a container of `task` is.
    #[must_use]
    pub fn of(&self, task: &TaskKey, container: &str) -> HealthStatus {
        let known = self.tasks.get(task).and_then(|containers| containers.get(container));
        known.copied().unwrap_or_default()
    }

    /// How well `task` is: its essential containers decide, the worst of them first, then those of which nothing is known.
    #[must_use]
    pub fn of_task(&self, task: &TaskKey, containers: &[ContainerDefinition]) -> HealthStatus {
        let essential = containers.iter().filter(|one| one.essential);
        let weight = |status: &HealthStatus| match status {
            HealthStatus::Healthy => 0,
            HealthStatus::Unknown => 1,
            HealthStatus::Unhealthy => 2,
        };
        let statuses = essential.map(|one| self.of(task, &one.name));
        statuses.max_by_key(weight).unwrap_or_default()
    }
}
