//! Member manifests say nothing twice: versions, lints and dependencies come from the workspace.

use toml::{Table, Value};

use super::Problem;
use super::layers::dependency_tables;
use super::repo::{File, Repo};

/// Keys of `[package]` that every member inherits.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.members()
        .flat_map(|(folder, manifest)| check_member(folder, manifest))
        .collect()
}

fn check_member(folder: &str, manifest: &File) -> Vec<Problem> {
    let Ok(parsed) = manifest.text.parse::<Table>() else {
        return vec![Problem::new(
            &manifest.path,
            1,
            "this is no TOML",
            "cargo would not read it either",
        )];
    };
    let mut problems = check_package(folder, manifest, &parsed);
    for (name, value) in dependency_tables(manifest).iter().flatten() {
        if !is_inherited(Some(value)) {
            let what = format!("`{name}` does not come from the workspace");
            let mend = format!("`{name}.workspace = true`, and the version with its reason in the root manifest");
            problems.push(Problem::new(&manifest.path, manifest.line_with(name), what, mend));
        }
    }
    problems
}

fn check_package(folder: &str, manifest: &File, parsed: &Table) -> Vec<Problem> {
    let package = parsed.get("package");
    let mut problems = Vec::new();
    for key in INHERITED {
        if !is_inherited(package.and_then(|package| package.get(*key))) {
            let what = format!("`{key}` does not come from the workspace");
            problems.push(Problem::new(
                &manifest.path,
                1,
                what,
                format!("`{key}.workspace = true`"),
            ));
        }
    }
    if !is_inherited(parsed.get("lints")) {
        let what = "the package does not keep the workspace's lints";
        problems.push(Problem::new(
            &manifest.path,
            1,
            what,
            "add `[lints]` with `workspace = true`",
        ));
    }
    let name = package
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name != package_name(folder) {
        let what = format!("the package in `{folder}` is called `{name}`");
        problems.push(Problem::new(
            &manifest.path,
            1,
            what,
            format!("call it `{}`", package_name(folder)),
        ));
    }
    problems
}

fn package_name(folder: &str) -> String {
    match folder {
        "xtask" => "xtask".to_owned(),
        "cli" => "berth".to_owned(),
        other => format!("berth-{other}"),
    }
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"berth-x\"\nversion.workspace = true\nedition.workspace = true\n\
                        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
                        [lints]\nworkspace = true\n[dependencies]\nhex.workspace = true\n";

    fn problems_of(manifest: &str) -> Vec<Problem> {
        check(&Repo::of(&[("crates/x/Cargo.toml", manifest)]))
    }

    #[test]
    fn a_manifest_that_inherits_passes() {
        assert!(problems_of(GOOD).is_empty());
    }

    #[test]
    fn each_own_word_is_a_problem() {
        for (line, own) in [
            ("hex.workspace = true", "hex = \"1\""),
            ("edition.workspace = true", "edition = \"2021\""),
            ("[lints]\nworkspace = true", "[lints]\n"),
            ("name = \"berth-x\"", "name = \"x\""),
        ] {
            assert_eq!(problems_of(&GOOD.replace(line, own)).len(), 1, "{own}");
        }
    }

    #[test]
    fn features_on_top_of_the_workspace_are_fine() {
        let more = GOOD.replace(
            "hex.workspace = true",
            "hex = { workspace = true, features = [\"serde\"] }",
        );
        assert!(problems_of(&more).is_empty());
    }
}
