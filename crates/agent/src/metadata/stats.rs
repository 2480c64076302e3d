//! What containers use, in the shape of Docker's own statistics.
//!
//! Nothing is measured before somebody asks. Rates need two measurements: whoever asks first waits a second for the other,
//! and who asks often gets the last one again, so that asking costs no more than one measurement a second.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::Timestamp;
use berth_core::node::RuntimeId;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::document::rfc3339;
use crate::cgroups::{Cgroups, CpuTime, GroupPath, IoEntry, Usage};
use crate::clock;
use crate::places::Places;

/// The shortest time between two measurements.
const PERIOD_MS: i64 = 1_000;
/// An older measurement says nothing about now.
const TOO_OLD_MS: i64 = 600_000;
/// The most that is read of a container's list of network interfaces.
const LONGEST_LIST: u64 = 64 << 10;
/// Docker counts CPU time in ticks of 1/100 s here.
const NS_PER_TICK: u64 = 10_000_000;

/// One measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    pub(super) usage: Usage,
    pub(super) host: HostUse,
    /// By interface; none in the host's network.
    pub(super) networks: BTreeMap<String, Counters>,
}

/// What the whole machine has and uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HostUse {
    pub(super) cpu_ns: u64,
    pub(super) cpus: u64,
    pub(super) memory_bytes: u64,
}

/// What passed an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) rx: Direction,
    pub(super) tx: Direction,
}

/// What passed in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Direction {
    pub(super) bytes: u64,
    pub(super) packets: u64,
    pub(super) errors: u64,
    pub(super) dropped: u64,
}

/// A measurement and the one before it.
pub(super) type Pair = (Option<Sample>, Sample);

/// Measures, and remembers the last measurements.
pub(super) struct Meter {
    cgroups: Cgroups,
    places: Places,
    last: Mutex<BTreeMap<RuntimeId, Pair>>,
}

impl Meter {
    pub(super) fn new(cgroups: Cgroups, places: Places) -> Self {
        Self {
            cgroups,
            places,
            last: Mutex::default(),
        }
    }

    /// What a container uses now; nothing if it does not run.
    pub(super) async fn measure(self: &Arc<Self>, task: &TaskKey, id: &RuntimeId, own_network: bool) -> Option<Pair> {
        let known = self.last(id).filter(|(_, now)| age_ms(now) < TOO_OLD_MS);
        match known {
            Some(pair) if age_ms(&pair.1) < PERIOD_MS && pair.0.is_some() => return Some(pair),
            Some((_, last)) => sleep(rest(&last)).await,
            None => {
                let first = self.take(task, id, own_network).await?;
                let wait = rest(&first);
                self.remember(id, (None, first));
                sleep(wait).await;
            }
        }
        // Somebody else may have measured meanwhile.
        let (before, last) = self.last(id)?;
        if before.is_some() && age_ms(&last) < PERIOD_MS {
            return Some((before, last));
        }
        let pair = (Some(last), self.take(task, id, own_network).await?);
        self.remember(id, pair.clone());
        Some(pair)
    }

    /// Forgets a container.
    pub(super) fn forget(&self, id: &RuntimeId) {
        self.lock().remove(id);
    }

    fn last(&self, id: &RuntimeId) -> Option<Pair> {
        self.lock().get(id).cloned()
    }

