//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::bail;
use berth_core::ecs::model::agent_update::ReleaseError;
use berth_core::ecs::model::{AgentRelease, ClusterName, LaunchType};
use berth_core::kernel::{AccountId, Region};
use berth_server::config::Limits;
use clap::{Args, Parser, Subcommand};

/// Amazon ECS, anywhere.
#[derive(Debug, Parser)]
#[command(name = "berth", version, arg_required_else_help = true)]
pub(crate) struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a control plane and an agent on this host, in the foreground. Ctrl-C stops all tasks and cleans the host;
    /// SIGTERM ends Berth and leaves tasks running for the next start.
    Up(Up),
    /// Stop what a data directory knows and clean the host, whether or not Berth runs on it.
    Down(Place),
    /// Run a control plane alone.
    Server(Server),
    /// Run an agent that joins a control plane.
    Agent(Agent),
    /// Make a token with which one machine joins: berth agent --server URL --join TOKEN.
    JoinToken(JoinToken),
    /// Print shell exports that point AWS clients at Berth: eval "$(berth env)".
    Env(Place),
    /// Look into the durable store.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Write a backup of a control plane, whether it runs or not: its state, its history of tasks and its keys.
    Backup(Backup),
    /// Put a backup back into a data directory that is empty or not there.
    Restore(RestoreOptions),
    /// Print the version.
    Version,
}

/// Looks into the durable store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Print what is durable, a JSON object per row, whether the control plane runs or not.
    Cat(Cat),
}

/// Options of `berth store cat`.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    pub place: Place,
    /// Only rows of this table.
    #[arg(long)]
    pub table: Option<String>,
    /// Only the row with this key.
    #[arg(long)]
    pub key: Option<String>,
}

/// Options of `berth backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write, or a directory to write it into under a name with the time.
    #[arg(value_name = "FILE|DIR")]
    pub to: PathBuf,
    /// Log events too: they may be many.
    #[arg(long)]
    pub logs: bool,
    #[command(flatten)]
    pub place: Place,
}

/// Options of `berth restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub from: PathBuf,
    #[command(flatten)]
    pub place: Place,
}

/// Where things lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Where everything durable lies.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/berth", env = "BERTH_DATA_DIR")]
    pub data_dir: PathBuf,
}

/// The administrator's key.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeyOptions {
    /// The administrator's access key id. Without it, and without AWS_ACCESS_KEY_ID in the environment, a key is made
    /// and kept in a file of the data directory that only its owner can read.
    #[arg(long, value_name = "ID", env = "AWS_ACCESS_KEY_ID", requires = "secret_access_key")]
    pub access_key_id: Option<String>,
    /// The secret that belongs to it.
    #[arg(
        long,
        value_name = "SECRET",
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        requires = "access_key_id"
    )]
    pub secret_access_key: Option<String>,
}

/// How the control plane is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Endpoint {
    /// Where the endpoint listens. Repeatable.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4566")]
    pub listen: Vec<SocketAddr>,
    #[command(flatten)]
    pub encryption: Encryption,
    /// The account that everything belongs to.
    #[arg(long, value_name = "ID", default_value = "000000000000", value_parser = account)]
    pub account_id: AccountId,
    #[command(flatten)]
    pub fleet: FleetOptions,
    /// Let POST /_berth/reset stop everything and wipe all state, for test suites.
    #[arg(long)]
    pub allow_reset: bool,
    #[command(flatten)]
    pub agent_update: AgentUpdateOptions,
    #[command(flatten)]
    pub history: HistoryOptions,
    /// Below how many MiB of free disk space nothing new is taken in [default: 512, or a twentieth of a smaller disk]
    #[arg(long, value_name = "MIB")]
    pub min_free_mib: Option<u32>,
}

/// The release of Amazon's agent to which UpdateContainerAgent updates. Berth's own agent is updated with its program.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AgentUpdateOptions {
    /// The version of Amazon's agent that UpdateContainerAgent offers [default: none is offered]
    #[arg(long, value_name = "VERSION", requires_all = ["agent_update_url", "agent_update_sha256"])]
    pub agent_update: Option<String>,
    /// Where machines fetch it.
    #[arg(long, value_name = "URL", requires = "agent_update")]
    pub agent_update_url: Option<String>,
    /// The SHA-256 of the file, by which machines check it.
    #[arg(long, value_name = "HEX", requires = "agent_update")]
    pub agent_update_sha256: Option<String>,
}

