//! The logger as containerd's shim runs it: a process of its own with the container's pipes on descriptors 3 and 4 and
//! the ready pipe on 5. This program is both: with the logger's argument it is the logger, without it runs the tests.
//!
//! It has no test harness, because the logger must be the only thread of its process.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is a test; without the harness clippy cannot know"
)]

use std::ffi::OsString;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use berth_agent::logs::spool::{self, LoggerState, Reader};
use berth_agent::logs::{
    Destination, LOGGER_ARGUMENT, LogEvent, LogOptions, LogSink, MAX_MESSAGE_BYTES, Mode, Pace, Shipper, SinkError,
    Source, logger_main,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const TESTS: [(&str, fn()); 12] = [
    (
        "both_outputs_arrive_with_times_and_an_end",
        both_outputs_arrive_with_times_and_an_end,
    ),
    ("ready_comes_when_the_logger_lives", ready_comes_when_the_logger_lives),
    (
        "a_logger_that_was_left_behind_makes_way",
        a_logger_that_was_left_behind_makes_way,
    ),
    (
        "lines_too_long_for_an_event_are_cut",
        lines_too_long_for_an_event_are_cut,
    ),
    (
        "sigterm_does_not_end_it_before_the_pipes",
        sigterm_does_not_end_it_before_the_pipes,
    ),
    (
        "blocking_mode_makes_the_container_wait_and_loses_nothing",
        blocking_mode_makes_the_container_wait_and_loses_nothing,
    ),
    (
        "sigterm_takes_what_is_left_although_the_spool_is_full",
        sigterm_takes_what_is_left_although_the_spool_is_full,
    ),
    (
        "non_blocking_mode_never_waits_and_counts_what_it_dropped",
        non_blocking_mode_never_waits_and_counts_what_it_dropped,
    ),
    (
        "a_full_disk_makes_the_container_wait_and_loses_nothing",
        a_full_disk_makes_the_container_wait_and_loses_nothing,
    ),
    (
        "kills_of_logger_and_shipper_keep_the_order",
        kills_of_logger_and_shipper_keep_the_order,
    ),
    (
        "kills_while_lines_flow_deliver_no_garbage",
        kills_while_lines_flow_deliver_no_garbage,
    ),
    ("a_logger_without_a_spool_says_why", a_logger_without_a_spool_says_why),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(LOGGER_ARGUMENT.as_ref()) {
        return u8::try_from(logger_main(arguments)).map_or(ExitCode::FAILURE, ExitCode::from);
    }
    run_tests(first.into_iter().chain(arguments).collect())
}

/// Runs the tests whose names contain one of the words; a failure is a panic, which ends the program.
fn run_tests(arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<String> = arguments
        .into_iter()
        .filter_map(|word| word.into_string().ok())
        .collect();
    let list = words.iter().any(|word| word == "--list");
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    for (name, test) in TESTS {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        if list {
            println!("{name}: test");
        } else {
            println!("test {name} ...");
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

/// A container's side of its logger.
struct Container {
    dir: tempfile::TempDir,
    logger: Child,
    stdout: Option<PipeWriter>,
    stderr: Option<PipeWriter>,
}

impl Container {
    fn start(mode: Mode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        spool::prepare(&dir.path().join("spool"), &options(mode)).unwrap();
        let (logger, stdout, stderr, ready) = spawn_logger(&dir.path().join("spool"));
        wait_ready(ready);
        Self {
            dir,
            logger,
            stdout: Some(stdout),
            stderr: Some(stderr),
        }
    }

    fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn stdout(&self) -> &PipeWriter {
        self.stdout.as_ref().expect("the container runs")
    }

    /// The end of the container: both pipes close, and the logger follows.
    fn end(&mut self) {
        self.stdout = None;
        self.stderr = None;
        assert!(self.logger.wait().unwrap().success());
    }

    fn terminate(&self) {
        kill(Pid::from_raw(i32::try_from(self.logger.id()).unwrap()), Signal::SIGTERM).unwrap();
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.logger.kill();
        let _ = self.logger.wait();
    }
}

fn options(mode: Mode) -> LogOptions {
    LogOptions {
        destination: Destination {
            group: "g".to_owned(),
            stream: "s".to_owned(),
        },
        mode,
    }
}

/// A shell moves the pipes to 3, 4 and 5, as no safe code of ours could.
const AS_THE_SHIM: &str = "exec \"$0\" \"$@\" 3<&0 4<&1 5>&2 0</dev/null 1>/dev/null 2>/dev/null";

/// Starts the logger with pipes on 3, 4 and 5.
fn spawn_logger(spool: &Path) -> (Child, PipeWriter, PipeWriter, PipeReader) {
    spawn_logger_by(&["/bin/sh", "-c", AS_THE_SHIM], spool)
}

fn spawn_logger_by(shell: &[&str], spool: &Path) -> (Child, PipeWriter, PipeWriter, PipeReader) {
    let (stdout, container_stdout) = std::io::pipe().unwrap();
    let (stderr, container_stderr) = std::io::pipe().unwrap();
    let (ready, logger_ready) = std::io::pipe().unwrap();
    let logger = Command::new(shell[0])
        .args(&shell[1..])
        .arg(std::env::current_exe().unwrap())
        .arg(LOGGER_ARGUMENT)
        .arg(spool)
        .envs([("CONTAINER_ID", "1"), ("CONTAINER_NAMESPACE", "berth")])
        .stdin(Stdio::from(stdout))
        .stdout(Stdio::from(stderr))
        .stderr(Stdio::from(logger_ready))
        .spawn()
        .unwrap();
    (logger, container_stdout, container_stderr, ready)
}

/// What the shim does: one byte or the end of the pipe.
fn wait_ready(mut ready: PipeReader) -> usize {
    ready.read(&mut [0]).unwrap()
}

/// Reads and acknowledges all events that are there.
fn drain(reader: &mut Reader) -> Vec<LogEvent> {
    let mut found = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        found.extend_from_slice(batch.events());
        reader.ack(&batch).unwrap();
    }
    found
}

/// Waits for something that another process does; the test hangs, and says where, if that never happens.
fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if happened() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain for: {what}");
}

fn messages(events: &[LogEvent], source: Source) -> Vec<&str> {
    events
        .iter()
        .filter(|event| event.source == source)
        .map(|event| event.message.as_str())
        .collect()
}

fn both_outputs_arrive_with_times_and_an_end() {
    let mut container = Container::start(Mode::default());
    container.stdout().write_all(b"one\ntwo\n\nthree").unwrap();
    container
        .stderr
        .as_ref()
        .unwrap()
        .write_all("oops \u{20ac}\n".as_bytes())
        .unwrap();
    container.end();
    let mut reader = Reader::open(&container.spool()).unwrap();
    let events = drain(&mut reader);
    assert_eq!(messages(&events, Source::Stdout), ["one", "two", "three"]);
    assert_eq!(messages(&events, Source::Stderr), ["oops \u{20ac}"]);
    assert!(events.is_sorted_by_key(|event| event.timestamp_ms));
    assert!(
        events.iter().all(|event| event.timestamp_ms > 1_700_000_000_000),
        "milliseconds since 1970"
    );
    assert!(reader.ended());
}

fn ready_comes_when_the_logger_lives() {
    let dir = tempfile::tempdir().unwrap();
    spool::prepare(dir.path(), &options(Mode::default())).unwrap();
    assert_eq!(spool::logger_state(dir.path()).unwrap(), LoggerState::NotStarted);
    let (mut logger, stdout, stderr, ready) = spawn_logger(dir.path());
    assert_eq!(wait_ready(ready), 1);
    assert_eq!(spool::logger_state(dir.path()).unwrap(), LoggerState::Running);
    drop((stdout, stderr));
    assert!(logger.wait().unwrap().success());
    assert_eq!(spool::logger_state(dir.path()).unwrap(), LoggerState::Ended);
}

fn a_logger_that_was_left_behind_makes_way() {
    let dir = tempfile::tempdir().unwrap();
    spool::prepare(dir.path(), &options(Mode::default())).unwrap();
    let (mut left, _stdout, _stderr, ready) = spawn_logger(dir.path());
    assert_eq!(wait_ready(ready), 1);
    let (mut logger, mut stdout, stderr, ready) = spawn_logger(dir.path());
    assert_eq!(
        wait_ready(ready),
        1,
        "it is ready although the pipes of the other are open"
    );
    assert_eq!(left.wait().unwrap().signal(), Some(9));
    stdout.write_all(b"of the second\n").unwrap();
    drop((stdout, stderr));
    assert!(logger.wait().unwrap().success());
    let events = drain(&mut Reader::open(dir.path()).unwrap());
    assert_eq!(messages(&events, Source::Stdout), ["of the second"]);
}

fn lines_too_long_for_an_event_are_cut() {
    let mut container = Container::start(Mode::default());
    let long = "x".repeat(MAX_MESSAGE_BYTES + 5);
    container.stdout().write_all(long.as_bytes()).unwrap();
    container.stdout().write_all(b"\nshort\n").unwrap();
    container.end();
    let events = drain(&mut Reader::open(&container.spool()).unwrap());
    let lengths: Vec<usize> = events.iter().map(|event| event.message.len()).collect();
    assert_eq!(lengths, [MAX_MESSAGE_BYTES, 5, 5]);
}

fn sigterm_does_not_end_it_before_the_pipes() {
    let mut container = Container::start(Mode::default());
    container.terminate();
    container.terminate();
    container.stdout().write_all(b"after SIGTERM\n").unwrap();
    container.end();
    let mut reader = Reader::open(&container.spool()).unwrap();
    assert_eq!(messages(&drain(&mut reader), Source::Stdout), ["after SIGTERM"]);
    assert!(reader.ended());
}

/// Writes numbered lines until told how many; the thread blocks whenever the pipe is full.
fn write_numbers(container: &Container, count: usize) -> thread::JoinHandle<()> {
    let mut stdout = container.stdout().try_clone().unwrap();
    thread::spawn(move || {
        for number in 0..count {
            stdout.write_all(format!("{number:0>999}\n").as_bytes()).unwrap();
        }
    })
}

fn numbers(events: &[LogEvent]) -> Vec<usize> {
    events.iter().map(|event| event.message.parse().unwrap()).collect()
}

fn blocking_mode_makes_the_container_wait_and_loses_nothing() {
    let mut container = Container::start(Mode::Blocking {
        buffer_bytes: 64 * 1024,
    });
    let writer = write_numbers(&container, 2000);
    let spooled = || -> u64 {
        let files = std::fs::read_dir(container.spool()).unwrap();
        files
            .map(|file| file.unwrap().metadata().map_or(0, |metadata| metadata.len()))
            .sum()
    };
    wait_until("a full spool", || spooled() > 64 * 1024);
    let mut reader = Reader::open(&container.spool()).unwrap();
    let mut events = Vec::new();
    while events.len() < 2000 {
        assert!(spooled() < 256 * 1024, "the spool stays near its bound");
        let more = drain(&mut reader);
        if more.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        events.extend(more);
    }
    writer.join().unwrap();
    container.end();
    assert_eq!(numbers(&events), (0..2000).collect::<Vec<_>>());
    assert_eq!(reader.lost_records(), 0);
}

/// The spool lies on a disk of 256 KiB that only the logger's mount namespace has; it goes with the logger.
fn a_full_disk_makes_the_container_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    spool::prepare(dir.path(), &options(Mode::default())).unwrap();
    let mount = "o=$(cat \"$2/options.json\") && mount -t tmpfs -o size=256k tmpfs \"$2\" && \
                 echo \"$o\" >\"$2/options.json\" && ";
    let script = format!("{mount}{AS_THE_SHIM}");
    let (logger, stdout, stderr, ready) =
        spawn_logger_by(&["/usr/bin/unshare", "--mount", "/bin/sh", "-c", &script], dir.path());
    assert_eq!(wait_ready(ready), 1);
    let seen = PathBuf::from(format!("/proc/{}/root{}", logger.id(), dir.path().display()));
    let mut container = Container {
        dir,
        logger,
        stdout: Some(stdout),
        stderr: Some(stderr),
    };
    let writer = write_numbers(&container, 600);
    wait_until("a full disk", || {
        nix::sys::statvfs::statvfs(&seen).unwrap().blocks_available() == 0
    });
    let mut reader = Reader::open(&seen).unwrap();
    let mut events = Vec::new();
    wait_until("all lines", || {
        while let Some(batch) = reader.next_batch().unwrap() {
            events.extend_from_slice(batch.events());
            // The note of how far it came finds no room either; this reader knows nevertheless.
            let _ = reader.ack(&batch);
        }
        events.len() == 600
    });
    writer.join().unwrap();
    assert_eq!(numbers(&events), (0..600).collect::<Vec<_>>());
    assert_eq!((reader.lost_records(), reader.torn_bytes()), (0, 0));
    container.end();
}

fn sigterm_takes_what_is_left_although_the_spool_is_full() {
    let mut container = Container::start(Mode::Blocking {
        buffer_bytes: 64 * 1024,
    });
    let writer = write_numbers(&container, 500);
    wait_until("a full spool", || {
        let files = std::fs::read_dir(container.spool()).unwrap();
        files
            .map(|file| file.unwrap().metadata().map_or(0, |metadata| metadata.len()))
            .sum::<u64>()
            > 64 * 1024
    });
    assert!(!writer.is_finished(), "nobody ships, so the container waits");
    container.terminate();
    writer.join().unwrap();
    container.end();
    let events = drain(&mut Reader::open(&container.spool()).unwrap());
    assert_eq!(numbers(&events), (0..500).collect::<Vec<_>>());
}

fn non_blocking_mode_never_waits_and_counts_what_it_dropped() {
    let mut container = Container::start(Mode::NonBlocking {
        max_buffer_bytes: 64 * 1024,
    });
    write_numbers(&container, 2000).join().unwrap();
    container.end();
    let mut reader = Reader::open(&container.spool()).unwrap();
    let events = drain(&mut reader);
    let lost = usize::try_from(reader.lost_records()).unwrap();
    assert!(lost > 1000, "2 MB do not fit into 64 KiB");
    assert_eq!(numbers(&events), (lost..2000).collect::<Vec<_>>());
    assert!(reader.ended());
}

/// Remembers all that it took, as CloudWatch Logs does.
#[derive(Default)]
struct Memory(Mutex<Vec<LogEvent>>);

impl LogSink for Memory {
    async fn put(&self, _: &Destination, events: &[LogEvent]) -> Result<(), SinkError> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// Three loggers one after the other, two of them killed, and a shipper that dies and comes again: what the pipes had
/// given to a logger arrives in order, nothing twice, and the last line is there when all is drained.
fn kills_of_logger_and_shipper_keep_the_order() {
    let dir = tempfile::tempdir().unwrap();
    spool::prepare(dir.path(), &options(Mode::default())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let sink = Arc::new(Memory::default());
    let taken = || sink.0.lock().unwrap().len();
    let mut written = 0;
    for killed in [true, true, false] {
        let (mut logger, mut stdout, stderr, ready) = spawn_logger(dir.path());
        wait_ready(ready);
        for _ in 0..50 {
            stdout.write_all(format!("{written}\n").as_bytes()).unwrap();
            written += 1;
        }
        runtime.block_on(async {
            // Dropped at the end of the block, wherever it is by then.
            let _shipper = Shipper::start(dir.path(), sink.clone(), Pace::default()).unwrap();
            while taken() < written {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        if killed {
            logger.kill().unwrap();
        } else {
            stdout.write_all(b"150").unwrap();
        }
        drop((stdout, stderr));
        assert_eq!(logger.wait().unwrap().success(), !killed);
    }
    let drained = runtime.block_on(async {
        let shipper = Shipper::start(dir.path(), sink.clone(), Pace::default()).unwrap();
        shipper.drained().await
    });
    assert!(drained.complete);
    assert_eq!(numbers(&sink.0.lock().unwrap()), (0..=150).collect::<Vec<_>>());
}

/// A logger may be killed at any point of its work: what is read afterwards are whole lines, in order, none twice.
fn kills_while_lines_flow_deliver_no_garbage() {
    let dir = tempfile::tempdir().unwrap();
    spool::prepare(dir.path(), &options(Mode::default())).unwrap();
    let mut events = Vec::new();
    let mut reader = Reader::open(dir.path()).unwrap();
    for round in 0..10 {
        // What the last logger left is not this one's.
        events.extend(drain(&mut reader));
        let enough = events.len() + 10 * round;
        let (mut logger, mut stdout, _stderr, ready) = spawn_logger(dir.path());
        wait_ready(ready);
        let writer = thread::spawn(move || {
            let lines = (round * 1_000_000..).map(|number: usize| format!("{number:0>999}\n"));
            // Ends when the logger is dead.
            lines
                .map(|line| stdout.write_all(line.as_bytes()))
                .take_while(Result::is_ok)
                .count()
        });
        wait_until("some lines", || {
            events.extend(drain(&mut reader));
            events.len() > enough
        });
        logger.kill().unwrap();
        logger.wait().unwrap();
        assert!(writer.join().unwrap() > 10 * round);
    }
    events.extend(drain(&mut reader));
    assert!(numbers(&events).is_sorted_by(|earlier, later| earlier < later));
    assert!(events.iter().all(|event| event.message.len() == 999));
    assert_eq!(reader.lost_records(), 0);
}

fn a_logger_without_a_spool_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (mut logger, _stdout, _stderr, ready) = spawn_logger(dir.path());
    assert_eq!(wait_ready(ready), 0, "the shim sees the end of the pipe, not a byte");
    assert_eq!(logger.wait().unwrap().code(), Some(1));
    assert_eq!(spool::logger_state(dir.path()).unwrap(), LoggerState::NotStarted);
    let reason = spool::logger_error(dir.path()).unwrap();
    assert!(reason.contains("No such file"), "{reason}");
}
