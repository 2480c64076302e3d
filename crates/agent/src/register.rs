//! Joining a cluster: what the machine announces of itself, and the call that makes it a container instance.
//!
//! Only capabilities that this agent has are announced: the control plane places tasks by them.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};

use berth_wire::shapes::ecs;
use reqwest::Url;

use crate::client::{Client, ClientError};
use crate::config::Config;
use crate::host::{Host, default_zone};

/// What task definitions ask for by the names that the stock agent gave them. The versions of Docker's interface stand for
/// members of container definitions, all of which the control plane checks.
const CAPABILITIES: [&str; 19] = [
    "com.amazonaws.ecs.capability.docker-plugin.local",
    "com.amazonaws.ecs.capability.docker-remote-api.1.17",
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.20",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.22",
    "com.amazonaws.ecs.capability.docker-remote-api.1.23",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "com.amazonaws.ecs.capability.docker-remote-api.1.25",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.none",
    "com.amazonaws.ecs.capability.privileged-container",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.task-cpu-mem-limit",
    "ecs.capability.task-eni",
];

/// The port of the machine's own SSH server.
const SSH_PORT: u16 = 22;

/// All that a registration says, except who the machine was before.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    cluster: String,
    attributes: BTreeMap<String, Option<String>>,
    resources: Vec<ecs::Resource>,
    gpus: Vec<String>,
    versions: ecs::VersionInfo,
    /// The idempotency key: one per start of the agent.
    token: String,
}

impl Announcement {
    /// `runtime` is the container runtime with its version, `gpus` are the ids of the machine's GPUs.
    pub(crate) fn new(config: &Config, host: &Host, runtime: &str, gpus: Vec<String>, token: String) -> Self {
        Self {
            cluster: config.cluster.clone(),
            attributes: attributes(config, host, !gpus.is_empty()),
            resources: resources(host, &reserved_ports(&config.endpoint)),
            gpus,
            versions: ecs::VersionInfo {
                agent_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                agent_hash: None,
                docker_version: Some(format!("DockerVersion: {runtime}")),
            },
            token,
        }
    }

    fn request(&self, arn: Option<String>) -> ecs::RegisterContainerInstanceRequest {
        let attribute = |(name, value): (&String, &Option<String>)| ecs::Attribute {
            name: name.clone(),
            value: value.clone(),
            ..ecs::Attribute::default()
        };
        ecs::RegisterContainerInstanceRequest {
            cluster: Some(self.cluster.clone()),
            total_resources: Some(self.resources.clone()),
            version_info: Some(self.versions.clone()),
            container_instance_arn: arn,
            attributes: Some(self.attributes.iter().map(attribute).collect()),
            client_token: Some(self.token.clone()),
            platform_devices: Some(self.gpus.iter().map(|gpu| device(gpu)).collect()),
            ..ecs::RegisterContainerInstanceRequest::default()
        }
    }
}

fn device(gpu: &str) -> ecs::PlatformDevice {
    ecs::PlatformDevice {
        id: gpu.to_owned(),
        r#type: "GPU".to_owned(),
    }
}

/// Why the machine is no container instance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    /// It may work soon.
    #[error(transparent)]
    Unreachable(ClientError),
    /// It will not work before somebody does something.
    #[error("{0}")]
    Refused(String),
}

/// Registers the machine and answers its ARN. `arn` is the instance that it was before; a control plane that cannot take
/// it for that one makes a new one of it.
pub(crate) async fn register(
    client: &Client,
    announcement: &Announcement,
    arn: Option<&str>,
) -> Result<String, RegisterError> {
    let mut answer = client.call(announcement.request(arn.map(str::to_owned))).await;
    if let (Some(arn), Err(ClientError::Refused(error))) = (arn, &answer)
        && matches!(&*error.code, "InvalidParameterException" | "ClientException")
    {
        tracing::warn!(
            arn,
            reason = error.message,
            "this machine registers as a new container instance"
        );
        answer = client.call(announcement.request(None)).await;
    }
    let answer = answer.map_err(|error| explain(error, &announcement.cluster))?;
    let arn = answer
        .container_instance
        .and_then(|instance| instance.container_instance_arn);
    arn.ok_or_else(|| RegisterError::Refused("the control plane registered this machine without naming it".to_owned()))
}

/// What a person can do about it.
fn explain(error: ClientError, cluster: &str) -> RegisterError {
    let text = match error.code() {
        Some("ClusterNotFoundException") => {
            format!("there is no cluster {cluster}: create it with `aws ecs create-cluster --cluster-name {cluster}`")
        }
        Some("UnrecognizedClientException" | "InvalidSignatureException" | "AccessDeniedException") => {
            format!("the control plane does not accept this agent's key: {error}")
        }
        Some("InvalidParameterException" | "ClientException") => {
            format!("the control plane does not accept this machine: {error}")
        }
        Some(_) | None => return RegisterError::Unreachable(error),
    };
    RegisterError::Refused(text)
}

