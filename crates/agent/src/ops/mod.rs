//! Carries out the brain's operations on the machine: one file per family, each mapping operations to calls of an adapter
//! and results to facts or failures.
//!
//! Every operation runs as a task of its own, has a time limit, and is answered exactly once. Nothing here decides what
//! comes next.

mod cgroups;
mod containers;
mod files;
mod images;
mod logs;
mod network;
mod surroundings;
mod volumes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::names::Name;
use berth_core::node::{Event, Op, RuntimeId, Step, StepFacts, StepFailure};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::cgroups::Cgroups;
use crate::client::Client;
use crate::images::Images;
use crate::metadata::Metadata;
use crate::net::Network;
use crate::places::Places;
use crate::runtime::Containerd;
use logs::Shipment;

pub(crate) use containers::{CONTAINER_LABEL, INSTANCE_LABEL, RESTARTS_LABEL, TASK_LABEL, exit_of};

/// What an operation comes to.
type Outcome = Result<StepFacts, StepFailure>;

/// The machine with everything that operations need.
pub(crate) struct Machine {
    pub(crate) places: Places,
    pub(crate) containerd: Containerd,
    pub(crate) images: Images,
    pub(crate) network: Network,
    pub(crate) cgroups: Cgroups,
    pub(crate) client: Client,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) logger_binary: PathBuf,
    /// Where the GPUs are described.
    pub(crate) cdi_dirs: Vec<PathBuf>,
    /// To the brain.
    pub(crate) events: mpsc::Sender<Event>,
    /// Whether the agent is over, which ends all that is under way.
    pub(crate) over: watch::Sender<bool>,
    /// What changes while the agent runs. All of it is found again after a restart.
    pub(crate) live: Mutex<Live>,
    /// Held by whoever copies an image's files into a volume.
    pub(crate) filling: Arc<tokio::sync::Mutex<()>>,
}

/// What is under way.
#[derive(Default)]
pub(crate) struct Live {
    pulls: BTreeMap<(TaskKey, Name), AbortHandle>,
    shipments: BTreeMap<RuntimeId, Arc<Shipment>>,
    /// The signals that ask containers to end, where it is not SIGTERM.
    stop_signals: BTreeMap<RuntimeId, u32>,
}

impl Machine {
    /// Begins an operation. Its answer comes as [`Event::Done`].
    pub(crate) fn begin(self: &Arc<Self>, op: Op) {
        if let Op::CancelPull { task, container } = &op {
            return self.cancel_pull(task, container);
        }
        let (task, step, limit) = (op.task().clone(), op.step(), limit(&op));
        tracing::debug!(task = %task.id, ?step, "began");
        let machine = Arc::clone(self);
        let mut work = JoinSet::new();
        let handle = work.spawn(async move { machine.perform(op).await });
        if let Step::Pull(container) = &step {
            self.live().pulls.insert((task.clone(), container.clone()), handle);
        }
        let machine = Arc::clone(self);
        self.spawn(async move {
            let outcome = finish(work, limit).await;
            machine.answer(task, step, outcome).await;
        });
    }

