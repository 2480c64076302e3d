//! Tasks from a few words, as stories and random runs write them: a line for the task, then one for each container. What a word
//! means stands at `assignment`; a word that does not exist panics.

use std::net::Ipv4Addr;

use crate::ecs::model::{Condition, Dependency, HealthCheck, Lifecycle, RestartPolicy, Surroundings};
use crate::ecs::model::{ContainerDefinition, LaunchType, LogConfiguration, Unbuilt};
use crate::ecs::model::{DockerVolume, MountPoint, Mounts, Volume, VolumeScope, VolumeSource, VolumesFrom};
use crate::ecs::model::{NetworkMode, PortMapping, Protocol, TaskKey};
use crate::ecs::view::assignment::{AssignedContainer, AssignedInterface, Assignment, Desired};
use crate::kernel::ids::{Ec2Digits, TaskId, Uuid};
use crate::kernel::{CpuUnits, Scope};
use crate::network::interface::Mac;

/// Task number `number` from a description: the network mode, `fargate` if that is the launch type, and the volumes on the first line (`none scratch logs=/var/log all=shared`), then one container per line:
/// `name[*] image [on=NAME:CONDITION] [mount=VOLUME:/PATH[:ro]] [from=NAME[:ro]] [begin=5] [again=60] [health=INTERVAL[+GRACE]] [logs=group] [prefix=p] [port=80] [host=8080] [timeout=5] [alone=yes] [unbuilt=member] [driver=d] [opt:name=value]`;
/// a star means essential.
pub(super) fn assignment(number: u32, text: &str) -> Assignment {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut head = lines.next().unwrap().split_whitespace().peekable();
    let network_mode = NetworkMode::from_word(head.next().unwrap()).unwrap();
    let launch_type = match head.next_if_eq(&"fargate") {
        Some(_) => LaunchType::Fargate,
        None => LaunchType::Ec2,
    };
    Assignment {
        task: task_key(number),
        desired: Desired::Running,
        family: "app".to_owned(),
        revision: 1,
        launch_type,
        group: "family:app".to_owned(),
        zone: "us-east-1a".to_owned(),
        network_mode,
        cpu: Some(CpuUnits(256)),
        memory: None,
        interface: (network_mode == NetworkMode::Awsvpc).then(interface),
        volumes: head.map(volume).collect(),
        containers: lines.zip(1..).map(|(line, id)| container(id, line)).collect(),
    }
}

/// `name`, `name=/path/of/the/machine`, or `name=shared`.
fn volume(text: &str) -> Volume {
    let (name, place) = text.split_once('=').unwrap_or((text, ""));
    let source = match place {
        "" => VolumeSource::Anonymous,
        "shared" => VolumeSource::Docker(DockerVolume {
            scope: VolumeScope::Shared,
            ..DockerVolume::default()
        }),
        path => VolumeSource::Host(path.to_owned()),
    };
    Volume {
        name: name.to_owned(),
        source,
    }
}

/// The order that stops a task.
pub(super) fn stop(number: u32) -> Assignment {
    let mut stop = assignment(number, "none");
    stop.desired = Desired::Stopped;
    stop
}

pub(super) fn task_key(number: u32) -> TaskKey {
    TaskKey {
        scope: Scope {
            account: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        },
        cluster: "default".parse().unwrap(),
        id: TaskId(u128::from(number)),
    }
}

fn interface() -> AssignedInterface {
    let address = Ipv4Addr::new(172, 31, 0, 4);
    AssignedInterface {
        id: format!("eni-{}", Ec2Digits::new(7)).parse().unwrap(),
        attachment: Uuid(9),
        mac: Mac::of(address),
        address,
        prefix_len: 20,
        gateway: Ipv4Addr::new(172, 31, 0, 1),
        private_dns_name: "ip-172-31-0-4.ec2.internal".to_owned(),
    }
}

