//! Which containerd serves us: the host's when it answers, else a private one in the data
//! directory, which outlives the agent together with its containers.
//!
//! The first choice is remembered in the data directory: containers must be found again after a
//! restart, even if the host's containerd came or went meanwhile. Stopping stands in `cleanup`.

use std::fs::{self, OpenOptions};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use containerd_client::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest as _, Sha256};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::error::RuntimeError;

/// Where distributions put the host's socket.
const HOST_SOCKET: &str = "/run/containerd/containerd.sock";
const DEFAULT_DATA_DIR: &str = "/var/lib/berth";
/// Programs are looked for here besides PATH: service managers often leave sbin out.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// sun_path holds 108 bytes with its end; containerd appends `.ttrpc`.
const MAX_SOCKET_PATH_BYTES: usize = 101;
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a containerd is started that somebody kills before it answers.
const STARTS: u32 = 5;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_LOG_BYTES: u64 = 16 << 20;

/// How to reach containerd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerdConfig {
    /// The agent's data directory; a private containerd lives in its `containerd`.
    pub data_dir: PathBuf,
    /// Which containerd to use.
    pub socket: SocketChoice,
    /// The containerd namespace that holds our containers and images.
    pub namespace: String,
    /// How long a shim may take at first to create a task; twice as long at every further attempt. A shim whose start was
    /// broken off, because the agent was killed, takes connections and never answers: containerd waits for it for ever. On
    /// a machine that starts a hundred containers at once a sound one takes several seconds.
    pub shim_patience: Duration,
}

/// What is enough for every sound shim.
const SHIM_PATIENCE: Duration = Duration::from_secs(20);

/// Which containerd to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketChoice {
    /// The one used before; else the host's if it answers; else a private one.
    Auto,
    /// The one that listens here.
    Host(PathBuf),
    /// A private one, whatever the host has.
    Private,
}

impl ContainerdConfig {
    /// The automatic choice for a data directory, in a namespace of its own.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = absolute(&data_dir.into());
        Self {
            namespace: namespace_of(&data_dir),
            socket: SocketChoice::Auto,
            data_dir,
            shim_patience: SHIM_PATIENCE,
        }
    }

    pub(super) fn private(&self) -> PrivateDaemon {
        PrivateDaemon {
            dir: absolute(&self.data_dir).join("containerd"),
        }
    }
}

/// The daemon does not share our working directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_empty| path.to_owned())
}

/// `berth` for the default data directory, `berth-<hash>` for any other, so that two Berths on
/// one machine never touch each other's containers.
pub fn namespace_of(data_dir: &Path) -> String {
    if data_dir == Path::new(DEFAULT_DATA_DIR) {
        return "berth".to_owned();
    }
    let hash = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    format!("berth-{}", hex::encode(&hash[..4]))
}

/// The containerd that was chosen.
#[derive(Debug, Clone)]
pub(super) enum Backing {
    Host(PathBuf),
    Private(PrivateDaemon),
}

impl Backing {
    pub(super) fn socket(&self) -> PathBuf {
        match self {
            Self::Host(socket) => socket.clone(),
            Self::Private(daemon) => daemon.socket(),
        }
    }

    /// Chooses, and remembers the choice.
    pub(super) async fn choose(config: &ContainerdConfig) -> Result<Self, RuntimeError> {
        let chosen = match &config.socket {
            SocketChoice::Host(socket) => Self::Host(socket.clone()),
            SocketChoice::Private => Self::Private(config.private()),
            SocketChoice::Auto => match Self::remembered(config) {
                Some(before) => before,
                None if answers(Path::new(HOST_SOCKET)).await.is_ok() => Self::Host(PathBuf::from(HOST_SOCKET)),
                None => Self::Private(config.private()),
            },
        };
        chosen.make_answer().await?;
        let record = config.private().choice_file();
        write(&record, &chosen.socket().display().to_string())?;
        Ok(chosen)
    }

