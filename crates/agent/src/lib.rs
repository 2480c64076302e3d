//! Under construction.

#![forbid(unsafe_code)]

pub mod cgroups;
mod config;
pub mod host;
pub mod images;
pub mod logs;
pub mod net;
pub mod runtime;

pub use config::{Config, Credentials, Ending, Stop};

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
    /// What could not be removed, and why: in words for people.
    pub failures: Vec<String>,
}

/// Joins the cluster and carries out its tasks until `stop` says otherwise.
///
/// # Errors
/// What keeps the agent from working at all, and what to do about it.
pub async fn run(config: Config, stop: Stop) -> anyhow::Result<Ended> {
    let _ = (config, stop);
    anyhow::bail!("the agent is not built yet")
}

/// Stops and removes everything that the data directory knows, while no agent runs.
///
/// # Errors
/// What keeps it from beginning, for example an agent that still runs.
pub async fn clean(config: Config) -> anyhow::Result<Cleaned> {
    let _ = config;
    anyhow::bail!("the agent is not built yet")
}
