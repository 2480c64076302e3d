//! The shipper: sends what a container's spool holds to its log stream, and remembers how far it came.
//!
//! One task of the agent per container. It looks at the spool at intervals that double while nothing comes, so a line
//! waits at most as long as the container was silent before it, and never longer than [`Pace::poll_max`]; an idle
//! container costs a handful of system calls a second. A death of the agent loses nothing: the next shipper of the same
//! directory goes on.
//!
//! It does not decide what becomes of a task whose logs cannot be delivered: whoever awaits [`Shipper::drained`] sets
//! the time limit.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::event::{Destination, LogEvent};
use super::spool::{self, Batch, LoggerState, Reader};

/// Where events go: the client of the CloudWatch Logs API.
pub trait LogSink: Send + Sync + 'static {
    /// Delivers events that fit one PutLogEvents. `Ok` means that they are durable there.
    fn put(&self, destination: &Destination, events: &[LogEvent])
    -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// Why events were not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// It may work soon: no connection, throttled, an error of the service.
    #[error("{0}")]
    Retry(String),
    /// The destination does not exist any more; it may be created again.
    #[error("{0}")]
    Gone(String),
    /// These events will never be taken.
    #[error("{0}")]
    Rejected(String),
}

/// How often things are tried.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The shortest time between two looks at the spool.
    pub poll_min: Duration,
    /// The longest time between two looks at the spool.
    pub poll_max: Duration,
    /// About the time before the first repetition; it doubles from there.
    pub retry_min: Duration,
    /// About the longest time between two repetitions.
    pub retry_max: Duration,
    /// About the time between two attempts at a destination that is gone.
    pub gone: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_min: Duration::from_millis(10),
            poll_max: Duration::from_secs(1),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(10),
            gone: Duration::from_secs(30),
        }
    }
}

/// What became of a container's log once all of it was shipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Whether the logger saw the end of the output; false if it was killed or never lived.
    pub complete: bool,
    /// Records that the spool had no room for (mode `non-blocking`).
    pub lost_records: u64,
    /// Events that the destination refused for good.
    pub rejected_events: u64,
}

/// Ships one container's log until it is dropped. Dropping it keeps the spool.
#[derive(Debug)]
pub struct Shipper {
    ending: watch::Sender<bool>,
    outcome: watch::Receiver<Option<Drained>>,
    task: JoinHandle<()>,
}

impl Shipper {
    /// Begins (or goes on) to ship a spool that [`spool::prepare`] made. Needs a running tokio runtime.
    ///
    /// # Errors
    /// What the file system says; `InvalidData` when the spool's options cannot be read.
    pub fn start<S: LogSink>(spool: &Path, sink: Arc<S>, pace: Pace) -> io::Result<Self> {
        let destination = spool::options(spool)?.destination;
        let reader = Reader::open(spool)?;
        let (ending, ending_seen) = watch::channel(false);
        let (finished, outcome) = watch::channel(None);
        let worker = Worker {
            spool: spool.to_owned(),
            destination,
            reader,
            sink,
            pace,
            ending: ending_seen,
            rejected_events: 0,
            reported: (0, 0),
        };
        let task = tokio::spawn(async move {
            let drained = worker.run().await;
            // Nobody may be waiting; that is no error.
            let _ = finished.send(Some(drained));
        });
        Ok(Self { ending, outcome, task })
    }

