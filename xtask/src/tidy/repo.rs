//! The files of the repository, read once and handed to every rule.
//!
//! What `.gitignore` names is skipped; what is new and not yet committed is read too. It does not judge anything.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use walkdir::WalkDir;

use super::ignored::Ignored;
use super::rust_source::RustSource;

/// One text file.
pub(crate) struct File {
    /// Path inside the repository, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Present for Rust files only.
    pub(crate) rust: Option<RustSource>,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| RustSource::read(&text));
        Self {
            path: path.to_owned(),
            text,
            rust,
        }
    }

    /// Lines with their numbers, counted from 1.
    pub(crate) fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The number of the first line that contains `needle`, or 1: a problem always has a place.
    pub(crate) fn line_with(&self, needle: &str) -> usize {
        self.numbered_lines()
            .find(|(_, line)| line.contains(needle))
            .map_or(1, |(number, _)| number)
    }

    /// Whether the first line marks the file as written by a program.
    pub(crate) fn is_generated(&self) -> bool {
        self.text
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("// @generated"))
    }

    /// Whether the whole file exists for tests: it lies in a `tests` folder or is a module called `tests`.
    pub(crate) fn is_test_only(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// All files of the repository.
pub(crate) struct Repo {
    files: Vec<File>,
    paths: BTreeSet<String>,
}

impl Repo {
    /// Reads everything under `root` in the order of the paths.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let mut repo = Self {
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        let ignored = Ignored::parse(&std::fs::read_to_string(root.join(".gitignore")).context("reading .gitignore")?)?;
        let is_kept = |path: &Path| !ignored.covers(&inner_path(root, path));
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| is_kept(entry.path())) {
            let entry = entry.context("walking the repository")?;
            if entry.file_type().is_file() {
                let path = inner_path(root, entry.path());
                let bytes = std::fs::read(entry.path()).with_context(|| format!("reading {path}"))?;
                repo.add(&path, bytes);
            }
        }
        Ok(repo)
    }

    /// A repository made of texts, for the tests of the rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut repo = Self {
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        for (path, text) in files {
            repo.add(path, text.as_bytes().to_vec());
        }
        repo
    }

    /// Files that are not UTF-8 text are known by path only.
    fn add(&mut self, path: &str, bytes: Vec<u8>) {
        self.paths.insert(path.to_owned());
        if let Ok(text) = String::from_utf8(bytes) {
            self.files.push(File::new(path, text));
        }
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// Rust files with their reading.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&File, &RustSource)> {
        self.files
            .iter()
            .filter_map(|file| file.rust.as_ref().map(|rust| (file, rust)))
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file or a folder lies at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.paths.contains(path) || self.paths.iter().any(|known| known.starts_with(&folder))
    }

    /// The manifests of the members: `crates/*/Cargo.toml` and `xtask/Cargo.toml`, each with its folder's name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().filter_map(|file| {
            let folder = file.path.strip_suffix("/Cargo.toml")?;
            let name = folder.strip_prefix("crates/").unwrap_or(folder);
            (folder == "xtask" || folder.starts_with("crates/") && !name.contains('/')).then_some((name, file))
        })
    }
}

/// `path` as seen from `root`; the root itself is empty.
fn inner_path(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .expect("the walk stays under its root")
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_exist_when_a_file_lies_in_them() {
        let repo = Repo::of(&[("docs/adr/README.md", "")]);
        assert!(repo.has("docs/adr"));
        assert!(repo.has("docs/adr/README.md"));
        assert!(!repo.has("docs/ad"));
    }

    #[test]
    fn members_are_named_by_their_folder() {
        let repo = Repo::of(&[
            ("Cargo.toml", ""),
            ("crates/core/Cargo.toml", ""),
            ("xtask/Cargo.toml", ""),
        ]);
        let names: Vec<&str> = repo.members().map(|(name, _)| name).collect();
        assert_eq!(names, ["core", "xtask"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_known_by_path_only() {
        let mut repo = Repo::of(&[]);
        repo.add("logo.png", vec![0xff, 0xfe, 0x00]);
        assert!(repo.has("logo.png"));
        assert!(repo.file("logo.png").is_none());
    }
}
