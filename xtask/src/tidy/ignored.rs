//! Which paths are never committed, as `.gitignore` at the root says it.
//!
//! Git itself is not asked: tidy also works in an unpacked archive and in a tree that another user owns. Only the plain
//! patterns that this repository uses are understood; another one is an error, never a guess.

use anyhow::{Result, bail};

/// The patterns of one `.gitignore`.
#[derive(Default)]
pub(crate) struct Ignored {
    /// `/build` or `a/b`: this path.
    paths: Vec<String>,
    /// `build/`: this name in any folder.
    names: Vec<String>,
    /// `*.log`: this ending.
    endings: Vec<String>,
}

impl Ignored {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut ignored = Self {
            names: vec![".git".to_owned()],
            ..Self::default()
        };
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            ignored.add(line)?;
        }
        Ok(ignored)
    }

    fn add(&mut self, pattern: &str) -> Result<()> {
        let plain = pattern.trim_matches('/');
        let (list, entry) = match plain.strip_prefix('*') {
            Some(ending) => (&mut self.endings, ending),
            None if pattern.starts_with('/') || plain.contains('/') => (&mut self.paths, plain),
            None => (&mut self.names, plain),
        };
        if entry.contains(['*', '?', '[', '!']) {
            bail!(".gitignore has the pattern `{pattern}`, which xtask/src/tidy/ignored.rs does not understand");
        }
        list.push(entry.to_owned());
        Ok(())
    }

    /// Whether the path inside the repository, with forward slashes, is never committed.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.paths.iter().any(|known| known == path)
            || self.names.iter().any(|known| known == name)
            || self.endings.iter().any(|ending| name.ends_with(ending.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_names_and_endings_are_understood() {
        let ignored = Ignored::parse("# built\n/target\n__pycache__/\n*.pyc\ntests/out/\n").expect("these are plain");
        for path in [".git", "target", "a/__pycache__", "a/b.pyc", "tests/out"] {
            assert!(ignored.covers(path), "{path}");
        }
        for path in ["a/target", "out", "b.py", ".gitignore"] {
            assert!(!ignored.covers(path), "{path}");
        }
    }

    #[test]
    fn a_pattern_beyond_that_is_an_error() {
        for pattern in ["!keep", "a*b", "*.[oa]"] {
            assert!(Ignored::parse(pattern).is_err(), "{pattern}");
        }
    }
}
