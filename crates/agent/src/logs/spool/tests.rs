//! Stories of a logger and a shipper that share a spool, some of them with deaths in the middle.

use std::collections::BTreeSet;
use std::fs::OpenOptions;

use proptest::prelude::*;

use super::format::{Block, RECORD_HEADER_BYTES, Record, SEGMENT_HEADER_BYTES, decode};
use super::*;
use crate::logs::event::{Destination, MAX_BATCH_BYTES, MAX_MESSAGE_BYTES, Source};
use crate::logs::options::Mode;

const ROOMY: u64 = 1 << 30;

fn spool() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn line(block: &mut Block, timestamp_ms: i64, text: &str) {
    block.push(Record::Message {
        timestamp_ms,
        source: Source::Stdout,
        text,
    });
}

fn write(writer: &mut Writer, texts: &[&str]) {
    let mut block = Block::default();
    for text in texts {
        line(&mut block, 0, text);
    }
    writer.append(&mut block).unwrap();
    assert_eq!(block.records(), 0);
}

fn write_end(writer: &mut Writer) {
    let mut block = Block::default();
    block.push(Record::End);
    writer.append(&mut block).unwrap();
}

fn texts(batch: &Batch) -> Vec<String> {
    batch.events().iter().map(|event| event.message.clone()).collect()
}

/// Reads and acknowledges all there is.
fn drain(reader: &mut Reader) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        found.extend(texts(&batch));
        reader.ack(&batch).unwrap();
    }
    found
}

fn tear(spool: &Path, keep: impl Fn(u64) -> u64) {
    let last = *segments(spool).unwrap().last().unwrap();
    let file = OpenOptions::new().write(true).open(segment_path(spool, last)).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(keep(length)).unwrap();
}

#[test]
fn lines_come_out_in_order_and_only_once() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.next_batch().unwrap(), None);
    write(&mut writer, &["a", "b"]);
    assert_eq!(drain(&mut reader), ["a", "b"]);
    write(&mut writer, &["c"]);
    assert_eq!(drain(&mut reader), ["c"]);
    assert_eq!(reader.next_batch().unwrap(), None);
}

#[test]
fn what_was_not_acknowledged_is_read_again_also_by_the_next_reader() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["a"]);
    let mut reader = Reader::open(dir.path()).unwrap();
    let first = reader.next_batch().unwrap().unwrap();
    assert_eq!(reader.next_batch().unwrap(), Some(first.clone()));
    reader.ack(&first).unwrap();
    write(&mut writer, &["b"]);
    assert_eq!(texts(&reader.next_batch().unwrap().unwrap()), ["b"]);
    assert_eq!(drain(&mut Reader::open(dir.path()).unwrap()), ["b"]);
}

#[test]
fn half_a_record_is_waited_for() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["whole", "half"]);
    let last = segment_path(dir.path(), 1);
    let bytes = fs::read(&last).unwrap();
    tear(dir.path(), |length| length - 2);
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(drain(&mut reader), ["whole"]);
    fs::write(&last, bytes).unwrap();
    assert_eq!(drain(&mut reader), ["half"]);
    assert_eq!(reader.torn_bytes(), 0);
}

#[test]
fn a_torn_end_is_given_up_when_another_logger_goes_on() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["one", "two"]);
    drop(writer);
    tear(dir.path(), |length| length - 1);
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(drain(&mut reader), ["one"]);
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["three"]);
    assert_eq!(drain(&mut reader), ["three"]);
    assert_eq!(reader.torn_bytes(), (RECORD_HEADER_BYTES + 2) as u64);
    assert_eq!(reader.lost_records(), 0);
    assert_eq!(segments(dir.path()).unwrap(), [2]);
}

#[test]
fn the_end_is_known_until_another_logger_comes_and_after_a_restart() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["last"]);
    let mut reader = Reader::open(dir.path()).unwrap();
    drain(&mut reader);
    assert!(!reader.ended());
    write_end(&mut writer);
    for mut reader in [reader, Reader::open(dir.path()).unwrap()] {
        assert_eq!(reader.next_batch().unwrap(), None);
        assert!(reader.ended());
    }
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["again"]);
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(drain(&mut reader), ["again"]);
    assert!(!reader.ended());
}

#[test]
fn batches_keep_to_the_limits_of_put_log_events() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    write(&mut writer, &vec!["x"; 10_001]);
    let many = reader.next_batch().unwrap().unwrap();
    assert_eq!(many.events().len(), 10_000);
    reader.ack(&many).unwrap();
    assert_eq!(drain(&mut reader), ["x"]);

    let longest = "y".repeat(MAX_MESSAGE_BYTES);
    write(&mut writer, &[&longest, "z"]);
    let one = reader.next_batch().unwrap().unwrap();
    assert_eq!(one.events().len(), 1);
    assert_eq!(one.events()[0].message.len() + 26, MAX_BATCH_BYTES);
    reader.ack(&one).unwrap();
    assert_eq!(drain(&mut reader), ["z"]);
}

