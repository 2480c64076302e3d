//! A small language for stories about the control plane. Each line is something that happens; what the brain changes,
//! answers and tells to agents is printed below it. Lines above `---` set the scene and print nothing.
//!
//! Machines and tasks go by names: `m1` as the story calls it, `t1`, `t2`, ... in the order in which tasks came to be.
//! A machine that `answers` confirms whatever it is told at once, and its heartbeats are not printed.
//!
//! Whatever happens, after every step: a refusal has changed nothing, statuses have not gone back, and the state equals both
//! the fold of all changes and the fold of the rows that are left.

mod command;
mod drafts;
mod print;
mod reads;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use berth_core::control::{Change, Control, Event, LinkEvent, Message, Output, State};
use berth_core::ecs::model::{InstanceKey, TaskKey};
use berth_core::ecs::session::ToAgent;
use berth_core::ecs::view::assignment::Desired;
use berth_core::ecs::view::past::{Found, Past};
use berth_core::ecs::view::{Reply, TaskView};
use berth_core::ecs::{self, Refusal};
use berth_core::iam::{self, Identity, Principal};
use berth_core::kernel::ids::TaskId;
use berth_core::kernel::{Cx, Edit, Entity, Scope, Timestamp};
use berth_core::network;
use command::Command;
use expect_test::Expect;

/// Tells the story and compares what it prints.
#[track_caller]
pub(crate) fn check(story: &str, expect: Expect) {
    let (scene, story) = story.split_once("---").unwrap_or(("", story));
    let mut world = World::new();
    world.tell(scene);
    world.printed.clear();
    world.tell(story);
    expect.assert_eq(&world.printed);
}

/// A machine as the story knows it.
pub(crate) struct Machine {
    pub(crate) key: InstanceKey,
    pub(crate) connection: u64,
    pub(crate) answers: bool,
    /// Messages that were not confirmed yet.
    pub(crate) waiting: Vec<String>,
    /// What this connection was told.
    pub(crate) told: BTreeSet<(TaskId, Desired)>,
    /// Whether it has answered everything since it opened: then nothing may be told twice.
    pub(crate) faithful: bool,
}

impl Machine {
    pub(crate) fn new(key: InstanceKey) -> Self {
        Self {
            key,
            connection: 0,
            answers: false,
            waiting: Vec::new(),
            told: BTreeSet::new(),
            faithful: false,
        }
    }
}

/// The control plane with everything around it.
pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) now: Timestamp,
    pub(crate) printed: String,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) tasks: Vec<TaskKey>,
    /// All changes since the beginning: what the store was given.
    pub(crate) log: Vec<Change>,
    /// Tasks that have left the state, or are about to.
    pub(crate) history: BTreeMap<TaskKey, TaskView>,
    /// Whether the history confirms what it takes.
    pub(crate) confirms: bool,
    /// The answer to the last request.
    pub(crate) reply: Option<Result<Reply, Refusal>>,
    /// The highest sequence number that each instance was ever sent.
    sequences: BTreeMap<InstanceKey, u64>,
    turns: u128,
    connections: u64,
}

