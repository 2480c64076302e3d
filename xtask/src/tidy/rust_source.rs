//! A reading of one Rust file that is good enough for rules about text: which bytes are code, which lines are tests.
//!
//! Comments and the insides of literals become spaces, so that a rule never stumbles over a word in a sentence; lines
//! and columns stay as they were. This is a scanner, not a parser: it knows nothing of macros or types.

/// The code of a file without its comments and literals.
pub(crate) struct RustSource {
    /// As long as the file, byte for byte; what is not code is blank.
    pub(crate) code: String,
    /// For each line (from 0): does it belong to an item under `#[cfg(test)]`?
    in_test: Vec<bool>,
}

impl RustSource {
    pub(crate) fn read(text: &str) -> Self {
        let code = Blanker::new(text).run();
        let in_test = test_lines(&code);
        Self { code, in_test }
    }

    /// Lines of code outside tests with their numbers, counted from 1.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .lines()
            .enumerate()
            .filter(|(index, _)| !self.in_test[*index])
            .map(|(index, line)| (index + 1, line))
    }

    /// How many lines the file has outside `#[cfg(test)]`.
    pub(crate) fn product_line_count(&self) -> usize {
        self.in_test.iter().filter(|in_test| !**in_test).count()
    }

    /// The number (from 1) of the line that holds the byte at `offset`.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count() + 1
    }

    /// Where `needle` begins, each time it occurs.
    pub(crate) fn offsets_of<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(needle).map(|(offset, _)| offset)
    }
}

/// Whether `code` contains `path` (such as `std::fs` or `println`) as whole words.
pub(crate) fn has_path(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + path.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The identifier at the beginning of `code`, which may be empty.
pub(crate) fn leading_word(code: &str) -> &str {
    let end = code.find(|c| !is_word(c)).unwrap_or(code.len());
    &code[..end]
}

/// The offset just behind the bracket that closes the one at `open`, or the end of the code.
pub(crate) fn after_closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' if depth <= 1 => return offset + 1,
            b'}' | b']' | b')' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Marks the lines of every item that stands under `#[cfg(test)]`.
fn test_lines(code: &str) -> Vec<bool> {
    let mut marks = vec![false; code.lines().count()];
    for (start, attribute) in code.match_indices("#[cfg(test)]") {
        let end = item_end(code, start + attribute.len());
        let first = code[..start].matches('\n').count();
        let last = code[..end].matches('\n').count();
        for mark in marks.iter_mut().take(last + 1).skip(first) {
            *mark = true;
        }
    }
    marks
}

/// Where the item that begins at `start` ends: behind its body, or at its semicolon when it has none.
fn item_end(code: &str, start: usize) -> usize {
    let mut offset = start;
    while let Some(found) = code[offset..].find(['{', ';', '[']) {
        let at = offset + found;
        match code.as_bytes()[at] {
            b'[' => offset = after_closing(code, at),
            b'{' => return after_closing(code, at) - 1,
            _ => return at,
        }
    }
    code.len()
}

/// Copies code and blanks the rest.
struct Blanker<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl<'a> Blanker<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            input: text.as_bytes(),
            output: Vec::with_capacity(text.len()),
        }
    }

    fn run(mut self) -> String {
        while self.at() < self.input.len() {
            match self.rest() {
                [b'/', b'/', ..] => self.blank_line(),
                [b'/', b'*', ..] => self.blank_block(),
                [b'"', ..] => self.blank_string(),
                [b'r', b'#' | b'"', ..] if !self.in_word() => self.raw_or_word(),
                [b'b' | b'c', b'r', b'#' | b'"', ..] if !self.in_word() => {
                    self.copy(1);
                    self.raw_or_word();
                }
                [b'\'', ..] => self.char_or_lifetime(),
                _ => self.copy(1),
            }
        }
        String::from_utf8(self.output).expect("whole literals and comments are blanked, so no character is cut")
    }

    fn at(&self) -> usize {
        self.output.len()
    }

    fn rest(&self) -> &'a [u8] {
        &self.input[self.at()..]
    }

    /// Whether the byte before this one belongs to an identifier.
    fn in_word(&self) -> bool {
        self.output
            .last()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    }

    fn copy(&mut self, count: usize) {
        let at = self.at();
        self.output.extend_from_slice(&self.input[at..at + count]);
    }

    fn blank(&mut self, count: usize) {
        let at = self.at();
        let end = (at + count).min(self.input.len());
        self.output.extend(
            self.input[at..end]
                .iter()
                .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
        );
    }

    fn blank_line(&mut self) {
        let length = self
            .rest()
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(self.rest().len());
        self.blank(length);
    }

    fn blank_block(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.rest() {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.blank(2);
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.blank(2);
                    if depth == 0 {
                        return;
                    }
                }
                [] => return,
                _ => self.blank(1),
            }
        }
    }

    /// Keeps the quotes, so that an attribute with a text still looks like one.
    fn blank_string(&mut self) {
        self.copy(1);
        loop {
            match self.rest() {
                [] => return,
                [b'"', ..] => return self.copy(1),
                [b'\\', _, ..] => self.blank(2),
                _ => self.blank(1),
            }
        }
    }

    /// At `r`: a raw string, or a raw identifier such as `r#type`.
    fn raw_or_word(&mut self) {
        let hashes = self.rest()[1..].iter().take_while(|byte| **byte == b'#').count();
        if self.rest().get(1 + hashes) != Some(&b'"') {
            return self.copy(1);
        }
        self.copy(hashes + 2);
        let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
        let length = self
            .rest()
            .windows(close.len())
            .position(|window| window == close)
            .unwrap_or(self.rest().len());
        self.blank(length);
        let closing = close.len().min(self.rest().len());
        self.copy(closing);
    }

    fn char_or_lifetime(&mut self) {
        if let Some(length) = char_literal_length(self.rest()) {
            self.copy(1);
            self.blank(length - 2);
        }
        self.copy(1);
    }
}

