//! Placement beside a scan of all machines: on success nothing eligible was better by the strategies' own order, on
//! refusal nothing was possible, and the index follows from the facts, however they came about.

mod fleet;
mod naive;

use std::collections::BTreeMap;

use berth_core::ecs::model::{
    ClusterKey, ContainerInstance, InstanceStatus, LaunchType, Task, TaskDefinition, TaskStatus,
};
use berth_core::ecs::place::expression::Query;
use berth_core::ecs::place::index::Index;
use berth_core::ecs::place::{Constraint, Failure, Planner, Strategy as Preference, Want, place};
use berth_core::kernel::ids::InstanceId;
use berth_core::kernel::{Cx, Timestamp};
use fleet::Size;
use naive::Naive;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Something that happens to a fleet.
#[derive(Clone, Debug)]
enum Step {
    /// A machine registers, is drained or comes back with other attributes.
    Register {
        machine: u128,
        size: usize,
        attributes: Vec<usize>,
        status: InstanceStatus,
    },
    /// A machine is deregistered.
    Leave(u128),
    /// An agent comes or goes.
    Connect(u128, bool),
    /// A task is to be placed.
    Place(Wish),
    /// A task runs.
    Run(usize),
    /// A task is over.
    Stop(usize),
}

/// What a task asks for.
#[derive(Clone, Debug)]
struct Wish {
    definition: usize,
    group: &'static str,
    strategy: Vec<Preference>,
    constraints: Vec<Constraint>,
    zones: Option<Vec<&'static str>>,
}

const SIZES: [Size; 3] = [size(600, 1000, 0), size(1000, 600, 2), size(300, 2000, 3)];

const fn size(cpu: u32, memory: u32, gpus: u32) -> Size {
    Size { cpu, memory, gpus }
}

const ATTRIBUTES: [(&str, &str); 7] = [
    ("ecs.availability-zone", "us-east-1b"),
    ("ecs.availability-zone", "us-east-1c"),
    ("rack", "r1"),
    ("rack", "r2"),
    ("rack", ""),
    ("ssd", ""),
    ("berth.launch-types", "EXTERNAL"),
];

fn definitions() -> Vec<TaskDefinition> {
    vec![
        fleet::definition("small", size(0, 100, 0), 0, &[]),
        fleet::definition("large", size(200, 300, 0), 0, &[]),
        fleet::definition("port", size(50, 50, 0), 8080, &[]),
        fleet::definition("reserved", size(50, 50, 0), 22, &[]),
        fleet::definition("ssd", size(50, 200, 0), 0, &["ssd"]),
        fleet::definition("gpu", size(10, 50, 1), 0, &[]),
        fleet::definition("gpus", size(10, 50, 2), 0, &[]),
        fleet::definition("every-gpu", size(10, 50, u32::MAX), 0, &[]),
    ]
}

fn preference() -> impl Strategy<Value = Preference> {
    select(vec![
        Preference::BinpackMemory,
        Preference::BinpackCpu,
        Preference::SpreadInstance,
        Preference::SpreadAttribute("ecs.availability-zone".to_owned()),
        Preference::SpreadAttribute("rack".to_owned()),
        Preference::SpreadAttribute("nothing".to_owned()),
        Preference::Random,
    ])
}

fn constraint() -> impl Strategy<Value = Constraint> {
    let member = |text: &str| Constraint::MemberOf(Query::new(text).expect(text));
    select(vec![
        Constraint::DistinctInstance,
        member("attribute:rack == r1"),
        member("attribute:rack != r1"),
        member("attribute:ecs.availability-zone in [us-east-1b, us-east-1c]"),
        member("agentVersion >= 1.100"),
        member("task:group == blue"),
        member("not(task:group =~ b.*)"),
        member("runningTasksCount < 2"),
        member("ec2InstanceId =~ i-[0-5]"),
        member("registeredAt < 2030-01-01 and agentConnected == true"),
    ])
}

fn wish() -> impl Strategy<Value = Wish> {
    let zones = select(vec![
        None,
        None,
        None,
        Some(vec!["us-east-1a"]),
        Some(vec!["us-east-1b", "us-east-1c"]),
    ]);
    let constraints = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(constraint(), 1..3),
    ];
    let strategy = prop::collection::vec(preference(), 0..4);
    (
        0..8_usize,
        select(vec!["blue", "black", "red"]),
        strategy,
        constraints,
        zones,
    )
        .prop_map(|(definition, group, strategy, constraints, zones)| Wish {
            definition,
            group,
            strategy,
            constraints,
            zones,
        })
}