/// When stories begin.
const BEGIN: Timestamp = Timestamp(1_800_000_000_000);

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            control: Control::new(State::default()),
            now: BEGIN,
            printed: String::new(),
            machines: BTreeMap::new(),
            tasks: Vec::new(),
            log: Vec::new(),
            history: BTreeMap::new(),
            confirms: true,
            reply: None,
            sequences: BTreeMap::new(),
            turns: 0,
            connections: 0,
        };
        world.handle(Event::Started);
        world.printed.clear();
        world
    }

    /// Everything happens in this account and region.
    pub(crate) fn scope() -> Scope {
        Scope {
            account: "123456789012".parse().expect("fixtures are well-formed"),
            region: "us-east-1".parse().expect("fixtures are well-formed"),
        }
    }

    pub(crate) fn principal() -> Principal {
        Principal {
            account: Self::scope().account,
            identity: Identity::Administrator,
        }
    }

    pub(crate) fn tell(&mut self, story: &str) {
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.tell_line(line);
            self.check_state();
        }
    }

    pub(crate) fn tell_line(&mut self, line: &str) {
        self.say(&format!("> {line}"));
        self.step(&Command::parse(line));
    }

    /// One event, and what it leads to at once.
    pub(crate) fn handle(&mut self, event: Event) {
        let mut cx = self.cx();
        let twin = self.twin(&cx, &event);
        let output = self.control.handle(&mut cx, event);
        assert!(twin.is_none_or(|twin| twin == output), "equal input, equal output");
        self.take(output);
    }

    /// What a second brain makes of the same event. Not asked about heartbeats, of which there are too many.
    fn twin(&self, cx: &Cx, event: &Event) -> Option<Output> {
        let heard = matches!(
            event,
            Event::Link {
                event: LinkEvent::Heard,
                ..
            }
        );
        (!heard).then(|| self.control.clone().handle(&mut cx.clone(), event.clone()))
    }

    /// Answers whether a tick changed facts or handed some over.
    pub(crate) fn tick(&mut self) -> bool {
        let mut cx = self.cx();
        let output = self.control.tick(&mut cx);
        let works = !output.changes.is_empty() || !output.archive.is_empty();
        self.take(output);
        works
    }

    fn cx(&mut self) -> Cx {
        self.turns += 1;
        Cx::new(self.now, self.turns)
    }

    fn take(&mut self, output: Output) {
        if matches!(output.reply, Some(Err(_))) {
            assert!(output.changes.is_empty(), "a refusal changes nothing: {output:?}");
        }
        assert!(output.changes.len() <= 100, "one turn fits one transaction");
        for change in &output.changes {
            self.print_change(change);
            self.log.push(change.clone());
        }
        for message in &output.outbox {
            self.deliver(message);
        }
        self.archive(output.archive);
        if let Some(reply) = output.reply.map(|reply| self.complete(reply)) {
            self.print_reply(&reply);
            self.reply = Some(reply);
        }
        for message in output.outbox {
            self.answer(&message);
        }
    }

    /// The history takes tasks that leave the state, and says so.
    fn archive(&mut self, leaving: Vec<TaskView>) {
        let versions = leaving.iter().map(|view| (view.task.key.clone(), view.task.version));
        let versions: Vec<(TaskKey, u64)> = versions.collect();
        self.history
            .extend(leaving.into_iter().map(|view| (view.task.key.clone(), view)));
        if self.confirms && !versions.is_empty() {
            let reply = self.reply.take();
            self.handle(Event::Archived(versions));
            self.reply = reply;
        }
    }

    /// The answer with what the history knows.
    pub(crate) fn complete(&self, reply: Result<Reply, Refusal>) -> Result<Reply, Refusal> {
        let Ok(Reply::Past(past)) = reply else { return reply };
        match *past {
            Past::Named(named) => {
                let found = named.missing().filter_map(|key| self.history.get(key).cloned());
                let found = found.collect();
                named.complete(found)
            }
            Past::Listed(listed) => {
                let rows = self.history.values().filter(|view| {
                    let key = &view.task.key;
                    key.cluster_key() == listed.cluster && Some(key.id) > listed.after && listed.fits(view)
                });
                let tasks = rows.map(|view| view.task.key.id).take(listed.most()).collect();
                Ok(listed.complete(Found { tasks, reached: None }))
            }
        }
    }

    fn deliver(&mut self, message: &Message) {
        self.print_message(message);
        if let ToAgent::Payload { sequence, .. } | ToAgent::Manifest { sequence, .. } = message.body {
            let before = self.sequences.insert(message.instance.clone(), sequence);
            assert!(before.is_none_or(|before| before < sequence), "sequence numbers grow");
        }
        let id = message_id(&message.body).map(str::to_owned);
        let Some(machine) = self.machine_at(message) else {
            return;
        };
        machine.waiting.extend(id);
        if let ToAgent::Payload { tasks, .. } = &message.body {
            for task in tasks {
                let news = machine.told.insert((task.task.id, task.desired));
                assert!(news || !machine.faithful, "nothing is told twice");
            }
        }
    }

    /// What a machine that answers says to a message.
    fn answer(&mut self, message: &Message) {
        let Some(machine) = self.machine_at(message).filter(|machine| machine.answers) else {
            return;
        };
        machine.waiting.clear();
        let (instance, connection) = (machine.key.clone(), machine.connection);
        let event = match &message.body {
            ToAgent::Heartbeat { .. } => LinkEvent::Heard,
            ToAgent::Payload { message_id, .. }
            | ToAgent::Manifest { message_id, .. }
            | ToAgent::Update { message_id, .. } => LinkEvent::Acknowledged(message_id.clone()),
            ToAgent::StopVerified { .. } => return,
            ToAgent::Close => LinkEvent::Closed,
        };
        self.handle(Event::Link {
            instance,
            connection,
            event,
        });
    }

    fn machine_at(&mut self, message: &Message) -> Option<&mut Machine> {
        let of_it =
            |machine: &&mut Machine| machine.key == message.instance && machine.connection == message.connection;
        self.machines.values_mut().find(of_it)
    }

    /// The state follows from the changes, and from the rows that are left of them in any later life.
    pub(crate) fn check_state(&self) {
        let mut folded = State::default();
        self.log.iter().for_each(|change| folded.apply(change.clone()));
        assert_eq!(&folded, self.control.state(), "state is the fold of its changes");
        assert_eq!(
            &self.reloaded(),
            self.control.state(),
            "state follows from the rows that are left"
        );
    }

    /// The state as a store loads it: the last version of each row, table by table.
    pub(crate) fn reloaded(&self) -> State {
        let mut rows = BTreeMap::new();
        for change in &self.log {
            let (row, lasts) = row(change);
            if lasts {
                rows.insert(row, change.clone());
            } else {
                rows.remove(&row);
            }
        }
        let mut state = State::default();
        rows.into_values().for_each(|change| state.apply(change));
        state
    }
}

