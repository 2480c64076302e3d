//! The way of tasks into the history when they are over, and back out of it into answers.
//!
//! The brain hands tasks over with what it writes; they are written down here, one batch at a time, and only when they are
//! durable the brain hears of it and lets them leave the state. If the process dies in between, the brain hands them over
//! once more after its restart, and the history has them once all the same.
//!
//! What tasks are and which are wanted is the brain's business; how they lie on the disk that of [`berth_telemetry::history`].

use std::sync::Arc;

use berth_core::control::Event;
use berth_core::ecs::Refusal;
use berth_core::ecs::model::{ClusterKey, TaskKey};
use berth_core::ecs::view::past::{Found, Listed, Past};
use berth_core::ecs::view::{Reply, TaskView};
use berth_core::kernel::ids::TaskId;
use berth_telemetry::history::{ClusterPath, EndedTask, HistoryStore, Limits, Swept, TaskPath};
use berth_telemetry::{Scope, StorageError};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::store::record;

/// The most tasks that one page of a list looks at: a page that would need more ends early and goes on there.
const MOST_LOOKED_AT: usize = 10_000;

/// The history, as answers need it.
#[derive(Clone)]
pub(crate) struct History {
    store: Arc<HistoryStore>,
    limits: Limits,
    clock: Clock,
    leaving: Leaving,
}

/// Where the brain hands over tasks that leave its state.
#[derive(Clone, Debug)]
pub(crate) struct Leaving(mpsc::UnboundedSender<Job>);

/// What is to be written, in the order in which it came.
#[derive(Debug)]
pub(crate) enum Job {
    /// These tasks leave the state.
    Keep(Vec<TaskView>),
    /// Everything is forgotten, and then somebody is told.
    Clear(oneshot::Sender<Result<(), Unreadable>>),
}

/// The jobs of [`keep`].
pub(crate) type Jobs = mpsc::UnboundedReceiver<Job>;

/// The history cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// The disk.
    #[error("the history of tasks: {0}")]
    Storage(#[from] StorageError),
    /// A task that a newer version wrote, or damage.
    #[error("the history has a task that cannot be read: {0}")]
    Task(String),
    /// An invariant of the store is broken.
    #[error("work on the history of tasks broke off")]
    BrokeOff,
    /// The process is ending.
    #[error("the control plane is stopping")]
    Stopping,
}

impl Leaving {
    /// Hands tasks over. The brain has at most a few dozen on their way, so that this does not grow.
    pub(crate) fn keep(&self, tasks: Vec<TaskView>) {
        // Nobody takes them when the process is ending; the next one hands them over again.
        let _ = self.0.send(Job::Keep(tasks));
    }
}

impl History {
    /// A history on this store, and the jobs that [`keep`] is to do for it.
    pub(crate) fn new(store: HistoryStore, limits: Limits, clock: Clock) -> (Self, Jobs) {
        let (jobs, queue) = mpsc::unbounded_channel();
        let history = Self {
            store: Arc::new(store),
            limits,
            clock,
            leaving: Leaving(jobs),
        };
        (history, queue)
    }

    /// Where the brain hands over tasks.
    pub(crate) fn leaving(&self) -> Leaving {
        self.leaving.clone()
    }

    /// The store behind it.
    pub(crate) fn store(&self) -> &HistoryStore {
        &self.store
    }