fn step(machines: u128) -> impl Strategy<Value = Step> {
    let machine = 0..machines;
    let status = select(vec![
        InstanceStatus::Active,
        InstanceStatus::Active,
        InstanceStatus::Draining,
    ]);
    let attributes = subsequence((0..ATTRIBUTES.len()).collect::<Vec<_>>(), 0..4);
    prop_oneof![
        2 => (machine.clone(), 0..3_usize, attributes, status)
            .prop_map(|(machine, size, attributes, status)| Step::Register { machine, size, attributes, status }),
        1 => machine.clone().prop_map(Step::Leave),
        2 => (machine, any::<bool>()).prop_map(|(machine, connected)| Step::Connect(machine, connected)),
        16 => wish().prop_map(Step::Place),
        3 => (0..100_usize).prop_map(Step::Run),
        5 => (0..100_usize).prop_map(Step::Stop),
    ]
}

/// A fleet, and the same fleet as the naive scan knows it.
struct World {
    index: Index,
    planner: Planner,
    cx: Cx,
    naive: Naive,
    cluster: ClusterKey,
    definitions: Vec<TaskDefinition>,
    instances: BTreeMap<u128, ContainerInstance>,
    tasks: Vec<(Task, usize)>,
    placed: u128,
}

impl World {
    fn new(machines: u128) -> Self {
        let mut world = Self {
            index: Index::default(),
            planner: Planner::default(),
            cx: Cx::new(Timestamp(0), 7),
            naive: Naive::default(),
            cluster: fleet::cluster(),
            definitions: definitions(),
            instances: BTreeMap::new(),
            tasks: Vec::new(),
            placed: 0,
        };
        for machine in 0..machines {
            let attributes = vec![machine as usize % 5];
            let size = machine as usize % 3;
            world.take(&Step::Register {
                machine,
                size,
                attributes,
                status: InstanceStatus::Active,
            });
            world.take(&Step::Connect(machine, true));
        }
        world
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Register {
                machine,
                size,
                attributes,
                status,
            } => {
                let by_name: BTreeMap<&str, &str> = attributes.iter().map(|at| ATTRIBUTES[*at]).collect();
                let attributes: Vec<(&str, &str)> = by_name.into_iter().collect();
                let mut instance = fleet::machine(*machine, SIZES[*size], &attributes);
                instance.status = *status;
                self.set(*machine, Some(instance));
            }
            Step::Leave(machine) => self.set(*machine, None),
            Step::Connect(machine, connected) => {
                self.index.set_connected(&fleet::key(*machine), *connected);
                self.naive.machines.entry(InstanceId(*machine)).or_default().connected = *connected;
            }
            Step::Place(wish) => self.place(wish),
            Step::Run(task) => {
                if let Some((mut task, definition)) = self.remove(*task) {
                    task.last_status = TaskStatus::Running;
                    self.add(task, definition);
                }
            }
            Step::Stop(task) => drop(self.remove(*task)),
        }
    }

    fn set(&mut self, machine: u128, instance: Option<ContainerInstance>) {
        self.index.set_instance(&fleet::key(machine), instance.as_ref());
        self.naive
            .machines
            .entry(InstanceId(machine))
            .or_default()
            .instance
            .clone_from(&instance);
        match instance {
            Some(instance) => drop(self.instances.insert(machine, instance)),
            None => drop(self.instances.remove(&machine)),
        }
    }

    fn add(&mut self, task: Task, definition: usize) {
        self.index.add_task(&task, Some(&self.definitions[definition]));
        self.naive.add(&task, &self.definitions[definition]);
        self.tasks.push((task, definition));
    }

    fn remove(&mut self, task: usize) -> Option<(Task, usize)> {
        if self.tasks.is_empty() {
            return None;
        }
        let (task, definition) = self.tasks.swap_remove(task % self.tasks.len());
        self.index.remove_task(&task, Some(&self.definitions[definition]));
        self.naive.remove(&task, &self.definitions[definition]);
        Some((task, definition))
    }

    /// Places a task, and judges where it went.
    fn place(&mut self, wish: &Wish) {
        let definition = self.definitions[wish.definition].clone();
        let want = Want {
            cluster: &self.cluster,
            definition: &definition,
            launch_type: LaunchType::Ec2,
            zones: wish.zones.as_ref().map(|zones| zones.iter().copied().collect()),
            group: wish.group,
            strategy: &wish.strategy,
            constraints: &wish.constraints,
        };
        let placed = place(&self.index, &mut self.planner, &mut self.cx, &want);
        let afresh = place(&self.index, &mut Planner::default(), &mut self.cx.clone(), &want);
        let best = self.naive.best(&want);
        match (placed, best) {
            (Ok(id), Some((score, _))) => {
                assert_eq!(
                    self.naive.machines[&id].objection(&want),
                    None,
                    "the machine is eligible"
                );
                assert_eq!(self.naive.score(&want, id), score, "nothing eligible is better");
                let afresh = afresh.expect("a planner that remembers nothing finds a machine too");
                assert_eq!(self.naive.score(&want, afresh), score, "memory changes nothing");
                let gpus = self.naive.machines[&id].gpus_for(&definition);
                let gpus = gpus.expect("the machine is eligible");
                let key = fleet::key(id.0);
                let free = self.index.machine(&key).expect("the machine is known").free_gpus();
                assert!(
                    free.eq(self.naive.machines[&id].free_gpus().iter()),
                    "what is free is free"
                );
                let task = fleet::task(self.placed, &definition, wish.group, id, &gpus);
                self.placed += 1;
                self.add(task, wish.definition);
            }
            (Err(failures), None) => assert_eq!(failures, self.explained(&want)),
            (placed, best) => panic!("{placed:?} beside {best:?}"),
        }
    }

    /// The objections of the first ten machines that take tasks.
    fn explained(&self, want: &Want<'_>) -> Vec<Failure> {
        let machines = self.naive.machines.iter();
        let objections = machines.filter_map(|(id, machine)| Some((id.0, machine.objection(want)?)));
        let open = objections.filter(|(_, reason)| *reason != "closed").take(10);
        let failures: Vec<Failure> = open.map(|(id, reason)| Failure::of(&fleet::key(id), reason)).collect();
        if !failures.is_empty() {
            return failures;
        }
        vec![Failure {
            arn: Some(self.cluster.arn().to_string()),
            reason: "NO ACTIVE INSTANCES".to_owned(),
        }]
    }

    /// The index of the same facts, which never were otherwise.
    fn check(&self) {
        let mut index = Index::default();
        for (machine, instance) in self.instances.iter().rev() {
            index.set_instance(&fleet::key(*machine), Some(instance));
        }
        for (task, definition) in &self.tasks {
            index.add_task(task, Some(&self.definitions[*definition]));
        }
        assert!(index == self.index, "equal facts have an equal index");
    }
}

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(settings(300))]

    #[test]
    fn nothing_is_better_and_nothing_was_possible(steps in prop::collection::vec(step(12), 1..120)) {
        let mut world = World::new(8);
        for step in &steps {
            world.take(step);
        }
        world.check();
    }
}

