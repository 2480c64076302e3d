//! One file per loop: facts go in, a plan comes out. A trigger may say when to look, never what to do.
//!
//! Nothing here changes state: whoever calls applies the plan.

pub mod leave;
pub mod provision;

use super::state::Change;
use crate::network;

/// What a loop found necessary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Facts of ECS that change.
    pub changes: Vec<Change>,
    /// Facts of the network that change.
    pub network: Vec<network::Change>,
    /// Whether there is more to do than one turn may take.
    pub unfinished: bool,
}
