//! Named network namespaces: files under one directory, each with a namespace mounted on it.
//!
//! A namespace lives as long as its mount, without any process in it, so it outlives the agent and can be given to a
//! container runtime by path. Everything here changes the namespace of the calling thread and changes it back, so it
//! must run on the network worker's own thread.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{NSFS_MAGIC, statfs};

use super::sysctl;
use super::{NetError, names};

const OF_THIS_THREAD: &str = "/proc/thread-self/ns/net";

/// The namespace that this thread is in now.
pub(super) fn of_this_thread() -> Result<File, NetError> {
    File::open(OF_THIS_THREAD).map_err(NetError::at("open this thread's network namespace"))
}

/// The directory of named namespaces and the namespace that the worker belongs to.
#[derive(Debug)]
pub(super) struct Namespaces {
    directory: PathBuf,
    home: File,
}

impl Namespaces {
    pub(super) fn new(directory: PathBuf) -> Result<Self, NetError> {
        Ok(Self {
            directory,
            home: of_this_thread()?,
        })
    }

    /// Where the namespace `id` is or would be mounted.
    pub(super) fn path(&self, id: &str) -> Result<PathBuf, NetError> {
        names::check_name("namespace id", id)?;
        Ok(self.directory.join(id))
    }

    /// The namespace `id`, or `None` if there is none.
    pub(super) fn open(&self, id: &str) -> Result<Option<File>, NetError> {
        let path = self.path(id)?;
        if !is_namespace(&path) {
            return Ok(None);
        }
        File::open(&path)
            .map(Some)
            .map_err(NetError::at(format!("open the network namespace {id}")))
    }

    /// Makes the namespace `id`. Call it only when `open` found none.
    pub(super) fn create(&self, id: &str) -> Result<File, NetError> {
        let path = self.path(id)?;
        self.mount_new(&path)
            .map_err(NetError::at(format!("make the network namespace {id}")))?;
        File::open(&path).map_err(NetError::at(format!("open the network namespace {id}")))
    }

    fn mount_new(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        unshare(CloneFlags::CLONE_NEWNET)?;
        let made = furnish().and_then(|()| {
            Ok(mount(
                Some(OF_THIS_THREAD),
                path,
                None::<&str>,
                MsFlags::MS_BIND,
                None::<&str>,
            )?)
        });
        self.go_home();
        made.inspect_err(|_| drop(fs::remove_file(path)))
    }

    /// Runs `op` with this thread inside `namespace`.
    pub(super) fn inside<T>(&self, namespace: &File, op: impl FnOnce() -> T) -> Result<T, NetError> {
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(NetError::at("enter a network namespace"))?;
        let result = op();
        self.go_home();
        Ok(result)
    }

    fn go_home(&self) {
        setns(&self.home, CloneFlags::CLONE_NEWNET).expect("a thread may return to the namespace that it came from");
    }

    /// Takes the name away; the kernel frees the namespace once no process is inside. Says whether there was one.
    pub(super) fn remove(&self, id: &str) -> Result<bool, NetError> {
        let path = self.path(id)?;
        let was_there = is_namespace(&path);
        if was_there {
            umount2(&path, MntFlags::MNT_DETACH).map_err(NetError::at(format!("unmount the namespace {id}")))?;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(NetError::at(format!("remove {}", path.display()))(error))
            }
            _ => Ok(was_there),
        }
    }

    /// All namespaces in order of their ids. Files without a namespace (left by a crash or a reboot) are removed.
    pub(super) fn list(&self) -> Result<Vec<String>, NetError> {
        let step = || format!("list {}", self.directory.display());
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(NetError::at(step()))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(NetError::at(step()))?;
            let Ok(id) = entry.file_name().into_string() else {
                continue;
            };
            if is_namespace(&entry.path()) {
                ids.push(id);
            } else if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                self.remove(&id)?;
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// Removes the directory itself if it is empty.
    pub(super) fn remove_directory(&self) {
        // What else lies there is not ours; then the directory stays, as it should.
        drop(fs::remove_dir(&self.directory));
    }
}

fn is_namespace(path: &Path) -> bool {
    statfs(path).is_ok_and(|of| of.filesystem_type() == NSFS_MAGIC)
}

/// Kernel parameters of a fresh namespace, set as Docker sets them: ports below 1024 and ping for every user, and IPv6
/// on the loopback interface only, because tasks have no IPv6 address.
fn furnish() -> io::Result<()> {
    sysctl::set("net/ipv4/ip_unprivileged_port_start", "0")?;
    sysctl::set("net/ipv4/ping_group_range", "0 2147483647")?;
    sysctl::set("net/ipv6/conf/default/disable_ipv6", "1")
}
