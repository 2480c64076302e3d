//! CreateCluster, UpdateCluster, UpdateClusterSettings and DeleteCluster.

use super::settings;
use super::strategy::{self, StrategyDraft};
use super::{Admitted, Caller, check_length};
use crate::ecs::model::cluster::{CommandConfiguration, CommandLog, CommandLogging, Insights};
use crate::ecs::model::{CapacityProvider, Cluster, ClusterKey, ClusterName, ClusterStatus, StrategyItem};
use crate::ecs::quota::{Exceeded, within};
use crate::ecs::refer;
use crate::ecs::refusal::{CommandFault, Refusal};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit, Tags};

/// The setting that clusters have.
pub const INSIGHTS: &str = "containerInsights";

/// A CreateCluster request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateCluster {
    /// The name; `default` if there is none.
    pub name: Option<String>,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
    /// What UpdateCluster can say too.
    pub wish: ClusterWish,
    /// Names or ARNs of the capacity providers that its tasks may use.
    pub providers: Option<Vec<String>>,
    /// How tasks are shared out that say nothing of it.
    pub strategy: Option<Vec<StrategyDraft>>,
}

/// What can be said of a cluster at any time. What is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterWish {
    /// Names and values of settings.
    pub settings: Option<Vec<(String, String)>>,
    /// What is said of ExecuteCommand.
    pub command: Option<CommandDraft>,
    /// The namespace of services that name none; empty for none.
    pub namespace: Option<String>,
}

/// What a cluster says of ExecuteCommand, in the caller's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandDraft {
    /// The key that encrypts the channel.
    pub kms_key_id: Option<String>,
    /// Where the output goes.
    pub logging: Option<String>,
    /// Where it goes if that is the configuration's to say.
    pub log: Option<CommandLog>,
}

/// What was said of a cluster, checked.
struct Said {
    insights: Option<Insights>,
    command: Option<CommandConfiguration>,
    namespace: Option<Option<String>>,
}

/// Makes a cluster. A cluster that is there already is answered as it is.
///
/// # Errors
/// What does not fit, or a cluster of that name that was made with other arguments.
pub fn create(state: &State, cx: &Cx, caller: &Caller, request: CreateCluster) -> Result<Admitted, Refusal> {
    let name = request.name.as_deref();
    if name.is_some_and(|name| name.starts_with("arn:")) {
        return Err(Refusal::ClusterName(request.name.unwrap_or_default()));
    }
    let key = refer::cluster(&caller.scope, name)?;
    let tags = Tags::new(request.tags).map_err(Refusal::Tags)?;
    let said = check(request.wish)?;
    let providers = request
        .providers
        .map(|names| strategy::providers(&caller.scope, &names));
    let providers: Option<Vec<CapacityProvider>> = providers.transpose()?;
    let drafts = request.strategy.as_deref();
    let items = drafts.map(|drafts| strategy::items(&caller.scope, drafts, providers.as_deref().unwrap_or_default()));
    let items: Option<Vec<StrategyItem>> = items.transpose()?;
    let fresh = Cluster {
        tags,
        insights: settings::insights(state, caller),
        ..Cluster::plain(key.clone(), cx.now)
    };
    let active = |cluster: &&Cluster| cluster.status == ClusterStatus::Active;
    let known = state.clusters().get(&key).filter(active);
    let wanted = |cluster: &Cluster| Cluster {
        providers: providers.clone().unwrap_or_else(|| cluster.providers.clone()),
        default_strategy: items.clone().unwrap_or_else(|| cluster.default_strategy.clone()),
        ..said.on(cluster)
    };
    match known {
        Some(cluster) if wanted(cluster) == *cluster => Ok(Admitted::unchanged(Answer::Cluster(key))),
        Some(_) => Err(Refusal::ClusterDiffers),
        None => {
            check_quota(state, caller)?;
            Ok(put(wanted(&fresh)))
        }
    }
}

/// The change that makes the cluster `key` if it is the default one and is not there: it springs up on first use.
///
/// # Errors
/// Another cluster that is not there.
pub fn spring_up(state: &State, cx: &Cx, caller: &Caller, key: &ClusterKey) -> Result<Option<Change>, Refusal> {
    match state.clusters().get(key) {
        Some(cluster) if cluster.status == ClusterStatus::Active => Ok(None),
        Some(_) | None if key.name.as_str() == "default" => {
            check_quota(state, caller)?;
            let cluster = Cluster {
                insights: settings::insights(state, caller),
                ..Cluster::plain(key.clone(), cx.now)
            };
            Ok(Some(Change::Cluster(Edit::Put(cluster))))
        }
        Some(_) | None => Err(Refusal::ClusterNotFound),
    }
}

/// Refuses one more cluster than the caller's account may have in the region.
fn check_quota(state: &State, caller: &Caller) -> Result<(), Refusal> {
    let quota = caller.quotas.clusters;
    if quota.is_none() {
        return Ok(());
    }
    let active = |cluster: &&Cluster| cluster.status == ClusterStatus::Active;
    let count = state
        .clusters_of(&caller.scope, ClusterName::first())
        .filter(active)
        .count();
    within(quota, count + 1, Exceeded::Clusters)
}

