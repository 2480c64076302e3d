//! Requests about container instances.

use berth_core::ecs::admit::update_agent::UpdateAgent;
use berth_core::ecs::admit::update_instances_state::UpdateInstancesState;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::InstanceStatus;
use berth_core::ecs::place::expression::Query;
use berth_core::ecs::view::list::{InstanceFilter, StatusWish};

use super::{Unasked, page, word};
use crate::ecs::Request;
use crate::shapes::ecs;

pub(super) fn list_instances(shape: ecs::ListContainerInstancesRequest) -> Result<Request, Unasked> {
    let query = shape.filter.filter(|text| !text.is_empty());
    let filter = InstanceFilter {
        status: word("status", shape.status, StatusWish::from_word)?,
        query: query.as_deref().map(Query::admit).transpose()?,
    };
    Ok(Request::Read(
        Read::ListInstances(shape.cluster, filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    ))
}

pub(super) fn update_state(shape: ecs::UpdateContainerInstancesStateRequest) -> Request {
    Request::Write(Write::UpdateInstancesState(UpdateInstancesState {
        cluster: shape.cluster,
        instances: shape.container_instances,
        status: InstanceStatus::from_word(&shape.status),
    }))
}

pub(super) fn update_agent(shape: ecs::UpdateContainerAgentRequest) -> Request {
    Request::Write(Write::UpdateAgent(UpdateAgent {
        cluster: shape.cluster,
        instance: shape.container_instance,
    }))
}
