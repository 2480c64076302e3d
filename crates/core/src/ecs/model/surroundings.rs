//! How a container finds its machine: its names, its files, its rights and limits. Program, resources, ports and logs
//! stand in its definition.
//!
//! What was left out is told from what was given and empty, so that a definition is shown as it was registered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a container finds its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// Its host name.
    pub hostname: Option<String>,
    /// Names with addresses, for its `/etc/hosts`.
    pub extra_hosts: Option<Vec<HostEntry>>,
    /// Name servers, instead of the machine's.
    pub dns_servers: Option<Vec<String>>,
    /// Domains in which names are looked up, instead of the machine's.
    pub dns_search_domains: Option<Vec<String>>,
    /// Whether it has no network but loopback.
    pub disable_networking: Option<bool>,
    /// Whether its image's files cannot be written.
    pub readonly_root_filesystem: Option<bool>,
    /// Whether it has the rights of the machine's root.
    pub privileged: Option<bool>,
    /// Whether its process has a terminal.
    pub pseudo_terminal: Option<bool>,
    /// For the machine's security modules, for example `no-new-privileges`; see [`SecurityOption`].
    pub docker_security_options: Option<Vec<String>>,
    /// The runtime's labels on it.
    pub docker_labels: Option<BTreeMap<String, String>>,
    /// Limits of each process.
    pub ulimits: Option<Vec<Ulimit>>,
    /// Parameters of the kernel.
    pub system_controls: Vec<SystemControl>,
    /// What only Linux has.
    pub linux_parameters: Option<LinuxParameters>,
}

/// A security option that is carried out, as Docker spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityOption {
    /// No program that the container runs can gain rights.
    NoNewPrivileges,
    /// The container may make every system call.
    SeccompUnconfined,
}

/// A name in `/etc/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// The name.
    pub hostname: String,
    /// Its address.
    pub ip_address: String,
}

/// A limit of each process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// For example `nofile`.
    pub name: String,
    /// The limit that holds; -1 for none.
    pub soft: i64,
    /// The ceiling up to which a process may raise it; -1 for none.
    pub hard: i64,
}

/// A parameter of the kernel that a container has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemControl {
    /// For example `net.ipv4.tcp_keepalive_time`.
    pub namespace: Option<String>,
    /// Its value.
    pub value: Option<String>,
}

/// What only Linux has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinuxParameters {
    /// Changes of the usual capabilities.
    pub capabilities: Option<KernelCapabilities>,
    /// Devices of the machine.
    pub devices: Option<Vec<Device>>,
    /// Whether the first process is one that reaps orphans and passes signals on.
    pub init_process_enabled: Option<bool>,
    /// The size of `/dev/shm`.
    pub shared_memory_mib: Option<i64>,
    /// File systems in memory.
    pub tmpfs: Option<Vec<Tmpfs>>,
    /// How much it may swap beside its memory.
    pub max_swap_mib: Option<i64>,
    /// How readily it swaps, from 0 to 100.
    pub swappiness: Option<i64>,
}

/// Changes of the usual capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCapabilities {
    /// Without the prefix `CAP_`, or `ALL`.
    pub add: Option<Vec<String>>,
    /// Without the prefix `CAP_`, or `ALL`.
    pub drop: Option<Vec<String>>,
}

/// A device of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Where it is on the machine.
    pub host_path: String,
    /// Where it is in the container; the same if left out.
    pub container_path: Option<String>,
    /// `read`, `write`, `mknod`; all of them if left out.
    pub permissions: Option<Vec<String>>,
}

/// A file system in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tmpfs {
    /// Where it is mounted.
    pub container_path: String,
    /// The most that it holds.
    pub size_mib: i64,
    /// Options of mount(8).
    pub mount_options: Option<Vec<String>>,
}

impl SecurityOption {
    /// Nothing for options that are not carried out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split_once('=').or_else(|| text.split_once(':'));
        match parts.unwrap_or((text, "")) {
            ("no-new-privileges", "" | "true") => Some(Self::NoNewPrivileges),
            ("seccomp", "unconfined") => Some(Self::SeccompUnconfined),
            _ => None,
        }
    }
}

