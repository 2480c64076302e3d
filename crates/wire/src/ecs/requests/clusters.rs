//! Requests about clusters: shapes in, what the brain is asked out.

use berth_core::ecs::admit::cluster::CreateCluster;
use berth_core::ecs::api::{Read, Write};

use super::{Unasked, given, refuse_given};
use crate::ecs::Request;
use crate::ecs::entities::pairs;
use crate::shapes::ecs;

pub(super) fn create_cluster(shape: ecs::CreateClusterRequest) -> Result<Request, Unasked> {
    refuse_given(
        "CreateCluster",
        &[
            ("settings", given(shape.settings.as_ref())),
            ("configuration", shape.configuration.is_some()),
            ("capacityProviders", given(shape.capacity_providers.as_ref())),
            (
                "defaultCapacityProviderStrategy",
                given(shape.default_capacity_provider_strategy.as_ref()),
            ),
            ("serviceConnectDefaults", shape.service_connect_defaults.is_some()),
        ],
    )?;
    Ok(Request::Write(Write::CreateCluster(CreateCluster {
        name: shape.cluster_name,
        tags: pairs(shape.tags),
    })))
}

pub(super) fn describe_clusters(shape: ecs::DescribeClustersRequest) -> Result<Request, Unasked> {
    Ok(Request::Read(
        Read::DescribeClusters(shape.clusters.unwrap_or_default()),
        shape.include.unwrap_or_default(),
    ))
}
