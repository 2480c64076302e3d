//! How many tasks are placed in a second, beside a scan of all machines, in one run on one thread.
//!
//! Run by `cargo xtask bench place`. The workload is `tests/bench/place.json`: machines, tasks and levels of filling. A
//! placement is the decision and what the index takes in of it; while the fleet stays as full as it is, each placement
//! follows the end of a task somewhere, which is not measured. What a placement costs beyond that, such as making the task's
//! row and writing it down, is measured by the benchmark of the API.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a benchmark knows the clock and prints"
)]

#[path = "../tests/place/fleet.rs"]
mod fleet;
#[path = "../tests/place/naive.rs"]
mod naive;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use berth_core::ecs::model::{ClusterKey, LaunchType, Task, TaskDefinition};
use berth_core::ecs::place::expression::Query;
use berth_core::ecs::place::index::Index;
use berth_core::ecs::place::{Constraint, Planner, Strategy, Want, place};
use berth_core::kernel::ids::{InstanceId, TaskId};
use berth_core::kernel::{Cx, Timestamp};
use fleet::Size;
use naive::Naive;
use serde_json::Value;

/// How many placements are measured, unless `--placements N` says otherwise.
const PLACEMENTS: usize = 200_000;
/// How many placements make a batch.
const BATCH: usize = 500;
/// How many of them the scan repeats, unless `--scans N` says otherwise.
const SCANNED: usize = 200;

fn main() {
    let options = Options::read();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bench/place.json");
    let text = std::fs::read_to_string(&file).expect("the workload file is in the repository");
    let workload: Value = serde_json::from_str(&text).expect("the workload file is JSON");
    println!(
        "{:<16}{:>9}{:>6}{:>13}{:>10}{:>10}{:>10}{:>9}{:>12}{:>8}",
        "run", "machines", "full", "placements/s", "p50 us", "p99 us", "max us", "refused", "scan/s", "times"
    );
    for run in list(&workload["runs"]) {
        let machines = options.instances.unwrap_or(number(&run["instances"]));
        let chosen = options
            .run
            .as_deref()
            .is_none_or(|name| text_of(&run["name"]).starts_with(name));
        if chosen {
            Bench::new(&workload, run, machines).measure(&options);
        }
    }
}

/// What the command line says.
struct Options {
    instances: Option<usize>,
    placements: usize,
    scans: usize,
    run: Option<String>,
    /// Whether to say what the tasks of each entry of the workload cost.
    by_task: bool,
}

impl Options {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let at = words.iter().position(|word| word == name)?;
            words.get(at + 1).cloned()
        };
        let count = |name: &str| value(name).map(|text| text.parse().expect("options are numbers"));
        Self {
            instances: count("--instances"),
            placements: count("--placements").unwrap_or(PLACEMENTS),
            scans: count("--scans").unwrap_or(SCANNED),
            run: value("--run"),
            by_task: words.iter().any(|word| word == "--by-task"),
        }
    }
}

/// One sort of tasks.
struct Sort {
    definition: TaskDefinition,
    group: String,
    strategy: Vec<Strategy>,
    constraints: Vec<Constraint>,
    pattern: Task,
}

/// A fleet that is as full as it should be.
struct Bench<'a> {
    run: &'a Value,
    cluster: ClusterKey,
    index: Index,
    planner: Planner,
    cx: Cx,
    naive: Naive,
    sorts: Vec<Sort>,
    /// Which task stands where, by its sort.
    standing: Vec<(TaskId, usize, InstanceId)>,
    machines: usize,
    random: u64,
}

impl<'a> Bench<'a> {
    fn new(workload: &Value, run: &'a Value, machines: usize) -> Self {
        let mut bench = Self {
            run,
            cluster: fleet::cluster(),
            index: Index::default(),
            planner: Planner::default(),
            cx: Cx::new(Timestamp(0), 42),
            naive: Naive::default(),
            sorts: list(&run["tasks"])
                .iter()
                .flat_map(|name| sorts(workload, text_of(name)))
                .collect(),
            standing: Vec::new(),
            machines,
            random: 7,
        };
        let memory = bench.register(workload);
        bench.fill(memory);
        bench
    }

