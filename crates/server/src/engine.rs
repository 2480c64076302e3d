//! The one writer: a thread that owns the brain, takes events in batches, and makes each batch durable with one commit.
//!
//! Nothing is told to anybody before it is durable: replies and messages to agents wait for the commit of their batch, and a
//! read waits until everything that was applied when it looked is durable (docs/adr/0004). A commit that fails ends the
//! process, which reloads what is durable.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use berth_core::control::{Change, Control, Event, Message, Output, State};
use berth_core::ecs::Refusal;
use berth_core::ecs::view::{Reply, TaskView};
use berth_core::kernel::Cx;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::clock::Clock;
use crate::store::Store;

/// The most events of one batch.
const BATCH: usize = 256;
/// The most events that wait for the writer. Whoever comes with another one waits until there is room.
const WAITING: usize = 10_000;
/// The longest sleep between two looks at the clock, which may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// An answer to a write.
pub type Answer = Result<Reply, Refusal>;

/// An event, who waits for its answer, and its room among those that wait.
struct Job {
    event: Event,
    answer: Option<oneshot::Sender<Answer>>,
    _room: OwnedSemaphorePermit,
}

/// The brain behind its lock, with the count of what was applied to it.
struct Facts {
    control: Control,
    applied: u64,
}

/// A handle on the writer.
#[derive(Clone)]
pub struct Engine {
    facts: Arc<RwLock<Facts>>,
    jobs: Sender<Job>,
    room: Arc<Semaphore>,
    durable: watch::Receiver<u64>,
}

/// Delivers messages to agents, once what they rest on is durable.
pub trait Outbox: Send + 'static {
    /// Delivers `message`, or drops it if its connection is gone: the next connection begins with everything.
    fn deliver(&self, message: Message);

    /// Hands tasks over to the history, whose end is durable. [`Event::Archived`] is to follow.
    fn archive(&self, tasks: Vec<TaskView>);
}

/// The writer was stopped, because the process is ending.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the control plane is stopping")]
pub struct Stopping;

impl Engine {
    /// Starts the writer on a brain that knows what the store holds.
    ///
    /// # Errors
    /// What the store cannot load or write.
    pub fn start(
        store: Arc<Store>,
        clock: Clock,
        brain: impl FnOnce(State) -> Control,
        outbox: impl Outbox,
    ) -> Result<Self, crate::store::StoreError> {
        let facts = Arc::new(RwLock::new(Facts {
            control: brain(store.load()?),
            applied: 0,
        }));
        let (jobs, queue) = mpsc::channel();
        let (progress, durable) = watch::channel(0);
        let mut writer = Writer {
            facts: Arc::clone(&facts),
            store,
            clock,
            outbox: Box::new(outbox),
            progress,
        };
        writer.batch([(Event::Started, None)]);
        let run = move || writer.run(&queue);
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(run)
            .map_err(|error| crate::store::StoreError::Io {
                detail: format!("cannot start the writer's thread: {error}"),
            })?;
        Ok(Self {
            facts,
            jobs,
            room: Arc::new(Semaphore::new(WAITING)),
            durable,
        })
    }

    /// Asks for a change and waits until its answer may be told.
    ///
    /// # Errors
    /// If the process is ending.
    pub async fn write(&self, event: Event) -> Result<Answer, Stopping> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(event, Some(answer)).await?;
        answered.await.map_err(|_| Stopping)
    }

    /// Tells the brain that something happened, without waiting for what comes of it.
    pub async fn tell(&self, event: Event) {
        // The writer only ends with the process; then nobody needs to know.
        let _ = self.enqueue(event, None).await;
    }

    /// Waits for room, in the order of coming, and hands the event to the writer.
    async fn enqueue(&self, event: Event, answer: Option<oneshot::Sender<Answer>>) -> Result<(), Stopping> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| Stopping)?;
        let job = Job {
            event,
            answer,
            _room: room,
        };
        self.jobs.send(job).map_err(|_| Stopping)
    }

    /// Looks at the facts, and waits until all of them are durable before it tells.
    ///
    /// # Errors
    /// If the process is ending.
    pub async fn read<T>(&self, look: impl FnOnce(&Control) -> T) -> Result<T, Stopping> {
        let (seen, applied) = {
            // After a panic the facts may be halfway through a turn, and were counted as nothing: they are not shown.
            let facts = self.facts.read().map_err(|_| Stopping)?;
            (look(&facts.control), facts.applied)
        };
        let mut durable = self.durable.clone();
        durable.wait_for(|done| *done >= applied).await.map_err(|_| Stopping)?;
        Ok(seen)
    }
}

