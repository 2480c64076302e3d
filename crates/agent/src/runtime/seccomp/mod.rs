//! Which system calls a container may make: Docker's default profile, made the filter of one container by its capabilities
//! and the machine's architecture. Pure. It compiles no filter: runc does, and passes over calls that its library does not know.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::confinement::Confinement;
use super::traits::HostTraits;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| serde_json::from_str(include_str!("profile.json")).expect("the profile is tested"));

/// Rust's names of architectures, the profile's, and libseccomp's. Elsewhere a filter has what holds for all of them.
const ARCHITECTURES: [(&str, &str, &str); 3] = [
    ("x86_64", "amd64", "SCMP_ARCH_X86_64"),
    ("aarch64", "arm64", "SCMP_ARCH_AARCH64"),
    ("riscv64", "riscv64", "SCMP_ARCH_RISCV64"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Profile {
    default_action: String,
    default_errno_ret: u32,
    arch_map: Vec<Family>,
    syscalls: Vec<Rule>,
}

/// An architecture with those whose programs its kernels run too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Family {
    architecture: String,
    sub_architectures: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Condition {
    caps: Vec<String>,
    arches: Vec<String>,
}

/// Adds the filter to a specification whose capabilities are final. Without one are containers that asked for none,
/// privileged ones, and as in Docker all on a kernel that has no filters.
pub(super) fn filter_calls(document: &mut Value, confinement: &Confinement, traits: HostTraits) {
    if confinement.privileged || confinement.seccomp_unconfined || !traits.seccomp {
        return;
    }
    // What its programs can ever have, also those of another user.
    let bounding = document["process"]["capabilities"]["bounding"].as_array();
    let capabilities = bounding.into_iter().flatten().filter_map(Value::as_str).collect();
    let section = section(&PROFILE, &capabilities, ARCH);
    document["linux"]["seccomp"] = section;
}

/// The section of a specification for a container with these capabilities.
fn section(profile: &Profile, capabilities: &BTreeSet<&str>, arch: &str) -> Value {
    let known = ARCHITECTURES.iter().find(|(name, _, _)| *name == arch);
    let (arch, library) = known.map_or((arch, ""), |(_, arch, library)| (*arch, *library));
    let families = profile.arch_map.iter();
    let family = families.filter(|family| family.architecture == library);
    let architectures = family.flat_map(|family| [&family.architecture].into_iter().chain(&family.sub_architectures));
    let rules = profile.syscalls.iter();
    let rules = rules.filter(|rule| rule.holds(capabilities, arch));
    json!({
        "defaultAction": profile.default_action,
        "defaultErrnoRet": profile.default_errno_ret,
        "architectures": architectures.collect::<Vec<_>>(),
        "syscalls": rules.map(Rule::to_oci).collect::<Vec<_>>(),
    })
}

impl Rule {
    /// One exclusion is enough against it; for it, every capability must be there, and one of the architectures.
    fn holds(&self, capabilities: &BTreeSet<&str>, arch: &str) -> bool {
        let has = |name: &String| capabilities.contains(name.as_str());
        let is = |name: &String| name == arch;
        let excluded = self.excludes.caps.iter().any(has) || self.excludes.arches.iter().any(is);
        let arches = &self.includes.arches;
        !excluded && self.includes.caps.iter().all(has) && (arches.is_empty() || arches.iter().any(is))
    }

    fn to_oci(&self) -> Value {
        let mut rule = json!({ "names": self.names, "action": self.action });
        if let Some(errno) = self.errno_ret {
            rule["errnoRet"] = json!(errno);
        }
        if !self.args.is_empty() {
            rule["args"] = json!(self.args);
        }
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [&str; 2] = ["CAP_CHOWN", "CAP_SYS_CHROOT"];

    fn of(capabilities: &[&str], arch: &str) -> Value {
        section(&PROFILE, &capabilities.iter().copied().collect(), arch)
    }

    /// What is said of a call: actions, errors and how many conditions on arguments.
    fn said(section: &Value, call: &str) -> Vec<(String, Option<u64>, usize)> {
        let rules = section["syscalls"].as_array().unwrap().iter();
        let named = rules.filter(|rule| rule["names"].as_array().unwrap().contains(&json!(call)));
        named
            .map(|rule| {
                let action = rule["action"].as_str().unwrap().to_owned();
                let conditions = rule["args"].as_array().map_or(0, Vec::len);
                (action, rule["errnoRet"].as_u64(), conditions)
            })
            .collect()
    }

    fn allows(section: &Value, call: &str) -> bool {
        said(section, call).contains(&("SCMP_ACT_ALLOW".to_owned(), None, 0))
    }

    #[test]
    fn what_is_not_named_is_denied_and_what_is_dangerous_is_not_named() {
        let usual = of(&USUAL, "x86_64");
        assert_eq!(
            (&usual["defaultAction"], &usual["defaultErrnoRet"]),
            (&json!("SCMP_ACT_ERRNO"), &json!(1))
        );
        let denied = [
            "unshare",
            "setns",
            "mount",
            "umount2",
            "pivot_root",
            "keyctl",
            "add_key",
            "request_key",
            "bpf",
            "reboot",
            "kexec_load",
            "init_module",
            "swapon",
            "iopl",
            "userfaultfd",
            "io_uring_setup",
            "perf_event_open",
            "open_by_handle_at",
            "clock_settime",
            "acct",
            "quotactl",
            "vhangup",
            "nfsservctl",
            "syslog",
            "open_tree",
        ];
        for call in denied {
            assert_eq!(said(&usual, call), [], "{call}");
        }
        for call in ["read", "openat2", "execve", "futex", "ptrace", "mknod"] {
            assert!(allows(&usual, call), "{call}");
        }
    }

    #[test]
    fn capabilities_bring_their_calls() {
        let usual = of(&USUAL, "x86_64");
        for (capability, call) in [
            ("CAP_SYS_ADMIN", "mount"),
            ("CAP_SYS_ADMIN", "clone3"),
            ("CAP_SYS_BOOT", "reboot"),
            ("CAP_SYS_MODULE", "finit_module"),
            ("CAP_SYS_TIME", "clock_settime"),
            ("CAP_SYS_PTRACE", "kcmp"),
            ("CAP_SYSLOG", "syslog"),
            ("CAP_BPF", "bpf"),
            ("CAP_PERFMON", "perf_event_open"),
        ] {
            assert!(!allows(&usual, call), "{call}");
            assert!(allows(&of(&[capability], "x86_64"), call), "{capability}");
        }
        assert!(allows(&usual, "chroot") && !allows(&of(&[], "x86_64"), "chroot"));
    }

    #[test]
    fn threads_and_processes_are_made_and_namespaces_are_not() {
        let usual = of(&USUAL, "aarch64");
        // The C library falls back to `clone`, whose flags can be looked at.
        assert_eq!(said(&usual, "clone3"), [("SCMP_ACT_ERRNO".to_owned(), Some(38), 0)]);
        assert_eq!(said(&usual, "clone"), [("SCMP_ACT_ALLOW".to_owned(), None, 1)]);
        // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
        let namespaces = 0x20000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
        let rules = usual["syscalls"].as_array().unwrap();
        let clone = rules.iter().find(|rule| rule["names"] == json!(["clone"])).unwrap();
        let expected = json!([{ "index": 0, "value": namespaces, "op": "SCMP_CMP_MASKED_EQ" }]);
        assert_eq!(clone["args"], expected);
        let admin = of(&["CAP_SYS_ADMIN"], "aarch64");
        assert_eq!(
            said(&admin, "clone").len(),
            1,
            "libseccomp takes no rule that contradicts another"
        );
    }

    #[test]
    fn sockets_are_of_every_family_but_the_kernel_s_ciphers_and_the_hypervisor_s() {
        let usual = of(&USUAL, "x86_64");
        let rules = usual["syscalls"].as_array().unwrap().iter();
        let named = rules.filter(|rule| rule["names"] == json!(["socket"]));
        let conditions: Vec<(u64, String)> = named
            .map(|rule| {
                let condition = &rule["args"][0];
                (
                    condition["value"].as_u64().unwrap(),
                    condition["op"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let passes = |family: u64| {
            conditions.iter().any(|(value, op)| match op.as_str() {
                "SCMP_CMP_LT" => family < *value,
                "SCMP_CMP_EQ" => family == *value,
                "SCMP_CMP_GT" => family > *value,
                other => panic!("{other}"),
            })
        };
        let denied: Vec<u64> = (0..64).filter(|family| !passes(*family)).collect();
        assert_eq!(denied, [38, 40]);
    }

    #[test]
    fn architectures_have_their_own_calls_and_those_of_their_older_programs() {
        let (intel, arm, other) = (of(&[], "x86_64"), of(&[], "aarch64"), of(&[], "s390x"));
        assert_eq!(
            intel["architectures"],
            json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
        );
        assert_eq!(arm["architectures"], json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]));
        assert_eq!(other["architectures"], json!([]), "which is the machine's own for runc");
        assert!(allows(&intel, "arch_prctl") && !allows(&arm, "arch_prctl") && !allows(&other, "arch_prctl"));
        assert!(allows(&arm, "cacheflush") && !allows(&intel, "cacheflush"));
        assert!(allows(&other, "read"));
    }
}