    /// Registers the machines, and answers how much memory they have together.
    fn register(&mut self, workload: &Value) -> u64 {
        let (kinds, zones) = (list(&workload["machines"]), list(&workload["zones"]));
        let mut memory = 0;
        for at in 0..self.machines {
            let mut share = at * 61 % 100;
            let kind = kinds.iter().find(|kind| {
                let mine = number(&kind["share"]);
                let found = share < mine;
                share = share.wrapping_sub(mine);
                found
            });
            let kind = kind.expect("the shares of the machines make 100");
            let mut attributes: Vec<(&str, &str)> = vec![("ecs.availability-zone", text_of(&zones[at % zones.len()]))];
            attributes.extend(list(&workload["capabilities"]).iter().map(|name| (text_of(name), "")));
            let own = kind["attributes"].as_object().into_iter().flatten();
            attributes.extend(own.map(|(name, value)| (name.as_str(), text_of(value))));
            let id = u128::from(self.draw()) << 64 | u128::from(self.draw());
            let instance = fleet::machine(id, size(kind), &attributes);
            memory += u64::from(instance.registered.memory.0);
            self.index.set_connected(&instance.key, true);
            self.index.set_instance(&instance.key, Some(&instance));
            let machine = self.naive.machines.entry(instance.key.id).or_default();
            (machine.connected, machine.instance) = (true, Some(instance));
        }
        memory
    }

    fn fill(&mut self, memory: u64) {
        let fill = self.run["fill"].as_f64().expect("a share");
        // How many were refused one after the other: what some sorts ask for may be gone long before the rest is full.
        let (mut held, mut refused) = (0_u64, 0);
        while (held as f64) < memory as f64 * fill && refused < 1000 {
            let sort = self.draw() as usize % self.sorts.len();
            match self.place(sort).0 {
                Some(instance) => {
                    (held, refused) = (held + u64::from(self.sorts[sort].pattern.memory.0), 0);
                    self.keep(sort, instance);
                }
                None => refused += 1,
            }
        }
    }

    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// Decides and takes in, and says how long that took.
    fn place(&mut self, sort: usize) -> (Option<InstanceId>, Duration) {
        let id = u128::from(self.draw()) << 64 | u128::from(self.draw());
        self.sorts[sort].pattern.key.id = TaskId(id);
        let want = want(&self.cluster, &self.sorts[sort]);
        let start = Instant::now();
        let placed = place(&self.index, &mut self.planner, &mut self.cx, &want).ok();
        if let Some(instance) = placed {
            let one = &mut self.sorts[sort];
            one.pattern.instance = instance;
            self.index.add_task(&one.pattern, Some(&one.definition));
        }
        (placed, start.elapsed())
    }

    fn keep(&mut self, sort: usize, instance: InstanceId) {
        let sorted = &self.sorts[sort];
        self.naive.add(&sorted.pattern, &sorted.definition);
        self.standing.push((sorted.pattern.key.id, sort, instance));
    }

    /// A task somewhere is over.
    fn end_one(&mut self) {
        if self.standing.is_empty() {
            return;
        }
        let at = self.draw() as usize % self.standing.len();
        let (id, sort, instance) = self.standing.swap_remove(at);
        let sort = &mut self.sorts[sort];
        (sort.pattern.key.id, sort.pattern.instance) = (id, instance);
        self.index.remove_task(&sort.pattern, Some(&sort.definition));
        self.naive.remove(&sort.pattern, &sort.definition);
    }

    fn measure(&mut self, options: &Options) {
        let mut times = Vec::with_capacity(options.placements);
        let mut by_task: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        let (mut scans, mut scan_time, mut refused) = (0_u32, Duration::ZERO, 0);
        let every = (options.placements / options.scans.max(1)).max(1);
        for number in 0..options.placements {
            self.end_one();
            let sort = self.draw() as usize % self.sorts.len();
            let best = (options.scans > 0 && number % every == 0).then(|| {
                let start = Instant::now();
                let best = self.naive.best(&want(&self.cluster, &self.sorts[sort]));
                scan_time += start.elapsed();
                scans += 1;
                best
            });
            let (placed, time) = self.place(sort);
            times.push(time);
            if options.by_task {
                let entry = self.sorts[sort].pattern.family.to_string();
                let ending = if placed.is_some() { "" } else { ", refused" };
                by_task.entry(entry + ending).or_default().push(time);
            }
            if let Some(best) = best {
                let score = placed.map(|id| self.naive.score(&want(&self.cluster, &self.sorts[sort]), id));
                assert_eq!(score, best.map(|(score, _)| score), "the scan finds nothing better");
            }
            match placed {
                Some(instance) => self.keep(sort, instance),
                None => refused += 1,
            }
        }
        self.print(times, refused, f64::from(scans) / scan_time.as_secs_f64());
        for (entry, mut times) in by_task {
            let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e6 / times.len() as f64;
            times.sort_unstable();
            let (half, most) = (micros(&times, 0.5), micros(&times, 0.99));
            println!(
                "  {entry:<24}{:>8} times, mean {mean:.2}, p50 {half:.2}, p99 {most:.2} us",
                times.len()
            );
        }
    }

