//! The generated shapes are what the generator wrote, and the generator is the one that wrote them.
//!
//! Works from hashes, without network; `cargo xtask shapes --check` also looks at the published models.

use super::Problem;
use super::repo::Repo;
use crate::shapes::stamp;

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let read = |path: &str| repo.file(path).map(|file| file.text.as_str());
    let what = format!("differs from what {} records", stamp::STAMP);
    let mend = "run `cargo xtask shapes` and commit the result; never edit generated files";
    let stale = stamp::problems(read).into_iter();
    stale.map(|path| Problem::new(&path, 1, &what, mend)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_without_generated_files_is_stale() {
        assert!(!check(&Repo::of(&[])).is_empty());
    }
}
