//! Relative links in Markdown lead to a file of this repository, and to a heading that exists in it.
//!
//! Links to the world are not followed: tidy uses no network.

use super::Problem;
use super::repo::{File, Repo};

pub(crate) fn check(repo: &Repo) -> Vec<Problem> {
    let pages = repo.files().iter().filter(|file| file.path.ends_with(".md"));
    pages.flat_map(|page| check_page(repo, page)).collect()
}

fn check_page(repo: &Repo, page: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in prose_lines(page) {
        for target in targets(line).into_iter().filter(|target| is_relative(target)) {
            if let Some(what) = complaint(repo, page, target) {
                let mend = "correct the link, or write what it leads to";
                problems.push(Problem::new(&page.path, number, what, mend));
            }
        }
    }
    problems
}

/// Lines outside fenced code.
fn prose_lines(page: &File) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (number, line) in page.numbered_lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((number, line));
        }
    }
    lines
}

/// What stands in `](...)`.
fn targets(line: &str) -> Vec<&str> {
    let parts = line.split("](").skip(1);
    parts
        .filter_map(|part| part.split_once(')'))
        .filter_map(|(target, _)| target.split(' ').next())
        .collect()
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

fn complaint(repo: &Repo, page: &File, target: &str) -> Option<String> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let Some(resolved) = resolve(&page.path, path) else {
        return Some(format!("the link `{target}` leads out of the repository"));
    };
    if !repo.has(&resolved) {
        return Some(format!("the link `{target}` leads nowhere"));
    }
    let is_page = resolved.ends_with(".md") && !heading.is_empty();
    let has_heading = repo
        .file(&resolved)
        .is_some_and(|file| headings(file).iter().any(|known| known == heading));
    (is_page && !has_heading).then(|| format!("`{resolved}` has no heading `#{heading}`"))
}

/// `path` as seen from the folder of `page`; an empty path is the page itself. None when it climbs above the root.
fn resolve(page: &str, path: &str) -> Option<String> {
    if path.is_empty() {
        return Some(page.to_owned());
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors of a page, spelled as GitHub spells them.
fn headings(page: &File) -> Vec<String> {
    let lines = prose_lines(page);
    let titles = lines
        .iter()
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| line.trim_start_matches('#').trim());
    titles.map(anchor).collect()
}

fn anchor(title: &str) -> String {
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(text: &str) -> Vec<String> {
        let files = [
            ("docs/a.md", text),
            ("docs/b.md", "# The `B` title, twice\n"),
            ("src/c.rs", ""),
        ];
        check(&Repo::of(&files))
            .into_iter()
            .map(|problem| problem.what)
            .collect()
    }

    #[test]
    fn living_links_pass() {
        let text = "# Top\n[b](b.md) [c](../src/c.rs) [d](../src) [e](https://example.com/x) [f](#top)\n\
                    [g](b.md#the-b-title-twice)\n```\n[h](gone.md)\n```\n";
        assert_eq!(whats(text), [""; 0]);
    }

    #[test]
    fn dead_links_are_problems() {
        assert_eq!(whats("[x](gone.md)"), ["the link `gone.md` leads nowhere"]);
        assert_eq!(whats("[x](b.md#gone)"), ["`docs/b.md` has no heading `#gone`"]);
        assert_eq!(
            whats("[x](../../y.md)"),
            ["the link `../../y.md` leads out of the repository"]
        );
    }
}
