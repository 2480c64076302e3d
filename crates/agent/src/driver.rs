//! The loop around the brain: takes events, makes the brain's records durable, then begins its operations and sends its
//! messages. One task owns the brain; all else talks to it by events.

use std::sync::Arc;
use std::time::Duration;

use berth_core::ecs::model::TaskKey;
use berth_core::node::{Config, Event, Node, Output, Restored, Save, TaskHealth, ToControl};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::clock;
use crate::config::{Cleaned, Ended, Ending, Stop};
use crate::ops::Machine;
use crate::records::{RecordError, Records};
use crate::reports::Reporter;

/// As many events as are taken together: their records are made durable at once.
const TOGETHER: usize = 64;
/// The longest sleep: the machine's clock may be set meanwhile.
const LONGEST_NAP: Duration = Duration::from_secs(30);
/// How often an agent that ends looks whether it may.
const CLOSING_NAP: Duration = Duration::from_millis(200);
/// How long an agent that ends waits for tasks to stop: as long as the longest stop timeout of Fargate, and some more.
const STOPPING_TIME: Duration = Duration::from_secs(150);
/// How long an agent that ends waits for a control plane after all processes have ended.
const TELLING_TIME: Duration = Duration::from_secs(20);

/// The brain with its hands.
pub(crate) struct Driver {
    node: Node,
    records: Records,
    machine: Arc<Machine>,
    reporter: Reporter,
    /// To the control plane; what it does not take is said again by it.
    link: mpsc::Sender<ToControl>,
    events: mpsc::Receiver<Event>,
    /// How well containers are, for telemetry.
    health: watch::Sender<Vec<TaskHealth>>,
}

/// An agent that stops its tasks before it ends.
struct Closing {
    until: Instant,
    /// What was on the machine before.
    traces: Cleaned,
}

impl Driver {
    pub(crate) fn new(
        records: Records,
        machine: Arc<Machine>,
        reporter: Reporter,
        (link, events): (mpsc::Sender<ToControl>, mpsc::Receiver<Event>),
    ) -> Self {
        Self {
            node: Node::new(Config::default()),
            records,
            machine,
            reporter,
            link,
            events,
            health: watch::Sender::new(Vec::new()),
        }
    }

    /// How well containers are, as it changes.
    pub(crate) fn health(&self) -> watch::Receiver<Vec<TaskHealth>> {
        self.health.subscribe()
    }

    /// The brain's first turn.
    pub(crate) async fn restore(&mut self, restored: Restored) -> Result<(), RecordError> {
        self.turn(vec![Event::Restored(restored)]).await?;
        self.publish_health();
        Ok(())
    }

    /// Hands the health of containers on to telemetry, and tells in the log what has changed and why.
    fn publish_health(&self) {
        let health: Vec<TaskHealth> = self.node.health().collect();
        let before = self.health.send_replace(health.clone());
        let known = |task: &TaskHealth, name| {
            let same = before.iter().find(|other| other.task == task.task)?;
            same.containers
                .iter()
                .find(|(other, ..)| other == name)
                .map(|(_, status, ..)| *status)
        };
        for task in &health {
            for (name, status, _, said) in &task.containers {
                if known(task, name) != Some(*status) {
                    tracing::info!(task = %task.task.id, container = %name, %status, said, "health");
                }
            }
        }
    }

    /// Serves the brain until somebody says how to end. With [`Ended::Cleaned`], all tasks have been stopped as far as that
    /// was possible in good time; it says what was on the machine before.
    ///
    /// # Errors
    /// If a record cannot be made durable: then nothing may be done any more. Tasks go on.
    pub(crate) async fn run(&mut self, stop: &mut Stop) -> Result<Ended, RecordError> {
        let mut closing: Option<Closing> = None;
        let mut events = Vec::with_capacity(TOGETHER);
        loop {
            let nap = self.nap(closing.is_some());
            tokio::select! {
                ending = asked(stop, closing.is_some()) => match ending {
                    Ending::Leave => return Ok(Ended::Left),
                    Ending::Clean => {
                        tracing::info!("stopping all tasks");
                        closing = Some(self.closing());
                        self.turn(vec![Event::Shutdown]).await?;
                    }
                },
                _ = self.events.recv_many(&mut events, TOGETHER) => self.turn(std::mem::take(&mut events)).await?,
                () = sleep(nap) => {
                    let output = self.node.tick(&mut clock::turn());
                    self.act(output).await?;
                }
            }
            if let Some(closing) = &mut closing
                && self.is_closed(closing)
            {
                return Ok(Ended::Cleaned(std::mem::take(&mut closing.traces)));
            }
        }
    }