/// Changes what is said of a cluster.
///
/// # Errors
/// No such cluster, or what does not fit.
pub fn update(state: &State, caller: &Caller, cluster: &str, wish: ClusterWish) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, Some(cluster))?;
    let updated = check(wish)?.on(cluster);
    if updated == *cluster {
        return Ok(Admitted::unchanged(Answer::Cluster(updated.key)));
    }
    Ok(put(updated))
}

/// Deletes a cluster: it becomes INACTIVE and can still be described.
///
/// # Errors
/// No such cluster, or one with instances or tasks.
pub fn delete(state: &State, cx: &Cx, caller: &Caller, cluster: &str) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, Some(cluster))?;
    let counts = state.counts(&cluster.key);
    if counts.instances > 0 {
        return Err(Refusal::ClusterContainsInstances);
    }
    if counts.tasks() > 0 {
        return Err(Refusal::ClusterContainsTasks);
    }
    Ok(put(Cluster {
        status: ClusterStatus::Inactive,
        deleted_at: Some(cx.now),
        ..cluster.clone()
    }))
}

/// Puts `cluster` and answers with it.
pub(super) fn put(cluster: Cluster) -> Admitted {
    let key = cluster.key.clone();
    Admitted::with(vec![Change::Cluster(Edit::Put(cluster))], Answer::Cluster(key))
}

impl Said {
    /// The cluster with all that was said.
    fn on(&self, cluster: &Cluster) -> Cluster {
        Cluster {
            insights: self.insights.unwrap_or(cluster.insights),
            command: self.command.clone().or_else(|| cluster.command.clone()),
            namespace: self.namespace.clone().unwrap_or_else(|| cluster.namespace.clone()),
            ..cluster.clone()
        }
    }
}

fn check(wish: ClusterWish) -> Result<Said, Refusal> {
    check_length(wish.namespace.as_ref(), "serviceConnectDefaults.namespace", 1024)?;
    Ok(Said {
        insights: insights(wish.settings.as_deref().unwrap_or_default())?,
        command: wish.command.map(command).transpose()?,
        namespace: wish.namespace.map(|name| Some(name).filter(|name| !name.is_empty())),
    })
}

/// The value of the one setting that there is; of two values the later one counts.
fn insights(settings: &[(String, String)]) -> Result<Option<Insights>, Refusal> {
    let mut found = None;
    for (name, value) in settings {
        if name != INSIGHTS {
            return Err(Refusal::SettingName);
        }
        found = Some(Insights::from_word(value).ok_or(Refusal::SettingValue)?);
    }
    Ok(found)
}

/// The bounds are those of what is named: keys, log groups, buckets and their objects' keys.
fn check_command(draft: &CommandDraft) -> Result<(), Refusal> {
    check_length(draft.kms_key_id.as_ref(), "kmsKeyId", 2048)?;
    let Some(log) = &draft.log else { return Ok(()) };
    check_length(log.group.as_ref(), "cloudWatchLogGroupName", 512)?;
    check_length(log.bucket.as_ref(), "s3BucketName", 63)?;
    check_length(log.bucket_prefix.as_ref(), "s3KeyPrefix", 1024)
}

fn command(draft: CommandDraft) -> Result<CommandConfiguration, Refusal> {
    check_command(&draft)?;
    let word = |word: String| {
        CommandLogging::from_word(&word).ok_or(Refusal::Word {
            member: "logging",
            word,
        })
    };
    let logging = draft.logging.map(word).transpose()?.unwrap_or_default();
    let fault = match (logging, &draft.log) {
        (CommandLogging::Override, None) => Some(CommandFault::LogMissing),
        (CommandLogging::Override, Some(log)) if log.group.is_none() && log.bucket.is_none() => {
            Some(CommandFault::LogNowhere)
        }
        (CommandLogging::Override, Some(_)) | (CommandLogging::None | CommandLogging::Default, None) => None,
        (CommandLogging::None | CommandLogging::Default, Some(_)) => Some(CommandFault::LogUnwanted),
    };
    match fault {
        Some(fault) => Err(Refusal::Command(fault)),
        None => Ok(CommandConfiguration {
            kms_key_id: draft.kms_key_id,
            logging,
            log: draft.log,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A draft in which the member of this name has this value.
    fn draft(member: &str, value: String) -> CommandDraft {
        let given = |name: &str| (member == name).then(|| value.clone());
        let log = CommandLog {
            group: given("cloudWatchLogGroupName").or_else(|| Some("/exec".to_owned())),
            bucket: given("s3BucketName"),
            bucket_prefix: given("s3KeyPrefix"),
            ..CommandLog::default()
        };
        CommandDraft {
            kms_key_id: given("kmsKeyId"),
            logging: Some("OVERRIDE".to_owned()),
            log: Some(log),
        }
    }

    #[test]
    fn what_is_said_of_execute_command_has_bounds() {
        for (member, most) in [
            ("kmsKeyId", 2048),
            ("cloudWatchLogGroupName", 512),
            ("s3BucketName", 63),
            ("s3KeyPrefix", 1024),
        ] {
            assert!(command(draft(member, "x".repeat(most))).is_ok(), "{member}");
            let refused = command(draft(member, "x".repeat(most + 1)));
            assert_eq!(refused, Err(Refusal::TooLong { member, most }));
        }
    }
}
