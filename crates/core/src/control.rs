//! The brain of the control plane: all domains behind `handle` and `tick`.
//!
//! The shell feeds it events, makes the changes durable, and only then releases the reply and the outbox.

mod link;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use crate::ecs::admit::{Admitted, Caller};
use crate::ecs::api::{self, Read, Write};
use crate::ecs::model::{InstanceKey, TaskKey};
use crate::ecs::session::{Session, ToAgent};
use crate::ecs::view::Reply;
use crate::ecs::view::describe::Facts;
use crate::ecs::{self, Refusal};
use crate::iam::{self, Attempt, Principal};
use crate::kernel::{Cx, Scope, Timestamp};
use crate::network;

/// A change of any domain's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes are moved once, into the batch that is written"
)]
pub enum Change {
    /// Of ECS.
    Ecs(ecs::Change),
    /// Of networks.
    Network(network::Change),
    /// The control plane was started once more: the high half of all sequence numbers from now on.
    Epoch(u32),
}

/// All durable facts.
#[derive(Clone, Debug, Default)]
pub struct State {
    ecs: ecs::State,
    network: network::State,
    epoch: u32,
}

impl State {
    /// Applies `change`. State is the fold of all changes.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Ecs(change) => self.ecs.apply(change),
            Change::Network(change) => self.network.apply(change),
            Change::Epoch(epoch) => self.epoch = epoch,
        }
    }

    /// The facts of ECS.
    #[must_use]
    pub fn ecs(&self) -> &ecs::State {
        &self.ecs
    }

    /// The facts of networks.
    #[must_use]
    pub fn network(&self) -> &network::State {
        &self.network
    }
}

/// What is true only now: fed by events, never stored. After a restart everybody counts as connected for a while.
#[derive(Clone, Debug, Default)]
struct Seen {
    sessions: BTreeMap<InstanceKey, Session>,
    /// Instances whose agent may still come back, and until when they count as connected.
    grace: BTreeMap<InstanceKey, Timestamp>,
    /// Instances with a session or in grace.
    connected: BTreeSet<InstanceKey>,
    sequence: u32,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The control plane has loaded its facts and begins to work.
    Started,
    /// Somebody asks for a change.
    Request {
        /// Who.
        principal: Principal,
        /// In which account and region.
        scope: Scope,
        /// What.
        write: Write,
    },
    /// Something about the connection of an agent.
    Link {
        /// The machine.
        instance: InstanceKey,
        /// The connection's number.
        connection: u64,
        /// What.
        event: LinkEvent,
    },
}

/// What happens on the connection of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// It is there.
    Opened {
        /// Whether the agent is Berth's own.
        own: bool,
        /// What software the machine runs.
        versions: ecs::model::instance::Versions,
    },
    /// The agent confirmed a message.
    Acknowledged(String),
    /// The agent answered a heartbeat or said something else.
    Heard,
    /// The agent runs tasks that a manifest did not name.
    StopCandidates(String, Vec<String>),
    /// It is gone.
    Closed,
}

/// A message for the agent of `instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The machine.
    pub instance: InstanceKey,
    /// The connection that it is meant for.
    pub connection: u64,
    /// What to say.
    pub body: ToAgent,
}

/// What follows from an event. The reply and the outbox are released only once the changes are durable.
#[derive(Debug, Default)]
pub struct Output {
    /// Facts that changed; they are applied already.
    pub changes: Vec<Change>,
    /// The answer to a request.
    pub reply: Option<Result<Reply, Refusal>>,
    /// What to tell agents.
    pub outbox: Vec<Message>,
}

/// Milliseconds for which agents count as connected after the control plane has started.
pub const START_GRACE_MS: i64 = 60_000;
/// Milliseconds for which an agent counts as connected after its connection has closed.
pub const RECONNECT_GRACE_MS: i64 = 5_000;
/// Milliseconds for which a task can be described after it is over.
pub const ENDED_TASK_MS: i64 = 3_600_000;
/// Milliseconds for which a client token is remembered.
pub const CLIENT_TOKEN_MS: i64 = 86_400_000;
/// The most rows that one tick removes.
const SWEEP: usize = 50;

/// The control plane's brain.
#[derive(Clone, Debug, Default)]
pub struct Control {
    state: State,
    seen: Seen,
}

