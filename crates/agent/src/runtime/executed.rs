//! Whether a container's own program was ever executed. Only runc's files tell: who starts a container may be killed
//! between any two of runc's steps, and then containerd's word for it is a guess.
//!
//! runc makes the container with its init waiting to write to a FIFO, `exec.fifo`. Starting opens the FIFO for reading;
//! init writes one byte, and executes the program; the FIFO is removed. If the starter dies after it has opened the FIFO,
//! init cannot write, and ends with exit code 1 as if the program had. Writing, and nothing else, changes the FIFO's
//! modification time.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Where the shim keeps runc's state, whichever containerd it serves: `<namespace>/<container>`.
const RUNC_STATE: &str = "/run/containerd/runc";

/// Whether the program of container `id` was executed; nothing where that cannot be told.
pub(super) fn was_executed(namespace: &str, id: &str) -> Option<bool> {
    look(&Path::new(RUNC_STATE).join(namespace).join(id))
}

fn look(state: &Path) -> Option<bool> {
    if !state.join("state.json").is_file() {
        return None;
    }
    match fs::symlink_metadata(state.join("exec.fifo")) {
        Ok(fifo) => Some(fifo.modified().ok()? > fifo.created().ok()?),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(true),
        Err(_unreadable) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::path::PathBuf;

    use nix::libc::O_NONBLOCK;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    /// A state directory as runc makes it, on a file system of the same kind.
    fn state() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        fs::write(dir.path().join("state.json"), "{}").unwrap();
        let fifo = dir.path().join("exec.fifo");
        mkfifo(&fifo, Mode::from_bits_truncate(0o622)).unwrap();
        (dir, fifo)
    }

    #[test]
    fn a_start_that_was_broken_off_is_told_from_one_that_was_not() {
        let (dir, fifo) = state();
        assert_eq!(look(dir.path()), Some(false), "nobody has started it");
        // The kernel's time moves on in ticks.
        let made = fs::metadata(&fifo).unwrap().created().unwrap();
        let other = dir.path().join("clock");
        while fs::write(&other, "")
            .map(|()| fs::metadata(&other).unwrap().modified().unwrap())
            .unwrap()
            <= made
        {}

        let open = || {
            OpenOptions::new()
                .read(true)
                .custom_flags(O_NONBLOCK)
                .open(&fifo)
                .unwrap()
        };
        let starter = open();
        let mut init = OpenOptions::new().write(true).open(&fifo).unwrap();
        drop(starter);
        assert!(init.write_all(b"0").is_err(), "nobody reads any more");
        assert_eq!(
            look(dir.path()),
            Some(false),
            "the starter died before init could write"
        );

        let mut starter = open();
        init.write_all(b"0").unwrap();
        assert_eq!(look(dir.path()), Some(true), "init has written");
        let mut byte = [0];
        starter.read_exact(&mut byte).unwrap();
        assert_eq!(
            look(dir.path()),
            Some(true),
            "the starter died before it removed the FIFO"
        );
        fs::remove_file(&fifo).unwrap();
        assert_eq!(look(dir.path()), Some(true));
    }

    #[test]
    fn without_the_state_of_runc_nothing_is_known() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(dir.path()), None);
        assert_eq!(look(&dir.path().join("gone")), None);
    }
}
