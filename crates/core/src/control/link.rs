//! The connections of agents: opening, confirming, reconciling, falling silent.

use super::{Change, LinkEvent, Message, RECONNECT_GRACE_MS, Turn};
use crate::ecs::model::instance::Versions;
use crate::ecs::model::{ContainerInstance, InstanceKey, Task, TaskKey, TaskStatus};
use crate::ecs::refer;
use crate::ecs::session::{Session, ToAgent, desired};
use crate::ecs::view::assignment::{Assignment, Desired, assignment};
use crate::ecs::{self};
use crate::kernel::Edit;
use crate::kernel::ids::TaskId;

impl Turn<'_> {
    pub(super) fn link(&mut self, instance: InstanceKey, connection: u64, event: LinkEvent) {
        if let LinkEvent::Opened { own, versions } = event {
            self.opened(instance, connection, own, versions);
            return;
        }
        let Some(session) = self.control.seen.sessions.get_mut(&instance) else {
            return;
        };
        if session.connection != connection {
            return;
        }
        session.heard();
        match event {
            LinkEvent::Opened { .. } | LinkEvent::Heard => {}
            LinkEvent::Acknowledged(message_id) => {
                let confirmed = session.confirm(&message_id);
                let own = session.own;
                confirmed
                    .into_iter()
                    .for_each(|(id, desired)| self.confirmed(&instance, id, desired, own));
            }
            LinkEvent::StopCandidates(message_id, tasks) => self.verify_stops(&instance, message_id, &tasks),
            LinkEvent::Closed => self.closed(&instance),
        }
    }

    fn opened(&mut self, key: InstanceKey, connection: u64, own: bool, versions: Versions) {
        let known = self.control.state.ecs.instances().get(&key);
        let Some(known) = known else { return };
        if known.versions != versions {
            let changed = ContainerInstance {
                versions,
                version: known.version + 1,
                ..known.clone()
            };
            self.put(Change::Ecs(ecs::Change::Instance(Edit::Put(changed))));
        }
        let mut session = Session::new(connection, own, self.cx.now);
        let heartbeat = session.due(self.cx.now);
        if let Some(before) = self.control.seen.sessions.insert(key.clone(), session) {
            self.send(&key, before.connection, ToAgent::Close);
        }
        self.control.seen.grace.remove(&key);
        self.control.seen.connected.insert(key.clone());
        heartbeat.into_iter().for_each(|body| self.send(&key, connection, body));
        self.send_manifest(&key, connection);
        let placed = self.tasks_on(&key);
        self.tell(&key, &placed);
    }

    fn closed(&mut self, instance: &InstanceKey) {
        self.control.seen.sessions.remove(instance);
        self.control
            .seen
            .grace
            .insert(instance.clone(), self.cx.now.plus_ms(RECONNECT_GRACE_MS));
    }

    /// The agent has taken what it was told about a task. One that stops is STOPPING from now on; the stock agent does not
    /// confirm interfaces that are no hardware, so for it the interface counts as attached.
    fn confirmed(&mut self, instance: &InstanceKey, id: TaskId, told: Desired, own: bool) {
        let Some(task) = self
            .control
            .state
            .ecs
            .task_on(instance, id)
            .filter(|task| !task.is_stopped())
        else {
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
        let Some(session) = self.control.seen.sessions.get(instance) else {
            return;
        };
        if !tasks.is_empty() {
            let connection = session.connection;
            self.send(instance, connection, ToAgent::StopVerified { message_id, tasks });
        }
    }

    fn tasks_on(&self, instance: &InstanceKey) -> Vec<TaskKey> {
        let load = self.control.state.ecs.index().load(instance);
        let key = |id| TaskKey {
            scope: instance.scope.clone(),
            cluster: instance.cluster.clone(),
            id,
        };
        load.into_iter()
            .flat_map(|load| load.tasks())
            .map(|id| key(*id))
            .collect()
    }

    fn send_manifest(&mut self, instance: &InstanceKey, connection: u64) {
        let ecs = &self.control.state.ecs;
        let placed = self.tasks_on(instance);
        let wanted = |key: TaskKey| ecs.tasks().get(&key).map(|task| (key, desired(task)));
        let tasks = placed.into_iter().filter_map(wanted).collect();
        let sequence = self.next_sequence();
        let message_id = format!("manifest-{sequence}");
        self.send(
            instance,
            connection,
            ToAgent::Manifest {
                message_id,
                sequence,
                tasks,
            },
        );
    }

    /// Tells the agents about the tasks that this turn touched.
    pub(super) fn tell_touched(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        let mut by_instance = std::collections::BTreeMap::<InstanceKey, Vec<TaskKey>>::new();
        for key in touched {
            if let Some(task) = self.control.state.ecs.tasks().get(&key) {
                by_instance.entry(task.instance_key()).or_default().push(key);
            }
        }
        for (instance, tasks) in by_instance {
            if let Some(session) = self.control.seen.sessions.get_mut(&instance) {
                let over = |key: &&TaskKey| self.control.state.ecs.tasks().get(key).is_none_or(Task::is_stopped);
                tasks.iter().filter(over).for_each(|key| session.forget(key.id));
            }
            self.tell(&instance, &tasks);
        }
    }

    /// Tells an agent what it does not know yet about `tasks`, in payloads of bounded size.
    fn tell(&mut self, instance: &InstanceKey, tasks: &[TaskKey]) {
        loop {
            let state = &self.control.state;
            let Some(session) = self.control.seen.sessions.get(instance) else {
                return;
            };
            let known = tasks.iter().filter_map(|key| state.ecs.tasks().get(key));
            let untold: Vec<Task> = session.untold(known, self.cx.now).into_iter().cloned().collect();
            if untold.is_empty() {
                return;
            }
            let sequence = self.next_sequence();
            let message_id = format!("payload-{sequence}");
            let assignments = untold.iter().filter_map(|task| self.assignment(task)).collect();
            let now = self.cx.now;
            let Some(session) = self.control.seen.sessions.get_mut(instance) else {
                return;
            };
            untold.iter().for_each(|task| session.tell(task, &message_id, now));
            let connection = session.connection;
            self.send(
                instance,
                connection,
                ToAgent::Payload {
                    message_id,
                    sequence,
                    tasks: assignments,
                },
            );
        }
    }

    fn assignment(&self, task: &Task) -> Option<Assignment> {
        let state = &self.control.state;
        let definition = state.ecs.definitions().get(&task.definition_key())?;
        let interface = task
            .interface_key()
            .and_then(|key| state.network.interfaces().get(&key));
        Some(assignment(task, definition, interface))
    }

    fn next_sequence(&mut self) -> u64 {
        let seen = &mut self.control.seen;
        seen.sequence = seen
            .sequence
            .checked_add(1)
            .expect("a run sends less than four billion messages");
        (u64::from(self.control.state.epoch) << 32) | u64::from(seen.sequence)
    }

    fn send(&mut self, instance: &InstanceKey, connection: u64, body: ToAgent) {
        self.output.outbox.push(Message {
            instance: instance.clone(),
            connection,
            body,
        });
    }

    /// Heartbeats, repetitions, and the end of connections that do not answer.
    pub(super) fn sessions_due(&mut self) {
        let now = self.cx.now;
        let due = self
            .control
            .seen
            .sessions
            .iter()
            .filter(|(_, session)| session.next_wakeup() <= now);
        let due: Vec<InstanceKey> = due.map(|(key, _)| key.clone()).collect();
        for key in due {
            let Some(session) = self.control.seen.sessions.get_mut(&key) else {
                continue;
            };
            let (connection, body) = (session.connection, session.due(now));
            let silent = body == Some(ToAgent::Close);
            body.into_iter().for_each(|body| self.send(&key, connection, body));
            if silent {
                self.closed(&key);
            } else {
                let placed = self.tasks_on(&key);
                self.tell(&key, &placed);
            }
        }
    }

    /// Agents that did not come back in time do not count as connected any more.
    pub(super) fn grace_due(&mut self) {
        let now = self.cx.now;
        let seen = &mut self.control.seen;
        let over: Vec<InstanceKey> = seen
            .grace
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            seen.grace.remove(&key);
            seen.connected.remove(&key);
        }
    }
}