    /// The rate is that of the median batch, so that what else runs on the machine does not count.
    fn print(&self, mut times: Vec<Duration>, refused: usize, scans: f64) {
        let mut batches: Vec<Duration> = times.chunks_exact(BATCH).map(|batch| batch.iter().sum()).collect();
        batches.sort_unstable();
        let rate = BATCH as f64 / batches[batches.len() / 2].as_secs_f64();
        times.sort_unstable();
        println!(
            "{:<16}{:>9}{:>6}{:>13.0}{:>10.2}{:>10.2}{:>10.0}{:>9}{:>12.0}{:>8.0}",
            text_of(&self.run["name"]),
            self.machines,
            self.run["fill"].as_f64().unwrap_or(0.0),
            rate,
            micros(&times, 0.5),
            micros(&times, 0.99),
            micros(&times, 1.0),
            refused,
            scans,
            rate / scans
        );
    }
}

/// The microseconds that this share of the sorted times does not go beyond.
fn micros(times: &[Duration], share: f64) -> f64 {
    let at = (times.len() as f64 * share) as usize;
    times[at.min(times.len() - 1)].as_secs_f64() * 1e6
}

fn want<'a>(cluster: &'a ClusterKey, sort: &'a Sort) -> Want<'a> {
    Want {
        cluster,
        definition: &sort.definition,
        launch_type: LaunchType::Ec2,
        zones: None,
        group: &sort.group,
        strategy: &sort.strategy,
        constraints: &sort.constraints,
    }
}

/// The sorts of tasks that an entry of the workload makes: one for each of its groups.
fn sorts(workload: &Value, name: &str) -> Vec<Sort> {
    let entry = &workload["tasks"][name];
    let requires: Vec<&str> = entry["requires"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text_of)
        .collect();
    let port = entry["port"].as_u64().unwrap_or(0);
    let port = u16::try_from(port).expect("a port");
    let sort = |group: usize| {
        let group = format!("{name}-{group}");
        let definition = fleet::definition(name, size(entry), port, &requires);
        Sort {
            strategy: list(&entry["strategy"])
                .iter()
                .map(|word| strategy(text_of(word)))
                .collect(),
            constraints: entry["constraints"]
                .as_array()
                .into_iter()
                .flatten()
                .map(constraint)
                .collect(),
            pattern: fleet::task(0, &definition, &group, InstanceId(0), &[]),
            definition,
            group,
        }
    };
    (0..number(&entry["groups"])).map(sort).collect()
}

fn strategy(word: &str) -> Strategy {
    match word {
        "binpack:memory" => Strategy::BinpackMemory,
        "binpack:cpu" => Strategy::BinpackCpu,
        "spread:instanceId" => Strategy::SpreadInstance,
        "random" => Strategy::Random,
        other => {
            let name = other.strip_prefix("spread:attribute:");
            Strategy::SpreadAttribute(name.expect("a strategy").to_owned())
        }
    }
}

fn constraint(value: &Value) -> Constraint {
    match text_of(value).strip_prefix("memberOf:") {
        Some(expression) => Constraint::MemberOf(Query::new(expression).expect(expression)),
        None => Constraint::DistinctInstance,
    }
}

fn size(entry: &Value) -> Size {
    let part = |name: &str| u32::try_from(number(&entry[name])).expect("a size");
    Size {
        cpu: part("cpu"),
        memory: part("memory"),
        gpus: 0,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("a number of this machine")
}
