//! Messages of the TCS socket: metrics and health from the agent, acknowledgements back.
//!
//! Source: the public ECS agent's model and its behaviour (1.105.1). The stock agent puts a signed header block
//! before each of its frames ([`super::frame::SignedFrame`]). It leaves when no acknowledgement or heartbeat arrives
//! for one to two minutes, so everything is answered.

use berth_core::ecs::health::{CheckKind, CheckReport, CheckStatus};

use super::acs::TextMessage;
use super::frame::messages;
use super::text::{EpochSeconds, words};
use serde::{Deserialize, Serialize};

messages! {
    /// Control plane → agent.
    BackendMessage {
        /// The answer to [`PublishMetricsRequest`].
        AckPublishMetric(TextMessage) = "AckPublishMetric",
        /// The answer to [`PublishHealthRequest`].
        AckPublishHealth(TextMessage) = "AckPublishHealth",
        /// The answer to [`PublishInstanceStatusRequest`].
        AckPublishInstanceStatus(TextMessage) = "AckPublishInstanceStatus",
        /// Not answered.
        Heartbeat(HeartbeatMessage) = "HeartbeatMessage",
        /// The end of the session.
        StopTelemetrySession(TextMessage) = "StopTelemetrySessionMessage",
        /// An error of the session or of the last message.
        ServerException(TextMessage) = "ServerException",
        /// An error of the session or of the last message.
        BadRequestException(TextMessage) = "BadRequestException",
        /// An error of the last message.
        ResourceValidationException(TextMessage) = "ResourceValidationException",
        /// An error of the last message.
        InvalidParameterException(TextMessage) = "InvalidParameterException",
    }
}

messages! {
    /// Agent → control plane.
    AgentMessage {
        /// Every 20 s, the first at once.
        PublishMetrics(PublishMetricsRequest) = "PublishMetricsRequest",
        /// Every 20 s while there are tasks with health checks.
        PublishHealth(PublishHealthRequest) = "PublishHealthRequest",
        /// After each run of the instance's own checks.
        PublishInstanceStatus(PublishInstanceStatusRequest) = "PublishInstanceStatusRequest",
        /// In the model; the stock agent says this in the query of its upgrade instead.
        StartTelemetrySession(StartTelemetrySessionRequest) = "StartTelemetrySessionRequest",
    }
}

/// See [`BackendMessage::Heartbeat`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeartbeatMessage {
    /// Whether the control plane is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
}

/// See [`AgentMessage::StartTelemetrySession`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartTelemetrySessionRequest {
    /// Name or ARN.
    pub cluster: String,
    /// ARN.
    pub container_instance: String,
}

/// At most ten tasks and 1 MiB in one; the last of a series says `fin`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishMetricsRequest {
    /// Who and which.
    pub metadata: MetricsMetadata,
    /// Of the instance itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_metrics: Option<InstanceMetrics>,
    /// None for an idle instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_metrics: Vec<TaskMetric>,
    /// When it was sent.
    pub timestamp: EpochSeconds,
}

/// Who sends metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricsMetadata {
    /// Name or ARN, as configured at the agent.
    pub cluster: String,
    /// ARN.
    pub container_instance: String,
    /// Common to a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// No task runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<bool>,
    /// The last of a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fin: Option<bool>,
}

/// Of the instance itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceMetrics {
    /// How full its disks are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<InstanceStorageMetrics>,
}

/// How full the instance's file systems are, percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InstanceStorageMetrics {
    /// Of the system.
    #[serde(rename = "OSFilesystem", skip_serializing_if = "Option::is_none")]
    pub os_filesystem: Option<f64>,
    /// Of containers and images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_filesystem: Option<f64>,
}

/// Of one task, over the period since the last message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetric {
    /// The task.
    pub task_arn: String,
    /// Not sent by the stock agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
    /// Of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_family: Option<String>,
    /// The task definition's revision, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_version: Option<String>,
    /// Of its containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub container_metrics: Vec<ContainerMetric>,
    /// Of its ephemeral storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage_metrics: Option<EphemeralStorageMetrics>,
    /// Of its block devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_metrics: Vec<VolumeMetric>,
    /// Of its Service Connect proxy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_connect_metrics_wrapper: Vec<GeneralMetricsWrapper>,
}

/// Of one container. About twenty samples, one a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerMetric {
    /// Within the task.
    pub container_name: String,
    /// Not sent by the stock agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_arn: Option<String>,
    /// Percent of the host's CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_stats_set: Option<StatsSet>,
    /// MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_stats_set: Option<StatsSet>,
    /// Since the container's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_stats_set: Option<NetworkStatsSet>,
    /// Since the container's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_stats_set: Option<StorageStatsSet>,
    /// Restarts by its policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_stats_set: Option<RestartStatsSet>,
}

/// Samples of a quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatsSet {
    /// Of all samples.
    pub min: f64,
    /// Of all samples.
    pub max: f64,
    /// How many.
    pub sample_count: u64,
    /// Of all samples.
    pub sum: f64,
}

