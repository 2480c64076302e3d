//! Whatever happens, in whatever order: what must never be wrong, and a slow second opinion on placement.

use std::collections::{BTreeMap, BTreeSet};

use berth_core::ecs::api::Read;
use berth_core::ecs::model::{
    Architecture, Attribute, ContainerInstance, InstanceKey, InstanceStatus, LaunchType, Protocol, Task,
    TaskDefinition, TaskStatus,
};
use berth_core::ecs::place::Strategy as Preference;
use berth_core::ecs::view::Reply;
use berth_core::ecs::view::assignment::Desired;
use berth_core::ecs::view::list::{PageWish, TaskFilter};
use berth_core::kernel::{CpuUnits, MemoryMib};
use berth_core::network::DefaultNetwork;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::World;

/// The machines of random stories: small, so that they run full, and of every kind.
const MACHINES: [&str; 4] = [
    "m1 cpu=600 memory=600 zone=a",
    "m2 cpu=700 memory=1200 zone=b serves=EC2,FARGATE",
    "m3 cpu=500 memory=900 zone=a external arch=arm64",
    "m4 cpu=2000 memory=700 zone=a taken=8080 arch=arm64 gpus=G1,G2,G3",
];

/// What random stories run.
const DEFINITIONS: [&str; 8] = [
    "small : app memory=100 cpu=100",
    "fixed : app memory=50 port=8080:80 | side optional memory=50",
    "dynamic : app memory=60 port=80",
    "vpc net=awsvpc cpu=256 memory=512",
    "arm arch=ARM64 : app memory=80 cpu=10",
    "host net=host : app memory=70 port=8080",
    "gpu : app memory=50 needs=GPU:1 | side optional memory=10 needs=GPU:1",
    "gpus : app memory=50 needs=GPU:ALL",
];

const FAMILIES: [&str; 8] = ["small", "fixed", "dynamic", "vpc", "arm", "host", "gpu", "gpus"];

/// Constraints of random runs; most have none.
const CONSTRAINTS: [&str; 9] = [
    "",
    "",
    "",
    " distinct",
    IN_ZONE_A,
    ON_ARM,
    BESIDE_SMALL,
    WITHOUT_SMALL,
    " distinct where=\"attribute:ecs.availability-zone == us-east-1a\"",
];
const IN_ZONE_A: &str = " where=\"attribute:ecs.availability-zone == us-east-1a\"";
const ON_ARM: &str = " where=\"attribute:ecs.cpu-architecture == arm64\"";
const BESIDE_SMALL: &str = " where=\"task:group == family:small\"";
const WITHOUT_SMALL: &str = " where=\"not(task:group == family:small)\"";

/// Overrides of random runs; most have none.
const OVERRIDES: [&str; 6] = [
    "",
    "",
    "",
    " : app memory=300",
    " : app memory=120 cpu=150",
    " : app env=A:1 command=x",
];

fn machine() -> impl Strategy<Value = &'static str> {
    select(vec!["m1", "m2", "m3", "m4"])
}

fn task() -> impl Strategy<Value = String> {
    (1..14_u8).prop_map(|number| format!("t{number}"))
}

fn run() -> impl Strategy<Value = String> {
    let kind = select(vec!["", " type=EC2", " type=EXTERNAL", " type=FARGATE"]);
    let strategy = select(vec![
        "",
        " strategy=binpack-memory",
        " strategy=binpack-cpu",
        " strategy=spread-instance",
        " strategy=spread-zone",
        " strategy=spread-zone,binpack-memory",
        " strategy=binpack-cpu,spread-instance",
        " strategy=spread-zone,random",
    ]);
    let token = select(vec!["", "", " token=x", " token=y"]);
    let what = (select(FAMILIES.to_vec()), 1..4_u8, kind);
    let how = (
        strategy,
        select(CONSTRAINTS.to_vec()),
        token,
        select(OVERRIDES.to_vec()),
    );
    (what, how).prop_map(|((family, count, kind), (strategy, constraint, token, overrides))| {
        let subnets = if family == "vpc" { " subnets=a,b" } else { "" };
        // FARGATE takes neither.
        let wishes = if kind.ends_with("FARGATE") {
            String::new()
        } else {
            format!("{strategy}{constraint}")
        };
        format!("run {family} count={count}{kind}{wishes}{token}{subnets}{overrides}")
    })
}

