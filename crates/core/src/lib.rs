//! What ECS things are and what should happen next: pure brains, no I/O.
#![forbid(unsafe_code)]

pub mod ecs;
pub mod iam;
pub mod kernel;
pub mod network;
pub mod node;
