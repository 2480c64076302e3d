//! What a container's surroundings may be: what holds everywhere, in a network mode, and on FARGATE.
//!
//! Security options may be any: those that are not carried out are kept, and refused when a task is run.

use std::net::IpAddr;

use crate::ecs::model::{Device, LinuxParameters, NetworkMode, Surroundings, SystemControl, Tmpfs, Ulimit};
use crate::ecs::refusal::Fault;

/// The longest host name that Linux has.
const LONGEST_HOSTNAME: usize = 64;
/// The most that a 32-bit number of MiB says.
const MOST_MIB: i64 = i32::MAX as i64;

const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

const CAPABILITIES: [&str; 38] = [
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

/// Kernel parameters that every container has for itself, beside those of `net.` and `fs.mqueue.`.
const IPC_CONTROLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Options of a file system in memory that stand for themselves, and those that have a value.
const TMPFS_OPTIONS: [&str; 36] = [
    "defaults",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "remount",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "bind",
    "rbind",
    "unbindable",
    "runbindable",
    "private",
    "rprivate",
    "shared",
    "rshared",
    "slave",
    "rslave",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "mode",
    "uid",
    "gid",
];
const TMPFS_VALUES: [&str; 6] = ["mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"];

/// Checks what was asked for.
///
/// # Errors
/// The first rule that is broken.
pub fn check(surroundings: &Surroundings, mode: NetworkMode) -> Result<(), Fault> {
    let asked = surroundings.asked();
    if mode == NetworkMode::Awsvpc {
        for member in ["hostname", "extraHosts"] {
            if asked.contains(&member) {
                return Err(Fault::NotInMode { member, mode });
            }
        }
    }
    names(surroundings)?;
    for control in &surroundings.system_controls {
        system_control(control, mode)?;
    }
    surroundings.ulimits.iter().flatten().try_for_each(ulimit)?;
    surroundings.linux_parameters.as_ref().map_or(Ok(()), linux)
}

fn word(member: &'static str, word: &str) -> Fault {
    Fault::Word {
        member,
        word: word.to_owned(),
    }
}

fn known(member: &'static str, text: &str, all: &[&str]) -> Result<(), Fault> {
    all.contains(&text).then_some(()).ok_or_else(|| word(member, text))
}

fn names(surroundings: &Surroundings) -> Result<(), Fault> {
    if let Some(name) = surroundings
        .hostname
        .as_deref()
        .filter(|name| !name.is_empty() && !is_hostname(name))
    {
        return Err(word("hostname", name));
    }
    for entry in surroundings.extra_hosts.iter().flatten() {
        if !is_hostname(&entry.hostname) {
            return Err(word("extraHosts.hostname", &entry.hostname));
        }
        if entry.ip_address.parse::<IpAddr>().is_err() {
            return Err(word("extraHosts.ipAddress", &entry.ip_address));
        }
    }
    for server in surroundings.dns_servers.iter().flatten() {
        if server.parse::<IpAddr>().is_err() {
            return Err(word("dnsServers", server));
        }
    }
    // A single dot stands for no domain at all, as in Docker.
    let domains = surroundings.dns_search_domains.iter().flatten();
    let bad = domains.into_iter().find(|domain| *domain != "." && !is_domain(domain));
    bad.map_or(Ok(()), |domain| Err(word("dnsSearchDomains", domain)))
}

fn is_hostname(name: &str) -> bool {
    name.len() <= LONGEST_HOSTNAME && is_domain(name)
}

fn is_domain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    (1..=255).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}

fn system_control(control: &SystemControl, mode: NetworkMode) -> Result<(), Fault> {
    let name = control.namespace.as_deref().unwrap_or_default();
    let of_network = name.starts_with("net.");
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c)) && !name.contains("..");
    if !plain || !(of_network || name.starts_with("fs.mqueue.") || IPC_CONTROLS.contains(&name)) {
        return Err(word("systemControls", name));
    }
    if control.value.as_deref().is_none_or(str::is_empty) {
        return Err(word("systemControls.value", ""));
    }
    match (of_network, mode) {
        (true, NetworkMode::Host) => Err(Fault::NotInMode {
            member: "systemControls",
            mode,
        }),
        (true, NetworkMode::Awsvpc | NetworkMode::Bridge | NetworkMode::None) | (false, _) => Ok(()),
    }
}

