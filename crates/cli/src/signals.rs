//! The signals that end a program: SIGINT stops tasks and cleans the host, SIGTERM leaves tasks running.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How a program shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Stop all tasks and clean the host.
    Clean,
    /// End at once and leave tasks running.
    Leave,
}

/// The signals of this process.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Clean,
            _ = self.terminate.recv() => Ending::Leave,
        }
    }
}