/// Samples of a counter. What exceeds 63 bits stands in the overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CounterStatsSet {
    /// Of all samples.
    pub min: u64,
    /// Of all samples.
    pub max: u64,
    /// How many.
    pub sample_count: u64,
    /// Of all samples.
    pub sum: u64,
    /// Of `min`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow_min: Option<u64>,
    /// Of `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow_max: Option<u64>,
    /// Of `sum`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow_sum: Option<u64>,
}

/// What went over the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkStatsSet {
    /// Received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_bytes: Option<CounterStatsSet>,
    /// Received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_packets: Option<CounterStatsSet>,
    /// Received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_errors: Option<CounterStatsSet>,
    /// Received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_dropped: Option<CounterStatsSet>,
    /// Received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rx_bytes_per_second: Option<StatsSet>,
    /// Sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_bytes: Option<CounterStatsSet>,
    /// Sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_packets: Option<CounterStatsSet>,
    /// Sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_errors: Option<CounterStatsSet>,
    /// Sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_dropped: Option<CounterStatsSet>,
    /// Sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_bytes_per_second: Option<StatsSet>,
}

/// What was read from and written to disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageStatsSet {
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_size_bytes: Option<CounterStatsSet>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_size_bytes: Option<CounterStatsSet>,
}

/// Restarts by a container's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestartStatsSet {
    /// Since the task's start.
    pub restart_count: u64,
}

/// Of a task's ephemeral storage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EphemeralStorageMetrics {
    /// Used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_utilized: Option<CounterStatsSet>,
}

/// Of a block device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMetric {
    /// `vol-…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_id: Option<String>,
    /// Within the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
    /// Bytes used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilized: Option<StatsSet>,
    /// Bytes in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<StatsSet>,
}

/// Metrics of a Service Connect proxy, by dimension.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneralMetricsWrapper {
    /// `1` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_type: Option<String>,
    /// Of what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
    /// The values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub general_metrics: Vec<GeneralMetric>,
}

/// A name and a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dimension {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Values and how often each was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneralMetric {
    /// Of the metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// The values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_values: Vec<f64>,
    /// As many as there are values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_counts: Vec<i64>,
}

/// Health of all tasks that have health checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishHealthRequest {
    /// Who and which.
    pub metadata: HealthMetadata,
    /// The tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskHealth>,
    /// When it was sent.
    pub timestamp: EpochSeconds,
}

/// Who sends health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthMetadata {
    /// Name or ARN, as configured at the agent.
    pub cluster: String,
    /// ARN.
    pub container_instance: String,
    /// Common to a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The last of a series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fin: Option<bool>,
}

/// Health of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskHealth {
    /// The task.
    pub task_arn: String,
    /// Not sent by the stock agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_arn: Option<String>,
    /// Of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_family: Option<String>,
    /// The task definition's revision, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_version: Option<String>,
    /// Those with health checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ContainerHealth>,
}

/// Health of one container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerHealth {
    /// Within the task.
    pub container_name: String,
    /// Its health.
    pub health_status: HealthStatus,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_since: Option<EpochSeconds>,
    /// What the check said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
}

words! {
    /// Of a container.
    HealthStatus {
        /// The last check passed.
        Healthy = "HEALTHY",
        /// Too many checks failed.
        Unhealthy = "UNHEALTHY",
        /// Not yet known.
        Unknown = "UNKNOWN",
    }
}

/// The instance's own checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishInstanceStatusRequest {
    /// Who and which.
    pub metadata: InstanceStatusMetadata,
    /// One for each check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<InstanceStatus>,
    /// When it was sent.
    pub timestamp: EpochSeconds,
}

/// Who sends an instance's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceStatusMetadata {
    /// Name or ARN, as configured at the agent.
    pub cluster: String,
    /// ARN.
    pub container_instance: String,
    /// Of this message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One check of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// For example `ContainerRuntime`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its outcome.
    pub status: InstanceHealthStatus,
    /// When it last ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<EpochSeconds>,
    /// When its outcome last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status_change: Option<EpochSeconds>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
}

impl InstanceStatus {
    /// The check as the control plane knows it; nothing for one that it does not know.
    #[must_use]
    pub fn report(self) -> Option<CheckReport> {
        let kind = match self.kind.as_str() {
            "ContainerRuntime" => CheckKind::ContainerRuntime,
            "AcceleratedCompute" => CheckKind::AcceleratedCompute,
            "Daemon" => CheckKind::Daemon,
            _ => return None,
        };
        let status = match self.status {
            InstanceHealthStatus::Ok => CheckStatus::Ok,
            InstanceHealthStatus::Impaired => CheckStatus::Impaired,
            InstanceHealthStatus::InsufficientData => CheckStatus::InsufficientData,
            InstanceHealthStatus::Initializing => CheckStatus::Initializing,
            InstanceHealthStatus::Other(_) => return None,
        };
        Some(CheckReport {
            kind,
            status,
            reason: self.status_reason.filter(|reason| !reason.is_empty()),
        })
    }
}

words! {
    /// The outcome of a check of an instance.
    InstanceHealthStatus {
        /// Well.
        Ok = "OK",
        /// Not well.
        Impaired = "IMPAIRED",
        /// Not known.
        InsufficientData = "INSUFFICIENT_DATA",
        /// Not yet known.
        Initializing = "INITIALIZING",
    }
}
