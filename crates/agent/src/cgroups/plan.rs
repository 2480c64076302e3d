//! What is written to make a task's control group. Pure: paths, layout and limits in, steps out.

use std::fmt;
use std::path::{Path, PathBuf};

use super::layout::CONTROLLERS;
use super::{GroupPath, Layout, Limits};

/// The period of CPU quotas, as ECS's agent sets it.
const PERIOD_US: u64 = 100_000;
/// The kernel's least quota.
const LEAST_QUOTA_US: u64 = 1_000;
const UNITS_OF_CPU: u64 = 1024;

/// One step of making a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the directory, unless it is there.
    Make(PathBuf),
    /// Write the value.
    Write(PathBuf, String),
    /// Copy the value from the same file of the parent group, unless there is a value already: no process can join a
    /// version 1 group with empty cpusets.
    Inherit(PathBuf),
    /// Let the groups below use those of Berth's controllers that this group may use itself.
    Delegate(PathBuf),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(path) => write!(f, "make {}", path.display()),
            Self::Write(path, value) => write!(f, "write {} {value}", path.display()),
            Self::Inherit(path) => write!(f, "inherit {}", path.display()),
            Self::Delegate(path) => write!(f, "delegate {}", path.display()),
        }
    }
}

/// The steps that make `group` with its parents and give it `limits`.
pub(super) fn create(layout: &Layout, group: &GroupPath, limits: &Limits) -> Vec<Step> {
    match layout {
        Layout::V1 { .. } => create_v1(layout, group, limits),
        Layout::V2 { mount } => create_v2(mount, group, limits),
    }
}

fn create_v1(layout: &Layout, group: &GroupPath, limits: &Limits) -> Vec<Step> {
    let mut steps = Vec::new();
    for tree in layout.trees() {
        for directory in group.below(tree) {
            steps.push(Step::Make(directory.clone()));
            if layout.tree("cpuset") == Some(tree) {
                steps.push(Step::Inherit(directory.join("cpuset.cpus")));
                steps.push(Step::Inherit(directory.join("cpuset.mems")));
            }
        }
    }
    let mut write = |controller: &str, file: &str, value: u64| {
        if let Some(tree) = layout.tree(controller) {
            steps.push(Step::Write(group.under(tree).join(file), value.to_string()));
        }
    };
    if let Some(shares) = limits.cpu_shares {
        write("cpu", "cpu.shares", clamp_shares(shares));
    }
    if let Some(units) = limits.cpu_units {
        write("cpu", "cpu.cfs_period_us", PERIOD_US);
        write("cpu", "cpu.cfs_quota_us", quota_us(units));
    }
    if let Some(mib) = limits.memory_mib {
        write("memory", "memory.limit_in_bytes", bytes(mib));
    }
    steps
}

fn create_v2(mount: &Path, group: &GroupPath, limits: &Limits) -> Vec<Step> {
    let mut steps = vec![Step::Delegate(mount.to_path_buf())];
    for directory in group.below(mount) {
        steps.push(Step::Make(directory.clone()));
        steps.push(Step::Delegate(directory));
    }
    let mut write = |file: &str, value: String| steps.push(Step::Write(group.under(mount).join(file), value));
    if let Some(shares) = limits.cpu_shares {
        write("cpu.weight", weight(shares).to_string());
    }
    if let Some(units) = limits.cpu_units {
        write("cpu.max", format!("{} {PERIOD_US}", quota_us(units)));
    }
    if let Some(mib) = limits.memory_mib {
        write("memory.max", bytes(mib).to_string());
    }
    steps
}

