//! The surroundings of containers between their shapes and the brain's types.
//!
//! Agents that understand [`crate::link::extension`] are told them as the members of a container definition, by the same
//! names.

use berth_core::ecs::admit::surroundings::check;
use berth_core::ecs::model::{
    Device, HostEntry, KernelCapabilities, LinuxParameters, NetworkMode, Surroundings, SystemControl, Tmpfs, Ulimit,
};

use crate::protocol::stored;
use crate::shapes::{Structure, drain, ecs, from_document};

/// What a container definition says of surroundings.
#[must_use]
pub fn of(shape: &ecs::ContainerDefinition) -> Surroundings {
    let entry = |entry: &ecs::HostEntry| HostEntry {
        hostname: entry.hostname.clone(),
        ip_address: entry.ip_address.clone(),
    };
    let limit = |limit: &ecs::Ulimit| Ulimit {
        name: limit.name.clone(),
        soft: limit.soft_limit.into(),
        hard: limit.hard_limit.into(),
    };
    let control = |control: &ecs::SystemControl| SystemControl {
        namespace: control.namespace.clone(),
        value: control.value.clone(),
    };
    Surroundings {
        hostname: shape.hostname.clone(),
        extra_hosts: each(shape.extra_hosts.as_deref(), entry),
        dns_servers: shape.dns_servers.clone(),
        dns_search_domains: shape.dns_search_domains.clone(),
        disable_networking: shape.disable_networking,
        readonly_root_filesystem: shape.readonly_root_filesystem,
        privileged: shape.privileged,
        pseudo_terminal: shape.pseudo_terminal,
        docker_security_options: shape.docker_security_options.clone(),
        docker_labels: shape.docker_labels.clone(),
        ulimits: each(shape.ulimits.as_deref(), limit),
        system_controls: shape.system_controls.iter().flatten().map(control).collect(),
        linux_parameters: shape.linux_parameters.as_ref().map(linux),
    }
}

fn each<A, B>(list: Option<&[A]>, one: impl Fn(&A) -> B) -> Option<Vec<B>> {
    list.map(|list| list.iter().map(one).collect())
}

fn linux(shape: &ecs::LinuxParameters) -> LinuxParameters {
    let device = |device: &ecs::Device| Device {
        host_path: device.host_path.clone(),
        container_path: device.container_path.clone(),
        permissions: device.permissions.clone(),
    };
    let tmpfs = |mount: &ecs::Tmpfs| Tmpfs {
        container_path: mount.container_path.clone(),
        size_mib: mount.size.into(),
        mount_options: mount.mount_options.clone(),
    };
    LinuxParameters {
        capabilities: shape.capabilities.as_ref().map(|capabilities| KernelCapabilities {
            add: capabilities.add.clone(),
            drop: capabilities.drop.clone(),
        }),
        devices: each(shape.devices.as_deref(), device),
        init_process_enabled: shape.init_process_enabled,
        shared_memory_mib: shape.shared_memory_size.map(i64::from),
        tmpfs: each(shape.tmpfs.as_deref(), tmpfs),
        max_swap_mib: shape.max_swap.map(i64::from),
        swappiness: shape.swappiness.map(i64::from),
    }
}

/// Says in a container definition what its surroundings are.
pub fn put(surroundings: &Surroundings, shape: &mut ecs::ContainerDefinition) {
    let said = surroundings.clone();
    let entry = |entry: &HostEntry| ecs::HostEntry {
        hostname: entry.hostname.clone(),
        ip_address: entry.ip_address.clone(),
    };
    let limit = |limit: &Ulimit| ecs::Ulimit {
        name: limit.name.clone(),
        soft_limit: number(limit.soft),
        hard_limit: number(limit.hard),
    };
    let control = |control: &SystemControl| ecs::SystemControl {
        namespace: control.namespace.clone(),
        value: control.value.clone(),
    };
    shape.hostname = said.hostname;
    shape.extra_hosts = each(said.extra_hosts.as_deref(), entry);
    shape.dns_servers = said.dns_servers;
    shape.dns_search_domains = said.dns_search_domains;
    shape.disable_networking = said.disable_networking;
    shape.readonly_root_filesystem = said.readonly_root_filesystem;
    shape.privileged = said.privileged;
    shape.pseudo_terminal = said.pseudo_terminal;
    shape.docker_security_options = said.docker_security_options;
    shape.docker_labels = said.docker_labels;
    shape.ulimits = each(said.ulimits.as_deref(), limit);
    shape.system_controls = Some(said.system_controls.iter().map(control).collect());
    shape.linux_parameters = said.linux_parameters.as_ref().map(linux_shape);
}

