//! `resourceRequirements` of definitions and of overrides, between their shapes and the brain's types.

use berth_core::ecs::admit::requirements::RequirementDraft;
use berth_core::ecs::model::Requirement;
use berth_core::kernel::Opaque;

use crate::protocol::stored;
use crate::shapes::{ecs, fill, into_document};

/// What a request says, as the brain reads it.
pub(super) fn requirement_drafts(shapes: Option<&Vec<ecs::ResourceRequirement>>) -> Vec<RequirementDraft> {
    let sharing = |strategy: ecs::SharingStrategy| {
        let text = stored::to_text(&into_document(strategy), &ecs::SHARING_STRATEGY);
        Opaque(text)
    };
    let draft = |shape: &ecs::ResourceRequirement| RequirementDraft {
        kind: shape.r#type.clone(),
        value: shape.value.clone(),
        sharing: shape.sharing_strategy.clone().map(sharing),
    };
    shapes.into_iter().flatten().map(draft).collect()
}

/// What is shown; nothing where nothing is asked for.
pub(super) fn requirement_shapes(requirements: &[Requirement]) -> Option<Vec<ecs::ResourceRequirement>> {
    let shape = |requirement: &Requirement| ecs::ResourceRequirement {
        r#type: requirement.kind().to_owned(),
        value: requirement.value(),
        sharing_strategy: sharing(requirement),
    };
    (!requirements.is_empty()).then(|| requirements.iter().map(shape).collect())
}

fn sharing(requirement: &Requirement) -> Option<ecs::SharingStrategy> {
    let text = match requirement {
        Requirement::SharedGpu(text) => text,
        Requirement::Gpus(_) | Requirement::NeuronDevices | Requirement::Accelerator(_) => return None,
    };
    let mut strategy = ecs::SharingStrategy::default();
    let document = stored::from_text(&text.0, &ecs::SHARING_STRATEGY).ok()?;
    fill(&mut strategy, document).ok()?;
    Some(strategy)
}
