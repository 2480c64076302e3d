//! The plain description of a container, as the agent's brain states it: nouns only.
//! How it becomes a runtime specification stands in `oci`; what a process runs, in `process`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::confinement::Confinement;
use super::edits::ContainerEdits;
use crate::cgroups::GroupPath;

/// Everything that a container is created from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Unique on this machine; letters, digits, `-`, `_` and `.`, at most 76 characters.
    pub id: String,
    /// The unpacked image below its root file system.
    pub image: RootImage,
    /// What runs.
    pub process: Process,
    /// The host name inside; the host's own when none is given.
    pub hostname: Option<String>,
    /// Which network it sees.
    pub network: NetworkNamespace,
    /// Files and directories of the host, `/etc/hosts` and its like included.
    pub mounts: Vec<BindMount>,
    /// Limits and weights.
    pub resources: Resources,
    /// What devices of the host want changed.
    pub edits: ContainerEdits,
    /// Limits per process.
    pub rlimits: Vec<Rlimit>,
    /// What it may do and sees beyond the usual.
    pub confinement: Confinement,
    /// Its own control group, in that of its task; made when missing.
    pub cgroup: GroupPath,
    /// Where its output goes.
    pub stdio: Stdio,
    /// Containers of one group share one shim. The group's first member must be started before
    /// the others are.
    pub shim_group: Option<String>,
    /// Found again by [`super::Containerd::list`].
    pub labels: BTreeMap<String, String>,
    /// Handed to the runtime.
    pub annotations: BTreeMap<String, String>,
}

/// An unpacked image, as a pull answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootImage {
    /// The full name, for people who list containers.
    pub name: String,
    /// The key of the snapshot of all its layers.
    pub chain_id: String,
}

/// A process with every default of its image already applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// `NAME=value` each.
    pub env: Vec<String>,
    /// An absolute directory; made when the image lacks it.
    pub cwd: String,
    /// `user`, `uid`, `user:group`, `uid:gid` or empty for root, resolved inside the image.
    pub user: String,
}

/// Which network a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkNamespace {
    /// The host's.
    Host,
    /// A namespace that somebody else made.
    Path(PathBuf),
    /// A new and empty one.
    New,
}

/// A piece of the host inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindMount {
    /// On the host; must exist.
    pub source: PathBuf,
    /// Inside; made when missing.
    pub destination: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
}

/// Limits and weights of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resources {
    /// Hard limit: more is an OOM kill.
    pub memory_limit_bytes: Option<u64>,
    /// Soft limit under memory pressure.
    pub memory_reservation_bytes: Option<u64>,
    /// Relative weight; 1024 is one vCPU in ECS's terms.
    pub cpu_shares: Option<u64>,
    /// Processor time per period of 100 ms; a hard limit.
    pub cpu_quota_us: Option<i64>,
}

/// One limit of setrlimit(2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// For example `RLIMIT_NOFILE`.
    pub kind: String,
    /// The limit that holds.
    pub soft: u64,
    /// The ceiling up to which the process may raise it.
    pub hard: u64,
    /// Whether it is lowered to what the host allows, as a default is. What was asked for is refused where it cannot be had.
    pub is_default: bool,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdio {
    /// To /dev/null.
    Null,
    /// To a logger, for example `binary:///usr/bin/berth?log=...`: the shim starts it per container,
    /// so that it outlives the agent.
    Log(String),
}
