//! Runs a short program to its end: what it is given, what it says, and a time that it may not exceed, whatever it waits
//! for.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// How a program has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) pid: u32,
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs `command` with `input`. It runs where the calling thread is, in its network namespace too. One that still has its
/// output open after `limit` is killed.
pub(super) fn finish(command: &mut Command, input: &[u8], limit: Duration) -> io::Result<Finished> {
    // Files for all but one pipe: the two sides cannot block each other.
    let mut stdin = in_memory(c"input")?;
    stdin.write_all(input)?;
    stdin.rewind()?;
    let mut stderr = in_memory(c"complaints")?;
    command.stdin(stdin).stdout(Stdio::piped()).stderr(stderr.try_clone()?);
    let mut child = command.spawn()?;
    let pipe = child.stdout.take().expect("its output is piped");
    let stdout = match read_all(pipe, Instant::now() + limit) {
        Ok(stdout) => stdout,
        Err(error) => {
            end(child);
            return Err(error);
        }
    };
    let status = child.wait()?;
    let mut complaints = Vec::new();
    stderr.rewind()?;
    stderr.read_to_end(&mut complaints)?;
    Ok(Finished {
        pid: child.id(),
        status,
        stdout,
        stderr: complaints,
    })
}

fn in_memory(name: &CStr) -> io::Result<File> {
    Ok(memfd_create(name, MFdFlags::MFD_CLOEXEC)?.into())
}

fn read_all(mut pipe: ChildStdout, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, patience)? == 0 && left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if ready[0].any() != Some(true) {
            continue;
        }
        match pipe.read(&mut piece)? {
            0 => return Ok(text),
            length => text.extend_from_slice(&piece[..length]),
        }
    }
}

/// Ends a child that is late. One that hangs in the kernel is not waited for.
fn end(mut child: Child) {
    let killed = child.kill();
    thread::spawn(move || child.wait());
    if let Err(error) = killed {
        tracing::warn!(%error, "a program that is late cannot be killed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_hears_and_says_much() {
        let input = vec![b'x'; 1 << 20];
        let done = finish(
            Command::new("sh").args(["-c", "cat; echo oh >&2; exit 3"]),
            &input,
            LONG,
        )
        .unwrap();
        assert_eq!(
            (done.status.code(), done.stderr.as_slice()),
            (Some(3), b"oh\n".as_slice())
        );
        assert!(done.stdout == input && done.pid > 0);
        assert!(finish(&mut Command::new("/no/such/program"), b"", LONG).is_err());
    }

    #[test]
    fn a_program_that_is_late_is_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$; exec sleep 1000"]);
        let error = finish(&mut command, b"", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