/// The line for `cgroup.subtree_control` that hands on those of Berth's controllers that `available` (the text of
/// `cgroup.controllers`) names.
pub(super) fn delegation(available: &str) -> String {
    let has = |name: &&str| available.split_whitespace().any(|word| word == *name);
    CONTROLLERS
        .iter()
        .filter(|name| has(name))
        .map(|name| format!("+{name}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quota_us(cpu_units: u32) -> u64 {
    (u64::from(cpu_units) * PERIOD_US / UNITS_OF_CPU).max(LEAST_QUOTA_US)
}

fn clamp_shares(shares: u32) -> u64 {
    u64::from(shares).clamp(2, 262_144)
}

/// Shares (2 to 262144) as a weight (1 to 10000), as runc converts them.
fn weight(shares: u32) -> u64 {
    1 + (clamp_shares(shares) - 2) * 9_999 / 262_142
}

fn bytes(mib: u32) -> u64 {
    u64::from(mib) << 20
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const FULL: Limits = Limits {
        cpu_shares: Some(512),
        cpu_units: Some(256),
        memory_mib: Some(512),
    };

    fn check(mountinfo: &str, limits: &Limits, expected: &Expect) {
        let layout = Layout::from_mountinfo(mountinfo).unwrap();
        let steps = create(&layout, &GroupPath::new("berth/0123abcd").unwrap(), limits);
        expected.assert_eq(&steps.iter().map(|step| format!("{step}\n")).collect::<String>());
    }

    #[test]
    fn version_2_delegates_on_the_way_down() {
        check(
            "1 2 0:3 / /cg rw - cgroup2 cgroup2 rw",
            &FULL,
            &expect![[r#"
                delegate /cg
                make /cg/berth
                delegate /cg/berth
                make /cg/berth/0123abcd
                delegate /cg/berth/0123abcd
                write /cg/berth/0123abcd/cpu.weight 20
                write /cg/berth/0123abcd/cpu.max 25000 100000
                write /cg/berth/0123abcd/memory.max 536870912
            "#]],
        );
    }

    #[test]
    fn version_1_makes_every_tree_and_fills_cpusets() {
        check(
            "1 2 0:3 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
             1 2 0:4 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n\
             1 2 0:5 / /cg/memory rw - cgroup cgroup rw,memory",
            &FULL,
            &expect![[r#"
                make /cg/cpu/berth
                make /cg/cpu/berth/0123abcd
                make /cg/cpuset/berth
                inherit /cg/cpuset/berth/cpuset.cpus
                inherit /cg/cpuset/berth/cpuset.mems
                make /cg/cpuset/berth/0123abcd
                inherit /cg/cpuset/berth/0123abcd/cpuset.cpus
                inherit /cg/cpuset/berth/0123abcd/cpuset.mems
                make /cg/memory/berth
                make /cg/memory/berth/0123abcd
                write /cg/cpu/berth/0123abcd/cpu.shares 512
                write /cg/cpu/berth/0123abcd/cpu.cfs_period_us 100000
                write /cg/cpu/berth/0123abcd/cpu.cfs_quota_us 25000
                write /cg/memory/berth/0123abcd/memory.limit_in_bytes 536870912
            "#]],
        );
    }

    #[test]
    fn without_limits_nothing_is_written() {
        let limits = Limits::default();
        check(
            "1 2 0:3 / /cg rw - cgroup2 cgroup2 rw",
            &limits,
            &expect![[r#"
            delegate /cg
            make /cg/berth
            delegate /cg/berth
            make /cg/berth/0123abcd
            delegate /cg/berth/0123abcd
        "#]],
        );
    }

    #[test]
    fn only_controllers_that_are_there_are_handed_on() {
        assert_eq!(
            delegation("cpuset cpu io memory hugetlb pids\n"),
            "+cpu +cpuset +memory +pids"
        );
        assert_eq!(delegation("memory\n"), "+memory");
        assert_eq!(delegation("\n"), "");
    }

    #[test]
    fn numbers_stay_in_the_kernels_bounds() {
        assert_eq!(
            (weight(0), weight(2), weight(1024), weight(262_144), weight(u32::MAX)),
            (1, 1, 39, 10_000, 10_000)
        );
        assert_eq!(
            (quota_us(1), quota_us(1024), quota_us(196_608)),
            (1_000, 100_000, 19_200_000)
        );
    }
}
