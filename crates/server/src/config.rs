//! What an operator says about a control plane.

use std::net::SocketAddr;
use std::path::PathBuf;

use berth_core::ecs::model::AgentRelease;
use berth_core::ecs::quota::Limits as FleetLimits;
use berth_core::iam::AccessKey;
pub use berth_telemetry::history::{HistoryStore, Limits};
pub use berth_telemetry::logs::LogStore;
pub use berth_wire::join::AgentSecrets;
pub use berth_wire::page::Key as PageKey;

use crate::clock::Clock;

/// The settings of a control plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the endpoint listens: at least one address.
    pub listen: Vec<SocketAddr>,
    /// How it proves who it is; without, requests and answers are not encrypted.
    pub tls: Option<Tls>,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// The keys that requests may be signed with.
    pub access_keys: Vec<AccessKey>,
    /// Whether `POST /_berth/reset` stops everything and wipes all state.
    pub allow_reset: bool,
    /// What pagination tokens are sealed with: while it stays the same, tokens outlive a restart.
    pub page_key: PageKey,
    /// What the secrets of agents' keys are derived from: while it stays the same, the keys stay good.
    pub agent_secrets: AgentSecrets,
    /// How much is kept of tasks that are over.
    pub history: Limits,
    /// Below how many bytes of free disk space nothing new is taken in; if nothing is said, 512 MiB, or a twentieth of a smaller disk.
    pub min_free_bytes: Option<u64>,
    /// How much there may be, and how fast calls may come.
    pub limits: FleetLimits,
    /// Which release of Amazon's agent UpdateContainerAgent offers.
    pub agent_release: Option<AgentRelease>,
    /// Where the time comes from.
    pub clock: Clock,
}

/// How the endpoint proves who it is.
#[derive(Clone, Debug)]
pub enum Tls {
    /// With certificates of an authority of Berth's own.
    Own {
        /// Where the authority lies, a private directory. It is made on first start.
        dir: PathBuf,
        /// What clients call the endpoint, beside its addresses.
        names: Vec<String>,
    },
    /// With the operator's files.
    Files(TlsFiles),
}

/// A certificate of the operator's, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority that clients must trust, unless they know it anyhow.
    pub authority: Option<PathBuf>,
}
