//! Tests of carrying out: version 2 on a made-up tree of plain files, the host's own version for real where root may.

use std::process::{Child, Command, Stdio};

use super::*;

fn group(path: &str) -> GroupPath {
    GroupPath::new(path).unwrap()
}

fn write(path: PathBuf, text: &str) {
    fs::write(path, text).unwrap();
}

/// A directory that looks like a version 2 tree whose group `berth/t` exists already, as after a restart.
fn version_2() -> (tempfile::TempDir, Cgroups) {
    let root = tempfile::tempdir().unwrap();
    for directory in ["", "berth", "berth/t"] {
        let directory = root.path().join(directory);
        fs::create_dir_all(&directory).unwrap();
        write(directory.join("cgroup.controllers"), "cpuset cpu io memory pids\n");
        write(directory.join("cgroup.subtree_control"), "");
    }
    let layout = Layout::V2 {
        mount: root.path().to_path_buf(),
    };
    (root, Cgroups::new(layout))
}

#[test]
fn paths_stay_below_the_tree() {
    for path in ["", "/berth", "berth/", "berth//t", "../etc", "berth/..", "a\nb"] {
        assert!(GroupPath::new(path).is_err(), "{path:?}");
    }
    assert_eq!(group("berth/t").join("web").unwrap().to_oci(), "/berth/t/web");
    assert!(group("berth").join("a/b").is_err());
}

#[test]
fn version_2_is_written_as_planned() {
    let (root, cgroups) = version_2();
    let limits = Limits {
        cpu_shares: Some(1024),
        cpu_units: Some(2048),
        memory_mib: Some(64),
    };
    cgroups.create(&group("berth/t"), &limits).unwrap();
    let read = |file: &str| fs::read_to_string(root.path().join(file)).unwrap();
    assert_eq!(read("berth/cgroup.subtree_control"), "+cpu +cpuset +memory +pids");
    assert_eq!(read("berth/t/cpu.max"), "200000 100000");
    assert_eq!(read("berth/t/memory.max"), "67108864");
}

#[test]
fn version_2_memory_is_read() {
    let (root, cgroups) = version_2();
    let directory = root.path().join("berth/t");
    write(directory.join("memory.current"), "4096\n");
    write(directory.join("memory.max"), "max\n");
    write(
        directory.join("memory.events"),
        "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n",
    );
    let expected = Memory {
        usage_bytes: 4096,
        peak_bytes: None,
        limit_bytes: None,
        oom_kills: 2,
    };
    assert_eq!(cgroups.memory(&group("berth/t")).unwrap(), Some(expected));
    assert_eq!(cgroups.memory(&group("berth/absent")).unwrap(), None);
}

#[test]
fn version_1_memory_is_read() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("t");
    fs::create_dir(&directory).unwrap();
    write(directory.join("memory.usage_in_bytes"), "4096\n");
    write(directory.join("memory.max_usage_in_bytes"), "8192\n");
    write(directory.join("memory.limit_in_bytes"), "9223372036854771712\n");
    write(
        directory.join("memory.oom_control"),
        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    );
    let mounts = [("memory", root.path().to_path_buf())].into();
    let memory = Cgroups::new(Layout::V1 { mounts, others: vec![] })
        .memory(&group("t"))
        .unwrap()
        .unwrap();
    assert_eq!(
        memory,
        Memory {
            usage_bytes: 4096,
            peak_bytes: Some(8192),
            limit_bytes: None,
            oom_kills: 1
        }
    );
}

/// A process in all trees' group, killed and waited for at the end.
struct Guest(Child);

impl Guest {
    fn enter(cgroups: &Cgroups, group: &GroupPath) -> Self {
        let child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        for tree in cgroups.layout.trees() {
            fs::write(group.under(tree).join("cgroup.procs"), child.id().to_string()).unwrap();
        }
        Self(child)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// On the host's own control groups, whichever version they are; needs root, as the agent does.
#[test]
fn the_hosts_groups_hold_processes_and_are_removed() {
    assert!(nix::unistd::geteuid().is_root(), "run the agent's tests as root");
    let cgroups = Cgroups::detect().unwrap();
    let prefix = group(&format!("berth-test-{}", std::process::id()));
    let task = prefix.join("task").unwrap();
    let limits = Limits {
        cpu_shares: Some(512),
        cpu_units: Some(512),
        memory_mib: Some(64),
    };
    cgroups.create(&task, &limits).unwrap();
    cgroups.create(&task, &limits).unwrap();
    let container = task.join("web").unwrap();
    cgroups.create(&container, &Limits::default()).unwrap();

    let by_runtime: Vec<PathBuf> = cgroups
        .layout
        .all_trees()
        .iter()
        .map(|tree| container.under(tree))
        .collect();
    by_runtime
        .iter()
        .for_each(|directory| fs::create_dir_all(directory).unwrap());

    let guest = Guest::enter(&cgroups, &container);
    let memory = cgroups.memory(&task).unwrap().unwrap();
    assert_eq!((memory.limit_bytes, memory.oom_kills), (Some(64 << 20), 0));
    assert_eq!(
        cgroups.remove(&prefix).unwrap(),
        Removal::Busy {
            pids: vec![guest.0.id()]
        }
    );
    assert!(container.under(cgroups.layout.trees()[0]).exists());

    drop(guest);
    assert_eq!(cgroups.remove(&prefix).unwrap(), Removal::Removed);
    assert_eq!(cgroups.remove(&prefix).unwrap(), Removal::Absent);
    assert!(by_runtime.iter().all(|directory| !directory.exists()), "{by_runtime:?}");
}
