//! What Berth adds to the protocol: members under the key `berth`, which the stock agent skips.
//!
//! They say plainly what the protocol leaves to Docker's own configuration texts (see [`super::docker`]), and give
//! tasks a generation. Nothing here repeats what the protocol itself already says, such as `stopTimeout`. An agent
//! announces on connect that it understands them ([`super::upgrade::Connect::berth_version`]).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of these extensions that this crate speaks.
pub const BERTH_VERSION: u32 = 1;

/// `berth` on a task of a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskExtension {
    /// Of the instance's assignments, of which this task is one. Of two messages about a task the higher one counts,
    /// in whatever order they arrive.
    pub generation: u64,
}

/// `berth` on a container of a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerExtension {
    /// `user`, `user:group` or ids; the image's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The image's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// MiB, the soft limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<u32>,
    /// How the container finds its machine: the text of a container definition with the members that are about it (see
    /// [`crate::ecs::surroundings`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surroundings: Option<String>,
    /// Where the output goes; nowhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_configuration: Option<LogConfiguration>,
    /// How its health is probed; not at all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
}

/// As in a task definition, with all that holds by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// `CMD` or `CMD-SHELL`, then the command.
    pub command: Vec<String>,
    /// Seconds between two probes.
    pub interval: u32,
    /// Seconds after which a probe has failed.
    pub timeout: u32,
    /// How many probes must fail in a row.
    pub retries: u32,
    /// Seconds after the start in which failures do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<u32>,
}

/// As in a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogConfiguration {
    /// For example `awslogs`.
    pub log_driver: String,
    /// For the driver, for example `awslogs-group`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}
