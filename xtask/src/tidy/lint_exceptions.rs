//! Exceptions from lints: never `allow`, always `expect` with a reason, in generated and test code too.
//!
//! `expect` complains when the exception is no longer needed, `allow` rots. Clippy has lints for this, but it does not
//! look into code behind `cfg` or into attributes that a macro receives; text does.

use super::Problem;
use super::repo::{File, Repo};
use super::rust_source::{RustSource, after_closing};

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.rust_files()
        .flat_map(|(file, rust)| check_file(file, rust))
        .collect()
}

fn check_file(file: &File, rust: &RustSource) -> Vec<Problem> {
    attributes(&rust.code)
        .into_iter()
        .filter_map(|(offset, attribute)| check_attribute(file, rust, offset, attribute))
        .collect()
}

fn check_attribute(file: &File, rust: &RustSource, offset: usize, attribute: &str) -> Option<Problem> {
    let line = rust.line_at(offset);
    if has_call(attribute, "allow") {
        let mend = "`#[expect(lint, reason = \"...\")]`, or mend what the lint found";
        return Some(Problem::new(&file.path, line, "a lint is silenced by `allow`", mend));
    }
    let needs_reason = has_call(attribute, "expect") && !attribute.contains("reason");
    needs_reason.then(|| {
        Problem::new(
            &file.path,
            line,
            "an `expect` without a reason",
            "add `reason = \"...\"`",
        )
    })
}

/// Every `#[...]` and `#![...]` with the offset at which it begins.
fn attributes(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for opening in ["#[", "#!["] {
        for (offset, _) in code.match_indices(opening) {
            let end = after_closing(code, offset + opening.len() - 1);
            found.push((offset, &code[offset..end]));
        }
    }
    found.sort_unstable();
    found
}

/// Whether the attribute is `name(...)`, alone or inside `cfg_attr`.
fn has_call(attribute: &str, name: &str) -> bool {
    let call = format!("{name}(");
    attribute
        .match_indices(&call)
        .any(|(offset, _)| attribute[..offset].ends_with(['[', ' ', ',', '(']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Repo::of(&[("crates/x/src/a.rs", text)]))
            .iter()
            .map(|problem| problem.line)
            .collect()
    }

    #[test]
    fn allow_is_a_problem_in_every_form() {
        assert_eq!(
            lines("#![allow(dead_code)]\n\n#[allow(x, reason = \"y\")]\n#[cfg_attr(test, allow(z))]\n"),
            [1, 3, 4]
        );
    }

    #[test]
    fn expect_needs_a_reason() {
        assert_eq!(lines("#[expect(x)]\nfn a() {}\n"), [1]);
        assert_eq!(
            lines("#[expect(\n    x,\n    reason = \"because\"\n)]\nfn a() { b.expect(\"c\") }\n"),
            [0_usize; 0]
        );
    }

    #[test]
    fn texts_are_not_attributes() {
        assert_eq!(
            lines("// #[allow(x)]\nconst A: &str = \"#[allow(x)]\";\n"),
            [0_usize; 0]
        );
    }
}