    /// The choice of before, in this data directory.
    pub(super) fn remembered(config: &ContainerdConfig) -> Option<Self> {
        let private = config.private();
        let text = fs::read_to_string(private.choice_file()).ok()?;
        // A power cut may leave an empty file.
        let socket = Some(text.trim()).filter(|text| !text.is_empty()).map(Path::new)?;
        Some(if socket == private.socket() {
            Self::Private(private)
        } else {
            Self::Host(socket.to_owned())
        })
    }

    /// Returns once containerd answers: a private one is started when it must be, the host's is
    /// its service manager's business.
    pub(super) async fn make_answer(&self) -> Result<(), RuntimeError> {
        match self {
            Self::Host(socket) => wait_for_host(socket).await,
            Self::Private(daemon) => daemon.ensure_running().await,
        }
    }
}

async fn wait_for_host(socket: &Path) -> Result<(), RuntimeError> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match answers(socket).await {
            Ok(_version) => return Ok(()),
            Err(reason) if Instant::now() > deadline => {
                return Err(RuntimeError::Unavailable {
                    socket: socket.to_owned(),
                    reason,
                });
            }
            Err(_not_yet) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The version of the containerd that listens on `socket`.
pub(super) async fn answers(socket: &Path) -> Result<String, String> {
    let ask = async {
        let client = Client::from_path(socket).await.map_err(|error| root_cause(&error))?;
        let version = client.version().version(()).await;
        version
            .map(|answer| answer.into_inner().version)
            .map_err(|status| status.message().to_owned())
    };
    timeout(ANSWER_TIMEOUT, ask)
        .await
        .unwrap_or_else(|_elapsed| Err("no answer within 5 s".to_owned()))
}

/// The innermost reason; the transport's outer texts say "transport error" only.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A containerd of our own.
#[derive(Debug, Clone)]
pub(super) struct PrivateDaemon {
    pub(super) dir: PathBuf,
}

impl PrivateDaemon {
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    pub(super) fn pid_file(&self) -> PathBuf {
        self.dir.join("containerd.pid")
    }

    /// Where the choice between this daemon and the host's is remembered.
    pub(super) fn choice_file(&self) -> PathBuf {
        self.dir.join("chosen-socket")
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("containerd.log")
    }

    fn config_file(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// The daemon's process id, if it lives: a pid file alone proves nothing, and an agent that was killed just after it
    /// started the daemon has left none.
    pub(super) fn running_pid(&self) -> Option<Pid> {
        let noted = fs::read_to_string(self.pid_file()).ok();
        let noted = noted.and_then(|text| text.trim().parse::<i32>().ok());
        let found = || process_ids().into_iter().find(|pid| self.is_process(*pid));
        noted
            .filter(|pid| self.is_process(*pid))
            .or_else(found)
            .map(Pid::from_raw)
    }

    /// Whether the process `pid` was started as this daemon.
    fn is_process(&self, pid: i32) -> bool {
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = command_line.split(|byte| *byte == 0).collect();
        let config_file = self.config_file();
        let option: [&[u8]; 2] = [b"--config", config_file.as_os_str().as_encoded_bytes()];
        arguments.windows(2).any(|pair| pair == option)
    }

    async fn ensure_running(&self) -> Result<(), RuntimeError> {
        if answers(&self.socket()).await.is_ok() {
            return Ok(());
        }
        if let Some(pid) = self.running_pid() {
            // It lives but does not answer: its containers do not need it, a fresh one adopts them.
            tracing::warn!(%pid, "the private containerd does not answer and is replaced");
            end_process(pid, Signal::SIGKILL).await;
        }
        self.start().await
    }

    async fn start(&self) -> Result<(), RuntimeError> {
        let socket = self.socket();
        if socket.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
            return Err(RuntimeError::InvalidConfig(format!(
                "the data directory's path is too long for a socket ({}, at most {} characters): \
                 choose a shorter --data-dir",
                socket.display(),
                MAX_SOCKET_PATH_BYTES
            )));
        }
        let containerd = find_program("containerd", "containerd runc")?;
        find_program("containerd-shim-runc-v2", "containerd runc")?;
        find_program("runc", "containerd runc")?;
        let setsid = find_program("setsid", "util-linux")?;
        self.write_config()?;
        for _ in 0..STARTS {
            let mut child = self.spawn(&setsid, &containerd)?;
            let pid = child.id().unwrap_or_default();
            write(&self.pid_file(), &pid.to_string())?;
            if self.comes_to_answer(&mut child).await? {
                tracing::info!(pid, socket = %socket.display(), "started a private containerd");
                look_after(child, pid);
                return Ok(());
            }
            tracing::warn!(
                pid,
                "the private containerd was killed when it started: starting another one"
            );
        }
        Err(RuntimeError::StartFailed {
            reason: "it is killed whenever it starts".to_owned(),
            log: self.log_file(),
        })
    }

    /// In a session of its own: neither Ctrl-C on our terminal nor our end reaches it.
    /// Its environment is clean, because shims and loggers inherit it and ours holds credentials.
    fn spawn(&self, setsid: &Path, containerd: &Path) -> Result<Child, RuntimeError> {
        let log = self.open_log()?;
        let clone = |log: &fs::File| {
            log.try_clone()
                .map_err(|error| RuntimeError::io("duplicate the log's handle", error))
        };
        Command::new(setsid)
            .arg(containerd)
            .arg("--config")
            .arg(self.config_file())
            .env_clear()
            .env("PATH", search_path())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(clone(&log)?)
            .stderr(log)
            .spawn()
            .map_err(|error| RuntimeError::io(format!("start {}", containerd.display()), error))
    }

    fn open_log(&self) -> Result<fs::File, RuntimeError> {
        let path = self.log_file();
        let too_long = fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES);
        OpenOptions::new()
            .create(true)
            .write(true)
            .append(!too_long)
            .truncate(too_long)
            .open(&path)
            .map_err(|error| RuntimeError::io(format!("open {}", path.display()), error))
    }

    /// Whether it answers at last; not if somebody kills it before.
    async fn comes_to_answer(&self, child: &mut Child) -> Result<bool, RuntimeError> {
        let deadline = Instant::now() + START_TIMEOUT;
        let failed = |reason: String| RuntimeError::StartFailed {
            reason,
            log: self.log_file(),
        };
        loop {
            let Err(reason) = answers(&self.socket()).await else {
                return Ok(true);
            };
            if let Ok(Some(status)) = child.try_wait() {
                if status.signal().is_some() {
                    return Ok(false);
                }
                return Err(failed(format!("it ended with {status}: {}", self.log_end())));
            }
            if Instant::now() > deadline {
                let _ = child.kill().await;
                return Err(failed(format!("no answer within 60 s: {reason}")));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The last line of the log, where containerd says why it ended.
    fn log_end(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        text.lines().last().unwrap_or("no output").to_owned()
    }

    fn write_config(&self) -> Result<(), RuntimeError> {
        write(&self.config_file(), &self.config_text())
    }

    /// Everything in our directory, nothing that we do not use: no CRI, no second snapshotter,
    /// no /opt/containerd.
    fn config_text(&self) -> String {
        let path = |name: &str| toml_string(&self.dir.join(name));
        format!(
            "# Written by berth on every start.\n\
             version = 2\n\
             root = {root}\n\
             state = {state}\n\
             disabled_plugins = [\n\
             \x20 \"io.containerd.grpc.v1.cri\",\n\
             \x20 \"io.containerd.snapshotter.v1.aufs\",\n\
             \x20 \"io.containerd.snapshotter.v1.btrfs\",\n\
             \x20 \"io.containerd.snapshotter.v1.devmapper\",\n\
             \x20 \"io.containerd.snapshotter.v1.zfs\",\n\
             \x20 \"io.containerd.tracing.processor.v1.otlp\",\n\
             \x20 \"io.containerd.internal.v1.tracing\",\n\
             ]\n\
             [grpc]\n\
             address = {socket}\n\
             [debug]\n\
             level = \"warn\"\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\n\
             path = {opt}\n",
            root = path("root"),
            state = path("state"),
            socket = path("containerd.sock"),
            opt = path("opt"),
        )
    }
}

/// Reaps it should it end before us; the next call starts it again.
fn look_after(mut child: Child, pid: u32) {
    tokio::spawn(async move {
        match child.wait().await {
            // It ends well only when it is told to.
            Ok(status) if status.success() => tracing::info!(pid, "the private containerd has ended"),
            status => tracing::warn!(pid, ?status, "the private containerd broke off"),
        }
    });
}

fn toml_string(path: &Path) -> String {
    let escaped = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// Writes a file whole or not at all: the agent may be killed at any moment, and finds its containers by these files.
fn write(path: &Path, text: &str) -> Result<(), RuntimeError> {
    let parent = path.parent().expect("a file of the data directory has a parent");
    let unfinished = path.with_extension("new");
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(&unfinished, text))
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|error| RuntimeError::io(format!("write {}", path.display()), error))
}

fn search_path() -> String {
    match std::env::var("PATH") {
        Ok(path) if !path.is_empty() => format!("{path}:{SYSTEM_PATH}"),
        _ => SYSTEM_PATH.to_owned(),
    }
}

fn find_program(program: &'static str, packages: &'static str) -> Result<PathBuf, RuntimeError> {
    find_in(&search_path(), program).ok_or(RuntimeError::MissingProgram { program, packages })
}

fn find_in(search_path: &str, program: &str) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

fn process_ids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Signals a process that need not be our child, and returns when it is gone.
pub(super) async fn end_process(pid: Pid, signal: Signal) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut signal = signal;
    while is_alive(pid) {
        if kill(pid, signal).is_err() {
            return;
        }
        let patience = Instant::now() + Duration::from_secs(5);
        while is_alive(pid) && Instant::now() < patience {
            sleep(Duration::from_millis(5)).await;
        }
        signal = Signal::SIGKILL;
        if Instant::now() > deadline {
            tracing::warn!(%pid, "the process does not end");
            return;
        }
    }
}

/// A zombie is dead: only its parent has not looked yet.
fn is_alive(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with('Z')))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_directory_has_its_own_namespace() {
        assert_eq!(namespace_of(Path::new("/var/lib/berth")), "berth");
        let (a, b) = (namespace_of(Path::new("/a")), namespace_of(Path::new("/b")));
        assert_ne!(a, b);
        assert_eq!(a.len(), "berth-".len() + 8);
        assert_eq!(a, namespace_of(Path::new("/a")));
    }

    #[test]
    fn a_missing_program_says_what_to_install() {
        let error = find_program("no-such-program", "containerd runc").unwrap_err();
        assert!(error.to_string().contains("apt-get install containerd runc"), "{error}");
        assert!(find_program("sh", "dash").is_ok());
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_is_refused_with_advice() {
        let daemon = PrivateDaemon {
            dir: PathBuf::from(format!("/{}", "x".repeat(120))),
        };
        let error = daemon.start().await.unwrap_err().to_string();
        assert!(error.contains("--data-dir"), "{error}");
    }

    #[tokio::test]
    async fn a_pid_file_of_another_process_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let daemon = PrivateDaemon {
            dir: dir.path().to_owned(),
        };
        assert_eq!(daemon.running_pid(), None);
        fs::write(daemon.pid_file(), std::process::id().to_string()).unwrap();
        assert_eq!(daemon.running_pid(), None);
    }
}
