//! Takes in the control plane's messages: assignments, manifests, and confirmations that tasks shall stop.
//!
//! Messages may be lost, repeated or late. For a task that is known, only the desired status counts, and it only moves
//! towards stopped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{
    ContainerPhase, ContainerRecord, LogRecord, NodeRecord, NodeTimes, Phase, ReportProgress, Restarts, RuntimeId,
    TaskRecord,
};
use super::{Keep, MessageId, Node, Output, Save, ToControl, logs, reasons, report, volumes};
use crate::ecs::model::{NetworkMode, TaskKey};
use crate::ecs::report::ReportedStatus;
use crate::ecs::view::assignment::{AssignedContainer, Assignment, Desired};
use crate::kernel::Cx;
use crate::kernel::names::Name;

impl Node {
    /// Takes in assignments: those to stop first. The message is acknowledged once all are saved.
    pub(super) fn payload(
        &mut self,
        cx: &mut Cx,
        (seq, message): (Option<i64>, MessageId),
        tasks: Vec<Assignment>,
        out: &mut Output,
    ) {
        let (stop, run): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|task| task.desired == Desired::Stopped);
        let refused = self.closing && run.iter().any(|task| !self.tasks.contains_key(&task.task));
        for assignment in stop.into_iter().chain(run) {
            self.assign(cx, assignment, out);
        }
        if let Some(seq) = seq {
            self.raise_seq(seq, out);
        }
        if !refused {
            out.send.push(ToControl::Ack { message });
        }
    }

    fn assign(&mut self, cx: &mut Cx, assignment: Assignment, out: &mut Output) {
        let key = assignment.task.clone();
        let desired = assignment.desired;
        if self.tasks.contains_key(&key) {
            return self.turn(cx, &key, Keep::Always, out, |task, _| {
                task.desired = task.desired.max(desired);
                report::tell_again(task);
            });
        }
        if desired == Desired::Stopped || !self.closing {
            let record = record(cx, assignment);
            self.insert(record);
            self.turn(cx, &key, Keep::Always, out, |_, _| {});
        }
    }

    /// Takes in the whole set of this machine's tasks. A manifest that is older than something already seen is dropped.
    pub(super) fn manifest(
        &mut self,
        cx: &mut Cx,
        (seq, message): (i64, MessageId),
        listed: &[(TaskKey, Desired)],
        out: &mut Output,
    ) {
        if !self.raise_seq(seq, out) {
            return;
        }
        let running = listed.iter().filter(|(_, desired)| *desired == Desired::Running);
        let running: BTreeSet<&TaskKey> = running.map(|(task, _)| task).collect();
        let (wanted, unwanted): (Vec<_>, Vec<_>) = self.tasks.keys().cloned().partition(|key| running.contains(key));
        for key in wanted {
            self.turn(cx, &key, Keep::WhenActed, out, |task, _| report::tell_again(task));
        }
        let runs = |key: &TaskKey| self.record(key).is_some_and(|task| task.desired == Desired::Running);
        let candidates: Vec<TaskKey> = unwanted.into_iter().filter(runs).collect();
        out.send.push(ToControl::Ack {
            message: message.clone(),
        });
        self.manifest = Some(message.clone());
        if !candidates.is_empty() {
            out.send.push(ToControl::StopCandidates {
                message,
                tasks: candidates,
            });
        }
    }

    /// Stops the candidates that the control plane confirmed, if it speaks of the last manifest.
    pub(super) fn stop_verified(&mut self, cx: &mut Cx, message: &MessageId, tasks: &[TaskKey], out: &mut Output) {
        if self.manifest.take_if(|manifest| manifest == message).is_none() {
            return;
        }
        for key in tasks {
            self.turn(cx, key, Keep::Always, out, |task, _| task.desired = Desired::Stopped);
        }
    }

    /// A new container instance has a sequence of its own, which may begin below that of the one before: a control plane
    /// that has lost its state begins anew.
    pub(super) fn registered(&mut self, instance: String, out: &mut Output) {
        if self.node.instance.as_ref() == Some(&instance) {
            return;
        }
        if self.node.instance.replace(instance).is_some() {
            self.node.highest_seq = NodeRecord::default().highest_seq;
        }
        out.save.push(Save::Node(self.node.clone()));
    }

    /// Notes a sequence number; answers whether it is the highest so far.
    fn raise_seq(&mut self, seq: i64, out: &mut Output) -> bool {
        let higher = seq > self.node.highest_seq;
        if higher {
            self.node.highest_seq = seq;
            out.save.push(Save::Node(self.node.clone()));
        }
        higher
    }
}

