//! Takes away what the runtime has put on the host: containers, and with a private containerd its
//! shims, mounts and sockets too.
//! Its images stay on disk, so that the next start need not pull them again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::connection::Containerd;
use super::daemon::{Backing, ContainerdConfig, PrivateDaemon, SocketChoice, answers, end_process};
use super::error::RuntimeError;

/// The shim's fixed places outside of our directories: runc's state, and sockets.
const SHIM_RUN_DIR: &str = "/run/containerd";

impl Containerd {
    /// Ends every container of ours, and containerd itself if it is private. Nothing brings it back:
    /// whoever still waits for a container of this connection gets an error.
    pub async fn shut_down(&self) -> Result<(), RuntimeError> {
        match &self.inner.backing {
            Backing::Host(_) => self.destroy_all().await,
            Backing::Private(_) => {
                self.inner.closed.store(true, Ordering::Relaxed);
                stop_private(&self.inner.config).await
            }
        }
    }

    async fn destroy_all(&self) -> Result<(), RuntimeError> {
        let containers = self.list().await?;
        let ends = containers.iter().map(|container| self.destroy(&container.id));
        join_all(ends).await.into_iter().collect()
    }
}

/// Ends every container that the data directory knows, on the host's containerd or on a private one,
/// which is stopped too. For use without an agent; nothing to clean is success.
pub async fn clean_up(config: &ContainerdConfig) -> Result<(), RuntimeError> {
    match Backing::remembered(config) {
        Some(Backing::Host(socket)) => {
            let socket = SocketChoice::Host(socket);
            let host = ContainerdConfig {
                socket,
                ..config.clone()
            };
            Containerd::connect_or_start(&host).await?.destroy_all().await?;
            remove_empty_shim_dirs(&config.namespace);
            Ok(())
        }
        Some(Backing::Private(_)) | None => stop_private(config).await,
    }
}

/// Ends every container of the private containerd in `config.data_dir`, then itself, and unmounts
/// what is left. Nothing to stop is success.
pub async fn stop_private(config: &ContainerdConfig) -> Result<(), RuntimeError> {
    let daemon = config.private();
    if !daemon.dir.exists() {
        return Ok(());
    }
    // A dead daemon is started once more for containers that still run: it removes them cleanly.
    let has_shims = processes().iter().any(|process| process.is_shim_of(&daemon.socket()));
    if has_shims || answers(&daemon.socket()).await.is_ok() {
        destroy_containers(config).await;
    }
    if let Some(pid) = daemon.running_pid() {
        end_process(pid, Signal::SIGTERM).await;
    }
    end_shims(&daemon.socket(), None).await;
    remove_shim_state(&daemon, &config.namespace);
    let real_dir = fs::canonicalize(&daemon.dir).unwrap_or_else(|_gone| daemon.dir.clone());
    unmount_below(&real_dir)?;
    remove_traces(&daemon, &config.namespace);
    Ok(())
}

/// As far as containerd can: what it cannot, is ended by force afterwards.
async fn destroy_containers(config: &ContainerdConfig) {
    let private = ContainerdConfig {
        socket: SocketChoice::Private,
        ..config.clone()
    };
    let destroyed = match Containerd::connect_or_start(&private).await {
        Ok(containerd) => containerd.destroy_all().await,
        Err(error) => Err(error),
    };
    if let Err(error) = destroyed {
        tracing::warn!(%error, "containers that containerd cannot remove are killed");
    }
}

/// Kills shims that outlived the orderly way, and the containers below them: all that serve the containerd at `socket`, or
/// only the one that was started for a container.
pub(super) async fn end_shims(socket: &Path, container: Option<&str>) {
    let processes = processes();
    let shims = processes.iter().filter(|process| process.is_shim_of(socket));
    let meant = |shim: &&RunningProcess| container.is_none_or(|id| shim.has_argument(id));
    for shim in shims.filter(meant) {
        for child in processes.iter().filter(|process| process.parent == shim.pid) {
            end_process(child.pid, Signal::SIGKILL).await;
        }
        end_process(shim.pid, Signal::SIGKILL).await;
    }
}

