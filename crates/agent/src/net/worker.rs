//! The one thread on which all network changes happen, in the order of their calls.
//!
//! A thread of its own, because it moves into other network namespaces and back, which no thread of the async runtime
//! may do. It inherits the namespace of the thread that starts it and calls that one the host.

use std::fmt;
use std::sync::{Arc, Weak, mpsc};
use std::thread;

use tokio::sync::oneshot;

use super::engine::Engine;
use super::{Config, NetError};

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// A handle on the thread; it ends when the last handle is gone.
#[derive(Clone)]
pub(super) struct Worker {
    jobs: Arc<mpsc::Sender<Job>>,
}

/// A handle that does not keep the thread.
pub(super) struct WeakWorker {
    jobs: Weak<mpsc::Sender<Job>>,
}

impl WeakWorker {
    /// Runs `op` on the thread when its turn comes, if there still is one; nobody waits for it.
    pub(super) fn post(&self, op: impl FnOnce(&mut Engine) + Send + 'static) {
        if let Some(jobs) = self.jobs.upgrade() {
            // Without a thread there is nothing left to be done.
            drop(jobs.send(Box::new(op)));
        }
    }
}

impl Worker {
    pub(super) fn start(config: Config) -> Result<Self, NetError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (report, started) = mpsc::channel();
        let body = move || match Engine::new(config) {
            Ok(mut engine) => {
                drop(report);
                queue.iter().for_each(|job| job(&mut engine));
            }
            Err(error) => drop(report.send(error)),
        };
        thread::Builder::new()
            .name("network".to_owned())
            .spawn(body)
            .map_err(NetError::at("start the network worker"))?;
        // The engine opens two file descriptors and nothing else: waiting for it here is no longer than the spawn.
        match started.recv() {
            Ok(error) => Err(error),
            Err(mpsc::RecvError) => Ok(Self { jobs: Arc::new(jobs) }),
        }
    }

    pub(super) fn downgrade(&self) -> WeakWorker {
        WeakWorker {
            jobs: Arc::downgrade(&self.jobs),
        }
    }

    /// Runs `op` on the thread when its turn comes.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        op: impl FnOnce(&mut Engine) -> Result<T, NetError> + Send + 'static,
    ) -> Result<T, NetError> {
        let (answer, result) = oneshot::channel();
        // A caller that went away does not undo its call; the next one finds what was made.
        let job: Job = Box::new(move |engine| drop(answer.send(op(engine))));
        self.jobs.send(job).map_err(|_| NetError::WorkerEnded)?;
        result.await.map_err(|_| NetError::WorkerEnded)?
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}
