//! What Berth does of what the services promise: one table in code, from which docs/compatibility.md is written.
//!
//! One file per service, one row per operation or field, each with its state and the test that proves it. A row says
//! what is true today, never what is planned. Tidy (`compat_fresh`) compares the page and looks for the tests.
//! The tables decide nothing at run time: what a field's state means there is written in `core` and `wire`.

mod ec2;
mod ecs_calls;
mod ecs_definitions;
mod ecs_operations;
mod logs;
mod metadata;
mod sts;

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

/// The page, relative to the root of the repository.
pub(crate) const PAGE: &str = "docs/compatibility.md";

/// In the order of the page.
pub(crate) const AREAS: &[&Area] = &[
    &ecs_operations::AREA,
    &ecs_definitions::AREA,
    &ecs_calls::AREA,
    &logs::AREA,
    &ec2::AREA,
    &sts::AREA,
    &metadata::AREA,
];

/// One file of rows: a service, or one side of a large one.
pub(crate) struct Area {
    /// The name of the file under `xtask/src/compat/`, without its ending.
    pub(crate) file: &'static str,
    /// The service's folder in `crates/wire/src/shapes/`; none is there for what no model describes.
    pub(crate) service: &'static str,
    pub(crate) title: &'static str,
    /// What holds for all rows, such as the answer to what is refused.
    pub(crate) intro: &'static str,
    /// The test which shows that everything refused here is answered as the intro says.
    pub(crate) refusal_proof: Option<&'static str>,
    pub(crate) sections: &'static [Section],
}

pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) source: Source,
    pub(crate) rows: &'static [Row],
}

/// Where the names of a section's rows come from. Tidy (`compat_complete`) sees to it that none is left out.
pub(crate) enum Source {
    /// Operations; those of all sections of the area together are the generated ones.
    Operations,
    /// The members of the generated structure of this name.
    Structure(&'static str),
    /// The values of the generated enumeration with this table.
    Enumeration(&'static str),
    /// Written by hand, because no model describes them.
    Hand,
}

/// One operation or one field.
pub(crate) struct Row {
    /// As the service spells it.
    pub(crate) name: &'static str,
    pub(crate) state: State,
    /// `path/from/the/root.rs::test_name`
    pub(crate) proof: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As the service does it.
    Full,
    /// Works but for what the text says.
    Partial(&'static str),
    /// Checked, stored and echoed; whoever wants it carried out is refused.
    Accepted,
    /// Answered by the service's own error for what is not supported.
    Refused,
}

impl State {
    /// Whether a row may stand only beside a test.
    pub(crate) fn needs_proof(self) -> bool {
        self != Self::Refused
    }

    fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial(_) => "partial",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    fn remark(self) -> &'static str {
        match self {
            Self::Partial(missing) => missing,
            Self::Full | Self::Accepted | Self::Refused => "",
        }
    }
}

pub(crate) const fn full(name: &'static str, proof: &'static str) -> Row {
    Row {
        name,
        state: State::Full,
        proof: Some(proof),
    }
}

pub(crate) const fn partial(name: &'static str, missing: &'static str, proof: &'static str) -> Row {
    Row {
        name,
        state: State::Partial(missing),
        proof: Some(proof),
    }
}

pub(crate) const fn accepted(name: &'static str, proof: &'static str) -> Row {
    Row {
        name,
        state: State::Accepted,
        proof: Some(proof),
    }
}

pub(crate) const fn refused(name: &'static str) -> Row {
    Row {
        name,
        state: State::Refused,
        proof: None,
    }
}

/// Writes the page under `root`.
pub(crate) fn write(root: &Path) -> Result<()> {
    std::fs::write(root.join(PAGE), render(AREAS)).with_context(|| format!("writing {PAGE}"))
}

const INTRO: &str = "\
# Compatibility

Written by `cargo xtask compat` from the tables in [xtask/src/compat](../xtask/src/compat); do not edit it here.
A row says what is true today. Every row that claims something names the test that proves it.

| state | meaning |
|---|---|
| full | as the service does it |
| partial | works but for what the row says |
| accepted | checked, stored and echoed; asking for it to be carried out is answered by an error that names it |
| refused | answered by the service's own error for what is not supported |
";

/// The whole page.
pub(crate) fn render(areas: &[&Area]) -> String {
    let mut page = format!("{INTRO}\n{}", summary(areas));
    for area in areas {
        let proof = area
            .refusal_proof
            .map(|proof| format!(" Proof: {}.", link(proof)))
            .unwrap_or_default();
        write!(page, "\n## {}\n\n{}{proof}\n", area.title, area.intro).expect("writing to a String cannot fail");
        for section in area.sections {
            page.push_str(&render_section(section));
        }
    }
    page
}

fn summary(areas: &[&Area]) -> String {
    let mut table = String::from("| | full | partial | accepted | refused |\n|---|---:|---:|---:|---:|\n");
    for area in areas {
        let count = |word| rows(area).filter(|row| row.state.word() == word).count();
        let counts = ["full", "partial", "accepted", "refused"].map(|word| count(word).to_string());
        writeln!(table, "| {} | {} |", area.title, counts.join(" | ")).expect("writing to a String cannot fail");
    }
    table
}

/// All rows of an area.
pub(crate) fn rows(area: &Area) -> impl Iterator<Item = &'static Row> {
    area.sections.iter().flat_map(|section| section.rows)
}

fn render_section(section: &Section) -> String {
    let mut text = format!(
        "\n### {}\n\n| | state | what is missing | proof |\n|---|---|---|---|\n",
        section.title
    );
    for row in section.rows {
        let proof = row.proof.map(link).unwrap_or_default();
        let cells = [
            format!("`{}`", row.name),
            row.state.word().to_owned(),
            row.state.remark().to_owned(),
            proof,
        ];
        writeln!(text, "{}", table_line(&cells)).expect("writing to a String cannot fail");
    }
    text
}

/// Empty cells are one blank wide, so that no line ends in blanks.
fn table_line(cells: &[String]) -> String {
    let padded = cells.iter().map(|cell| {
        if cell.is_empty() {
            " ".to_owned()
        } else {
            format!(" {cell} ")
        }
    });
    format!("|{}|", padded.collect::<Vec<_>>().join("|"))
}

/// The name of the test as a link to its file.
fn link(proof: &str) -> String {
    let (path, name) = proof.split_once("::").unwrap_or((proof, proof));
    format!("[{}](../{path})", name.rsplit("::").next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[Row] = &[
        full("A", "a/b.rs::works"),
        partial("B", "no c", "d.py::t"),
        accepted("C", "e.rs::m::f"),
    ];
    const AREA: Area = Area {
        file: "x",
        service: "x",
        title: "X",
        intro: "Of x.",
        refusal_proof: Some("g.rs::refuses"),
        sections: &[Section {
            title: "S",
            source: Source::Operations,
            rows: ROWS,
        }],
    };

    #[test]
    fn a_page_counts_and_links() {
        let page = render(&[&AREA]);
        assert!(page.contains("| X | 1 | 1 | 1 | 0 |"));
        assert!(page.contains("Of x. Proof: [refuses](../g.rs)."));
        assert!(page.contains("| `A` | full | | [works](../a/b.rs) |"));
        assert!(page.contains("| `B` | partial | no c | [t](../d.py) |"));
        assert!(page.contains("| `C` | accepted | | [f](../e.rs) |"));
    }

    #[test]
    fn every_area_names_its_file() {
        for area in AREAS {
            assert!(
                crate::root()
                    .join(format!("xtask/src/compat/{}.rs", area.file))
                    .is_file(),
                "{}",
                area.file
            );
        }
    }
}
