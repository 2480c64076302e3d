//! A machine and a control plane made of maps. The machine carries operations out as the real shell must: idempotently.
//! The control plane checks what it is told: nothing regresses, nothing is told after the end.

use std::collections::BTreeMap;

use crate::ecs::model::{Condition, ContainerStatus, NetworkBinding, PortMapping, TaskKey};
use crate::ecs::report::{ReportedStatus, TaskReport};
use crate::ecs::view::assignment::AssignedContainer;
use crate::kernel::names::Name;
use crate::kernel::{Cx, Timestamp};
use crate::node::{
    Answer, Config, Event, Exit, FoundContainer, FoundState, Node, NodeRecord, Op, Output, Restored, RuntimeId, Save,
    StartContainer, Step, StepFacts, StepFailure, TaskRecord, ToControl,
};

/// One process of the machine.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) runtime_id: RuntimeId,
    pub(super) state: FoundState,
    pub(super) starts: u32,
    /// How often it was to be started again.
    pub(super) restarts: u32,
    /// Whether a probe of it has ever succeeded since it was started.
    pub(super) was_healthy: bool,
    /// When it must be over or be killed.
    pub(super) kill_by: Option<Timestamp>,
}

/// What the control plane has heard of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) status: Option<ReportedStatus>,
    pub(super) reason: Option<String>,
    pub(super) attached: Vec<String>,
    pub(super) containers: BTreeMap<String, (ContainerStatus, Option<i32>, Option<String>)>,
    pub(super) ran: bool,
}

/// The agent's brain with everything around it.
pub(super) struct World {
    pub(super) node: Node,
    pub(super) now: Timestamp,
    pub(super) disk: BTreeMap<TaskKey, TaskRecord>,
    pub(super) node_record: NodeRecord,
    pub(super) machine: BTreeMap<(TaskKey, Name), Process>,
    /// Networks and control groups that are there.
    pub(super) places: Vec<(TaskKey, String)>,
    /// Operations that were asked for and not answered.
    pub(super) ops: Vec<Op>,
    /// Ends of processes that were not told.
    pub(super) exits: Vec<(TaskKey, Name, Exit)>,
    /// Reports that were not answered.
    pub(super) reports: Vec<(TaskKey, u64, TaskReport)>,
    pub(super) heard: BTreeMap<TaskKey, Heard>,
    /// Containers that ignore SIGTERM.
    pub(super) stubborn: Vec<String>,
    /// Containers whose probes fail.
    pub(super) sick: Vec<String>,
    turns: u128,
}

impl World {
    /// A machine whose agent has just started for the first time.
    pub(super) fn new() -> Self {
        let mut world = Self {
            node: Node::new(Config::default()),
            now: Timestamp(0),
            disk: BTreeMap::new(),
            node_record: NodeRecord::default(),
            machine: BTreeMap::new(),
            places: Vec::new(),
            ops: Vec::new(),
            exits: Vec::new(),
            reports: Vec::new(),
            heard: BTreeMap::new(),
            stubborn: Vec::new(),
            sick: Vec::new(),
            turns: 0,
        };
        world.handle(Event::Restored(Restored::default()));
        world
    }

    fn cx(&mut self) -> Cx {
        self.turns += 1;
        Cx::new(self.now, self.turns)
    }

    /// Feeds an event and does what the shell does with the output.
    pub(super) fn handle(&mut self, event: Event) -> Output {
        let mut cx = self.cx();
        let before = self.node.clone();
        let output = self.node.handle(&mut cx, event.clone());
        if !matches!(event, Event::Restored(_)) {
            check_forward(&before, &self.node);
        }
        self.take(&output);
        output
    }

    /// Lets the brain do what is due.
    pub(super) fn tick(&mut self) -> Output {
        let mut cx = self.cx();
        let output = self.node.tick(&mut cx);
        self.take(&output);
        let next = self.node.next_wakeup();
        assert!(
            next.is_none_or(|at| at > self.now),
            "a tick leaves nothing due: {next:?}"
        );
        self.check_stops();
        output
    }

    /// Nothing runs longer than its stop timeout after it was asked to end without being killed.
    fn check_stops(&self) {
        for ((task, name), process) in &self.machine {
            let late = process.kill_by.is_some_and(|by| by <= self.now) && process.state == FoundState::Running;
            let killed = |op: &Op| op.task() == task && op.step() == Step::Kill(name.clone());
            let retried = |record: &TaskRecord| {
                record
                    .retries
                    .iter()
                    .any(|retry| retry.step == Step::Kill(name.clone()))
            };
            let killing = self.ops.iter().any(killed) || self.node.record(task).is_some_and(retried);
            assert!(!late || killing, "{name} outlives its stop timeout");
        }
    }

