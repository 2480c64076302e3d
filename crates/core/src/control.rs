//! The brain of the control plane: all domains behind `handle` and `tick`.
//!
//! The shell feeds it events, makes the changes durable, and only then releases the reply and the outbox.

mod access;
mod archive;
mod link;
mod reset;
mod run;
mod seen;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ecs::admit::{Admitted, Caller};
use crate::ecs::api::{self, Read, Step, Write};
use crate::ecs::health::{CheckReport, Health};
use crate::ecs::model::{AgentRelease, InstanceKey, InstanceStatus, TaskKey};
use crate::ecs::place::Planner;
use crate::ecs::probes::{ProbeReport, Probes};
use crate::ecs::quota::Quotas;
use crate::ecs::reconcile::{leave, provision};
use crate::ecs::session::ToAgent;
use crate::ecs::view::describe::Facts;
use crate::ecs::view::{Answer, Reply, TaskView};
use crate::ecs::{self, Refusal};
use crate::iam::{self, Attempt, Principal};
use crate::kernel::ids::TaskId;
use crate::kernel::{AccountId, Cx, Edit, Scope, Timestamp};
use crate::network;
use crate::network::view::Extent;
use seen::Seen;

/// A change of any domain's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "changes are moved once, into the batch that is written"
)]
pub enum Change {
    /// Of who may call.
    Iam(iam::Change),
    /// Of ECS.
    Ecs(ecs::Change),
    /// Of networks.
    Network(network::Change),
    /// The control plane was started once more: the high half of all sequence numbers from now on.
    Epoch(u32),
}

/// All durable facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    iam: iam::State,
    ecs: ecs::State,
    network: network::State,
    epoch: u32,
}

impl State {
    /// Applies `change`. State is the fold of all changes.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Iam(change) => self.iam.apply(change),
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

    /// How often the control plane was started.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The facts of networks.
    #[must_use]
    pub fn network(&self) -> &network::State {
        &self.network
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an event is moved once, from its shell into its turn"
)]
pub enum Event {
    /// The control plane has loaded its facts and begins to work.
    Started,
    /// The history has these tasks durably, as they were in these versions.
    Archived(Vec<(TaskKey, u64)>),
    /// Whether the disk is so full that nothing new may be taken in.
    LowSpace(bool),
    /// Everything is to be stopped and forgotten. Answers how much is left; asked again until nothing is.
    Reset,
    /// Somebody asks for a change.
    Request {
        /// Who.
        principal: Principal,
        /// In which account and region.
        scope: Scope,
        /// What.
        write: Write,
    },
    /// An agent said how well its machine is.
    Checked {
        /// The machine.
        instance: InstanceKey,
        /// What came of its checks.
        reports: Vec<CheckReport>,
    },
    /// An agent said how well containers of its tasks are.
    Probed {
        /// The machine.
        instance: InstanceKey,
        /// What came of their probes.
        reports: Vec<ProbeReport>,
    },
    /// An operator asks about join tokens.
    Tokens {
        /// Who.
        principal: Principal,
        /// What.
        write: iam::admit::Write,
    },
    /// A machine wants a key of its own.
    Join(iam::admit::Join),
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
    /// The agent refused a message, which agents do with updates only.
    Refused(String),
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Facts that changed; they are applied already.
    pub changes: Vec<Change>,
    /// The answer to a request.
    pub reply: Option<Result<Reply, Refusal>>,
    /// What to tell agents.
    pub outbox: Vec<Message>,
    /// Tasks that ended a while ago: the history is to have them, then [`Event::Archived`] lets them leave the state.
    pub archive: Vec<TaskView>,
}

