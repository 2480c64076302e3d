//! A shipper between a real spool and a sink that does what its script says.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::logs::event::Source;
use crate::logs::options::{LogOptions, Mode};
use crate::logs::spool::Writer;
use crate::logs::spool::format::{Block, Record};

/// Refuses as often as its script has errors, then takes everything.
#[derive(Debug, Default)]
struct Scripted {
    script: Mutex<VecDeque<SinkError>>,
    taken: Mutex<Vec<String>>,
}

impl Scripted {
    fn with(errors: impl IntoIterator<Item = SinkError>) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(errors.into_iter().collect()),
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

impl LogSink for Scripted {
    async fn put(&self, destination: &Destination, events: &[LogEvent]) -> Result<(), SinkError> {
        assert_eq!(destination.to_string(), "/ecs/web:ecs/web/1");
        match self.script.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => {
                self.taken
                    .lock()
                    .unwrap()
                    .extend(events.iter().map(|event| event.message.clone()));
                Ok(())
            }
        }
    }
}

fn quick() -> Pace {
    let soon = Duration::from_millis(1);
    Pace {
        poll_min: soon,
        poll_max: soon,
        retry_min: soon,
        retry_max: soon,
        gone: soon,
    }
}

fn prepared() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let destination = Destination {
        group: "/ecs/web".to_owned(),
        stream: "ecs/web/1".to_owned(),
    };
    spool::prepare(
        dir.path(),
        &LogOptions {
            destination,
            mode: Mode::default(),
        },
    )
    .unwrap();
    dir
}

fn write(dir: &tempfile::TempDir, texts: &[&str], end: bool) {
    let mut writer = Writer::open(dir.path(), 1 << 20).unwrap();
    let mut block = Block::default();
    for text in texts {
        block.push(Record::Message {
            timestamp_ms: 0,
            source: Source::Stdout,
            text,
        });
    }
    if end {
        block.push(Record::End);
    }
    writer.append(&mut block).unwrap();
}

#[tokio::test]
async fn all_is_delivered_when_the_logger_has_ended() {
    let dir = prepared();
    let sink = Scripted::with([]);
    drop(spool::claim(dir.path()).unwrap());
    let shipper = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    write(&dir, &["a", "b"], true);
    let expected = Drained {
        complete: true,
        ..Drained::default()
    };
    assert_eq!(shipper.drained().await, expected);
    assert_eq!(sink.taken(), ["a", "b"]);
    assert_eq!(shipper.drained().await, expected, "it may be asked twice");
}

#[tokio::test]
async fn a_living_logger_is_waited_for() {
    let dir = prepared();
    let sink = Scripted::with([]);
    let lock = spool::claim(dir.path()).unwrap();
    let shipper = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    write(&dir, &["a"], false);
    assert!(timeout(Duration::from_millis(50), shipper.drained()).await.is_err());
    write(&dir, &["the last line"], true);
    drop(lock);
    assert!(shipper.drained().await.complete);
    assert_eq!(sink.taken(), ["a", "the last line"]);
}

#[tokio::test]
async fn a_logger_that_never_came_is_not_waited_for_at_the_end() {
    let dir = prepared();
    let shipper = Shipper::start(dir.path(), Scripted::with([]), quick()).unwrap();
    assert_eq!(shipper.drained().await, Drained::default());
}

#[tokio::test]
async fn a_killed_logger_is_told_from_one_that_ended() {
    let dir = prepared();
    let sink = Scripted::with([]);
    drop(spool::claim(dir.path()).unwrap());
    write(&dir, &["a"], false);
    let shipper = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    assert!(!shipper.drained().await.complete);
    assert_eq!(sink.taken(), ["a"]);
}

#[tokio::test]
async fn failures_are_repeated_until_they_pass() {
    let dir = prepared();
    let sink = Scripted::with([
        SinkError::Retry("no connection".to_owned()),
        SinkError::Gone("no group".to_owned()),
        SinkError::Retry("throttled".to_owned()),
    ]);
    write(&dir, &["a"], true);
    let shipper = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    assert_eq!(
        shipper.drained().await,
        Drained {
            complete: true,
            ..Drained::default()
        }
    );
    assert_eq!(sink.taken(), ["a"]);
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped_and_counted() {
    let dir = prepared();
    write(&dir, &["bad", "worse"], false);
    let sink = Scripted::with([SinkError::Rejected("too old".to_owned())]);
    let shipper = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    // A new segment, so that these lines are a batch of their own whenever the first was read.
    write(&dir, &["good"], true);
    assert_eq!(
        shipper.drained().await,
        Drained {
            complete: true,
            lost_records: 0,
            rejected_events: 2
        }
    );
    assert_eq!(sink.taken(), ["good"]);
}

#[tokio::test]
async fn the_next_shipper_goes_on_where_the_last_one_was_dropped() {
    let dir = prepared();
    let sink = Scripted::with([]);
    write(&dir, &["a"], false);
    let first = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    first.drained().await;
    drop(first);
    write(&dir, &["b"], true);
    let second = Shipper::start(dir.path(), sink.clone(), quick()).unwrap();
    assert!(second.drained().await.complete);
    assert_eq!(sink.taken(), ["a", "b"]);
}

#[test]
fn repetitions_become_rarer_up_to_a_limit_and_never_all_at_once() {
    let pace = Pace::default();
    let pauses = [0, 1, 2, 6, 7, 40, u32::MAX].map(|attempt| pace.retry_after(attempt).as_millis());
    assert_eq!(pauses, [100, 200, 400, 6400, 10_000, 10_000, 10_000]);
    for _ in 0..100 {
        let pause = jittered(Duration::from_secs(10));
        assert!((Duration::from_secs(5)..=Duration::from_secs(10)).contains(&pause));
    }
}
