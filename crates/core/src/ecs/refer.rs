//! How callers name things: short names, ids or ARNs, turned into keys or refused.

use super::model::{
    CapacityProvider, Cluster, ClusterKey, ClusterName, ClusterStatus, FamilyName, InstanceKey, TaskDefinitionKey,
    TaskKey,
};
use super::refusal::Refusal;
use super::state::State;
use crate::kernel::ids::Uuid;
use crate::kernel::{Arn, Scope};

/// The resource part of `text` if it is an ARN of `kind` in `scope`, or the whole text if it is no ARN.
fn resource<'a>(scope: &Scope, kind: &str, text: &'a str) -> Result<&'a str, Refusal> {
    if !text.starts_with("arn:") {
        return Ok(text);
    }
    let arn: Arn = text.parse().map_err(|_| Refusal::Identifier(text.to_owned()))?;
    if arn.service != "ecs" {
        return Err(Refusal::Identifier(text.to_owned()));
    }
    if arn.scope != *scope {
        return Err(Refusal::ForeignArn(text.to_owned()));
    }
    let prefix = text.len() - arn.resource.len();
    let rest = text[prefix..]
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('/'));
    rest.ok_or_else(|| Refusal::Identifier(text.to_owned()))
}

/// The cluster that is meant; nothing means the one called `default`.
///
/// # Errors
/// If the text is no name and no ARN of a cluster here.
pub fn cluster(scope: &Scope, text: Option<&str>) -> Result<ClusterKey, Refusal> {
    let name = match text {
        None | Some("") => ClusterName::default_name(),
        Some(text) => {
            let name = resource(scope, "cluster", text)?;
            name.parse().map_err(|_| Refusal::ClusterName(text.to_owned()))?
        }
    };
    Ok(ClusterKey {
        scope: scope.clone(),
        name,
    })
}

/// The cluster that is meant, if it can be used.
///
/// # Errors
/// If there is none.
pub fn active_cluster<'a>(state: &'a State, scope: &Scope, text: Option<&str>) -> Result<&'a Cluster, Refusal> {
    let key = cluster(scope, text)?;
    let active = |cluster: &&Cluster| cluster.status == ClusterStatus::Active;
    state
        .clusters()
        .get(&key)
        .filter(active)
        .ok_or(Refusal::ClusterNotFound)
}

/// The capacity provider that is meant, if it exists.
#[must_use]
pub fn capacity_provider(scope: &Scope, text: &str) -> Option<CapacityProvider> {
    resource(scope, "capacity-provider", text)
        .ok()
        .and_then(CapacityProvider::from_word)
}

/// The last part of `cluster/id` or of a bare `id`, if the cluster fits.
fn in_cluster<'a>(cluster: &ClusterKey, whole: &str, rest: &'a str) -> Result<&'a str, Refusal> {
    match rest.split_once('/') {
        None => Ok(rest),
        Some((name, id)) if name == cluster.name.as_str() => Ok(id),
        Some(_) => Err(Refusal::Identifier(whole.to_owned())),
    }
}

/// The task that is meant, in `cluster`.
///
/// # Errors
/// If the text is no id and no ARN of a task there.
pub fn task(cluster: &ClusterKey, text: &str) -> Result<TaskKey, Refusal> {
    let rest = resource(&cluster.scope, "task", text)?;
    let id = in_cluster(cluster, text, rest)?
        .parse()
        .map_err(|_| Refusal::Identifier(text.to_owned()))?;
    Ok(TaskKey {
        scope: cluster.scope.clone(),
        cluster: cluster.name.clone(),
        id,
    })
}

/// The task that a caller names, in `cluster`; nothing if no task there can be meant.
///
/// # Errors
/// If an id has not as many characters as ids have, now or in former times, or an ARN belongs elsewhere.
pub fn named_task(cluster: &ClusterKey, text: &str) -> Result<Option<TaskKey>, Refusal> {
    let id = text.rsplit('/').next().unwrap_or(text);
    if !matches!(id.chars().count(), 32 | 36) {
        return Err(Refusal::TaskIdLength);
    }
    match task(cluster, text) {
        Err(foreign @ Refusal::ForeignArn(_)) => Err(foreign),
        found => Ok(found.ok()),
    }
}