    /// Waits until everything is delivered and nothing can come any more. Call it when the container's task was
    /// deleted in containerd (or its creation has failed): only then does the logger end, and a logger that was never
    /// there is no longer waited for. It may be awaited again after a time limit; shipping goes on meanwhile.
    pub async fn drained(&self) -> Drained {
        let _ = self.ending.send_replace(true);
        let mut outcome = self.outcome.clone();
        let reached = outcome
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|drained| *drained);
        reached.unwrap_or_default()
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Worker<S> {
    spool: PathBuf,
    destination: Destination,
    reader: Reader,
    sink: Arc<S>,
    pace: Pace,
    ending: watch::Receiver<bool>,
    rejected_events: u64,
    /// Lost records and torn bytes that were already warned about.
    reported: (u64, u64),
}

impl<S: LogSink> Worker<S> {
    async fn run(mut self) -> Drained {
        let mut pause = self.pace.poll_min;
        loop {
            match self.turn().await {
                Ok(Turn::Over) => break,
                Ok(Turn::Delivered) => pause = self.pace.poll_min,
                Ok(Turn::Idle) => pause = self.rest(pause).await,
                Err(error) => {
                    warn!(destination = %self.destination, %error, "cannot read the container's log spool");
                    sleep(self.pace.retry_max).await;
                }
            }
        }
        Drained {
            complete: self.reader.ended(),
            lost_records: self.reader.lost_records(),
            rejected_events: self.rejected_events,
        }
    }

    /// The files are read here on the runtime's own thread: at most a mebibyte that was written a moment ago.
    async fn turn(&mut self) -> io::Result<Turn> {
        // Asked before the spool is read: what the logger wrote before it ended is then certainly seen.
        let over = *self.ending.borrow() && spool::logger_state(&self.spool)? != LoggerState::Running;
        let batch = self.reader.next_batch()?;
        self.report_losses();
        match batch {
            Some(batch) => {
                self.deliver(&batch).await;
                Ok(Turn::Delivered)
            }
            None if over => Ok(Turn::Over),
            None => Ok(Turn::Idle),
        }
    }

    /// Waits for more, and says how long to wait next time. The end of the container is worth a look at once.
    async fn rest(&mut self, pause: Duration) -> Duration {
        if *self.ending.borrow() {
            sleep(self.pace.poll_min).await;
            return self.pace.poll_min;
        }
        // The answer of `changed` says only that the wait is over; the next turn looks what has happened.
        let _ = timeout(pause, self.ending.changed()).await;
        (pause * 2).min(self.pace.poll_max)
    }

    /// Returns when the batch is delivered or refused for good.
    async fn deliver(&mut self, batch: &Batch) {
        let mut attempt = 0;
        while let Err(error) = self.sink.put(&self.destination, batch.events()).await {
            if attempt == 0 {
                warn!(destination = %self.destination, %error, "log events are not delivered");
            }
            match error {
                SinkError::Retry(_) => sleep(jittered(self.pace.retry_after(attempt))).await,
                SinkError::Gone(_) => sleep(jittered(self.pace.gone)).await,
                SinkError::Rejected(_) => {
                    self.rejected_events += batch.events().len() as u64;
                    warn!(destination = %self.destination, events = batch.events().len(), "dropped these log events");
                    return self.acknowledge(batch);
                }
            }
            attempt += 1;
        }
        if attempt > 0 {
            info!(destination = %self.destination, attempts = attempt + 1, "log events are delivered again");
        }
        self.acknowledge(batch);
    }

    fn acknowledge(&mut self, batch: &Batch) {
        if let Err(error) = self.reader.ack(batch) {
            warn!(
                destination = %self.destination, %error,
                "cannot note how far the log was shipped; a restart of the agent would repeat some lines"
            );
        }
    }

    fn report_losses(&mut self) {
        let losses = (self.reader.lost_records(), self.reader.torn_bytes());
        if losses != self.reported {
            warn!(
                destination = %self.destination, lost_records = losses.0, torn_bytes = losses.1,
                "log lines were dropped: the buffer was full, or a logger was killed while it wrote"
            );
            self.reported = losses;
        }
    }
}

/// What one look at the spool led to.
enum Turn {
    Delivered,
    Idle,
    Over,
}

impl Pace {
    /// The pause after this many failures in a row, before jitter.
    fn retry_after(&self, attempt: u32) -> Duration {
        self.retry_min.saturating_mul(1 << attempt.min(20)).min(self.retry_max)
    }
}

/// Half to all of a duration, so that many shippers do not come back at the same moment.
fn jittered(duration: Duration) -> Duration {
    // Without randomness there is no jitter; nothing else depends on it.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    duration.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