#[test]
fn a_batch_stays_in_order_when_the_clock_is_set_back_and_spans_no_more_than_a_day() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    let mut block = Block::default();
    let day_ms = 86_400_000;
    for timestamp_ms in [10, 20, 5, 5 + day_ms, 6 + day_ms] {
        line(&mut block, timestamp_ms, "x");
    }
    writer.append(&mut block).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        batches.push(
            batch
                .events()
                .iter()
                .map(|event| event.timestamp_ms)
                .collect::<Vec<_>>(),
        );
        reader.ack(&batch).unwrap();
    }
    assert_eq!(batches, [vec![10, 20], vec![5, 5 + day_ms], vec![6 + day_ms]]);
}

#[test]
fn a_full_spool_has_room_again_once_its_segments_are_shipped() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), 32 * 1024).unwrap();
    let text = "x".repeat(1000);
    let mut written = 0;
    while !writer.is_full().unwrap() {
        write(&mut writer, &[&text]);
        written += 1;
        assert!(written < 40, "a spool of 32 KiB does not take 40 KB");
    }
    let mut reader = Reader::open(dir.path()).unwrap();
    let batch = reader.next_batch().unwrap().unwrap();
    reader.ack(&batch).unwrap();
    // The first segment is removed when the reader has gone on to the second.
    reader.next_batch().unwrap();
    assert!(!writer.is_full().unwrap());
    assert_eq!(drain(&mut reader).len() + batch.events().len(), written);
}

#[test]
fn a_small_spool_drops_its_oldest_lines_and_counts_them() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), 32 * 1024).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let name = |at: usize| format!("{at:0>1000}");
    for at in 0..100 {
        write(&mut writer, &[&name(at)]);
        writer.drop_oldest().unwrap();
    }
    let kept: u64 = segments(dir.path())
        .unwrap()
        .iter()
        .map(|n| segment_path(dir.path(), *n).metadata().unwrap().len())
        .sum();
    assert!(kept <= 32 * 1024);
    let found = drain(&mut reader);
    let lost = usize::try_from(reader.lost_records()).unwrap();
    assert!(lost > 0);
    assert_eq!(found, (lost..100).map(name).collect::<Vec<_>>());
}

#[test]
fn records_that_were_never_written_are_counted() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), ROOMY).unwrap();
    write(&mut writer, &["a"]);
    writer.skip(7);
    write(&mut writer, &["b"]);
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(drain(&mut reader), ["a", "b"]);
    assert_eq!(reader.lost_records(), 7);
}

#[test]
fn a_ruined_position_repeats_lines_but_calls_none_lost() {
    let dir = spool();
    let mut writer = Writer::open(dir.path(), 32 * 1024).unwrap();
    let text = "x".repeat(8000);
    for _ in 0..3 {
        write(&mut writer, &[&text]);
        drain(&mut Reader::open(dir.path()).unwrap());
    }
    fs::write(dir.path().join("position.json"), b"").unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    assert!(!drain(&mut reader).is_empty());
    assert_eq!(reader.lost_records(), 0);
}

#[test]
fn a_logger_is_known_to_live_or_not() {
    let dir = spool();
    assert_eq!(logger_state(dir.path()).unwrap(), LoggerState::NotStarted);
    note_logger_error(dir.path(), "no disk").unwrap();
    assert_eq!(logger_error(dir.path()).as_deref(), Some("no disk"));
    for _ in 0..2 {
        let lock = claim(dir.path()).unwrap();
        assert_eq!(logger_error(dir.path()), None);
        assert_eq!(logger_state(dir.path()).unwrap(), LoggerState::Running);
        drop(lock);
        assert_eq!(logger_state(dir.path()).unwrap(), LoggerState::Ended);
    }
}

#[test]
fn spools_are_found_and_removed() {
    let root = spool();
    let options = LogOptions {
        destination: Destination {
            group: "g".to_owned(),
            stream: "s".to_owned(),
        },
        mode: Mode::default(),
    };
    let paths = ["b", "a"].map(|name| root.path().join("logs").join(name));
    assert_eq!(list(&root.path().join("logs")).unwrap(), Vec::<PathBuf>::new());
    for path in &paths {
        prepare(path, &options).unwrap();
        assert_eq!(super::options(path).unwrap(), options);
    }
    fs::create_dir(root.path().join("logs/other")).unwrap();
    assert_eq!(
        list(&root.path().join("logs")).unwrap(),
        [paths[1].clone(), paths[0].clone()]
    );
    remove(&paths[0]).unwrap();
    remove(&paths[0]).unwrap();
    assert_eq!(list(&root.path().join("logs")).unwrap(), [paths[1].clone()]);
}

