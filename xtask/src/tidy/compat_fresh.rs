//! docs/compatibility.md is what the tables say, and every test that the tables name exists.
//!
//! That a named test proves what the row claims is for people to judge; that it runs is the business of CI.

use std::collections::BTreeSet;

use super::Problem;
use super::repo::Repo;
use crate::compat::{self, Area, Row};

const PAGE: &str = compat::PAGE;
const TABLES: &str = "xtask/src/compat";
const MEND: &str = "name it as `path/from/the/root.rs::test_name`; what no test proves is `refused`";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let mut problems: Vec<Problem> = check_page(repo).into_iter().collect();
    for area in compat::AREAS {
        problems.extend(check_area(repo, area));
    }
    problems
}

fn check_page(repo: &Repo) -> Option<Problem> {
    let page = repo.file(PAGE).map_or("", |file| file.text.as_str());
    let fresh = compat::render(compat::AREAS);
    let first_difference = page
        .lines()
        .zip(fresh.lines())
        .take_while(|(have, want)| have == want)
        .count()
        + 1;
    let mend = "run `cargo xtask compat` and commit the result; never edit the page itself";
    (page != fresh).then(|| Problem::new(PAGE, first_difference, "the page differs from the tables", mend))
}

fn check_area(repo: &Repo, area: &Area) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for section in area.sections {
        for row in section.rows {
            if !seen.insert((section.title, row.name)) {
                problems.push(at_row(repo, area, row, "stands twice in its section", "keep one"));
            }
        }
    }
    let rows = area.sections.iter().flat_map(|section| section.rows);
    problems.extend(rows.filter_map(|row| check_proof(repo, area, row)));
    problems.extend(area.refusal_proof.filter(|proof| !is_test(repo, proof)).map(|proof| {
        let path = table_path(area);
        let line = repo.file(&path).map_or(1, |file| file.line_with("refusal_proof"));
        Problem::new(&path, line, format!("no such test: `{proof}`"), MEND)
    }));
    problems
}

fn check_proof(repo: &Repo, area: &Area, row: &Row) -> Option<Problem> {
    match row.proof {
        Some(proof) if is_test(repo, proof) => None,
        Some(proof) => Some(at_row(
            repo,
            area,
            row,
            &format!("names no test that exists: `{proof}`"),
            MEND,
        )),
        None if row.state.needs_proof() => Some(at_row(repo, area, row, "names no test", MEND)),
        None => None,
    }
}

/// Whether `proof` is `path::name` of a Rust test or of a Python function called `test_...`.
fn is_test(repo: &Repo, proof: &str) -> bool {
    let Some((path, names)) = proof.split_once("::") else {
        return false;
    };
    let name = names.rsplit("::").next().unwrap_or(names);
    repo.file(path).is_some_and(|file| match &file.rust {
        Some(rust) => has_rust_test(&rust.code, name),
        None => name.starts_with("test") && file.text.contains(&format!("def {name}(")),
    })
}

/// Whether a function `name` stands under an attribute that makes it a test.
fn has_rust_test(code: &str, name: &str) -> bool {
    code.match_indices(&format!("fn {name}(")).any(|(offset, _)| {
        let line_start = code[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let above = code[..line_start].lines().rev();
        above
            .take_while(|line| line.trim_start().starts_with("#["))
            .any(|line| line.contains("test"))
    })
}

fn table_path(area: &Area) -> String {
    format!("{TABLES}/{}.rs", area.file)
}

fn at_row(repo: &Repo, area: &Area, row: &Row, what: &str, mend: &str) -> Problem {
    let path = table_path(area);
    let line = repo
        .file(&path)
        .map_or(1, |file| file.line_with(&format!("\"{}\"", row.name)));
    Problem::new(&path, line, format!("the row `{}` {what}", row.name), mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::{Section, Source, full, partial, refused};

    const FILES: &[(&str, &str)] = &[
        ("tests/a.py", "def test_b(c):\ndef helper():\n"),
        ("crates/a.rs", "#[test]\nfn works() {}\n\nfn helper() {}\n"),
    ];

    fn problems_of(rows: &'static [Row], refusal_proof: Option<&'static str>) -> Vec<Problem> {
        let sections: &'static [Section] = Box::leak(Box::new([Section {
            title: "Operations",
            source: Source::Operations,
            rows,
        }]));
        check_area(
            &Repo::of(FILES),
            &Area {
                file: "x",
                service: "x",
                title: "X",
                intro: "",
                refusal_proof,
                sections,
            },
        )
    }

    #[test]
    fn rows_with_living_tests_pass() {
        const ROWS: &[Row] = &[
            full("A", "tests/a.py::test_b"),
            partial("B", "no c", "crates/a.rs::tests::works"),
            refused("C"),
        ];
        assert!(problems_of(ROWS, None).is_empty());
    }

    #[test]
    fn a_test_that_does_not_exist_is_a_problem() {
        const ROWS: &[Row] = &[
            full("A", "tests/a.py::test_c"),
            full("B", "tests/none.py::test_b"),
            full("C", "test_b"),
            full("D", "tests/a.py::helper"),
            full("E", "crates/a.rs::helper"),
        ];
        assert_eq!(problems_of(ROWS, None).len(), 5);
    }

    #[test]
    fn the_proof_of_refusals_must_exist_too() {
        assert!(problems_of(&[], Some("crates/a.rs::works")).is_empty());
        assert_eq!(problems_of(&[], Some("crates/a.rs::gone")).len(), 1);
    }

    #[test]
    fn a_row_may_stand_once() {
        const ROWS: &[Row] = &[refused("A"), refused("A")];
        assert_eq!(problems_of(ROWS, None).len(), 1);
    }

    #[test]
    fn a_stale_page_is_a_problem() {
        assert!(check_page(&Repo::of(&[(PAGE, "# Old\n")])).is_some());
        assert!(check_page(&Repo::of(&[(PAGE, &compat::render(compat::AREAS))])).is_none());
    }
}