fn ulimit(limit: &Ulimit) -> Result<(), Fault> {
    known("ulimits.name", &limit.name, &ULIMITS)?;
    if limit.soft < -1 || limit.hard < -1 {
        return Err(Fault::Negative { member: "ulimits" });
    }
    let endless = |value: i64| if value == -1 { i64::MAX } else { value };
    if endless(limit.soft) > endless(limit.hard) {
        return Err(word("ulimits.softLimit", &limit.soft.to_string()));
    }
    Ok(())
}

fn linux(parameters: &LinuxParameters) -> Result<(), Fault> {
    let capabilities = parameters.capabilities.clone().unwrap_or_default();
    for (member, list) in [
        ("linuxParameters.capabilities.add", capabilities.add),
        ("linuxParameters.capabilities.drop", capabilities.drop),
    ] {
        list.iter()
            .flatten()
            .try_for_each(|name| known(member, name, &CAPABILITIES))?;
    }
    parameters.devices.iter().flatten().try_for_each(device)?;
    parameters.tmpfs.iter().flatten().try_for_each(tmpfs)?;
    mib("linuxParameters.sharedMemorySize", parameters.shared_memory_mib, 1)?;
    mib("linuxParameters.maxSwap", parameters.max_swap_mib, 0)?;
    match parameters.swappiness {
        Some(value) if !(0..=100).contains(&value) => Err(word("linuxParameters.swappiness", &value.to_string())),
        Some(_) | None => Ok(()),
    }
}

fn mib(member: &'static str, value: Option<i64>, least: i64) -> Result<(), Fault> {
    match value {
        Some(value) if !(least..=MOST_MIB).contains(&value) => Err(word(member, &value.to_string())),
        Some(_) | None => Ok(()),
    }
}

fn device(device: &Device) -> Result<(), Fault> {
    let absolute = |path: &str| path.starts_with('/') && !path.split('/').any(|part| part == "..");
    let paths = [Some(&device.host_path), device.container_path.as_ref()];
    if let Some(path) = paths.into_iter().flatten().find(|path| !absolute(path)) {
        return Err(word("linuxParameters.devices", path));
    }
    let permissions = device.permissions.iter().flatten();
    let mut checked =
        permissions.map(|one| known("linuxParameters.devices.permissions", one, &["read", "write", "mknod"]));
    checked.try_for_each(|one| one)
}

fn tmpfs(mount: &Tmpfs) -> Result<(), Fault> {
    if !mount.container_path.starts_with('/') || mount.container_path.split('/').any(|part| part == "..") {
        return Err(word("linuxParameters.tmpfs.containerPath", &mount.container_path));
    }
    mib("linuxParameters.tmpfs.size", Some(mount.size_mib), 1)?;
    for option in mount.mount_options.iter().flatten() {
        let (name, has_value) = option
            .split_once('=')
            .map_or((option.as_str(), false), |(name, _)| (name, true));
        let all: &[&str] = if has_value { &TMPFS_VALUES } else { &TMPFS_OPTIONS };
        known("linuxParameters.tmpfs.mountOptions", name, all)?;
    }
    Ok(())
}