/// The length of the character literal at the beginning of `rest`; none when it is a lifetime.
fn char_literal_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(close + 4);
    }
    let width = match rest.get(1)? {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        RustSource::read(text).code
    }

    #[test]
    fn comments_and_literals_become_blank_and_nothing_moves() {
        let text =
            "let a = \"std::fs \\\" x\"; // std::fs\n/* a /* b */ c */ let c = '\"'; let l: &'static str = r#\"q\"#;";
        let code = code(text);
        assert_eq!(code.len(), text.len());
        assert!(!code.contains("std::fs"));
        assert!(code.contains("let c = ' ';"));
        assert!(code.contains("&'static str"));
        assert!(!code.contains('q'));
    }

    #[test]
    fn escaped_and_wide_characters_are_literals() {
        assert_eq!(
            code(r"['\'', 'é', '\u{e9}', b'x'] 'a"),
            r"['  ', '  ', '      ', b' '] 'a".to_owned()
        );
    }

    #[test]
    fn raw_identifiers_stay_code() {
        assert_eq!(code("r#type br\"x\""), "r#type br\" \"");
    }

    #[test]
    fn the_lines_of_test_items_are_known() {
        let source = RustSource::read("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n");
        let numbers: Vec<usize> = source.product_lines().map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 6]);
        assert_eq!(source.product_line_count(), 2);
    }

    #[test]
    fn a_test_module_in_its_own_file_ends_at_its_semicolon() {
        let source = RustSource::read("#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nfn c() {}\n");
        assert_eq!(source.product_line_count(), 1);
    }

    #[test]
    fn paths_are_whole_words() {
        assert!(has_path("use std::fs;", "std::fs"));
        assert!(!has_path("my_std::fs_x", "std::fs"));
        assert!(!has_path("MyInstant", "Instant"));
    }
}
