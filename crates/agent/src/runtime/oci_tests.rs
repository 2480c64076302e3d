//! Golden documents: the whole specification of one container, and what changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use expect_test::expect_file;

use super::super::edits::ContainerEdits;
use super::super::spec::{Process, Rlimit, RootImage, Stdio};
use super::*;
use crate::cgroups::GroupPath;

const V1: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V1,
    swap_limit: true,
    open_files: 1 << 20,
};
const V2: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V2,
    swap_limit: false,
    open_files: 20_000,
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
    let document = runtime_spec(&web(), &root(), V1);
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
