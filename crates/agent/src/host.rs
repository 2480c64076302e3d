//! What the machine has: the facts that a container instance is registered with.
//!
//! Reading is apart from understanding, so that the latter is tested on texts. Nothing is decided here: how much of the
//! machine Berth may use is the caller's affair.

use std::fs;
use std::io;

/// CPU units of one logical CPU.
const UNITS_OF_CPU: u32 = 1024;

/// The machine, as ECS describes machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// All logical CPUs that are online, times 1024.
    pub cpu_units: u32,
    /// All memory that the kernel manages.
    pub memory_mib: u32,
    /// `x86_64` or `arm64`, as in `ecs.cpu-architecture`; other machines by the kernel's name.
    pub architecture: String,
    /// As in `ecs.os-family`.
    pub os_family: &'static str,
    /// The kernel's release, e.g. `6.1.0-28-amd64`.
    pub kernel_version: String,
    /// The machine's own name.
    pub hostname: String,
    /// Changes with every start of the machine: after that, namespaces and containers are gone.
    pub boot_id: String,
    /// The version of NVIDIA's driver, where it is loaded.
    pub nvidia_driver: Option<String>,
}

/// A fact of the machine that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file of the kernel is missing.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A file of the kernel says something else than expected.
    #[error("{path} does not tell the {what}: {text:?}")]
    Unclear {
        /// The file.
        path: &'static str,
        /// What was looked for.
        what: &'static str,
        /// What it says.
        text: String,
    },
}

const CPUS: &str = "/sys/devices/system/cpu/online";
const MEMORY: &str = "/proc/meminfo";
const KERNEL: &str = "/proc/sys/kernel/osrelease";
const HOSTNAME: &str = "/proc/sys/kernel/hostname";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const NVIDIA: &str = "/proc/driver/nvidia/version";

impl Host {
    /// Looks at this machine.
    pub fn read() -> Result<Self, HostError> {
        Ok(Self {
            cpu_units: understand(CPUS, "number of CPUs", cpu_count)?.saturating_mul(UNITS_OF_CPU),
            memory_mib: understand(MEMORY, "amount of memory", memory_mib)?,
            architecture: architecture(std::env::consts::ARCH).to_owned(),
            os_family: "LINUX",
            kernel_version: understand(KERNEL, "kernel's release", line)?,
            hostname: understand(HOSTNAME, "host's name", line)?,
            boot_id: understand(BOOT_ID, "boot id", line)?,
            nvidia_driver: fs::read_to_string(NVIDIA).ok().as_deref().and_then(driver_version),
        })
    }
}

/// The zone of a machine that nobody assigned one: the region's first.
#[must_use]
pub fn default_zone(region: &str) -> String {
    format!("{region}a")
}

fn understand<T>(path: &'static str, what: &'static str, parse: fn(&str) -> Option<T>) -> Result<T, HostError> {
    let text = fs::read_to_string(path).map_err(|source| HostError::Read { path, source })?;
    parse(&text).ok_or(HostError::Unclear { path, what, text })
}

/// Counts a list like `0-3,6`.
fn cpu_count(list: &str) -> Option<u32> {
    let count = |item: &str| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    list.trim().split(',').map(count).sum()
}

fn memory_mib(meminfo: &str) -> Option<u32> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    u32::try_from(kib / 1024).ok()
}

/// The first word of the driver's own line that is a version, such as `550.54.14`.
fn driver_version(text: &str) -> Option<String> {
    let own = text.lines().find_map(|line| line.strip_prefix("NVRM version:"))?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = |word: &&str| word.contains('.') && word.split('.').all(digits);
    own.split_whitespace().find(is_version).map(str::to_owned)
}

fn architecture(name: &'static str) -> &'static str {
    if name == "aarch64" { "arm64" } else { name }
}

fn line(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted_from_the_kernels_list() {
        assert_eq!(cpu_count("0\n"), Some(1));
        assert_eq!(cpu_count("0-1\n"), Some(2));
        assert_eq!(cpu_count("0-3,6,8-9\n"), Some(7));
        for unclear in ["", "x", "3-0", "0-"] {
            assert_eq!(cpu_count(unclear), None, "{unclear:?}");
        }
    }

    #[test]
    fn memory_is_rounded_down_to_whole_mebibytes() {
        assert_eq!(
            memory_mib("MemTotal:       24689480 kB\nMemFree:        1 kB\n"),
            Some(24110)
        );
        assert_eq!(memory_mib("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_driver_says_its_version() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version: 12.2.0\n";
        assert_eq!(driver_version(closed).as_deref(), Some("535.183.01"));
        let open =
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder@U16)\n";
        assert_eq!(driver_version(open).as_deref(), Some("550.54.14"));
        assert_eq!(driver_version("GCC version: 12.2.0\n"), None);
    }

    #[test]
    fn architectures_have_the_names_of_ecs() {
        assert_eq!(architecture("aarch64"), "arm64");
        assert_eq!(architecture("x86_64"), "x86_64");
    }

    #[test]
    fn this_machine_can_be_read() {
        let host = Host::read().unwrap();
        assert!(
            host.cpu_units >= UNITS_OF_CPU && host.cpu_units.is_multiple_of(UNITS_OF_CPU),
            "{host:?}"
        );
        assert!(host.memory_mib > 0, "{host:?}");
        assert_eq!(host.boot_id.len(), 36, "{host:?}");
        assert_eq!(Host::read().unwrap(), host);
    }

    #[test]
    fn the_default_zone_is_the_regions_first() {
        assert_eq!(default_zone("us-east-1"), "us-east-1a");
    }
}
