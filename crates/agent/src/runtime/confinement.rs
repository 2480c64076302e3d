//! What a container may do and sees beyond what every container may and sees: nouns only. How it becomes part of a
//! runtime specification stands in `oci_confinement`.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Changes of the usual confinement. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Whether the image's files cannot be written.
    pub read_only_root: bool,
    /// Whether it has all rights of the host's root, as Docker means it: all capabilities and devices, nothing masked.
    pub privileged: bool,
    /// Whether no program that it runs can gain rights.
    pub no_new_privileges: bool,
    /// Whether it may make every system call. Privileged containers may anyway.
    pub seccomp_unconfined: bool,
    /// Whether its process has a terminal.
    pub terminal: bool,
    /// Capabilities beside the usual ones, without the prefix `CAP_`; `ALL` for all that the kernel has.
    pub add_capabilities: Vec<String>,
    /// Usual capabilities that it lacks, spelled likewise.
    pub drop_capabilities: Vec<String>,
    /// Devices of the host.
    pub devices: Vec<Device>,
    /// The size of /dev/shm.
    pub shm_bytes: Option<u64>,
    /// File systems in memory.
    pub tmpfs: Vec<Tmpfs>,
    /// How much it may swap beside its memory limit.
    pub swap_bytes: Option<u64>,
    /// How readily it swaps, from 0 to 100.
    pub swappiness: Option<u64>,
    /// Kernel parameters.
    pub sysctl: BTreeMap<String, String>,
    /// A program of the host that is started first, reaps orphans and passes signals on to the container's own.
    pub init: Option<PathBuf>,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its place in the container.
    pub path: String,
    /// `c` or `b`, its type.
    pub kind: char,
    /// Its major number.
    pub major: u64,
    /// Its minor number.
    pub minor: u64,
    /// The permissions of its file.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Letters among `r`, `w` and `m`.
    pub access: String,
}

/// A file system in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tmpfs {
    /// Where it is mounted.
    pub path: String,
    /// The most that it holds.
    pub size_bytes: u64,
    /// Options of mount(8).
    pub options: Vec<String>,
}
