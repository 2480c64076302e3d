//! Who may depend on whom among the workspace's packages: the arrows that ARCHITECTURE.md draws, and no others.
//!
//! Dependencies of every kind count, those of tests and build scripts too: a test that needs two programs belongs into
//! `tests/`. The rule reads manifests only; what happens inside `core` is the business of [`super::domains`].

use toml::{Table, Value};

use super::Problem;
use super::repo::{File, Repo};

/// Package folder → the package folders that it may use. Programs never depend on each other; `cli` is the one binary
/// in which they meet. All may use `core`.
const LAYERS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("wire", &["core"]),
    ("telemetry", &["core"]),
    ("registry", &["core"]),
    ("server", &["telemetry", "registry", "wire", "core"]),
    ("agent", &["wire", "core"]),
    ("balancer", &["wire", "core"]),
    ("sim", &["wire", "core"]),
    ("cli", &["server", "agent", "balancer", "sim", "wire", "core"]),
    ("xtask", &[]),
];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let local = local_packages(repo);
    repo.members()
        .flat_map(|(folder, manifest)| check_member(folder, manifest, &local))
        .collect()
}

/// Dependency name → folder name, for the packages of this workspace.
fn local_packages(repo: &Repo) -> Vec<(String, String)> {
    let Some(root) = repo.file("Cargo.toml").and_then(|file| file.text.parse::<Table>().ok()) else {
        return Vec::new();
    };
    let listed = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table);
    let mut local = Vec::new();
    for (name, value) in listed.into_iter().flatten() {
        if let Some(path) = value.get("path").and_then(Value::as_str) {
            local.push((name.clone(), path.trim_start_matches("crates/").to_owned()));
        }
    }
    local
}

fn check_member(folder: &str, manifest: &File, local: &[(String, String)]) -> Vec<Problem> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == folder) else {
        let mend = "a further crate needs an ADR; then add it to LAYERS in xtask/src/tidy/layers.rs";
        return vec![Problem::new(
            &manifest.path,
            1,
            format!("the package `{folder}` has no place in the layers"),
            mend,
        )];
    };
    dependency_names(manifest)
        .iter()
        .filter_map(|name| local.iter().find(|(known, _)| known == name))
        .filter(|(_, target)| !allowed.contains(&target.as_str()))
        .map(|(name, target)| {
            let what = format!(
                "`{folder}` must not depend on `{target}`; it may use: {}",
                listed(allowed)
            );
            let mend = "move what is shared down (to `core` or `wire`), or pass it in from `cli`";
            Problem::new(&manifest.path, manifest.line_with(name), what, mend)
        })
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "no package of this workspace".to_owned()
    } else {
        names.join(", ")
    }
}

/// The names in every dependency table of a manifest: normal, dev, build, and those of a target.
pub(super) fn dependency_names(manifest: &File) -> Vec<String> {
    dependency_tables(manifest)
        .iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Every dependency table of a manifest. A manifest that is no TOML has none: cargo itself complains about it.
pub(super) fn dependency_tables(manifest: &File) -> Vec<Table> {
    let Ok(parsed) = manifest.text.parse::<Table>() else {
        return Vec::new();
    };
    let targets = parsed
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|table| table.values());
    let places = targets.filter_map(Value::as_table).chain([&parsed]);
    let mut tables = Vec::new();
    for place in places {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            tables.extend(place.get(kind).and_then(Value::as_table).cloned());
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nberth-core = { path = \"crates/core\" }\n\
                        berth-server = { path = \"crates/server\" }\nserde = \"1\"\n";

    fn problems_of(folder: &str, manifest: &str) -> Vec<Problem> {
        check(&Repo::of(&[
            ("Cargo.toml", ROOT),
            (&format!("crates/{folder}/Cargo.toml"), manifest),
        ]))
    }

    #[test]
    fn drawn_arrows_pass() {
        assert!(
            problems_of(
                "agent",
                "[dependencies]\nberth-core.workspace = true\nserde.workspace = true\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_a_problem() {
        let problems = problems_of("agent", "[dependencies]\nberth-server.workspace = true\n");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 2);
        assert!(problems[0].what.contains("`agent` must not depend on `server`"));
    }

    #[test]
    fn tests_and_targets_count_too() {
        assert_eq!(
            problems_of("core", "[dev-dependencies]\nberth-server.workspace = true\n").len(),
            1
        );
        assert_eq!(
            problems_of(
                "core",
                "[target.'cfg(unix)'.dependencies]\nberth-server.workspace = true\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn an_unknown_package_needs_a_place() {
        assert!(
            problems_of("extras", "[package]\nname = \"x\"\n")[0]
                .what
                .contains("no place in the layers")
        );
    }
}
