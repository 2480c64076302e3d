//! Requests about tags of things that are there.

use berth_core::ecs::api::{Read, Write};

use crate::ecs::Request;
use crate::ecs::entities::pairs;
use crate::shapes::ecs;

pub(super) fn tag(shape: ecs::TagResourceRequest) -> Request {
    Request::Write(Write::Tag(shape.resource_arn, pairs(Some(shape.tags))))
}

pub(super) fn untag(shape: ecs::UntagResourceRequest) -> Request {
    Request::Write(Write::Untag(shape.resource_arn, shape.tag_keys))
}

pub(super) fn list(shape: ecs::ListTagsForResourceRequest) -> Request {
    Request::Read(Read::ListTags(shape.resource_arn), Vec::new())
}
