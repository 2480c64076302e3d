//! Requests about clusters and their capacity providers, as what the brain is asked.

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::cluster::{ClusterWish, CommandDraft, CreateCluster};
use berth_core::ecs::admit::strategy::{PutProviders, StrategyDraft};
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::cluster::CommandLog;
use berth_core::ecs::view::capacity::ProviderFilter;

use super::{Unasked, included, page};
use crate::ecs::Request;
use crate::ecs::entities::pairs;
use crate::shapes::ecs;

pub(super) fn create_cluster(shape: ecs::CreateClusterRequest) -> Result<Request, Unasked> {
    Ok(Request::Write(Write::CreateCluster(CreateCluster {
        name: shape.cluster_name,
        tags: pairs(shape.tags),
        wish: wish(shape.settings, shape.configuration, shape.service_connect_defaults)?,
        providers: shape.capacity_providers,
        strategy: shape.default_capacity_provider_strategy.map(strategy),
    })))
}

pub(super) fn update_cluster(shape: ecs::UpdateClusterRequest) -> Result<Request, Unasked> {
    let wish = wish(shape.settings, shape.configuration, shape.service_connect_defaults)?;
    Ok(Request::Write(Write::UpdateCluster(shape.cluster, wish)))
}

pub(super) fn update_cluster_settings(shape: ecs::UpdateClusterSettingsRequest) -> Result<Request, Unasked> {
    let wish = wish(Some(shape.settings), None, None)?;
    Ok(Request::Write(Write::UpdateClusterSettings(shape.cluster, wish)))
}

pub(super) fn put_providers(shape: ecs::PutClusterCapacityProvidersRequest) -> Request {
    Request::Write(Write::PutProviders(PutProviders {
        cluster: shape.cluster,
        providers: shape.capacity_providers,
        strategy: strategy(shape.default_capacity_provider_strategy),
    }))
}

pub(super) fn describe_clusters(shape: ecs::DescribeClustersRequest) -> Result<Request, Unasked> {
    Ok(Request::Read(
        Read::DescribeClusters(shape.clusters.unwrap_or_default()),
        included(shape.include, "ATTACHMENTS,CONFIGURATIONS,SETTINGS,STATISTICS,TAGS")?,
    ))
}

pub(super) fn describe_providers(shape: ecs::DescribeCapacityProvidersRequest) -> Result<Request, Unasked> {
    let filter = ProviderFilter {
        names: shape.capacity_providers.unwrap_or_default(),
        cluster: shape.cluster,
    };
    Ok(Request::Read(
        Read::DescribeProviders(filter, page(shape.max_results, shape.next_token)),
        included(shape.include, "TAGS")?,
    ))
}

/// A strategy as the caller spells it.
pub(super) fn strategy(items: Vec<ecs::CapacityProviderStrategyItem>) -> Vec<StrategyDraft> {
    let draft = |item: ecs::CapacityProviderStrategyItem| StrategyDraft {
        provider: item.capacity_provider,
        weight: item.weight.map(i64::from),
        base: item.base.map(i64::from),
    };
    items.into_iter().map(draft).collect()
}

fn wish(
    settings: Option<Vec<ecs::ClusterSetting>>,
    configuration: Option<ecs::ClusterConfiguration>,
    connect: Option<ecs::ClusterServiceConnectDefaultsRequest>,
) -> Result<ClusterWish, Refusal> {
    let configuration = configuration.unwrap_or_default();
    let storage = configuration.managed_storage_configuration;
    if storage.is_some_and(|storage| storage != ecs::ManagedStorageConfiguration::default()) {
        return Err(Refusal::NotBuilt(
            "Berth does not carry out 'configuration.managedStorageConfiguration' of clusters yet.".to_owned(),
        ));
    }
    let pair = |setting: ecs::ClusterSetting| (setting.name.unwrap_or_default(), setting.value.unwrap_or_default());
    Ok(ClusterWish {
        settings: settings.map(|settings| settings.into_iter().map(pair).collect()),
        command: configuration.execute_command_configuration.map(command),
        namespace: connect.map(|connect| connect.namespace),
    })
}

fn command(shape: ecs::ExecuteCommandConfiguration) -> CommandDraft {
    CommandDraft {
        kms_key_id: shape.kms_key_id,
        logging: shape.logging,
        log: shape.log_configuration.map(|log| CommandLog {
            group: log.cloud_watch_log_group_name,
            group_encrypted: log.cloud_watch_encryption_enabled,
            bucket: log.s3_bucket_name,
            bucket_encrypted: log.s3_encryption_enabled,
            bucket_prefix: log.s3_key_prefix,
        }),
    }
}