/// The line with another member, before its overrides.
fn with(line: &str, member: &str) -> String {
    let (launch, overrides) = line.split_at(line.find(" : ").unwrap_or(line.len()));
    format!("{launch}{member}{overrides}")
}

fn report() -> impl Strategy<Value = String> {
    let status = select(vec!["PENDING", "RUNNING", "STOPPED", "attached", "nothing"]);
    let app = select(vec![
        "",
        " app=PENDING",
        " app=RUNNING",
        " app=RUNNING/80>8080",
        " app=STOPPED/1",
        " app=RUNNING app=STOPPED/0",
    ]);
    let side = select(vec!["", " side=RUNNING", " side=STOPPED/0"]);
    (task(), status, app, side).prop_map(|(task, status, app, side)| format!("report {task} {status}{app}{side}"))
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(MACHINES.to_vec()).prop_map(|machine| format!("register {machine} again")),
        1 => select(MACHINES.to_vec()).prop_map(|machine| format!("register {machine} token={}", &machine[..2])),
        3 => (machine(), select(vec!["", " answers", " answers stock", " stock agent=1.1", " answers stock agent=1.2"])).prop_map(|(name, how)| format!("connect {name}{how}")),
        1 => (machine(), select(vec!["close", "mute", "hear", "ack", "nack", "renew"])).prop_map(|(name, what)| format!("{what} {name}")),
        1 => (machine(), task(), task()).prop_map(|(name, one, two)| format!("candidates {name} {one} {two}")),
        1 => (machine(), any::<bool>()).prop_map(|(name, force)| format!("leave {name}{}", if force { " force" } else { "" })),
        1 => select(DEFINITIONS.to_vec()).prop_map(|definition| format!("define {definition}")),
        1 => select(FAMILIES.to_vec()).prop_map(|family| format!("undefine {family}:1")),
        8 => run(),
        3 => task().prop_map(|task| format!("stop {task}")),
        8 => report(),
        3 => select(vec!["1s", "6s", "20s", "70s", "61m"]).prop_map(|span| format!("wait {span}")),
        1 => select(vec!["restart", "reset", "delete default", "list tasks desired=STOPPED"]).prop_map(str::to_owned),
    ]
}

/// All machines are there and all definitions known.
fn populated() -> World {
    let mut world = World::new();
    world.tell_line("offer 1.2");
    MACHINES
        .iter()
        .for_each(|machine| world.tell_line(&format!("machine {machine}")));
    DEFINITIONS
        .iter()
        .for_each(|definition| world.tell_line(&format!("define {definition}")));
    world
}

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(settings(500))]

    /// Nothing that must hold is ever broken, and when the world heals, every agent knows what it should do.
    #[test]
    fn whatever_happens(story in prop::collection::vec(line(), 1..60)) {
        let mut world = populated();
        for line in &story {
            world.tell_line(line);
            never_wrong(&world);
        }
        world.check_state();
        heal(&mut world);
        never_wrong(&world);
        world.check_state();
    }
}

proptest! {
    #![proptest_config(settings(300))]

    /// A second opinion, from the tables alone and without an index, on every placement.
    #[test]
    fn placement_is_right(story in prop::collection::vec(prop_oneof![3 => run(), 1 => report(), 1 => line()], 1..40)) {
        let mut world = populated();
        for line in &story {
            if line.starts_with("run ") {
                let changes = [(" token=x", ""), (" token=y", ""), ("count=2", "count=1"), ("count=3", "count=1")];
                let line = changes.iter().fold(line.clone(), |line, (from, to)| line.replace(from, to));
                judge(&mut world, &line);
            } else {
                world.tell_line(line);
            }
        }
    }
}

