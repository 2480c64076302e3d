//! Patterns of terms: words and phrases that a message must, may or must not contain.

use super::{bad_characters, malformed};
use crate::logs::LogsError;

/// The terms of a pattern. Matching is case-sensitive and finds terms inside of words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Terms {
    required: Vec<String>,
    excluded: Vec<String>,
    /// One of them must appear, but only if there are no other terms: so it is documented.
    optional: Vec<String>,
}

impl Terms {
    pub(super) fn parse(pattern: &str) -> Result<Self, LogsError> {
        let mut terms = Self::default();
        let mut rest = pattern.trim_start();
        while let Some(first) = rest.chars().next() {
            let (list, from) = match first {
                '-' => (&mut terms.excluded, &rest[1..]),
                '?' => (&mut terms.optional, &rest[1..]),
                _ => (&mut terms.required, rest),
            };
            let (term, after) = term(from)?;
            list.push(term);
            rest = after.trim_start();
        }
        Ok(terms)
    }

    pub(super) fn match_text(&self, message: &str) -> bool {
        let contains = |term: &String| message.contains(term.as_str());
        if self.required.is_empty() && self.excluded.is_empty() {
            return self.optional.iter().any(contains);
        }
        self.required.iter().all(contains) && !self.excluded.iter().any(contains)
    }
}

/// The first term of `text` and what follows it.
fn term(text: &str) -> Result<(String, &str), LogsError> {
    if text.starts_with('"') {
        let (phrase, rest) = quoted(text)?;
        return if phrase.is_empty() {
            Err(bad_characters("\"\""))
        } else {
            Ok((phrase, rest))
        };
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match rest.chars().next() {
        Some(bad) if !bad.is_whitespace() && bad != '"' => Err(bad_characters(bad)),
        _ if word.is_empty() => Err(malformed("'-' and '?' must be followed by a term")),
        _ => Ok((word.to_owned(), rest)),
    }
}

/// The quoted text that `text` starts with, and what follows it. A backslash takes the next character as it is.
pub(super) fn quoted(text: &str) -> Result<(String, &str), LogsError> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((content, &text[at + 1..])),
            '\\' => content.extend(chars.next().map(|(_, escaped)| escaped)),
            other => content.push(other),
        }
    }
    Err(malformed(format!("{text} has no closing quote")))
}
