//! The order of the domains inside `core`: each may use those listed above it, never one below.
//!
//! The brains (`control`, `node`, `route`) stand on top of all domains and know nothing of each other. Paths are
//! written from `crate::`, so that a layer is visible where it is used. Tests inside `core` obey too.

use super::Problem;
use super::repo::{File, Repo};
use super::rust_source::{RustSource, after_closing, leading_word};

/// From the bottom to the top: the table of contents of ARCHITECTURE.md.
const DOMAINS: &[&str] = &[
    "kernel",
    "iam",
    "secrets",
    "images",
    "network",
    "elb",
    "discovery",
    "ecs",
    "scaling",
    "monitor",
    "stacks",
];

/// What decides for the three programs.
const BRAINS: &[&str] = &["control", "node", "route"];

const SOURCES: &str = "crates/core/src/";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.rust_files()
        .flat_map(|(file, rust)| check_file(file, rust))
        .collect()
}

fn check_file(file: &File, rust: &RustSource) -> Vec<Problem> {
    let Some(inside) = file.path.strip_prefix(SOURCES) else {
        return Vec::new();
    };
    let Some(room) = room_of(inside) else {
        return Vec::new();
    };
    if !is_room(room) {
        let mend = "put it into a domain, or give it a place in DOMAINS in xtask/src/tidy/domains.rs by an ADR";
        return vec![Problem::new(
            &file.path,
            1,
            format!("`{room}` is no domain of core"),
            mend,
        )];
    }
    let uses = rust
        .offsets_of("crate::")
        .flat_map(|offset| used_rooms(&rust.code, offset + "crate::".len()));
    let mut problems: Vec<Problem> = uses
        .filter(|(_, used)| !may_use(room, used))
        .map(|(offset, used)| Problem::new(&file.path, rust.line_at(offset), forbidden(room, &used), mend(&used)))
        .collect();
    problems.extend(rust.offsets_of("super::super").map(|offset| {
        let mend = "write the path from `crate::`, so that the layer is visible";
        Problem::new(
            &file.path,
            rust.line_at(offset),
            "a path climbs by `super::super`",
            mend,
        )
    }));
    problems
}

/// The first folder or module of a path in `core/src`; none for lib.rs.
fn room_of(inside: &str) -> Option<&str> {
    let first = inside.split('/').next()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib").then_some(room)
}

fn is_room(name: &str) -> bool {
    DOMAINS.contains(&name) || BRAINS.contains(&name)
}

fn may_use(room: &str, used: &str) -> bool {
    if room == used {
        return true;
    }
    match (
        DOMAINS.iter().position(|name| *name == room),
        DOMAINS.iter().position(|name| *name == used),
    ) {
        (Some(own), Some(other)) => other < own,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// The rooms named behind `crate::` at `start`, one or a group in braces, each with the offset of its name.
fn used_rooms(code: &str, start: usize) -> Vec<(usize, String)> {
    if code.as_bytes().get(start) == Some(&b'{') {
        let end = after_closing(code, start);
        return grouped(code, start + 1, end - 1);
    }
    let word = leading_word(&code[start..]);
    let is_macro = code[start + word.len()..].starts_with('!');
    if is_macro {
        Vec::new()
    } else {
        vec![(start, word.to_owned())]
    }
}

/// The first word of every member of a group, members of inner groups aside.
fn grouped(code: &str, start: usize, end: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut offset = start;
    while offset < end {
        let trimmed = code[offset..end].trim_start();
        let at = end - trimmed.len();
        let word = leading_word(trimmed);
        if !word.is_empty() {
            found.push((at, word.to_owned()));
        }
        offset = next_member(code, at, end);
    }
    found
}

/// Behind the comma that ends the member at `start`.
fn next_member(code: &str, start: usize, end: usize) -> usize {
    let mut offset = start;
    while offset < end {
        match code.as_bytes()[offset] {
            b',' => return offset + 1,
            b'{' => offset = after_closing(code, offset),
            _ => offset += 1,
        }
    }
    end
}

fn forbidden(room: &str, used: &str) -> String {
    if is_room(used) {
        format!("`{room}` must not use `{used}`: it does not stand above it")
    } else {
        format!("`{room}` uses `crate::{used}`, which is no domain")
    }
}

fn mend(used: &str) -> String {
    if is_room(used) {
        format!(
            "let `{used}` call into this domain, or move what both need further up (order: {})",
            DOMAINS.join(", ")
        )
    } else {
        "name the domain in which it lives, so that the layer is visible".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(path: &str, text: &str) -> Vec<Problem> {
        check(&Repo::of(&[(path, text)]))
    }

    #[test]
    fn upper_domains_and_the_own_one_pass() {
        let text =
            "use crate::kernel::Scope;\nuse crate::{ecs::task, network::{Subnet, Vpc}};\nfn a() { crate::bail!() }\n";
        assert!(problems_of("crates/core/src/ecs/admit/run_task.rs", text).is_empty());
    }

    #[test]
    fn a_lower_domain_is_a_problem_wherever_it_is_named() {
        let text = "use crate::kernel::Scope;\nfn a() -> crate::ecs::Task {}\n";
        let problems = problems_of("crates/core/src/network/state.rs", text);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 2);
    }

    #[test]
    fn groups_are_looked_into() {
        let text = "use crate::{\n    kernel::{A, B},\n    iam::C,\n    stacks::D,\n};\n";
        let problems = problems_of("crates/core/src/iam/state.rs", text);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 4);
    }

    #[test]
    fn the_kernel_uses_none() {
        assert_eq!(
            problems_of("crates/core/src/kernel/change.rs", "use crate::iam::Key;\n").len(),
            1
        );
    }

    #[test]
    fn brains_use_domains_but_not_each_other() {
        assert!(problems_of("crates/core/src/control.rs", "use crate::stacks::A;\n").is_empty());
        assert_eq!(
            problems_of("crates/core/src/node/mod.rs", "use crate::control::Control;\n").len(),
            1
        );
        assert_eq!(
            problems_of("crates/core/src/ecs/mod.rs", "use crate::control::Control;\n").len(),
            1
        );
    }

    #[test]
    fn detours_are_closed() {
        assert_eq!(
            problems_of("crates/core/src/iam/state.rs", "use super::super::ecs::Task;\n").len(),
            1
        );
        assert_eq!(
            problems_of("crates/core/src/iam/state.rs", "use crate::Task;\n").len(),
            1
        );
        assert_eq!(problems_of("crates/core/src/helpers/mod.rs", "").len(), 1);
    }
}
