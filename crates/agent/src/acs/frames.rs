//! What the messages of the ACS socket mean to the brain, and what the brain's answers are as messages. Pure.
//!
//! What is not built (credentials, volumes, updates of the agent) is said or logged, never ignored in silence.

use std::collections::BTreeSet;

use berth_core::ecs::view::assignment::{Assignment, Desired};
use berth_core::kernel::Arn;
use berth_core::node::{Event, MessageId, ToControl};
use berth_wire::link::acs::{
    AckRequest, AgentMessage, BackendMessage, HeartbeatAckRequest, NackRequest, PayloadMessage, TaskIdentifier,
    TaskManifestMessage, TaskStopVerificationAck, TaskStopVerificationMessage, UpdateMessage,
};
use berth_wire::link::assign;
use berth_wire::link::payload::DesiredStatus;

/// One connection's translator.
#[derive(Debug)]
pub(super) struct Frames {
    cluster: String,
    instance: String,
    /// Messages with tasks that cannot be read. They are not acknowledged, as the protocol has it.
    withheld: BTreeSet<MessageId>,
}

/// What a message leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// The brain must know.
    Event(Event),
    /// It is answered at once.
    Answer(AgentMessage),
    /// The control plane does not know this container instance any more.
    Unknown,
    /// Nothing.
    Nothing,
}

impl Frames {
    /// For the instance with this ARN.
    pub(super) fn new(instance: &str) -> Self {
        Self {
            cluster: cluster_arn(instance).unwrap_or_default(),
            instance: instance.to_owned(),
            withheld: BTreeSet::new(),
        }
    }

    pub(super) fn hear(&mut self, message: BackendMessage) -> Heard {
        match message {
            BackendMessage::Heartbeat(heartbeat) => Heard::Answer(AgentMessage::HeartbeatAck(HeartbeatAckRequest {
                message_id: heartbeat.message_id,
            })),
            BackendMessage::Payload(payload) => Heard::Event(self.payload(payload)),
            BackendMessage::TaskManifest(manifest) => manifest_event(manifest),
            BackendMessage::TaskStopVerificationAck(verified) => stop_verified(verified),
            BackendMessage::StageUpdate(update) | BackendMessage::PerformUpdate(update) => {
                Heard::Answer(self.refuse_update(update))
            }
            BackendMessage::InactiveInstanceException(_) | BackendMessage::InvalidInstanceException(_) => {
                Heard::Unknown
            }
            other @ (BackendMessage::IamRoleCredentials(_)
            | BackendMessage::AttachTaskNetworkInterfaces(_)
            | BackendMessage::AttachInstanceNetworkInterfaces(_)
            | BackendMessage::ConfirmAttachment(_)
            | BackendMessage::Error(_)
            | BackendMessage::Close(_)
            | BackendMessage::ServerException(_)
            | BackendMessage::BadRequestException(_)
            | BackendMessage::InvalidClusterException(_)
            | BackendMessage::AccessDeniedException(_)
            | BackendMessage::Unknown { .. }) => {
                tracing::warn!(
                    kind = other.kind(),
                    "the control plane sent a message that this agent does not use"
                );
                Heard::Nothing
            }
        }
    }

    /// Tasks that can be read are taken although others cannot be.
    fn payload(&mut self, payload: PayloadMessage) -> Event {
        let message = MessageId(payload.message_id);
        let mut tasks: Vec<Assignment> = Vec::with_capacity(payload.tasks.len());
        for task in &payload.tasks {
            match assign::from_payload(task) {
                Ok(assignment) => tasks.push(assignment),
                Err(error) => {
                    tracing::warn!(task = task.arn, %error, "the control plane sent a task that cannot be read");
                    self.withheld.insert(message.clone());
                }
            }
        }
        Event::Payload {
            seq: payload.seq_num.map(|number| number.get()),
            message,
            tasks,
        }
    }

    fn refuse_update(&self, update: UpdateMessage) -> AgentMessage {
        AgentMessage::Nack(NackRequest {
            cluster: self.cluster.clone(),
            container_instance: self.instance.clone(),
            message_id: update.message_id,
            reason: Some("Updates are disabled".to_owned()),
        })
    }

    /// The message for what the brain says; none for what is not said here.
    pub(super) fn say(&mut self, message: ToControl) -> Option<AgentMessage> {
        match message {
            ToControl::Ack { message } if self.withheld.remove(&message) => None,
            ToControl::Ack { message } => Some(AgentMessage::Ack(AckRequest {
                cluster: self.cluster.clone(),
                container_instance: self.instance.clone(),
                message_id: message.0,
            })),
            ToControl::StopCandidates { message, tasks } => {
                let candidate = |task: &berth_core::ecs::model::TaskKey| TaskIdentifier {
                    task_arn: task.arn().to_string(),
                    task_cluster_arn: Some(task.cluster_key().arn().to_string()),
                    desired_status: DesiredStatus::Stopped,
                };
                Some(AgentMessage::TaskStopVerification(TaskStopVerificationMessage {
                    message_id: message.0,
                    stop_candidates: tasks.iter().map(candidate).collect(),
                }))
            }
            ToControl::Report { .. } => None,
        }
    }
}

