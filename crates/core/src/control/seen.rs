//! What is true only now: which agents are connected, and when something is due for them. Fed by events, never stored.
//!
//! An agent whose connection closed still counts as connected for a while, and so do all agents after a restart.

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::model::InstanceKey;
use crate::ecs::session::Session;
use crate::kernel::Timestamp;

/// Agents and their timers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    agents: BTreeMap<InstanceKey, Agent>,
    /// When to look after which agent again, one row per agent.
    timers: BTreeSet<(Timestamp, InstanceKey)>,
}

/// An agent that counts as connected.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Agent {
    /// Its connection is open.
    Here(Session),
    /// It may come back until then.
    Away(Timestamp),
}

impl Agent {
    fn wake_at(&self) -> Timestamp {
        match self {
            Self::Here(session) => session.next_wakeup(),
            Self::Away(until) => *until,
        }
    }
}

impl Seen {
    /// The conversation with an agent whose connection is open.
    pub(super) fn session(&self, key: &InstanceKey) -> Option<&Session> {
        match self.agents.get(key)? {
            Agent::Here(session) => Some(session),
            Agent::Away(_) => None,
        }
    }

    /// Changes the conversation with an agent, if there is one.
    pub(super) fn with_session<T>(&mut self, key: &InstanceKey, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let Some(Agent::Here(session)) = self.agents.get_mut(key) else {
            return None;
        };
        let before = session.next_wakeup();
        let result = change(session);
        let after = session.next_wakeup();
        if before != after {
            self.timers.remove(&(before, key.clone()));
            self.timers.insert((after, key.clone()));
        }
        Some(result)
    }

    /// A connection opens. Answers the number of the one that it replaces.
    pub(super) fn open(&mut self, key: &InstanceKey, session: Session) -> Option<u64> {
        match self.set(key, Some(Agent::Here(session)))? {
            Agent::Here(before) => Some(before.connection),
            Agent::Away(_) => None,
        }
    }

    /// An agent has no connection, and counts as connected until `until`.
    pub(super) fn await_return(&mut self, key: &InstanceKey, until: Timestamp) {
        self.set(key, Some(Agent::Away(until)));
    }

    /// Nobody waits for this agent any more.
    pub(super) fn forget(&mut self, key: &InstanceKey) {
        self.set(key, None);
    }

    fn set(&mut self, key: &InstanceKey, agent: Option<Agent>) -> Option<Agent> {
        let before = self.agents.remove(key);
        if let Some(before) = &before {
            self.timers.remove(&(before.wake_at(), key.clone()));
        }
        if let Some(agent) = agent {
            self.timers.insert((agent.wake_at(), key.clone()));
            self.agents.insert(key.clone(), agent);
        }
        before
    }

    /// The first `most` agents for which something is due at `now`.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<InstanceKey> {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        due.take(most).map(|(_, key)| key.clone()).collect()
    }

    /// When something is due next.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }
}
