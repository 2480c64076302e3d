//! The link between control plane and agent: the public ECS agent protocol, as of agent 1.105.1.
//!
//! Two websockets per instance. **ACS** carries work to the agent and acknowledgements back ([`acs`], [`payload`]);
//! **TCS** carries metrics and health from the agent ([`tcs`]). Each frame is one JSON object `{"type","message"}`
//! ([`frame`]); [`upgrade`] is how the sockets open. One set of types serves both ends: the server parses
//! `AgentMessage`s and writes `BackendMessage`s, our agent the other way round, and so can Amazon's own agent.
//!
//! Tolerant where versions differ: unknown message types become `Unknown`, unknown words `Other`, unknown members
//! are skipped, optional members may be absent. What the protocol demands is demanded.
//!
//! Where the protocol is too narrow, members under the single key `berth` say more; the stock agent skips them
//! ([`extension`]). State reports travel over the ECS API (Submit*StateChange) and are not here.

pub mod acs;
pub mod assign;
pub mod docker;
mod docker_surroundings;
pub mod extension;
pub mod frame;
pub mod health;
pub mod interface;
mod lifecycle;
mod mounts;
pub mod payload;
mod sequence;
pub mod tcs;
mod text;
pub mod upgrade;
pub mod volume;

pub use sequence::SequenceNumber;
pub use text::{EpochSeconds, Sensitive};

/// The longest frame that is read, in bytes. Telemetry stays below 1 MiB; a payload holds some task definitions of
/// 64 KiB each.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Why something that came over the link cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes is longer than the limit of {MAX_FRAME_BYTES}")]
    TooLong(usize),
    /// Not a JSON object with a `type`.
    #[error("a frame is not {{\"type\",\"message\"}}: {0}")]
    NotAFrame(#[source] serde_json::Error),
    /// A known type whose message has another shape.
    #[error("the message of type {kind} cannot be read: {source}")]
    Malformed {
        /// The type.
        kind: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// The header block before the JSON is not one.
    #[error("the header block of a telemetry frame cannot be read: {0}")]
    HeaderBlock(&'static str),
    /// The query of an upgrade lacks something or has it in another shape.
    #[error("query parameter {0} of the upgrade is missing or malformed")]
    Query(&'static str),
}