/// What FARGATE adds to the rules.
///
/// # Errors
/// The first rule that is broken.
pub fn fargate(surroundings: &Surroundings) -> Result<(), Fault> {
    let asked = surroundings.asked();
    for member in ["privileged", "dockerSecurityOptions"] {
        if asked.contains(&member) {
            return Err(Fault::FargateMember(member));
        }
    }
    let linux = surroundings.linux();
    let asks = [
        (
            "linuxParameters.devices",
            linux.devices.is_some_and(|devices| !devices.is_empty()),
        ),
        ("linuxParameters.sharedMemorySize", linux.shared_memory_mib.is_some()),
        ("linuxParameters.maxSwap", linux.max_swap_mib.is_some()),
        ("linuxParameters.swappiness", linux.swappiness.is_some()),
    ];
    if let Some((member, _)) = asks.into_iter().find(|(_, asks)| *asks) {
        return Err(Fault::FargateMember(member));
    }
    let added = linux.capabilities.and_then(|capabilities| capabilities.add);
    match added.iter().flatten().find(|name| *name != "SYS_PTRACE") {
        Some(name) => Err(word("linuxParameters.capabilities.add", name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::model::{HostEntry, KernelCapabilities};

    fn list(words: &[&str]) -> Option<Vec<String>> {
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn limit(name: &str, soft: i64, hard: i64) -> Surroundings {
        let name = name.to_owned();
        Surroundings {
            ulimits: Some(vec![Ulimit { name, soft, hard }]),
            ..Surroundings::default()
        }
    }

    fn host(hostname: &str, ip_address: &str) -> Surroundings {
        Surroundings {
            extra_hosts: Some(vec![HostEntry {
                hostname: hostname.to_owned(),
                ip_address: ip_address.to_owned(),
            }]),
            ..Surroundings::default()
        }
    }

    fn control(namespace: &str, value: &str) -> Surroundings {
        Surroundings {
            system_controls: vec![SystemControl {
                namespace: Some(namespace.to_owned()),
                value: Some(value.to_owned()),
            }],
            ..Surroundings::default()
        }
    }

    fn of_linux(parameters: LinuxParameters) -> Surroundings {
        Surroundings {
            linux_parameters: Some(parameters),
            ..Surroundings::default()
        }
    }

    fn capability(add: &str) -> Surroundings {
        of_linux(LinuxParameters {
            capabilities: Some(KernelCapabilities {
                add: list(&[add]),
                drop: None,
            }),
            ..LinuxParameters::default()
        })
    }

    fn mount(path: &str, size_mib: i64, option: &str) -> Surroundings {
        of_linux(LinuxParameters {
            tmpfs: Some(vec![Tmpfs {
                container_path: path.to_owned(),
                size_mib,
                mount_options: list(&[option]),
            }]),
            ..LinuxParameters::default()
        })
    }

    fn named(hostname: &str) -> Surroundings {
        Surroundings {
            hostname: Some(hostname.to_owned()),
            ..Surroundings::default()
        }
    }

    fn member(surroundings: &Surroundings) -> &'static str {
        match check(surroundings, NetworkMode::Bridge) {
            Ok(()) => "",
            Err(Fault::Word { member, .. } | Fault::Negative { member } | Fault::NotInMode { member, .. }) => member,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_its_name() {
        let swap = |max_swap_mib, swappiness| {
            of_linux(LinuxParameters {
                max_swap_mib,
                swappiness,
                ..LinuxParameters::default()
            })
        };
        for (given, refused) in [
            (named("web-1.lan"), ""),
            (named(""), ""),
            (named("a b"), "hostname"),
            (named(&"x".repeat(65)), "hostname"),
            (host("db", "fd00::1"), ""),
            (host("", "10.0.0.9"), "extraHosts.hostname"),
            (host("db", "10.0.0.999"), "extraHosts.ipAddress"),
            (limit("nofile", 10, -1), ""),
            (limit("nofile", -1, 10), "ulimits.softLimit"),
            (limit("files", 1, 1), "ulimits.name"),
            (limit("core", -2, 1), "ulimits"),
            (control("net.core.somaxconn", "9"), ""),
            (control("fs.mqueue.msg_max", "9"), ""),
            (control("kernel.panic", "9"), "systemControls"),
            (control("net/../kernel/panic", "9"), "systemControls"),
            (control("kernel.sem", ""), "systemControls.value"),
            (capability("NET_ADMIN"), ""),
            (capability("CAP_NET_ADMIN"), "linuxParameters.capabilities.add"),
            (mount("/t", 1, "mode=700"), ""),
            (mount("/t", 1, "noexec"), ""),
            (mount("t", 1, "ro"), "linuxParameters.tmpfs.containerPath"),
            (mount("/t", 0, "ro"), "linuxParameters.tmpfs.size"),
            (mount("/t", 1, "size=9"), "linuxParameters.tmpfs.mountOptions"),
            (swap(Some(0), Some(100)), ""),
            (swap(Some(-1), None), "linuxParameters.maxSwap"),
            (swap(Some(1), Some(101)), "linuxParameters.swappiness"),
        ] {
            assert_eq!(member(&given), refused, "{given:?}");
        }
    }

    #[test]
    fn modes_and_fargate_take_less() {
        let refused = |given: &Surroundings, mode| check(given, mode).is_err();
        assert!(refused(&named("web"), NetworkMode::Awsvpc) && !refused(&named(""), NetworkMode::Awsvpc));
        assert!(refused(&host("db", "10.0.0.9"), NetworkMode::Awsvpc));
        assert!(refused(&control("net.core.somaxconn", "9"), NetworkMode::Host));
        assert!(!refused(&control("kernel.sem", "9"), NetworkMode::Host));
        assert_eq!(fargate(&capability("SYS_PTRACE")), Ok(()));
        assert!(fargate(&capability("NET_ADMIN")).is_err());
        let shared = of_linux(LinuxParameters {
            shared_memory_mib: Some(1),
            ..LinuxParameters::default()
        });
        assert_eq!(
            fargate(&shared),
            Err(Fault::FargateMember("linuxParameters.sharedMemorySize"))
        );
    }
}