/// Milliseconds for which agents count as connected after the control plane has started.
pub const START_GRACE_MS: i64 = 60_000;
/// Milliseconds for which an agent counts as connected after its connection has closed.
pub const RECONNECT_GRACE_MS: i64 = 5_000;
/// Milliseconds for which a task stays in the state after it is over. Then it moves to the history.
pub const ENDED_TASK_MS: i64 = 60_000;
/// Milliseconds for which a container instance can be described after it was deregistered.
pub const INACTIVE_INSTANCE_MS: i64 = 3_600_000;
/// Milliseconds for which a task definition shows that it is being deleted, also when nothing refers to it.
pub const DELETED_DEFINITION_MS: i64 = 10_000;
/// Milliseconds for which a cluster can be described after it was deleted.
pub const INACTIVE_CLUSTER_MS: i64 = 3_600_000;
/// Milliseconds for which a client token is remembered.
pub const CLIENT_TOKEN_MS: i64 = 86_400_000;
/// The most tasks or tokens that one turn of a sweep or of a loop takes, so that a tick stays below 100 changes.
const SLICE: usize = 30;
/// The most agents that one tick looks after.
const MOST_AGENTS: usize = 500;

/// The control plane's brain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    state: State,
    seen: Seen,
    planner: Planner,
    health: Health,
    probes: Probes,
    /// Tasks that were handed over to the history, which has not confirmed them yet. Not stored: after a restart they are
    /// handed over again, and the history has them once however often it takes them.
    archiving: BTreeSet<TaskKey>,
    /// How much there may be.
    quotas: Quotas,
    /// Which release of Amazon's agent is on offer.
    release: Option<Arc<AgentRelease>>,
    /// How many messages this run has numbered.
    sequence: u32,
    /// Whether nothing new may be taken in, for want of disk space. Not stored: whoever looks at the disk tells.
    low_space: bool,
    /// When this run began. Not stored: waits for what only a running control plane can hear of begin with it.
    started_at: Timestamp,
    /// Whether a loop has more to do than its last turn took.
    unfinished: bool,
}

impl Control {
    /// A brain that knows `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// The same brain, which admits no more than `quotas` allow.
    #[must_use]
    pub fn limited(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// The same brain, which updates Amazon's agents to `release` when it is asked to.
    #[must_use]
    pub fn offering(self, release: Option<AgentRelease>) -> Self {
        Self {
            release: release.map(Arc::new),
            ..self
        }
    }

    /// The durable facts.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes an event.
    pub fn handle(&mut self, cx: &mut Cx, event: Event) -> Output {
        let mut turn = self.turn(cx);
        match event {
            Event::Started => turn.start(),
            Event::Archived(tasks) => {
                turn.archived(&tasks);
                turn.output.reply = Some(Ok(Reply::Acknowledged));
            }
            Event::LowSpace(low) => turn.control.low_space = low,
            Event::Reset => {
                let left = turn.reset();
                turn.output.reply = Some(Ok(left));
            }
            Event::Request {
                principal,
                scope,
                write,
            } => turn.request(&principal, scope, write),
            Event::Probed { instance, reports } => {
                let Control { state, probes, .. } = &mut *turn.control;
                probes.reported(&state.ecs, &instance, reports);
            }
            Event::Checked { instance, reports } => turn.control.health.reported(&instance, reports, turn.cx.now),
            Event::Tokens { principal, write } => turn.output.reply = Some(turn.tokens(&principal, write)),
            Event::Join(request) => turn.output.reply = Some(turn.join(&request)),
            Event::Link {
                instance,
                connection,
                event,
            } => turn.link(&instance, connection, event),
        }
        turn.finish()
    }

    /// Does what is due: heartbeats, repetitions, handing over what ended a while ago, and forgetting old client tokens.
    pub fn tick(&mut self, cx: &mut Cx) -> Output {
        let mut turn = self.turn(cx);
        turn.agents_due();
        turn.leave();
        turn.provision();
        turn.sweep();
        turn.archive();
        turn.finish()
    }

    fn turn<'a>(&'a mut self, cx: &'a mut Cx) -> Turn<'a> {
        Turn {
            control: self,
            cx,
            output: Output::default(),
            touched: BTreeMap::new(),
        }
    }

    /// When the next tick is due.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let ecs = &self.state.ecs;
        let agents = self.seen.next_wakeup();
        let ended = self.next_to_archive().map(|(at, _)| at.plus_ms(ENDED_TASK_MS));
        let token = ecs.first_remembered().map(|(at, _)| at.plus_ms(CLIENT_TOKEN_MS));
        let left = ecs.first_left().map(|(at, _)| at.plus_ms(INACTIVE_INSTANCE_MS));
        let unused = ecs.first_unused().map(|(at, _)| at.plus_ms(DELETED_DEFINITION_MS));
        let join = self.state.iam.first_expiring();
        let join = join.map(|(at, _)| at.plus_ms(iam::admit::EXPIRED_TOKEN_MS));
        let at_once = self.unfinished.then(Timestamp::default);
        let deleted = ecs.first_deleted().map(|(at, _)| at.plus_ms(INACTIVE_CLUSTER_MS));
        let provisioned = provision::due(ecs, self.started_at);
        [agents, provisioned, ended, token, left, unused, deleted, join, at_once]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the agent of `instance` may connect: it is registered, or was deregistered and still has tasks to stop.
    ///
    /// # Errors
    /// [`Refusal::InstanceNotFound`] and [`Refusal::InstanceInactive`].
    pub fn admit_agent(&self, instance: &InstanceKey) -> Result<(), Refusal> {
        let ecs = &self.state.ecs;
        let known = ecs.instances().get(instance).ok_or(Refusal::InstanceNotFound)?;
        match known.status {
            InstanceStatus::Active | InstanceStatus::Draining => Ok(()),
            InstanceStatus::Inactive if ecs.index().leaving().contains(instance) => Ok(()),
            InstanceStatus::Inactive => Err(Refusal::InstanceInactive),
        }
    }

    /// Answers a read.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn read(&self, principal: &Principal, scope: &Scope, read: &Read) -> Result<Reply, Refusal> {
        authorise(principal, scope.account, read.action())?;
        let caller = self.caller(principal, scope.clone());
        api::read(&self.facts(), &caller, read)
    }

