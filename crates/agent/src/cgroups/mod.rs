//! Control groups of tasks: one group per task with the task's limits, in which the runtime makes one per container.
//!
//! What is written is worked out in `plan` from the layout alone and carried out here. Which limits a task has is decided
//! elsewhere; no process is ever moved or killed here.

mod layout;
mod plan;
mod usage;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

pub use layout::Layout;
pub use usage::{CpuTime, IoEntry, MemoryUse, Pids, Usage};

use nix::libc::EBUSY;
use plan::Step;

/// The limits of a task. What is absent is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The weight against other tasks when CPUs are scarce, 1024 for a whole CPU.
    pub cpu_shares: Option<u32>,
    /// The most CPU time that the task gets, 1024 for a whole CPU.
    pub cpu_units: Option<u32>,
    /// The most memory that the task gets; its containers are killed beyond it.
    pub memory_mib: Option<u32>,
}

/// The path of a group below the root of its tree, without a leading slash: `berth/<task id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupPath(String);

impl GroupPath {
    /// Takes a relative path of plain names.
    pub fn new(path: impl Into<String>) -> Result<Self, CgroupError> {
        let path = path.into();
        let plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains(['\0', '\n']);
        if path.split('/').all(plain) {
            Ok(Self(path))
        } else {
            Err(CgroupError::Path(path))
        }
    }

    /// The group `name` (a single plain name) in this one.
    pub fn join(&self, name: &str) -> Result<Self, CgroupError> {
        if name.contains('/') {
            return Err(CgroupError::Path(name.to_owned()));
        }
        Self::new(format!("{}/{name}", self.0))
    }

    /// As the OCI specification's `linux.cgroupsPath` wants it: absolute.
    #[must_use]
    pub fn to_oci(&self) -> String {
        format!("/{}", self.0)
    }

    fn under(&self, tree: &Path) -> PathBuf {
        tree.join(&self.0)
    }

    /// The directories of this group and its parents in a tree, the outermost first.
    fn below(&self, tree: &Path) -> Vec<PathBuf> {
        let mut directory = tree.to_path_buf();
        let mut enter = |name| {
            directory.push(name);
            directory.clone()
        };
        self.0.split('/').map(&mut enter).collect()
    }
}

/// Why a control group could not be made, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// This host has no usable control groups.
    #[error("no control groups with the cpu and memory controllers are mounted on this host")]
    Unsupported,
    /// Not a relative path of plain names.
    #[error("invalid control group path: {0:?}")]
    Path(String),
    /// The kernel refused a step.
    #[error("control groups: cannot {step}: {source}")]
    Step {
        /// What was tried.
        step: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// What came of removing a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, with the empty groups below it.
    Removed,
    /// There was none.
    Absent,
    /// Processes are still in it; nothing was done to them.
    Busy {
        /// Their ids, as far as they could be read.
        pids: Vec<u32>,
    },
}

/// What a group says of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What its processes use now, page cache included.
    pub usage_bytes: u64,
    /// The most it has used. Absent on kernels that do not tell (version 2 before 5.19).
    pub peak_bytes: Option<u64>,
    /// Its limit, if it has one of its own.
    pub limit_bytes: Option<u64>,
    /// How many of its processes the kernel killed for want of memory. On version 1 that is without the groups below.
    pub oom_kills: u64,
}

/// The control groups of this host.
#[derive(Clone, Debug)]
pub struct Cgroups {
    layout: Layout,
}

impl Cgroups {
    /// Looks at the mounts of this process.
    pub fn detect() -> Result<Self, CgroupError> {
        let path = "/proc/self/mountinfo";
        let mountinfo = fs::read_to_string(path).map_err(failed(format!("read {path}")))?;
        Layout::from_mountinfo(&mountinfo)
            .map(Self::new)
            .ok_or(CgroupError::Unsupported)
    }

    /// Uses a known layout.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Where control groups are mounted.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Makes the group and its parents, if they are not there, and gives it the limits.
    pub fn create(&self, group: &GroupPath, limits: &Limits) -> Result<(), CgroupError> {
        plan::create(&self.layout, group, limits).iter().try_for_each(perform)
    }

    /// Removes the group with all groups below it, also where only a runtime made it.
    pub fn remove(&self, group: &GroupPath) -> Result<Removal, CgroupError> {
        let mut removal = Removal::Absent;
        for tree in self.layout.all_trees() {
            let directory = group.under(tree);
            match remove_tree(&directory) {
                Ok(()) => removal = Removal::Removed,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.raw_os_error() == Some(EBUSY) => {
                    return Ok(Removal::Busy {
                        pids: processes(&directory),
                    });
                }
                Err(error) => return Err(failed(format!("remove {}", directory.display()))(error)),
            }
        }
        Ok(removal)
    }

