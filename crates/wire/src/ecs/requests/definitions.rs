//! Requests about task definitions.

use berth_core::ecs::api::Read;
use berth_core::ecs::model::DefinitionStatus;
use berth_core::ecs::view::list::{DefinitionFilter, FamilyFilter};

use super::{Unasked, page, word};
use crate::ecs::Request;
use crate::shapes::ecs;

pub(super) fn list_definitions(shape: ecs::ListTaskDefinitionsRequest) -> Result<Request, Unasked> {
    let filter = DefinitionFilter {
        family: shape.family_prefix,
        status: word("status", shape.status, DefinitionStatus::from_word)?,
        descending: word("sort", shape.sort, sort)?.unwrap_or(false),
    };
    Ok(Request::Read(
        Read::ListTaskDefinitions(filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    ))
}

fn sort(word: &str) -> Option<bool> {
    match word {
        "ASC" => Some(false),
        "DESC" => Some(true),
        _ => None,
    }
}

pub(super) fn list_families(shape: ecs::ListTaskDefinitionFamiliesRequest) -> Result<Request, Unasked> {
    let status = shape.status.filter(|status| status != "ALL");
    let filter = FamilyFilter {
        prefix: shape.family_prefix,
        active: word("status", status, family_status)?,
    };
    Ok(Request::Read(
        Read::ListFamilies(filter, page(shape.max_results, shape.next_token)),
        Vec::new(),
    ))
}

/// Whether a family of this status has an active revision.
fn family_status(word: &str) -> Option<bool> {
    match word {
        "ACTIVE" => Some(true),
        "INACTIVE" => Some(false),
        _ => None,
    }
}
