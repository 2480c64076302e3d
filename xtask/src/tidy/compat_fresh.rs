//! docs/compatibility.md is what the tables say, and every test that the tables name exists.
//!
//! That a named test proves what the row claims is for people to judge; that it runs is the business of CI.

use std::collections::BTreeSet;

use super::Problem;
use super::repo::{File, Repo};
use crate::compat::{self, Area, Row};

const PAGE: &str = compat::PAGE;
const TABLES: &str = "xtask/src/compat";

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
    problems
}

fn check_proof(repo: &Repo, area: &Area, row: &Row) -> Option<Problem> {
    let mend = "name it as `path/from/the/root.rs::test_name`; what no test proves is `refused`";
    let proof = match row.proof {
        Some(proof) => proof,
        None if row.state.needs_proof() => return Some(at_row(repo, area, row, "names no test", mend)),
        None => return None,
    };
    let is_there = proof.split_once("::").is_some_and(|(path, name)| {
        let test = name.rsplit("::").next().unwrap_or(name);
        repo.file(path).is_some_and(|file| has_function(file, test))
    });
    (!is_there).then(|| {
        at_row(
            repo,
            area,
            row,
            &format!("names a test that does not exist: `{proof}`"),
            mend,
        )
    })
}

fn has_function(file: &File, name: &str) -> bool {
    ["fn", "def"]
        .iter()
        .any(|keyword| file.text.contains(&format!("{keyword} {name}(")))
}

fn at_row(repo: &Repo, area: &Area, row: &Row, what: &str, mend: &str) -> Problem {
    let path = format!("{TABLES}/{}.rs", area.file);
    let line = repo
        .file(&path)
        .map_or(1, |file| file.line_with(&format!("\"{}\"", row.name)));
    Problem::new(&path, line, format!("the row `{}` {what}", row.name), mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::{Section, full, partial, refused};

    fn problems_of(rows: &'static [Row]) -> Vec<Problem> {
        let sections: &'static [Section] = Box::leak(Box::new([Section {
            title: "Operations",
            rows,
        }]));
        let area = Area {
            file: "x",
            title: "X",
            intro: "",
            sections,
        };
        check_area(
            &Repo::of(&[("tests/a.py", "def test_b(c):\n"), ("crates/a.rs", "fn works() {}\n")]),
            &area,
        )
    }

    #[test]
    fn rows_with_living_tests_pass() {
        const ROWS: &[Row] = &[
            full("A", "tests/a.py::test_b"),
            partial("B", "no c", "crates/a.rs::tests::works"),
            refused("C"),
        ];
        assert!(problems_of(ROWS).is_empty());
    }

    #[test]
    fn a_test_that_does_not_exist_is_a_problem() {
        const ROWS: &[Row] = &[
            full("A", "tests/a.py::test_c"),
            full("B", "tests/none.py::test_b"),
            full("C", "test_b"),
        ];
        assert_eq!(problems_of(ROWS).len(), 3);
    }

    #[test]
    fn a_row_may_stand_once() {
        const ROWS: &[Row] = &[refused("A"), refused("A")];
        assert_eq!(problems_of(ROWS).len(), 1);
    }

    #[test]
    fn a_stale_page_is_a_problem() {
        assert!(check_page(&Repo::of(&[(PAGE, "# Old\n")])).is_some());
        assert!(check_page(&Repo::of(&[(PAGE, &compat::render(compat::AREAS))])).is_none());
    }
}
