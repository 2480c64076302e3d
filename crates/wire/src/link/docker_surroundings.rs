//! A container's surroundings in Docker's words, for the stock agent.

use berth_core::ecs::model::{self, Surroundings};
use berth_core::kernel::MemoryMib;

use super::docker::{Config, Device, HostConfig, Ulimit};

/// What Docker has in a container's configuration.
pub(super) fn config(surroundings: &Surroundings) -> Config {
    Config {
        hostname: surroundings.hostname.clone(),
        tty: surroundings.pseudo_terminal,
        labels: surroundings.docker_labels.clone(),
        network_disabled: surroundings.disable_networking,
        ..Config::default()
    }
}

/// What Docker has in the host's configuration of a container. `memory` is its hard limit.
pub(super) fn host_config(surroundings: &Surroundings, memory: Option<MemoryMib>) -> HostConfig {
    let said = surroundings.clone();
    let linux = surroundings.linux();
    let capabilities = linux.capabilities.clone().unwrap_or_default();
    let bytes = |mib: i64| mib << 20;
    let name = |host: &model::HostEntry| format!("{}:{}", host.hostname, host.ip_address);
    let limit = |limit: &model::Ulimit| Ulimit {
        name: limit.name.clone(),
        soft: limit.soft,
        hard: limit.hard,
    };
    let controls = surroundings.system_controls.iter();
    let controls = controls.filter_map(|control| Some((control.namespace.clone()?, control.value.clone()?)));
    let swap = memory.zip(linux.max_swap_mib);
    HostConfig {
        readonly_rootfs: said.readonly_root_filesystem,
        privileged: said.privileged,
        dns: said.dns_servers,
        dns_search: said.dns_search_domains,
        extra_hosts: said.extra_hosts.map(|hosts| hosts.iter().map(name).collect()),
        security_opt: said.docker_security_options,
        ulimits: said.ulimits.map(|limits| limits.iter().map(limit).collect()),
        sysctls: (!surroundings.system_controls.is_empty()).then(|| controls.collect()),
        cap_add: capabilities.add,
        cap_drop: capabilities.drop,
        devices: linux.devices.map(|devices| devices.iter().map(device).collect()),
        init: linux.init_process_enabled,
        shm_size: linux.shared_memory_mib.map(bytes),
        tmpfs: linux.tmpfs.map(|mounts| mounts.iter().map(tmpfs).collect()),
        memory_swap: swap.map(|(memory, swap)| bytes(i64::from(memory.0) + swap)),
        memory_swappiness: swap.and(linux.swappiness),
        ..HostConfig::default()
    }
}

fn device(device: &model::Device) -> Device {
    let letters = |permissions: &Vec<String>| {
        let one = |(word, letter): (&str, char)| permissions.iter().any(|given| given == word).then_some(letter);
        [("read", 'r'), ("write", 'w'), ("mknod", 'm')]
            .into_iter()
            .filter_map(one)
            .collect::<String>()
    };
    let given = device
        .permissions
        .as_ref()
        .map(letters)
        .filter(|letters| !letters.is_empty());
    Device {
        path_on_host: device.host_path.clone(),
        path_in_container: device
            .container_path
            .clone()
            .unwrap_or_else(|| device.host_path.clone()),
        cgroup_permissions: given.unwrap_or_else(|| "rwm".to_owned()),
    }
}

fn tmpfs(mount: &model::Tmpfs) -> (String, String) {
    let mut options = vec![format!("size={}m", mount.size_mib)];
    options.extend(mount.mount_options.iter().flatten().cloned());
    (mount.container_path.clone(), options.join(","))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::ecs::surroundings::from_text;

    #[test]
    fn docker_is_told_in_its_own_words() {
        let text = r#"{"hostname":"web","extraHosts":[{"hostname":"db","ipAddress":"10.0.0.9"}],"dnsSearchDomains":["lan"],
            "disableNetworking":true,"readonlyRootFilesystem":true,"pseudoTerminal":true,
            "dockerSecurityOptions":["no-new-privileges"],"dockerLabels":{"a":"b"},
            "ulimits":[{"name":"nofile","softLimit":10,"hardLimit":-1}],
            "systemControls":[{"namespace":"net.core.somaxconn","value":"99"}],
            "linuxParameters":{"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]},
            "devices":[{"hostPath":"/dev/fuse","permissions":["write","read"]}],"initProcessEnabled":true,
            "sharedMemorySize":8,"tmpfs":[{"containerPath":"/t","size":4,"mountOptions":["exec"]}],"maxSwap":1,
            "swappiness":1}}"#;
        let said = from_text(text, model::NetworkMode::Bridge).unwrap();
        expect![[r#"{"Hostname":"web","Tty":true,"Labels":{"a":"b"},"NetworkDisabled":true}"#]]
            .assert_eq(&serde_json::to_string(&config(&said)).unwrap());
        expect![[r#"{"ReadonlyRootfs":true,"DnsSearch":["lan"],"ExtraHosts":["db:10.0.0.9"],"SecurityOpt":["no-new-privileges"],"Ulimits":[{"Name":"nofile","Soft":10,"Hard":-1}],"Sysctls":{"net.core.somaxconn":"99"},"CapAdd":["SYS_PTRACE"],"CapDrop":["ALL"],"Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rw"}],"Init":true,"ShmSize":8388608,"Tmpfs":{"/t":"size=4m,exec"},"MemorySwap":3145728,"MemorySwappiness":1}"#]].assert_eq(&serde_json::to_string(&host_config(&said, Some(MemoryMib(2)))).unwrap());
        let nothing = host_config(&Surroundings::default(), None);
        assert_eq!(nothing, HostConfig::default());
    }
}
