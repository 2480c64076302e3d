//! Anything may happen in any order. While it does, nothing goes back and nothing runs twice; once the world heals and the
//! task is wanted no more, it ends and leaves nothing behind.

use proptest::prelude::*;

use super::draft::{assignment, stop, task_key};
use super::world::World;
use crate::ecs::report::ReportedStatus;
use crate::node::{Answer, Event, MessageId, Step, StepFailure};

const DEFINITIONS: [&str; 9] = [
    "awsvpc\n web* httpd:2.4 logs=/g\n side busybox",
    "bridge\n init busybox\n web* httpd:2.4 port=80 logs=/g timeout=3\n side busybox",
    "host\n web* httpd:2.4 port=80 timeout=0",
    "none data all=shared\n web* httpd:2.4 mount=data:/d\n other* busybox logs=/g from=web",
    "bridge\n side busybox on=web timeout=3\n web* httpd:2.4 on=base health=5\n base busybox again=60",
    // These do not run by themselves: something must end or be found healthy first.
    "awsvpc\n web* httpd:2.4 on=init:SUCCESS timeout=3\n init busybox begin=20\n side busybox on=web on=init:COMPLETE logs=/g",
    "none\n web* httpd:2.4 on=db:HEALTHY on=side\n db* busybox health=5+10 begin=30 timeout=5\n side busybox on=db",
    "bridge\n web* httpd:2.4 again=60 logs=/g health=10\n side busybox again=60 on=web:HEALTHY",
    "host\n web* httpd:2.4 on=mid:COMPLETE\n mid busybox on=init:SUCCESS again=60\n init busybox",
];
/// How many of them run without anything else happening.
const PLAIN: usize = 5;
const TASKS: u32 = 2;

/// Something that happens; the numbers choose among what is possible.
#[derive(Clone, Debug)]
enum Happening {
    Answer(usize),
    Fail(usize),
    Exit(usize),
    TellExit(usize),
    Report(usize, u8),
    Payload(u32),
    Stop(u32),
    Manifest(u32),
    Wait(i64),
    Crash { done: bool, rebooted: bool },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => any::<usize>().prop_map(Happening::Answer),
        1 => any::<usize>().prop_map(Happening::Fail),
        2 => any::<usize>().prop_map(Happening::Exit),
        4 => any::<usize>().prop_map(Happening::TellExit),
        4 => (any::<usize>(), 0..4_u8).prop_map(|(at, answer)| Happening::Report(at, answer)),
        2 => (1..=TASKS).prop_map(Happening::Payload),
        1 => (1..=TASKS).prop_map(Happening::Stop),
        1 => (0..=TASKS).prop_map(Happening::Manifest),
        2 => (0..40_000_i64).prop_map(Happening::Wait),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(done, rebooted)| Happening::Crash { done, rebooted }),
    ]
}

fn happen(world: &mut World, definition: &str, happening: &Happening, seq: i64) {
    let message = MessageId(format!("m{seq}"));
    let payload = |tasks| Event::Payload {
        seq: Some(seq),
        message: message.clone(),
        tasks,
    };
    match *happening {
        Happening::Answer(at) if !world.ops.is_empty() => {
            world.answer_op(at % world.ops.len(), None);
        }
        Happening::Fail(at) if !world.ops.is_empty() => {
            let at = at % world.ops.len();
            let failure = failure(&world.ops[at].step());
            world.answer_op(at, Some(failure));
        }
        Happening::Exit(at) if !world.machine.is_empty() => {
            let (task, name) = world.machine.keys().nth(at % world.machine.len()).unwrap().clone();
            let code = [0, 5, 4][at % 3];
            world.end(&task, &name, code, at.is_multiple_of(7));
        }
        Happening::TellExit(at) if !world.exits.is_empty() => {
            world.tell_exit(at % world.exits.len());
        }
        Happening::Report(at, answer) if !world.reports.is_empty() => {
            let answer = [Answer::Accepted, Answer::Accepted, Answer::Failed, Answer::Rejected][usize::from(answer)];
            world.answer_report(at % world.reports.len(), answer);
        }
        Happening::Payload(task) => {
            world.handle(payload(vec![assignment(task, definition)]));
        }
        Happening::Stop(task) => {
            world.handle(payload(vec![stop(task)]));
        }
        Happening::Manifest(tasks) => {
            let tasks = (1..=tasks).map(|task| (task_key(task), crate::ecs::view::assignment::Desired::Running));
            let tasks = tasks.collect();
            world.handle(Event::Manifest { seq, message, tasks });
        }
        Happening::Wait(ms) => wait(world, ms),
        Happening::Crash { done, rebooted } => crash(world, done, rebooted),
        Happening::Answer(_)
        | Happening::Fail(_)
        | Happening::Exit(_)
        | Happening::TellExit(_)
        | Happening::Report(..) => {}
    }
}

fn failure(step: &Step) -> StepFailure {
    if matches!(step, Step::PrepareLogs(_)) {
        StepFailure::LogGroupMissing
    } else {
        StepFailure::Other("bad luck".to_owned())
    }
}

fn wait(world: &mut World, ms: i64) {
    let end = world.now.plus_ms(ms);
    while let Some(at) = world.node.next_wakeup().filter(|at| *at <= end) {
        world.now = at.max(world.now);
        world.tick();
    }
    world.now = end;
}

fn crash(world: &mut World, done: bool, rebooted: bool) {
    for op in world.ops.clone() {
        if done {
            world.execute(&op);
        }
    }
    world.crash(rebooted);
}

/// The world heals: no task is wanted any more, and everything works.
fn heal(world: &mut World) {
    world.handle(Event::Shutdown);
    world.settle();
    world.assert_clean();
    let left = world.node.records().count();
    assert_eq!(left, 0, "a closed agent remembers nothing");
    assert!(world.disk.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_task_ends(
        definition in 0..DEFINITIONS.len(),
        stubborn in any::<bool>(),
        sick in any::<bool>(),
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut world = World::new();
        if stubborn {
            world.stubborn.push("web".to_owned());
        }
        if sick {
            world.sick.push("db".to_owned());
        }
        for (happening, seq) in happenings.iter().zip(1..) {
            happen(&mut world, DEFINITIONS[definition], happening, seq);
        }
        heal(&mut world);
    }

    #[test]
    fn without_faults_every_task_runs(definition in 0..PLAIN, order in prop::collection::vec(any::<usize>(), 60)) {
        let mut world = World::new();
        happen(&mut world, DEFINITIONS[definition], &Happening::Payload(1), 1);
        for at in order {
            happen(&mut world, DEFINITIONS[definition], &Happening::Answer(at), 2);
            happen(&mut world, DEFINITIONS[definition], &Happening::Report(at, 0), 2);
        }
        prop_assert_eq!(world.heard[&task_key(1)].status, Some(ReportedStatus::Running));
        heal(&mut world);
    }
}