/// Long stories of a few wishes that come again and again, in small and in large fleets whose machines seldom change: what
/// searches remember is used, and outlived.
#[test]
fn long_stories() {
    for (machines, steps) in [(8, 2000), (30, 2000), (150, 3000)] {
        let mut runner = TestRunner::deterministic();
        for _ in 0..4 {
            let wishes = prop::collection::vec(wish(), 12).new_tree(&mut runner);
            let wishes = wishes.expect("wishes are made of numbers").current();
            long_story(machines, steps, &wishes, &mut runner);
        }
    }
}

fn long_story(machines: u128, steps: usize, wishes: &[Wish], runner: &mut TestRunner) {
    let mut world = World::new(machines);
    for number in 0..steps {
        let step = step(machines).new_tree(runner);
        let step = step.expect("steps are made of numbers").current();
        let churn = matches!(step, Step::Register { .. } | Step::Leave(_));
        if matches!(step, Step::Place(_)) {
            world.take(&Step::Place(wishes[number % wishes.len()].clone()));
        } else if !churn || number % 50 == 0 {
            world.take(&step);
        }
        if number % 500 == 0 {
            world.check();
        }
    }
    world.check();
}

/// Stories in which far more machines change between two searches than a search keeps in mind: floods of tasks come to an end,
/// then the same wishes come again. Among few machines that nobody else takes a task from, each one counts.
#[test]
fn floods() {
    let spread = Preference::SpreadAttribute("ecs.availability-zone".to_owned());
    let preferences = [
        vec![Preference::BinpackMemory],
        vec![spread.clone(), Preference::SpreadInstance],
        vec![Preference::SpreadInstance, Preference::BinpackCpu],
        vec![spread, Preference::BinpackCpu],
        vec![Preference::BinpackMemory, Preference::SpreadInstance],
        vec![],
    ];
    for strategy in preferences {
        flood(&strategy, 0);
        flood(&strategy, 1);
    }
}

/// A machine has room for one task of the second definition, or for many of the first.
fn flood(strategy: &[Preference], definition: usize) {
    let machines = 400;
    let mut world = World::new(machines);
    for machine in 0..machines {
        world.take(&Step::Register {
            machine,
            size: 2,
            attributes: vec![usize::from(machine % 16 == 0)],
            status: InstanceStatus::Active,
        });
    }
    let wish = Wish {
        definition,
        group: "blue",
        strategy: strategy.to_vec(),
        constraints: Vec::new(),
        zones: None,
    };
    let place = |world: &mut World, count| (0..count).for_each(|_| world.take(&Step::Place(wish.clone())));
    place(&mut world, 400);
    for round in 0..2 {
        // Those whose tasks end lie all over the fleet.
        (0..300).for_each(|number| world.take(&Step::Stop(number * 7919 + round)));
        place(&mut world, 310);
    }
    world.check();
}
