//! Assignments as payload tasks, and back: the control plane writes them, Berth's own agent reads them.
//!
//! For the stock agent, what is Docker's business is said in Docker's own words beside Berth's.

use std::net::Ipv4Addr;

use berth_core::ecs::model::{
    ContainerDefinition, LaunchType, LogConfiguration, NetworkMode, PortMapping, Protocol, Surroundings, TaskKey,
};
use berth_core::ecs::refer;
use berth_core::ecs::view::assignment::{AssignedContainer, AssignedInterface, Assignment, Desired};
use berth_core::kernel::ids::Uuid;
use berth_core::kernel::{Arn, CpuUnits, MemoryMib};
use berth_core::network::interface::Mac;

use super::docker::{Config, DockerConfig, HostConfig, LogConfig};
use super::docker_surroundings;
use super::extension::{self, ContainerExtension};
use super::interface::{ElasticNetworkInterface, Ipv4Address};
use super::lifecycle;
use super::mounts;
use super::payload::{
    Association, Container, DesiredStatus, NetworkMode as WireMode, PortMapping as WirePort, Task, TransportProtocol,
};

use crate::ecs::surroundings;

/// A task of a payload that is no assignment: what is wrong with it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Unreadable(String);

pub(super) fn unreadable(what: &str, value: &str) -> Unreadable {
    Unreadable(format!("{what} '{value}' cannot be read"))
}

/// Spells an assignment as a task of a payload.
#[must_use]
pub fn to_payload(assignment: &Assignment) -> Task {
    let stops = assignment.desired == Desired::Stopped;
    Task {
        arn: assignment.task.arn().to_string(),
        desired_status: if stops {
            DesiredStatus::Stopped
        } else {
            DesiredStatus::Running
        },
        task_cluster_arn: Some(assignment.task.cluster_key().arn().to_string()),
        family: Some(assignment.family.clone()),
        version: Some(assignment.revision.to_string()),
        task_definition_account_id: Some(assignment.task.scope.account.to_string()),
        zone: Some(assignment.zone.clone()),
        group: Some(assignment.group.clone()),
        service_name: None,
        launch_type: Some(assignment.launch_type.as_str().to_owned()),
        network_mode: Some(wire_mode(assignment.network_mode)),
        pid_mode: None,
        ipc_mode: None,
        cpu: assignment.cpu.map(|units| f64::from(units.0) / 1024.0),
        memory: assignment.memory.map(|mib| mib.0),
        role_credentials: None,
        execution_role_credentials: None,
        elastic_network_interfaces: assignment
            .interface
            .iter()
            .map(|one| interface(assignment, one))
            .collect(),
        volumes: assignment.volumes.iter().filter_map(mounts::spell).collect(),
        containers: assignment
            .containers
            .iter()
            .map(|one| container(assignment, one))
            .collect(),
        associations: assignment.containers.iter().flat_map(associations).collect(),
        attachments: Vec::new(),
        proxy_configuration: None,
        enable_fault_injection: None,
        overrides: None,
        berth: None,
    }
}

/// Each GPU belongs to one container. The stock agent reads from its name which one it is.
fn associations(assigned: &AssignedContainer) -> impl Iterator<Item = Association> {
    assigned.gpu_ids.iter().map(|gpu| Association {
        name: gpu.clone(),
        kind: Some(GPU.to_owned()),
        containers: vec![assigned.definition.name.clone()],
        content: None,
    })
}

/// The type of associations of GPUs.
const GPU: &str = "gpu";

fn wire_mode(mode: NetworkMode) -> WireMode {
    match mode {
        NetworkMode::Bridge => WireMode::Bridge,
        NetworkMode::Host => WireMode::Host,
        NetworkMode::Awsvpc => WireMode::Awsvpc,
        NetworkMode::None => WireMode::None,
    }
}

fn interface(assignment: &Assignment, interface: &AssignedInterface) -> ElasticNetworkInterface {
    let attachment = Arn::new(
        "ecs",
        &assignment.task.scope,
        format!("attachment/{}", interface.attachment),
    );
    ElasticNetworkInterface {
        attachment_arn: Some(attachment.to_string()),
        ec2_id: Some(interface.id.to_string()),
        mac_address: Some(interface.mac.to_string()),
        index: Some(0),
        ipv4_addresses: vec![Ipv4Address {
            private_address: interface.address.to_string(),
            primary: true,
        }],
        subnet_gateway_ipv4_address: Some(format!("{}/{}", interface.gateway, interface.prefix_len)),
        private_dns_name: Some(interface.private_dns_name.clone()),
        ..ElasticNetworkInterface::default()
    }
}

