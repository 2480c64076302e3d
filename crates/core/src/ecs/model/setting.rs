//! Account settings: what holds for a principal, or for everybody in an account who says nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::{Entity, Scope};

/// The name of an account setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SettingName {
    /// How container logs are delivered that say nothing of it: `blocking` or `non-blocking`.
    DefaultLogDriverMode,
    /// Whether instances have more interfaces than their hardware. Berth does not limit them.
    AwsvpcTrunking,
    /// How much Container Insights new clusters want.
    ContainerInsights,
    /// Whether ids and ARNs of instances have the long form; they always do.
    ContainerInstanceLongArnFormat,
    /// Whether FARGATE tasks are retired in windows of the user's.
    FargateEventWindows,
    /// Whether FARGATE tasks keep to FIPS 140.
    FargateFipsMode,
    /// Days between the notice and the end of a FARGATE task that must be renewed.
    FargateTaskRetirementWaitPeriod,
    /// Whether GuardDuty watches tasks; not the user's to say.
    GuardDutyActivate,
    /// Whether ids and ARNs of services have the long form; they always do.
    ServiceLongArnFormat,
    /// Whether tags at creation need a permission of their own.
    TagResourceAuthorization,
    /// Whether ids and ARNs of tasks have the long form; they always do.
    TaskLongArnFormat,
}

impl SettingName {
    /// All of them, in the order of their words.
    pub const ALL: [Self; 11] = [
        Self::AwsvpcTrunking,
        Self::ContainerInsights,
        Self::ContainerInstanceLongArnFormat,
        Self::DefaultLogDriverMode,
        Self::FargateEventWindows,
        Self::FargateFipsMode,
        Self::FargateTaskRetirementWaitPeriod,
        Self::GuardDutyActivate,
        Self::ServiceLongArnFormat,
        Self::TagResourceAuthorization,
        Self::TaskLongArnFormat,
    ];

    /// The value where nobody has said another one.
    #[must_use]
    pub fn usual(self) -> &'static str {
        self.values()[0]
    }

    /// The values that ECS knows, the usual one first.
    #[must_use]
    pub fn values(self) -> &'static [&'static str] {
        match self {
            Self::DefaultLogDriverMode => &["non-blocking", "blocking"],
            Self::AwsvpcTrunking | Self::FargateEventWindows | Self::FargateFipsMode => &["disabled", "enabled"],
            Self::ContainerInsights => &["disabled", "enabled", "enhanced"],
            Self::ContainerInstanceLongArnFormat | Self::ServiceLongArnFormat | Self::TaskLongArnFormat => {
                &["enabled", "disabled"]
            }
            Self::FargateTaskRetirementWaitPeriod => &["7", "0", "14"],
            Self::GuardDutyActivate => &["off", "on"],
            Self::TagResourceAuthorization => &["on", "off"],
        }
    }
}

/// The key of an account setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SettingKey {
    /// The account and region.
    pub scope: Scope,
    /// The ARN of the principal; the root user stands for everybody.
    pub principal: String,
    /// The setting.
    pub name: SettingName,
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.scope, self.name, self.principal)
    }
}

/// An account setting that somebody has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSetting {
    /// Its key.
    pub key: SettingKey,
    /// Its value, one of the name's.
    pub value: String,
}

impl Entity for AccountSetting {
    type Key = SettingKey;

    fn key(&self) -> &SettingKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_stand_in_the_order_of_their_words() {
        assert!(SettingName::ALL.map(SettingName::as_str).is_sorted());
    }
}
