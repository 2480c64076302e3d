//! The overrides of RunTask and StartTask.

use berth_core::ecs::admit::run_task::overrides::{ContainerOverrideDraft, OverridesDraft};

use super::given;
use crate::ecs::requirements::requirement_drafts;
use crate::protocol::stored;
use crate::shapes::{Structure, ecs, into_document};

/// Overrides as they came.
pub(super) fn draft(shape: ecs::TaskOverride) -> OverridesDraft {
    OverridesDraft {
        characters: characters(shape.clone()),
        containers: shape.container_overrides.into_iter().flatten().map(container).collect(),
        cpu: said(shape.cpu),
        memory: said(shape.memory),
        execution_role_arn: said(shape.execution_role_arn),
    }
}

/// The length of the whole as JSON without blanks, which is what ECS limits.
fn characters(shape: ecs::TaskOverride) -> usize {
    let schema = shape.schema();
    stored::to_text(&into_document(shape), schema).chars().count()
}

fn container(shape: ecs::ContainerOverride) -> ContainerOverrideDraft {
    let variable = |pair: ecs::KeyValuePair| (pair.name.unwrap_or_default(), pair.value.unwrap_or_default());
    ContainerOverrideDraft {
        name: shape.name,
        command: shape.command.unwrap_or_default(),
        environment: shape.environment.into_iter().flatten().map(variable).collect(),
        cpu: shape.cpu.map(i64::from),
        memory: shape.memory.map(i64::from),
        memory_reservation: shape.memory_reservation.map(i64::from),
        resource_requirements: requirement_drafts(shape.resource_requirements.as_ref()),
    }
}

/// Members that were given and that are not carried out.
pub(super) fn unbuilt(shape: &ecs::TaskOverride) -> impl Iterator<Item = &'static str> {
    let of_containers =
        |test: fn(&ecs::ContainerOverride) -> bool| shape.container_overrides.iter().flatten().any(test);
    let members = [
        (
            "overrides.containerOverrides.environmentFiles",
            of_containers(|one| given(one.environment_files.as_ref())),
        ),
        (
            "overrides.inferenceAcceleratorOverrides",
            given(shape.inference_accelerator_overrides.as_ref()),
        ),
        (
            "overrides.taskRoleArn",
            shape.task_role_arn.as_ref().is_some_and(|role| !role.is_empty()),
        ),
        ("overrides.ephemeralStorage", shape.ephemeral_storage.is_some()),
    ];
    members
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(member, _)| member)
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
