//! Golden documents: the whole specification of one container, and what changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use expect_test::expect_file;

use super::super::confinement::{Confinement, Tmpfs};
use super::super::edits::ContainerEdits;
use super::super::spec::{Process, Rlimit, RootImage, Stdio};
use super::*;
use crate::cgroups::GroupPath;

const V1: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V1,
    swap_limit: true,
    open_files: 1 << 20,
    capabilities: (1 << 41) - 1,
    seccomp: true,
};
const V2: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V2,
    swap_limit: false,
    open_files: 20_000,
    capabilities: (1 << 38) - 1,
    seccomp: false,
};

fn web() -> ContainerSpec {
    ContainerSpec {
        id: "web-1".to_owned(),
        image: RootImage {
            name: "docker.io/library/httpd:2.4".to_owned(),
            chain_id: "sha256:00".to_owned(),
        },
        process: Process {
            args: vec!["httpd".to_owned(), "-DFOREGROUND".to_owned()],
            env: vec!["PATH=/bin".to_owned()],
            cwd: "/usr/local/apache2".to_owned(),
            user: String::new(),
        },
        hostname: Some("ip-172-31-0-9".to_owned()),
        network: NetworkNamespace::Path(PathBuf::from("/run/netns/t1")),
        mounts: vec![BindMount {
            source: PathBuf::from("/data/hosts"),
            destination: "/etc/hosts".to_owned(),
            read_only: false,
        }],
        resources: Resources {
            memory_limit_bytes: Some(512 << 20),
            memory_reservation_bytes: Some(256 << 20),
            cpu_shares: Some(256),
            cpu_quota_us: Some(25_000),
        },
        edits: ContainerEdits::default(),
        rlimits: vec![Rlimit {
            kind: "RLIMIT_NOFILE".to_owned(),
            soft: 1024,
            hard: 65_536,
            is_default: true,
        }],
        confinement: Confinement::default(),
        cgroup: GroupPath::new("berth/t1/web").unwrap(),
        stdio: Stdio::Null,
        shim_group: Some("t1".to_owned()),
        labels: BTreeMap::new(),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}

fn root() -> ResolvedUser {
    ResolvedUser {
        uid: 0,
        gid: 0,
        additional_gids: vec![0],
    }
}

#[test]
fn the_whole_document() {
    let mut document = runtime_spec(&web(), &root(), V1);
    // It has tests of its own, and depends on the architecture.
    assert!(document["linux"].as_object_mut().unwrap().remove("seccomp").is_some());
    let text = serde_json::to_string_pretty(&document).unwrap();
    expect_file!["oci_golden.json"].assert_eq(&format!("{text}\n"));
}

#[test]
fn a_user_other_than_root_has_bounded_capabilities_only() {
    let user = ResolvedUser {
        uid: 33,
        gid: 33,
        additional_gids: vec![33, 4],
    };
    let document = runtime_spec(&web(), &user, V1);
    let capabilities = document["process"]["capabilities"].as_object().unwrap();
    assert_eq!(capabilities.keys().collect::<Vec<_>>(), ["bounding"]);
    let expected = json!({ "uid": 33, "gid": 33, "additionalGids": [33, 4] });
    assert_eq!(document["process"]["user"], expected);
}

#[test]
fn the_host_s_network_has_no_namespace_and_no_sysctls() {
    let mut spec = web();
    spec.network = NetworkNamespace::Host;
    spec.hostname = None;
    let document = runtime_spec(&spec, &root(), V2);
    assert!(document.get("hostname").is_none());
    assert!(document["linux"].get("sysctl").is_none());
    assert_eq!(
        document["linux"]["namespaces"].to_string(),
        r#"[{"type":"mount"},{"type":"uts"},{"type":"pid"},{"type":"ipc"},{"type":"cgroup"}]"#
    );
    assert_eq!(document["process"]["env"].to_string(), r#"["PATH=/bin"]"#);
}

#[test]
fn swap_is_limited_only_where_the_kernel_can() {
    let swap = |traits| runtime_spec(&web(), &root(), traits)["linux"]["resources"]["memory"]["swap"].clone();
    assert_eq!(swap(V1), 1024 << 20);
    assert_eq!(swap(V2), Value::Null);
}

#[test]
fn no_limits_leave_no_traces() {
    let mut spec = web();
    spec.resources = Resources::default();
    let document = runtime_spec(&spec, &root(), V2);
    let resources = document["linux"]["resources"].as_object().unwrap();
    assert_eq!(resources.keys().collect::<Vec<_>>(), ["devices"]);
}

#[test]
fn a_default_limit_of_open_files_is_lowered_and_one_that_was_asked_for_is_not() {
    let limit = |spec: &ContainerSpec| runtime_spec(spec, &root(), V2)["process"]["rlimits"][0].clone();
    let mut spec = web();
    assert_eq!(
        limit(&spec),
        json!({ "type": "RLIMIT_NOFILE", "soft": 1024, "hard": 20_000 })
    );
    spec.rlimits[0].is_default = false;
    assert_eq!(limit(&spec)["hard"], 65_536);
}

fn capabilities(confinement: Confinement, traits: HostTraits) -> Vec<String> {
    let spec = ContainerSpec { confinement, ..web() };
    let document = runtime_spec(&spec, &root(), traits);
    let sets = &document["process"]["capabilities"];
    assert_eq!(sets["bounding"], sets["effective"]);
    let names = sets["bounding"].as_array().unwrap().iter();
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn capabilities_are_added_and_dropped_as_docker_does() {
    let changed = |add: &[&str], drop: &[&str]| {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let confinement = Confinement {
            add_capabilities: names(add),
            drop_capabilities: names(drop),
            ..Confinement::default()
        };
        capabilities(confinement, V2)
    };
    assert_eq!(changed(&[], &[]).len(), 14);
    assert_eq!(changed(&["NET_ADMIN", "KILL"], &[]).len(), 15);
    assert_eq!(changed(&["KILL"], &["ALL"]), ["CAP_KILL"]);
    assert_eq!(
        changed(&["ALL"], &["KILL"]).len(),
        37,
        "what the host can pass on, but one"
    );
    let privileged = Confinement {
        privileged: true,
        ..Confinement::default()
    };
    assert_eq!(capabilities(privileged, V1).len(), 41);
}

#[test]
fn what_is_asked_for_changes_the_document() {
    let tmpfs = Tmpfs {
        path: "/dev/shm".to_owned(),
        size_bytes: 1 << 20,
        options: ["exec", "ro", "rw", "defaults", "shared"].map(str::to_owned).to_vec(),
    };
    let spec = ContainerSpec {
        confinement: Confinement {
            privileged: true,
            terminal: true,
            tmpfs: vec![tmpfs],
            swap_bytes: Some(1 << 20),
            swappiness: Some(9),
            init: Some(PathBuf::from("/usr/bin/tini-static")),
            ..Confinement::default()
        },
        ..web()
    };
    let document = runtime_spec(&spec, &root(), V1);
    let mount = |path: &str| {
        let mounts = document["mounts"].as_array().unwrap().iter();
        mounts
            .filter(|mount| mount["destination"] == path)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(mount("/dev/shm").len(), 1);
    assert_eq!(
        mount("/dev/shm")[0]["options"],
        json!(["nosuid", "nodev", "exec", "rw", "shared", "size=1048576"])
    );
    assert_eq!(mount("/sys")[0]["options"], json!(["nosuid", "noexec", "nodev"]));
    assert_eq!(mount("/sbin/docker-init")[0]["source"], "/usr/bin/tini-static");
    assert_eq!(document["process"]["args"][0], "/sbin/docker-init");
    assert_eq!(
        document["process"]["env"].as_array().unwrap().last(),
        Some(&json!("TERM=xterm"))
    );
    assert_eq!(document["linux"]["maskedPaths"], json!([]));
    let memory = &document["linux"]["resources"]["memory"];
    assert_eq!((&memory["swap"], &memory["swappiness"]), (&json!(513 << 20), &json!(9)));
    let memory = &runtime_spec(&spec, &root(), V2)["linux"]["resources"]["memory"];
    assert_eq!(memory["swap"], Value::Null, "this host cannot");
}

#[test]
fn system_calls_are_filtered_by_the_final_capabilities_unless_asked_otherwise() {
    let section = |confinement: Confinement, traits| {
        let spec = ContainerSpec { confinement, ..web() };
        runtime_spec(&spec, &root(), traits)["linux"]["seccomp"].take()
    };
    let names = |section: &Value, name: &str| section.to_string().contains(&format!("\"{name}\""));
    let usual = section(Confinement::default(), V1);
    assert!(names(&usual, "chroot") && !names(&usual, "mount"));
    let changed = Confinement {
        add_capabilities: vec!["SYS_ADMIN".to_owned()],
        drop_capabilities: vec!["SYS_CHROOT".to_owned()],
        ..Confinement::default()
    };
    let changed = section(changed, V1);
    assert!(!names(&changed, "chroot") && names(&changed, "mount"));
    assert_eq!(
        section(Confinement::default(), V2),
        Value::Null,
        "this kernel has no filters"
    );
    let unconfined = Confinement {
        seccomp_unconfined: true,
        ..Confinement::default()
    };
    assert_eq!(section(unconfined, V1), Value::Null);
    let privileged = Confinement {
        privileged: true,
        ..Confinement::default()
    };
    assert_eq!(section(privileged, V1), Value::Null);
}
