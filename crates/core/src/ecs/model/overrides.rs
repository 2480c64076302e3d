//! Overrides: what one run changes of its task definition.
//!
//! They are kept with the task and applied to the definition wherever it is read for that task: when it is placed, shown
//! and sent to its machine. What cannot be overridden here is refused before it gets here.

use serde::{Deserialize, Serialize};

use super::instance::Attribute;
use super::requirement::Requirement;
use super::task_definition::{ContainerDefinition, TaskDefinition};
use crate::kernel::{CpuUnits, MemoryMib};

/// What a task changes of its definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// What it changes of its containers, in the order given; each container at most once.
    pub containers: Vec<ContainerOverride>,
    /// The task's share of CPU.
    pub cpu: Option<CpuUnits>,
    /// The task's memory limit.
    pub memory: Option<MemoryMib>,
    /// The role of the machinery around the task.
    pub execution_role_arn: Option<String>,
}

/// What a task changes of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerOverride {
    /// The container's name in the definition.
    pub name: String,
    /// The command instead of the definition's.
    pub command: Option<Vec<String>>,
    /// Variables that are added, or that take the place of those of the same name.
    pub environment: Vec<(String, String)>,
    /// CPU shares.
    pub cpu: Option<CpuUnits>,
    /// The hard memory limit.
    pub memory: Option<MemoryMib>,
    /// The soft memory limit.
    pub memory_reservation: Option<MemoryMib>,
    /// Devices instead of the definition's; empty where those stay.
    #[serde(default)]
    pub resource_requirements: Vec<Requirement>,
}

/// What an instance must be capable of that shall limit whole tasks.
const TASK_LIMIT: &str = "ecs.capability.task-cpu-mem-limit";

impl Overrides {
    /// What `self` makes of `definition`.
    #[must_use]
    pub fn apply(&self, definition: &TaskDefinition) -> TaskDefinition {
        let mut definition = definition.clone();
        for one in &self.containers {
            let named = definition
                .containers
                .iter_mut()
                .find(|container| container.name == one.name);
            if let Some(container) = named {
                one.apply(container);
            }
        }
        definition.cpu = self.cpu.or(definition.cpu);
        definition.memory = self.memory.or(definition.memory);
        if self.execution_role_arn.is_some() {
            definition.execution_role_arn.clone_from(&self.execution_role_arn);
        }
        if self.cpu.is_some() || self.memory.is_some() {
            require(&mut definition.requires_attributes, TASK_LIMIT);
        }
        definition
    }

    /// What is changed of the container called `name`.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerOverride> {
        self.containers.iter().find(|container| container.name == name)
    }
}

impl ContainerOverride {
    /// Whether it changes anything.
    #[must_use]
    pub fn changes(&self) -> bool {
        let nothing = Self {
            name: self.name.clone(),
            ..Self::default()
        };
        *self != nothing
    }

    fn apply(&self, container: &mut ContainerDefinition) {
        if self.command.is_some() {
            container.command.clone_from(&self.command);
        }
        for (name, value) in &self.environment {
            match container.environment.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(value),
                None => container.environment.push((name.clone(), value.clone())),
            }
        }
        container.cpu = self.cpu.unwrap_or(container.cpu);
        container.memory = self.memory.or(container.memory);
        container.memory_reservation = self.memory_reservation.or(container.memory_reservation);
        if !self.resource_requirements.is_empty() {
            container.resource_requirements.clone_from(&self.resource_requirements);
        }
    }
}

/// Attributes stand in the order of their names, each once.
fn require(attributes: &mut Vec<Attribute>, name: &str) {
    if let Err(at) = attributes.binary_search_by(|one| one.name.as_str().cmp(name)) {
        let (name, value) = (name.to_owned(), None);
        attributes.insert(at, Attribute { name, value });
    }
}