    fn remember(&self, id: &RuntimeId, pair: Pair) {
        self.lock().insert(id.clone(), pair);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<RuntimeId, Pair>> {
        self.last.lock().expect("no holder of this lock panics")
    }

    async fn take(self: &Arc<Self>, task: &TaskKey, id: &RuntimeId, own_network: bool) -> Option<Sample> {
        let group = self.places.cgroup(task).join(id.0.as_str()).ok()?;
        let meter = Arc::clone(self);
        // Files of the kernel may take their time.
        let taken = tokio::task::spawn_blocking(move || meter.read(&group, own_network)).await;
        taken.expect("measuring does not panic")
    }

    fn read(&self, group: &GroupPath, own_network: bool) -> Option<Sample> {
        let usage = self.cgroups.usage(group)?;
        let networks = own_network.then(|| self.networks(group)).flatten();
        Some(Sample {
            at: clock::now(),
            usage,
            host: host_use(
                &fs::read_to_string("/proc/stat").unwrap_or_default(),
                &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
            ),
            networks: networks.unwrap_or_default(),
        })
    }

    /// The counters of the network that a process of the group sees.
    fn networks(&self, group: &GroupPath) -> Option<BTreeMap<String, Counters>> {
        let process = self.cgroups.some_process(group)?;
        let mut list = String::new();
        let file = fs::File::open(format!("/proc/{process}/net/dev")).ok()?;
        file.take(LONGEST_LIST).read_to_string(&mut list).ok()?;
        // Had it ended, its number might be another's by now.
        (self.cgroups.some_process(group) == Some(process)).then(|| interfaces(&list))
    }
}

fn age_ms(sample: &Sample) -> i64 {
    // A clock that was set back makes it new.
    clock::now().since_ms(sample.at).max(0)
}

fn rest(sample: &Sample) -> Duration {
    Duration::from_millis((PERIOD_MS - age_ms(sample)).max(0).unsigned_abs())
}

/// Understands `/proc/stat` and `/proc/meminfo`.
fn host_use(stat: &str, meminfo: &str) -> HostUse {
    let cpu = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    let ticks = cpu.unwrap_or_default().split_whitespace().take(7);
    let numbered = |line: &&str| line.starts_with("cpu") && line.as_bytes().get(3).is_some_and(u8::is_ascii_digit);
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    HostUse {
        cpu_ns: ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * NS_PER_TICK,
        cpus: stat.lines().filter(numbered).count() as u64,
        memory_bytes: total.unwrap_or(0) << 10,
    }
}

/// Understands `/proc/net/dev`, without the loopback interface.
fn interfaces(list: &str) -> BTreeMap<String, Counters> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let numbers: Vec<u64> = rest.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let direction = |at: usize| {
            Some(Direction {
                bytes: *numbers.get(at)?,
                packets: *numbers.get(at + 1)?,
                errors: *numbers.get(at + 2)?,
                dropped: *numbers.get(at + 3)?,
            })
        };
        let counters = Counters {
            rx: direction(0)?,
            tx: direction(8)?,
        };
        Some((name.trim().to_owned(), counters)).filter(|(name, _)| name != "lo")
    };
    list.lines().filter_map(line).collect()
}

/// The statistics of a container; `rates` as version 4 has them.
pub(super) fn document((id, name): (&RuntimeId, &str), (before, now): &Pair, rates: bool) -> Value {
    let memory = &now.usage.memory;
    let io = |entries: &[IoEntry]| -> Value {
        let entry = |one: &IoEntry| json!({ "major": one.major, "minor": one.minor, "op": one.op, "value": one.value });
        entries.iter().map(entry).collect()
    };
    let empty = Sample::default();
    let mut document = json!({
        "read": rfc3339(now.at),
        "preread": before.as_ref().map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |before| rfc3339(before.at)),
        "pids_stats": { "current": now.usage.pids.current },
        "blkio_stats": {
            "io_service_bytes_recursive": io(&now.usage.io_bytes),
            "io_serviced_recursive": io(&now.usage.io_operations),
            "io_queue_recursive": [], "io_service_time_recursive": [], "io_wait_time_recursive": [],
            "io_merged_recursive": [], "io_time_recursive": [], "sectors_recursive": [],
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": cpu(now),
        "precpu_stats": cpu(before.as_ref().unwrap_or(&empty)),
        "memory_stats": {
            "usage": memory.usage_bytes,
            "max_usage": memory.max_usage_bytes.unwrap_or(0),
            "stats": memory.accounts,
            "failcnt": memory.failures,
            "limit": memory.limit_bytes.unwrap_or(now.host.memory_bytes),
        },
        "name": format!("/{name}"),
        "id": id.to_string(),
    });
    if let Some(limit) = now.usage.pids.limit {
        document["pids_stats"]["limit"] = json!(limit);
    }
    if !now.networks.is_empty() {
        let named = now
            .networks
            .iter()
            .map(|(name, counters)| (name.clone(), network(counters)));
        document["networks"] = Value::Object(named.collect());
        if let (true, Some(before)) = (rates, before) {
            document["network_rate_stats"] = rate(before, now);
        }
    }
    document
}

