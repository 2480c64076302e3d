//! The agent as a process: what the tests start, tell to end, and kill.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use berth_agent::{Config, Credentials, Ended, Ending};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// The first argument by which this program knows that it is to be an agent.
pub(crate) const AGENT_ARGUMENT: &str = "run-agent";

/// The settings of a test's agent.
pub(crate) fn config(endpoint: &str, data_dir: &Path) -> Config {
    Config {
        endpoint: endpoint.to_owned(),
        authority: None,
        cluster: "default".to_owned(),
        region: "us-east-1".to_owned(),
        credentials: Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
        },
        data_dir: data_dir.to_owned(),
        registry_mirrors: BTreeMap::new(),
        zone: None,
        launch_types: vec!["EC2".to_owned()],
        attributes: BTreeMap::new(),
        containerd_socket: None,
        bridge_cidr: None,
        cdi_dirs: Vec::new(),
        logger_binary: std::env::current_exe().unwrap(),
    }
}

/// The whole program of an agent. `arguments` is what follows [`AGENT_ARGUMENT`]: the endpoint and the data directory. A
/// line on the standard input says how to end; `RUST_LOG` says what to log.
pub(crate) fn agent_main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let endpoint = arguments.next().unwrap().into_string().unwrap();
    let data_dir = PathBuf::from(arguments.next().unwrap());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let (stop, stopped) = watch::channel(None);
    std::thread::spawn(move || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        stop.send_replace(Some(if line.trim() == "clean" {
            Ending::Clean
        } else {
            Ending::Leave
        }));
        std::thread::park();
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(berth_agent::run(config(&endpoint, &data_dir), stopped)) {
        Ok(Ended::Left) => println!("left"),
        Ok(Ended::Cleaned(cleaned)) => println!("{cleaned:?}"),
        Err(error) => {
            println!("failed: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A running agent.
pub(crate) struct Agent {
    child: Child,
}

impl Agent {
    pub(crate) fn start(endpoint: &str, data_dir: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .arg(AGENT_ARGUMENT)
            .arg(endpoint)
            .arg(data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Without any warning.
    pub(crate) fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Tells it how to end, and answers what it said in the end.
    pub(crate) fn end(mut self, how: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{how}").unwrap();
        self.last_words()
    }

    /// What it said when it ended.
    pub(crate) fn last_words(&mut self) -> String {
        let stdout = BufReader::new(self.child.stdout.take().unwrap());
        let last = stdout.lines().map_while(Result::ok).last().unwrap_or_default();
        self.child.wait().unwrap();
        last
    }
}

impl Drop for Agent {
    /// Also when a test panics.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
