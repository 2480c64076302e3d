//! Clusters: names under which instances and tasks stand together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::capacity::{CapacityProvider, StrategyItem};
use crate::kernel::names::{is_ecs_name, name_types};
use crate::kernel::{Arn, Entity, Scope, Tags, Timestamp};

name_types! {
    /// A cluster's name: 1 to 255 letters, digits, dashes and underscores.
    ClusterName(|text| is_ecs_name(text, 255));
}

impl ClusterName {
    /// The name that is meant when none is given.
    #[must_use]
    pub fn default_name() -> Self {
        "default".parse().expect("the word is a name")
    }
}

/// The key of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterKey {
    /// The account and region.
    pub scope: Scope,
    /// The cluster's name.
    pub name: ClusterName,
}

impl ClusterKey {
    /// The cluster's ARN.
    #[must_use]
    pub fn arn(&self) -> Arn {
        Arn::new("ecs", &self.scope, format!("cluster/{}", self.name))
    }
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.name)
    }
}

/// Whether a cluster can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterStatus {
    /// It can.
    Active,
    /// It was deleted; it can still be described.
    Inactive,
}

/// How much Container Insights is wanted: the setting `containerInsights`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Insights {
    /// None.
    #[default]
    Disabled,
    /// Metrics of clusters and services.
    Enabled,
    /// Metrics of tasks and containers too.
    Enhanced,
}

/// Where the output of ExecuteCommand goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandLogging {
    /// Nowhere.
    None,
    /// Where the container's own output goes.
    #[default]
    Default,
    /// Where the configuration says.
    Override,
}

/// What a cluster says of ExecuteCommand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandConfiguration {
    /// The key that encrypts the channel.
    pub kms_key_id: Option<String>,
    /// Where the output goes.
    pub logging: CommandLogging,
    /// Where it goes if that is the configuration's to say.
    pub log: Option<CommandLog>,
}

/// Places for the output of ExecuteCommand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLog {
    /// A log group.
    pub group: Option<String>,
    /// Whether the group must be encrypted.
    pub group_encrypted: Option<bool>,
    /// A bucket.
    pub bucket: Option<String>,
    /// Whether the bucket must be encrypted.
    pub bucket_encrypted: Option<bool>,
    /// A folder of the bucket.
    pub bucket_prefix: Option<String>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its key.
    pub key: ClusterKey,
    /// Whether it can be used.
    pub status: ClusterStatus,
    /// The user's tags.
    pub tags: Tags,
    /// When it was made.
    pub created_at: Timestamp,
    /// How much Container Insights is wanted.
    #[serde(default)]
    pub insights: Insights,
    /// What is said of ExecuteCommand.
    #[serde(default)]
    pub command: Option<CommandConfiguration>,
    /// The namespace of services that name none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The capacity providers that its tasks may use.
    #[serde(default)]
    pub providers: Vec<CapacityProvider>,
    /// How tasks are shared out that name neither a launch type nor a strategy.
    #[serde(default)]
    pub default_strategy: Vec<StrategyItem>,
    /// When it was deleted.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
}

impl Cluster {
    /// A usable cluster of which nothing is said.
    #[must_use]
    pub fn plain(key: ClusterKey, created_at: Timestamp) -> Self {
        Self {
            key,
            status: ClusterStatus::Active,
            tags: Tags::default(),
            created_at,
            insights: Insights::default(),
            command: None,
            namespace: None,
            providers: Vec::new(),
            default_strategy: Vec::new(),
            deleted_at: None,
        }
    }
}

impl Entity for Cluster {
    type Key = ClusterKey;

    fn key(&self) -> &ClusterKey {
        &self.key
    }
}