    /// Completes an answer with what the history knows. An answer that needs nothing of it passes.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub(crate) async fn complete(&self, reply: Reply) -> Result<Result<Reply, Refusal>, Unreadable> {
        let Reply::Past(past) = reply else {
            return Ok(Ok(reply));
        };
        self.blocking(move |history| match *past {
            Past::Named(named) => {
                let found = named.missing().filter_map(|key| history.find(key).transpose());
                let found = found.collect::<Result<_, _>>()?;
                Ok(named.complete(found))
            }
            Past::Listed(listed) => {
                let found = history.list(&listed)?;
                Ok(Ok(listed.complete(found)))
            }
        })
        .await
    }

    /// Forgets everything that was handed over so far.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn clear(&self) -> Result<(), Unreadable> {
        let (done, cleared) = oneshot::channel();
        self.leaving
            .0
            .send(Job::Clear(done))
            .map_err(|_| Unreadable::Stopping)?;
        cleared.await.map_err(|_| Unreadable::Stopping)?
    }

    /// Deletes a slice of what is older or more than the operator keeps.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) async fn expire(&self, budget: usize) -> Result<Swept, Unreadable> {
        self.blocking(move |history| {
            let now_ms = history.clock.now().0;
            Ok(history.store.expire(now_ms, history.limits, budget)?)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Unreadable> + Send + 'static,
    ) -> Result<T, Unreadable> {
        let history = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&history)).await;
        done.map_err(|error| {
            if error.is_panic() {
                Unreadable::BrokeOff
            } else {
                Unreadable::Stopping
            }
        })?
    }

    fn oldest_ms(&self) -> i64 {
        self.clock.now().0.saturating_sub(self.limits.keep_ms)
    }

    fn find(&self, key: &TaskKey) -> Result<Option<TaskView>, Unreadable> {
        let body = self.store.get(&path(key), self.oldest_ms())?;
        body.map(|body| view(&body)).transpose()
    }

    fn list(&self, wanted: &Listed) -> Result<Found, Unreadable> {
        let after = wanted.after.map(|id| id.0);
        let rows = self.store.list(&cluster_path(&wanted.cluster), after, self.oldest_ms());
        let mut found = Found::default();
        for (looked, row) in (1..).zip(rows) {
            let (id, body) = row?;
            if wanted.fits(&view(&body)?) {
                found.tasks.push(TaskId(id));
            }
            if found.tasks.len() == wanted.most() {
                break;
            }
            if looked == MOST_LOOKED_AT {
                found.reached = Some(TaskId(id));
                break;
            }
        }
        Ok(found)
    }
}

/// Writes down what leaves the state, and tells the brain. A history that cannot be written ends the process, as the store
/// does: what leaves memory must be on the disk.
pub(crate) async fn keep(history: History, engine: Engine, mut jobs: Jobs, archived: Counter) {
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Keep(tasks) => {
                let versions = tasks.iter().map(|view| (view.task.key.clone(), view.task.version));
                let versions: Vec<(TaskKey, u64)> = versions.collect();
                let count = versions.len() as u64;
                let put =
                    move |history: &History| Ok(history.store.put(&tasks.iter().map(ended).collect::<Vec<_>>())?);
                match history.blocking(put).await {
                    Ok(()) => match engine.write(Event::Archived(versions)).await {
                        Ok(_) => drop(archived.inc_by(count)),
                        Err(_stopping) => return,
                    },
                    Err(Unreadable::Stopping) => return,
                    Err(error @ (Unreadable::Storage(_) | Unreadable::Task(_) | Unreadable::BrokeOff)) => {
                        crate::ending::unwritable(&error)
                    }
                }
            }
            Job::Clear(done) => {
                // Whoever asked may have hung up.
                let _ = done.send(history.blocking(|history| Ok(history.store.clear()?)).await);
            }
        }
    }
}

fn cluster_path(key: &ClusterKey) -> ClusterPath {
    ClusterPath {
        scope: Scope::new(key.scope.account.to_string(), key.scope.region.to_string()),
        name: key.name.to_string(),
    }
}

fn path(key: &TaskKey) -> TaskPath {
    TaskPath {
        cluster: cluster_path(&key.cluster_key()),
        task: key.id.0,
    }
}

fn ended(view: &TaskView) -> EndedTask {
    EndedTask {
        path: path(&view.task.key),
        ended_ms: view.task.times.stopped_at.unwrap_or_default().0,
        body: record::value(view),
    }
}

fn view(body: &[u8]) -> Result<TaskView, Unreadable> {
    record::entity(body).map_err(Unreadable::Task)
}
