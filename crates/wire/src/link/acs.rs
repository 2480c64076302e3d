//! Messages of the ACS socket: work to the agent, acknowledgements back.
//!
//! Source: the public ECS agent's model and its behaviour (1.105.1). Times are epoch milliseconds. Which message
//! asks for which answer stands at each variant; when to send them is decided elsewhere.

use super::SequenceNumber;
use super::frame::messages;
use super::interface::ElasticNetworkInterface;
use super::payload::{DesiredStatus, IamRoleCredentials, Task};
use super::text::words;
use super::volume::Attachment;
use serde::{Deserialize, Serialize};

messages! {
    /// Control plane → agent.
    BackendMessage {
        /// Answered by [`HeartbeatAckRequest`]. The agent leaves after 60 to 120 s without any message.
        Heartbeat(HeartbeatMessage) = "HeartbeatMessage",
        /// Answered by one [`AckRequest`] once all tasks were accepted, and by one [`IamRoleCredentialsAckRequest`]
        /// per set of credentials. Safe to repeat.
        Payload(PayloadMessage) = "PayloadMessage",
        /// Answered by [`AckRequest`] and, if the agent runs tasks that are not listed as running, by
        /// [`TaskStopVerificationMessage`]; dropped in silence unless its number is the highest so far.
        TaskManifest(TaskManifestMessage) = "TaskManifestMessage",
        /// Which of the candidates may be stopped. Not answered.
        TaskStopVerificationAck(TaskStopVerificationAck) = "TaskStopVerificationAck",
        /// Fresh credentials of a task. Answered by [`IamRoleCredentialsAckRequest`].
        IamRoleCredentials(IamRoleCredentialsMessage) = "IAMRoleCredentialsMessage",
        /// Answered by [`AckRequest`]; later the agent reports the attachment as ATTACHED.
        AttachTaskNetworkInterfaces(AttachTaskNetworkInterfacesMessage) = "AttachTaskNetworkInterfacesMessage",
        /// The same for an interface of the instance.
        AttachInstanceNetworkInterfaces(AttachInstanceNetworkInterfacesMessage) = "AttachInstanceNetworkInterfacesMessage",
        /// A volume that the agent shall find. Answered by [`AckRequest`].
        ConfirmAttachment(ConfirmAttachmentMessage) = "ConfirmAttachmentMessage",
        /// Fetch a new agent. Answered by [`AckRequest`] or [`NackRequest`].
        StageUpdate(UpdateMessage) = "StageUpdateMessage",
        /// Become the new agent. Answered by [`AckRequest`] or [`NackRequest`].
        PerformUpdate(UpdateMessage) = "PerformUpdateMessage",
        /// Ignored by the stock agent.
        Error(TextMessage) = "ErrorMessage",
        /// Ignored by the stock agent.
        Close(TextMessage) = "CloseMessage",
        /// An error of the session; the agent reconnects after a pause.
        ServerException(TextMessage) = "ServerException",
        /// An error of the session.
        BadRequestException(TextMessage) = "BadRequestException",
        /// An error of the session.
        InvalidClusterException(TextMessage) = "InvalidClusterException",
        /// An error of the session.
        InvalidInstanceException(TextMessage) = "InvalidInstanceException",
        /// An error of the session.
        AccessDeniedException(TextMessage) = "AccessDeniedException",
        /// The instance was deregistered: the agent stays away for an hour.
        InactiveInstanceException(TextMessage) = "InactiveInstanceException",
    }
}

messages! {
    /// Agent → control plane.
    AgentMessage {
        /// The answer to a heartbeat.
        HeartbeatAck(HeartbeatAckRequest) = "HeartbeatAckRequest",
        /// A message was taken.
        Ack(AckRequest) = "AckRequest",
        /// A message was refused; the stock agent refuses updates only.
        Nack(NackRequest) = "NackRequest",
        /// Credentials were taken.
        IamRoleCredentialsAck(IamRoleCredentialsAckRequest) = "IAMRoleCredentialsAckRequest",
        /// Tasks that run here and that the manifest does not list as running.
        TaskStopVerification(TaskStopVerificationMessage) = "TaskStopVerificationMessage",
    }
}

/// See [`BackendMessage::Heartbeat`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatMessage {
    /// Whether the control plane is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
    /// Comes back in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// See [`BackendMessage::Payload`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadMessage {
    /// Unique; comes back in the answers.
    pub message_id: String,
    /// Mandatory and not empty, else the stock agent drops the message.
    pub cluster_arn: String,
    /// Mandatory and not empty, else the stock agent drops the message.
    pub container_instance_arn: String,
    /// To be started or stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// Counted per instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq_num: Option<SequenceNumber>,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// In the model; the stock agent does not read it in payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<SequenceNumber>,
}