fn container(assignment: &Assignment, assigned: &AssignedContainer) -> Container {
    let AssignedContainer { id, definition, .. } = assigned;
    let key = &assignment.task;
    let arn = Arn::new("ecs", &key.scope, format!("container/{}/{}/{id}", key.cluster, key.id));
    // Ports of an awsvpc task are its interface's: the stock agent must not publish them.
    let publishes = matches!(assignment.network_mode, NetworkMode::Bridge | NetworkMode::Host);
    let ports = if publishes {
        definition.port_mappings.iter().map(port).collect()
    } else {
        Vec::new()
    };
    let mut container = Container {
        name: definition.name.clone(),
        image: definition.image.clone(),
        essential: definition.essential,
        container_arn: Some(arn.to_string()),
        command: definition.command.clone().unwrap_or_default(),
        entry_point: definition.entry_point.clone().unwrap_or_default(),
        environment: definition
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect(),
        cpu: Some(definition.cpu.0),
        memory: definition.memory.map(|mib| mib.0),
        port_mappings: ports,
        stop_timeout: definition.stop_timeout_s,
        docker_config: Some(docker(assignment.network_mode, definition)),
        berth: Some(extension(definition)),
        ..Container::default()
    };
    lifecycle::spell(definition, &mut container);
    mounts::put(&definition.mounts, &mut container);
    container
}

fn port(mapping: &PortMapping) -> WirePort {
    WirePort {
        container_port: Some(mapping.container_port),
        host_port: mapping.host_port,
        container_port_range: None,
        protocol: Some(match mapping.protocol {
            Protocol::Tcp => TransportProtocol::Tcp,
            Protocol::Udp => TransportProtocol::Udp,
        }),
    }
}

fn docker(mode: NetworkMode, definition: &ContainerDefinition) -> DockerConfig {
    let log = |log: &LogConfiguration| LogConfig {
        driver: log.driver.clone(),
        config: log.options.iter().cloned().collect(),
    };
    // The stock agent gives awsvpc containers the network of their task itself.
    let named = (mode != NetworkMode::Awsvpc).then(|| mode.as_str().to_owned());
    let surroundings = &definition.surroundings;
    let config = Config {
        user: definition.user.clone(),
        working_dir: definition.working_directory.clone(),
        healthcheck: definition.lifecycle.health_check.as_ref().map(lifecycle::docker),
        ..docker_surroundings::config(surroundings)
    };
    let host_config = HostConfig {
        network_mode: named,
        log_config: definition.log_configuration.as_ref().map(log),
        memory_reservation: definition.memory_reservation.map(|mib| u64::from(mib.0) << 20),
        ..docker_surroundings::host_config(surroundings, definition.memory)
    };
    DockerConfig::new(&config, &host_config)
}

fn extension(definition: &ContainerDefinition) -> ContainerExtension {
    let log = |log: &LogConfiguration| extension::LogConfiguration {
        log_driver: log.driver.clone(),
        options: log.options.iter().cloned().collect(),
    };
    ContainerExtension {
        user: definition.user.clone(),
        working_directory: definition.working_directory.clone(),
        memory_reservation: definition.memory_reservation.map(|mib| mib.0),
        surroundings: surroundings::to_text(&definition.surroundings),
        log_configuration: definition.log_configuration.as_ref().map(log),
        health_check: definition.lifecycle.health_check.as_ref().map(lifecycle::extension),
    }
}

/// The key of the task with this ARN.
///
/// # Errors
/// If it is no task's ARN.
pub fn task_key(arn: &str) -> Result<TaskKey, Unreadable> {
    let bad = || unreadable("the task's ARN", arn);
    let parsed: Arn = arn.parse().map_err(|_| bad())?;
    let cluster = parsed.resource.split('/').nth(1).ok_or_else(bad)?;
    let cluster = refer::cluster(&parsed.scope, Some(cluster)).map_err(|_| bad())?;
    refer::task(&cluster, arn).map_err(|_| bad())
}

