//! The container-instance program: it joins a cluster and runs what the control plane assigns.
//!
//! The decisions are `berth_core::node`'s, the agent's brain. This crate is its shell: it takes what happens to the brain as
//! events, makes what the brain wants remembered durable, and carries out what the brain asks for.
//!
//! ```text
//! control plane ──acs──► events ──► driver ──► records (disk)
//!        ▲                  ▲          │
//!        └──── reports ─────┼──────────┤
//!                           └── ops ◄──┘ ──► runtime · images · net · cgroups · logs
//! ```
//!
//! Reading order: `config`, `agent` (how it is put together), `driver` (the loop), `ops` (operations on the machine),
//! `restore` and `sweep` (the beginning and the end), `metadata` (what containers learn of themselves), `acs`, `register`, `reports` and `telemetry` (the control
//! plane). The adapters
//! are public modules that know nothing of the brain.

#![forbid(unsafe_code)]

mod acs;
mod agent;
mod backoff;
pub mod cdi;
pub mod cgroups;
mod client;
mod clock;
mod config;
mod driver;
pub mod host;
pub mod images;
pub mod logs;
mod metadata;
pub mod net;
mod ops;
mod places;
mod records;
mod register;
mod reports;
mod restore;
pub mod runtime;
mod sweep;
mod telemetry;

pub use agent::{clean, run};
pub use config::{Cleaned, Config, Credentials, Ended, Ending, Stop};
