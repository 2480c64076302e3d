//! How much there is in a cluster: indices over its instances and tasks, never stored.

use super::model::task::Counted;
use super::model::{CapacityProvider, LaunchType, Task};

/// How much there is in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instances that are not deregistered.
    pub instances: usize,
    /// Tasks that run, or are on their way to their end.
    pub running: ByLaunchType,
    /// Tasks on their way to running.
    pub pending: ByLaunchType,
    /// Of all these tasks, those of the provider FARGATE.
    fargate: usize,
    /// Of all these tasks, those of the provider FARGATE_SPOT.
    fargate_spot: usize,
}

/// A number for each launch type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByLaunchType {
    /// EC2.
    pub ec2: usize,
    /// FARGATE.
    pub fargate: usize,
    /// EXTERNAL.
    pub external: usize,
}

impl ByLaunchType {
    /// All of them.
    #[must_use]
    pub fn total(self) -> usize {
        self.ec2 + self.fargate + self.external
    }

    fn of(&mut self, launch_type: LaunchType) -> &mut usize {
        match launch_type {
            LaunchType::Ec2 => &mut self.ec2,
            LaunchType::Fargate => &mut self.fargate,
            LaunchType::External => &mut self.external,
        }
    }
}

impl Counts {
    /// All tasks that are not over.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.running.total() + self.pending.total()
    }

    /// Tasks that are not over and that run by a strategy as the share of `provider`.
    #[must_use]
    pub fn tasks_of(&self, provider: CapacityProvider) -> usize {
        match provider {
            CapacityProvider::Fargate => self.fargate,
            CapacityProvider::FargateSpot => self.fargate_spot,
        }
    }

    /// Takes a task in, or out.
    pub(super) fn shift(&mut self, task: &Task, enters: bool) {
        let shift = |count: &mut usize| if enters { *count += 1 } else { *count -= 1 };
        match task.count() {
            Some(Counted::Pending) => shift(self.pending.of(task.launch_type)),
            Some(Counted::Running) => shift(self.running.of(task.launch_type)),
            None => return,
        }
        match task.capacity_provider {
            Some(CapacityProvider::Fargate) => shift(&mut self.fargate),
            Some(CapacityProvider::FargateSpot) => shift(&mut self.fargate_spot),
            None => {}
        }
    }
}