    /// The networks of `scope`, as far as `extent` says.
    ///
    /// # Errors
    /// If the caller may not see them.
    pub fn read_network(
        &self,
        principal: &Principal,
        scope: &Scope,
        action: &str,
        extent: Extent,
    ) -> Result<network::view::NetworkView, iam::Denied> {
        let attempt = Attempt {
            action,
            account: scope.account,
            place: None,
        };
        iam::authorise(principal, &attempt)?;
        Ok(network::view::network(&self.state.network, scope, extent))
    }

    fn caller(&self, principal: &Principal, scope: Scope) -> Caller {
        Caller {
            scope,
            arn: principal.arn(),
            quotas: self.quotas,
            release: self.release.clone(),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            ecs: &self.state.ecs,
            network: &self.state.network,
            connected: self.state.ecs.index().connected(),
            health: &self.health,
            probes: &self.probes,
        }
    }
}

/// Whether somebody may do something that is about no machine.
fn authorise(principal: &Principal, account: AccountId, action: &str) -> Result<(), Refusal> {
    let attempt = Attempt {
        action,
        account,
        place: None,
    };
    iam::authorise(principal, &attempt).map_err(Refusal::Denied)
}

/// One event being taken: changes are applied and collected, and the agents whom they concern are remembered.
struct Turn<'a> {
    control: &'a mut Control,
    cx: &'a mut Cx,
    output: Output,
    /// The instances that changed, with their tasks that changed.
    touched: BTreeMap<InstanceKey, BTreeSet<TaskId>>,
}

