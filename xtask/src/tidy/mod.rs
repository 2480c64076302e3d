//! Tidy: the rules of the house that neither the compiler nor clippy knows, checked over the whole tree.
//!
//! Every rule is one small file with one function from the files of the repository to problems, and with tests which
//! show that it can fail. Rules are listed once, in [`RULES`]. Tidy only reads: it mends nothing by itself.
//! It runs as `cargo xtask tidy` and, through the test below, with every `cargo test`.

mod adr;
mod clippy_config;
mod compat_complete;
mod compat_fresh;
mod domains;
mod ignored;
mod layers;
mod links;
mod lint_exceptions;
mod lock_sources;
mod machine_paths;
mod manifests;
mod module_docs;
mod pure_dependencies;
mod pure_source;
mod reasons;
mod repo;
mod required_files;
mod rust_source;
mod shapes_fresh;
mod sizes;
mod unfinished;
mod unsafe_code;
mod whitespace;

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use repo::Repo;

/// One broken rule at one place, and how to mend it.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Path inside the repository.
    path: String,
    /// Counted from 1.
    line: usize,
    what: String,
    mend: String,
}

impl Problem {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    mend: {}", self.path, self.line, self.what, self.mend)
    }
}

struct Rule {
    name: &'static str,
    check: fn(&Repo) -> Vec<Problem>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "layers",
        check: layers::check,
    },
    Rule {
        name: "domains",
        check: domains::check,
    },
    Rule {
        name: "pure-dependencies",
        check: pure_dependencies::check,
    },
    Rule {
        name: "pure-source",
        check: pure_source::check,
    },
    Rule {
        name: "clippy-config",
        check: clippy_config::check,
    },
    Rule {
        name: "sizes",
        check: sizes::check,
    },
    Rule {
        name: "module-docs",
        check: module_docs::check,
    },
    Rule {
        name: "lint-exceptions",
        check: lint_exceptions::check,
    },
    Rule {
        name: "unsafe-code",
        check: unsafe_code::check,
    },
    Rule {
        name: "reasons",
        check: reasons::check,
    },
    Rule {
        name: "manifests",
        check: manifests::check,
    },
    Rule {
        name: "lock-sources",
        check: lock_sources::check,
    },
    Rule {
        name: "shapes-fresh",
        check: shapes_fresh::check,
    },
    Rule {
        name: "compat-complete",
        check: compat_complete::check,
    },
    Rule {
        name: "compat-fresh",
        check: compat_fresh::check,
    },
    Rule {
        name: "adr",
        check: adr::check,
    },
    Rule {
        name: "links",
        check: links::check,
    },
    Rule {
        name: "required-files",
        check: required_files::check,
    },
    Rule {
        name: "machine-paths",
        check: machine_paths::check,
    },
    Rule {
        name: "unfinished",
        check: unfinished::check,
    },
    Rule {
        name: "whitespace",
        check: whitespace::check,
    },
];

/// Checks the tree under `root` and prints what is wrong.
pub(crate) fn run(root: &Path) -> Result<()> {
    let repo = Repo::load(root)?;
    let problems = all_problems(&repo);
    if problems.is_empty() {
        println!("tidy: {} files keep {} rules", repo.files().len(), RULES.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    bail!("tidy found {} problem(s)", problems.len())
}

/// Every problem as a printed text that names its rule, in the order of [`RULES`].
fn all_problems(repo: &Repo) -> Vec<String> {
    let mut texts = Vec::new();
    for rule in RULES {
        texts.extend(
            (rule.check)(repo)
                .iter()
                .map(|problem| format!("[{}] {problem}", rule.name)),
        );
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let repo = Repo::load(&crate::root()).expect("the tree can be read");
        let problems = all_problems(&repo);
        assert!(
            problems.is_empty(),
            "tidy found {} problem(s)\n{}",
            problems.len(),
            problems.join("\n")
        );
    }

    #[test]
    fn a_problem_says_where_what_and_how_to_mend() {
        let problem = Problem::new("a/b.rs", 7, "it is wrong", "make it right");
        assert_eq!(problem.to_string(), "a/b.rs:7: it is wrong\n    mend: make it right");
    }

    #[test]
    fn an_empty_repository_is_not_tidy() {
        let problems = all_problems(&Repo::of(&[]));
        assert!(problems.iter().any(|text| text.starts_with("[required-files] ")));
    }
}
