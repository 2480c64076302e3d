//! Under construction.

#![forbid(unsafe_code)]

pub mod cgroups;
pub mod host;
pub mod images;
pub mod logs;
pub mod net;
pub mod runtime;
