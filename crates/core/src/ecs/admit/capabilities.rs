//! What machines must be capable of for a task definition, in the words in which agents announce it.
//!
//! The versions of Docker's interface stand for the members of container definitions that came with them. Members that are
//! not carried out yet ask for their capability too: what a definition requires is a matter of what it says.

use std::collections::BTreeSet;

use crate::ecs::model::{Attribute, ContainerDefinition, NetworkMode, TaskDefinition, Unbuilt, VolumeSource};

/// Capabilities of members of a definition or of its containers.
const OF_MEMBERS: [(&str, &[&str]); 8] = [
    ("environmentFiles", &["ecs.capability.env-files.s3"]),
    ("interactive", &[DOCKER_1_18]),
    ("ipcMode", &["ecs.capability.pid-ipc-namespace-sharing"]),
    ("linuxParameters", &[DOCKER_1_22]),
    ("pidMode", &["ecs.capability.pid-ipc-namespace-sharing"]),
    ("privileged", &["com.amazonaws.ecs.capability.privileged-container"]),
    ("proxyConfiguration", &["ecs.capability.aws-appmesh"]),
    ("ulimits", &[DOCKER_1_18]),
];

const DOCKER_1_17: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.17";
const DOCKER_1_18: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.18";
const DOCKER_1_19: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.19";
const DOCKER_1_21: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.21";
const DOCKER_1_22: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.22";
const DOCKER_1_24: &str = "com.amazonaws.ecs.capability.docker-remote-api.1.24";

/// What machines must be capable of, in the order of the names.
#[must_use]
pub fn required(definition: &TaskDefinition) -> Vec<Attribute> {
    let mut names = BTreeSet::new();
    let mut ask = |asked: &[&str]| names.extend(asked.iter().map(|name| (*name).to_owned()));
    if definition.effective_network_mode() == NetworkMode::Awsvpc {
        ask(&["ecs.capability.task-eni", DOCKER_1_18]);
    }
    if definition.cpu.is_some() || definition.memory.is_some() {
        ask(&["ecs.capability.task-cpu-mem-limit"]);
    }
    match (&definition.task_role_arn, definition.network_mode) {
        (Some(_), Some(NetworkMode::Host)) => ask(&["com.amazonaws.ecs.capability.task-iam-role-network-host"]),
        (Some(_), _) => ask(&["com.amazonaws.ecs.capability.task-iam-role", DOCKER_1_17]),
        (None, _) => {}
    }
    definition.unbuilt.iter().for_each(|member| ask(of_member(member)));
    for volume in &definition.volumes {
        if let VolumeSource::Docker(docker) = &volume.source {
            ask(&[&format!(
                "com.amazonaws.ecs.capability.docker-plugin.{}",
                docker.driver()
            )]);
        }
    }
    let executes = definition.execution_role_arn.is_some();
    for container in &definition.containers {
        names.extend(of_container(container, executes));
    }
    names.into_iter().map(|name| Attribute { name, value: None }).collect()
}

fn of_container(container: &ContainerDefinition, executes: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut ask = |asked: &[&str]| names.extend(asked.iter().map(|name| (*name).to_owned()));
    if container.memory_reservation.is_some() {
        ask(&[DOCKER_1_21]);
    }
    container.unbuilt.iter().for_each(|member| ask(of_member(member)));
    let lifecycle = &container.lifecycle;
    if !lifecycle.depends_on.is_empty() || lifecycle.start_timeout_s.is_some() {
        ask(&["ecs.capability.container-ordering"]);
    }
    if lifecycle.restart_policy.as_ref().is_some_and(|policy| policy.enabled) {
        ask(&["ecs.capability.container-restart-policy"]);
    }
    if lifecycle.health_check.is_some() {
        ask(&["ecs.capability.container-health-check", DOCKER_1_24]);
    }
    container
        .surroundings
        .asked()
        .into_iter()
        .for_each(|name| ask(of_name(name)));
    if let Some(log) = &container.log_configuration {
        ask(&[
            DOCKER_1_18,
            &format!("com.amazonaws.ecs.capability.logging-driver.{}", log.driver),
        ]);
        if log.driver == "awslogs" {
            ask(&[DOCKER_1_19]);
        }
        if log.driver == "awslogs" && executes {
            ask(&["ecs.capability.execution-role-awslogs"]);
        }
    }
    names
}

fn of_member(member: &Unbuilt) -> &'static [&'static str] {
    if member.asks { of_name(&member.member) } else { &[] }
}

fn of_name(member: &str) -> &'static [&'static str] {
    let known = OF_MEMBERS.iter().find(|(name, _)| *name == member);
    known.map_or(&[], |(_, asked)| asked)
}
