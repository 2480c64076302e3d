//! The conversation with one connected agent: what it was told, what it confirmed, what to tell it next.
//!
//! What an agent should do is derived (its assignment set), so a session only remembers differences. It lives as long as the
//! connection: the next one starts with a manifest of the whole set. Sequence numbers are `epoch << 32 | n`.

use std::collections::BTreeMap;

use super::model::agent_update::UpdateStep;
use super::model::{AgentRelease, Task, TaskStatus};
use super::view::assignment::{Assignment, Desired};
use crate::kernel::Timestamp;
use crate::kernel::ids::TaskId;

/// Milliseconds between heartbeats: half of what the public agent waits for a message.
pub const HEARTBEAT_MS: i64 = 20_000;
/// A connection is cut when heartbeats stay unanswered for this many milliseconds.
pub const SILENCE_MS: i64 = 60_000;
/// A payload that is not acknowledged is sent again after this many milliseconds.
pub const RESEND_MS: i64 = 15_000;
/// The most tasks of one payload, which bounds the size of a message.
const MOST_TASKS: usize = 10;

/// What a control plane tells an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToAgent {
    /// That it is there.
    Heartbeat {
        /// The message's id.
        message_id: String,
    },
    /// Tasks to run or stop.
    Payload {
        /// The message's id.
        message_id: String,
        /// The sequence number.
        sequence: u64,
        /// The tasks.
        tasks: Vec<Assignment>,
    },
    /// The whole set: what is not in it should not run.
    Manifest {
        /// The message's id.
        message_id: String,
        /// The sequence number.
        sequence: u64,
        /// All tasks.
        tasks: Vec<(super::model::TaskKey, Desired)>,
    },
    /// Which of the tasks that the agent asked about may really be stopped.
    StopVerified {
        /// The id of the manifest.
        message_id: String,
        /// The tasks.
        tasks: Vec<super::model::TaskKey>,
    },
    /// To fetch a new agent, or to become it.
    Update {
        /// The message's id.
        message_id: String,
        /// Which of both.
        step: UpdateStep,
        /// The new agent.
        release: AgentRelease,
    },
    /// The connection is over.
    Close,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The number of the connection, unique within a run of the control plane.
    pub connection: u64,
    /// Whether the agent is Berth's own, which confirms attachments itself.
    pub own: bool,
    told: BTreeMap<TaskId, Desired>,
    unconfirmed: BTreeMap<TaskId, Sent>,
    /// What it was asked to do for its update, and did not answer yet.
    asked: Option<(String, UpdateStep)>,
    unanswered_since: Option<Timestamp>,
    heartbeat_at: Timestamp,
    heartbeats: u64,
}

/// The message in which an agent was told about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    message_id: String,
    at: Timestamp,
}

impl Session {
    /// A conversation that begins now.
    #[must_use]
    pub fn new(connection: u64, own: bool, now: Timestamp) -> Self {
        Self {
            connection,
            own,
            told: BTreeMap::new(),
            unconfirmed: BTreeMap::new(),
            asked: None,
            unanswered_since: None,
            heartbeat_at: now,
            heartbeats: 0,
        }
    }

    /// The first of `tasks` that the agent has yet to be told about, or must be told again because it did not confirm in time:
    /// as many as fit into one payload.
    #[must_use]
    pub fn untold<'a>(&self, tasks: impl Iterator<Item = &'a Task>, now: Timestamp) -> Vec<&'a Task> {
        let news = |task: &&Task| {
            self.told.get(&task.key.id) != Some(&desired(task))
                || self
                    .unconfirmed
                    .get(&task.key.id)
                    .is_some_and(|sent| is_overdue(sent, now))
        };
        tasks
            .filter(|task| !task.is_stopped())
            .filter(news)
            .take(MOST_TASKS)
            .collect()
    }

    /// The tasks about which the agent did not confirm in time what it was told.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Vec<TaskId> {
        let overdue = self.unconfirmed.iter().filter(|(_, sent)| is_overdue(sent, now));
        overdue.map(|(id, _)| *id).collect()
    }

    /// Remembers that `task` was told in message `message_id`.
    pub fn tell(&mut self, task: &Task, message_id: &str, now: Timestamp) {
        let sent = Sent {
            message_id: message_id.to_owned(),
            at: now,
        };
        self.told.insert(task.key.id, desired(task));
        self.unconfirmed.insert(task.key.id, sent);
    }

    /// The agent confirmed a message: the tasks that it was told there, with what it was told.
    pub fn confirm(&mut self, message_id: &str) -> Vec<(TaskId, Desired)> {
        let confirmed = self
            .unconfirmed
            .iter()
            .filter(|(_, sent)| sent.message_id == message_id);
        let confirmed: Vec<TaskId> = confirmed.map(|(id, _)| *id).collect();
        for id in &confirmed {
            self.unconfirmed.remove(id);
        }
        let told = |id: TaskId| self.told.get(&id).map(|desired| (id, *desired));
        confirmed.into_iter().filter_map(told).collect()
    }

    /// Remembers that the agent was asked in message `message_id` to take a step of its update.
    pub fn ask(&mut self, message_id: &str, step: UpdateStep) {
        self.asked = Some((message_id.to_owned(), step));
    }

    /// Whether it was asked for a step of its update, and did not answer yet.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The agent answered a message: the step of its update that it was asked for there.
    pub fn answered(&mut self, message_id: &str) -> Option<UpdateStep> {
        let (_, step) = self.asked.take_if(|(asked, _)| asked == message_id)?;
        Some(step)
    }

    /// The agent was heard.
    pub fn heard(&mut self) {
        self.unanswered_since = None;
    }

    /// Forgets a task that is over.
    pub fn forget(&mut self, id: TaskId) {
        self.told.remove(&id);
        self.unconfirmed.remove(&id);
    }

    /// What is due at `now`: a heartbeat, or the end of a connection that does not answer.
    pub fn due(&mut self, now: Timestamp) -> Option<ToAgent> {
        if self
            .unanswered_since
            .is_some_and(|since| now.since_ms(since) >= SILENCE_MS)
        {
            return Some(ToAgent::Close);
        }
        if now < self.heartbeat_at {
            return None;
        }
        self.heartbeat_at = now.plus_ms(HEARTBEAT_MS);
        self.unanswered_since.get_or_insert(now);
        self.heartbeats += 1;
        Some(ToAgent::Heartbeat {
            message_id: format!("heartbeat-{}-{}", self.connection, self.heartbeats),
        })
    }

    /// When something will be due.
    #[must_use]
    pub fn next_wakeup(&self) -> Timestamp {
        let silence = self.unanswered_since.map(|since| since.plus_ms(SILENCE_MS));
        let resend = self.unconfirmed.values().map(|sent| sent.at.plus_ms(RESEND_MS)).min();
        let others = silence.into_iter().chain(resend);
        others.fold(self.heartbeat_at, Timestamp::min)
    }
}

fn is_overdue(sent: &Sent, now: Timestamp) -> bool {
    now.since_ms(sent.at) >= RESEND_MS
}

/// Where the agent shall take `task`.
#[must_use]
pub fn desired(task: &Task) -> Desired {
    if task.desired_status == TaskStatus::Stopped {
        Desired::Stopped
    } else {
        Desired::Running
    }
}