/// Reads a task of a payload. A task that shall stop needs nothing but its ARN.
///
/// # Errors
/// The first thing that cannot be read.
pub fn from_payload(task: &Task) -> Result<Assignment, Unreadable> {
    let launch_type = task.launch_type.as_deref().unwrap_or("EC2");
    let revision = task.version.as_deref().unwrap_or("1");
    let network_mode = read_mode(task.network_mode.as_ref())?;
    let read = |container| read_container(container, network_mode, &task.associations);
    Ok(Assignment {
        task: task_key(&task.arn)?,
        desired: match &task.desired_status {
            DesiredStatus::Running => Desired::Running,
            DesiredStatus::Stopped => Desired::Stopped,
            other @ DesiredStatus::Other(_) => return Err(unreadable("the desired status", other.as_str())),
        },
        family: task.family.clone().unwrap_or_default(),
        revision: revision.parse().map_err(|_| unreadable("the revision", revision))?,
        launch_type: LaunchType::from_word(launch_type).ok_or_else(|| unreadable("the launch type", launch_type))?,
        group: task.group.clone().unwrap_or_default(),
        zone: task.zone.clone().unwrap_or_default(),
        network_mode,
        cpu: task.cpu.map(read_cpu).transpose()?,
        memory: task.memory.map(MemoryMib),
        interface: task
            .elastic_network_interfaces
            .first()
            .map(read_interface)
            .transpose()?,
        volumes: task.volumes.iter().map(mounts::read).collect::<Result<_, _>>()?,
        containers: task.containers.iter().map(read).collect::<Result<_, _>>()?,
    })
}

fn read_mode(mode: Option<&WireMode>) -> Result<NetworkMode, Unreadable> {
    match mode {
        None | Some(WireMode::Bridge) => Ok(NetworkMode::Bridge),
        Some(WireMode::Host) => Ok(NetworkMode::Host),
        Some(WireMode::Awsvpc) => Ok(NetworkMode::Awsvpc),
        Some(WireMode::None) => Ok(NetworkMode::None),
        Some(other @ WireMode::Other(_)) => Err(unreadable("the network mode", other.as_str())),
    }
}

fn read_cpu(vcpu: f64) -> Result<CpuUnits, Unreadable> {
    let units = (vcpu * 1024.0).round();
    if (0.0..=1e6).contains(&units) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked"
        )]
        Ok(CpuUnits(units as u32))
    } else {
        Err(unreadable("the CPU", &vcpu.to_string()))
    }
}

/// The last part of an ARN.
fn tail(arn: Option<&String>) -> &str {
    arn.and_then(|arn| arn.rsplit('/').next()).unwrap_or_default()
}

fn uuid(text: &str) -> Result<Uuid, Unreadable> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    u128::from_str_radix(&digits, 16)
        .map(Uuid)
        .map_err(|_| unreadable("the id", text))
}

fn read_interface(interface: &ElasticNetworkInterface) -> Result<AssignedInterface, Unreadable> {
    let gateway = interface.subnet_gateway_ipv4_address.as_deref().unwrap_or_default();
    let (router, bits) = gateway
        .split_once('/')
        .ok_or_else(|| unreadable("the gateway", gateway))?;
    let address = interface
        .ipv4_addresses
        .first()
        .map_or("", |one| one.private_address.as_str());
    let id = interface.ec2_id.as_deref().unwrap_or_default();
    let mac = interface.mac_address.as_deref().unwrap_or_default();
    let ip = |text: &str| text.parse::<Ipv4Addr>().map_err(|_| unreadable("the address", text));
    Ok(AssignedInterface {
        id: id.parse().map_err(|_| unreadable("the interface's id", id))?,
        attachment: uuid(tail(interface.attachment_arn.as_ref()))?,
        mac: read_mac(mac).ok_or_else(|| unreadable("the hardware address", mac))?,
        address: ip(address)?,
        prefix_len: bits
            .parse()
            .ok()
            .filter(|bits| *bits <= 32)
            .ok_or_else(|| unreadable("the prefix", bits))?,
        gateway: ip(router)?,
        private_dns_name: interface.private_dns_name.clone().unwrap_or_default(),
    })
}