    /// Whether what `start` depends on has happened.
    fn check_order(&self, start: &StartContainer) {
        let task = &start.assignment.task;
        for (name, condition) in start.container.definition.waits_for() {
            let on = self.machine.get(&(task.clone(), Name::new(name)));
            let on = on.unwrap_or_else(|| panic!("{name} was not there"));
            let happened = match condition {
                Condition::Start => on.starts > 0,
                Condition::Complete => matches!(on.state, FoundState::Exited(_)),
                Condition::Success => matches!(on.state, FoundState::Exited(Exit { code: Some(0), .. })),
                Condition::Healthy => on.was_healthy,
            };
            assert!(happened, "{name} {condition}: {on:?}");
        }
    }

    /// Whether nothing runs that depends on `name`, which is to end.
    fn check_reverse_order(&self, task: &TaskKey, name: &Name) {
        let record = self.node.record(task).expect("only tasks on record are stopped");
        let depends = |one: &&AssignedContainer| {
            let mut on = one.definition.lifecycle.depends_on.iter();
            on.any(|dependency| dependency.container == name.as_str())
        };
        for dependent in record.assignment.containers.iter().filter(depends) {
            let process = self.machine.get(&(task.clone(), Name::new(&dependent.definition.name)));
            let runs = process.is_some_and(|process| process.state == FoundState::Running);
            assert!(!runs, "{name} is stopped while {} runs", dependent.definition.name);
        }
    }

    fn take(&mut self, output: &Output) {
        for save in &output.save {
            match save {
                Save::Node(record) => self.node_record = record.clone(),
                Save::Put(record) => {
                    let text = serde_json::to_string(record).unwrap();
                    let read: TaskRecord = serde_json::from_str(&text).unwrap();
                    let mut saved = (**record).clone();
                    saved.reports.in_flight = None;
                    assert_eq!(read, saved, "a record can be read again");
                    self.disk.insert(record.key().clone(), read);
                }
                Save::Delete(key) => {
                    self.disk.remove(key);
                }
            }
        }
        output.ops.iter().for_each(|op| self.take_op(op));
        output.send.iter().for_each(|send| self.take_send(send));
    }

    fn take_op(&mut self, op: &Op) {
        let saved = self.disk.get(op.task());
        let orphan = saved.is_none() && matches!(op, Op::Remove { .. });
        let probe = matches!(op, Op::Probe { .. });
        assert!(
            saved == self.saveable(op.task()).as_ref() || orphan || probe,
            "saved before done: {op:?}"
        );
        let same = |other: &Op| other.task() == op.task() && other.step() == op.step();
        assert!(!self.ops.iter().any(same), "asked for once: {op:?}");
        self.note_stop(op);
        if !matches!(op, Op::CancelPull { .. }) {
            self.ops.push(op.clone());
        }
    }

    fn note_stop(&mut self, op: &Op) {
        let Op::Stop { task, container, .. } = op else {
            return;
        };
        self.check_reverse_order(task, container);
        let record = self.node.record(task).expect("only tasks on record are stopped");
        let part = record.parts().find(|(_, one)| one.name == *container);
        let timeout_s = part.and_then(|(definition, _)| definition.stop_timeout_s).unwrap_or(30);
        let by = self.now.plus_ms(i64::from(timeout_s) * 1000);
        if let Some(process) = self.machine.get_mut(&(task.clone(), container.clone())) {
            process.kill_by.get_or_insert(by);
        }
    }

    fn take_send(&mut self, send: &ToControl) {
        match send {
            ToControl::Report { task, number, report } => {
                assert!(
                    self.reports.iter().all(|(other, ..)| other != task),
                    "one report at a time"
                );
                assert_eq!(self.disk.get(task), self.saveable(task).as_ref(), "saved before told");
                self.reports.push((task.clone(), *number, report.clone()));
            }
            ToControl::Ack { .. } | ToControl::StopCandidates { .. } => {
                let saved = |task: &TaskRecord| self.disk.contains_key(task.key());
                assert!(self.node.records().all(saved), "saved before acknowledged");
            }
        }
    }

    fn saveable(&self, key: &TaskKey) -> Option<TaskRecord> {
        let mut record = self.node.record(key)?.clone();
        record.reports.in_flight = None;
        Some(record)
    }

