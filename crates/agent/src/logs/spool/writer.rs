//! The logger's end of a spool: appends records, begins new segments, and keeps the whole within its bound.
//!
//! It never touches a segment of an earlier logger, whose end may be torn: it begins the next one. It does not wait
//! for the disk, and does not decide whether a full spool makes the container wait or drops lines.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::format::{self, Block, SEGMENT_HEADER_BYTES, decode, segment_header};
use super::reader::{POSITION, Position};
use super::{absent_is_done, owner_only, read_json, segment_path, segments};

/// No segment is made longer than this before the next begins (a block may reach beyond).
const MAX_SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
const MIN_SEGMENT_BYTES: u64 = 4 * 1024;

const HEADER_BYTES: u64 = SEGMENT_HEADER_BYTES as u64;

/// Room is given back a segment at a time, so several must fit into the bound.
const SEGMENTS_IN_BOUND: u64 = 8;

/// Appends to the spool of one container.
#[derive(Debug)]
pub struct Writer {
    spool: PathBuf,
    bound_bytes: u64,
    segment_bytes: u64,
    /// Segments that get nothing more, oldest first: number and length.
    sealed: VecDeque<(u64, u64)>,
    /// The last segment's number, whether or not it is open.
    number: u64,
    /// The segment that is being written, and its length; none before the first record and after a failure.
    current: Option<(File, u64)>,
    /// The number of the next record.
    next_record: u64,
}

impl Writer {
    /// Opens a spool whose segments shall stay within about `bound_bytes`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(spool: &Path, bound_bytes: u64) -> io::Result<Self> {
        let numbers = segments(spool)?;
        let shipped = read_json::<Position>(&spool.join(POSITION)).unwrap_or_default();
        let mut sealed = VecDeque::new();
        for number in &numbers {
            sealed.push_back((*number, fs::metadata(segment_path(spool, *number))?.len()));
        }
        let mut writer = Self {
            spool: spool.to_owned(),
            bound_bytes,
            segment_bytes: (bound_bytes / SEGMENTS_IN_BOUND).clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES),
            sealed,
            number: numbers.last().copied().unwrap_or_default().max(shipped.segment),
            current: None,
            next_record: next_record(spool, &numbers)?.unwrap_or(shipped.record),
        };
        // From here on the reader sees that the earlier segments are complete, also if no record ever comes.
        writer.begin_segment()?;
        Ok(writer)
    }

    /// Writes the block's records and empties it. What could not be written stays in the block.
    ///
    /// # Errors
    /// What the file system says; the block may be appended again.
    pub fn append(&mut self, block: &mut Block) -> io::Result<()> {
        if self.current_length().is_none_or(|length| length >= self.segment_bytes) {
            self.begin_segment()?;
        }
        let result = self.write(block);
        if result.is_err() && self.current_length() > Some(HEADER_BYTES) {
            // On a full disk room comes from shipped segments, and those are removed only when another one follows.
            self.seal();
        }
        result
    }

    /// Leaves out the numbers of records that will never be written, so that the reader can count them.
    pub fn skip(&mut self, records: u64) {
        if self.current_length() > Some(0) {
            self.seal();
        }
        self.next_record += records;
    }

    /// Whether more waits for shipment than the bound allows.
    ///
    /// # Errors
    /// What the file system says.
    pub fn is_full(&mut self) -> io::Result<bool> {
        if !self.exceeds_bound() {
            return Ok(false);
        }
        while let Some((oldest, _)) = self.sealed.front() {
            if fs::exists(segment_path(&self.spool, *oldest))? {
                break;
            }
            self.sealed.pop_front();
        }
        Ok(self.exceeds_bound())
    }

    /// Removes the oldest segments until the rest is within the bound.
    ///
    /// # Errors
    /// What the file system says.
    pub fn drop_oldest(&mut self) -> io::Result<()> {
        while self.exceeds_bound() {
            let Some((oldest, _)) = self.sealed.pop_front() else {
                break;
            };
            absent_is_done(fs::remove_file(segment_path(&self.spool, oldest)))?;
        }
        Ok(())
    }

    /// The segment that is being written does not count alone: nobody could remove it.
    fn exceeds_bound(&self) -> bool {
        let waiting = |sum: u64, (_, length): &(u64, u64)| sum.saturating_add(*length);
        let open = self.current_length().unwrap_or(0);
        !self.sealed.is_empty() && self.sealed.iter().fold(open, waiting) > self.bound_bytes
    }

    /// Makes the next file. It needs no room on the disk, because its header comes with its first record.
    fn begin_segment(&mut self) -> io::Result<()> {
        self.seal();
        let number = self.number + 1;
        let file = owner_only()
            .append(true)
            .create_new(true)
            .open(segment_path(&self.spool, number))?;
        self.number = number;
        self.current = Some((file, 0));
        Ok(())
    }

    fn write(&mut self, block: &mut Block) -> io::Result<()> {
        let (file, length) = self.current.as_mut().expect("a segment was begun when there was none");
        if *length == 0 {
            let (_, result) = write_counted(file, &segment_header(self.next_record));
            if result.is_err() {
                return result.inspect_err(|_| cut_back(file, 0));
            }
            *length = HEADER_BYTES;
        }
        let (written, result) = write_counted(file, block.bytes());
        let (whole_bytes, whole_records) = block.drop_written(written);
        *length += whole_bytes as u64;
        self.next_record += whole_records;
        result.inspect_err(|_| cut_back(file, *length))
    }

    fn current_length(&self) -> Option<u64> {
        self.current.as_ref().map(|(_, length)| *length)
    }

    fn seal(&mut self) {
        if let Some((_, length)) = self.current.take() {
            self.sealed.push_back((self.number, length));
        }
    }
}

/// Takes half a record off again, so that nobody counts it as torn. If that fails as well, it is counted.
fn cut_back(file: &File, length: u64) {
    let _ = file.set_len(length);
}

/// Like `write_all`, but says how much was written before it failed.
fn write_counted(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// The number after the last sound record; nothing if no segment has a sound header.
fn next_record(spool: &Path, numbers: &[u64]) -> io::Result<Option<u64>> {
    for number in numbers.iter().rev() {
        let bytes = fs::read(segment_path(spool, *number))?;
        if let Some(first) = format::first_record(&bytes) {
            return Ok(Some(first + count_records(&bytes[SEGMENT_HEADER_BYTES..])));
        }
    }
    Ok(None)
}

fn count_records(mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((_, length)) = decode(bytes) {
        bytes = &bytes[length..];
        count += 1;
    }
    count
}
