//! Takes a private containerd away and leaves nothing behind: containers, shims, mounts, sockets.
//! Its images stay on disk, so that the next start need not pull them again.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::connection::Containerd;
use super::daemon::{ContainerdConfig, PrivateDaemon, SocketChoice, answers, end_process};
use super::error::RuntimeError;

/// The shim's fixed places outside of our directories: runc's state, and sockets.
const SHIM_RUN_DIR: &str = "/run/containerd";

/// Ends every container of the private containerd in `config.data_dir`, then itself, and unmounts
/// what is left. Nothing to stop is success.
pub async fn stop_private(config: &ContainerdConfig) -> Result<(), RuntimeError> {
    let daemon = config.private();
    if !daemon.dir.exists() {
        return Ok(());
    }
    if answers(&daemon.socket()).await.is_ok() {
        destroy_containers(config).await;
    }
    if let Some(pid) = daemon.running_pid() {
        end_process(pid, Signal::SIGTERM).await;
    }
    end_shims(&daemon).await;
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
    let destroy_all = async {
        let containerd = Containerd::connect_or_start(&private).await?;
        let containers = containerd.list().await?;
        let ends = containers.iter().map(|container| containerd.destroy(&container.id));
        join_all(ends).await.into_iter().collect::<Result<(), RuntimeError>>()
    };
    if let Err(error) = destroy_all.await {
        tracing::warn!(%error, "containers that containerd cannot remove are killed");
    }
}

/// Shims that outlived the orderly way, and the containers below them.
async fn end_shims(daemon: &PrivateDaemon) {
    let socket = daemon.socket();
    let processes = processes();
    let shims = processes.iter().filter(|process| process.is_shim_of(&socket));
    for shim in shims {
        for child in processes.iter().filter(|process| process.parent == shim.pid) {
            let _ = kill(child.pid, Signal::SIGKILL);
        }
        end_process(shim.pid, Signal::SIGKILL).await;
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
fn unmount_below(dir: &Path) -> Result<(), RuntimeError> {
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
    let run = Path::new(SHIM_RUN_DIR);
    for empty in [
        run.join("runc").join(namespace),
        run.join("runc"),
        run.join("s"),
        run.to_owned(),
    ] {
        let _ = fs::remove_dir(empty); // refused while somebody else's containers use it
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
