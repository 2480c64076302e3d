//! The connections of agents: opening, confirming, reconciling, falling silent.

use super::{Change, LinkEvent, MOST_AGENTS, Message, RECONNECT_GRACE_MS, Turn};
use crate::ecs::model::instance::Versions;
use crate::ecs::model::{ContainerInstance, InstanceKey, Task, TaskKey, TaskStatus};
use crate::ecs::session::{Session, ToAgent, desired};
use crate::ecs::view::assignment::{Assignment, Desired, assignment};
use crate::ecs::{self, refer};
use crate::kernel::Edit;
use crate::kernel::Timestamp;
use crate::kernel::ids::TaskId;

impl Turn<'_> {
    pub(super) fn link(&mut self, instance: &InstanceKey, connection: u64, event: LinkEvent) {
        if let LinkEvent::Opened { own, versions } = event {
            self.opened(instance, Session::new(connection, own, self.cx.now), versions);
            return;
        }
        // What an old connection says after a new one took its place does not count.
        let current = self.control.seen.session(instance);
        if current.is_none_or(|session| session.connection != connection) {
            return;
        }
        self.control.seen.with_session(instance, Session::heard);
        self.control.health.heard(instance, self.cx.now);
        match event {
            LinkEvent::Opened { .. } | LinkEvent::Heard => {}
            LinkEvent::Acknowledged(message_id) => {
                self.acknowledged(instance, &message_id);
                self.update_acknowledged(instance, &message_id);
            }
            LinkEvent::Refused(message_id) => self.update_refused(instance, &message_id),
            LinkEvent::StopCandidates(message_id, tasks) => self.verify_stops(instance, message_id, &tasks),
            LinkEvent::Closed => self.await_return(instance),
        }
    }

    fn opened(&mut self, key: &InstanceKey, session: Session, versions: Versions) {
        let (connection, own) = (session.connection, session.own);
        if self.control.admit_agent(key).is_err() {
            self.send(key, connection, ToAgent::Close);
            return;
        }
        self.put_versions(key, versions);
        self.control.state.ecs.set_connected(key, true);
        self.control.health.connected(key, self.cx.now);
        if let Some(before) = self.control.seen.open(key, session) {
            self.send(key, before, ToAgent::Close);
        }
        let now = self.cx.now;
        let heartbeat = self.control.seen.with_session(key, |session| session.due(now));
        heartbeat
            .flatten()
            .into_iter()
            .for_each(|body| self.send(key, connection, body));
        self.send_manifest(key, connection);
        let placed = self.tasks_on(key);
        self.tell(key, &placed);
        self.resume_update(key, own);
    }

    fn put_versions(&mut self, key: &InstanceKey, versions: Versions) {
        let Some(known) = self.control.state.ecs.instances().get(key) else {
            return;
        };
        let versions = versions.or(known.versions.clone());
        if known.versions != versions {
            let changed = ContainerInstance {
                versions,
                version: known.version + 1,
                ..known.clone()
            };
            self.put(Change::Ecs(ecs::Change::Instance(Edit::Put(changed))));
        }
    }

    fn await_return(&mut self, instance: &InstanceKey) {
        let until = self.cx.now.plus_ms(RECONNECT_GRACE_MS);
        self.expect_back(instance, until);
    }

    /// An agent without a connection counts as connected until `until`.
    pub(super) fn expect_back(&mut self, instance: &InstanceKey, until: Timestamp) {
        self.control.seen.await_return(instance, until);
        self.control.state.ecs.set_connected(instance, true);
    }

    /// Nobody waits for this agent any more.
    fn forget_agent(&mut self, instance: &InstanceKey) {
        self.control.seen.forget(instance);
        self.control.state.ecs.set_connected(instance, false);
    }

    fn acknowledged(&mut self, instance: &InstanceKey, message_id: &str) {
        let confirmed = self.control.seen.with_session(instance, |session| {
            let own = session.own;
            session.confirm(message_id).into_iter().map(move |told| (told, own))
        });
        for ((id, told), own) in confirmed.into_iter().flatten() {
            self.confirmed(instance, id, told, own);
        }
    }

    /// The agent has taken what it was told about a task. One that stops is STOPPING from now on; the stock agent does not
    /// confirm interfaces that are no hardware, so for it the interface counts as attached.
    fn confirmed(&mut self, instance: &InstanceKey, id: TaskId, told: Desired, own: bool) {
        let task = self.control.state.ecs.task_on(instance, id);
        let Some(task) = task.filter(|task| !task.is_stopped()) else {
            return;
        };
        let mut next = task.clone();
        match told {
            Desired::Stopped => next.last_status = next.last_status.max(TaskStatus::Stopping),
            Desired::Running if !own && next.last_status == TaskStatus::Provisioning => {
                next.last_status = TaskStatus::Pending;
                next.times.connectivity_at.get_or_insert(self.cx.now);
            }
            Desired::Running => {}
        }
        if next != *task {
            next.version += 1;
            self.put(Change::Ecs(ecs::Change::Task(Edit::Put(next))));
        }
    }

    /// A task that is not known here, or that should stop, may be stopped; one that should run may not.
    fn verify_stops(&mut self, instance: &InstanceKey, message_id: String, tasks: &[String]) {
        let cluster = instance.cluster_key();
        let keys = tasks.iter().filter_map(|arn| refer::task(&cluster, arn).ok());
        let runs = |key: &TaskKey| {
            let task = self.control.state.ecs.tasks().get(key);
            task.is_some_and(|task| {
                task.instance == instance.id && desired(task) == Desired::Running && !task.is_stopped()
            })
        };
        let tasks: Vec<TaskKey> = keys.filter(|key| !runs(key)).collect();
        let connection = self.control.seen.session(instance).map(|session| session.connection);
        if let Some(connection) = connection.filter(|_| !tasks.is_empty()) {
            self.send(instance, connection, ToAgent::StopVerified { message_id, tasks });
        }
    }

    fn tasks_on(&self, instance: &InstanceKey) -> Vec<TaskId> {
        let load = self.control.state.ecs.index().load(instance);
        load.into_iter().flat_map(|load| load.tasks()).copied().collect()
    }

    fn send_manifest(&mut self, instance: &InstanceKey, connection: u64) {
        let ecs = &self.control.state.ecs;
        let placed = self.tasks_on(instance);
        let placed = placed.into_iter().filter_map(|id| ecs.task_on(instance, id));
        let tasks = placed.map(|task| (task.key.clone(), desired(task))).collect();
        let sequence = self.next_sequence();
        let manifest = ToAgent::Manifest {
            message_id: format!("manifest-{sequence}"),
            sequence,
            tasks,
        };
        self.send(instance, connection, manifest);
    }

    /// Tells the agents about their tasks that this turn touched, and lets go of those whose machine has left.
    pub(super) fn tell_touched(&mut self) {
        for (instance, ids) in std::mem::take(&mut self.touched) {
            self.tell(&instance, &ids.into_iter().collect::<Vec<_>>());
            self.stage_update(&instance);
            let session = self.control.seen.session(&instance);
            let connection = session.map(|session| session.connection);
            if self.control.admit_agent(&instance).is_err() {
                connection
                    .into_iter()
                    .for_each(|connection| self.send(&instance, connection, ToAgent::Close));
                self.forget_agent(&instance);
                self.control.health.forget(&instance);
                self.revoke_keys_of(&instance);
            }
        }
    }

    /// Tells an agent what it does not know yet about tasks, in payloads of bounded size, and forgets those that are over.
    fn tell(&mut self, instance: &InstanceKey, ids: &[TaskId]) {
        let over = |id: &&TaskId| {
            self.control
                .state
                .ecs
                .task_on(instance, **id)
                .is_none_or(Task::is_stopped)
        };
        let over: Vec<TaskId> = ids.iter().filter(over).copied().collect();
        self.control.seen.with_session(instance, |session| {
            over.into_iter().for_each(|id| session.forget(id));
        });
        while self.tell_some(instance, ids) {}
    }

    /// Sends one payload, if there is anything to tell.
    fn tell_some(&mut self, instance: &InstanceKey, ids: &[TaskId]) -> bool {
        let (ecs, now) = (&self.control.state.ecs, self.cx.now);
        let Some(session) = self.control.seen.session(instance) else {
            return false;
        };
        let connection = session.connection;
        let known = ids.iter().filter_map(|id| ecs.task_on(instance, *id));
        let untold: Vec<Task> = session.untold(known, now).into_iter().cloned().collect();
        if untold.is_empty() {
            return false;
        }
        let sequence = self.next_sequence();
        let message_id = format!("payload-{sequence}");
        self.control.seen.with_session(instance, |session| {
            untold.iter().for_each(|task| session.tell(task, &message_id, now));
        });
        let payload = ToAgent::Payload {
            message_id,
            sequence,
            tasks: untold.iter().filter_map(|task| self.assignment(task)).collect(),
        };
        self.send(instance, connection, payload);
        true
    }

    fn assignment(&self, task: &Task) -> Option<Assignment> {
        let state = &self.control.state;
        let definition = state.ecs.definitions().get(&task.definition_key())?;
        let interface = task
            .interface_key()
            .and_then(|key| state.network.interfaces().get(&key));
        Some(assignment(task, definition, interface))
    }

    pub(super) fn next_sequence(&mut self) -> u64 {
        let control = &mut self.control;
        control.sequence = control
            .sequence
            .checked_add(1)
            .expect("a run sends less than four billion messages");
        (u64::from(control.state.epoch) << 32) | u64::from(control.sequence)
    }

    pub(super) fn send(&mut self, instance: &InstanceKey, connection: u64, body: ToAgent) {
        self.output.outbox.push(Message {
            instance: instance.clone(),
            connection,
            body,
        });
    }

    /// Heartbeats, repetitions, the end of connections that do not answer, and of waiting for agents that do not come back.
    pub(super) fn agents_due(&mut self) {
        for key in self.control.seen.due(self.cx.now, MOST_AGENTS) {
            match self.control.seen.session(&key).map(|session| session.connection) {
                Some(connection) => self.session_due(&key, connection),
                None => {
                    self.forget_agent(&key);
                    self.control.health.gone(&key, self.cx.now);
                }
            }
        }
    }

    fn session_due(&mut self, key: &InstanceKey, connection: u64) {
        let now = self.cx.now;
        let body = self
            .control
            .seen
            .with_session(key, |session| session.due(now))
            .flatten();
        let silent = body == Some(ToAgent::Close);
        body.into_iter().for_each(|body| self.send(key, connection, body));
        if silent {
            self.await_return(key);
            return;
        }
        let overdue = self.control.seen.session(key).map(|session| session.overdue(now));
        self.tell(key, &overdue.unwrap_or_default());
    }
}
