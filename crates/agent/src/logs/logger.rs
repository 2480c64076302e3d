//! The logger: a tiny process beside each container that turns its output into events in its spool.
//!
//! containerd's shim starts it for the log URI that [`logger_uri`] makes: file descriptors 3 and 4 are the container's
//! stdout and stderr, 5 says when the logger is ready, and the query's one pair arrives as two arguments (more than
//! one pair would arrive in random order, which is why the options lie in the spool instead).
//!
//! It is one thread around `poll`: no runtime, no heap to speak of. The shim keeps the pipes open until the task is
//! deleted, so the end comes then: the shim closes them, sends SIGTERM and waits 12 seconds before it kills. It ships
//! nothing and knows no network.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::event::{MAX_MESSAGE_BYTES, Source};
use super::lines::Lines;
use super::options::Mode;
use super::spool::format::{Block, Record};
use super::spool::{self, LoggerState, Writer};

/// The first argument by which the program knows that it is to be a logger.
pub const LOGGER_ARGUMENT: &str = "container-logger";

/// Where the shim puts its ends of the pipes.
const STDOUT_FD: i32 = 3;
const STDERR_FD: i32 = 4;
const READY_FD: i32 = 5;

/// A pipe holds no more than this, so one read empties it.
const READ_BYTES: usize = 64 * 1024;

/// How often a logger looks whether a full spool has room again.
const ROOM_INTERVAL_MS: u16 = 20;

/// How long a logger waits before it tries again what the disk refused.
const DISK_RETRY_MS: u16 = 1000;

/// How long after SIGTERM the pipes are still read: the shim kills after 12 seconds.
const GRACE: Duration = Duration::from_secs(9);

const URI_KEPT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The log URI for containerd: `berth` is the program that calls [`logger_main`], both paths are absolute.
#[must_use]
pub fn logger_uri(berth: &Path, spool: &Path) -> String {
    let encoded = |path: &Path| percent_encode(path.as_os_str().as_bytes(), &URI_KEPT).to_string();
    format!("binary://{}?{LOGGER_ARGUMENT}={}", encoded(berth), encoded(spool))
}

/// The whole program of a logger. `arguments` is what follows [`LOGGER_ARGUMENT`]: the spool's directory. Returns the
/// exit code. It must run before the process has other threads, because it blocks signals.
pub fn logger_main(mut arguments: impl Iterator<Item = OsString>) -> i32 {
    let (Some(spool), None) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        eprintln!("usage: berth {LOGGER_ARGUMENT} <spool directory> (started by containerd, not by people)");
        return 2;
    };
    match run(&spool) {
        Ok(()) => 0,
        Err(error) => {
            let reason = format!("the logger of {} failed: {error}", spool.display());
            eprintln!("{reason}");
            // Where even this cannot be written, the missing logger itself tells the agent.
            let _ = spool::note_logger_error(&spool, &reason);
            1
        }
    }
}

fn run(spool: &Path) -> io::Result<()> {
    let signals = block_signals()?;
    let mode = spool::options(spool)?.mode;
    end_predecessors(spool)?;
    let _lock = spool::claim(spool)?;
    let writer = Writer::open(spool, mode.buffer_bytes())?;
    let streams = [
        Stream::take(STDOUT_FD, Source::Stdout)?,
        Stream::take(STDERR_FD, Source::Stderr)?,
    ];
    say_ready()?;
    Logger {
        writer,
        mode,
        signals,
        streams,
        block: Block::default(),
        deadline: None,
    }
    .run()
}

/// Kills loggers of the same spool. A start of the container that was broken off leaves its logger behind with pipes that
/// nobody writes to and that the shim does not close; what it was to read never ran, and it would never let go of the lock.
fn end_predecessors(spool: &Path) -> io::Result<()> {
    if spool::logger_state(spool)? != LoggerState::Running {
        return Ok(());
    }
    for process in fs::read_dir("/proc")? {
        let process = process?;
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|pid| *pid != Pid::this().as_raw()) else {
            continue;
        };
        let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let mut arguments = command_line.split(|byte| *byte == 0).skip(1);
        if arguments.next() == Some(LOGGER_ARGUMENT.as_bytes())
            && arguments.next() == Some(spool.as_os_str().as_bytes())
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL); // it may have ended just now
        }
    }
    Ok(())
}

/// Nothing ends a logger but the end of its container: SIGTERM is read as news, the rest is what a terminal may send.
fn block_signals() -> io::Result<SignalFd> {
    let mut blocked = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        blocked.add(signal);
    }
    blocked.thread_block()?;
    let mut awaited = SigSet::empty();
    awaited.add(Signal::SIGTERM);
    Ok(SignalFd::with_flags(
        &awaited,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

/// Takes over a descriptor that the process was started with. Opening it anew through /proc gives an owned handle of
/// the same pipe without unsafe code.
fn inherited(fd: i32, writable: bool) -> io::Result<File> {
    let file = File::options()
        .read(!writable)
        .write(writable)
        .open(format!("/proc/self/fd/{fd}"))?;
    nix::unistd::close(fd)?;
    Ok(file)
}

/// The shim waits for a byte or for the end of this pipe.
fn say_ready() -> io::Result<()> {
    inherited(READY_FD, true)?.write_all(b"1")
}

/// One of the container's outputs.
#[derive(Debug)]
struct Stream {
    source: Source,
    /// None once the pipe has ended.
    pipe: Option<File>,
    lines: Lines,
}

impl Stream {
    fn take(fd: i32, source: Source) -> io::Result<Self> {
        Ok(Self {
            source,
            pipe: Some(inherited(fd, false)?),
            lines: Lines::new(MAX_MESSAGE_BYTES),
        })
    }

    /// Reads once, which does not wait when `poll` found the pipe readable.
    fn read(&mut self, buffer: &mut [u8], block: &mut Block) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pipe that cannot be read has ended as well.
            Ok(0) | Err(_) => self.finish(block),
            Ok(count) => {
                let timestamp_ms = now_ms();
                let source = self.source;
                self.lines.feed(&buffer[..count], &mut |text| {
                    block.push(Record::Message {
                        timestamp_ms,
                        source,
                        text,
                    });
                });
            }
        }
    }

    fn finish(&mut self, block: &mut Block) {
        self.pipe = None;
        let (timestamp_ms, source) = (now_ms(), self.source);
        self.lines.finish(&mut |text| {
            block.push(Record::Message {
                timestamp_ms,
                source,
                text,
            })
        });
    }
}