fn attributes(config: &Config, host: &Host, has_gpus: bool) -> BTreeMap<String, Option<String>> {
    let zone = config.zone.clone().unwrap_or_else(|| default_zone(&config.region));
    let valued = [
        ("ecs.availability-zone", zone),
        ("ecs.cpu-architecture", host.architecture.clone()),
        ("ecs.os-family", host.os_family.to_owned()),
        ("ecs.os-type", "linux".to_owned()),
    ];
    let launch_types = (!config.launch_types.is_empty()).then(|| config.launch_types.join(","));
    let own = config
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), Some(value.clone())));
    let capabilities = CAPABILITIES.iter().map(|name| ((*name).to_owned(), None));
    let valued = valued.into_iter().map(|(name, value)| (name.to_owned(), Some(value)));
    let launch_types = launch_types.map(|list| ("berth.launch-types".to_owned(), Some(list)));
    let driver = host.nvidia_driver.as_deref().filter(|_| has_gpus);
    let driver = driver.into_iter().flat_map(driver_attributes);
    own.chain(capabilities)
        .chain(valued)
        .chain(launch_types)
        .chain(driver)
        .collect()
}

/// How the stock agent announces the version of the GPUs' driver.
fn driver_attributes(version: &str) -> [(String, Option<String>); 2] {
    let named = format!("ecs.capability.nvidia-driver-version.{version}");
    let valued = ("ecs.capability.gpu-driver-version".to_owned(), Some(version.to_owned()));
    [(named, None), valued]
}

fn resources(host: &Host, reserved_ports: &[u16]) -> Vec<ecs::Resource> {
    let amount = |name: &str, value: u32| ecs::Resource {
        name: Some(name.to_owned()),
        r#type: Some("INTEGER".to_owned()),
        integer_value: Some(i32::try_from(value).unwrap_or(i32::MAX)),
        ..ecs::Resource::default()
    };
    let set = |name: &str, ports: &[u16]| ecs::Resource {
        name: Some(name.to_owned()),
        r#type: Some("STRINGSET".to_owned()),
        string_set_value: Some(ports.iter().map(u16::to_string).collect()),
        ..ecs::Resource::default()
    };
    vec![
        amount("CPU", host.cpu_units),
        amount("MEMORY", host.memory_mib),
        set("PORTS", reserved_ports),
        set("PORTS_UDP", &[]),
    ]
}

/// The host ports that no task may have: those of SSH and of a control plane on this machine.
fn reserved_ports(endpoint: &str) -> Vec<u16> {
    let url = Url::parse(endpoint).ok();
    let addresses = url.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let resolved = addresses.and_then(|(host, port)| (host.trim_matches(['[', ']']), port).to_socket_addrs().ok());
    let own = resolved.into_iter().flatten().filter(|address| is_own(address.ip()));
    let mut ports: Vec<u16> = own.map(|address| address.port()).chain([SSH_PORT]).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Whether the address is one of this machine's: only those can be bound.
fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::Credentials;

    fn config(endpoint: &str) -> Config {
        Config {
            endpoint: endpoint.to_owned(),
            authority: None,
            cluster: "blue".to_owned(),
            region: "eu-west-1".to_owned(),
            credentials: Credentials {
                access_key_id: "key".to_owned(),
                secret_access_key: "secret".to_owned(),
            },
            data_dir: PathBuf::from("/nowhere"),
            registry_mirrors: BTreeMap::new(),
            zone: None,
            launch_types: vec!["EC2".to_owned(), "FARGATE".to_owned()],
            attributes: BTreeMap::from([
                ("rack".to_owned(), "7".to_owned()),
                ("ecs.os-type".to_owned(), "x".to_owned()),
            ]),
            containerd_socket: None,
            bridge_cidr: None,
            cdi_dirs: Vec::new(),
            logger_binary: PathBuf::from("/berth"),
        }
    }

    #[test]
    fn a_machine_announces_what_it_is() {
        let host = Host {
            nvidia_driver: Some("550.54.14".to_owned()),
            ..Host::read().unwrap()
        };
        let config = config("http://127.0.0.1:4566");
        let request = Announcement::new(
            &config,
            &host,
            "containerd 1.6.20",
            vec!["GPU-1".to_owned()],
            "token".to_owned(),
        )
        .request(None);
        let attributes = request.attributes.unwrap();
        let value = |name: &str| {
            attributes
                .iter()
                .find(|one| one.name == name)
                .map(|one| one.value.as_deref())
        };
        assert_eq!(value("ecs.availability-zone"), Some(Some("eu-west-1a")));
        assert_eq!(value("berth.launch-types"), Some(Some("EC2,FARGATE")));
        assert_eq!(value("rack"), Some(Some("7")));
        assert_eq!(value("ecs.os-type"), Some(Some("linux")), "facts are not overridden");
        assert_eq!(value("ecs.capability.task-eni"), Some(None));
        assert_eq!(value("ecs.capability.nvidia-driver-version.550.54.14"), Some(None));
        assert_eq!(value("ecs.capability.gpu-driver-version"), Some(Some("550.54.14")));
        let resources = request.total_resources.unwrap();
        assert_eq!(resources[0].integer_value, Some(host.cpu_units.cast_signed()));
        assert_eq!(
            resources[2].string_set_value,
            Some(vec!["22".to_owned(), "4566".to_owned()])
        );
        assert_eq!(request.platform_devices, Some(vec![device("GPU-1")]));
        assert_eq!(request.client_token.as_deref(), Some("token"));
    }

    #[test]
    fn ports_of_other_machines_are_free_here() {
        assert_eq!(reserved_ports("http://192.0.2.1:4566"), [SSH_PORT]);
        assert_eq!(reserved_ports("http://[::1]:4566"), [SSH_PORT, 4566]);
        assert_eq!(reserved_ports("nonsense"), [SSH_PORT]);
    }
}
