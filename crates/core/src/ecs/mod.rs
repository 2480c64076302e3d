//! Clusters, container instances, task definitions and tasks.
//!
//! [`model`] has the nouns, [`state`] their tables, [`admit`] one file per write, [`place`] the choice of a machine,
//! [`reconcile`] one file per loop,
//! [`roster`] which tasks lists show,
//! [`session`] the conversation with an agent, [`view`] what others get to see.

pub mod admit;
pub mod api;
pub mod counts;
pub mod health;
pub mod model;
pub mod place;
pub mod probes;
pub mod quota;
pub mod reconcile;
pub mod refer;
pub mod refusal;
pub mod report;
mod revisions;
pub mod roster;
pub mod session;
pub mod state;
pub mod view;

pub use refusal::Refusal;
pub use state::{Change, State};