/// The facts of ECS, as the tables have them.
/// A list's filter, as a member of the story's language and as what it asks of a task.
fn filter() -> impl Strategy<Value = TaskFilter> {
    let status = select(vec![None, Some(TaskStatus::Running), Some(TaskStatus::Pending)]);
    let kind = select(vec![
        None,
        None,
        Some(LaunchType::Ec2),
        Some(LaunchType::External),
        Some(LaunchType::Fargate),
    ]);
    let family = prop::option::of(select(FAMILIES.to_vec()));
    let alone = select(vec!["me", "you"]).prop_map(|who| TaskFilter {
        started_by: Some(who.to_owned()),
        ..TaskFilter::default()
    });
    let others =
        (status, kind, family, prop::option::of(machine())).prop_map(|(status, kind, family, on)| TaskFilter {
            family: family.map(str::to_owned),
            instance: on.map(str::to_owned),
            launch_type: kind,
            desired_status: status,
            ..TaskFilter::default()
        });
    prop_oneof![1 => alone, 4 => others]
}

proptest! {
    #![proptest_config(settings(200))]

    /// A list shows what a look at every task would find, whatever index it comes from, and page by page the same.
    #[test]
    fn lists_are_complete(
        story in prop::collection::vec(prop_oneof![4 => run(), 1 => report(), 2 => line()], 1..40),
        filter in filter(),
        limit in 1..6_i64,
    ) {
        let mut world = populated();
        for (at, line) in story.iter().enumerate() {
            let by = ["", " by=me", " by=you"][at % 3];
            world.tell_line(&if line.starts_with("run") { with(line, by) } else { line.clone() });
        }
        let machine = filter.instance.as_deref().and_then(|name| world.machines.get(name));
        let machine = machine.map(|machine| machine.key.clone());
        let filter = TaskFilter {
            instance: machine.as_ref().map(|key| key.arn().to_string()),
            ..filter
        };
        let wanted = |task: &&Task| {
            task.desired_status == filter.desired_status.unwrap_or(TaskStatus::Running)
                && filter.family.as_deref().is_none_or(|family| task.family.as_str() == family)
                && machine.as_ref().is_none_or(|key| task.instance_key() == *key)
                && filter.launch_type.is_none_or(|kind| task.launch_type == kind)
                && filter.started_by.as_deref().is_none_or(|who| {
                    task.started_by.as_ref().is_some_and(|by| by.as_str() == who)
                })
        };
        let tasks = world.control.state().ecs().tasks();
        let wanted: Vec<String> = tasks.iter().filter(wanted).map(|task| task.key.arn().to_string()).collect();
        prop_assert_eq!(listed(&world, &filter, limit), wanted);
    }
}

/// All pages of a list, one after the other.
fn listed(world: &World, filter: &TaskFilter, limit: i64) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = PageWish {
            limit: Some(limit),
            after,
        };
        let read = Read::ListTasks(None, filter.clone(), page);
        let Ok(Reply::Page(page)) = world.control.read(&World::principal(), &World::scope(), &read) else {
            return all;
        };
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn live(world: &World) -> Vec<&Task> {
    world
        .control
        .state()
        .ecs()
        .tasks()
        .iter()
        .filter(|task| !task.is_stopped())
        .collect()
}

fn definition<'a>(world: &'a World, task: &Task) -> &'a TaskDefinition {
    world
        .control
        .state()
        .ecs()
        .definitions()
        .get(&task.definition_key())
        .expect("a task's definition stays")
}

