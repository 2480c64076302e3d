//! Task definitions between their shapes and the brain's types.
//!
//! Members that Berth does not carry out are taken out of the shape as JSON texts, one each, and put back when the
//! definition is shown, so that what was registered is echoed to the letter.

use berth_core::ecs::admit::placement::ConstraintDraft;
use berth_core::ecs::admit::register_task_definition::{ContainerDraft, Draft, PlatformDraft, PortDraft};
use berth_core::ecs::model::{ContainerDefinition, LogConfiguration, PortMapping, TaskDefinition, Unbuilt};
use berth_core::ecs::place::expression::Query;
use berth_core::kernel::Opaque;

use super::entities::{attributes, pairs, tags};
use super::lifecycle;
use super::requirements::{requirement_drafts, requirement_shapes};
use super::{surroundings, volumes};
use crate::document::Document;
use crate::protocol::stored;
use crate::schema::StructureSchema;
use crate::shapes::{Structure, drain, ecs, fill};

/// The draft that a RegisterTaskDefinition request makes. `size_bytes` is the length of its body.
#[must_use]
pub fn draft(request: ecs::RegisterTaskDefinitionRequest, size_bytes: usize) -> Draft {
    let pid_mode = request.pid_mode.clone();
    let platform = request.runtime_platform.as_ref().map(|platform| PlatformDraft {
        architecture: platform.cpu_architecture.clone(),
        system: platform.operating_system_family.clone(),
    });
    Draft {
        family: request.family.clone(),
        containers: request
            .container_definitions
            .iter()
            .cloned()
            .map(container_draft)
            .collect(),
        network_mode: request.network_mode.clone(),
        requires_compatibilities: request.requires_compatibilities.clone().unwrap_or_default(),
        cpu: request.cpu.clone(),
        memory: request.memory.clone(),
        execution_role_arn: request.execution_role_arn.clone(),
        task_role_arn: request.task_role_arn.clone(),
        platform,
        pid_mode,
        volumes: request.volumes.iter().flatten().map(volumes::draft).collect(),
        tags: pairs(request.tags.clone()),
        placement_constraints: request
            .placement_constraints
            .iter()
            .flatten()
            .map(constraint_draft)
            .collect(),
        unbuilt: unbuilt(request, &TASK_BUILT),
        size_bytes,
    }
}

fn constraint_draft(shape: &ecs::TaskDefinitionPlacementConstraint) -> ConstraintDraft {
    ConstraintDraft {
        kind: shape.r#type.clone(),
        expression: shape.expression.clone(),
    }
}

fn constraint_shape(query: &Query) -> ecs::TaskDefinitionPlacementConstraint {
    ecs::TaskDefinitionPlacementConstraint {
        r#type: Some("memberOf".to_owned()),
        expression: Some(query.as_str().to_owned()),
    }
}

/// Members of RegisterTaskDefinition that are carried out.
const TASK_BUILT: [&str; 12] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "tags",
    "runtimePlatform",
    "placementConstraints",
    "volumes",
];

/// Members of container definitions that are carried out.
const CONTAINER_BUILT: [&str; 34] = [
    "name",
    "image",
    "cpu",
    "memory",
    "memoryReservation",
    "portMappings",
    "essential",
    "entryPoint",
    "command",
    "environment",
    "stopTimeout",
    "resourceRequirements",
    "user",
    "workingDirectory",
    "logConfiguration",
    "dependsOn",
    "startTimeout",
    "restartPolicy",
    "healthCheck",
    "hostname",
    "extraHosts",
    "dnsServers",
    "dnsSearchDomains",
    "disableNetworking",
    "readonlyRootFilesystem",
    "privileged",
    "pseudoTerminal",
    "dockerSecurityOptions",
    "dockerLabels",
    "ulimits",
    "systemControls",
    "linuxParameters",
    "mountPoints",
    "volumesFrom",
];

fn container_draft(mut shape: ecs::ContainerDefinition) -> ContainerDraft {
    let secret_options = shape
        .log_configuration
        .as_mut()
        .and_then(|log| log.secret_options.take());
    let mut draft = ContainerDraft {
        name: shape.name.clone().unwrap_or_default(),
        image: shape.image.clone().unwrap_or_default(),
        cpu: shape.cpu.unwrap_or(0).into(),
        memory: shape.memory.map(i64::from),
        memory_reservation: shape.memory_reservation.map(i64::from),
        essential: shape.essential,
        entry_point: shape.entry_point.clone(),
        command: shape.command.clone(),
        environment: shape.environment.iter().flatten().map(variable).collect(),
        port_mappings: shape.port_mappings.iter().flatten().map(port_draft).collect(),
        user: shape.user.clone(),
        working_directory: shape.working_directory.clone(),
        log_configuration: shape.log_configuration.as_ref().map(log_configuration),
        stop_timeout_s: shape.stop_timeout.map(i64::from),
        lifecycle: lifecycle::draft(&shape),
        resource_requirements: requirement_drafts(shape.resource_requirements.as_ref()),
        surroundings: surroundings::of(&shape),
        mounts: volumes::mounts(&shape),
        unbuilt: unbuilt(shape, &CONTAINER_BUILT),
    };
    if let Some(secret_options) = secret_options {
        let asks = !secret_options.is_empty();
        let log = ecs::LogConfiguration {
            secret_options: Some(secret_options),
            ..ecs::LogConfiguration::default()
        };
        let value = single(log, "secretOptions");
        draft.unbuilt.push(Unbuilt {
            member: SECRET_OPTIONS.to_owned(),
            value,
            asks,
        });
    }
    draft
}

