//! The furniture that a newcomer looks for is there.

use super::Problem;
use super::repo::Repo;

const REQUIRED: &[&str] = &[
    ".ci/run",
    ".editorconfig",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "crates/core/clippy.toml",
    "deny.toml",
    "docs/adr/README.md",
    "docs/compatibility.md",
    "docs/glossary.md",
    "docs/specification.md",
    "rustfmt.toml",
];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    REQUIRED
        .iter()
        .filter(|path| !repo.has(path))
        .map(|path| Problem::new(path, 1, "this file is missing", "write it, or restore it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let all: Vec<(&str, &str)> = REQUIRED.iter().map(|path| (*path, "")).collect();
        assert!(check(&Repo::of(&all)).is_empty());
        let problems = check(&Repo::of(&all[1..]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].path, REQUIRED[0]);
    }
}
