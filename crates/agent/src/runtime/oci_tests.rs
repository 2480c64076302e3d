//! Golden documents: the whole specification of one container, and what changes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use expect_test::{Expect, expect};

use super::super::spec::{Process, Rlimit, RootImage, Stdio};
use super::*;
use crate::cgroups::GroupPath;

const V1: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V1,
    swap_limit: true,
};
const V2: HostTraits = HostTraits {
    cgroup_version: CgroupVersion::V2,
    swap_limit: false,
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
        rlimits: vec![Rlimit {
            kind: "RLIMIT_NOFILE".to_owned(),
            soft: 1024,
            hard: 65_536,
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

fn check(document: &Value, expected: Expect) {
    expected.assert_eq(&serde_json::to_string_pretty(document).unwrap());
}

#[test]
fn the_whole_document() {
    check(&runtime_spec(&web(), &root(), V1), expect![[r#"
        {
          "annotations": {
            "a": "b",
            "io.containerd.runc.v2.group": "t1"
          },
          "hostname": "ip-172-31-0-9",
          "linux": {
            "cgroupsPath": "/berth/t1/web",
            "maskedPaths": [
              "/proc/asound",
              "/proc/acpi",
              "/proc/interrupts",
              "/proc/kcore",
              "/proc/keys",
              "/proc/latency_stats",
              "/proc/timer_list",
              "/proc/timer_stats",
              "/proc/sched_debug",
              "/proc/scsi",
              "/sys/firmware",
              "/sys/devices/virtual/powercap"
            ],
            "namespaces": [
              {
                "type": "mount"
              },
              {
                "type": "uts"
              },
              {
                "type": "pid"
              },
              {
                "type": "ipc"
              },
              {
                "path": "/run/netns/t1",
                "type": "network"
              }
            ],
            "readonlyPaths": [
              "/proc/bus",
              "/proc/fs",
              "/proc/irq",
              "/proc/sys",
              "/proc/sysrq-trigger"
            ],
            "resources": {
              "cpu": {
                "period": 100000,
                "quota": 25000,
                "shares": 256
              },
              "devices": [
                {
                  "access": "rwm",
                  "allow": false
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 1,
                  "minor": 5,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 1,
                  "minor": 3,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 1,
                  "minor": 9,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 1,
                  "minor": 8,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 5,
                  "minor": 0,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": true,
                  "major": 5,
                  "minor": 1,
                  "type": "c"
                },
                {
                  "access": "rwm",
                  "allow": false,
                  "major": 10,
                  "minor": 229,
                  "type": "c"
                }
              ],
              "memory": {
                "limit": 536870912,
                "reservation": 268435456,
                "swap": 1073741824
              }
            },
            "sysctl": {
              "net.ipv4.ip_unprivileged_port_start": "0",
              "net.ipv4.ping_group_range": "0 2147483647"
            }
          },
          "mounts": [
            {
              "destination": "/proc",
              "options": [
                "nosuid",
                "noexec",
                "nodev"
              ],
              "source": "proc",
              "type": "proc"
            },
            {
              "destination": "/dev",
              "options": [
                "nosuid",
                "strictatime",
                "mode=755",
                "size=65536k"
              ],
              "source": "tmpfs",
              "type": "tmpfs"
            },
            {
              "destination": "/dev/pts",
              "options": [
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
                "gid=5"
              ],
              "source": "devpts",
              "type": "devpts"
            },
            {
              "destination": "/sys",
              "options": [
                "nosuid",
                "noexec",
                "nodev",
                "ro"
              ],
              "source": "sysfs",
              "type": "sysfs"
            },
            {
              "destination": "/sys/fs/cgroup",
              "options": [
                "ro",
                "nosuid",
                "noexec",
                "nodev"
              ],
              "source": "cgroup",
              "type": "cgroup"
            },
            {
              "destination": "/dev/mqueue",
              "options": [
                "nosuid",
                "noexec",
                "nodev"
              ],
              "source": "mqueue",
              "type": "mqueue"
            },
            {
              "destination": "/dev/shm",
              "options": [
                "nosuid",
                "noexec",
                "nodev",
                "mode=1777",
                "size=65536k"
              ],
              "source": "shm",
              "type": "tmpfs"
            },
            {
              "destination": "/etc/hosts",
              "options": [
                "rbind",
                "rw",
                "rprivate"
              ],
              "source": "/data/hosts",
              "type": "bind"
            }
          ],
          "ociVersion": "1.0.2",
          "process": {
            "args": [
              "httpd",
              "-DFOREGROUND"
            ],
            "capabilities": {
              "bounding": [
                "CAP_CHOWN",
                "CAP_DAC_OVERRIDE",
                "CAP_FSETID",
                "CAP_FOWNER",
                "CAP_MKNOD",
                "CAP_NET_RAW",
                "CAP_SETGID",
                "CAP_SETUID",
                "CAP_SETFCAP",
                "CAP_SETPCAP",
                "CAP_NET_BIND_SERVICE",
                "CAP_SYS_CHROOT",
                "CAP_KILL",
                "CAP_AUDIT_WRITE"
              ],
              "effective": [
                "CAP_CHOWN",
                "CAP_DAC_OVERRIDE",
                "CAP_FSETID",
                "CAP_FOWNER",
                "CAP_MKNOD",
                "CAP_NET_RAW",
                "CAP_SETGID",
                "CAP_SETUID",
                "CAP_SETFCAP",
                "CAP_SETPCAP",
                "CAP_NET_BIND_SERVICE",
                "CAP_SYS_CHROOT",
                "CAP_KILL",
                "CAP_AUDIT_WRITE"
              ],
              "permitted": [
                "CAP_CHOWN",
                "CAP_DAC_OVERRIDE",
                "CAP_FSETID",
                "CAP_FOWNER",
                "CAP_MKNOD",
                "CAP_NET_RAW",
                "CAP_SETGID",
                "CAP_SETUID",
                "CAP_SETFCAP",
                "CAP_SETPCAP",
                "CAP_NET_BIND_SERVICE",
                "CAP_SYS_CHROOT",
                "CAP_KILL",
                "CAP_AUDIT_WRITE"
              ]
            },
            "cwd": "/usr/local/apache2",
            "env": [
              "PATH=/bin",
              "HOSTNAME=ip-172-31-0-9"
            ],
            "noNewPrivileges": false,
            "oomScoreAdj": 0,
            "rlimits": [
              {
                "hard": 65536,
                "soft": 1024,
                "type": "RLIMIT_NOFILE"
              }
            ],
            "terminal": false,
            "user": {
              "additionalGids": [
                0
              ],
              "gid": 0,
              "uid": 0
            }
          },
          "root": {
            "path": "rootfs"
          }
        }"#]]);
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
    check(&document["process"]["user"], expect![[r#"
        {
          "additionalGids": [
            33,
            4
          ],
          "gid": 33,
          "uid": 33
        }"#]]);
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
