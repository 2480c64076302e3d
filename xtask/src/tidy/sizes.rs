//! No source file beyond 600 lines, its tests aside. Generated files are exempt: nobody reads them.
//!
//! Functions and arguments are counted by clippy (`clippy.toml`).

use super::Problem;
use super::repo::Repo;

/// The aim is 150 to 200.
const LINE_LIMIT: usize = 600;

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let rust = repo.rust_files().map(|(file, rust)| (file, rust.product_line_count()));
    let others = repo
        .files()
        .iter()
        .filter(|file| is_other_source(&file.path))
        .map(|file| (file, file.text.lines().count()));
    rust.chain(others)
        .filter(|(file, count)| *count > LINE_LIMIT && !file.is_generated() && !file.is_test_only())
        .map(|(file, count)| {
            let what = format!("{count} lines without tests; the limit is {LINE_LIMIT}");
            Problem::new(
                &file.path,
                LINE_LIMIT + 1,
                what,
                "which rooms does this file want to become? split it there",
            )
        })
        .collect()
}

fn is_other_source(path: &str) -> bool {
    [".py", ".sh", ".ts", ".tsx"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Repo::of(&[(path, text)])).len()
    }

    #[test]
    fn the_limit_holds_for_code() {
        assert_eq!(count("crates/x/src/a.rs", &"a;\n".repeat(LINE_LIMIT)), 0);
        assert_eq!(count("crates/x/src/a.rs", &"a;\n".repeat(LINE_LIMIT + 1)), 1);
        assert_eq!(count("scripts/a.py", &"a\n".repeat(LINE_LIMIT + 1)), 1);
    }

    #[test]
    fn tests_and_generated_files_are_exempt() {
        let long_test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "a;\n".repeat(LINE_LIMIT + 1));
        assert_eq!(count("crates/x/src/a.rs", &long_test), 0);
        assert_eq!(
            count(
                "crates/x/src/a.rs",
                &format!("// @generated\n{}", "a;\n".repeat(LINE_LIMIT + 1))
            ),
            0
        );
        assert_eq!(count("crates/x/tests/a.rs", &"a;\n".repeat(LINE_LIMIT + 1)), 0);
    }
}
