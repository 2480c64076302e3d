//! Every locked package comes from crates.io: no git checkouts, no other registry, no path outside the workspace.
//!
//! `cargo deny` checks the same and more, but it is not installed everywhere; this rule always runs.

use super::Problem;
use super::repo::Repo;

const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let Some(lock) = repo.file("Cargo.lock") else {
        return Vec::new(); // required-files
    };
    lock.numbered_lines()
        .filter(|(_, line)| line.starts_with("source = ") && *line != CRATES_IO)
        .map(|(number, line)| {
            let mend = "use a published version; a fork needs an ADR and a rule of its own here";
            Problem::new(
                &lock.path,
                number,
                format!("a package does not come from crates.io: {line}"),
                mend,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_sources_are_a_problem() {
        let lock =
            format!("[[package]]\nname = \"a\"\n{CRATES_IO}\n[[package]]\nsource = \"git+https://example.com/b\"\n");
        let problems = check(&Repo::of(&[("Cargo.lock", &lock)]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].line, 5);
    }
}