impl Surroundings {
    /// Whether a security option is among those that it asks for.
    #[must_use]
    pub fn has(&self, option: SecurityOption) -> bool {
        let mut asked = self.docker_security_options.iter().flatten();
        asked.any(|text| SecurityOption::parse(text) == Some(option))
    }

    /// The members that ask for something, by their names in the API. An empty list or a `false` asks for nothing.
    #[must_use]
    pub fn asked(&self) -> Vec<&'static str> {
        let wants = |flag: Option<bool>| flag == Some(true);
        let lists = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let members = [
            ("hostname", self.hostname.as_ref().is_some_and(|name| !name.is_empty())),
            (
                "extraHosts",
                self.extra_hosts.as_ref().is_some_and(|hosts| !hosts.is_empty()),
            ),
            ("dnsServers", lists(&self.dns_servers)),
            ("dnsSearchDomains", lists(&self.dns_search_domains)),
            ("disableNetworking", wants(self.disable_networking)),
            ("readonlyRootFilesystem", wants(self.readonly_root_filesystem)),
            ("privileged", wants(self.privileged)),
            ("pseudoTerminal", wants(self.pseudo_terminal)),
            ("dockerSecurityOptions", lists(&self.docker_security_options)),
            (
                "dockerLabels",
                self.docker_labels.as_ref().is_some_and(|labels| !labels.is_empty()),
            ),
            (
                "ulimits",
                self.ulimits.as_ref().is_some_and(|limits| !limits.is_empty()),
            ),
            ("systemControls", !self.system_controls.is_empty()),
            (
                "linuxParameters",
                self.linux_parameters.as_ref().is_some_and(LinuxParameters::asks),
            ),
        ];
        members
            .into_iter()
            .filter(|(_, asks)| *asks)
            .map(|(name, _)| name)
            .collect()
    }

    /// What it asks of Linux; nothing if that was left out.
    #[must_use]
    pub fn linux(&self) -> LinuxParameters {
        self.linux_parameters.clone().unwrap_or_default()
    }
}

impl LinuxParameters {
    fn asks(&self) -> bool {
        let capabilities = self.capabilities.as_ref();
        let changes = |list: Option<&Vec<String>>| list.is_some_and(|list| !list.is_empty());
        changes(capabilities.and_then(|one| one.add.as_ref()))
            || changes(capabilities.and_then(|one| one.drop.as_ref()))
            || self.devices.as_ref().is_some_and(|devices| !devices.is_empty())
            || self.init_process_enabled == Some(true)
            || self.tmpfs.as_ref().is_some_and(|mounts| !mounts.is_empty())
            || self.shared_memory_mib.is_some()
            || self.max_swap_mib.is_some()
            || self.swappiness.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_options_are_read_as_docker_spells_them() {
        for (text, meant) in [
            ("no-new-privileges", Some(SecurityOption::NoNewPrivileges)),
            ("no-new-privileges:true", Some(SecurityOption::NoNewPrivileges)),
            ("no-new-privileges=true", Some(SecurityOption::NoNewPrivileges)),
            ("seccomp=unconfined", Some(SecurityOption::SeccompUnconfined)),
            ("seccomp:unconfined", Some(SecurityOption::SeccompUnconfined)),
            ("no-new-privileges=false", None),
            ("seccomp", None),
            ("seccomp=/etc/profile.json", None),
            ("apparmor=unconfined", None),
            ("apparmor:docker-default", None),
            ("label:type:svirt_apache", None),
            ("", None),
        ] {
            assert_eq!(SecurityOption::parse(text), meant, "{text}");
        }
        let asked = Surroundings {
            docker_security_options: Some(vec!["seccomp:unconfined".to_owned()]),
            ..Surroundings::default()
        };
        assert!(asked.has(SecurityOption::SeccompUnconfined) && !asked.has(SecurityOption::NoNewPrivileges));
        assert!(!Surroundings::default().has(SecurityOption::SeccompUnconfined));
    }
}
