//! The whole agent against a control plane of the tests' own: real containers, networks and logs, real kills. Needs root,
//! containerd, runc, nftables and Debian's busybox-static package.
//!
//! This program is all of it: the tests, the agent (a process, so that it can be killed) and the containers' logger. It
//! has no test harness, because the logger must be the only thread of its process.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test; without the harness clippy cannot know"
)]

mod control;
#[path = "../containerd/image.rs"]
#[expect(dead_code, reason = "the tests of pulls use more of it")]
mod image;
mod process;
#[path = "../containerd/registry.rs"]
#[expect(dead_code, reason = "the tests of pulls use more of it")]
mod registry;
mod restarts;
mod tasks;
mod world;

use std::ffi::OsString;
use std::process::ExitCode;

use berth_agent::logs::{LOGGER_ARGUMENT, logger_main};

type Test = (&'static str, fn());

/// Runs an asynchronous test.
macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$((stringify!($name), || block_on($module::$name()))),*]
    };
}

const TESTS: &[Test] = tests![
    tasks::a_task_on_the_host_runs_and_its_last_line_and_exit_code_arrive,
    tasks::a_port_of_a_container_on_the_bridge_is_published,
    tasks::a_task_with_its_own_interface_is_reached_at_its_address,
    tasks::what_cannot_be_had_is_told_in_the_words_of_ecs,
    tasks::stopping_asks_first_and_kills_late,
    tasks::a_pull_is_called_off_when_its_task_is_stopped,
    tasks::an_agent_tells_how_well_its_machine_is,
    restarts::a_killed_agent_finds_its_tasks_again_and_tells_what_ended,
    restarts::a_control_plane_that_was_away_hears_everything,
    restarts::a_forgotten_machine_registers_again,
    restarts::an_agent_that_ends_cleanly_leaves_nothing,
    restarts::control_groups_of_tasks_that_nobody_knows_are_removed,
    restarts::what_a_killed_agent_left_is_cleaned_without_one,
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    match first.as_ref().and_then(|first| first.to_str()) {
        Some(LOGGER_ARGUMENT) => u8::try_from(logger_main(arguments)).map_or(ExitCode::FAILURE, ExitCode::from),
        Some(process::AGENT_ARGUMENT) => process::agent_main(arguments),
        _ => run_tests(first.into_iter().chain(arguments).collect()),
    }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().unwrap().block_on(test);
}

/// Runs the tests whose names contain one of the words; a failure is a panic, which ends the program.
fn run_tests(arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<String> = arguments
        .into_iter()
        .filter_map(|word| word.into_string().ok())
        .collect();
    let list = words.iter().any(|word| word == "--list");
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        if list {
            println!("{name}: test");
        } else {
            println!("test {name} ...");
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}
