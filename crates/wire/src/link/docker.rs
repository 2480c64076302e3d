//! `dockerConfig`: what the protocol leaves to Docker, as JSON within text, for the stock agent.
//!
//! The stock agent lays these texts over the configuration that it computed; keys that are present win. The names
//! are Docker's own. Only what Berth sends is typed; reading skips everything else. Our own agent reads
//! [`super::extension`] instead.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The API that the texts were written for: the oldest that the stock agent still takes.
const DOCKER_API_VERSION: &str = "1.21";

/// As on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerConfig {
    /// The lowest version of Docker's API that understands the texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// JSON of [`Config`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// JSON of [`HostConfig`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_config: Option<String>,
}

impl DockerConfig {
    /// Writes both texts.
    #[must_use]
    pub fn new(config: &Config, host_config: &HostConfig) -> Self {
        let invariant = "texts, numbers and maps with text keys become JSON";
        Self {
            version: Some(DOCKER_API_VERSION.to_owned()),
            config: Some(serde_json::to_string(config).expect(invariant)),
            host_config: Some(serde_json::to_string(host_config).expect(invariant)),
        }
    }
}

/// Docker's container configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// The image's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The image's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// The image's own when absent, which the stock agent does not tell of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Docker's choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Whether the process has a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<bool>,
    /// Labels of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it has loopback only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_disabled: Option<bool>,
}

/// Docker's health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `CMD` or `CMD-SHELL`, then the command.
    pub test: Vec<String>,
    /// **Nanoseconds**.
    pub interval: u64,
    /// **Nanoseconds**.
    pub timeout: u64,
    /// Failures in a row.
    pub retries: u32,
    /// **Nanoseconds**.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<u64>,
}

/// Docker's host configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostConfig {
    /// `host`, `none` or `bridge`; the task's own `networkMode` does not set it. Absent for awsvpc tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// Docker's default driver when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_config: Option<LogConfig>,
    /// **Bytes**.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<u64>,
    /// Whether the image's files cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_rootfs: Option<bool>,
    /// Whether it has all rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// Name servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Vec<String>>,
    /// Domains in which names are looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_search: Option<Vec<String>>,
    /// `name:address` each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_hosts: Option<Vec<String>>,
    /// For security modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_opt: Option<Vec<String>>,
    /// Limits of each process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ulimits: Option<Vec<Ulimit>>,
    /// Parameters of the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysctls: Option<BTreeMap<String, String>>,
    /// Capabilities beside the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_add: Option<Vec<String>>,
    /// Usual capabilities that it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_drop: Option<Vec<String>>,
    /// Devices of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<Device>>,
    /// Whether Docker's own first process is started before the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// **Bytes** of /dev/shm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<i64>,
    /// Options of file systems in memory, by their places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs: Option<BTreeMap<String, String>>,
    /// **Bytes** of memory and swap together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swap: Option<i64>,
    /// From 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swappiness: Option<i64>,
}

/// A limit of each process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ulimit {
    /// For example `nofile`.
    pub name: String,
    /// The limit that holds.
    pub soft: i64,
    /// Up to where it may be raised.
    pub hard: i64,
}

/// A device of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Device {
    /// Its place on the host.
    pub path_on_host: String,
    /// Its place in the container.
    pub path_in_container: String,
    /// Letters among `r`, `w` and `m`.
    pub cgroup_permissions: String,
}

/// Docker's log driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    /// For example `awslogs`.
    #[serde(rename = "Type")]
    pub driver: String,
    /// Its options.
    pub config: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::{Config, DockerConfig, HostConfig, LogConfig};

    #[test]
    fn texts_within_json() {
        let config = Config {
            user: Some("1:2".into()),
            ..Config::default()
        };
        let log_config = LogConfig {
            driver: "awslogs".into(),
            config: [("awslogs-group".into(), "g".into())].into(),
        };
        let host_config = HostConfig {
            log_config: Some(log_config),
            memory_reservation: Some(1 << 20),
            ..HostConfig::default()
        };
        let docker = DockerConfig::new(&config, &host_config);
        assert_eq!(
            serde_json::to_string(&docker).unwrap(),
            r#"{"version":"1.21","config":"{\"User\":\"1:2\"}","hostConfig":"{\"LogConfig\":{\"Type\":\"awslogs\",\"Config\":{\"awslogs-group\":\"g\"}},\"MemoryReservation\":1048576}"}"#
        );
        let read: HostConfig = serde_json::from_str(&docker.host_config.unwrap()).unwrap();
        assert_eq!(read, host_config);
    }
}
