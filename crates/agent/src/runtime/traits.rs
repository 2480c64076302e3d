//! What the host's kernel offers that changes a container's specification: the cgroup version
//! and whether swap can be limited. Detected once, passed in as data. It sets nothing up.

use std::fs;
use std::path::Path;

use crate::cgroups::{CgroupError, Cgroups, Layout};

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
}

impl HostTraits {
    /// Looks at the mounted control groups.
    pub fn detect() -> Result<Self, CgroupError> {
        Ok(match Cgroups::detect()?.layout() {
            Layout::V1 { mounts, .. } => Self {
                cgroup_version: CgroupVersion::V1,
                swap_limit: mounts
                    .get("memory")
                    .is_some_and(|memory| memory.join("memory.memsw.limit_in_bytes").exists()),
            },
            Layout::V2 { mount } => Self {
                cgroup_version: CgroupVersion::V2,
                swap_limit: limits_swap(mount),
            },
        })
    }
}

/// The root group has no such file; our own group has it if the kernel can.
fn limits_swap(unified: &Path) -> bool {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = memberships.lines().find_map(|line| line.strip_prefix("0::/"));
    own.is_some_and(|own| unified.join(own).join("memory.swap.max").exists())
}
