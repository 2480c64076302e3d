//! What the code of `core` and `wire` must not name: everything through which the world could come in.
//!
//! Clippy keeps part of this by `crates/core/clippy.toml`, where types are resolved; this rule reads text and thereby
//! also catches whole modules (`std::fs`) and macros. Tests are free: they may print and read files.

use super::Problem;
use super::repo::{File, Repo};
use super::rust_source::{RustSource, has_path};

/// A path that the code must not contain as whole words, and what stands in its place.
type Ban = (&'static str, &'static str);

const INPUT_AND_OUTPUT: &[Ban] = &[
    ("std::fs", "the shell reads and writes files"),
    ("std::process", "the shell runs programs"),
    ("std::thread", "threads belong to the shells"),
    (
        "std::env",
        "the command line reads the environment and passes values in",
    ),
    ("TcpListener", "the shell owns sockets; addresses alone are fine"),
    ("TcpStream", "the shell owns sockets; addresses alone are fine"),
    ("UdpSocket", "the shell owns sockets; addresses alone are fine"),
    ("UnixListener", "the shell owns sockets"),
    ("UnixStream", "the shell owns sockets"),
    ("ToSocketAddrs", "names are resolved by the shell"),
    ("SystemTime", "time is passed in"),
    ("Instant", "time is passed in"),
    ("println!", "return it; the shell logs"),
    ("print!", "return it; the shell logs"),
    ("eprintln!", "return it; the shell logs"),
    ("eprint!", "return it; the shell logs"),
];

const HIDDEN_STATE_AND_CHANCE: &[Ban] = &[
    ("std::io", "brains neither read nor write"),
    ("std::os", "brains know no operating system"),
    (
        "HashMap",
        "its order differs from run to run: BTreeMap, or an index of the kernel",
    ),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("RandomState", "ids and random numbers come from Cx"),
    ("rand", "ids and random numbers come from Cx"),
    ("getrandom", "ids and random numbers come from Cx"),
    ("Mutex", "one writer owns the state: pass it in"),
    ("RwLock", "one writer owns the state: pass it in"),
    ("thread_local", "state is passed in"),
    ("tracing", "brains do not log: add it to the report"),
    ("async", "a brain is called, it never waits"),
];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.rust_files()
        .flat_map(|(file, rust)| check_file(file, rust))
        .collect()
}

fn check_file(file: &File, rust: &RustSource) -> Vec<Problem> {
    if file.is_test_only() {
        return Vec::new();
    }
    bans_for(&file.path)
        .iter()
        .flat_map(|bans| broken(file, rust, bans))
        .collect()
}

fn bans_for(path: &str) -> &'static [&'static [Ban]] {
    if path.starts_with("crates/core/src/") {
        &[INPUT_AND_OUTPUT, HIDDEN_STATE_AND_CHANCE]
    } else if path.starts_with("crates/wire/src/") {
        &[INPUT_AND_OUTPUT]
    } else {
        &[]
    }
}

fn broken(file: &File, rust: &RustSource, bans: &[Ban]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in rust.product_lines() {
        for (path, instead) in bans {
            if has_path(line, path) {
                problems.push(Problem::new(
                    &file.path,
                    number,
                    format!("pure code names `{path}`"),
                    *instead,
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Repo::of(&[(path, text)])).len()
    }

    #[test]
    fn the_clock_and_files_are_problems_in_core_and_wire() {
        let text = "use std::time::SystemTime;\nuse std::fs;\n";
        assert_eq!(count("crates/core/src/ecs/state.rs", text), 2);
        assert_eq!(count("crates/wire/src/sigv4.rs", text), 2);
        assert_eq!(count("crates/server/src/lib.rs", text), 0);
    }

    #[test]
    fn unordered_maps_are_a_problem_in_core_only() {
        let text = "use std::collections::HashMap;\n";
        assert_eq!(count("crates/core/src/ecs/state.rs", text), 1);
        assert_eq!(count("crates/wire/src/x.rs", text), 0);
    }

    #[test]
    fn every_ban_can_fail() {
        for (path, _) in INPUT_AND_OUTPUT.iter().chain(HIDDEN_STATE_AND_CHANCE) {
            assert_eq!(
                count("crates/core/src/ecs/state.rs", &format!("a {path} b\n")),
                1,
                "{path}"
            );
        }
    }

    #[test]
    fn words_in_comments_texts_and_tests_are_free() {
        let text = "//! HashMap\nfn a() { \"println\" }\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(count("crates/core/src/ecs/state.rs", text), 0);
        assert_eq!(count("crates/core/src/ecs/tests.rs", "use std::fs;"), 0);
    }
}
