//! What an operator tells an agent, and what it answers in the end. Nothing here is read from files or the environment:
//! that is the command line's business.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use tokio::sync::watch;

/// What an agent must be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The control plane, `http://host:port` or `https://host:port`.
    pub endpoint: String,
    /// The only authority that the control plane's certificate may come from, in PEM; by default those that everybody knows.
    pub authority: Option<String>,
    /// The name of the cluster to join.
    pub cluster: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The keys that requests are signed with.
    pub credentials: Credentials,
    /// Where Berth keeps everything on this machine; the agent uses `agent` in it.
    pub data_dir: PathBuf,
    /// Registries, and the URLs of their mirrors: `docker.io` → `http://127.0.0.1:5000`.
    pub registry_mirrors: BTreeMap<String, String>,
    /// The zone that the machine stands in; by default the region's first.
    pub zone: Option<String>,
    /// The launch types that the machine serves (`EC2`, `FARGATE`, `EXTERNAL`), announced as attribute
    /// `berth.launch-types`; when empty nothing is announced.
    pub launch_types: Vec<String>,
    /// Further attributes of the container instance.
    pub attributes: BTreeMap<String, String>,
    /// A containerd to use; by default the host's if it has one, else a private one is started.
    pub containerd_socket: Option<PathBuf>,
    /// The range of addresses of the bridge, `172.18.0.0/16`; by default one that is free on this machine.
    pub bridge_cidr: Option<String>,
    /// Where CDI files describe the machine's GPUs. What a later directory says counts.
    pub cdi_dirs: Vec<PathBuf>,
    /// The program that containers' output is given to: Berth itself, as an absolute path.
    pub logger_binary: PathBuf,
}

/// The keys of an agent.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, ..)", self.access_key_id)
    }
}

/// How an agent is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// At once; tasks go on and are found again at the next start.
    Leave,
    /// After all tasks were stopped and nothing is left on the machine.
    Clean,
}

/// Tells a running agent to end. A [`Ending::Leave`] that follows a [`Ending::Clean`] cuts the cleaning short. An agent
/// whose sender is gone leaves.
pub type Stop = watch::Receiver<Option<Ending>>;

/// How an agent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Tasks go on.
    Left,
    /// All tasks were stopped, and this was removed from the machine.
    Cleaned(Cleaned),
}

/// What was removed from the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Containers.
    pub containers: usize,
    /// Network namespaces.
    pub networks: usize,
    /// What could not be removed, and why, in words for people.
    pub failures: Vec<String>,
}