impl AgentUpdateOptions {
    /// The release that is on offer, if one is.
    ///
    /// # Errors
    /// What agents could not use.
    pub(crate) fn release(&self) -> anyhow::Result<Option<AgentRelease>> {
        let (Some(version), Some(url), Some(sha256)) =
            (&self.agent_update, &self.agent_update_url, &self.agent_update_sha256)
        else {
            return Ok(None);
        };
        match AgentRelease::new(version, url, sha256) {
            Ok(release) => Ok(Some(release)),
            Err(ReleaseError::Version) => bail!("--agent-update: a version is numbers between dots, such as 1.105.1"),
            Err(ReleaseError::Location) => {
                bail!("--agent-update-url: write a URL that begins with http:// or https://")
            }
            Err(ReleaseError::Sha256) => bail!("--agent-update-sha256: a SHA-256 has 64 hexadecimal digits"),
        }
    }
}

/// How much is kept of tasks that are over.
#[derive(Clone, Debug, Args)]
pub(crate) struct HistoryOptions {
    /// For how many hours a task can be described after it is over.
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    pub task_history: u32,
    /// The most MiB that tasks take up once they are over. When there are more, those go that ended first.
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub task_history_mib: u32,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            task_history: 24,
            task_history_mib: 1024,
        }
    }
}

impl HistoryOptions {
    /// The limits that they set.
    #[must_use]
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            keep_ms: i64::from(self.task_history) * 3_600_000,
            most_bytes: u64::from(self.task_history_mib) << 20,
        }
    }
}

/// Whether requests are encrypted, and how the endpoint proves who it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Encryption {
    /// Serve over TLS, with certificates of an authority of Berth's own, which is made on first start and kept in the data
    /// directory. `berth env` tells AWS clients to trust it.
    #[arg(long)]
    pub tls: bool,
    /// A name or an address that clients call the endpoint by, beside those on which it listens. Repeatable.
    #[arg(long, value_name = "NAME")]
    pub tls_name: Vec<String>,
    /// Serve over TLS with this certificate, in PEM, followed by those between it and its authority.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The certificate's authority, in PEM, if clients do not know it anyhow.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,
    /// Listen on an address that others can reach although requests are not encrypted.
    #[arg(long, conflicts_with_all = ["tls", "tls_cert"])]
    pub insecure_http: bool,
}

/// What there may be at most. Nothing is limited unless it is said.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Limits (none unless given)")]
pub(crate) struct FleetOptions {
    /// The most clusters of an account in a region.
    #[arg(long, value_name = "N")]
    pub most_clusters: Option<u32>,
    /// The most container instances of a cluster.
    #[arg(long, value_name = "N")]
    pub most_instances_per_cluster: Option<u32>,
    /// The most tasks of a cluster that are not over.
    #[arg(long, value_name = "N")]
    pub most_tasks_per_cluster: Option<u32>,
    /// The most revisions of a family of task definitions, deleted ones included.
    #[arg(long, value_name = "N")]
    pub most_revisions_per_family: Option<u32>,
    /// The most calls of ECS a second, for each account and region; agents' calls are not counted.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub calls_per_second: Option<u32>,
    /// The most tasks a minute that RunTask and StartTask start, for each account and region.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub launches_per_minute: Option<u32>,
}

/// How the machine serves.
#[derive(Clone, Debug, Args)]
pub(crate) struct Machine {
    /// The region that the machine stands in.
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    pub region: Region,
    /// The availability zone that it stands in [default: the region's first]
    #[arg(long)]
    pub zone: Option<String>,
    /// An attribute of it, for placement constraints and strategies. Up to ten.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    pub attribute: Vec<(String, String)>,
    /// The cluster that it joins.
    #[arg(long, default_value = "default", value_parser = cluster)]
    pub cluster: String,
    /// The launch types that it serves.
    #[arg(
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "EC2,FARGATE,EXTERNAL",
        value_parser = launch_type
    )]
    pub launch_types: Vec<String>,
    /// Ask this URL first for images of a registry (docker.io for Docker Hub). Repeatable.
    #[arg(long, value_name = "REGISTRY=URL", value_parser = mirror)]
    pub registry_mirror: Vec<(String, String)>,
    /// A containerd to use [default: the host's if there is one, else one of our own]
    #[arg(long, value_name = "PATH")]
    pub containerd_socket: Option<PathBuf>,
    /// The range of addresses of containers in bridge mode [default: one that the host does not use]
    #[arg(long, value_name = "CIDR")]
    pub bridge_cidr: Option<String>,
    /// A directory with CDI files that describe the GPUs. What a later one says counts. Repeatable.
    #[arg(long, value_name = "DIR", default_values = berth_agent::cdi::DIRECTORIES)]
    pub cdi_dir: Vec<PathBuf>,
}

/// Options of `berth up`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub endpoint: Endpoint,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    pub keys: KeyOptions,
}

/// Options of `berth server`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub endpoint: Endpoint,
    #[command(flatten)]
    pub keys: KeyOptions,
}

