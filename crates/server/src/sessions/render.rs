//! What the brain tells an agent, in the words of the agent protocol.

use berth_core::ecs::model::agent_update::UpdateStep;
use berth_core::ecs::model::{InstanceKey, TaskKey};
use berth_core::ecs::session::ToAgent;
use berth_core::ecs::view::assignment::Desired;
use berth_wire::link::acs::{
    BackendMessage, HeartbeatMessage, PayloadMessage, TaskIdentifier, TaskManifestMessage, TaskStopVerificationAck,
    UpdateInfo, UpdateMessage,
};
use berth_wire::link::payload::DesiredStatus;
use berth_wire::link::{SequenceNumber, assign};

/// The message as it is sent; nothing for the end of a connection, which is no message.
pub(crate) fn message(instance: &InstanceKey, body: ToAgent, now_ms: i64) -> Option<BackendMessage> {
    let cluster_arn = instance.cluster_key().arn().to_string();
    let container_instance_arn = instance.arn().to_string();
    let number = |sequence: u64| SequenceNumber::from(i64::try_from(sequence).unwrap_or(i64::MAX));
    Some(match body {
        ToAgent::Heartbeat { message_id } => BackendMessage::Heartbeat(HeartbeatMessage {
            healthy: Some(true),
            message_id: Some(message_id),
        }),
        ToAgent::Payload {
            message_id,
            sequence,
            tasks,
        } => BackendMessage::Payload(PayloadMessage {
            message_id,
            cluster_arn,
            container_instance_arn,
            tasks: tasks.iter().map(assign::to_payload).collect(),
            seq_num: Some(number(sequence)),
            generated_at: Some(now_ms),
            timeline: None,
        }),
        ToAgent::Manifest {
            message_id,
            sequence,
            tasks,
        } => BackendMessage::TaskManifest(TaskManifestMessage {
            message_id,
            cluster_arn,
            container_instance_arn,
            tasks: tasks.iter().map(|(task, desired)| identifier(task, *desired)).collect(),
            generated_at: Some(now_ms),
            timeline: number(sequence),
        }),
        ToAgent::StopVerified { message_id, tasks } => {
            BackendMessage::TaskStopVerificationAck(TaskStopVerificationAck {
                message_id,
                generated_at: Some(now_ms),
                stop_tasks: tasks.iter().map(|task| identifier(task, Desired::Stopped)).collect(),
            })
        }
        ToAgent::Update {
            message_id,
            step,
            release,
        } => {
            let message = UpdateMessage {
                message_id,
                cluster_arn,
                container_instance_arn,
                update_info: Some(UpdateInfo {
                    location: release.location().to_owned(),
                    signature: release.sha256().to_owned(),
                }),
            };
            match step {
                UpdateStep::Stage => BackendMessage::StageUpdate(message),
                UpdateStep::Perform => BackendMessage::PerformUpdate(message),
            }
        }
        ToAgent::Close => return None,
    })
}

fn identifier(task: &TaskKey, desired: Desired) -> TaskIdentifier {
    TaskIdentifier {
        task_arn: task.arn().to_string(),
        task_cluster_arn: Some(task.cluster_key().arn().to_string()),
        desired_status: match desired {
            Desired::Running => DesiredStatus::Running,
            Desired::Stopped => DesiredStatus::Stopped,
        },
    }
}
