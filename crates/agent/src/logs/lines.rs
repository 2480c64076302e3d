//! From the bytes of one pipe to messages: lines without their ends, cut where they are too long for an event.
//!
//! A message is valid UTF-8 (foreign bytes become U+FFFD, as JSON can carry nothing else) and is never empty:
//! CloudWatch Logs refuses empty events, and Docker's driver skips empty lines as well. It knows no clock and no
//! files.

use std::mem;

/// What a buffer may keep of its room between two lines; long lines are rare.
const KEPT_CAPACITY_BYTES: usize = 16 * 1024;

/// The longest UTF-8 sequence; a cut need never go further back than this.
const MAX_CHAR_BYTES: usize = 4;

/// Cuts the bytes of one pipe into messages.
#[derive(Debug)]
pub struct Lines {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    max_message_bytes: usize,
}

impl Lines {
    /// Messages of at most `max_message_bytes`, which is at least one character (4).
    ///
    /// # Panics
    /// If `max_message_bytes` is smaller than that.
    #[must_use]
    pub fn new(max_message_bytes: usize) -> Self {
        assert!(
            max_message_bytes >= MAX_CHAR_BYTES,
            "a message has room for at least one character"
        );
        Self {
            partial: Vec::new(),
            max_message_bytes,
        }
    }

    /// Takes the next bytes of the pipe and emits each message that they complete.
    pub fn feed(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.end_line(&bytes[..end], emit);
            bytes = &bytes[end + 1..];
        }
        self.partial.extend_from_slice(bytes);
        while self.partial.len() > self.max_message_bytes {
            let rest = self.partial.split_off(cut(&self.partial, self.max_message_bytes));
            let piece = mem::replace(&mut self.partial, rest);
            self.emit(&piece, emit);
        }
    }

    /// The pipe has ended: what is left is a message, although no line end came.
    pub fn finish(&mut self, emit: &mut impl FnMut(&str)) {
        self.end_line(&[], emit);
    }

    fn end_line(&mut self, tail: &[u8], emit: &mut impl FnMut(&str)) {
        if self.partial.is_empty() {
            return self.emit(tail, emit);
        }
        let mut line = mem::take(&mut self.partial);
        line.extend_from_slice(tail);
        self.emit(&line, emit);
        line.clear();
        line.shrink_to(KEPT_CAPACITY_BYTES);
        self.partial = line;
    }

    fn emit(&self, line: &[u8], emit: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.as_ref();
        while rest.len() > self.max_message_bytes {
            let (piece, further) = rest.split_at(cut(rest.as_bytes(), self.max_message_bytes));
            emit(piece);
            rest = further;
        }
        if !rest.is_empty() {
            emit(rest);
        }
    }
}

/// The last place at or before `limit` where `bytes` can be cut without cutting a character.
fn cut(bytes: &[u8], limit: usize) -> usize {
    let is_boundary = |at: &usize| bytes[*at] & 0b1100_0000 != 0b1000_0000;
    // Bytes that are no UTF-8 at all have no boundary near: there any place is as good.
    (limit + 1 - MAX_CHAR_BYTES..=limit)
        .rev()
        .find(is_boundary)
        .unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(chunks: &[&[u8]], max: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::new(max);
        for chunk in chunks {
            lines.feed(chunk, &mut |message| found.push(message.to_owned()));
        }
        lines.finish(&mut |message| found.push(message.to_owned()));
        found
    }

    #[test]
    fn a_line_may_come_in_pieces_and_a_piece_may_hold_lines() {
        assert_eq!(
            messages(&[b"one\ntw", b"o", b"\nthree\nfour"], 100),
            ["one", "two", "three", "four"]
        );
    }

    #[test]
    fn empty_lines_are_no_events_but_blanks_are() {
        assert_eq!(messages(&[b"\n\na\n", b"\n \n\r\n"], 100), ["a", " ", "\r"]);
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(messages(&["ab€cd€ef\nx".as_bytes()], 4), ["ab", "€c", "d€", "ef", "x"]);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_one_message() {
        assert_eq!(messages(&[b"abcd", b"\nefgh\n"], 4), ["abcd", "efgh"]);
    }

    #[test]
    fn foreign_bytes_are_replaced_and_still_fit() {
        assert_eq!(messages(&[b"a\xffb\n"], 100), ["a\u{fffd}b"]);
        assert_eq!(messages(&[&[0x80; 6]], 4), ["\u{fffd}"; 6]);
    }

    #[test]
    fn the_room_of_a_long_line_is_given_back() {
        let mut lines = Lines::new(1 << 20);
        lines.feed(&vec![b'x'; 1 << 19], &mut |_| ());
        lines.feed(b"\n", &mut |_| ());
        assert!(lines.partial.capacity() <= KEPT_CAPACITY_BYTES);
    }

    proptest! {
        /// However the pipe cuts the bytes: no character is lost, added or moved, and no message is too long or empty.
        #[test]
        fn text_is_kept(text in "[a€𝄞\n]{0,60}", cuts in prop::collection::vec(0usize..200, 0..8), max in 4usize..12) {
            let bytes = text.as_bytes();
            let mut ends: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let mut start = 0;
            let chunks: Vec<&[u8]> =
                ends.iter().map(|end| &bytes[mem::replace(&mut start, *end)..*end]).collect();
            let found = messages(&chunks, max);
            prop_assert!(found.iter().all(|message| !message.is_empty() && message.len() <= max));
            prop_assert_eq!(found.concat(), text.replace('\n', ""));
            let lines = text.split('\n').filter(|line| !line.is_empty());
            prop_assert!(found.len() >= lines.clone().count());
            if lines.clone().all(|line| line.len() <= max) {
                prop_assert_eq!(found, lines.map(str::to_owned).collect::<Vec<_>>());
            }
        }

        /// Whatever a container writes, every message fits.
        #[test]
        fn any_bytes_fit(bytes in prop::collection::vec(any::<u8>(), 0..80), max in 4usize..12) {
            prop_assert!(messages(&[&bytes], max).iter().all(|message| !message.is_empty() && message.len() <= max));
        }
    }
}
