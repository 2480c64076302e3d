//! The volumes of a task, and their places in its containers.
//!
//! What was left out is told from what was given, so that a definition is shown as it was registered. Kinds of volumes that
//! Berth does not carry out are kept as they came, and refused by name when a task is to run with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::names::Opaque;

/// The only driver of docker volumes that Berth has: a directory of the machine.
pub const LOCAL_DRIVER: &str = "local";

/// A volume of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What mount points refer to; unique within the definition.
    pub name: String,
    /// Where its data is.
    pub source: VolumeSource,
}

/// Where the data of a volume is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeSource {
    /// In a new directory that ends with the task.
    Anonymous,
    /// At this path of the machine.
    Host(String),
    /// In a docker volume.
    Docker(DockerVolume),
    /// Somewhere that Berth does not reach.
    Unbuilt {
        /// The member of the volume that says where.
        member: String,
        /// The whole volume as JSON.
        value: Opaque,
    },
}

/// A docker volume: a directory that the machine manages. A new one takes over what the image has in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerVolume {
    /// How long it lives.
    pub scope: VolumeScope,
    /// Whether it is made when it is not there; only for shared ones.
    pub autoprovision: Option<bool>,
    /// Who manages it.
    pub driver: Option<String>,
    /// For the driver.
    pub driver_opts: Option<BTreeMap<String, String>>,
    /// On the volume.
    pub labels: Option<BTreeMap<String, String>>,
}

/// How long a docker volume lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeScope {
    /// As long as its task.
    #[default]
    Task,
    /// Until somebody removes it; tasks of the machine meet in it by its name.
    Shared,
}

/// The places of volumes in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mounts {
    /// Volumes of the task.
    pub points: Vec<MountPoint>,
    /// All volumes of other containers, at their places there.
    pub from: Vec<VolumesFrom>,
}

/// The place of a volume in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPoint {
    /// The volume's name.
    pub volume: String,
    /// The absolute path in the container.
    pub path: String,
    /// Whether the container cannot write to it.
    pub read_only: Option<bool>,
}

/// All volumes of another container, at their places there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumesFrom {
    /// The other container's name.
    pub container: String,
    /// Whether this one cannot write to them.
    pub read_only: Option<bool>,
}

impl Volume {
    /// Whether it is a directory of the task's own.
    #[must_use]
    pub fn ends_with_task(&self) -> bool {
        match &self.source {
            VolumeSource::Anonymous => true,
            VolumeSource::Docker(docker) => docker.scope == VolumeScope::Task,
            VolumeSource::Host(_) | VolumeSource::Unbuilt { .. } => false,
        }
    }

    /// The member that asks for something that Berth does not carry out.
    #[must_use]
    pub fn unbuilt(&self) -> Option<String> {
        match &self.source {
            VolumeSource::Anonymous | VolumeSource::Host(_) => None,
            VolumeSource::Unbuilt { member, .. } => Some(format!("volumes.{member}")),
            VolumeSource::Docker(docker) => docker.unbuilt(),
        }
    }
}

impl DockerVolume {
    fn unbuilt(&self) -> Option<String> {
        let member = "volumes.dockerVolumeConfiguration";
        if self.driver() != LOCAL_DRIVER {
            return Some(format!("{member}.driver {}", self.driver()));
        }
        let opts = self.driver_opts.as_ref()?;
        opts.keys().next().map(|name| format!("{member}.driverOpts.{name}"))
    }

    /// Who manages it.
    #[must_use]
    pub fn driver(&self) -> &str {
        self.driver
            .as_deref()
            .filter(|driver| !driver.is_empty())
            .unwrap_or(LOCAL_DRIVER)
    }
}