fn container(id: u128, line: &str) -> AssignedContainer {
    let mut words = line.split_whitespace();
    let (name, image) = (words.next().unwrap(), words.next().unwrap());
    let mut definition = ContainerDefinition {
        name: name.trim_end_matches('*').to_owned(),
        image: image.to_owned(),
        cpu: CpuUnits(0),
        memory: None,
        memory_reservation: None,
        essential: name.ends_with('*'),
        entry_point: None,
        command: None,
        environment: Vec::new(),
        port_mappings: Vec::new(),
        user: None,
        working_directory: None,
        log_configuration: None,
        stop_timeout_s: None,
        lifecycle: Lifecycle::default(),
        resource_requirements: Vec::new(),
        surroundings: Surroundings::default(),
        mounts: Mounts::default(),
        unbuilt: Vec::new(),
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap();
        set(&mut definition, key, value);
    }
    AssignedContainer {
        id: Uuid(id),
        definition,
        gpu_ids: Vec::new(),
    }
}

fn mount_point(text: &str) -> MountPoint {
    let (volume, path) = text.split_once(':').unwrap();
    MountPoint {
        volume: volume.to_owned(),
        path: path.trim_end_matches(":ro").to_owned(),
        read_only: Some(path.ends_with(":ro")),
    }
}

fn set(definition: &mut ContainerDefinition, key: &str, value: &str) {
    let option = |key: &str| (key.to_owned(), value.to_owned());
    let logs = || LogConfiguration {
        driver: "awslogs".to_owned(),
        options: Vec::new(),
    };
    match key {
        "logs" => {
            let logs = definition.log_configuration.get_or_insert_with(logs);
            logs.options.push(option("awslogs-group"));
            logs.options.push(("awslogs-stream-prefix".to_owned(), "p".to_owned()));
        }
        "driver" => definition.log_configuration.get_or_insert_with(logs).driver = value.to_owned(),
        "port" => definition.port_mappings.push(PortMapping {
            container_port: value.parse().unwrap(),
            container_port_range: None,
            host_port: None,
            protocol: Protocol::Tcp,
            name: None,
            app_protocol: None,
        }),
        "host" => definition.port_mappings.last_mut().unwrap().host_port = Some(value.parse().unwrap()),
        "mount" => definition.mounts.points.push(mount_point(value)),
        "from" => definition.mounts.from.push(VolumesFrom {
            container: value.trim_end_matches(":ro").to_owned(),
            read_only: Some(value.ends_with(":ro")),
        }),
        "timeout" => definition.stop_timeout_s = Some(value.parse().unwrap()),
        "alone" => definition.surroundings.disable_networking = Some(value == "yes"),
        "unbuilt" => definition.unbuilt.push(Unbuilt {
            member: value.to_owned(),
            value: crate::kernel::Opaque("[1]".to_owned()),
            asks: true,
        }),
        key if key.starts_with("opt:") => {
            let logs = definition.log_configuration.get_or_insert_with(logs);
            logs.options.push(option(key.trim_start_matches("opt:")));
        }
        key => set_lifecycle(&mut definition.lifecycle, key, value),
    }
}

fn set_lifecycle(lifecycle: &mut Lifecycle, key: &str, value: &str) {
    match key {
        "on" => {
            let (container, condition) = value.split_once(':').unwrap_or((value, "START"));
            lifecycle.depends_on.push(Dependency {
                container: container.to_owned(),
                condition: Condition::from_word(condition).unwrap(),
            });
        }
        "begin" => lifecycle.start_timeout_s = Some(value.parse().unwrap()),
        "again" => {
            lifecycle.restart_policy = Some(RestartPolicy {
                enabled: true,
                ignored_exit_codes: vec![4],
                attempt_period_s: Some(value.parse().unwrap()),
            });
        }
        "health" => {
            let (interval, grace) = value.split_once('+').unwrap_or((value, "0"));
            lifecycle.health_check = Some(HealthCheck {
                command: vec!["CMD-SHELL".to_owned(), "look".to_owned()],
                interval_s: interval.parse().unwrap(),
                timeout_s: 2,
                retries: 2,
                start_period_s: Some(grace.parse().unwrap()),
            });
        }
        key => panic!("a container has no `{key}`"),
    }
}
