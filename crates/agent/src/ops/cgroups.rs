//! Makes and removes the control groups of tasks, those above their containers' own. Which limits a task has is said in the
//! operation.

use std::sync::Arc;
use std::time::Duration;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::{CpuUnits, MemoryMib};
use berth_core::node::{StepFacts, StepFailure};

use tokio::time::sleep;

use super::{Machine, Outcome};
use crate::cgroups::{CgroupError, Limits, Removal};

/// How often a control group is tried that has processes although no record knows its task.
const STRANGE_TRIES: u32 = 600;
const STRANGE_PAUSE: Duration = Duration::from_secs(1);

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

impl Machine {
    /// Removes the control group of a task that is not on record, when its last process is gone.
    pub(crate) fn remove_strange_cgroup(self: &Arc<Self>, name: &str) {
        let Ok(group) = self.places.cgroup_root().join(name) else {
            return;
        };
        let machine = Arc::clone(self);
        self.spawn(async move {
            for _ in 0..STRANGE_TRIES {
                let (cgroups, group) = (machine.cgroups.clone(), group.clone());
                match blocking(move || cgroups.remove(&group)).await {
                    Ok(Removal::Removed | Removal::Absent) => return,
                    // Containers that are not on record are removed at the same time.
                    Ok(Removal::Busy { .. }) => sleep(STRANGE_PAUSE).await,
                    Err(error) => return tracing::warn!(%error, "cannot remove a control group"),
                }
            }
            tracing::warn!(
                group = group.to_oci(),
                "processes of nobody's task stay in a control group"
            );
        });
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
