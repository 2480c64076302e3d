//! Networks: the default VPC of every account and region, and the interfaces of tasks in it.
//!
//! The default VPC follows from the scope alone, so it needs no row in any table; only interfaces are stored.

pub mod default;
pub mod interface;
pub mod state;
pub mod view;

pub use default::{DefaultNetwork, SecurityGroupId, Subnet, SubnetId, VpcId};
pub use interface::{Interface, InterfaceId, InterfaceKey};
pub use state::{Change, State};
