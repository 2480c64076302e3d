//! What `core` links: an explicit list of packages, in the whole tree below it.
//!
//! A brain does no I/O; the surest way to keep it so is that nothing able to do I/O can be reached. The tree is read
//! from Cargo.lock. Dependencies of `core`'s tests are free.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Problem;
use super::repo::Repo;

/// Packages that may stand below `core`, each with its reason.
const ALLOWED: &[(&str, &str)] = &[
    (
        "regex-lite",
        "patterns of the cluster query language; no dependencies of its own",
    ),
    ("serde", "the durable store's form of entities"),
    ("serde_core", "part of serde"),
    ("serde_derive", "part of serde, runs in the compiler"),
    ("proc-macro2", "of serde_derive, runs in the compiler"),
    ("quote", "of serde_derive, runs in the compiler"),
    ("syn", "of serde_derive, runs in the compiler"),
    ("unicode-ident", "of serde_derive, runs in the compiler"),
];

const MANIFEST: &str = "crates/core/Cargo.toml";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let (Some(manifest), Some(lock)) = (repo.file(MANIFEST), repo.file("Cargo.lock")) else {
        return vec![Problem::new(
            MANIFEST,
            1,
            "core or Cargo.lock is missing",
            "restore both",
        )];
    };
    let graph = lock_graph(&lock.text);
    let mut problems = Vec::new();
    for direct in direct_dependencies(&manifest.text) {
        for package in reachable(&graph, &direct) {
            if !ALLOWED.iter().any(|(name, _)| *name == package) {
                let what = format!("core reaches the package `{package}` through `{direct}`");
                let mend = "keep I/O, clocks and randomness in the shells and pass values in; a pure package is added \
                            to ALLOWED in xtask/src/tidy/pure_dependencies.rs with its reason";
                problems.push(Problem::new(MANIFEST, manifest.line_with(&direct), what, mend));
            }
        }
    }
    problems
}

/// Names in the normal and build dependency tables.
fn direct_dependencies(manifest: &str) -> Vec<String> {
    let parsed = manifest.parse::<Table>().unwrap_or_default();
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|kind| parsed.get(*kind).and_then(Value::as_table))
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Package name → names of its dependencies. Versions of one name are merged: the rule is about names.
fn lock_graph(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let parsed = lock.parse::<Table>().unwrap_or_default();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in parsed.get("package").and_then(Value::as_array).into_iter().flatten() {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        let dependencies = package
            .get("dependencies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let names = dependencies
            .filter_map(Value::as_str)
            .filter_map(|text| text.split(' ').next());
        graph
            .entry(name.to_owned())
            .or_default()
            .extend(names.map(str::to_owned));
    }
    graph
}

/// `start` and everything below it, in order of the names.
fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(graph.get(&name).into_iter().flatten().cloned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"serde\"\ndependencies = [\"serde_core\"]\n\
                        [[package]]\nname = \"serde_core\"\n\
                        [[package]]\nname = \"nice\"\ndependencies = [\"tokio 1.0.0\"]\n";

    fn problems_of(manifest: &str) -> Vec<Problem> {
        check(&Repo::of(&[(MANIFEST, manifest), ("Cargo.lock", LOCK)]))
    }

    #[test]
    fn listed_packages_and_tests_pass() {
        let manifest = "[dependencies]\nserde.workspace = true\n[dev-dependencies]\nnice.workspace = true\n";
        assert!(problems_of(manifest).is_empty());
    }

    #[test]
    fn what_hides_below_a_dependency_is_found() {
        let problems = problems_of("[dependencies]\nserde.workspace = true\nnice.workspace = true\n");
        let whats: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(
            whats,
            [
                "core reaches the package `nice` through `nice`",
                "core reaches the package `tokio` through `nice`"
            ]
        );
        assert_eq!(problems[0].line, 3);
    }
}