    /// Carries `op` out, as often as one likes.
    pub(super) fn execute(&mut self, op: &Op) -> StepFacts {
        let task = op.task().clone();
        match op {
            Op::SetUpNetwork { .. } => self.place(task, "network"),
            Op::CreateCgroup { .. } => self.place(task, "cgroup"),
            Op::TearDownNetwork { .. } => self.unplace(&task, "network"),
            Op::RemoveCgroup { .. } => self.unplace(&task, "cgroup"),
            Op::CreateVolumes { .. } => self.place(task, "volumes"),
            Op::RemoveVolumes { .. } => self.unplace(&task, "volumes"),
            Op::Connect { container, ports, .. } => {
                self.place(task, container.as_str());
                let bindings = ports.iter().map(binding).collect();
                return StepFacts::Connected { bindings };
            }
            Op::Disconnect { container, .. } => self.unplace(&task, container.as_str()),
            Op::Pull { image, .. } => {
                let digest = format!("sha256:{image}");
                return StepFacts::Pulled { digest };
            }
            Op::Start(start) => return self.start(start),
            Op::Probe { container, .. } => return self.probe(&task, container),
            Op::Stop { container, .. } if !self.stubborn.iter().any(|name| name == container.as_str()) => {
                self.end(&task, container, 143, false);
            }
            Op::Kill { container, .. } => self.end(&task, container, 137, false),
            Op::Remove { container, .. } => {
                self.machine.remove(&(task, container.clone()));
            }
            Op::Stop { .. } | Op::CancelPull { .. } | Op::PrepareLogs { .. } | Op::DrainLogs { .. } => {}
        }
        StepFacts::Done
    }

    fn place(&mut self, task: TaskKey, what: &str) {
        self.unplace(&task, what);
        self.places.push((task, what.to_owned()));
    }

    fn unplace(&mut self, task: &TaskKey, what: &str) {
        self.places.retain(|(other, place)| other != task || place != what);
    }

    fn start(&mut self, start: &StartContainer) -> StepFacts {
        let key = (
            start.assignment.task.clone(),
            Name::new(&start.container.definition.name),
        );
        if self.machine.get(&key).is_none_or(|process| process.starts == 0) {
            self.check_order(start);
        }
        let process = self.machine.entry(key).or_insert_with(|| Process {
            runtime_id: start.runtime_id.clone(),
            state: FoundState::Created,
            starts: 0,
            restarts: 0,
            was_healthy: false,
            kill_by: None,
        });
        assert_eq!(process.runtime_id, start.runtime_id, "a container keeps its id");
        if process.restarts < start.restarts {
            assert_ne!(
                process.state,
                FoundState::Running,
                "only what has ended is started again"
            );
            process.restarts = start.restarts;
            process.state = FoundState::Created;
            process.was_healthy = false;
        }
        if process.state == FoundState::Created {
            process.state = FoundState::Running;
            process.starts += 1;
        }
        assert!(process.starts <= 1 + start.restarts, "nothing runs twice");
        StepFacts::Started { at: self.now }
    }

    /// Nothing can be looked at in a container that has ended.
    fn probe(&mut self, task: &TaskKey, name: &Name) -> StepFacts {
        let process = self.machine.get_mut(&(task.clone(), name.clone()));
        let process = process.filter(|process| process.state == FoundState::Running);
        let well = process.is_some() && !self.sick.iter().any(|sick| sick == name.as_str());
        if let Some(process) = process {
            process.was_healthy |= well;
        }
        StepFacts::Probed {
            exit_code: i32::from(!well),
            output: if well { "well" } else { "sick" }.to_owned(),
        }
    }

    /// The process ends, if it runs.
    pub(super) fn end(&mut self, task: &TaskKey, name: &Name, code: i32, oom: bool) {
        let exit = Exit {
            code: Some(code),
            at: self.now,
            oom,
        };
        let Some(process) = self.machine.get_mut(&(task.clone(), name.clone())) else {
            return;
        };
        if process.state == FoundState::Running {
            process.state = FoundState::Exited(exit);
            self.exits.push((task.clone(), name.clone(), exit));
        }
    }

    /// Answers the operation at `position`, carried out or failed.
    pub(super) fn answer_op(&mut self, position: usize, failure: Option<StepFailure>) -> (Step, Output) {
        let op = self.ops.remove(position);
        let outcome = match failure {
            None => Ok(self.execute(&op)),
            Some(failure) => Err(failure),
        };
        let (task, step) = (op.task().clone(), op.step());
        let output = self.handle(Event::Done {
            task,
            step: step.clone(),
            outcome,
        });
        (step, output)
    }

