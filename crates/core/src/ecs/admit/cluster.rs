//! CreateCluster and DeleteCluster.

use super::{Admitted, Caller};
use crate::ecs::model::{Cluster, ClusterKey, ClusterStatus};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit, Tags};

/// A CreateCluster request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateCluster {
    /// The name; `default` if there is none.
    pub name: Option<String>,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
}

/// Makes a cluster. A cluster that is there already is answered as it is.
///
/// # Errors
/// A name or tags that do not fit.
pub fn create(state: &State, cx: &Cx, caller: &Caller, request: CreateCluster) -> Result<Admitted, Refusal> {
    let name = request.name.as_deref();
    if name.is_some_and(|name| name.starts_with("arn:")) {
        return Err(Refusal::ClusterName(request.name.unwrap_or_default()));
    }
    let key = refer::cluster(&caller.scope, name)?;
    let tags = Tags::new(request.tags).map_err(Refusal::Tags)?;
    match state.clusters().get(&key) {
        Some(cluster) if cluster.status == ClusterStatus::Active => Ok(Admitted::unchanged(Answer::Cluster(key))),
        Some(_) | None => {
            let cluster = Cluster {
                tags,
                ..fresh(cx, key.clone())
            };
            Ok(Admitted::with(
                vec![Change::Cluster(Edit::Put(cluster))],
                Answer::Cluster(key),
            ))
        }
    }
}

/// The change that makes the cluster `key` if it is the default one and is not there: it springs up on first use.
///
/// # Errors
/// Another cluster that is not there.
pub fn spring_up(state: &State, cx: &Cx, key: &ClusterKey) -> Result<Option<Change>, Refusal> {
    match state.clusters().get(key) {
        Some(cluster) if cluster.status == ClusterStatus::Active => Ok(None),
        Some(_) | None if key.name.as_str() == "default" => {
            Ok(Some(Change::Cluster(Edit::Put(fresh(cx, key.clone())))))
        }
        Some(_) | None => Err(Refusal::ClusterNotFound),
    }
}

fn fresh(cx: &Cx, key: ClusterKey) -> Cluster {
    Cluster {
        key,
        status: ClusterStatus::Active,
        tags: Tags::default(),
        created_at: cx.now,
    }
}

/// Deletes a cluster: it becomes INACTIVE and can still be described.
///
/// # Errors
/// No such cluster, or one with instances or tasks.
pub fn delete(state: &State, caller: &Caller, cluster: &str) -> Result<Admitted, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, Some(cluster))?;
    let counts = state.counts(&cluster.key);
    if counts.instances > 0 {
        return Err(Refusal::ClusterContainsInstances);
    }
    if counts.running + counts.pending > 0 {
        return Err(Refusal::ClusterContainsTasks);
    }
    let key = cluster.key.clone();
    let deleted = Cluster {
        status: ClusterStatus::Inactive,
        ..cluster.clone()
    };
    Ok(Admitted::with(
        vec![Change::Cluster(Edit::Put(deleted))],
        Answer::Cluster(key),
    ))
}
