//! Under construction.

/// The link between control plane and agent: the public ECS agent protocol.
pub mod link;
/// AWS Signature Version 4: verification and signing.
pub mod sigv4;
