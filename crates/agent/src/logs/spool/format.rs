//! The bytes of a segment: a header, then records that check themselves.
//!
//! ```text
//! segment  "BERTHLOG" · first record's number u64 · crc32 u32              (little endian)
//! record   length of the message u32 · crc32 u32 · timestamp i64 · kind u8 · message
//! ```
//!
//! The checksum of a record covers all its other fields, so a record that was cut off, zeroed or overwritten is told
//! from a whole one. Numbers count the records of a spool from 0 on; the gap between two segments is what was dropped.
//! Nothing here does I/O.

use crate::logs::event::{MAX_MESSAGE_BYTES, Source};

const MAGIC: &[u8; 8] = b"BERTHLOG";

/// The length of a segment's header.
pub const SEGMENT_HEADER_BYTES: usize = 20;

/// What a record is longer than its message. Less than what CloudWatch adds, so a batch fits where its records fit.
pub const RECORD_HEADER_BYTES: usize = 17;

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const END: u8 = 3;

/// What one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A message of the container.
    Message {
        /// In milliseconds since 1970.
        timestamp_ms: i64,
        /// Where it came from.
        source: Source,
        /// Its text.
        text: &'a str,
    },
    /// The logger saw the end of both pipes: nothing is missing.
    End,
}

/// Records on their way into a segment.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    records: u64,
}

impl Block {
    /// Adds a record.
    ///
    /// # Panics
    /// If a message is longer than [`MAX_MESSAGE_BYTES`].
    pub fn push(&mut self, record: Record<'_>) {
        let (kind, timestamp_ms, text) = match record {
            Record::Message {
                timestamp_ms,
                source: Source::Stdout,
                text,
            } => (STDOUT, timestamp_ms, text),
            Record::Message {
                timestamp_ms,
                source: Source::Stderr,
                text,
            } => (STDERR, timestamp_ms, text),
            Record::End => (END, 0, ""),
        };
        assert!(
            text.len() <= MAX_MESSAGE_BYTES,
            "messages are cut before they are recorded"
        );
        let length = u32::try_from(text.len())
            .expect("the longest message is far below 4 GiB")
            .to_le_bytes();
        let timestamp = timestamp_ms.to_le_bytes();
        let crc = record_crc(&length, &timestamp, kind, text.as_bytes());
        for part in [&length[..], &crc.to_le_bytes(), &timestamp, &[kind], text.as_bytes()] {
            self.bytes.extend_from_slice(part);
        }
        self.records += 1;
    }

    /// The encoded records.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Forgets all records, and the room of an unusually large block.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(128 * 1024);
        self.records = 0;
    }

    /// Forgets the records that lie wholly in the first `written` bytes. Returns their length in bytes and their number.
    pub fn drop_written(&mut self, written: usize) -> (usize, u64) {
        if written == self.bytes.len() {
            let all = (written, self.records);
            self.clear();
            return all;
        }
        let (mut whole, mut records) = (0, 0);
        while let Some(length) = decode(&self.bytes[whole..written]).map(|(_, length)| length) {
            whole += length;
            records += 1;
        }
        self.bytes.drain(..whole);
        self.records -= records;
        (whole, records)
    }
}

/// Reads the first record of `bytes` and how long it is; nothing if it is not whole or not sound.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let (header, rest) = bytes.split_at_checked(RECORD_HEADER_BYTES)?;
    let (length, header) = header.split_first_chunk::<4>()?;
    let (crc, header) = header.split_first_chunk::<4>()?;
    let (timestamp, kind) = header.split_first_chunk::<8>()?;
    let text = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if record_crc(length, timestamp, kind[0], text) != u32::from_le_bytes(*crc) {
        return None;
    }
    let source = match kind[0] {
        STDOUT => Source::Stdout,
        STDERR => Source::Stderr,
        END => return Some((Record::End, RECORD_HEADER_BYTES)),
        _ => return None,
    };
    let timestamp_ms = i64::from_le_bytes(*timestamp);
    let record = Record::Message {
        timestamp_ms,
        source,
        text: str::from_utf8(text).ok()?,
    };
    Some((record, RECORD_HEADER_BYTES + text.len()))
}

/// The header of a segment whose first record has this number.
#[must_use]
pub fn segment_header(first_record: u64) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first_record.to_le_bytes());
    let crc = crc32fast::hash(&header[..16]);
    header[16..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The number of the first record, from a segment's header; nothing if it is not whole or not sound.
#[must_use]
pub fn first_record(segment: &[u8]) -> Option<u64> {
    let (magic, rest) = segment.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let sound = magic == MAGIC && crc32fast::hash(&segment[..16]) == u32::from_le_bytes(*crc);
    sound.then(|| u64::from_le_bytes(*number))
}

fn record_crc(length: &[u8; 4], timestamp: &[u8; 8], kind: u8, text: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [&length[..], timestamp, &[kind], text] {
        crc.update(part);
    }
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str) -> Vec<u8> {
        let mut block = Block::default();
        block.push(Record::Message {
            timestamp_ms: -5,
            source: Source::Stderr,
            text,
        });
        block.bytes
    }

    #[test]
    fn zeros_are_no_record() {
        assert_eq!(decode(&[0; 64]), None);
    }

    #[test]
    fn only_whole_records_count_as_written() {
        let mut block = Block::default();
        for text in ["one", "two", "three"] {
            block.push(Record::Message {
                timestamp_ms: 0,
                source: Source::Stdout,
                text,
            });
        }
        let second_end = 2 * (RECORD_HEADER_BYTES + 3);
        assert_eq!(block.drop_written(second_end + 4), (second_end, 2));
        assert_eq!(block.records(), 1);
        assert_eq!(block.drop_written(0), (0, 0));
        let third = Record::Message {
            timestamp_ms: 0,
            source: Source::Stdout,
            text: "three",
        };
        assert_eq!(decode(block.bytes()), Some((third, RECORD_HEADER_BYTES + 5)));
    }

    #[test]
    fn a_header_is_read_back_and_any_change_is_seen() {
        let header = segment_header(77);
        assert_eq!(first_record(&header), Some(77));
        assert_eq!(first_record(&header[..19]), None);
        for at in 0..SEGMENT_HEADER_BYTES {
            let mut changed = header;
            changed[at] ^= 1;
            assert_eq!(first_record(&changed), None);
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_back_and_a_cut_one_is_not(text in ".{0,40}", cut in 0usize..60) {
            let bytes = encoded(&text);
            let record = Record::Message { timestamp_ms: -5, source: Source::Stderr, text: &text };
            prop_assert_eq!(decode(&bytes), Some((record, bytes.len())));
            if cut < bytes.len() {
                prop_assert_eq!(decode(&bytes[..cut]), None);
            }
        }

        #[test]
        fn a_changed_bit_is_seen(text in ".{0,40}", at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = encoded(&text);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), None);
        }

        #[test]
        fn foreign_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&bytes), None);
            prop_assert_eq!(first_record(&bytes), None);
        }
    }
}