fn read_mac(text: &str) -> Option<Mac> {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|part| u8::from_str_radix(part, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok().map(Mac)
}

/// The GPUs that belong to the container called `name`.
fn gpus_of(name: &str, associations: &[Association]) -> Vec<String> {
    let is_gpu = |one: &&Association| one.kind.as_deref() == Some(GPU);
    let belongs = |one: &&Association| one.containers.iter().any(|container| container == name);
    let mine = associations.iter().filter(is_gpu).filter(belongs);
    mine.map(|one| one.name.clone()).collect()
}

fn read_container(
    container: &Container,
    mode: NetworkMode,
    associations: &[Association],
) -> Result<AssignedContainer, Unreadable> {
    let said = container.berth.clone().unwrap_or_default();
    let log = |log: extension::LogConfiguration| LogConfiguration {
        driver: log.log_driver,
        options: log.options.into_iter().collect(),
    };
    let read_surroundings = |text: &str| {
        surroundings::from_text(text, mode).ok_or_else(|| unreadable("the surroundings of the container", text))
    };
    let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let definition = ContainerDefinition {
        name: container.name.clone(),
        image: container.image.clone(),
        cpu: CpuUnits(container.cpu.unwrap_or(0)),
        memory: container.memory.map(MemoryMib),
        memory_reservation: said.memory_reservation.map(MemoryMib),
        essential: container.essential,
        entry_point: some(&container.entry_point),
        command: some(&container.command),
        environment: container
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect(),
        port_mappings: container
            .port_mappings
            .iter()
            .map(read_port)
            .collect::<Result<_, _>>()?,
        user: said.user,
        working_directory: said.working_directory,
        log_configuration: said.log_configuration.map(log),
        stop_timeout_s: container.stop_timeout,
        lifecycle: lifecycle::read(container, said.health_check)?,
        // Which devices they came to stands beside.
        resource_requirements: Vec::new(),
        surroundings: said
            .surroundings
            .as_deref()
            .map_or_else(|| Ok(Surroundings::default()), read_surroundings)?,
        mounts: mounts::of(container),
        unbuilt: Vec::new(),
    };
    Ok(AssignedContainer {
        id: uuid(tail(container.container_arn.as_ref()))?,
        gpu_ids: gpus_of(&container.name, associations),
        definition,
    })
}

fn read_port(port: &WirePort) -> Result<PortMapping, Unreadable> {
    Ok(PortMapping {
        container_port: port
            .container_port
            .ok_or_else(|| unreadable("the container port", ""))?,
        container_port_range: None,
        host_port: port.host_port,
        protocol: match &port.protocol {
            None | Some(TransportProtocol::Tcp) => Protocol::Tcp,
            Some(TransportProtocol::Udp) => Protocol::Udp,
            Some(other @ TransportProtocol::Other(_)) => return Err(unreadable("the protocol", other.as_str())),
        },
        name: None,
        app_protocol: None,
    })
}

#[cfg(test)]
mod tests {
    use berth_core::ecs::model::{Condition, Dependency, HealthCheck, Lifecycle, RestartPolicy};
    use berth_core::ecs::model::{MountPoint, Mounts, Volume, VolumeSource};

    use super::*;

    fn scratch() -> (Volume, MountPoint) {
        let volume = Volume {
            name: "scratch".into(),
            source: VolumeSource::Anonymous,
        };
        let point = MountPoint {
            volume: volume.name.clone(),
            path: "/scratch".into(),
            read_only: Some(false),
        };
        (volume, point)
    }

    fn whole_lifecycle() -> Lifecycle {
        Lifecycle {
            depends_on: vec![Dependency {
                container: "db".into(),
                condition: Condition::Healthy,
            }],
            start_timeout_s: Some(9),
            restart_policy: Some(RestartPolicy {
                enabled: true,
                ignored_exit_codes: vec![0],
                attempt_period_s: None,
            }),
            health_check: Some(HealthCheck {
                command: vec!["CMD".into(), "true".into()],
                interval_s: 30,
                timeout_s: 5,
                retries: 3,
                start_period_s: None,
            }),
        }
    }

    fn assignment() -> Assignment {
        let definition = ContainerDefinition {
            name: "web".into(),
            image: "httpd:2.4".into(),
            cpu: CpuUnits(10),
            memory: Some(MemoryMib(64)),
            memory_reservation: Some(MemoryMib(32)),
            essential: true,
            entry_point: Some(vec!["sh".into(), "-c".into()]),
            command: Some(vec!["echo 'a b' > /x".into()]),
            environment: vec![("A".into(), "1".into())],
            port_mappings: vec![PortMapping {
                container_port: 80,
                container_port_range: None,
                host_port: Some(0),
                protocol: Protocol::Udp,
                name: None,
                app_protocol: None,
            }],
            user: Some("app:daemon".into()),
            working_directory: Some("/tmp".into()),
            log_configuration: Some(LogConfiguration {
                driver: "awslogs".into(),
                options: vec![("awslogs-group".into(), "g".into())],
            }),
            stop_timeout_s: Some(3),
            lifecycle: whole_lifecycle(),
            resource_requirements: Vec::new(),
            surroundings: Surroundings {
                dns_servers: Some(vec!["10.0.0.2".into()]),
                ..Surroundings::default()
            },
            mounts: Mounts {
                points: vec![scratch().1],
                from: Vec::new(),
            },
            unbuilt: Vec::new(),
        };
        let task = "arn:aws:ecs:us-east-1:012345678910:task/default/0123456789abcdef0123456789abcdef";
        Assignment {
            task: task_key(task).unwrap(),
            desired: Desired::Running,
            family: "web".into(),
            revision: 7,
            launch_type: LaunchType::Ec2,
            group: "family:web".into(),
            zone: "us-east-1a".into(),
            network_mode: NetworkMode::Bridge,
            cpu: Some(CpuUnits(256)),
            memory: Some(MemoryMib(512)),
            interface: None,
            volumes: vec![scratch().0],
            containers: vec![AssignedContainer {
                id: Uuid(42),
                definition,
                gpu_ids: vec!["GPU-1".into(), "GPU-2".into()],
            }],
        }
    }

    #[test]
    fn an_assignment_survives_the_wire() {
        let sent = assignment();
        let text = serde_json::to_string(&to_payload(&sent)).unwrap();
        assert_eq!(from_payload(&serde_json::from_str(&text).unwrap()), Ok(sent));
    }

    #[test]
    fn an_interface_survives_the_wire_and_its_ports_are_not_published() {
        let interface = AssignedInterface {
            id: "eni-00000000000000abc".parse().unwrap(),
            attachment: Uuid(7),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            address: Ipv4Addr::new(172, 31, 0, 9),
            prefix_len: 20,
            gateway: Ipv4Addr::new(172, 31, 0, 1),
            private_dns_name: "ip-172-31-0-9.ec2.internal".into(),
        };
        let mut sent = Assignment {
            network_mode: NetworkMode::Awsvpc,
            interface: Some(interface),
            ..assignment()
        };
        let payload = to_payload(&sent);
        assert!(payload.containers[0].port_mappings.is_empty());
        sent.containers[0].definition.port_mappings.clear();
        assert_eq!(from_payload(&payload), Ok(sent));
    }

    /// As Amazon's agent reads it: the name of the association is the id of the GPU.
    #[test]
    fn gpus_are_associations_of_their_container() {
        let payload = serde_json::to_value(to_payload(&assignment())).unwrap();
        let wanted = serde_json::json!([
            {"name": "GPU-1", "type": "gpu", "containers": ["web"]},
            {"name": "GPU-2", "type": "gpu", "containers": ["web"]},
        ]);
        assert_eq!(payload["associations"], wanted);
        let mut foreign = to_payload(&assignment());
        foreign.associations[0].kind = Some("elastic-inference".into());
        foreign.associations[1].containers = vec!["other".into()];
        let read = from_payload(&foreign).unwrap();
        assert_eq!(read.containers[0].gpu_ids, Vec::<String>::new());
    }

    /// The stock agent fails a payload over most overrides: what they change is merged before it gets here.
    #[test]
    fn nothing_is_left_to_override() {
        let payload = to_payload(&assignment());
        assert!(payload.overrides.is_none());
        assert!(payload.containers.iter().all(|container| container.overrides.is_none()));
    }

    #[test]
    fn a_stop_needs_only_the_task() {
        let mut payload = to_payload(&assignment());
        payload = Task {
            desired_status: DesiredStatus::Stopped,
            containers: Vec::new(),
            ..payload
        };
        assert_eq!(from_payload(&payload).unwrap().desired, Desired::Stopped);
        let bad = Task {
            arn: "arn:aws:ecs:us-east-1:1:task/x".into(),
            ..payload
        };
        assert!(from_payload(&bad).is_err());
    }
}
