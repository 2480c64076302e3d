//! What is derived for others: the default network as the EC2 API describes it.

use super::default::{DefaultNetwork, Subnet};
use super::interface::Interface;
use super::state::State;
use crate::kernel::Scope;

/// A subnet with the number of its free addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetView {
    /// The subnet.
    pub subnet: Subnet,
    /// How many addresses nobody holds.
    pub free_addresses: usize,
}

/// Everything that can be described of the networks of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkView {
    /// The account and region.
    pub scope: Scope,
    /// The default VPC.
    pub network: DefaultNetwork,
    /// Its subnets.
    pub subnets: Vec<SubnetView>,
    /// The interfaces in it.
    pub interfaces: Vec<Interface>,
}

/// The networks of `scope`.
#[must_use]
pub fn network(state: &State, scope: &Scope) -> NetworkView {
    let network = DefaultNetwork::of(scope);
    let view = |subnet: &Subnet| SubnetView {
        subnet: subnet.clone(),
        free_addresses: state.free_addresses(scope, subnet),
    };
    NetworkView {
        scope: scope.clone(),
        subnets: network.subnets.iter().map(view).collect(),
        interfaces: state.interfaces_of(scope).cloned().collect(),
        network,
    }
}
