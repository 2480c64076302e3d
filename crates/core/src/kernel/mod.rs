//! The grammar that all domains share: ids, names, ARNs, time, units, changes, tables.
//!
//! Nothing here knows a domain, and nothing here does I/O or reads a clock.

pub mod arn;
pub mod change;
pub mod cx;
pub mod ids;
pub mod names;
pub mod scope;
pub mod shared;
pub mod table;
pub mod tags;
pub mod time;
pub mod units;

pub use arn::Arn;
pub use change::{Edit, Entity};
pub use cx::Cx;
pub use names::Opaque;
pub use scope::{AccountId, Region, Scope};
pub use table::Table;
pub use tags::Tags;
pub use time::Timestamp;
pub use units::{CpuUnits, MemoryMib};
