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

/// How much of a network is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The VPC and what is in every one: subnets, groups.
    Network,
    /// The interfaces of tasks as well, however many.
    Interfaces,
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
    /// The interfaces in it, if they were asked for.
    pub interfaces: Vec<Interface>,
}

/// The networks of `scope`, as far as `extent` says.
#[must_use]
pub fn network(state: &State, scope: &Scope, extent: Extent) -> NetworkView {
    let network = DefaultNetwork::of(scope);
    let interfaces = match extent {
        Extent::Network => Vec::new(),
        Extent::Interfaces => state.interfaces_of(scope).cloned().collect(),
    };
    let view = |subnet: &Subnet| SubnetView {
        subnet: subnet.clone(),
        free_addresses: state.free_addresses(scope, subnet),
    };
    NetworkView {
        scope: scope.clone(),
        subnets: network.subnets.iter().map(view).collect(),
        interfaces,
        network,
    }
}
