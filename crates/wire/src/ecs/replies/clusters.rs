//! Clusters and capacity providers as shapes.

use berth_core::ecs::admit::cluster::INSIGHTS;
use berth_core::ecs::counts::Counts;
use berth_core::ecs::model::cluster::{CommandConfiguration, CommandLog};
use berth_core::ecs::model::{CapacityProvider, ClusterStatus, StrategyItem};
use berth_core::ecs::view::ClusterView;
use berth_core::kernel::Arn;

use super::number;
use crate::ecs::entities::tags;
use crate::shapes::ecs;

/// What a description of a cluster shows besides what it always shows.
pub(super) fn cluster(view: ClusterView, included: &[String]) -> ecs::Cluster {
    let (cluster, counts) = (view.cluster, view.counts);
    let counts = if cluster.status == ClusterStatus::Inactive {
        Counts::default()
    } else {
        counts
    };
    let shows = |word: &str| included.iter().any(|one| one == word);
    let setting = ecs::ClusterSetting {
        name: Some(INSIGHTS.to_owned()),
        value: Some(cluster.insights.to_string()),
    };
    let configuration = cluster.command.map(configuration);
    ecs::Cluster {
        cluster_arn: Some(cluster.key.arn().to_string()),
        cluster_name: Some(cluster.key.name.to_string()),
        configuration: configuration.filter(|_| shows("CONFIGURATIONS")),
        status: Some(cluster.status.to_string()),
        registered_container_instances_count: number(counts.instances),
        running_tasks_count: number(counts.running.total()),
        pending_tasks_count: number(counts.pending.total()),
        active_services_count: Some(0),
        statistics: Some(if shows("STATISTICS") {
            statistics(&counts)
        } else {
            Vec::new()
        }),
        tags: Some(if shows("TAGS") { tags(&cluster.tags) } else { Vec::new() }),
        settings: Some(if shows("SETTINGS") { vec![setting] } else { Vec::new() }),
        capacity_providers: Some(cluster.providers.iter().map(ToString::to_string).collect()),
        default_capacity_provider_strategy: Some(cluster.default_strategy.iter().map(item).collect()),
        attachments: shows("ATTACHMENTS").then(Vec::new),
        attachments_status: None,
        service_connect_defaults: cluster.namespace.map(|namespace| ecs::ClusterServiceConnectDefaults {
            namespace: Some(namespace),
        }),
    }
}

/// The cluster as the operations that change it show it.
pub(super) fn changed_cluster(view: ClusterView) -> ecs::Cluster {
    cluster(view, &["CONFIGURATIONS", "SETTINGS", "TAGS"].map(str::to_owned))
}

fn item(item: &StrategyItem) -> ecs::CapacityProviderStrategyItem {
    ecs::CapacityProviderStrategyItem {
        capacity_provider: item.provider.to_string(),
        weight: i32::try_from(item.weight).ok(),
        base: i32::try_from(item.base).ok(),
    }
}

fn configuration(command: CommandConfiguration) -> ecs::ClusterConfiguration {
    let log = |log: CommandLog| ecs::ExecuteCommandLogConfiguration {
        cloud_watch_log_group_name: log.group,
        cloud_watch_encryption_enabled: log.group_encrypted,
        s3_bucket_name: log.bucket,
        s3_encryption_enabled: log.bucket_encrypted,
        s3_key_prefix: log.bucket_prefix,
    };
    ecs::ClusterConfiguration {
        execute_command_configuration: Some(ecs::ExecuteCommandConfiguration {
            kms_key_id: command.kms_key_id,
            logging: Some(command.logging.to_string()),
            log_configuration: command.log.map(log),
        }),
        managed_storage_configuration: None,
    }
}

/// All numbers that ECS shows, in its order. There are no services and no managed instances.
fn statistics(counts: &Counts) -> Vec<ecs::KeyValuePair> {
    let Counts { running, pending, .. } = *counts;
    let numbers = [
        ("runningEC2TasksCount", running.ec2),
        ("runningFargateTasksCount", running.fargate),
        ("pendingEC2TasksCount", pending.ec2),
        ("pendingFargateTasksCount", pending.fargate),
        ("runningExternalTasksCount", running.external),
        ("pendingExternalTasksCount", pending.external),
        ("runningManagedInstancesTasksCount", 0),
        ("pendingManagedInstancesTasksCount", 0),
        ("activeEC2ServiceCount", 0),
        ("activeFargateServiceCount", 0),
        ("drainingEC2ServiceCount", 0),
        ("drainingFargateServiceCount", 0),
        ("activeExternalServiceCount", 0),
        ("drainingExternalServiceCount", 0),
        ("activeManagedInstancesServiceCount", 0),
        ("drainingManagedInstancesServiceCount", 0),
    ];
    let shape = |(name, number): (&str, usize)| ecs::KeyValuePair {
        name: Some(name.to_owned()),
        value: Some(number.to_string()),
    };
    numbers.into_iter().map(shape).collect()
}

/// A capacity provider that every account has.
pub(super) fn provider((arn, provider): (Arn, CapacityProvider)) -> ecs::CapacityProvider {
    ecs::CapacityProvider {
        capacity_provider_arn: Some(arn.to_string()),
        name: Some(provider.to_string()),
        status: Some("ACTIVE".to_owned()),
        tags: Some(Vec::new()),
        r#type: Some(provider.to_string()),
        ..ecs::CapacityProvider::default()
    }
}
