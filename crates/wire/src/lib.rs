//! How things are spelled: AWS protocols, signatures, generated shapes, the agent protocol. Bytes in, types out.
//!
//! Reading order: [`protocol`] (which bytes a document becomes), [`shapes`] (the published models as types), [`ecs`] (those
//! types and the brain's), [`sigv4`], [`link`]. No I/O, no clock, no decisions.
#![forbid(unsafe_code)]

/// The neutral tree between shapes and bytes.
pub mod document;
/// ECS between its shapes and the brain's types.
pub mod ecs;
/// The link between control plane and agent: the public ECS agent protocol.
pub mod link;
/// Pagination tokens.
pub mod page;
/// The AWS protocols.
pub mod protocol;
/// The vocabulary of generated tables.
pub mod schema;
/// Requests and answers as typed structs, generated from the published models.
pub mod shapes;
/// AWS Signature Version 4: verification and signing.
pub mod sigv4;
