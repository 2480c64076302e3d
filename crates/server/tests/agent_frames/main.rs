//! The recorded traffic of the public ECS agent against the real control plane.
//!
//! [`replay`] takes the whole recording line by line. The other files look closer: at who may join and as whom
//! ([`registration`]), at which sockets open ([`upgrades`]), at what is said on them ([`work`], [`telemetry`]), and at what a
//! restart must not break ([`restart`]), and at agents that are gone without a word ([`vanishing`]) or become
//! others ([`updates`]). [`history`] follows tasks out of the state.
//!
//! What a payload says member by member stands in [`payload`].
//!
//! The control plane runs in this process under a clock that the tests set; nothing waits for time to pass.
#![expect(clippy::unwrap_used, reason = "tests and their helpers")]

mod agent;
mod compare;
mod history;
mod payload;
mod plane;
mod recording;
mod registration;
mod replay;
mod restart;
mod socket;
mod summary;
mod telemetry;
mod updates;
mod upgrades;
mod vanishing;
mod work;
mod world;
