//! The nouns of ECS, as types that cannot be wrong.

pub mod agent_update;
pub mod capacity;
pub mod cluster;
pub mod container;
pub mod instance;
pub mod lifecycle;
pub mod overrides;
pub mod requirement;
pub mod setting;
mod surroundings;
pub mod task;
pub mod task_definition;
pub mod volume;
pub mod words;

pub use agent_update::{AgentRelease, AgentUpdate, AgentUpdateStatus};
pub use capacity::{CapacityProvider, StrategyItem};
pub use cluster::{Cluster, ClusterKey, ClusterName, ClusterStatus};
pub use container::{Container, ContainerStatus, NetworkBinding};
pub use instance::{Attribute, ContainerInstance, InstanceKey, InstanceStatus, LaunchType, Resources};
pub use lifecycle::{Condition, Dependency, HealthCheck, HealthStatus, Lifecycle, RestartPolicy};
pub use overrides::{ContainerOverride, Overrides};
pub use requirement::{GpuCount, GpuNeed, Requirement};
pub use setting::{AccountSetting, SettingKey, SettingName};
pub use surroundings::{
    Device, HostEntry, KernelCapabilities, LinuxParameters, SecurityOption, Surroundings, SystemControl, Tmpfs, Ulimit,
};
pub use task::{ClientToken, ClientTokenKey, StopCode, Task, TaskInterface, TaskKey, TaskStatus};
pub use task_definition::{
    Architecture, ContainerDefinition, CpuMemory, DefinitionStatus, Family, FamilyName, LogConfiguration, NetworkMode,
    PortMapping, Protocol, RuntimePlatform, TaskDefinition, TaskDefinitionKey, Unbuilt,
};
pub use volume::{DockerVolume, MountPoint, Mounts, Volume, VolumeScope, VolumeSource, VolumesFrom};
