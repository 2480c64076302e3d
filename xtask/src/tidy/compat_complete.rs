//! The compatibility tables leave nothing out: their rows are the operations, members and values that were generated
//! from the services' own models, no more and no fewer.
//!
//! The generated files are read as text, because tools depend on no crate of the product.

use std::collections::BTreeSet;

use super::Problem;
use super::repo::Repo;
use crate::compat::{self, Area, Section, Source};

const SHAPES: &str = "crates/wire/src/shapes";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    compat::AREAS.iter().flat_map(|area| check_area(repo, area)).collect()
}

fn check_area(repo: &Repo, area: &Area) -> Vec<Problem> {
    let service = text_of(repo, &format!("{SHAPES}/{}.rs", area.service));
    let structures = text_of(repo, &format!("{SHAPES}/{}/structures.rs", area.service));
    let mut problems = Vec::new();
    let mut operations = BTreeSet::new();
    for section in area.sections {
        let rows = names(section);
        match section.source {
            Source::Operations => operations.extend(rows),
            Source::Structure(name) => problems.extend(compare(repo, area, name, &rows, &members(structures, name))),
            Source::Hand => {}
            Source::Enumeration(name) => problems.extend(compare(repo, area, name, &rows, &values(structures, name))),
        }
    }
    if !operations.is_empty() {
        let generated = generated_operations(service);
        problems.extend(compare(repo, area, "the operations", &operations, &generated));
    }
    problems
}

fn text_of<'a>(repo: &'a Repo, path: &str) -> &'a str {
    repo.file(path).map_or("", |file| file.text.as_str())
}

fn names(section: &Section) -> BTreeSet<&str> {
    section.rows.iter().map(|row| row.name).collect()
}

/// Lines of the form `Name(Input) -> Output(...)`.
fn generated_operations(service: &str) -> BTreeSet<&str> {
    let lines = service
        .lines()
        .filter(|line| line.contains(") -> "))
        .map(str::trim_start);
    lines
        .filter_map(|line| line.split_once('('))
        .map(|(name, _)| name)
        .collect()
}

/// The names in `member("...")` between the opening of the structure and its closing brace.
fn members<'a>(structures: &'a str, name: &str) -> BTreeSet<&'a str> {
    let opening = format!("structure! {{ {name} ");
    let lines = structures
        .lines()
        .skip_while(|line| !line.starts_with(&opening))
        .skip(1);
    let inside = lines.take_while(|line| !line.starts_with('}') && !line.trim_start().starts_with('}'));
    inside
        .filter_map(|line| quoted(line.split_once("member(")?.1).next())
        .collect()
}

/// The quoted words between `NAME: [` and the closing bracket.
fn values<'a>(structures: &'a str, name: &str) -> BTreeSet<&'a str> {
    let opening = format!("{name}: [");
    let lines = structures.lines().skip_while(|line| line.trim() != opening).skip(1);
    lines
        .take_while(|line| !line.trim_start().starts_with(']'))
        .flat_map(quoted)
        .collect()
}

fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

fn compare(repo: &Repo, area: &Area, what: &str, rows: &BTreeSet<&str>, generated: &BTreeSet<&str>) -> Vec<Problem> {
    let path = format!("xtask/src/compat/{}.rs", area.file);
    let line = |needle: &str| {
        repo.file(&path)
            .map_or(1, |file| file.line_with(&format!("\"{needle}\"")))
    };
    let missing = generated.difference(rows).map(|name| {
        let text = format!("`{name}` of {what} has no row");
        Problem::new(&path, line(what), text, "add a row that says what is true today")
    });
    let unknown = rows.difference(generated).map(|name| {
        let text = format!("`{name}` is not in {what} as generated into {SHAPES}");
        Problem::new(
            &path,
            line(name),
            text,
            "spell it as the service does, or add it to the shapes",
        )
    });
    missing.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::{Row, refused};

    const SERVICE: &str =
        "    operations {\n        RunTask(RunTaskRequest) -> RunTaskResponse(A, B)\n            wrapper None,\n";
    const STRUCTURES: &str = "enumerations! {\n    LAUNCH_TYPE: [\n        \"EC2\", \"FARGATE\",\n    ];\n}\n\
                              structure! { RunTaskRequest A {\n    0 count: Option<i32> = member(\"count\", Kind::Integer);\n}}\n\
                              structure! { Other B {\n    0 x: i32 = member(\"x\", Kind::Integer);\n}}\n";

    fn whats(source: Source, names: &[&'static str]) -> Vec<String> {
        let rows: Vec<Row> = names.iter().map(|name| refused(name)).collect();
        let repo = Repo::of(&[
            ("crates/wire/src/shapes/x.rs", SERVICE),
            ("crates/wire/src/shapes/x/structures.rs", STRUCTURES),
        ]);
        let section = Section {
            title: "S",
            source,
            rows: rows.leak(),
        };
        let area = Area {
            file: "x",
            service: "x",
            title: "X",
            intro: "",
            refusal_proof: None,
            sections: Box::leak(Box::new([section])),
        };
        check_area(&repo, &area)
            .into_iter()
            .map(|problem| problem.what)
            .collect()
    }

    #[test]
    fn complete_tables_pass() {
        assert!(whats(Source::Operations, &["RunTask"]).is_empty());
        assert!(whats(Source::Structure("RunTaskRequest"), &["count"]).is_empty());
        assert!(whats(Source::Enumeration("LAUNCH_TYPE"), &["EC2", "FARGATE"]).is_empty());
    }

    #[test]
    fn what_is_left_out_is_a_problem() {
        assert_eq!(
            whats(Source::Structure("RunTaskRequest"), &[]),
            ["`count` of RunTaskRequest has no row"]
        );
        assert_eq!(
            whats(Source::Enumeration("LAUNCH_TYPE"), &["EC2"]),
            ["`FARGATE` of LAUNCH_TYPE has no row"]
        );
    }

    #[test]
    fn what_the_service_does_not_know_is_a_problem() {
        assert_eq!(whats(Source::Operations, &["RunTask", "RunTusk"]).len(), 1);
        assert_eq!(whats(Source::Structure("Gone"), &["count"]).len(), 1);
    }
}