    fn closing(&self) -> Closing {
        Closing {
            until: Instant::now() + STOPPING_TIME,
            traces: Cleaned::of(self.node.records()),
        }
    }

    /// Whether an agent that ends has done what it can.
    fn is_closed(&self, closing: &mut Closing) -> bool {
        let ended = self.node.records().all(|task| task.has_ended());
        if ended {
            closing.until = closing.until.min(Instant::now() + TELLING_TIME);
        }
        self.node.is_idle() || Instant::now() >= closing.until
    }

    fn nap(&self, closing: bool) -> Duration {
        let longest = if closing { CLOSING_NAP } else { LONGEST_NAP };
        let wait = self.node.next_wakeup().map(|at| at.since_ms(clock::now()));
        let wait = wait.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        wait.map_or(longest, |wait| wait.min(longest))
    }

    async fn turn(&mut self, events: Vec<Event>) -> Result<(), RecordError> {
        let mut all = Output::default();
        for event in events {
            let task = subject(&event);
            let output = self.node.handle(&mut clock::turn(), event);
            all.save.extend(output.save);
            all.ops.extend(output.ops);
            all.send.extend(output.send);
            all.health |= output.health;
            if let Some(record) = task.and_then(|task| self.node.record(&task)) {
                self.machine.metadata.note_task(record);
            }
        }
        self.act(all).await
    }

    /// First what must be remembered, then what must be done.
    async fn act(&mut self, output: Output) -> Result<(), RecordError> {
        self.save(output.save).await?;
        if output.health {
            self.publish_health();
        }
        for op in output.ops {
            self.machine.begin(op);
        }
        for message in output.send {
            self.send(message);
        }
        Ok(())
    }

    async fn save(&self, saves: Vec<Save>) -> Result<(), RecordError> {
        if saves.is_empty() {
            return Ok(());
        }
        for save in &saves {
            self.machine.metadata.note(save);
        }
        let records = self.records.clone();
        let saved = tokio::task::spawn_blocking(move || records.save(saves)).await;
        saved.expect("saving does not panic")
    }

    fn send(&self, message: ToControl) {
        match message {
            ToControl::Report { task, number, report } => {
                if let Some(status) = report.status {
                    tracing::info!(task = %task.id, ?status, reason = report.reason, "reports");
                }
                self.reporter.send(task, number, report);
            }
            other @ (ToControl::Ack { .. } | ToControl::StopCandidates { .. }) => {
                // Without a connection nobody waits for it: the next one begins with the whole.
                let _ = self.link.try_send(other);
            }
        }
    }
}

/// The task whose record an event may change although nothing is saved because of it.
fn subject(event: &Event) -> Option<TaskKey> {
    if let Event::Done { task, .. } | Event::Exited { task, .. } = event {
        Some(task.clone())
    } else {
        None
    }
}

/// How to end, once somebody says so. An agent that stops its tasks can only be told to leave at once.
async fn asked(stop: &mut Stop, closing: bool) -> Ending {
    let is_news = |ending: &Option<Ending>| match ending {
        None => false,
        Some(Ending::Leave) => true,
        Some(Ending::Clean) => !closing,
    };
    let said = stop.wait_for(is_news).await.map(|ending| *ending);
    match said {
        Ok(ending) => ending.expect("news is something"),
        Err(_) if closing => std::future::pending().await,
        Err(_) => Ending::Leave,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::watch;

    use super::*;

    #[tokio::test]
    async fn a_clean_end_can_be_cut_short_but_not_by_silence() {
        let (sender, mut stop) = watch::channel(None);
        assert_eq!(asked(&mut stop, false).now_or_never(), None);
        sender.send_replace(Some(Ending::Clean));
        assert_eq!(asked(&mut stop, false).now_or_never(), Some(Ending::Clean));
        assert_eq!(asked(&mut stop, true).now_or_never(), None);
        sender.send_replace(Some(Ending::Leave));
        assert_eq!(asked(&mut stop, true).now_or_never(), Some(Ending::Leave));
        sender.send_replace(None);
        drop(sender);
        assert_eq!(asked(&mut stop, true).now_or_never(), None);
        assert_eq!(asked(&mut stop, false).now_or_never(), Some(Ending::Leave));
    }
}
