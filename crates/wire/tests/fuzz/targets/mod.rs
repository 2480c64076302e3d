//! Every parser of foreign bytes, each behind a function of bytes that must return: it may refuse, it may not panic, and what
//! it has understood must hold. The corpus is replayed by `cargo test`; `cargo xtask fuzz` looks for more.
//!
//! Not here: parsers of the programs (`agent` and `server`), which have properties of their own.

mod calls;
mod frames;
mod requests;
mod signatures;
mod texts;

/// A function that must return.
pub(crate) type Target = fn(&[u8]);

/// All targets by their names, which are those of their folders in the corpus.
pub(crate) const ALL: &[(&str, Target)] = &[
    ("calls", calls::calls),
    ("frames", frames::frames),
    ("json", requests::json),
    ("page_tokens", requests::page_tokens),
    ("queries", texts::queries),
    ("query", requests::query),
    ("signatures", signatures::signatures),
    ("stored", texts::stored),
    ("texts", texts::texts),
];

/// The first line and the rest.
fn first_line(data: &[u8]) -> (&str, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    (
        std::str::from_utf8(line).unwrap_or_default(),
        rest.get(1..).unwrap_or_default(),
    )
}