/// See [`BackendMessage::TaskManifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManifestMessage {
    /// Comes back in the acknowledgement and in the stop verification.
    pub message_id: String,
    /// The agent's cluster.
    pub cluster_arn: String,
    /// The agent's instance.
    pub container_instance_arn: String,
    /// All tasks of the instance.
    #[serde(default)]
    pub tasks: Vec<TaskIdentifier>,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// From the same counter as the payloads' numbers, and higher than all before.
    pub timeline: SequenceNumber,
}

/// A task in manifests and stop verifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskIdentifier {
    /// The task.
    pub task_arn: String,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// What it should be.
    pub desired_status: DesiredStatus,
}

/// See [`BackendMessage::TaskStopVerificationAck`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStopVerificationAck {
    /// That of the last manifest; the agent ignores any other.
    pub message_id: String,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// The candidates that may really be stopped.
    #[serde(default)]
    pub stop_tasks: Vec<TaskIdentifier>,
}

/// See [`BackendMessage::IamRoleCredentials`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamRoleCredentialsMessage {
    /// Comes back in the answer.
    pub message_id: String,
    /// Whose credentials.
    pub task_arn: String,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// The task's role or its execution role.
    pub role_type: RoleType,
    /// The credentials.
    pub role_credentials: IamRoleCredentials,
}

words! {
    /// Which of a task's two roles.
    RoleType {
        /// `taskRoleArn`, for the containers.
        TaskApplication = "TaskApplication",
        /// `executionRoleArn`, for the agent.
        TaskExecution = "TaskExecution",
    }
}

/// See [`BackendMessage::AttachTaskNetworkInterfaces`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachTaskNetworkInterfacesMessage {
    /// Comes back in the acknowledgement.
    pub message_id: String,
    /// Mandatory and not empty.
    pub cluster_arn: String,
    /// Mandatory and not empty.
    pub container_instance_arn: String,
    /// Whose interface.
    pub task_arn: String,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// How long the agent waits for the interface to appear, milliseconds, above zero.
    pub wait_timeout_ms: i64,
    /// One interface.
    #[serde(default)]
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
}

/// See [`BackendMessage::AttachInstanceNetworkInterfaces`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachInstanceNetworkInterfacesMessage {
    /// Comes back in the acknowledgement.
    pub message_id: String,
    /// Mandatory and not empty.
    pub cluster_arn: String,
    /// Mandatory and not empty.
    pub container_instance_arn: String,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// How long the agent waits for the interface to appear, milliseconds, above zero.
    pub wait_timeout_ms: i64,
    /// One interface.
    #[serde(default)]
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
}

/// See [`BackendMessage::ConfirmAttachment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmAttachmentMessage {
    /// Comes back in the acknowledgement.
    pub message_id: String,
    /// Mandatory and not empty.
    pub cluster_arn: String,
    /// Mandatory and not empty.
    pub container_instance_arn: String,
    /// Whose volume.
    pub task_arn: String,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<i64>,
    /// Milliseconds; 300000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_timeout_ms: Option<i64>,
    /// What to find.
    pub attachment: Attachment,
}

/// See [`BackendMessage::StageUpdate`] and [`BackendMessage::PerformUpdate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateMessage {
    /// Comes back in the answer.
    pub message_id: String,
    /// The agent's cluster.
    pub cluster_arn: String,
    /// The agent's instance.
    pub container_instance_arn: String,
    /// Where the new agent is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_info: Option<UpdateInfo>,
}

/// A new agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateInfo {
    /// URL.
    pub location: String,
    /// SHA-256 of the file, lower-case hex.
    pub signature: String,
}

/// A message that only says something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextMessage {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// See [`AgentMessage::HeartbeatAck`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatAckRequest {
    /// That of the heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// See [`AgentMessage::Ack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckRequest {
    /// `clusterArn` of the message.
    #[serde(default)]
    pub cluster: String,
    /// `containerInstanceArn` of the message.
    #[serde(default)]
    pub container_instance: String,
    /// That of the message.
    pub message_id: String,
}

/// See [`AgentMessage::Nack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NackRequest {
    /// `clusterArn` of the message.
    #[serde(default)]
    pub cluster: String,
    /// `containerInstanceArn` of the message.
    #[serde(default)]
    pub container_instance: String,
    /// That of the message.
    pub message_id: String,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// See [`AgentMessage::IamRoleCredentialsAck`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamRoleCredentialsAckRequest {
    /// That of the payload or of the credentials message.
    pub message_id: String,
    /// Which credentials.
    pub credentials_id: String,
    /// Their end, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<String>,
}

/// See [`AgentMessage::TaskStopVerification`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStopVerificationMessage {
    /// That of the manifest.
    pub message_id: String,
    /// Desired status STOPPED each.
    #[serde(default)]
    pub stop_candidates: Vec<TaskIdentifier>,
}
