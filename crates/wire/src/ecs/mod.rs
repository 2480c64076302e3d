//! ECS between its wire shapes and the brain's types: requests become what is admitted, replies become shapes, refusals
//! become exceptions. Nothing here decides anything.

pub mod definition;
mod entities;
mod lifecycle;
pub mod refusals;
pub mod replies;
pub mod reports;
pub mod requests;
mod requirements;
pub mod surroundings;
pub mod volumes;

use berth_core::ecs::Refusal;
use berth_core::ecs::api::{Read, Write};

use crate::protocol::ServiceError;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a request is moved once, from its shape into its turn"
)]
pub enum Request {
    /// A change.
    Write(Write),
    /// A look, and what to include in the answer (`TAGS`, ...).
    Read(Read, Vec<String>),
    /// Where an agent finds its sockets: the server knows its own address.
    DiscoverPollEndpoint,
}

/// Why a request cannot be asked of the brain.
#[derive(Clone, Debug, PartialEq)]
pub enum Unasked {
    /// The brain's own words for it.
    Refused(Refusal),
    /// Something that only concerns how it is spelled, or an operation that is not built.
    Error(ServiceError),
}

impl From<Refusal> for Unasked {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ServiceError> for Unasked {
    fn from(error: ServiceError) -> Self {
        Self::Error(error)
    }
}

impl Unasked {
    /// As an exception.
    #[must_use]
    pub fn into_error(self) -> ServiceError {
        match self {
            Self::Refused(refusal) => refusals::error(&refusal),
            Self::Error(error) => error,
        }
    }
}
