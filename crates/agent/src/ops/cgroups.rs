//! Makes and removes the control groups of tasks, those above their containers' own. Which limits a task has is said in the
//! operation.

use std::sync::Arc;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::{CpuUnits, MemoryMib};
use berth_core::node::{StepFacts, StepFailure};

use super::{Machine, Outcome};
use crate::cgroups::{CgroupError, Limits, Removal};

impl Machine {
    /// `cpu` is a hard limit; `weight` counts when CPUs are scarce.
    pub(super) async fn create_cgroup(
        self: &Arc<Self>,
        task: TaskKey,
        (cpu, weight): (Option<CpuUnits>, CpuUnits),
        memory: Option<MemoryMib>,
    ) -> Outcome {
        let limits = Limits {
            cpu_shares: Some(weight.0),
            cpu_units: cpu.map(|units| units.0),
            memory_mib: memory.map(|mib| mib.0),
        };
        let machine = Arc::clone(self);
        let made = blocking(move || machine.cgroups.create(&machine.places.cgroup(&task), &limits)).await;
        made.map(|()| StepFacts::Done)
            .map_err(|error| StepFailure::Resource(error.to_string()))
    }

    pub(super) async fn remove_cgroup(self: &Arc<Self>, task: TaskKey) -> Outcome {
        let machine = Arc::clone(self);
        match blocking(move || machine.cgroups.remove(&machine.places.cgroup(&task))).await {
            Ok(Removal::Removed | Removal::Absent) => Ok(StepFacts::Done),
            Ok(Removal::Busy { pids }) => Err(StepFailure::Other(format!("processes are still in it: {pids:?}"))),
            Err(error) => Err(StepFailure::Other(error.to_string())),
        }
    }
}

/// Files of the kernel may take their time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CgroupError> + Send + 'static,
) -> Result<T, CgroupError> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("control groups do not panic")
}
