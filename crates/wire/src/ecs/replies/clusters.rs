//! Clusters as shapes of answers: no decisions, only spelling.

use berth_core::ecs::model::ClusterStatus;
use berth_core::ecs::view::ClusterView;

use super::number;
use crate::ecs::entities::tags;
use crate::shapes::ecs;

pub(super) fn cluster(view: ClusterView, shows_tags: bool) -> ecs::Cluster {
    let (cluster, counts) = (view.cluster, view.counts);
    let counts = if cluster.status == ClusterStatus::Inactive {
        Default::default()
    } else {
        counts
    };
    ecs::Cluster {
        cluster_arn: Some(cluster.key.arn().to_string()),
        cluster_name: Some(cluster.key.name.to_string()),
        status: Some(cluster.status.to_string()),
        registered_container_instances_count: number(counts.instances),
        running_tasks_count: number(counts.running),
        pending_tasks_count: number(counts.pending),
        active_services_count: Some(0),
        statistics: Some(Vec::new()),
        tags: Some(if shows_tags { tags(&cluster.tags) } else { Vec::new() }),
        settings: Some(Vec::new()),
        capacity_providers: Some(Vec::new()),
        default_capacity_provider_strategy: Some(Vec::new()),
        ..ecs::Cluster::default()
    }
}
