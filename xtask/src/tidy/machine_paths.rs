//! No path of a developer's machine: what is committed works everywhere.

use super::Problem;
use super::repo::{File, Repo};

/// Where people's machines keep their trees. Assembled, so that this file does not find itself.
const ROOTS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
];

/// Paths that belong to containers or to the product: beginning of the file's path, text in the line, reason.
const JUSTIFIED: &[(&str, &str, &str)] = &[("tests/images/", ":x:", "accounts inside an image, not of this machine")];

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.files().iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Problem> {
    file.numbered_lines()
        .filter_map(|(number, line)| machine_path(line).map(|path| (number, line, path)))
        .filter(|(_, line, _)| !is_justified(&file.path, line))
        .map(|(number, _, path)| {
            let mend = "use a path inside the repository; one that means a container goes into JUSTIFIED in \
                        xtask/src/tidy/machine_paths.rs with its reason";
            Problem::new(
                &file.path,
                number,
                format!("a path of somebody's machine: `{path}...`"),
                mend,
            )
        })
        .collect()
}

/// The first absolute path in `line` that begins with one of [`ROOTS`].
fn machine_path(line: &str) -> Option<&'static str> {
    ROOTS.iter().copied().find(|root| {
        line.match_indices(root).any(|(offset, _)| {
            let before = line[..offset].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "_-.}/".contains(c))
        })
    })
}

fn is_justified(path: &str, line: &str) -> bool {
    JUSTIFIED
        .iter()
        .any(|(files, text, _)| path.starts_with(files) && line.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> usize {
        check(&Repo::of(&[("a.sh", line)])).len()
    }

    #[test]
    fn every_root_is_found_where_a_path_begins() {
        for root in ROOTS {
            assert_eq!(count(&format!("cd {root}x")), 1, "{root}");
            assert_eq!(count(&format!("PATH=\"{root}x\"")), 1, "{root}");
        }
    }

    #[test]
    fn justified_places_are_narrow() {
        let account = format!("app:x:1:1::{}app:/bin/sh", ROOTS[1]);
        assert!(check(&Repo::of(&[("tests/images/a/passwd", &account)])).is_empty());
        assert_eq!(count(&account), 1);
    }

    #[test]
    fn inner_folders_of_the_same_name_are_free() {
        for root in ROOTS {
            assert_eq!(count(&format!("cd $top{root}x")), 0, "{root}");
            assert_eq!(count(&format!("https://example.com{root}x")), 0, "{root}");
        }
    }
}
