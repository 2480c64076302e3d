//! What a group has used, as its files tell, for both versions of control groups. Pure but for one function that opens
//! files.

use std::collections::BTreeMap;
use std::fs;

use super::layout::Layout;
use super::{Cgroups, GroupPath, UNLIMITED_V1, processes};

/// Ticks of the kernel's clock per second, as it tells them to processes.
const TICKS_PER_S: u64 = 100;
const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_US: u64 = 1_000;

/// All that a group has used so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time.
    pub cpu: CpuTime,
    /// Memory.
    pub memory: MemoryUse,
    /// Processes and threads.
    pub pids: Pids,
    /// Bytes read from and written to devices.
    pub io_bytes: Vec<IoEntry>,
    /// Operations on devices.
    pub io_operations: Vec<IoEntry>,
}

/// CPU time in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// All of it.
    pub total_ns: u64,
    /// In programs.
    pub user_ns: u64,
    /// In the kernel.
    pub system_ns: u64,
    /// By CPU; version 2 does not tell.
    pub per_cpu_ns: Vec<u64>,
    /// Periods in which a limit held.
    pub periods: u64,
    /// Periods in which it was reached.
    pub throttled_periods: u64,
    /// How long it was held back by it.
    pub throttled_ns: u64,
}

/// Memory in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Now, page cache included.
    pub usage_bytes: u64,
    /// At most; kernels before 5.19 do not tell with version 2.
    pub max_usage_bytes: Option<u64>,
    /// The limit, if it has one.
    pub limit_bytes: Option<u64>,
    /// How often the limit was reached.
    pub failures: u64,
    /// The kernel's own accounts, by its names.
    pub accounts: BTreeMap<String, u64>,
}

/// Processes and threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pids {
    /// Now.
    pub current: u64,
    /// At most, if there is a limit.
    pub limit: Option<u64>,
}

/// One kind of operation on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoEntry {
    /// The device's number.
    pub major: u64,
    /// The rest of it.
    pub minor: u64,
    /// The operation, in the kernel's word.
    pub op: String,
    /// How much or how often.
    pub value: u64,
}

impl Cgroups {
    /// What a group has used; `None` if there is no such group.
    #[must_use]
    pub fn usage(&self, group: &GroupPath) -> Option<Usage> {
        // The trees of controllers come before those without: a file of the same name in a tree that nobody uses says less.
        let trees = self.layout.all_trees();
        let read = |name: &str| {
            let mut files = trees.iter().map(|tree| group.under(tree).join(name));
            files.find_map(|file| fs::read_to_string(file).ok())
        };
        match self.layout {
            Layout::V1 { .. } => version_1(read),
            Layout::V2 { .. } => version_2(read),
        }
    }

    /// One of the group's processes, if it has any.
    #[must_use]
    pub fn some_process(&self, group: &GroupPath) -> Option<u32> {
        let tree = self.layout.tree("memory")?;
        processes(&group.under(tree)).first().copied()
    }
}

fn version_1(read: impl Fn(&str) -> Option<String>) -> Option<Usage> {
    let value = |name: &str| number(&read(name)?);
    let limit = value("memory.limit_in_bytes").filter(|limit| *limit < UNLIMITED_V1);
    let throttled = fields(&read("cpu.stat").unwrap_or_default());
    let ticks = fields(&read("cpuacct.stat").unwrap_or_default());
    let ns = |name: &str| of(&ticks, name) * (NS_PER_S / TICKS_PER_S);
    Some(Usage {
        memory: MemoryUse {
            usage_bytes: value("memory.usage_in_bytes")?,
            max_usage_bytes: value("memory.max_usage_in_bytes"),
            limit_bytes: limit,
            failures: value("memory.failcnt").unwrap_or(0),
            accounts: fields(&read("memory.stat").unwrap_or_default()),
        },
        cpu: CpuTime {
            total_ns: value("cpuacct.usage").unwrap_or(0),
            user_ns: ns("user"),
            system_ns: ns("system"),
            per_cpu_ns: numbers(&read("cpuacct.usage_percpu").unwrap_or_default()),
            periods: of(&throttled, "nr_periods"),
            throttled_periods: of(&throttled, "nr_throttled"),
            throttled_ns: of(&throttled, "throttled_time"),
        },
        pids: pids(&read),
        io_bytes: block_io(&read("blkio.throttle.io_service_bytes_recursive").unwrap_or_default()),
        io_operations: block_io(&read("blkio.throttle.io_serviced_recursive").unwrap_or_default()),
    })
}

