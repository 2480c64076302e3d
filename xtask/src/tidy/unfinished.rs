//! No unfinished thoughts in code: what is not built is refused with a clear error, not marked for later.

use super::Problem;
use super::repo::{File, Repo};
use super::rust_source::has_path;

/// Words in code, comments and scripts. Assembled, so that this file does not find itself.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Macros of Rust, found in code only.
const MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

const SOURCES: &[&str] = &[
    ".py", ".rs", ".sh", ".toml", ".ts", ".tsx", ".yml", ".yaml", "Makefile", "run",
];

const MEND: &str = "finish it, refuse it clearly, or open an issue";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let sources = repo
        .files()
        .iter()
        .filter(|file| SOURCES.iter().any(|ending| file.path.ends_with(ending)));
    sources
        .flat_map(|file| marks(file).chain(macros(file)).collect::<Vec<_>>())
        .collect()
}

fn marks(file: &File) -> impl Iterator<Item = Problem> {
    file.numbered_lines().filter_map(|(number, line)| {
        let mark = MARKS.iter().find(|mark| has_path(line, mark))?;
        Some(Problem::new(
            &file.path,
            number,
            format!("`{mark}` marks something unfinished"),
            MEND,
        ))
    })
}

fn macros(file: &File) -> impl Iterator<Item = Problem> {
    let lines = file.rust.iter().flat_map(|rust| rust.code.lines().enumerate());
    lines.filter_map(|(index, line)| {
        let name = MACROS.iter().find(|name| {
            line.match_indices(&format!("{name}!("))
                .any(|(at, _)| starts_word(line, at))
        })?;
        Some(Problem::new(
            &file.path,
            index + 1,
            format!("`{name}!` is not a finished program"),
            MEND,
        ))
    })
}

fn starts_word(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Repo::of(&[(path, text)])).len()
    }

    #[test]
    fn every_mark_and_macro_is_a_problem() {
        for mark in MARKS {
            assert_eq!(count("a.py", &format!("# {mark}: later\n")), 1, "{mark}");
        }
        for name in MACROS {
            assert_eq!(count("a.rs", &format!("fn a() {{ {name}!() }}\n")), 1, "{name}");
        }
    }

    #[test]
    fn words_that_only_contain_a_mark_and_prose_are_free() {
        let mark = MARKS[0];
        assert_eq!(count("a.rs", &format!("let A{mark}S = my_dbg!(1); // dbg!()\n")), 0);
        assert_eq!(count("a.md", &format!("We never write {mark}.\n")), 0);
    }
}
