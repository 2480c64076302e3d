//! What the host's kernel offers that changes a container's specification: the cgroup version,
//! whether swap can be limited and system calls filtered. Detected once, passed in as data. It sets nothing up.

use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

use crate::cgroups::{CgroupError, Cgroups, Layout};

/// What every Linux allows.
const LEAST_OPEN_FILES: u64 = 4096;

/// There if the kernel was built with filters of system calls.
const SECCOMP: &str = "/proc/sys/kernel/seccomp/actions_avail";

/// The version of the control groups that limit memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One tree per controller.
    V1,
    /// One tree for all.
    V2,
}

/// The host's traits that a specification depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostTraits {
    /// The control groups that limit memory.
    pub cgroup_version: CgroupVersion,
    /// Whether swap can be limited together with memory.
    pub swap_limit: bool,
    /// The most files that a process of a container can have open: containerd's own hard limit, which runc cannot exceed
    /// everywhere.
    pub open_files: u64,
    /// The capabilities that a container can have, one bit each.
    pub capabilities: u64,
    /// Whether the kernel can filter system calls.
    pub seccomp: bool,
}

impl HostTraits {
    /// Looks at the mounted control groups, and at the process of containerd.
    pub fn detect(containerd: Option<i32>) -> Result<Self, CgroupError> {
        let open_files = open_files(containerd);
        // containerd has what we have: we start it, or one init starts both.
        let capabilities = capabilities(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        let seccomp = Path::new(SECCOMP).exists();
        Ok(match Cgroups::detect()?.layout() {
            Layout::V1 { mounts, .. } => Self {
                cgroup_version: CgroupVersion::V1,
                swap_limit: mounts
                    .get("memory")
                    .is_some_and(|memory| memory.join("memory.memsw.limit_in_bytes").exists()),
                open_files,
                capabilities,
                seccomp,
            },
            Layout::V2 { mount } => Self {
                cgroup_version: CgroupVersion::V2,
                swap_limit: limits_swap(mount),
                open_files,
                capabilities,
                seccomp,
            },
        })
    }
}

/// Where its process cannot be seen, containerd has as much as we have: we start it, or one init starts both.
fn open_files(containerd: Option<i32>) -> u64 {
    let limits = containerd.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/limits")).ok());
    let own = || getrlimit(Resource::RLIMIT_NOFILE).map_or(LEAST_OPEN_FILES, |(_, hard)| hard);
    limits.and_then(|text| hard_open_files(&text)).unwrap_or_else(own)
}

/// What a process can pass on: what it has itself, of `/proc/PID/status`.
fn capabilities(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0)
}

/// `Max open files            1024                 524288               files`
fn hard_open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// The root group has no such file; our own group has it if the kernel can.
fn limits_swap(unified: &Path) -> bool {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::/"));
    own.is_some_and(|own| unified.join(own).join("memory.swap.max").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_containerd_s_open_files_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max core file size        0                    unlimited            bytes     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(hard_open_files(limits), Some(524_288));
        assert_eq!(hard_open_files(""), None);
        let own = std::process::id().cast_signed();
        assert_eq!(open_files(Some(own)), open_files(None));
    }
    #[test]
    fn capabilities_are_read() {
        assert_eq!(
            capabilities("Name:\tx\nCapEff:\t000001fffeffffff\nCapBnd:\t0\n"),
            0x1ff_feff_ffff
        );
        assert_eq!(capabilities(""), 0);
    }
}