fn version_2(read: impl Fn(&str) -> Option<String>) -> Option<Usage> {
    let value = |name: &str| number(&read(name)?);
    let cpu = fields(&read("cpu.stat").unwrap_or_default());
    let ns = |name: &str| of(&cpu, name) * NS_PER_US;
    let io = read("io.stat").unwrap_or_default();
    Some(Usage {
        memory: MemoryUse {
            usage_bytes: value("memory.current")?,
            max_usage_bytes: value("memory.peak"),
            limit_bytes: value("memory.max"),
            failures: of(&fields(&read("memory.events").unwrap_or_default()), "max"),
            accounts: fields(&read("memory.stat").unwrap_or_default()),
        },
        cpu: CpuTime {
            total_ns: ns("usage_usec"),
            user_ns: ns("user_usec"),
            system_ns: ns("system_usec"),
            per_cpu_ns: Vec::new(),
            periods: of(&cpu, "nr_periods"),
            throttled_periods: of(&cpu, "nr_throttled"),
            throttled_ns: ns("throttled_usec"),
        },
        pids: pids(&read),
        io_bytes: io_stat(&io, &[("rbytes", "read"), ("wbytes", "write")]),
        io_operations: io_stat(&io, &[("rios", "read"), ("wios", "write")]),
    })
}

fn pids(read: &impl Fn(&str) -> Option<String>) -> Pids {
    Pids {
        current: read("pids.current").and_then(|text| number(&text)).unwrap_or(0),
        // The only text that is no number is "max".
        limit: read("pids.max").and_then(|text| number(&text)),
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(number).collect()
}

/// Lines of a name and a number.
fn fields(text: &str) -> BTreeMap<String, u64> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .filter_map(|(name, value)| Some((name.to_owned(), number(value)?)))
        .collect()
}

fn of(fields: &BTreeMap<String, u64>, name: &str) -> u64 {
    fields.get(name).copied().unwrap_or(0)
}

fn device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((number(major)?, number(minor)?))
}

/// `8:0 Read 4096`; the sum at the end has no device.
fn block_io(text: &str) -> Vec<IoEntry> {
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let (major, minor) = device(words.next()?)?;
        Some(IoEntry {
            major,
            minor,
            op: words.next()?.to_owned(),
            value: number(words.next()?)?,
        })
    };
    text.lines().filter_map(entry).collect()
}

