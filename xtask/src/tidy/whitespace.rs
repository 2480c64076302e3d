//! Text files end their lines with LF, carry no blanks at the end of a line and end with one newline.
//!
//! Recorded data keeps its bytes: everything in a folder called `data` or `testdata`.

use super::Problem;
use super::repo::{File, Repo};

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    repo.files()
        .iter()
        .filter(|file| !is_recorded(&file.path))
        .flat_map(check_file)
        .collect()
}

fn is_recorded(path: &str) -> bool {
    path.split('/').any(|part| part == "data" || part == "testdata")
}

fn check_file(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in file.text.split('\n').enumerate() {
        if line.ends_with('\r') {
            problems.push(Problem::new(
                &file.path,
                index + 1,
                "the line ends with CR LF",
                "write LF only",
            ));
        } else if line.ends_with([' ', '\t']) {
            problems.push(Problem::new(
                &file.path,
                index + 1,
                "blanks at the end of the line",
                "remove them",
            ));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        let last = file.text.lines().count();
        problems.push(Problem::new(
            &file.path,
            last,
            "the file does not end with one newline",
            "end it with exactly one",
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Repo::of(&[("a.txt", text)]))
            .iter()
            .map(|problem| problem.line)
            .collect()
    }

    #[test]
    fn clean_text_passes() {
        assert_eq!(lines("a\n\nb\n"), [0_usize; 0]);
        assert_eq!(lines(""), [0_usize; 0]);
        assert!(check(&Repo::of(&[("crates/x/testdata/a.http", "a\r\n")])).is_empty());
    }

    #[test]
    fn each_kind_of_dirt_is_a_problem() {
        assert_eq!(lines("a\nb\r\n"), [2]);
        assert_eq!(lines("a \nb\t\n"), [1, 2]);
        assert_eq!(lines("a\nb"), [2]);
        assert_eq!(lines("a\n\n\n"), [3]);
    }
}