pub(crate) fn message_id(body: &ToAgent) -> Option<&str> {
    match body {
        ToAgent::Heartbeat { message_id }
        | ToAgent::Payload { message_id, .. }
        | ToAgent::Manifest { message_id, .. }
        | ToAgent::Update { message_id, .. } => Some(message_id),
        ToAgent::StopVerified { .. } | ToAgent::Close => None,
    }
}

/// The table and the key of the row that a change writes, and whether the row lasts.
fn row(change: &Change) -> ((u8, String), bool) {
    fn of<E: Entity>(table: u8, edit: &Edit<E>) -> ((u8, String), bool) {
        ((table, edit.key().to_string()), matches!(edit, Edit::Put(_)))
    }
    match change {
        Change::Epoch(_) => ((0, String::new()), true),
        Change::Ecs(ecs::Change::Cluster(edit)) => of(1, edit),
        Change::Ecs(ecs::Change::Family(edit)) => of(2, edit),
        Change::Ecs(ecs::Change::TaskDefinition(edit)) => of(3, edit),
        Change::Ecs(ecs::Change::Instance(edit)) => of(4, edit),
        Change::Ecs(ecs::Change::Task(edit)) => of(5, edit),
        Change::Ecs(ecs::Change::ClientToken(edit)) => of(6, edit),
        Change::Ecs(ecs::Change::Setting(edit)) => of(8, edit),
        Change::Network(network::Change::Interface(edit)) => of(7, edit),
        Change::Iam(iam::Change::JoinToken(edit)) => of(8, edit),
        Change::Iam(iam::Change::AgentKey(edit)) => of(9, edit),
    }
}

impl World {
    /// What came of the last RunTask of one task: where it went, or that no machine took it; nothing if it was refused.
    pub(crate) fn last_run(&self) -> Option<Result<InstanceKey, ()>> {
        match self.reply.as_ref()? {
            Ok(Reply::Tasks(tasks, _)) => Some(tasks.first().map(|view| view.task.instance_key()).ok_or(())),
            Ok(_) | Err(_) => None,
        }
    }
}
