//! The specification that runc reads, built from the plain description: Docker's default mounts,
//! capabilities, devices, masked and read-only paths. Pure. It is written as JSON, because it is
//! a document for another program: the golden tests read like the document itself.
//!
//! Not here yet: AppArmor profiles.

use serde_json::{Value, json};

use super::oci_confinement::confine;
use super::process::set_env;
use super::seccomp::filter_calls;
use super::spec::{BindMount, ContainerSpec, NetworkNamespace, Resources, Rlimit};
use super::traits::{CgroupVersion, HostTraits};
use super::users::ResolvedUser;

/// The annotation by which containers of one task share a shim.
pub(super) const SHIM_GROUP: &str = "io.containerd.runc.v2.group";
/// The limit of open files in runc's words.
const OPEN_FILES: &str = "RLIMIT_NOFILE";
const CPU_PERIOD_US: u64 = 100_000;

const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

const MASKED_PATHS: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

const READONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// The OCI runtime specification of `spec` for a process of `user` on a host with these `traits`.
pub fn runtime_spec(spec: &ContainerSpec, user: &ResolvedUser, traits: HostTraits) -> Value {
    let mut annotations = spec.annotations.clone();
    if let Some(group) = &spec.shim_group {
        annotations.insert(SHIM_GROUP.to_owned(), group.clone());
    }
    let mut document = json!({
        "ociVersion": "1.0.2",
        "process": process(spec, user, traits),
        "root": { "path": "rootfs" },
        "mounts": mounts(&spec.mounts),
        "annotations": annotations,
        "linux": {
            "cgroupsPath": spec.cgroup.to_oci(),
            "resources": resources(&spec.resources, traits),
            "namespaces": namespaces(&spec.network, traits),
            "maskedPaths": MASKED_PATHS,
            "readonlyPaths": READONLY_PATHS,
        },
    });
    if let Some(hostname) = &spec.hostname {
        document["hostname"] = json!(hostname);
    }
    if spec.network != NetworkNamespace::Host {
        // As Docker: ports below 1024 and ping need no privilege inside a container's own network.
        document["linux"]["sysctl"] = json!({
            "net.ipv4.ip_unprivileged_port_start": "0",
            "net.ipv4.ping_group_range": "0 2147483647",
        });
    }
    confine(&mut document, spec, traits);
    filter_calls(&mut document, &spec.confinement, traits);
    spec.edits.apply(&mut document);
    document
}

fn process(spec: &ContainerSpec, user: &ResolvedUser, traits: HostTraits) -> Value {
    let mut env = spec.process.env.clone();
    if let Some(hostname) = &spec.hostname
        && !env.iter().any(|entry| entry.starts_with("HOSTNAME="))
    {
        set_env(&mut env, format!("HOSTNAME={hostname}"));
    }
    spec.edits.apply_env(&mut env);
    let rlimits: Vec<Value> = spec.rlimits.iter().map(|limit| rlimit(limit, traits)).collect();
    json!({
        "terminal": false,
        "user": { "uid": user.uid, "gid": user.gid, "additionalGids": user.additional_gids },
        "args": spec.process.args,
        "env": env,
        "cwd": spec.process.cwd,
        "capabilities": capabilities(user),
        "rlimits": rlimits,
        "noNewPrivileges": false,
        // Not inherited: the shim protects itself from the OOM killer, its containers must not be.
        "oomScoreAdj": 0,
    })
}

fn rlimit(limit: &Rlimit, traits: HostTraits) -> Value {
    let lowered = |value: u64| match limit.is_default && limit.kind == OPEN_FILES {
        true => value.min(traits.open_files),
        false => value,
    };
    json!({ "type": limit.kind, "soft": lowered(limit.soft), "hard": lowered(limit.hard) })
}

/// Only root has capabilities at once; others get them through set-user-id programs within the
/// bounding set.
fn capabilities(user: &ResolvedUser) -> Value {
    if user.uid == 0 {
        json!({
            "bounding": CAPABILITIES,
            "effective": CAPABILITIES,
            "permitted": CAPABILITIES,
        })
    } else {
        json!({ "bounding": CAPABILITIES })
    }
}

fn mounts(binds: &[BindMount]) -> Vec<Value> {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": source, "options": options });
    let closed = ["nosuid", "noexec", "nodev"];
    let mut mounts = vec![
        mount("/proc", "proc", "proc", &closed),
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["ro", "nosuid", "noexec", "nodev"],
        ),
        mount("/dev/mqueue", "mqueue", "mqueue", &closed),
        mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
    ];
    mounts.extend(binds.iter().map(|bind| {
        let access = if bind.read_only { "ro" } else { "rw" };
        let source = bind.source.display().to_string();
        mount(&bind.destination, "bind", &source, &["rbind", access, "rprivate"])
    }));
    mounts
}

fn namespaces(network: &NetworkNamespace, traits: HostTraits) -> Vec<Value> {
    let mut namespaces: Vec<Value> = ["mount", "uts", "pid", "ipc"]
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    match network {
        NetworkNamespace::Host => {}
        NetworkNamespace::Path(path) => {
            namespaces.push(json!({ "type": "network", "path": path.display().to_string() }));
        }
        NetworkNamespace::New => namespaces.push(json!({ "type": "network" })),
    }
    if traits.cgroup_version == CgroupVersion::V2 {
        namespaces.push(json!({ "type": "cgroup" }));
    }
    namespaces
}

fn resources(resources: &Resources, traits: HostTraits) -> Value {
    let mut document = json!({ "devices": devices() });
    let mut memory = serde_json::Map::new();
    if let Some(limit) = resources.memory_limit_bytes {
        memory.insert("limit".to_owned(), json!(limit));
        if traits.swap_limit {
            // Docker's default: as much swap as memory.
            memory.insert("swap".to_owned(), json!(limit.saturating_mul(2)));
        }
    }
    if let Some(reservation) = resources.memory_reservation_bytes {
        memory.insert("reservation".to_owned(), json!(reservation));
    }
    if !memory.is_empty() {
        document["memory"] = Value::Object(memory);
    }
    let mut cpu = serde_json::Map::new();
    if let Some(shares) = resources.cpu_shares {
        cpu.insert("shares".to_owned(), json!(shares));
    }
    if let Some(quota) = resources.cpu_quota_us {
        cpu.insert("quota".to_owned(), json!(quota));
        cpu.insert("period".to_owned(), json!(CPU_PERIOD_US));
    }
    if !cpu.is_empty() {
        document["cpu"] = Value::Object(cpu);
    }
    document
}

/// Everything is denied but null, zero, full, random, urandom and the terminals.
fn devices() -> Vec<Value> {
    let allowed = [(1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1)];
    let mut rules = vec![json!({ "allow": false, "access": "rwm" })];
    rules.extend(
        allowed.map(
            |(major, minor)| json!({ "allow": true, "type": "c", "major": major, "minor": minor, "access": "rwm" }),
        ),
    );
    rules.push(json!({ "allow": false, "type": "c", "major": 10, "minor": 229, "access": "rwm" }));
    rules
}

#[cfg(test)]
#[path = "oci_tests.rs"]
mod tests;