/// Ends what runc has made of a container whose shim is gone, and removes what it keeps of it. There may be nothing.
pub(super) async fn end_runc(namespace: &str, container: &str) {
    let root = Path::new(SHIM_RUN_DIR).join("runc").join(namespace);
    let mut runc = tokio::process::Command::new("runc");
    runc.arg("--root").arg(root).args(["delete", "--force", container]);
    if let Err(error) = runc.kill_on_drop(true).output().await {
        tracing::warn!(container, %error, "runc cannot be called");
    }
}

/// What shims keep outside of our directories, for each container that was not removed orderly:
/// its bundle names the socket.
fn remove_shim_state(daemon: &PrivateDaemon, namespace: &str) {
    let bundles = daemon.dir.join("state/io.containerd.runtime.v2.task").join(namespace);
    for bundle in fs::read_dir(bundles).into_iter().flatten().flatten() {
        let address = fs::read_to_string(bundle.path().join("address")).unwrap_or_default();
        if let Some(socket) = address.trim().strip_prefix("unix://") {
            let _ = fs::remove_file(socket); // containers of one group share one
        }
        let runc_state = Path::new(SHIM_RUN_DIR)
            .join("runc")
            .join(namespace)
            .join(bundle.file_name());
        let _ = fs::remove_dir_all(runc_state); // there is none if runc never ran
    }
}

struct RunningProcess {
    pid: Pid,
    parent: Pid,
    arguments: Vec<Vec<u8>>,
}

impl RunningProcess {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(") ")?;
        let parent = after_name.split(' ').nth(1)?.parse().ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some(Self {
            pid: Pid::from_raw(pid),
            parent: Pid::from_raw(parent),
            arguments: command_line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
        })
    }

    fn is_shim_of(&self, socket: &Path) -> bool {
        let [program, arguments @ ..] = self.arguments.as_slice() else {
            return false;
        };
        String::from_utf8_lossy(program).contains("containerd-shim")
            && arguments
                .iter()
                .any(|argument| argument == socket.as_os_str().as_encoded_bytes())
    }

    fn has_argument(&self, wanted: &str) -> bool {
        self.arguments.iter().any(|argument| argument == wanted.as_bytes())
    }
}

fn processes() -> Vec<RunningProcess> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(RunningProcess::read)
        .collect()
}

/// Innermost mounts first.
pub(super) fn unmount_below(dir: &Path) -> Result<(), RuntimeError> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| RuntimeError::io("read /proc/self/mountinfo", error))?;
    let mut points: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(unescape(point)))
        .filter(|point| point.starts_with(dir))
        .collect();
    points.reverse();
    for point in points {
        umount2(&point, MntFlags::MNT_DETACH)
            .map_err(|error| RuntimeError::io(format!("unmount {}", point.display()), error.into()))?;
    }
    Ok(())
}

/// The kernel writes blanks and backslashes in paths as `\ooo`.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .into_iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

/// Files that say "a daemon is here", and directories that are empty now.
fn remove_traces(daemon: &PrivateDaemon, namespace: &str) {
    let socket = daemon.socket();
    let ttrpc = PathBuf::from(format!("{}.ttrpc", socket.display()));
    for file in [socket, ttrpc, daemon.pid_file(), daemon.choice_file()] {
        let _ = fs::remove_file(file);
    }
    remove_empty_shim_dirs(namespace);
}

/// What still holds something is somebody else's, and stays.
fn remove_empty_shim_dirs(namespace: &str) {
    let run = Path::new(SHIM_RUN_DIR);
    for dir in [run.join("runc").join(namespace), run.join("runc"), run.join("s")] {
        let _ = fs::remove_dir(dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_with_blanks_are_understood() {
        assert_eq!(unescape("/a\\040b\\134c"), "/a b\\c");
    }

    #[test]
    fn this_process_is_nobody_s_shim() {
        let own = RunningProcess::read(std::process::id().cast_signed()).unwrap();
        assert!(!own.is_shim_of(Path::new("/run/x.sock")));
        assert_eq!(own.parent, Pid::parent());
    }

    #[tokio::test]
    async fn nothing_to_stop_is_success() {
        let dir = tempfile::tempdir().unwrap();
        stop_private(&ContainerdConfig::new(dir.path())).await.unwrap();
    }
}
