//! Freshness without network: a file of hashes beside the generated ones.
//!
//! It names the version of the models and the SHA-256 of every model, of the generator and of every generated file.
//! Whoever changes the generator or a generated file without running `cargo xtask shapes` is found by [`problems`];
//! that the models themselves say what their hashes say is checked by `cargo xtask shapes --check`, which downloads.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{BOTOCORE_VERSION, Generated, SERVICES, TARGET};

/// Inside the repository.
pub(crate) const STAMP: &str = "crates/wire/src/shapes/STAMP";

/// The sources that decide what is generated.
const GENERATOR: &[&str] = &[
    "xtask/src/shapes/emit.rs",
    "xtask/src/shapes/fetch.rs",
    "xtask/src/shapes/mod.rs",
    "xtask/src/shapes/model.rs",
    "xtask/src/shapes/names.rs",
    "xtask/src/shapes/stamp.rs",
];

/// The stamp of what was just generated.
pub(super) fn of(root: &Path, models: &[Vec<u8>], files: &[Generated]) -> Result<Generated> {
    let mut text = format!("botocore {BOTOCORE_VERSION}\n");
    for ((service, _), model) in SERVICES.iter().zip(models) {
        writeln!(text, "model {service} {}", hash(model))?;
    }
    for path in GENERATOR {
        let source = std::fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
        writeln!(text, "{path} {}", hash(&source))?;
    }
    for file in files {
        writeln!(text, "{} {}", file.path, hash(file.text.as_bytes()))?;
    }
    Ok(Generated {
        path: STAMP.to_owned(),
        text,
    })
}

/// Paths that are not what the stamp says, in order. `read` gives the text of a file of the repository.
pub(crate) fn problems<'t>(read: impl Fn(&str) -> Option<&'t str>) -> BTreeSet<String> {
    let stamp = read(STAMP).unwrap_or_default();
    let mut lines = stamp.lines();
    let mut stale = BTreeSet::new();
    if lines.next() != Some(&format!("botocore {BOTOCORE_VERSION}")) {
        stale.insert(STAMP.to_owned());
    }
    let stamped: Vec<(&str, &str)> = lines.filter_map(|line| line.rsplit_once(' ')).collect();
    for (path, recorded) in stamped.iter().filter(|(path, _)| !path.starts_with("model ")) {
        if read(path).is_none_or(|text| hash(text.as_bytes()) != *recorded) {
            stale.insert((*path).to_owned());
        }
    }
    let missing = owned().filter(|path| stamped.iter().all(|(stamped, _)| stamped != path));
    stale.extend(missing);
    stale
}

/// Everything that must stand in the stamp.
fn owned() -> impl Iterator<Item = String> {
    let generated = SERVICES.iter().flat_map(|(service, _)| {
        [
            format!("{TARGET}/{service}.rs"),
            format!("{TARGET}/{service}/structures.rs"),
        ]
    });
    GENERATOR.iter().map(|path| (*path).to_owned()).chain(generated)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped() -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = owned().map(|path| (path.clone(), format!("text of {path}"))).collect();
        let lines = files
            .iter()
            .map(|(path, text)| format!("{path} {}\n", hash(text.as_bytes())));
        let stamp = format!(
            "botocore {BOTOCORE_VERSION}\nmodel ecs 00\n{}",
            lines.collect::<String>()
        );
        files.push((STAMP.to_owned(), stamp));
        files
    }

    fn check(files: &[(String, String)]) -> Vec<String> {
        let read = |path: &str| {
            files
                .iter()
                .find(|(name, _)| name == path)
                .map(|(_, text)| text.as_str())
        };
        problems(read).into_iter().collect()
    }

    #[test]
    fn what_was_generated_is_fresh() {
        assert!(check(&stamped()).is_empty());
    }

    #[test]
    fn an_edited_file_is_stale() {
        let mut files = stamped();
        let edited = files
            .iter_mut()
            .find(|(path, _)| path.ends_with("/ecs.rs"))
            .expect("ecs is generated");
        edited.1.push(' ');
        assert_eq!(check(&files), ["crates/wire/src/shapes/ecs.rs"]);
    }

    #[test]
    fn a_changed_generator_makes_stale() {
        let mut files = stamped();
        files[0].1.push(' ');
        assert_eq!(check(&files), ["xtask/src/shapes/emit.rs"]);
    }

    #[test]
    fn a_file_that_is_gone_is_stale() {
        let mut files = stamped();
        files.retain(|(path, _)| !path.ends_with("sts/structures.rs"));
        assert_eq!(check(&files), ["crates/wire/src/shapes/sts/structures.rs"]);
    }

    #[test]
    fn models_of_another_version_are_stale() {
        let mut files = stamped();
        let stamp = files.last_mut().expect("the stamp is the last file");
        stamp.1 = stamp.1.replace(BOTOCORE_VERSION, "1.0.0");
        assert_eq!(check(&files), [STAMP]);
    }
}
