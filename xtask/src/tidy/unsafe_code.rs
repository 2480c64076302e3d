//! Every crate root forbids unsafe code; where some is needed, it denies it and the place itself says why.

use super::Problem;
use super::repo::{File, Repo};

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let roots = repo.rust_files().filter(|(file, _)| is_crate_root(&file.path));
    roots
        .filter_map(|(file, rust)| check_root(repo, file, &rust.code))
        .collect()
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/src/bin/")
}

fn check_root(repo: &Repo, root: &File, code: &str) -> Option<Problem> {
    if code.contains("#![forbid(unsafe_code)]") {
        return None;
    }
    if !code.contains("#![deny(unsafe_code)]") {
        let mend = "add `#![forbid(unsafe_code)]`; a crate that needs an exception denies instead and expects in place";
        return Some(Problem::new(
            &root.path,
            1,
            "the crate does not forbid unsafe code",
            mend,
        ));
    }
    let folder = root.path.split("/src/").next().expect("split yields at least one part");
    let has_exception = repo
        .rust_files()
        .filter(|(file, _)| file.path.starts_with(folder))
        .any(|(_, rust)| rust.code.contains("expect(unsafe_code"));
    let what = "unsafe code is only denied, but nothing in the crate expects any";
    (!has_exception).then(|| {
        Problem::new(
            &root.path,
            root.line_with("unsafe_code"),
            what,
            "`#![forbid(unsafe_code)]`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(files: &[(&str, &str)]) -> usize {
        check(&Repo::of(files)).len()
    }

    #[test]
    fn a_root_that_forbids_passes() {
        assert_eq!(count(&[("crates/x/src/lib.rs", "#![forbid(unsafe_code)]\n")]), 0);
        assert_eq!(count(&[("crates/x/src/a.rs", "")]), 0);
    }

    #[test]
    fn a_silent_root_is_a_problem() {
        assert_eq!(count(&[("crates/x/src/lib.rs", "")]), 1);
        assert_eq!(count(&[("crates/x/src/main.rs", "// #![forbid(unsafe_code)]")]), 1);
    }

    #[test]
    fn deny_is_for_crates_with_an_exception() {
        let root = ("crates/x/src/lib.rs", "#![deny(unsafe_code)]\n");
        assert_eq!(count(&[root]), 1);
        assert_eq!(
            count(&[root, ("crates/x/src/a.rs", "#[expect(unsafe_code, reason = \"y\")]\n")]),
            0
        );
    }
}