fn cpu(sample: &Sample) -> Value {
    let CpuTime {
        total_ns,
        user_ns,
        system_ns,
        per_cpu_ns,
        periods,
        throttled_periods,
        throttled_ns,
    } = &sample.usage.cpu;
    let mut usage = json!({
        "total_usage": total_ns, "usage_in_kernelmode": system_ns, "usage_in_usermode": user_ns,
    });
    if !per_cpu_ns.is_empty() {
        usage["percpu_usage"] = json!(per_cpu_ns);
    }
    json!({
        "cpu_usage": usage,
        "system_cpu_usage": sample.host.cpu_ns,
        "online_cpus": sample.host.cpus,
        "throttling_data": {
            "periods": periods, "throttled_periods": throttled_periods, "throttled_time": throttled_ns,
        },
    })
}

fn network(counters: &Counters) -> Value {
    let Counters { rx, tx } = counters;
    json!({
        "rx_bytes": rx.bytes, "rx_packets": rx.packets, "rx_errors": rx.errors, "rx_dropped": rx.dropped,
        "tx_bytes": tx.bytes, "tx_packets": tx.packets, "tx_errors": tx.errors, "tx_dropped": tx.dropped,
    })
}

fn rate(before: &Sample, now: &Sample) -> Value {
    let sum = |sample: &Sample, side: fn(&Counters) -> u64| sample.networks.values().map(side).sum::<u64>();
    #[expect(clippy::cast_precision_loss, reason = "a rate is an estimate")]
    let per_second = |side: fn(&Counters) -> u64| {
        let bytes = sum(now, side).saturating_sub(sum(before, side)) as f64;
        bytes * 1000.0 / now.at.since_ms(before.at).max(1) as f64
    };
    json!({ "rx_bytes_per_sec": per_second(|one| one.rx.bytes), "tx_bytes_per_sec": per_second(|one| one.tx.bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NET_DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:    1296      16    1    2    0     0          0         0      906      11    3    4    0     0       0          0
";
    const STAT: &str = "cpu  100 1 50 800 5 0 3 9 9 9\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\nctxt 1\n";

    fn sample(at: i64, rx: u64) -> Sample {
        let mut networks = interfaces(NET_DEV);
        networks.get_mut("eth0").unwrap().rx.bytes = rx;
        Sample {
            at: Timestamp(at),
            networks,
            host: host_use(STAT, "MemTotal:        8000 kB\n"),
            ..Sample::default()
        }
    }

    #[test]
    fn the_kernels_lists_are_read() {
        let list = interfaces(NET_DEV);
        let eth0 = Counters {
            rx: Direction {
                bytes: 1296,
                packets: 16,
                errors: 1,
                dropped: 2,
            },
            tx: Direction {
                bytes: 906,
                packets: 11,
                errors: 3,
                dropped: 4,
            },
        };
        assert_eq!(list, BTreeMap::from([("eth0".to_owned(), eth0)]));
        assert_eq!(interfaces("eth0: 1 2\nrubbish\n"), BTreeMap::new());
        let host = HostUse {
            cpu_ns: 959 * NS_PER_TICK,
            cpus: 2,
            memory_bytes: 8_192_000,
        };
        assert_eq!(host_use(STAT, "MemTotal:        8000 kB\n"), host);
        assert_eq!(host_use("", ""), HostUse::default());
    }

    #[test]
    fn rates_follow_from_two_measurements() {
        let id = RuntimeId(berth_core::kernel::names::Name::new("abc"));
        let pair = (Some(sample(1_000, 1296)), sample(3_000, 3296));
        let told = document((&id, "ecs-f-1-web-0"), &pair, true);
        assert_eq!(told["network_rate_stats"]["rx_bytes_per_sec"], 1000.0);
        assert_eq!(told["networks"]["eth0"]["tx_packets"], 11);
        assert_eq!((&told["id"], &told["name"]), (&json!("abc"), &json!("/ecs-f-1-web-0")));
        assert_eq!(told["memory_stats"]["limit"], 8_192_000);
        assert_eq!(told["read"], "1970-01-01T00:00:03Z");
        let plain = document((&id, "n"), &pair, false);
        assert!(plain.get("network_rate_stats").is_none());
        let first = document((&id, "n"), &(None, Sample::default()), true);
        assert!(first.get("networks").is_none() && first["preread"] == "0001-01-01T00:00:00Z");
    }
}