/// The only member below the first level that stands for itself.
const SECRET_OPTIONS: &str = "logConfiguration.secretOptions";

fn variable(pair: &ecs::KeyValuePair) -> (String, String) {
    (
        pair.name.clone().unwrap_or_default(),
        pair.value.clone().unwrap_or_default(),
    )
}

fn port_draft(mapping: &ecs::PortMapping) -> PortDraft {
    PortDraft {
        container_port: mapping.container_port.map(i64::from),
        container_port_range: mapping.container_port_range.clone(),
        host_port: mapping.host_port.map(i64::from),
        protocol: mapping.protocol.clone(),
        name: mapping.name.clone(),
        app_protocol: mapping.app_protocol.clone(),
    }
}

fn log_configuration(log: &ecs::LogConfiguration) -> LogConfiguration {
    let options = log.options.clone().unwrap_or_default().into_iter().collect();
    LogConfiguration {
        driver: log.log_driver.clone(),
        options,
    }
}

/// Takes every member out of `shape` that was given and is not among `built`.
fn unbuilt(mut shape: impl Structure, built: &[&str]) -> Vec<Unbuilt> {
    let schema = shape.schema();
    let Document::Structure(values) = drain(&mut shape) else {
        return Vec::new();
    };
    let given = values.into_iter().enumerate().filter(|(_, value)| !value.is_null());
    let rest = given.filter(|(at, _)| !built.contains(&schema.members[*at].name));
    rest.map(|(at, value)| Unbuilt {
        member: schema.members[at].name.to_owned(),
        asks: asks(&value),
        value: alone(schema, at, value),
    })
    .collect()
}

/// The text of a structure that has only this member.
fn alone(schema: &'static StructureSchema, at: usize, value: Document) -> Opaque {
    let mut values = vec![Document::Null; schema.members.len()];
    values[at] = value;
    Opaque(stored::to_text(&Document::Structure(values), schema))
}

fn single(mut shape: impl Structure, member: &str) -> Opaque {
    let schema = shape.schema();
    let at = schema
        .members
        .iter()
        .position(|one| one.name == member)
        .expect("the member is in the model");
    let Document::Structure(mut values) = drain(&mut shape) else {
        return Opaque("{}".to_owned());
    };
    alone(schema, at, std::mem::take(&mut values[at]))
}

/// Whether a value asks for something: an empty list, an empty text and a `false` do not.
fn asks(value: &Document) -> bool {
    match value {
        Document::Null => false,
        Document::Bool(truth) => *truth,
        Document::Integer(number) => *number != 0,
        Document::Double(number) => *number != 0.0,
        Document::String(text) => !text.is_empty(),
        Document::Blob(blob) => !blob.0.is_empty(),
        Document::Timestamp(_) => true,
        Document::List(items) => !items.is_empty(),
        Document::Map(entries) => !entries.is_empty(),
        Document::Structure(members) => members.iter().any(asks),
    }
}

/// Puts members back that were taken out. Texts that an older version kept and this one cannot read stay out.
fn put_back(shape: &mut dyn Structure, members: &[Unbuilt]) {
    let schema = shape.schema();
    for unbuilt in members {
        let Some(at) = schema.members.iter().position(|one| one.name == unbuilt.member) else {
            continue;
        };
        let Ok(Document::Structure(mut values)) = stored::from_text(&unbuilt.value.0, schema) else {
            continue;
        };
        // What could be decoded from the schema's own text has the kind of its field.
        let _ = shape.field_mut(at).put(std::mem::take(&mut values[at]));
    }
}

/// A task definition as its shape.
#[must_use]
pub fn shape(definition: &TaskDefinition) -> ecs::TaskDefinition {
    let words =
        |types: &[berth_core::ecs::model::LaunchType]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
    let requires = &definition.requires_compatibilities;
    let mut shape = ecs::TaskDefinition {
        task_definition_arn: Some(definition.key.arn().to_string()),
        container_definitions: Some(definition.containers.iter().map(container_shape).collect()),
        family: Some(definition.key.family.to_string()),
        task_role_arn: definition.task_role_arn.clone(),
        execution_role_arn: definition.execution_role_arn.clone(),
        network_mode: definition.network_mode.map(|mode| mode.to_string()),
        revision: i32::try_from(definition.key.revision).ok(),
        volumes: Some(definition.volumes.iter().map(volumes::shape).collect()),
        status: Some(definition.status.to_string()),
        requires_attributes: Some(attributes(&definition.requires_attributes)),
        placement_constraints: Some(definition.placement_constraints.iter().map(constraint_shape).collect()),
        compatibilities: Some(words(&definition.compatibilities)),
        requires_compatibilities: (!requires.is_empty()).then(|| words(requires)),
        cpu: definition.cpu.map(|units| units.0.to_string()),
        memory: definition.memory.map(|mib| mib.0.to_string()),
        runtime_platform: definition.runtime_platform.map(|platform| ecs::RuntimePlatform {
            cpu_architecture: platform.architecture.map(|one| one.to_string()),
            operating_system_family: platform.names_linux.then(|| "LINUX".to_owned()),
        }),
        registered_at: Some(definition.registered_at),
        deregistered_at: definition.deregistered_at,
        delete_requested_at: definition.delete_requested_at,
        registered_by: Some(definition.registered_by.clone()),
        ..ecs::TaskDefinition::default()
    };
    put_back(&mut shape, &definition.unbuilt);
    shape
}

