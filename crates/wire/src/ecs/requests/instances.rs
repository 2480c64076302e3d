//! Requests about container instances.

use berth_core::ecs::api::Read;
use berth_core::ecs::model::InstanceStatus;

use super::{Unasked, page, refuse_given, word};
use crate::ecs::Request;
use crate::shapes::ecs;

pub(super) fn list_instances(shape: ecs::ListContainerInstancesRequest) -> Result<Request, Unasked> {
    refuse_given(
        "ListContainerInstances",
        &[("filter", shape.filter.is_some_and(|filter| !filter.is_empty()))],
    )?;
    let status = word("status", shape.status, InstanceStatus::from_word)?;
    Ok(Request::Read(
        Read::ListInstances(shape.cluster, status, page(shape.max_results, shape.next_token)?),
        Vec::new(),
    ))
}
