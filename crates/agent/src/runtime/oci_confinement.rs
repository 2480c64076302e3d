//! A container's confinement in the specification that runc reads, with the meanings that Docker gives to it. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::confinement::{Confinement, Device, Tmpfs};
use super::process::set_env;
use super::spec::ContainerSpec;
use super::traits::{CgroupVersion, HostTraits};

/// Where the first program is in the container, as in Docker.
const INIT: &str = "/sbin/docker-init";
/// What a program on a terminal is told of it, unless its image says otherwise.
const TERMINAL: &str = "TERM=xterm";

/// The kernel's capabilities, by their numbers.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Changes a specification with the usual confinement into that of `spec`.
pub(super) fn confine(document: &mut Value, spec: &ContainerSpec, traits: HostTraits) {
    let confinement = &spec.confinement;
    if confinement.read_only_root {
        document["root"]["readonly"] = json!(true);
    }
    if confinement.no_new_privileges {
        document["process"]["noNewPrivileges"] = json!(true);
    }
    change_capabilities(document, confinement, traits);
    if confinement.privileged {
        open_up(document);
    }
    add_devices(document, &confinement.devices);
    change_mounts(document, confinement);
    change_memory(document, spec, traits);
    for (name, value) in &confinement.sysctl {
        document["linux"]["sysctl"][name] = json!(value);
    }
    if confinement.terminal {
        document["process"]["terminal"] = json!(true);
        name_terminal(document);
    }
    if let Some(init) = &confinement.init {
        let options = ["rbind", "ro", "rprivate"];
        let mount =
            json!({ "destination": INIT, "type": "bind", "source": init.display().to_string(), "options": options });
        list(&mut document["mounts"]).push(mount);
        let arguments = list(&mut document["process"]["args"]);
        arguments.splice(0..0, [json!(INIT), json!("--")]);
    }
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().expect("the specification has lists here")
}

/// The usual ones, without those that are dropped, with those that are added. `ALL` makes a list mean all but the other's.
fn change_capabilities(document: &mut Value, confinement: &Confinement, traits: HostTraits) {
    let (add, drop) = (&confinement.add_capabilities, &confinement.drop_capabilities);
    if !confinement.privileged && add.is_empty() && drop.is_empty() {
        return;
    }
    let can_have = |number: usize| traits.capabilities >> number & 1 == 1;
    let known = CAPABILITIES.iter().enumerate().filter(|(number, _)| can_have(*number));
    let all: BTreeSet<String> = known.map(|(_, name)| format!("CAP_{name}")).collect();
    let named = |names: &[String]| names.iter().map(|name| format!("CAP_{name}")).collect::<BTreeSet<_>>();
    let (added, dropped) = (named(add), named(drop));
    let every = |names: &BTreeSet<String>| names.contains("CAP_ALL");
    let usual = list(&mut document["process"]["capabilities"]["bounding"]).iter();
    let usual: BTreeSet<String> = usual.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let wanted: BTreeSet<String> = if confinement.privileged {
        all
    } else if every(&added) {
        all.difference(&dropped).cloned().collect()
    } else if every(&dropped) {
        added
    } else {
        usual.difference(&dropped).chain(&added).cloned().collect()
    };
    if let Some(sets) = document["process"]["capabilities"].as_object_mut() {
        sets.values_mut().for_each(|set| *set = json!(wanted));
    }
}

/// Nothing of the host is hidden or read-only, and every device may be used.
fn open_up(document: &mut Value) {
    document["linux"]["maskedPaths"] = json!([]);
    document["linux"]["readonlyPaths"] = json!([]);
    document["linux"]["resources"]["devices"] = json!([{ "allow": true, "access": "rwm" }]);
    for mount in list(&mut document["mounts"]) {
        if ["sysfs", "cgroup"].contains(&mount["type"].as_str().unwrap_or_default()) {
            list(&mut mount["options"]).retain(|option| option != "ro");
        }
    }
}