fn linux_shape(parameters: &LinuxParameters) -> ecs::LinuxParameters {
    let device = |device: &Device| ecs::Device {
        host_path: device.host_path.clone(),
        container_path: device.container_path.clone(),
        permissions: device.permissions.clone(),
    };
    let tmpfs = |mount: &Tmpfs| ecs::Tmpfs {
        container_path: mount.container_path.clone(),
        size: number(mount.size_mib),
        mount_options: mount.mount_options.clone(),
    };
    ecs::LinuxParameters {
        capabilities: parameters
            .capabilities
            .as_ref()
            .map(|capabilities| ecs::KernelCapabilities {
                add: capabilities.add.clone(),
                drop: capabilities.drop.clone(),
            }),
        devices: each(parameters.devices.as_deref(), device),
        init_process_enabled: parameters.init_process_enabled,
        shared_memory_size: parameters.shared_memory_mib.map(number),
        tmpfs: each(parameters.tmpfs.as_deref(), tmpfs),
        max_swap: parameters.max_swap_mib.map(number),
        swappiness: parameters.swappiness.map(number),
    }
}

/// Numbers came as 32-bit ones, and were checked to be as large at most.
fn number(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// As a text for agents, if they ask for anything.
#[must_use]
pub fn to_text(surroundings: &Surroundings) -> Option<String> {
    if surroundings.asked().is_empty() {
        return None;
    }
    let mut shape = ecs::ContainerDefinition::default();
    put(surroundings, &mut shape);
    let schema = shape.schema();
    Some(stored::to_text(&drain(&mut shape), schema))
}

/// Reads what [`to_text`] has written, for a task in this network mode. Nothing if it cannot be read, or breaks a rule.
#[must_use]
pub fn from_text(text: &str, mode: NetworkMode) -> Option<Surroundings> {
    let document = stored::from_text(text, &ecs::CONTAINER_DEFINITION).ok()?;
    let shape: ecs::ContainerDefinition = from_document(document).ok()?;
    let surroundings = of(&shape);
    check(&surroundings, mode).ok().map(|()| surroundings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_survive_the_shape_and_the_text() {
        let text = r#"{"hostname":"web","extraHosts":[{"hostname":"db","ipAddress":"10.0.0.9"}],"dnsServers":["10.0.0.2"],
            "dnsSearchDomains":["lan"],"disableNetworking":true,"readonlyRootFilesystem":true,"privileged":false,
            "pseudoTerminal":true,"dockerSecurityOptions":["no-new-privileges"],"dockerLabels":{"a":"b"},
            "ulimits":[{"name":"nofile","softLimit":10,"hardLimit":-1}],
            "systemControls":[{"namespace":"net.core.somaxconn","value":"99"}],
            "linuxParameters":{"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]},
            "devices":[{"hostPath":"/dev/fuse","permissions":["read"]}],"initProcessEnabled":true,"sharedMemorySize":8,
            "tmpfs":[{"containerPath":"/t","size":4,"mountOptions":["exec"]}],"maxSwap":0,"swappiness":1}}"#;
        let said = from_text(text, NetworkMode::Bridge).unwrap();
        assert_eq!(said.asked().len(), 12, "privileged was not asked for");
        let again = to_text(&said).unwrap();
        assert_eq!(from_text(&again, NetworkMode::Bridge), Some(said));
        assert_eq!(
            from_text(&again, NetworkMode::Awsvpc),
            None,
            "no host name of its own there"
        );
        assert_eq!(to_text(&Surroundings::default()), None);
    }
}