impl Control {
    /// A brain that knows `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self {
            state,
            seen: Seen::default(),
        }
    }

    /// The durable facts.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes an event.
    pub fn handle(&mut self, cx: &mut Cx, event: Event) -> Output {
        let mut turn = Turn {
            control: self,
            cx,
            output: Output::default(),
            touched: BTreeSet::new(),
        };
        match event {
            Event::Started => turn.start(),
            Event::Request {
                principal,
                scope,
                write,
            } => turn.request(&principal, scope, write),
            Event::Link {
                instance,
                connection,
                event,
            } => turn.link(instance, connection, event),
        }
        turn.finish()
    }

    /// Does what is due: heartbeats, repetitions, and forgetting what ended long ago.
    pub fn tick(&mut self, cx: &mut Cx) -> Output {
        let mut turn = Turn {
            control: self,
            cx,
            output: Output::default(),
            touched: BTreeSet::new(),
        };
        turn.sessions_due();
        turn.grace_due();
        turn.sweep();
        turn.finish()
    }

    /// When the next tick is due.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let sessions = self.seen.sessions.values().map(Session::next_wakeup);
        let grace = self.seen.grace.values().copied();
        let ended = self.state.ecs.first_ended().map(|(at, _)| at.plus_ms(ENDED_TASK_MS));
        let token = self
            .state
            .ecs
            .first_remembered()
            .map(|(at, _)| at.plus_ms(CLIENT_TOKEN_MS));
        sessions.chain(grace).chain(ended).chain(token).min()
    }

    /// Answers a read.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(&self, principal: &Principal, scope: &Scope, read: &Read) -> Result<Reply, Refusal> {
        authorise(principal, scope, read.action())?;
        api::read(&self.facts(), scope, read)
    }

    /// The networks of `scope`.
    ///
    /// # Errors
    /// If the caller may not see them.
    pub fn read_network(
        &self,
        principal: &Principal,
        scope: &Scope,
        action: &str,
    ) -> Result<network::view::NetworkView, iam::Denied> {
        iam::authorise(
            principal,
            &Attempt {
                action,
                account: scope.account,
            },
        )?;
        Ok(network::view::network(&self.state.network, scope))
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            ecs: &self.state.ecs,
            network: &self.state.network,
            connected: &self.seen.connected,
        }
    }
}

fn authorise(principal: &Principal, scope: &Scope, action: &str) -> Result<(), Refusal> {
    iam::authorise(
        principal,
        &Attempt {
            action,
            account: scope.account,
        },
    )
    .map_err(Refusal::Denied)
}

/// One event being taken: changes are applied and collected, and the tasks that they touch are remembered.
struct Turn<'a> {
    control: &'a mut Control,
    cx: &'a mut Cx,
    output: Output,
    touched: BTreeSet<TaskKey>,
}

impl Turn<'_> {
    /// Applies a change and keeps it for the store.
    fn put(&mut self, change: Change) {
        if let Change::Ecs(ecs::Change::Task(edit)) = &change {
            self.touched.insert(edit.key().clone());
        }
        self.control.state.apply(change.clone());
        self.output.changes.push(change);
    }

    fn put_all(&mut self, admitted: Vec<ecs::Change>, network: Vec<network::Change>) {
        admitted
            .into_iter()
            .map(Change::Ecs)
            .for_each(|change| self.put(change));
        network
            .into_iter()
            .map(Change::Network)
            .for_each(|change| self.put(change));
    }

    fn start(&mut self) {
        let epoch = self
            .control
            .state
            .epoch
            .checked_add(1)
            .expect("a control plane starts less than four billion times");
        self.put(Change::Epoch(epoch));
        let until = self.cx.now.plus_ms(START_GRACE_MS);
        let known: Vec<InstanceKey> = self
            .control
            .state
            .ecs
            .instances()
            .iter()
            .map(|one| one.key.clone())
            .collect();
        for key in known {
            self.control.seen.grace.insert(key.clone(), until);
            self.control.seen.connected.insert(key);
        }
    }

    fn request(&mut self, principal: &Principal, scope: Scope, write: Write) {
        let reply = authorise(principal, &scope, write.action()).and_then(|()| {
            let caller = Caller {
                scope,
                arn: principal.arn(),
            };
            match api::admit(&self.control.state.ecs, self.cx, &caller, write) {
                Ok(admitted) => admitted.map(|admitted| self.apply(admitted)),
                Err(run) => self.run_task(&caller, run),
            }
        });
        self.output.reply = Some(reply);
    }

    fn apply(&mut self, admitted: Admitted) -> Reply {
        self.put_all(admitted.changes, admitted.network);
        self.control.facts().reply(admitted.answer)
    }

    /// Forgets what ended long ago, a slice at a time.
    fn sweep(&mut self) {
        for _ in 0..SWEEP {
            let ecs = &self.control.state.ecs;
            let due = |at: &Timestamp, keep_ms| self.cx.now.since_ms(*at) >= keep_ms;
            let change = match (ecs.first_ended(), ecs.first_remembered()) {
                (Some((at, key)), _) if due(at, ENDED_TASK_MS) => {
                    ecs::Change::Task(crate::kernel::Edit::Delete(key.clone()))
                }
                (_, Some((at, key))) if due(at, CLIENT_TOKEN_MS) => {
                    ecs::Change::ClientToken(crate::kernel::Edit::Delete(key.clone()))
                }
                _ => return,
            };
            self.put(Change::Ecs(change));
        }
    }

    fn finish(mut self) -> Output {
        self.tell_touched();
        self.output
    }
}