fn never_wrong(world: &World) {
    let state = world.control.state();
    for instance in state.ecs().instances().iter() {
        let mine: Vec<&Task> = live(world)
            .into_iter()
            .filter(|task| task.instance_key() == instance.key)
            .collect();
        let cpu: u32 = mine.iter().map(|task| task.cpu.0).sum();
        let memory: u32 = mine.iter().map(|task| task.memory.0).sum();
        assert!(cpu <= instance.registered.cpu.0, "CPU is not oversold");
        assert!(memory <= instance.registered.memory.0, "memory is not oversold");
        let mut taken = instance.registered.ports.clone();
        let ports = mine.iter().flat_map(|task| definition(world, task).reserved_ports());
        assert!(
            ports.into_iter().all(|port| taken.insert(port)),
            "host ports are not shared"
        );
        let mut gpus = instance.registered.gpus.clone();
        let held = mine.iter().flat_map(|task| &task.containers);
        let mut held = held.flat_map(|container| &container.gpu_ids);
        assert!(
            held.all(|gpu| gpus.remove(gpu)),
            "GPUs are the machine's and not shared"
        );
    }
    let mut addresses = BTreeSet::new();
    let interfaces = state.network().interfaces();
    assert!(
        interfaces.iter().all(|one| addresses.insert(one.address)),
        "addresses are not shared"
    );
    let held: BTreeSet<_> = live(world).iter().filter_map(|task| task.interface_key()).collect();
    let known: BTreeSet<_> = interfaces.iter().map(|one| one.key.clone()).collect();
    assert_eq!(held, known, "every interface is of a task that is not over");
    for cluster in state.ecs().clusters().iter() {
        let counts = state.ecs().counts(&cluster.key);
        let tasks = live(world)
            .into_iter()
            .filter(|task| task.key.cluster_key() == cluster.key);
        assert_eq!(counts.tasks(), tasks.count(), "counts are true");
    }
    for task in state.ecs().tasks().iter().filter(|task| task.is_stopped()) {
        assert!(
            task.stop_code.is_some() && task.stopped_reason.is_some(),
            "every end has a reason"
        );
        assert!(task.times.stopped_at.is_some(), "every end has its moment");
    }
}

/// All machines connect and answer.
fn heal(world: &mut World) {
    let names: Vec<String> = world.machines.keys().cloned().collect();
    for name in &names {
        world.tell_line(&format!("connect {name} answers"));
    }
    world.tell_line("wait 2m");
    for task in live(world) {
        let desired = if task.desired_status == TaskStatus::Stopped {
            Desired::Stopped
        } else {
            Desired::Running
        };
        let Some(machine) = world
            .machines
            .values()
            .find(|machine| machine.key == task.instance_key())
        else {
            continue;
        };
        assert!(
            machine.told.contains(&(task.key.id, desired)),
            "every agent knows what it should do"
        );
        assert!(
            desired == Desired::Running || task.last_status >= TaskStatus::Stopping,
            "what was told to stop is stopping"
        );
    }
}

/// What the story asks for, read from its line.
struct Asked {
    definition: TaskDefinition,
    launch_type: LaunchType,
    strategy: Vec<Preference>,
    group: String,
    constraint: String,
}

/// Runs one task and compares where it went with all machines.
fn judge(world: &mut World, line: &str) {
    let asked = asked(world, line);
    let scores = asked.as_ref().map(|asked| scores(world, asked));
    world.tell_line(line);
    let (Some(asked), Some(scores)) = (asked, scores) else {
        return;
    };
    match world.last_run() {
        Some(Ok(instance)) => {
            let chosen = scores.get(&instance).expect("the chosen machine passes all filters");
            assert!(
                scores.values().all(|other| chosen <= other),
                "nothing eligible is better: {line}"
            );
        }
        Some(Err(())) => assert!(scores.is_empty(), "on refusal nothing is eligible: {line}"),
        // A launch type that the definition does not fit is refused before any machine is looked at.
        None => assert!(
            !asked.definition.compatibilities.contains(&asked.launch_type) || scores.is_empty(),
            "{line}"
        ),
    }
}