/// What happens to a spool, in any order.
#[derive(Clone, Debug)]
enum Step {
    Write {
        lines: usize,
        length: usize,
    },
    /// The logger is killed, with this much of the last segment torn off, and another one starts.
    Die {
        torn: u64,
    },
    /// As after a loss of power: the last segment ends in garbage.
    Garbage(Vec<u8>),
    /// The shipper delivers this many batches.
    Ship(usize),
    /// The shipper dies after it has read a batch and before it acknowledged it.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..30, 0usize..900).prop_map(|(lines, length)| Step::Write { lines, length }),
        1 => (0u64..3000).prop_map(|torn| Step::Die { torn }),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Step::Garbage),
        2 => (1usize..4).prop_map(Step::Ship),
        1 => Just(Step::Restart),
    ]
}

/// A spool, and what must come out of it.
struct Story {
    dir: tempfile::TempDir,
    writer: Writer,
    reader: Reader,
    written: u64,
    /// Lines that were written and then torn off before they were delivered.
    torn: BTreeSet<u64>,
    delivered: Vec<u64>,
}

impl Story {
    fn begin() -> Self {
        let dir = spool();
        let writer = Writer::open(dir.path(), 32 * 1024).unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        Self {
            dir,
            writer,
            reader,
            written: 0,
            torn: BTreeSet::new(),
            delivered: Vec::new(),
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Write { lines, length } => self.write(lines, length),
            Step::Die { torn } => {
                let before = self.last_segment_lines();
                tear(self.dir.path(), |length| length.saturating_sub(torn));
                let after = self.last_segment_lines();
                self.torn.extend(before.difference(&after));
                self.writer = Writer::open(self.dir.path(), 32 * 1024).unwrap();
            }
            Step::Garbage(bytes) => {
                let last = *segments(self.dir.path()).unwrap().last().unwrap();
                let path = segment_path(self.dir.path(), last);
                OpenOptions::new()
                    .append(true)
                    .open(path)
                    .unwrap()
                    .write_all(&bytes)
                    .unwrap();
                self.writer = Writer::open(self.dir.path(), 32 * 1024).unwrap();
            }
            Step::Ship(batches) => (0..batches).for_each(|_| self.ship()),
            Step::Restart => {
                self.reader.next_batch().unwrap();
                self.reader = Reader::open(self.dir.path()).unwrap();
            }
        }
    }

    fn write(&mut self, lines: usize, length: usize) {
        let mut block = Block::default();
        for _ in 0..lines {
            line(&mut block, 0, &format!("{} {}", self.written, "x".repeat(length)));
            self.written += 1;
        }
        self.writer.append(&mut block).unwrap();
    }

    fn ship(&mut self) {
        if let Some(batch) = self.reader.next_batch().unwrap() {
            self.delivered
                .extend(batch.events().iter().map(|event| number(&event.message)));
            self.reader.ack(&batch).unwrap();
        }
    }

    fn last_segment_lines(&self) -> BTreeSet<u64> {
        let last = *segments(self.dir.path()).unwrap().last().unwrap();
        let bytes = fs::read(segment_path(self.dir.path(), last)).unwrap();
        let mut rest = bytes.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
        let mut found = BTreeSet::new();
        while let Some((record, length)) = decode(rest) {
            if let Record::Message { text, .. } = record {
                found.insert(number(text));
            }
            rest = &rest[length..];
        }
        found
    }
}

fn number(message: &str) -> u64 {
    message.split(' ').next().unwrap().parse().unwrap()
}

/// Records that had been shipped are torn off, then all that took their numbers: the numbers stay in step.
#[test]
fn numbers_that_are_given_again_are_no_loss() {
    let mut story = Story::begin();
    let lines = |lines, length| Step::Write { lines, length };
    let steps = [
        lines(9, 265),
        Step::Ship(1),
        Step::Die { torn: 1 },
        lines(4, 241),
        Step::Die { torn: 784 },
        Step::Ship(1),
        Step::Die { torn: 0 },
        lines(1, 0),
        Step::Ship(1),
    ];
    steps.into_iter().for_each(|step| story.act(step));
    assert_eq!(story.delivered, [0, 1, 2, 3, 4, 5, 6, 7, 8, 13]);
    assert_eq!(story.reader.lost_records(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever dies, every line that was not torn off arrives, once and in order, and nothing else does.
    #[test]
    fn deaths_lose_nothing_and_invent_nothing(steps in prop::collection::vec(step(), 1..25)) {
        let mut story = Story::begin();
        for step in steps {
            story.act(step);
        }
        story.act(Step::Ship(1000));
        prop_assert!(story.delivered.is_sorted_by(|a, b| a < b), "{:?}", story.delivered);
        let delivered: BTreeSet<u64> = story.delivered.iter().copied().collect();
        let missing: Vec<u64> = (0..story.written).filter(|line| !delivered.contains(line)).collect();
        prop_assert!(missing.iter().all(|line| story.torn.contains(line)), "{missing:?}");
        prop_assert!(delivered.iter().all(|line| *line < story.written));
        prop_assert_eq!(story.reader.lost_records(), 0);
        prop_assert!(segments(story.dir.path()).unwrap().len() == 1);
    }
}
