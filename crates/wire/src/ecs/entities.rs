//! Small parts that many shapes share.

use berth_core::ecs::model::Attribute;
use berth_core::ecs::place::Failure;
use berth_core::kernel::Tags;

use crate::shapes::ecs;

/// Tags as pairs of key and value.
pub(super) fn pairs(tags: Option<Vec<ecs::Tag>>) -> Vec<(String, String)> {
    let pair = |tag: ecs::Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    tags.into_iter().flatten().map(pair).collect()
}

/// Tags as shapes.
pub(super) fn tags(tags: &Tags) -> Vec<ecs::Tag> {
    tags.iter()
        .map(|(key, value)| ecs::Tag {
            key: Some(key.clone()),
            value: Some(value.clone()),
        })
        .collect()
}

/// Attributes as shapes.
pub(super) fn attributes(attributes: &[Attribute]) -> Vec<ecs::Attribute> {
    let shape = |attribute: &Attribute| ecs::Attribute {
        name: attribute.name.clone(),
        value: attribute.value.clone(),
        ..ecs::Attribute::default()
    };
    attributes.iter().map(shape).collect()
}

/// Failures as shapes.
pub(super) fn failures(failures: Vec<Failure>) -> Vec<ecs::Failure> {
    let shape = |failure: Failure| ecs::Failure {
        arn: failure.arn,
        reason: Some(failure.reason),
        detail: None,
    };
    failures.into_iter().map(shape).collect()
}
