//! Clusters: names under which instances and tasks stand together.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

impl Entity for Cluster {
    type Key = ClusterKey;

    fn key(&self) -> &ClusterKey {
        &self.key
    }
}