    /// Tells the brain of the end at `position`.
    pub(super) fn tell_exit(&mut self, position: usize) -> Output {
        let (task, container, exit) = self.exits.remove(position);
        self.handle(Event::Exited { task, container, exit })
    }

    /// Answers the report at `position`.
    pub(super) fn answer_report(&mut self, position: usize, answer: Answer) -> Output {
        let (task, number, report) = self.reports.remove(position);
        if answer == Answer::Accepted {
            hear(self.heard.entry(task.clone()).or_default(), &report);
        }
        self.handle(Event::Submitted { task, number, answer })
    }

    /// The agent dies and starts again. What it had asked for is lost.
    pub(super) fn crash(&mut self, rebooted: bool) -> Output {
        (self.ops, self.exits, self.reports) = Default::default();
        if rebooted {
            self.places.clear();
            for process in self.machine.values_mut() {
                process.state = FoundState::Created;
            }
        }
        let found = self.machine.iter().map(|((task, container), process)| FoundContainer {
            task: task.clone(),
            container: container.clone(),
            runtime_id: process.runtime_id.clone(),
            restarts: process.restarts,
            state: process.state,
        });
        let restored = Restored {
            node: self.node_record.clone(),
            records: self.disk.values().cloned().collect(),
            found: found.collect(),
            rebooted,
        };
        self.node = Node::new(Config::default());
        self.handle(Event::Restored(restored))
    }

    /// Lets everything that is under way succeed, and time pass, until nothing more happens.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.ops.is_empty() {
                self.answer_op(0, None);
            } else if !self.exits.is_empty() {
                self.tell_exit(0);
            } else if !self.reports.is_empty() {
                self.answer_report(0, Answer::Accepted);
            } else if let Some(at) = self.soon() {
                self.now = at;
                self.tick();
            } else {
                return;
            }
        }
        panic!("it never ends");
    }

    /// The next wakeup, unless it only forgets a task.
    fn soon(&self) -> Option<Timestamp> {
        let at = self.node.next_wakeup()?;
        (at.since_ms(self.now) < 300_000).then_some(at)
    }

    /// Nothing of any task is left on the machine.
    pub(super) fn assert_clean(&self) {
        assert!(self.machine.is_empty(), "{:?}", self.machine);
        assert!(self.places.is_empty(), "{:?}", self.places);
        assert!(self.node.is_clean() && self.node.is_idle());
    }
}

fn binding(mapping: &PortMapping) -> NetworkBinding {
    NetworkBinding {
        bind_ip: Name::new("0.0.0.0"),
        container_port: mapping.container_port,
        host_port: mapping.host_port.filter(|port| *port != 0).unwrap_or(32768),
        protocol: mapping.protocol,
    }
}

/// The control plane takes a report in.
fn hear(heard: &mut Heard, report: &TaskReport) {
    if report.status.is_none() {
        heard.attached.extend(report.attached.iter().cloned());
        return;
    }
    assert!(report.attached.is_empty(), "an attachment has a report of its own");
    assert!(
        report.status >= heard.status,
        "{:?} after {:?}",
        report.status,
        heard.status
    );
    heard.ran |= report.status == Some(ReportedStatus::Running);
    heard.status = report.status;
    heard.reason.clone_from(&report.reason);
    for container in &report.containers {
        let entry = heard.containers.entry(container.name.clone());
        let known = entry.or_insert((ContainerStatus::Pending, None, None));
        if container.status >= known.0 {
            *known = (container.status, container.exit_code, container.reason.clone());
        }
    }
}

/// While the agent lives, nothing it knows goes back.
fn check_forward(before: &Node, after: &Node) {
    for new in after.records() {
        let Some(old) = before.record(new.key()) else { continue };
        assert!(new.desired >= old.desired && new.known >= old.known);
        assert!(new.network >= old.network && new.cgroup >= old.cgroup);
        for (new, old) in new.containers.iter().zip(&old.containers) {
            let again = new.restarts.count > old.restarts.count;
            assert!(new.restarts.count >= old.restarts.count && new.status() >= old.status());
            assert!(
                (again || new.phase >= old.phase) && new.bridge >= old.bridge,
                "{old:?} -> {new:?}"
            );
            let phase = |c: &crate::node::ContainerRecord| c.logs.as_ref().map(|logs| logs.phase);
            assert!(phase(new) >= phase(old));
        }
    }
}
