//! Decision records: numbered without gaps, each with title, status and date, all listed in the index.

use super::Problem;
use super::repo::{File, Repo};

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";
const STATUSES: &[&str] = &["proposed", "accepted", "superseded"];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let index = repo.file(INDEX).map_or("", |file| file.text.as_str());
    let records = repo
        .files()
        .iter()
        .filter(|file| file.path.starts_with(FOLDER) && file.path != INDEX);
    records
        .enumerate()
        .flat_map(|(position, file)| check_record(position + 1, file, index))
        .collect()
}

fn check_record(expected: usize, file: &File, index: &str) -> Vec<Problem> {
    let name = &file.path[FOLDER.len()..];
    let number = format!("{expected:04}");
    let complaints = [
        (
            !name.starts_with(&format!("{number}-")),
            "the numbers have a gap or a double",
            "number the records from 0001",
        ),
        (
            !has_title(file),
            "the first line is no title",
            "begin with `# NNNN: what was decided`",
        ),
        (
            !has_status(file),
            "no status",
            "add a line `Status: proposed`, `accepted` or `superseded by NNNN`",
        ),
        (!has_date(file), "no date", "add a line `Date: YYYY-MM-DD`"),
        (
            !index.contains(name),
            "the index does not list it",
            "add a line to docs/adr/README.md",
        ),
    ];
    let broken = complaints.iter().filter(|(is_broken, ..)| *is_broken);
    broken
        .map(|(_, what, mend)| Problem::new(&file.path, 1, *what, *mend))
        .collect()
}

fn has_title(file: &File) -> bool {
    let number = &file.path[FOLDER.len()..].split('-').next().unwrap_or_default();
    file.text
        .lines()
        .next()
        .is_some_and(|line| line.starts_with(&format!("# {number}: ")))
}

fn field<'a>(file: &'a File, name: &str) -> Option<&'a str> {
    file.text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

fn has_status(file: &File) -> bool {
    field(file, "Status:").is_some_and(|value| STATUSES.iter().any(|status| value.starts_with(status)))
}

fn has_date(file: &File) -> bool {
    field(file, "Date:").is_some_and(|value| {
        let shape: String = value
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        shape == "0000-00-00"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# 0001: Pure brains\n\nStatus: accepted\nDate: 2026-11-20\n";

    fn whats(files: &[(&str, &str)]) -> Vec<String> {
        check(&Repo::of(files))
            .into_iter()
            .map(|problem| problem.what)
            .collect()
    }

    #[test]
    fn a_complete_record_passes() {
        assert!(whats(&[(INDEX, "[1](0001-a.md)"), ("docs/adr/0001-a.md", GOOD)]).is_empty());
    }

    #[test]
    fn each_missing_part_is_a_problem() {
        let index = (INDEX, "[1](0001-a.md)");
        assert_eq!(whats(&[("docs/adr/0001-a.md", GOOD)]), ["the index does not list it"]);
        let untitled = GOOD.replace("0001: ", "");
        assert_eq!(
            whats(&[index, ("docs/adr/0001-a.md", &untitled)]),
            ["the first line is no title"]
        );
        let undecided = GOOD.replace("accepted", "perhaps");
        assert_eq!(whats(&[index, ("docs/adr/0001-a.md", &undecided)]), ["no status"]);
        let undated = GOOD.replace("2026-11-20", "today");
        assert_eq!(whats(&[index, ("docs/adr/0001-a.md", &undated)]), ["no date"]);
    }

    #[test]
    fn a_gap_is_a_problem() {
        let third = GOOD.replace("0001", "0003");
        let index = (INDEX, "0001-a.md 0003-c.md");
        let found = whats(&[index, ("docs/adr/0001-a.md", GOOD), ("docs/adr/0003-c.md", &third)]);
        assert_eq!(found, ["the numbers have a gap or a double"]);
    }
}
