//! `resourceRequirements` of a definition or of its overrides: words as they came become [`Requirement`]s.

use crate::ecs::model::{GpuCount, Requirement};
use crate::ecs::refusal::Fault;
use crate::kernel::Opaque;

/// One of `resourceRequirements` as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequirementDraft {
    /// `type`.
    pub kind: String,
    /// `value`.
    pub value: Option<String>,
    /// `sharingStrategy`, as a JSON text.
    pub sharing: Option<Opaque>,
}

/// What the container called `name` asks for.
///
/// # Errors
/// The first requirement that cannot be, or that is there twice.
pub(super) fn parse(name: &str, drafts: Vec<RequirementDraft>) -> Result<Vec<Requirement>, Fault> {
    let mut all: Vec<Requirement> = Vec::new();
    for draft in drafts {
        let one = requirement(draft)?;
        // Accelerators have names, of which a container may ask for several.
        let twice = all.iter().any(|known| match &one {
            Requirement::Accelerator(_) => *known == one,
            Requirement::Gpus(_) | Requirement::SharedGpu(_) | Requirement::NeuronDevices => known.kind() == one.kind(),
        });
        if twice {
            let (container, kind) = (name.to_owned(), one.kind());
            return Err(Fault::RequirementTwice { container, kind });
        }
        all.push(one);
    }
    Ok(all)
}

/// A number of GPUs, all of them or part of one; all Neuron devices; the name of an accelerator.
fn requirement(draft: RequirementDraft) -> Result<Requirement, Fault> {
    let RequirementDraft { kind, value, sharing } = draft;
    let word = value.clone().unwrap_or_default();
    let bad = |member| {
        let word = word.clone();
        Fault::Word { member, word }
    };
    let no_value = || bad("resourceRequirements.value");
    match (kind.as_str(), sharing) {
        ("GPU", Some(sharing)) if value.is_none() => Ok(Requirement::SharedGpu(sharing)),
        ("GPU", None) => gpus(&word).map(Requirement::Gpus).ok_or_else(no_value),
        ("NeuronDevice", None) if word == "ALL" => Ok(Requirement::NeuronDevices),
        ("InferenceAccelerator", None) if !word.is_empty() => Ok(Requirement::Accelerator(word)),
        ("GPU" | "NeuronDevice" | "InferenceAccelerator", _) => Err(no_value()),
        _ => Err(Fault::Word {
            member: "resourceRequirements.type",
            word: kind,
        }),
    }
}

fn gpus(word: &str) -> Option<GpuCount> {
    if word == "ALL" {
        return Some(GpuCount::All);
    }
    let plain = word.bytes().all(|byte| byte.is_ascii_digit());
    let count = word.parse().ok().filter(|count| plain && *count > 0)?;
    Some(GpuCount::Some(count))
}
