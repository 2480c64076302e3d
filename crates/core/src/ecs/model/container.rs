//! The containers of a task as they were last heard of.

use serde::{Deserialize, Serialize};

use super::task_definition::Protocol;
use crate::kernel::ids::Uuid;
use crate::kernel::names::Name;
use crate::kernel::shared::Shared;

/// Where a container stands. It only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContainerStatus {
    /// Not started yet.
    Pending,
    /// Running.
    Running,
    /// Ended.
    Stopped,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkBinding {
    /// The host's address that listens.
    pub bind_ip: Name,
    /// The port inside.
    pub container_port: u16,
    /// The port of the host.
    pub host_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The last part of its ARN.
    pub id: Uuid,
    /// Its name in the task definition.
    pub name: Name,
    /// Where it stands.
    pub status: ContainerStatus,
    /// What the process ended with.
    pub exit_code: Option<i32>,
    /// Why it could not start, or why it ended.
    pub reason: Option<String>,
    /// The runtime's id of it.
    pub runtime_id: Option<String>,
    /// The digest of the image that it runs.
    pub image_digest: Option<Name>,
    /// Its published ports.
    pub bindings: Vec<NetworkBinding>,
    /// The GPUs that it got when it was placed, in the order of their ids. It keeps naming them when it is over.
    #[serde(default)]
    pub gpu_ids: Vec<String>,
}

impl Container {
    /// Lets its texts be one with their equals.
    pub(crate) fn share(&mut self, shared: &mut Shared) {
        shared.share(&mut self.name);
        self.image_digest.iter_mut().for_each(|digest| shared.share(digest));
        let addresses = self.bindings.iter_mut().map(|binding| &mut binding.bind_ip);
        addresses.for_each(|address| shared.share(address));
    }
}