impl Turn<'_> {
    /// Applies a change and keeps it for the store.
    fn put(&mut self, change: Change) {
        match &change {
            Change::Ecs(ecs::Change::Task(Edit::Put(task))) => {
                self.touched.entry(task.instance_key()).or_default().insert(task.key.id);
            }
            Change::Ecs(ecs::Change::Task(Edit::Delete(task))) => self.control.probes.forget(task),
            Change::Ecs(ecs::Change::Instance(edit)) => {
                if let Edit::Delete(key) = edit {
                    self.control.health.forget(key);
                }
                self.touched.entry(edit.key().clone()).or_default();
            }
            Change::Iam(_) | Change::Ecs(_) | Change::Network(_) | Change::Epoch(_) => {}
        }
        self.control.state.apply(change.clone());
        self.output.changes.push(change);
    }

    fn put_all(&mut self, ecs: Vec<ecs::Change>, network: Vec<network::Change>) {
        let network = network.into_iter().map(Change::Network);
        for change in ecs.into_iter().map(Change::Ecs).chain(network) {
            self.put(change);
        }
    }

    fn start(&mut self) {
        let epoch = self
            .control
            .state
            .epoch
            .checked_add(1)
            .expect("a control plane starts less than four billion times");
        self.put(Change::Epoch(epoch));
        self.control.started_at = self.cx.now;
        let until = self.cx.now.plus_ms(START_GRACE_MS);
        let known = self.control.state.ecs.instances().iter().map(|instance| &instance.key);
        let known = known.filter(|key| self.control.admit_agent(key).is_ok()).cloned();
        for key in known.collect::<Vec<InstanceKey>>() {
            self.expect_back(&key, until);
            self.control.health.connected(&key, self.cx.now);
        }
        self.leave();
    }

    fn request(&mut self, principal: &Principal, scope: Scope, write: Write) {
        let reply = self.permitted(principal, &scope, write).and_then(|write| {
            if self.control.low_space && write.creates() {
                return Err(Refusal::LowSpace);
            }
            let caller = self.control.caller(principal, scope);
            match api::admit(&self.control.state.ecs, self.cx, &caller, write)? {
                Step::Whole(admitted) => Ok(self.apply(admitted)),
                Step::TaskByTask(order) => Ok(self.place(order)),
                Step::Update(instance) => self.update(instance),
                Step::OnThese(order) => Ok(self.start_on_these(&order)),
            }
        });
        if let Ok(reply) = &reply {
            self.bind(principal, reply);
        }
        self.output.reply = Some(reply);
    }

    fn apply(&mut self, admitted: Admitted) -> Reply {
        self.put_all(admitted.changes, admitted.network);
        if matches!(admitted.answer, Answer::Instance(_)) {
            self.leave();
        }
        self.control.facts().reply(admitted.answer)
    }

    /// Looks after the tasks of machines that leave, a slice at a time.
    fn leave(&mut self) {
        let ecs = &self.control.state.ecs;
        let plan = leave::leave(ecs, ecs.index().connected(), self.cx, SLICE);
        self.control.unfinished = plan.unfinished;
        self.put_all(plan.changes, plan.network);
    }

    /// Stops tasks that have waited too long for their interfaces, a slice at a time.
    fn provision(&mut self) {
        let control = &self.control;
        let plan = provision::provision(&control.state.ecs, control.started_at, self.cx, SLICE);
        self.put_all(plan.changes, plan.network);
    }

    /// Forgets what is too old, a slice at a time: client and join tokens, machines that left, definitions and clusters that
    /// were deleted.
    fn sweep(&mut self) {
        for _ in 0..SLICE {
            let Some(change) = self.due_to_go() else {
                return;
            };
            self.put(change);
        }
    }

    /// The first thing that is due to be forgotten.
    fn due_to_go(&self) -> Option<Change> {
        let ecs = &self.control.state.ecs;
        let due = |at: &Timestamp, keep_ms| self.cx.now.since_ms(*at) >= keep_ms;
        let token = ecs.first_remembered().filter(|(at, _)| due(at, CLIENT_TOKEN_MS));
        let left = ecs.first_left().filter(|(at, _)| due(at, INACTIVE_INSTANCE_MS));
        let unused = ecs.first_unused().filter(|(at, _)| due(at, DELETED_DEFINITION_MS));
        let deleted = ecs.first_deleted().filter(|(at, _)| due(at, INACTIVE_CLUSTER_MS));
        let join = self.control.state.iam.first_expiring();
        let join = join.filter(|(at, _)| due(at, iam::admit::EXPIRED_TOKEN_MS));
        token
            .map(|(_, key)| ecs::Change::ClientToken(Edit::Delete(key.clone())))
            .or_else(|| left.map(|(_, key)| ecs::Change::Instance(Edit::Delete(key.clone()))))
            .or_else(|| unused.map(|(_, key)| ecs::Change::TaskDefinition(Edit::Delete(key.clone()))))
            .or_else(|| deleted.map(|(_, key)| ecs::Change::Cluster(Edit::Delete(key.clone()))))
            .map(Change::Ecs)
            .or_else(|| join.map(|(_, id)| Change::Iam(iam::Change::JoinToken(Edit::Delete(id)))))
    }

    fn finish(mut self) -> Output {
        self.tell_touched();
        self.output
    }
}