    /// The names of the groups directly in this one, in any tree.
    #[must_use]
    pub fn children(&self, group: &GroupPath) -> BTreeSet<String> {
        let directories = self.layout.all_trees().into_iter().map(|tree| group.under(tree));
        let entries = directories
            .filter_map(|directory| fs::read_dir(directory).ok())
            .flatten();
        let groups = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        groups
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect()
    }

    /// Reads the memory counters of a group, a task's or a container's; `None` if there is no such group.
    pub fn memory(&self, group: &GroupPath) -> Result<Option<Memory>, CgroupError> {
        let Some(tree) = self.layout.tree("memory") else {
            return Ok(None);
        };
        let directory = group.under(tree);
        let memory = match self.layout {
            Layout::V1 { .. } => memory_v1(&directory),
            Layout::V2 { .. } => memory_v2(&directory),
        };
        match memory {
            Err(error) if error.kind() == ErrorKind::NotFound && !directory.exists() => Ok(None),
            memory => memory
                .map(Some)
                .map_err(failed(format!("read the memory of {}", directory.display()))),
        }
    }
}

fn failed(step: String) -> impl FnOnce(io::Error) -> CgroupError {
    move |source| CgroupError::Step { step, source }
}

fn perform(step: &Step) -> Result<(), CgroupError> {
    let done = match step {
        Step::Make(path) => make(path),
        Step::Write(path, value) => fs::write(path, value),
        Step::Inherit(path) => inherit(path),
        Step::Delegate(path) => delegate(path),
    };
    done.map_err(failed(step.to_string()))
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn inherit(path: &Path) -> io::Result<()> {
    if !fs::read_to_string(path)?.trim().is_empty() {
        return Ok(());
    }
    let (Some(file), Some(parent)) = (path.file_name(), path.parent().and_then(Path::parent)) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    fs::write(path, fs::read(parent.join(file))?)
}

/// Writes only when something is missing: on a host whose init manages the root this changes nothing.
fn delegate(path: &Path) -> io::Result<()> {
    let wanted = plan::delegation(&fs::read_to_string(path.join("cgroup.controllers"))?);
    let present = plan::delegation(&fs::read_to_string(path.join("cgroup.subtree_control"))?);
    if wanted == present {
        Ok(())
    } else {
        fs::write(path.join("cgroup.subtree_control"), wanted)
    }
}

/// Groups are removed from the innermost; the files in them go with them.
fn remove_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(directory)
}

fn processes(directory: &Path) -> Vec<u32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let mut pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let below = fs::read_dir(directory).into_iter().flatten().flatten();
    let groups = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    pids.extend(groups.flat_map(|entry| processes(&entry.path())));
    pids
}

/// What version 1 says for "no limit": the largest number of whole pages.
const UNLIMITED_V1: u64 = 1 << 62;

fn memory_v1(directory: &Path) -> io::Result<Memory> {
    let limit = number(&directory.join("memory.limit_in_bytes"))?;
    Ok(Memory {
        usage_bytes: number(&directory.join("memory.usage_in_bytes"))?,
        peak_bytes: Some(number(&directory.join("memory.max_usage_in_bytes"))?),
        limit_bytes: (limit < UNLIMITED_V1).then_some(limit),
        oom_kills: field(&directory.join("memory.oom_control"), "oom_kill")?,
    })
}

fn memory_v2(directory: &Path) -> io::Result<Memory> {
    Ok(Memory {
        usage_bytes: number(&directory.join("memory.current"))?,
        peak_bytes: number(&directory.join("memory.peak")).ok(),
        // The only text that is no number is "max".
        limit_bytes: fs::read_to_string(directory.join("memory.max"))?.trim().parse().ok(),
        oom_kills: field(&directory.join("memory.events"), "oom_kill")?,
    })
}

fn number(path: &Path) -> io::Result<u64> {
    fs::read_to_string(path)?.trim().parse().map_err(io::Error::other)
}

/// A counter from lines of names and numbers; 0 on kernels that do not have it.
fn field(path: &Path, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let words = text.lines().filter_map(|line| line.split_once(' '));
    Ok(words
        .into_iter()
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0))
}

#[cfg(test)]
mod tests;