/// The tags of a task definition, which stand beside its shape.
#[must_use]
pub fn tags_of(definition: &TaskDefinition) -> Option<Vec<ecs::Tag>> {
    Some(tags(&definition.tags))
}

#[expect(clippy::cast_possible_wrap, reason = "sizes came from 32-bit signed integers")]
fn container_shape(container: &ContainerDefinition) -> ecs::ContainerDefinition {
    let pair = |(name, value): &(String, String)| ecs::KeyValuePair {
        name: Some(name.clone()),
        value: Some(value.clone()),
    };
    let mut shape = ecs::ContainerDefinition {
        name: Some(container.name.clone()),
        image: Some(container.image.clone()),
        cpu: Some(container.cpu.0 as i32),
        memory: container.memory.map(|mib| mib.0 as i32),
        memory_reservation: container.memory_reservation.map(|mib| mib.0 as i32),
        port_mappings: Some(container.port_mappings.iter().map(port_shape).collect()),
        essential: Some(container.essential),
        entry_point: container.entry_point.clone(),
        command: container.command.clone(),
        environment: Some(container.environment.iter().map(pair).collect()),
        stop_timeout: container.stop_timeout_s.map(|seconds| seconds as i32),
        resource_requirements: requirement_shapes(&container.resource_requirements),
        user: container.user.clone(),
        working_directory: container.working_directory.clone(),
        log_configuration: container.log_configuration.as_ref().map(log_shape),
        ..ecs::ContainerDefinition::default()
    };
    lifecycle::show(&container.lifecycle, &mut shape);
    surroundings::put(&container.surroundings, &mut shape);
    volumes::put(&container.mounts, &mut shape);
    put_back(&mut shape, &container.unbuilt);
    let secret = container.unbuilt.iter().find(|one| one.member == SECRET_OPTIONS);
    if let (Some(log), Some(secret)) = (&mut shape.log_configuration, secret) {
        let mut only = ecs::LogConfiguration::default();
        let schema = only.schema();
        if stored::from_text(&secret.value.0, schema).is_ok_and(|document| fill(&mut only, document).is_ok()) {
            log.secret_options = only.secret_options;
        }
    }
    shape
}

fn port_shape(mapping: &PortMapping) -> ecs::PortMapping {
    ecs::PortMapping {
        container_port: mapping
            .container_port_range
            .is_none()
            .then(|| mapping.container_port.into()),
        host_port: mapping
            .container_port_range
            .is_none()
            .then(|| mapping.host_port.unwrap_or(0).into()),
        protocol: Some(mapping.protocol.to_string()),
        name: mapping.name.clone(),
        app_protocol: mapping.app_protocol.clone(),
        container_port_range: mapping.container_port_range.clone(),
    }
}

fn log_shape(log: &LogConfiguration) -> ecs::LogConfiguration {
    ecs::LogConfiguration {
        log_driver: log.driver.clone(),
        options: Some(log.options.iter().cloned().collect()),
        secret_options: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::from_document;

    #[test]
    fn what_is_not_built_is_kept_and_put_back() {
        let text = r#"{"name":"a","image":"b","environmentFiles":[{"value":"v","type":"s3"}],"links":[],"interactive":false,
            "logConfiguration":{"logDriver":"awslogs","secretOptions":[{"name":"n","valueFrom":"v"}]}}"#;
        let shape: ecs::ContainerDefinition =
            from_document(stored::from_text(text, &ecs::CONTAINER_DEFINITION).unwrap()).unwrap();
        let draft = container_draft(shape.clone());
        let kept: Vec<(&str, bool)> = draft
            .unbuilt
            .iter()
            .map(|one| (one.member.as_str(), one.asks))
            .collect();
        let wanted = [
            ("links", false),
            ("environmentFiles", true),
            ("interactive", false),
            ("logConfiguration.secretOptions", true),
        ];
        assert_eq!(kept, wanted);
        let mut back = ecs::ContainerDefinition::default();
        put_back(&mut back, &draft.unbuilt);
        assert_eq!(back.environment_files, shape.environment_files);
        assert_eq!((back.links, back.interactive), (Some(Vec::new()), Some(false)));
    }
}
