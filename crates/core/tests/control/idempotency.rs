//! Client tokens: however calls are repeated, mixed with others and broken by crashes, one token makes one set of tasks.

use std::collections::BTreeMap;

use berth_core::ecs::Refusal;
use berth_core::ecs::refusal::LaunchFault;
use berth_core::ecs::view::Reply;
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::World;

/// A step of a random story: a run with a token and a count, or something that happens beside it.
#[derive(Clone, Debug)]
enum Step {
    Run { token: &'static str, count: u8 },
    Beside(&'static str),
    Crash,
    Hours(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let run = (select(vec!["x", "y", "z"]), 1..4_u8).prop_map(|(token, count)| Step::Run { token, count });
    let beside = select(vec![
        "run web",
        "stop t1",
        "stop t2",
        "report t1 STOPPED app=STOPPED/0",
        "close m1",
    ]);
    prop_oneof![
        6 => run,
        2 => beside.prop_map(Step::Beside),
        1 => Just(Step::Crash),
        1 => (1..20_u8).prop_map(Step::Hours),
    ]
}

/// What a token was used for: which request, when, and what it made.
struct Used {
    count: u8,
    hour: u32,
    tasks: Vec<String>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The oracle remembers by itself what every token made, for 24 hours.
    #[test]
    fn one_token_makes_one_set_of_tasks(steps in proptest::collection::vec(step(), 1..24)) {
        let mut world = World::new();
        world.tell("machine m1 cpu=100000 memory=100000\ndefine web");
        let mut oracle: BTreeMap<&str, Used> = BTreeMap::new();
        let mut hour = 0;
        for step in steps {
            match step {
                Step::Beside(line) => world.tell(line),
                Step::Crash => world.tell("restart\nconnect m1 answers"),
                Step::Hours(hours) => {
                    world.tell(&format!("wait {hours}h"));
                    hour += u32::from(hours);
                }
                Step::Run { token, count } => {
                    let before = tasks(&world);
                    world.tell(&format!("run web token={token} count={count}"));
                    let fresh: Vec<String> = tasks(&world).into_iter().filter(|arn| !before.contains(arn)).collect();
                    oracle.retain(|_, used| hour - used.hour < 24);
                    match (oracle.get(token), world.reply.as_ref().expect("an answer")) {
                        (Some(used), Ok(Reply::Tasks(shown, missing))) => {
                            prop_assert_eq!(used.count, count, "another request is refused");
                            prop_assert!(fresh.is_empty(), "a repetition makes nothing");
                            let shown = shown.iter().map(|view| view.task.key.arn().to_string());
                            let gone = missing.iter().filter_map(|failure| failure.arn.clone());
                            let mut told: Vec<String> = shown.chain(gone).collect();
                            let mut made = used.tasks.clone();
                            told.sort();
                            made.sort();
                            prop_assert_eq!(told, made, "a repetition tells of the same tasks");
                        }
                        (Some(used), Err(Refusal::TokenConflict { resource_ids })) => {
                            prop_assert_ne!(used.count, count);
                            prop_assert!(fresh.is_empty());
                            prop_assert_eq!(resource_ids, &used.tasks);
                        }
                        (None, Ok(Reply::Tasks(shown, _))) => {
                            prop_assert_eq!(shown.len(), fresh.len());
                            if !fresh.is_empty() {
                                let tasks = shown.iter().map(|view| view.task.key.arn().to_string()).collect();
                                oracle.insert(token, Used { count, hour, tasks });
                            }
                        }
                        (_, other) => prop_assert!(false, "unexpected: {:?}", other),
                    }
                }
            }
            world.check_state();
        }
    }
}

fn tasks(world: &World) -> Vec<String> {
    world.tasks.iter().map(|key| key.arn().to_string()).collect()
}

/// A token has 1 to 64 printable characters without blanks.
#[test]
fn tokens_have_a_form() {
    let mut world = World::new();
    world.tell("machine m1\ndefine web");
    let mut refusal = |token: &str| {
        world.tell(&format!("run web \"token={token}\""));
        world.reply.clone().unwrap().err()
    };
    assert_eq!(refusal(""), Some(Refusal::Launch(LaunchFault::Token)));
    assert_eq!(refusal("a b"), Some(Refusal::Launch(LaunchFault::Token)));
    assert_eq!(refusal("ä"), Some(Refusal::Launch(LaunchFault::Token)));
    assert!(matches!(
        refusal(&"x".repeat(65)),
        Some(Refusal::TooLong { most: 64, .. })
    ));
    assert_eq!(refusal(&"~".repeat(64)), None);
}