/// The writer's own look. A panic of the writer ends the process, so the writer never sees a poisoned lock.
fn read_lock(facts: &RwLock<Facts>) -> RwLockReadGuard<'_, Facts> {
    facts.read().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    facts: Arc<RwLock<Facts>>,
    store: Arc<Store>,
    clock: Clock,
    outbox: Box<dyn Outbox>,
    progress: watch::Sender<u64>,
}

impl Writer {
    fn run(mut self, queue: &Receiver<Job>) {
        // A broken invariant must not be answered from, or written on top of: end, and reload what is durable.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| while self.turn(queue) {}));
        if ended.is_err() {
            tracing::error!("the control plane's brain broke an invariant; ending, to restart from what is durable");
            std::process::abort();
        }
    }

    /// Waits for events and takes a batch of them. Answers whether there may be more.
    fn turn(&mut self, queue: &Receiver<Job>) -> bool {
        match queue.recv_timeout(self.sleep()) {
            Ok(first) => {
                let more = std::iter::from_fn(|| queue.try_recv().ok());
                // Taking a job apart gives up its room: those who wait come in while the batch is worked on.
                let jobs = std::iter::once(first).chain(more).take(BATCH);
                self.batch(jobs.map(|job| (job.event, job.answer)).collect::<Vec<_>>());
                true
            }
            Err(RecvTimeoutError::Timeout) => {
                self.batch([]);
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    fn sleep(&self) -> Duration {
        let wakeup = read_lock(&self.facts).control.next_wakeup();
        let until = wakeup.map_or(i64::MAX, |at| at.since_ms(self.clock.now()).max(0));
        Duration::from_millis(until.unsigned_abs()).min(LONGEST_SLEEP)
    }

    /// Takes events and what is due, commits once, then tells.
    fn batch(&mut self, events: impl IntoIterator<Item = (Event, Option<oneshot::Sender<Answer>>)>) {
        let mut outputs: Vec<(Output, Option<oneshot::Sender<Answer>>)> = Vec::new();
        for (event, answer) in events {
            outputs.push((self.apply(|control, cx| control.handle(cx, event)), answer));
        }
        if read_lock(&self.facts)
            .control
            .next_wakeup()
            .is_some_and(|at| at <= self.clock.now())
        {
            outputs.push((self.apply(Control::tick), None));
        }
        let applied = read_lock(&self.facts).applied;
        self.commit(outputs.iter().flat_map(|(output, _)| &output.changes));
        let _ = self.progress.send_replace(applied);
        for (output, answer) in outputs {
            output
                .outbox
                .into_iter()
                .for_each(|message| self.outbox.deliver(message));
            if !output.archive.is_empty() {
                self.outbox.archive(output.archive);
            }
            if let (Some(answer), Some(reply)) = (answer, output.reply) {
                // A caller that hung up does not want its answer any more.
                let _ = answer.send(reply);
            }
        }
    }

    fn apply(&self, turn: impl FnOnce(&mut Control, &mut Cx) -> Output) -> Output {
        let mut cx = Cx::new(self.clock.now(), seed());
        let mut facts: RwLockWriteGuard<'_, Facts> = self.facts.write().unwrap_or_else(PoisonError::into_inner);
        let output = turn(&mut facts.control, &mut cx);
        facts.applied += u64::from(!output.changes.is_empty());
        output
    }

    fn commit<'a>(&self, changes: impl Iterator<Item = &'a Change>) {
        let mut changes = changes.peekable();
        if changes.peek().is_none() {
            return;
        }
        if let Err(error) = self.store.commit(changes) {
            crate::ending::unwritable(&error);
        }
    }
}

/// Randomness for one turn: ids and choices follow from it.
fn seed() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    u128::from_le_bytes(bytes)
}
