//! Every dependency of the workspace stands in the root manifest once, on one line, with the reason why it is there.
//!
//! And it is used: a line that no package asks for is weight without worth.

use std::collections::BTreeSet;

use super::Problem;
use super::layers::dependency_names;
use super::repo::{File, Repo};

/// A reason shorter than this says nothing.
const MIN_LENGTH: usize = 5;

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let Some(root) = repo.file("Cargo.toml") else {
        return Vec::new(); // required-files
    };
    let used: BTreeSet<String> = repo
        .members()
        .flat_map(|(_, manifest)| dependency_names(manifest))
        .collect();
    dependency_lines(root)
        .filter_map(|(number, line)| check_line(root, number, line, &used))
        .collect()
}

/// The lines of `[workspace.dependencies]`.
fn dependency_lines(root: &File) -> impl Iterator<Item = (usize, &str)> {
    root.numbered_lines()
        .skip_while(|(_, line)| line.trim() != "[workspace.dependencies]")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('['))
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
}

fn check_line(root: &File, number: usize, line: &str, used: &BTreeSet<String>) -> Option<Problem> {
    let (name, rest) = line.split_once('=')?;
    let name = name.trim();
    if rest.contains("path =") {
        return None;
    }
    let reason = line.split_once(" # ").map_or("", |(_, reason)| reason.trim());
    if reason.len() < MIN_LENGTH {
        let mend = "end the line with `# what it does for us`";
        return Some(Problem::new(
            &root.path,
            number,
            format!("`{name}` does not say why it is here"),
            mend,
        ));
    }
    let is_unused = !used.contains(name);
    is_unused.then(|| {
        Problem::new(
            &root.path,
            number,
            format!("no package uses `{name}`"),
            "delete the line",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(lines: &str) -> Vec<Problem> {
        let root = format!("[workspace]\n[workspace.dependencies]\n{lines}\n[profile.dev]\nx = 1\n");
        check(&Repo::of(&[
            ("Cargo.toml", &root),
            ("xtask/Cargo.toml", "[dependencies]\nhex.workspace = true\n"),
        ]))
    }

    #[test]
    fn a_used_dependency_with_a_reason_passes() {
        assert!(problems_of("core = { path = \"crates/core\" }\nhex = \"1\" # digests as text\n").is_empty());
    }

    #[test]
    fn a_silent_dependency_is_a_problem() {
        let problems = problems_of("hex = \"1\"\n");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 3);
        assert_eq!(problems_of("hex = \"1\" # yes\n").len(), 1);
    }

    #[test]
    fn an_unused_dependency_is_a_problem() {
        assert!(
            problems_of("base64 = \"1\" # blobs as text\n")[0]
                .what
                .contains("no package uses `base64`")
        );
    }
}