/// `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
fn io_stat(text: &str, wanted: &[(&str, &str)]) -> Vec<IoEntry> {
    let mut entries = Vec::new();
    for line in text.lines() {
        let Some(((major, minor), rest)) = line
            .split_once(' ')
            .and_then(|(name, rest)| Some((device(name)?, rest)))
        else {
            continue;
        };
        for (key, op) in wanted {
            let mut pairs = rest.split(' ').filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(name, _)| name == key).and_then(|(_, value)| number(value));
            entries.extend(value.map(|value| IoEntry {
                major,
                minor,
                op: (*op).to_owned(),
                value,
            }));
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a container on Linux 6.1 with version 1.
    const V1: &[(&str, &str)] = &[
        ("cpuacct.usage", "61238034\n"),
        ("cpuacct.usage_percpu", "31034001 30204033 \n"),
        ("cpuacct.stat", "user 4\nsystem 2\n"),
        (
            "cpu.stat",
            "nr_periods 12\nnr_throttled 3\nthrottled_time 178900041\nnr_bursts 0\nburst_time 0\n",
        ),
        ("memory.usage_in_bytes", "1331200\n"),
        ("memory.max_usage_in_bytes", "2928640\n"),
        ("memory.limit_in_bytes", "67108864\n"),
        ("memory.failcnt", "7\n"),
        (
            "memory.stat",
            "cache 540672\nrss 405504\nhierarchical_memory_limit 67108864\n",
        ),
        ("pids.current", "2\n"),
        ("pids.max", "max\n"),
        (
            "blkio.throttle.io_service_bytes_recursive",
            "8:0 Read 8192\n8:0 Write 0\n8:0 Sync 8192\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 8192\nTotal 8192\n",
        ),
        ("blkio.throttle.io_serviced_recursive", "Total 0\n"),
    ];

    /// Of a container on Linux 6.1 with version 2.
    const V2: &[(&str, &str)] = &[
        (
            "cpu.stat",
            "usage_usec 61238\nuser_usec 40100\nsystem_usec 21138\nnr_periods 12\nnr_throttled 3\nthrottled_usec 178900\n",
        ),
        ("memory.current", "1331200\n"),
        ("memory.peak", "2928640\n"),
        ("memory.max", "max\n"),
        ("memory.events", "low 0\nhigh 0\nmax 7\noom 0\noom_kill 0\n"),
        ("memory.stat", "anon 405504\nfile 540672\n"),
        ("pids.current", "2\n"),
        ("pids.max", "100\n"),
        (
            "io.stat",
            "8:0 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=0 dios=0\n253:1 \n",
        ),
    ];

    fn recorded(files: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        |name| {
            let file = files.iter().find(|(file, _)| *file == name);
            file.map(|(_, text)| (*text).to_owned())
        }
    }

    fn entry((major, minor): (u64, u64), op: &str, value: u64) -> IoEntry {
        IoEntry {
            major,
            minor,
            op: op.to_owned(),
            value,
        }
    }

    #[test]
    fn version_1_tells_everything() {
        let usage = version_1(recorded(V1)).unwrap();
        let cpu = CpuTime {
            total_ns: 61_238_034,
            user_ns: 40_000_000,
            system_ns: 20_000_000,
            per_cpu_ns: vec![31_034_001, 30_204_033],
            periods: 12,
            throttled_periods: 3,
            throttled_ns: 178_900_041,
        };
        assert_eq!(usage.cpu, cpu);
        let memory = &usage.memory;
        assert_eq!(
            (memory.usage_bytes, memory.max_usage_bytes),
            (1_331_200, Some(2_928_640))
        );
        assert_eq!((memory.limit_bytes, memory.failures), (Some(64 << 20), 7));
        assert_eq!(memory.accounts["rss"], 405_504);
        assert_eq!((usage.pids.current, usage.pids.limit), (2, None));
        assert_eq!(usage.io_bytes.len(), 6);
        assert_eq!(usage.io_bytes[0], entry((8, 0), "Read", 8192));
        assert_eq!(usage.io_operations, []);
    }

    #[test]
    fn version_2_tells_the_same_in_other_words() {
        let usage = version_2(recorded(V2)).unwrap();
        let cpu = CpuTime {
            total_ns: 61_238_000,
            user_ns: 40_100_000,
            system_ns: 21_138_000,
            per_cpu_ns: vec![],
            periods: 12,
            throttled_periods: 3,
            throttled_ns: 178_900_000,
        };
        assert_eq!(usage.cpu, cpu);
        assert_eq!((usage.memory.limit_bytes, usage.memory.failures), (None, 7));
        assert_eq!((usage.pids.current, usage.pids.limit), (2, Some(100)));
        assert_eq!(
            usage.io_bytes,
            [entry((8, 0), "read", 8192), entry((8, 0), "write", 4096)]
        );
        assert_eq!(
            usage.io_operations,
            [entry((8, 0), "read", 2), entry((8, 0), "write", 1)]
        );
    }

    #[test]
    fn a_group_that_is_gone_has_no_usage() {
        assert_eq!(version_1(|_| None), None);
        assert_eq!(version_2(|_| None), None);
        let unlimited = |name: &str| match name {
            "memory.limit_in_bytes" => Some("9223372036854771712\n".to_owned()),
            "memory.usage_in_bytes" => Some("1\n".to_owned()),
            _ => None,
        };
        assert_eq!(version_1(unlimited).unwrap().memory.limit_bytes, None);
    }

    #[test]
    fn rubbish_is_no_number() {
        let rubbish = |name: &str| {
            (name == "memory.current")
                .then(|| "5\n".to_owned())
                .or(Some("x y z\n\u{0}".into()))
        };
        let usage = version_2(rubbish).unwrap();
        assert_eq!((usage.memory.usage_bytes, usage.cpu.total_ns), (5, 0));
        assert_eq!(usage.io_bytes, []);
    }
}
