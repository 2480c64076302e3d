//! `crates/core/clippy.toml` repeats the root's settings, because clippy reads only the file nearest to a package.

use toml::Table;

use super::Problem;
use super::repo::Repo;

const ROOT: &str = "clippy.toml";
const CORE: &str = "crates/core/clippy.toml";

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let (Some(root), Some(core)) = (repo.file(ROOT), repo.file(CORE)) else {
        return Vec::new(); // required-files says which one is missing
    };
    let Ok(root) = root.text.parse::<Table>() else {
        return vec![Problem::new(
            ROOT,
            1,
            "this is no TOML",
            "clippy would not read it either",
        )];
    };
    let own = core.text.parse::<Table>().unwrap_or_default();
    root.iter()
        .filter(|(key, value)| own.get(*key) != Some(value))
        .map(|(key, _)| {
            let what = format!("the root's setting `{key}` is not repeated here with its value");
            Problem::new(
                CORE,
                core.line_with(key),
                what,
                "copy the line: clippy does not merge the two files",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(core: &str) -> Vec<Problem> {
        check(&Repo::of(&[(ROOT, "too-many-lines-threshold = 70\n"), (CORE, core)]))
    }

    #[test]
    fn a_repeated_setting_passes() {
        assert!(problems_of("too-many-lines-threshold = 70\ndisallowed-types = []\n").is_empty());
    }

    #[test]
    fn a_missing_or_different_setting_is_a_problem() {
        assert_eq!(problems_of("").len(), 1);
        assert_eq!(problems_of("too-many-lines-threshold = 200\n").len(), 1);
    }
}
