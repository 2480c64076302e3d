//! What an operator says about a control plane.

use std::net::SocketAddr;
use std::path::PathBuf;

use berth_core::iam::AccessKey;
pub use berth_telemetry::history::Limits;
pub use berth_wire::page::Key as PageKey;

use crate::clock::Clock;

/// The settings of a control plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the endpoint listens.
    pub listen: SocketAddr,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// The keys that requests may be signed with.
    pub access_keys: Vec<AccessKey>,
    /// Whether `POST /_berth/reset` stops everything and wipes all state.
    pub allow_reset: bool,
    /// What pagination tokens are sealed with: while it stays the same, tokens outlive a restart.
    pub page_key: PageKey,
    /// How much is kept of tasks that are over.
    pub history: Limits,
    /// Where the time comes from.
    pub clock: Clock,
}