    /// Runs something beside the brain, but not longer than the agent.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut over = self.over.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                _ = over.wait_for(|over| *over) => {}
                () = work => {}
            }
        });
    }

    async fn answer(&self, task: TaskKey, step: Step, outcome: Outcome) {
        match &outcome {
            Ok(_) => tracing::debug!(task = %task.id, ?step, "done"),
            Err(StepFailure::Cancelled) => tracing::debug!(task = %task.id, ?step, "called off"),
            Err(failure) => tracing::warn!(task = %task.id, ?step, ?failure, "failed"),
        }
        if let Step::Pull(container) = &step {
            self.live().pulls.remove(&(task.clone(), container.clone()));
        }
        // Nobody listens any more when the agent ends.
        let _ = self.events.send(Event::Done { task, step, outcome }).await;
    }

    fn cancel_pull(&self, task: &TaskKey, container: &Name) {
        if let Some(pull) = self.live().pulls.get(&(task.clone(), container.clone())) {
            pull.abort();
        }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().expect("no holder of this lock panics")
    }

    async fn perform(self: &Arc<Self>, op: Op) -> Outcome {
        match op {
            Op::SetUpNetwork { task, interface } => self.set_up_network(&task, &interface).await,
            Op::TearDownNetwork { task, .. } => self.tear_down_network(&task).await,
            Op::Connect { task, container, ports } => self.connect(&task, &container, &ports).await,
            Op::Disconnect { task, container } => self.disconnect(&task, &container).await,
            Op::CreateCgroup {
                task,
                cpu,
                weight,
                memory,
            } => self.create_cgroup(task, (cpu, weight), memory).await,
            Op::RemoveCgroup { task } => self.remove_cgroup(task).await,
            Op::CreateVolumes { task, volumes } => self.create_volumes(task, volumes).await,
            Op::RemoveVolumes { task } => self.remove_volumes(task).await,
            Op::Pull { task, container, image } => self.pull(&task, &container, &image).await,
            Op::CancelPull { .. } => unreachable!("calling a pull off has no work of its own"),
            Op::PrepareLogs { logs, .. } => self.prepare_logs(&logs).await,
            Op::DrainLogs { runtime_id, logs, .. } => self.drain_logs(&runtime_id, &logs).await,
            Op::Start(start) => self.start(&start).await,
            Op::Probe {
                runtime_id,
                command,
                timeout_s,
                ..
            } => self.probe(&runtime_id, &command, timeout_s).await,
            Op::Stop { runtime_id, .. } => self.stop(&runtime_id).await,
            Op::Kill { runtime_id, .. } => self.kill(&runtime_id).await,
            Op::Remove { runtime_id, .. } => self.remove(&runtime_id).await,
        }
    }
}

/// How long an operation may take. Downloads have the limit of the stock agent; a start has its own limit, and here the
/// time to take away what did not start; logs wait long for a control plane that is away, since the end of the task cannot
/// be told there either.
fn limit(op: &Op) -> Duration {
    let seconds = match op {
        Op::Pull { .. } => 2 * 60 * 60,
        Op::DrainLogs { .. } => 10 * 60,
        Op::Start(_) => 6 * 60,
        Op::SetUpNetwork { .. }
        | Op::TearDownNetwork { .. }
        | Op::Connect { .. }
        | Op::Disconnect { .. }
        | Op::CreateCgroup { .. }
        | Op::RemoveCgroup { .. }
        | Op::CreateVolumes { .. }
        | Op::RemoveVolumes { .. }
        | Op::CancelPull { .. }
        | Op::PrepareLogs { .. }
        | Op::Probe { .. }
        | Op::Stop { .. }
        | Op::Kill { .. }
        | Op::Remove { .. } => 2 * 60,
    };
    Duration::from_secs(seconds)
}

/// Waits for the one piece of work in `work`. Leaving ends it.
async fn finish(mut work: JoinSet<Outcome>, limit: Duration) -> Outcome {
    match tokio::time::timeout(limit, work.join_next()).await {
        Ok(Some(Ok(outcome))) => outcome,
        Ok(Some(Err(end))) if !end.is_cancelled() => Err(StepFailure::Other(format!("the agent failed: {end}"))),
        Ok(Some(Err(_)) | None) => Err(StepFailure::Cancelled),
        Err(_) => Err(StepFailure::Timeout {
            waited_s: limit.as_secs(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn end(work: impl Future<Output = Outcome> + Send + 'static, called_off: bool) -> Outcome {
        let mut set = JoinSet::new();
        let handle = set.spawn(work);
        if called_off {
            handle.abort();
        }
        finish(set, Duration::from_millis(1)).await
    }

    #[tokio::test]
    async fn every_operation_ends() {
        assert_eq!(end(async { Ok(StepFacts::Done) }, false).await, Ok(StepFacts::Done));
        let late = Err(StepFailure::Timeout { waited_s: 0 });
        assert_eq!(end(std::future::pending(), false).await, late);
        assert_eq!(end(std::future::pending(), true).await, Err(StepFailure::Cancelled));
        let broken = end(async { panic!("a test") }, false).await;
        assert!(matches!(broken, Err(StepFailure::Other(_))));
    }
}