/// A manifest that cannot be read whole is dropped: what it seems to leave out might be wanted.
fn manifest_event(manifest: TaskManifestMessage) -> Heard {
    let read = |one: &TaskIdentifier| {
        let desired = match &one.desired_status {
            DesiredStatus::Running => Desired::Running,
            DesiredStatus::Stopped => Desired::Stopped,
            DesiredStatus::Other(_) => return None,
        };
        Some((assign::task_key(&one.task_arn).ok()?, desired))
    };
    let tasks: Option<Vec<_>> = manifest.tasks.iter().map(read).collect();
    let Some(tasks) = tasks else {
        tracing::warn!(
            message = manifest.message_id,
            "the control plane sent a manifest that cannot be read"
        );
        return Heard::Nothing;
    };
    Heard::Event(Event::Manifest {
        seq: manifest.timeline.get(),
        message: MessageId(manifest.message_id),
        tasks,
    })
}

fn stop_verified(verified: TaskStopVerificationAck) -> Heard {
    let tasks = verified
        .stop_tasks
        .iter()
        .filter_map(|one| assign::task_key(&one.task_arn).ok());
    Heard::Event(Event::StopVerified {
        message: MessageId(verified.message_id),
        tasks: tasks.collect(),
    })
}

/// The cluster of the instance with this ARN.
fn cluster_arn(instance: &str) -> Option<String> {
    let arn: Arn = instance.parse().ok()?;
    let cluster = arn.resource.strip_prefix("container-instance/")?.split('/').next()?;
    Some(Arn::new("ecs", &arn.scope, format!("cluster/{cluster}")).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str =
        "arn:aws:ecs:us-east-1:123456789012:container-instance/blue/0123456789abcdef0123456789abcdef";
    const TASK: &str = "arn:aws:ecs:us-east-1:123456789012:task/blue/11111111111111111111111111111111";

    fn heard(frames: &mut Frames, kind: &str, message: &str) -> Heard {
        frames.hear(BackendMessage::parse(&format!(r#"{{"type":"{kind}","message":{message}}}"#)).unwrap())
    }

    fn payload(tasks: &str) -> String {
        format!(r#"{{"messageId":"m","clusterArn":"c","containerInstanceArn":"i","seqNum":7,"tasks":[{tasks}]}}"#)
    }

    fn ack(frames: &mut Frames) -> Option<String> {
        let message = MessageId("m".to_owned());
        frames.say(ToControl::Ack { message }).map(|message| message.encode())
    }

    #[test]
    fn a_payload_is_acknowledged_with_the_machines_names() {
        let mut frames = Frames::new(INSTANCE);
        let stop = format!(r#"{{"arn":"{TASK}","desiredStatus":"STOPPED"}}"#);
        let Heard::Event(Event::Payload { seq, tasks, .. }) = heard(&mut frames, "PayloadMessage", &payload(&stop))
        else {
            panic!("a payload is an event");
        };
        assert_eq!((seq, tasks.len(), tasks[0].desired), (Some(7), 1, Desired::Stopped));
        let ack = ack(&mut frames).unwrap();
        assert!(
            ack.contains(r#""cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/blue""#),
            "{ack}"
        );
        assert!(ack.contains(INSTANCE), "{ack}");
    }

    #[test]
    fn a_payload_with_an_unreadable_task_is_not_acknowledged_but_the_others_are_taken() {
        let mut frames = Frames::new(INSTANCE);
        let tasks =
            format!(r#"{{"arn":"{TASK}","desiredStatus":"STOPPED"}},{{"arn":"nonsense","desiredStatus":"RUNNING"}}"#);
        let Heard::Event(Event::Payload { tasks, .. }) = heard(&mut frames, "PayloadMessage", &payload(&tasks)) else {
            panic!("a payload is an event");
        };
        assert_eq!(tasks.len(), 1);
        assert_eq!(ack(&mut frames), None);
        assert!(ack(&mut frames).is_some(), "only that one message is withheld");
    }

    #[test]
    fn a_manifest_that_cannot_be_read_whole_is_dropped() {
        let mut frames = Frames::new(INSTANCE);
        let manifest = |arn: &str| {
            let tasks = format!(r#"[{{"taskArn":"{arn}","desiredStatus":"RUNNING"}}]"#);
            format!(r#"{{"messageId":"m","clusterArn":"c","containerInstanceArn":"i","timeline":9,"tasks":{tasks}}}"#)
        };
        assert!(matches!(
            heard(&mut frames, "TaskManifestMessage", &manifest(TASK)),
            Heard::Event(Event::Manifest { seq: 9, .. })
        ));
        assert_eq!(
            heard(&mut frames, "TaskManifestMessage", &manifest("x")),
            Heard::Nothing
        );
    }

    #[test]
    fn heartbeats_and_updates_are_answered_at_once() {
        let mut frames = Frames::new(INSTANCE);
        let answer = |heard: Heard| match heard {
            Heard::Answer(message) => message.encode(),
            other @ (Heard::Event(_) | Heard::Unknown | Heard::Nothing) => panic!("{other:?}"),
        };
        let beat = answer(heard(
            &mut frames,
            "HeartbeatMessage",
            r#"{"healthy":true,"messageId":"h"}"#,
        ));
        assert_eq!(beat, r#"{"type":"HeartbeatAckRequest","message":{"messageId":"h"}}"#);
        let update = r#"{"messageId":"u","clusterArn":"c","containerInstanceArn":"i"}"#;
        assert!(answer(heard(&mut frames, "PerformUpdateMessage", update)).contains("Updates are disabled"));
        assert_eq!(heard(&mut frames, "InactiveInstanceException", "{}"), Heard::Unknown);
        assert_eq!(heard(&mut frames, "FutureMessage", "{}"), Heard::Nothing);
    }
}