#[derive(Debug)]
struct Logger {
    writer: Writer,
    mode: Mode,
    signals: SignalFd,
    streams: [Stream; 2],
    /// Records that are not in the spool yet.
    block: Block,
    /// When reading ends, once SIGTERM has come.
    deadline: Option<Instant>,
}

impl Logger {
    fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        while self.streams.iter().any(|stream| stream.pipe.is_some()) && !self.is_over() {
            self.wait_for_room()?;
            let readable = self.wait_for_output()?;
            for (stream, readable) in self.streams.iter_mut().zip(readable) {
                if readable {
                    stream.read(&mut buffer, &mut self.block);
                }
            }
            self.write()?;
        }
        for stream in &mut self.streams {
            stream.finish(&mut self.block);
        }
        self.block.push(Record::End);
        self.write()
    }

    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// In mode `blocking` nothing is read while the spool is full, so the container's writes wait. After SIGTERM the
    /// little that is left in the pipes is taken in any case: the shim will not wait for the shipper.
    fn wait_for_room(&mut self) -> io::Result<()> {
        while self.deadline.is_none() && matches!(self.mode, Mode::Blocking { .. }) && self.writer.is_full()? {
            self.pause(ROOM_INTERVAL_MS)?;
        }
        Ok(())
    }

    /// Waits, but not beyond the coming of SIGTERM.
    fn pause(&mut self, interval_ms: u16) -> io::Result<()> {
        poll_readable(&[self.signals.as_fd()], PollTimeout::from(interval_ms))?;
        self.take_signals()
    }

    /// Waits until something is to be read, or SIGTERM or its deadline comes. Says which streams are readable.
    fn wait_for_output(&mut self) -> io::Result<[bool; 2]> {
        let timeout = match self.deadline {
            None => PollTimeout::NONE,
            Some(deadline) => PollTimeout::try_from(deadline.saturating_duration_since(Instant::now()))
                .expect("the grace is short enough for poll"),
        };
        let open = |stream: &Stream| stream.pipe.is_some();
        let pipes = self.streams.iter().filter_map(|stream| stream.pipe.as_ref());
        let mut fds = vec![self.signals.as_fd()];
        fds.extend(pipes.map(File::as_fd));
        let mut readable = poll_readable(&fds, timeout)?.into_iter().skip(1);
        let readable = [0, 1].map(|at| open(&self.streams[at]) && readable.next().unwrap_or(false));
        self.take_signals()?;
        Ok(readable)
    }

    fn take_signals(&mut self) -> io::Result<()> {
        while self.signals.read_signal()?.is_some() {
            self.deadline.get_or_insert_with(|| Instant::now() + GRACE);
        }
        Ok(())
    }

    /// Brings the block into the spool. When the disk refuses it, mode `blocking` tries until it succeeds, and the
    /// container waits meanwhile; mode `non-blocking` drops it.
    fn write(&mut self) -> io::Result<()> {
        while self.block.records() > 0 && self.try_write().is_err() {
            match self.mode {
                Mode::Blocking { .. } if !self.is_over() => self.pause(DISK_RETRY_MS)?,
                Mode::Blocking { .. } | Mode::NonBlocking { .. } => {
                    self.writer.skip(self.block.records());
                    self.block.clear();
                }
            }
        }
        Ok(())
    }

    fn try_write(&mut self) -> io::Result<()> {
        self.writer.append(&mut self.block)?;
        match self.mode {
            Mode::Blocking { .. } => Ok(()),
            Mode::NonBlocking { .. } => self.writer.drop_oldest(),
        }
    }
}

/// Which of the descriptors can be read or have ended; none when a signal interrupts or the time is over.
fn poll_readable(fds: &[BorrowedFd<'_>], timeout: PollTimeout) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    match poll(&mut polled, timeout) {
        Ok(_) => Ok(polled.iter().map(|fd| fd.any().unwrap_or(true)).collect()),
        Err(Errno::EINTR) => Ok(vec![false; fds.len()]),
        Err(error) => Err(error.into()),
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).expect("the year is below 292 million")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_one_pair_so_that_the_arguments_keep_their_order() {
        let uri = logger_uri(
            Path::new("/opt/my berth/berth"),
            Path::new("/var/lib/berth/logs/a?b&c=d%"),
        );
        assert_eq!(
            uri,
            "binary:///opt/my%20berth/berth?container-logger=/var/lib/berth/logs/a%3Fb%26c%3Dd%25"
        );
    }

    #[test]
    fn without_its_one_argument_it_refuses() {
        assert_eq!(logger_main(std::iter::empty()), 2);
        assert_eq!(logger_main(["a", "b"].into_iter().map(OsString::from)), 2);
    }
}
