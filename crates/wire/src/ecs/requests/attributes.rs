//! Requests about attributes of container instances.

use berth_core::ecs::Refusal;
use berth_core::ecs::admit::attributes::TargetAttribute;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::view::attributes::AttributeFilter;

use super::page;
use crate::ecs::Request;
use crate::shapes::ecs;

pub(super) fn put(shape: ecs::PutAttributesRequest) -> Request {
    Request::Write(Write::PutAttributes(shape.cluster, targets(shape.attributes)))
}

pub(super) fn delete(shape: ecs::DeleteAttributesRequest) -> Request {
    Request::Write(Write::DeleteAttributes(shape.cluster, targets(shape.attributes)))
}

pub(super) fn list(shape: ecs::ListAttributesRequest) -> Result<Request, Refusal> {
    if shape.target_type != "container-instance" {
        return Err(Refusal::Word {
            member: "targetType",
            word: shape.target_type,
        });
    }
    let filter = AttributeFilter {
        cluster: shape.cluster,
        name: shape.attribute_name,
        value: shape.attribute_value,
    };
    Ok(Request::Read(
        Read::ListAttributes(filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    ))
}

fn targets(attributes: Vec<ecs::Attribute>) -> Vec<TargetAttribute> {
    let target = |attribute: ecs::Attribute| TargetAttribute {
        name: attribute.name,
        value: attribute.value,
        target_type: attribute.target_type,
        target_id: attribute.target_id,
    };
    attributes.into_iter().map(target).collect()
}
