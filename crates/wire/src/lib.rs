//! How things are spelled: AWS protocols, signatures, generated shapes, the agent protocol. Bytes in, types out.
//!
//! Reading order: [`protocol`] (which bytes a document becomes), [`shapes`] (the published models as types), [`ecs`] (those
//! types and the brain's), [`sigv4`], [`link`]. No I/O, no clock, no decisions.
#![forbid(unsafe_code)]

pub mod document;
pub mod ecs;
pub mod join;
pub mod link;
pub mod page;
pub mod protocol;
pub mod schema;
pub mod shapes;
pub mod sigv4;
