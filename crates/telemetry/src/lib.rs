//! Telemetry: the bulk data that does not belong into the control plane's store.
//!
//! Today that is [`logs`], the durable store behind Berth's CloudWatch Logs API, and [`history`], tasks that are over. The crate is a library for the server:
//! synchronous (callers on an async runtime use `spawn_blocking`), usable from many threads, and it knows neither
//! network nor clock; whoever calls passes the time.
//!
//! Reading order: [`Scope`], then `store` (rows, snapshots and group commit over an LSM tree), then [`history`] and [`logs`].
//!
//! It does not know AWS's wire formats, accounts or permissions: the server maps requests to calls and errors to codes.

#![forbid(unsafe_code)]

pub mod history;
pub mod logs;
mod scope;
mod store;

pub use scope::Scope;
pub use store::{RawRow, StorageError, guarded};