fn add_devices(document: &mut Value, devices: &[Device]) {
    if devices.is_empty() {
        return;
    }
    let rules = list(&mut document["linux"]["resources"]["devices"]);
    rules.extend(devices.iter().map(|device| {
        json!({ "allow": true, "type": device.kind, "major": device.major, "minor": device.minor, "access": device.access })
    }));
    let nodes = devices.iter().map(|device| {
        json!({ "path": device.path, "type": device.kind, "major": device.major, "minor": device.minor,
            "fileMode": device.mode, "uid": device.uid, "gid": device.gid })
    });
    let linux = &mut document["linux"];
    if linux["devices"].is_null() {
        linux["devices"] = json!([]);
    }
    list(&mut linux["devices"]).extend(nodes);
}

/// File systems in memory come before files of the host, which may lie in them; one that is asked for takes the place of a
/// usual one.
fn change_mounts(document: &mut Value, confinement: &Confinement) {
    let mounts = list(&mut document["mounts"]);
    if let Some(bytes) = confinement.shm_bytes {
        for mount in mounts.iter_mut().filter(|mount| mount["destination"] == "/dev/shm") {
            let options = list(&mut mount["options"]);
            options.retain(|option| !option.as_str().unwrap_or_default().starts_with("size="));
            options.push(json!(format!("size={bytes}")));
        }
    }
    mounts.retain(|mount| {
        !confinement
            .tmpfs
            .iter()
            .any(|asked| mount["destination"] == *asked.path.as_str())
    });
    let first_bind = mounts
        .iter()
        .position(|mount| mount["type"] == "bind")
        .unwrap_or(mounts.len());
    mounts.splice(first_bind..first_bind, confinement.tmpfs.iter().map(tmpfs));
}

fn tmpfs(mount: &Tmpfs) -> Value {
    let mut options: Vec<String> = ["noexec", "nosuid", "nodev", "rprivate"].map(str::to_owned).to_vec();
    for option in mount.options.iter().filter(|option| *option != "defaults") {
        // What is said later counts.
        let about = subject(option);
        options.retain(|earlier| subject(earlier) != about);
        options.push(option.clone());
    }
    options.push(format!("size={}", mount.size_bytes));
    json!({ "destination": mount.path, "type": "tmpfs", "source": "tmpfs", "options": options })
}

/// What an option is about: `exec` and `noexec` are about the same.
fn subject(option: &str) -> &str {
    const PROPAGATION: [&str; 8] = [
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "unbindable",
        "runbindable",
    ];
    let name = option.split('=').next().unwrap_or(option);
    match name {
        "ro" | "rw" => "rw",
        "sync" | "async" => "sync",
        name if PROPAGATION.contains(&name) => "propagation",
        name => name.strip_prefix("no").unwrap_or(name),
    }
}

/// Swap is limited together with memory, so without a limit of memory there is none of swap.
fn change_memory(document: &mut Value, spec: &ContainerSpec, traits: HostTraits) {
    let limits = spec.resources.memory_limit_bytes.zip(spec.confinement.swap_bytes);
    let Some((memory, swap)) = limits.filter(|_| traits.swap_limit) else {
        return;
    };
    document["linux"]["resources"]["memory"]["swap"] = json!(memory.saturating_add(swap));
    if let Some(swappiness) = spec.confinement.swappiness
        && traits.cgroup_version == CgroupVersion::V1
    {
        document["linux"]["resources"]["memory"]["swappiness"] = json!(swappiness);
    }
}

fn name_terminal(document: &mut Value) {
    let said = document["process"]["env"].as_array().cloned().unwrap_or_default();
    let mut env: Vec<String> = said.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    if !env.iter().any(|entry| entry.starts_with("TERM=")) {
        set_env(&mut env, TERMINAL.to_owned());
    }
    document["process"]["env"] = json!(env);
}