/// The record of a task that was never heard of. One that cannot be carried out is over from the start.
fn record(cx: &mut Cx, assignment: Assignment) -> TaskRecord {
    let runtime_ids: Vec<RuntimeId> = assignment.containers.iter().map(|_| runtime_id(cx)).collect();
    let refusal = refusal(&assignment, &runtime_ids);
    let mode = assignment.network_mode;
    let containers = assignment.containers.iter().zip(runtime_ids);
    let containers = containers.map(|(assigned, id)| container(&assignment.task, mode, assigned, id));
    let mut record = TaskRecord {
        desired: assignment.desired,
        known: ReportedStatus::Pending,
        reason: None,
        network: (mode == NetworkMode::Awsvpc).then_some(Phase::Absent),
        cgroup: Phase::Absent,
        volumes: (!assignment.volumes.is_empty()).then_some(Phase::Absent),
        containers: containers.collect(),
        times: NodeTimes::default(),
        retries: Vec::new(),
        reports: ReportProgress::default(),
        assignment: Arc::new(assignment),
    };
    if let Some(reason) = refusal {
        record.desired = Desired::Stopped;
        record.reason = Some(reason);
    }
    record
}

fn container(task: &TaskKey, mode: NetworkMode, assigned: &AssignedContainer, id: RuntimeId) -> ContainerRecord {
    let definition = &assigned.definition;
    let configuration = definition.log_configuration.as_ref();
    let logs = configuration.and_then(|configuration| logs::decide(configuration, task, &definition.name, &id).ok());
    let without_network = definition.surroundings.disable_networking == Some(true);
    ContainerRecord {
        name: Name::new(&definition.name),
        phase: ContainerPhase::Waiting,
        logs: logs.map(|to| LogRecord {
            to,
            phase: Phase::Absent,
        }),
        bridge: (mode == NetworkMode::Bridge && !without_network).then_some(Phase::Absent),
        image_digest: None,
        bindings: Vec::new(),
        started_at: None,
        kill_at: None,
        exit: None,
        restarts: Restarts::default(),
        health: None,
        reason: None,
        reported: None,
        runtime_id: id,
    }
}

fn runtime_id(cx: &mut Cx) -> RuntimeId {
    let (high, low) = (cx.draw("container"), cx.draw("container"));
    RuntimeId(Name::new(&format!("{high:032x}{low:032x}")))
}

/// Why this assignment cannot be carried out. The control plane refused what is not built; nothing is run without what
/// it asks for, should it come here all the same.
fn refusal(assignment: &Assignment, ids: &[RuntimeId]) -> Option<String> {
    if assignment.desired == Desired::Stopped {
        return Some(reasons::UNKNOWN_TASK.to_owned());
    }
    if assignment.containers.is_empty() {
        return Some(reasons::unrecognized("it has no containers"));
    }
    if assignment.network_mode == NetworkMode::Awsvpc && assignment.interface.is_none() {
        return Some(reasons::unrecognized("it has no network interface"));
    }
    if let Some(detail) = volumes::unfit(assignment) {
        return Some(reasons::unrecognized(&detail));
    }
    let mut containers = assignment.containers.iter().zip(ids).enumerate();
    containers.find_map(|(position, (container, id))| {
        let earlier = &assignment.containers[..position];
        twin(container, earlier).or_else(|| unbuilt(container, &assignment.task, id))
    })
}

fn twin(container: &AssignedContainer, earlier: &[AssignedContainer]) -> Option<String> {
    let name = &container.definition.name;
    let known = earlier.iter().any(|other| other.definition.name == *name);
    known.then(|| reasons::unrecognized(&format!("it has two containers called {name}")))
}

fn unbuilt(container: &AssignedContainer, task: &TaskKey, id: &RuntimeId) -> Option<String> {
    let definition = &container.definition;
    if let Some(unbuilt) = definition.unbuilt.iter().find(|unbuilt| unbuilt.asks) {
        return Some(reasons::unrecognized(&format!("{} is not supported", unbuilt.member)));
    }
    if definition
        .port_mappings
        .iter()
        .any(|port| port.container_port_range.is_some())
    {
        return Some(reasons::unrecognized("containerPortRange is not supported"));
    }
    let configuration = definition.log_configuration.as_ref()?;
    let refused = logs::decide(configuration, task, &definition.name, id).err()?;
    Some(reasons::logger_args(&refused))
}
