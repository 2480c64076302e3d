//! Which control groups this host has: version 1, version 2, or version 1 with an idle version 2 beside it (hybrid).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Controllers that a task's group uses.
pub(super) const CONTROLLERS: [&str; 4] = ["cpu", "cpuset", "memory", "pids"];

/// Where control groups are mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One tree per controller (several controllers may share one). Hybrid hosts count as this: their controllers are
    /// here, and runtimes use them here.
    V1 {
        /// The mount point of each of the controllers that Berth uses and that this host has.
        mounts: BTreeMap<&'static str, PathBuf>,
        /// The other trees, of controllers or none. Berth makes no groups there, but runtimes do, also the parents of
        /// those they were asked for, and nobody else removes them.
        others: Vec<PathBuf>,
    },
    /// One tree for all controllers.
    V2 {
        /// Its mount point.
        mount: PathBuf,
    },
}

impl Layout {
    /// Understands `/proc/self/mountinfo`. `None` if neither version is usable: version 1 needs the cpu and the memory
    /// controller.
    #[must_use]
    pub fn from_mountinfo(mountinfo: &str) -> Option<Self> {
        let trees: Vec<Mount<'_>> = mountinfo
            .lines()
            .filter_map(parse_line)
            .filter(Mount::is_tree)
            .collect();
        let mut mounts = BTreeMap::new();
        for Mount { point, options, .. } in trees.iter().filter(|tree| tree.kind == "cgroup") {
            let has = |name: &str| options.split(',').any(|option| option == name);
            for controller in CONTROLLERS.into_iter().filter(|name| has(name)) {
                mounts.entry(controller).or_insert_with(|| PathBuf::from(point));
            }
        }
        if mounts.contains_key("cpu") && mounts.contains_key("memory") {
            let points = trees.iter().map(|tree| PathBuf::from(tree.point));
            let others = points
                .filter(|point| !mounts.values().any(|used| used == point))
                .collect();
            return Some(Self::V1 { mounts, others });
        }
        let unified = trees
            .iter()
            .find(|tree| tree.kind == "cgroup2")
            .map(|tree| PathBuf::from(tree.point));
        unified.map(|mount| Self::V2 { mount })
    }

    /// The trees in which a runtime may have made groups.
    pub(super) fn all_trees(&self) -> Vec<&Path> {
        let mut trees = self.trees();
        if let Self::V1 { others, .. } = self {
            trees.extend(others.iter().map(PathBuf::as_path));
        }
        trees
    }

    /// The trees in which Berth makes groups, each once.
    pub(super) fn trees(&self) -> Vec<&Path> {
        match self {
            Self::V1 { mounts, .. } => {
                let mut trees: Vec<&Path> = mounts.values().map(PathBuf::as_path).collect();
                trees.sort_unstable();
                trees.dedup();
                trees
            }
            Self::V2 { mount } => vec![mount],
        }
    }

    /// The tree that a controller lives in.
    pub(super) fn tree(&self, controller: &str) -> Option<&Path> {
        match self {
            Self::V1 { mounts, .. } => mounts.get(controller).map(PathBuf::as_path),
            Self::V2 { mount } => Some(mount),
        }
    }
}

struct Mount<'a> {
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn is_tree(&self) -> bool {
        matches!(self.kind, "cgroup" | "cgroup2")
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: optional fields end at the dash.
fn parse_line(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    let mut after = after.split(' ');
    let kind = after.next()?;
    Some(Mount {
        point,
        kind,
        options: after.nth(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference machine: every controller alone, version 2 beside them without controllers.
    const HYBRID: &str = "\
24 23 0:5 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    /// Debian 10 and Amazon Linux 2 with systemd: controllers share trees, with optional fields.
    const V1: &str = "\
29 18 0:25 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
30 29 0:26 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
33 29 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,cpu,cpuacct
34 29 0:30 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:16 master:2 - cgroup cgroup rw,memory
35 29 0:31 / /sys/fs/cgroup/cpuset rw,nosuid,nodev,noexec,relatime shared:17 - cgroup cgroup rw,cpuset
";

    /// Debian 12 with systemd.
    const V2: &str = "\
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 24 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";

    fn check(mountinfo: &str, expected: &[(&'static str, &str)], others: &[&str]) {
        let mounts = expected
            .iter()
            .map(|(name, point)| (*name, PathBuf::from(point)))
            .collect();
        let others = others.iter().map(PathBuf::from).collect();
        assert_eq!(Layout::from_mountinfo(mountinfo), Some(Layout::V1 { mounts, others }));
    }

    #[test]
    fn version_1_knows_a_tree_for_each_controller() {
        let mounts = [
            ("cpu", "/sys/fs/cgroup/cpu,cpuacct"),
            ("memory", "/sys/fs/cgroup/memory"),
            ("cpuset", "/sys/fs/cgroup/cpuset"),
        ];
        check(V1, &mounts, &["/sys/fs/cgroup/systemd"]);
    }

    #[test]
    fn a_hybrid_host_counts_as_version_1() {
        let mounts = [
            ("cpu", "/sys/fs/cgroup/cpu"),
            ("cpuset", "/sys/fs/cgroup/cpuset"),
            ("memory", "/sys/fs/cgroup/memory"),
            ("pids", "/sys/fs/cgroup/pids"),
        ];
        let others = ["cpuacct", "devices", "systemd", "unified"].map(|name| format!("/sys/fs/cgroup/{name}"));
        check(HYBRID, &mounts, &others.each_ref().map(String::as_str));
    }

    #[test]
    fn version_2_is_one_tree() {
        assert_eq!(
            Layout::from_mountinfo(V2),
            Some(Layout::V2 {
                mount: "/sys/fs/cgroup".into()
            })
        );
    }

    #[test]
    fn without_control_groups_there_is_no_layout() {
        assert_eq!(
            Layout::from_mountinfo("24 30 0:22 / /sys rw - sysfs sysfs rw\nrubbish\n"),
            None
        );
        assert_eq!(
            Layout::from_mountinfo("1 2 0:3 / /c rw - cgroup cgroup rw,name=systemd\n"),
            None
        );
    }

    #[test]
    fn controllers_that_share_a_tree_have_it_once() {
        let layout = Layout::from_mountinfo("1 2 0:3 / /c rw - cgroup cgroup rw,cpu,memory,pids\n").unwrap();
        assert_eq!(layout.trees(), [Path::new("/c")]);
    }
}