fn asked(world: &World, line: &str) -> Option<Asked> {
    let member = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or("");
    let family = line.split(' ').nth(1)?;
    let scope = World::scope();
    let ecs = world.control.state().ecs();
    let family_name = family.parse().expect("fixtures are well-formed");
    let mut definition = ecs.newest_active(&scope, &family_name)?.clone();
    let (launch, overrides) = line.split_at(line.find(" : ").unwrap_or(line.len()));
    let overridden = |name: &str| {
        overrides
            .split(' ')
            .find_map(|word| word.strip_prefix(name)?.parse().ok())
    };
    let app = definition.containers.first_mut().expect("a definition has containers");
    app.cpu = overridden("cpu=").map_or(app.cpu, CpuUnits);
    app.memory = overridden("memory=").map(MemoryMib).or(app.memory);
    let constraint = CONSTRAINTS
        .iter()
        .filter(|one| !one.is_empty() && launch.contains(**one));
    let strategy = member("strategy=").split(',').filter_map(|word| match word {
        "binpack-memory" => Some(Preference::BinpackMemory),
        "binpack-cpu" => Some(Preference::BinpackCpu),
        "spread-instance" => Some(Preference::SpreadInstance),
        "spread-zone" => Some(Preference::SpreadAttribute("ecs.availability-zone".to_owned())),
        _ => None,
    });
    Some(Asked {
        launch_type: LaunchType::from_word(member("type=")).unwrap_or(LaunchType::Ec2),
        strategy: strategy.collect(),
        group: format!("family:{family}"),
        constraint: constraint.copied().collect(),
        definition,
    })
}

/// Every eligible machine with its score; the smallest is the best.
fn scores(world: &World, asked: &Asked) -> BTreeMap<InstanceKey, Vec<u64>> {
    let instances = world.control.state().ecs().instances().iter();
    let eligible = instances.filter(|instance| is_eligible(world, instance, asked));
    eligible
        .map(|instance| (instance.key.clone(), score(world, instance, asked)))
        .collect()
}

fn is_eligible(world: &World, instance: &ContainerInstance, asked: &Asked) -> bool {
    let value = |name: &str| {
        instance
            .attributes
            .iter()
            .find(|one| one.name == name)
            .and_then(|one| one.value.clone())
    };
    let (definition, mine) = (&asked.definition, on(world, instance));
    let serves = value("berth.launch-types").unwrap_or_else(|| {
        let external = instance
            .attributes
            .iter()
            .any(|one| one.name == "ecs.capability.external");
        if external {
            "EXTERNAL".to_owned()
        } else {
            "EC2".to_owned()
        }
    });
    let architecture = definition.runtime_platform.and_then(|platform| platform.architecture);
    let has = |wanted: &Attribute| instance.attributes.iter().any(|one| one.name == wanted.name);
    let cpu: u32 = mine.iter().map(|task| task.cpu.0).sum();
    let memory: u32 = mine.iter().map(|task| task.memory.0).sum();
    let fixed = mine
        .iter()
        .flat_map(|task| self::definition(world, task).reserved_ports());
    let chosen = mine.iter().filter(|task| task.interface.is_none());
    let chosen = chosen
        .flat_map(|task| &task.containers)
        .flat_map(|container| &container.bindings);
    let mut taken: BTreeSet<(Protocol, u16)> = fixed.chain(chosen.map(|one| (one.protocol, one.host_port))).collect();
    taken.extend(instance.registered.ports.iter().copied());
    instance.status == InstanceStatus::Active
        && is_connected(world, instance)
        && definition.compatibilities.contains(&asked.launch_type)
        && serves.split(',').any(|word| word == asked.launch_type.as_str())
        && (architecture != Some(Architecture::Arm64) || value("ecs.cpu-architecture").as_deref() == Some("arm64"))
        && definition.requires_attributes.iter().all(has)
        && cpu + definition.reserved_cpu().0 <= instance.registered.cpu.0
        && memory + definition.reserved_memory().0 <= instance.registered.memory.0
        && definition.reserved_ports().all(|port| !taken.contains(&port))
        && has_gpus(instance, &mine, asked)
        && is_wanted(world, instance, asked)
}

