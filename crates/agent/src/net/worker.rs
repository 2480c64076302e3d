//! The one thread on which all network changes happen, in the order of their calls.
//!
//! A thread of its own, because it moves into other network namespaces and back, which no thread of the async runtime
//! may do. It inherits the namespace of the thread that starts it and calls that one the host.

use std::fmt;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::engine::Engine;
use super::{Config, NetError};

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// A handle on the thread; it ends when the last handle is gone.
#[derive(Clone)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
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
            Err(mpsc::RecvError) => Ok(Self { jobs }),
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
