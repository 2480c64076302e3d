//! Images: from a name in a task definition to an unpacked root file system in containerd.
//!
//! Reading order: `reference` (names), `mirror` (where to ask), `registry` and `auth` (how to ask),
//! `document` (indexes, manifests, configurations), `store` and `ingest` (containerd's content
//! store, leases, image records), `unpack` (layers to snapshots), `pull` (all together), `error`.
//!
//! containerd 1.6 has no service that pulls, so this does, through its API. It decides nothing
//! about ECS: when to pull and what a failure means to a task is the caller's business.

mod auth;
mod digest;
mod document;
mod error;
mod ingest;
mod mirror;
mod pull;
mod reference;
mod registry;
mod store;
mod transfer;
mod unpack;

pub use digest::Digest;
pub use document::ImageConfig;
pub use error::{NoManifest, PullError, PullErrorKind};
pub use mirror::{Mirror, MirrorError};
pub use pull::{Images, PulledImage};
pub use reference::{Reference, ReferenceError};