/// The container instance that is meant, in `cluster`.
///
/// # Errors
/// If the text is no id and no ARN of an instance there.
pub fn instance(cluster: &ClusterKey, text: &str) -> Result<InstanceKey, Refusal> {
    let rest = resource(&cluster.scope, "container-instance", text)?;
    let id = in_cluster(cluster, text, rest)?
        .parse()
        .map_err(|_| Refusal::Identifier(text.to_owned()))?;
    Ok(InstanceKey {
        scope: cluster.scope.clone(),
        cluster: cluster.name.clone(),
        id,
    })
}

/// The attachment that is meant.
///
/// # Errors
/// If the text is no ARN of an attachment here.
pub fn attachment(scope: &Scope, text: &str) -> Result<Uuid, Refusal> {
    let unreadable = || Refusal::Identifier(text.to_owned());
    resource(scope, "attachment", text)?.parse().map_err(|_| unreadable())
}

/// How a caller names a task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefinitionRef {
    /// One revision.
    Revision(TaskDefinitionKey),
    /// The newest active revision of a family.
    Newest(FamilyName),
}

/// The task definition that is meant: `family`, `family:revision` or an ARN.
///
/// # Errors
/// If the text has none of these forms.
pub fn definition(scope: &Scope, text: &str) -> Result<DefinitionRef, Refusal> {
    let rest = resource(scope, "task-definition", text)?;
    let family = |name: &str| name.parse().map_err(|_| Refusal::Identifier(text.to_owned()));
    match rest.split_once(':') {
        None => Ok(DefinitionRef::Newest(family(rest)?)),
        Some((name, number)) => {
            let plain = number.bytes().all(|b| b.is_ascii_digit());
            let revision = number.parse().ok().filter(|revision| plain && *revision > 0);
            let revision = revision.ok_or_else(|| Refusal::Revision(number.to_owned()))?;
            Ok(DefinitionRef::Revision(TaskDefinitionKey {
                scope: scope.clone(),
                family: family(name)?,
                revision,
            }))
        }
    }
}

impl DefinitionRef {
    /// The definition in `state`.
    #[must_use]
    pub fn find<'a>(&self, state: &'a State, scope: &Scope) -> Option<&'a super::model::TaskDefinition> {
        match self {
            Self::Revision(key) => state.definitions().get(key),
            Self::Newest(family) => state.newest_active(scope, family),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            account: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        }
    }

    #[test]
    fn clusters_go_by_name_or_arn() {
        let key = |text| cluster(&scope(), text).map(|key| key.name.to_string());
        assert_eq!(key(None).unwrap(), "default");
        assert_eq!(
            key(Some("arn:aws:ecs:us-east-1:123456789012:cluster/web")).unwrap(),
            "web"
        );
        assert!(matches!(
            key(Some("arn:aws:ecs:eu-west-1:123456789012:cluster/web")),
            Err(Refusal::ForeignArn(_))
        ));
        assert!(matches!(key(Some("a b")), Err(Refusal::ClusterName(_))));
        assert!(matches!(
            key(Some("arn:aws:ecs:us-east-1:123456789012:task/web")),
            Err(Refusal::Identifier(_))
        ));
    }

    #[test]
    fn tasks_go_by_id_or_arn_within_their_cluster() {
        let cluster = cluster(&scope(), Some("web")).unwrap();
        let id = "0123456789abcdef0123456789abcdef";
        let arn = |cluster: &str| format!("arn:aws:ecs:us-east-1:123456789012:task/{cluster}/{id}");
        assert_eq!(task(&cluster, id).unwrap(), task(&cluster, &arn("web")).unwrap());
        assert!(task(&cluster, &arn("other")).is_err());
        assert!(task(&cluster, "nope").is_err());
    }

    #[test]
    fn definitions_go_by_family_or_revision() {
        assert!(matches!(definition(&scope(), "web"), Ok(DefinitionRef::Newest(_))));
        assert!(matches!(definition(&scope(), "web:3"), Ok(DefinitionRef::Revision(key)) if key.revision == 3));
        assert!(matches!(definition(&scope(), "web:x"), Err(Refusal::Revision(_))));
        assert!(matches!(definition(&scope(), "web:0"), Err(Refusal::Revision(_))));
        assert!(matches!(definition(&scope(), "web:+3"), Err(Refusal::Revision(_))));
        assert!(definition(&scope(), "").is_err());
    }
}