/// Options of `berth agent`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Agent {
    #[command(flatten)]
    pub place: Place,
    /// The control plane's URL [default: where this machine has joined, else http://127.0.0.1:4566]
    #[arg(long, alias = "endpoint", value_name = "URL")]
    pub server: Option<String>,
    /// Join with a token of `berth join-token`: the machine gets a key of its own, which it keeps for later starts.
    #[arg(long, value_name = "TOKEN", env = "BERTH_JOIN_TOKEN", hide_env_values = true)]
    pub join: Option<String>,
    /// Join although the machine's key crosses the network in the clear.
    #[arg(long)]
    pub insecure_http: bool,
    /// The authority of the control plane's certificate, in PEM [default: that of a control plane on this data directory, else
    /// those that everybody knows]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    #[command(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    pub keys: KeyOptions,
}

/// Options of `berth join-token`.
#[derive(Clone, Debug, Args)]
pub(crate) struct JoinToken {
    #[command(flatten)]
    pub place: Place,
    /// The only cluster that machines may join with it [default: any]
    #[arg(long, value_parser = cluster)]
    pub cluster: Option<String>,
    /// For how long it is good: 90s, 15m, 1h or 7d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = seconds)]
    pub expires_in: u32,
    /// List the tokens that were made, without their secrets.
    #[arg(long, conflicts_with_all = ["cluster", "revoke"])]
    pub list: bool,
    /// Take a token back. A machine that has joined with it keeps its key until it is deregistered.
    #[arg(long, value_name = "ID", conflicts_with = "cluster")]
    pub revoke: Option<String>,
}

/// A time in seconds, minutes, hours or days.
fn seconds(text: &str) -> Result<u32, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let found = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)));
    let time = found.and_then(|(number, seconds)| number.parse::<u32>().ok()?.checked_mul(*seconds));
    time.ok_or_else(|| "write a time like 90s, 15m, 1h or 7d".to_owned())
}

fn account(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|_| "an account id has twelve digits".to_owned())
}

fn region(text: &str) -> Result<Region, String> {
    text.parse().map_err(|_| "a region looks like us-east-1".to_owned())
}

fn cluster(text: &str) -> Result<String, String> {
    let name: Result<ClusterName, _> = text.parse();
    let name = name.map_err(|_| "a cluster's name has up to 255 letters, digits, dashes and underscores")?;
    Ok(name.to_string())
}

fn launch_type(text: &str) -> Result<String, String> {
    let known = LaunchType::from_word(text).map(|launch_type| launch_type.to_string());
    known.ok_or_else(|| "the launch types are EC2, FARGATE and EXTERNAL".to_owned())
}

fn mirror(text: &str) -> Result<(String, String), String> {
    let (registry, url) = text
        .split_once('=')
        .ok_or("write it as registry=url, for example docker.io=http://127.0.0.1:5000")?;
    if registry.is_empty() || !(url.starts_with("http://") || url.starts_with("https://")) {
        return Err("the registry must be named and its mirror's URL begin with http:// or https://".to_owned());
    }
    Ok((registry.to_owned(), url.to_owned()))
}

/// An attribute, within the limits that ECS has for those of users. The names of ECS's own are taken.
fn attribute(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as name=value, for example rack=7")?;
    let own = ["ecs.", "com.amazonaws.", "berth."];
    let fits = |text: &str, marks: &str| {
        let known = |letter: char| letter.is_ascii_alphanumeric() || marks.contains(letter);
        (1..=128).contains(&text.len()) && text.chars().all(known)
    };
    if own.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(format!("names that begin with {} are not for users", own.join(", ")));
    }
    if !fits(name, r"-_/\.") {
        return Err(r"a name has up to 128 letters, digits and -_/\.".to_owned());
    }
    if !fits(value, r"-_/\.@: ") || value.trim() != value {
        return Err(r"a value has up to 128 letters, digits, spaces within, and -_/\.@:".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn mirrors_are_checked() {
        assert!(mirror("docker.io=http://127.0.0.1:5000").is_ok());
        for bad in ["docker.io", "=http://x", "docker.io=127.0.0.1:5000"] {
            assert!(mirror(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn attributes_have_the_limits_of_ecs() {
        let long = "a".repeat(128);
        for good in [
            "rack=7",
            r"a-b_c/d\e.f=a@b:c d",
            &format!("{long}={long}"),
            "stack=prod=x",
        ] {
            assert_eq!(attribute(good).is_ok(), !good.contains("=x"), "{good}");
        }
        for bad in [
            "rack",
            "=7",
            "rack=",
            "rack= 7",
            "a b=c",
            "ecs.availability-zone=x",
            "berth.x=1",
            &format!("a{long}=1"),
        ] {
            assert!(attribute(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, wanted) in [("90s", Ok(90)), ("15m", Ok(900)), ("1h", Ok(3600)), ("7d", Ok(604_800))] {
            assert_eq!(seconds(text), wanted);
        }
        for bad in ["", "h", "1", "-1h", "1.5h", "4294967295d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
