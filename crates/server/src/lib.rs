//! The control-plane program: one HTTP endpoint, the durable store, agents' sessions, the event loop.
#![forbid(unsafe_code)]

pub mod clock;
pub mod engine;
pub mod store;