/// Whether enough GPUs are free: both containers of `gpu` want one each, and `gpus` wants all there are.
fn has_gpus(instance: &ContainerInstance, mine: &[&Task], asked: &Asked) -> bool {
    let held = mine.iter().flat_map(|task| &task.containers);
    let held: usize = held.map(|container| container.gpu_ids.len()).sum();
    let all = instance.registered.gpus.len();
    match asked.group.as_str() {
        "family:gpu" => all >= held + 2,
        "family:gpus" => all > 0 && held == 0,
        _ => true,
    }
}

/// Whether the machine meets the constraint, as a look at everything on it says.
fn is_wanted(world: &World, instance: &ContainerInstance, asked: &Asked) -> bool {
    let has = |group: &str| on(world, instance).iter().any(|task| &*task.group == group);
    let says = |constraint: &str| asked.constraint.contains(constraint);
    let arm = instance
        .attribute("ecs.cpu-architecture")
        .and_then(|one| one.value.as_deref());
    (!says(" distinct") || !has(&asked.group))
        && (!says(IN_ZONE_A) || instance.zone() == "us-east-1a")
        && (!says(ON_ARM) || arm == Some("arm64"))
        && (!says(BESIDE_SMALL) || has("family:small"))
        && (!says(WITHOUT_SMALL) || !has("family:small"))
}

fn score(world: &World, instance: &ContainerInstance, asked: &Asked) -> Vec<u64> {
    let mine = on(world, instance);
    let group = |task: &&&Task| *task.group == *asked.group;
    let zone = |task: &&Task| {
        let theirs = world.control.state().ecs().instances().get(&task.instance_key());
        theirs.is_some_and(|theirs| theirs.zone() == instance.zone())
    };
    let number = |strategy: &Preference| match strategy {
        Preference::BinpackMemory => {
            u64::from(instance.registered.memory.0 - mine.iter().map(|task| task.memory.0).sum::<u32>())
        }
        Preference::BinpackCpu => {
            u64::from(instance.registered.cpu.0 - mine.iter().map(|task| task.cpu.0).sum::<u32>())
        }
        Preference::SpreadInstance => mine.iter().filter(group).count() as u64,
        Preference::SpreadAttribute(_) => live(world).iter().filter(|task| zone(task)).filter(group).count() as u64,
        Preference::Random => 0,
    };
    asked.strategy.iter().map(number).collect()
}

fn on<'a>(world: &'a World, instance: &ContainerInstance) -> Vec<&'a Task> {
    live(world)
        .into_iter()
        .filter(|task| task.instance_key() == instance.key)
        .collect()
}

/// As anybody can see it.
fn is_connected(world: &World, instance: &ContainerInstance) -> bool {
    let read = Read::DescribeInstances(None, vec![instance.key.id.to_string()]);
    let reply = world.control.read(&World::principal(), &World::scope(), &read);
    match world.complete(reply) {
        Ok(Reply::Instances(views, _)) => views.iter().any(|view| view.agent_connected),
        other => panic!("{other:?}"),
    }
}

/// The zones of both subnets that random stories name are the zones of all machines.
#[test]
fn every_machine_stands_in_a_zone_of_the_subnets() {
    let world = populated();
    let network = DefaultNetwork::of(&World::scope());
    let zones: BTreeSet<&str> = network.subnets[..2].iter().map(|subnet| subnet.zone.as_str()).collect();
    let instances = world.control.state().ecs().instances();
    assert!(
        instances
            .iter()
            .all(|instance| zones.contains(instance.zone().as_str()))
    );
}
