//! The words of the API for our enums, in one place: spelled here, parsed here.

use super::cluster::{CommandLogging, Insights};
use super::{AgentUpdateStatus, CapacityProvider, Condition, HealthStatus, SettingName};
use super::{Architecture, ClusterStatus, ContainerStatus, DefinitionStatus, InstanceStatus, LaunchType, NetworkMode};
use super::{Protocol, StopCode, TaskStatus, VolumeScope};
use crate::ecs::health::{CheckKind, CheckStatus};

/// Gives each enum its words, both ways.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal),* $(,)? })*) => {$(
        impl $name {
            /// The word of the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The variant with this word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    AgentUpdateStatus {
        Pending = "PENDING", Staging = "STAGING", Staged = "STAGED", Updating = "UPDATING", Updated = "UPDATED",
        Failed = "FAILED",
    }
    Architecture { X86_64 = "X86_64", Arm64 = "ARM64" }
    CapacityProvider { Fargate = "FARGATE", FargateSpot = "FARGATE_SPOT" }
    CommandLogging { None = "NONE", Default = "DEFAULT", Override = "OVERRIDE" }
    Insights { Disabled = "disabled", Enabled = "enabled", Enhanced = "enhanced" }
    ClusterStatus { Active = "ACTIVE", Inactive = "INACTIVE" }
    CheckKind {
        ContainerRuntime = "CONTAINER_RUNTIME", AcceleratedCompute = "ACCELERATED_COMPUTE", Daemon = "DAEMON",
        AgentConnectivity = "AGENT_CONNECTIVITY",
    }
    CheckStatus {
        Ok = "OK", Initializing = "INITIALIZING", InsufficientData = "INSUFFICIENT_DATA", Impaired = "IMPAIRED",
    }
    ContainerStatus { Pending = "PENDING", Running = "RUNNING", Stopped = "STOPPED" }
    Condition { Start = "START", Complete = "COMPLETE", Success = "SUCCESS", Healthy = "HEALTHY" }
    DefinitionStatus { Active = "ACTIVE", Inactive = "INACTIVE", DeleteInProgress = "DELETE_IN_PROGRESS" }
    HealthStatus { Unknown = "UNKNOWN", Healthy = "HEALTHY", Unhealthy = "UNHEALTHY" }
    InstanceStatus { Active = "ACTIVE", Draining = "DRAINING", Inactive = "INACTIVE" }
    LaunchType { Ec2 = "EC2", Fargate = "FARGATE", External = "EXTERNAL" }
    NetworkMode { Bridge = "bridge", Host = "host", Awsvpc = "awsvpc", None = "none" }
    Protocol { Tcp = "tcp", Udp = "udp" }
    SettingName {
        DefaultLogDriverMode = "defaultLogDriverMode", AwsvpcTrunking = "awsvpcTrunking",
        ContainerInsights = "containerInsights", ContainerInstanceLongArnFormat = "containerInstanceLongArnFormat",
        FargateEventWindows = "fargateEventWindows", FargateFipsMode = "fargateFIPSMode",
        FargateTaskRetirementWaitPeriod = "fargateTaskRetirementWaitPeriod",
        GuardDutyActivate = "guardDutyActivate", ServiceLongArnFormat = "serviceLongArnFormat",
        TagResourceAuthorization = "tagResourceAuthorization", TaskLongArnFormat = "taskLongArnFormat",
    }
    StopCode {
        TaskFailedToStart = "TaskFailedToStart",
        EssentialContainerExited = "EssentialContainerExited",
        UserInitiated = "UserInitiated",
    }
    VolumeScope { Task = "task", Shared = "shared" }
    TaskStatus {
        Provisioning = "PROVISIONING", Pending = "PENDING", Running = "RUNNING", Stopping = "STOPPING",
        Deprovisioning = "DEPROVISIONING", Stopped = "STOPPED",
    }
}
