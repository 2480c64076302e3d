//! The tables of this domain: interfaces, and which addresses they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::default::{Subnet, SubnetId};
use super::interface::{Interface, InterfaceId, InterfaceKey};
use crate::kernel::ids::Ec2Digits;
use crate::kernel::{Cx, Edit, Scope, Table};

/// A change of this domain's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An interface came, changed or went.
    Interface(Edit<Interface>),
}

/// The facts of this domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    interfaces: Table<Interface>,
    held: BTreeMap<(Scope, SubnetId), BTreeSet<u32>>,
}

impl State {
    /// Applies `change`.
    pub fn apply(&mut self, change: Change) {
        let Change::Interface(edit) = change;
        let new = match &edit {
            Edit::Put(interface) => Some((interface.key.scope.clone(), interface.subnet, interface.address)),
            Edit::Delete(_) => None,
        };
        if let Some(old) = self.interfaces.apply(edit) {
            let range = (old.key.scope, old.subnet);
            if let Some(held) = self.held.get_mut(&range) {
                held.remove(&u32::from(old.address));
                if held.is_empty() {
                    self.held.remove(&range);
                }
            }
        }
        if let Some((scope, subnet, address)) = new {
            self.held.entry((scope, subnet)).or_default().insert(u32::from(address));
        }
    }

    /// The interfaces.
    #[must_use]
    pub fn interfaces(&self) -> &Table<Interface> {
        &self.interfaces
    }

    /// The interfaces of `scope` in the order of their ids.
    pub fn interfaces_of(&self, scope: &Scope) -> impl Iterator<Item = &Interface> {
        let first = InterfaceKey {
            scope: scope.clone(),
            id: InterfaceId(Ec2Digits::new(0)),
        };
        self.interfaces
            .range(first..)
            .take_while(move |interface| interface.key.scope == *scope)
    }

    /// How many addresses of `subnet` are free.
    #[must_use]
    pub fn free_addresses(&self, scope: &Scope, subnet: &Subnet) -> usize {
        let held = self.held.get(&(scope.clone(), subnet.id)).map_or(0, BTreeSet::len);
        subnet.assignable().count().saturating_sub(held)
    }

    /// A free address of `subnet`: the next one from a random place on, so that an address that was just given back is not
    /// handed out again at once.
    pub fn free_address(&self, cx: &mut Cx, scope: &Scope, subnet: &Subnet) -> Option<Ipv4Addr> {
        let (first, last) = (*subnet.assignable().start(), *subnet.assignable().end());
        let held = self.held.get(&(scope.clone(), subnet.id));
        let free = |address: &u32| !held.is_some_and(|held| held.contains(address));
        let start = first + cx.below("address", u64::from(last - first + 1)) as u32;
        (start..=last).chain(first..start).find(free).map(Ipv4Addr::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Timestamp;
    use crate::kernel::ids::Uuid;
    use crate::network::DefaultNetwork;
    use crate::network::interface::Mac;

    fn holder(scope: &Scope, subnet: &Subnet, address: Ipv4Addr) -> Interface {
        Interface {
            key: InterfaceKey {
                scope: scope.clone(),
                id: InterfaceId(Ec2Digits::new(u32::from(address).into())),
            },
            subnet: subnet.id,
            address,
            mac: Mac::of(address),
            security_groups: Vec::new(),
            attachment: Uuid(0),
            description: String::new(),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn every_address_is_handed_out_once_until_it_is_given_back() {
        let scope = Scope {
            account: "000000000000".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let subnet = &DefaultNetwork::of(&scope).subnets[1];
        let (mut state, mut cx) = (State::default(), Cx::new(Timestamp(0), 1));
        let mut seen = BTreeSet::new();
        while let Some(address) = state.free_address(&mut cx, &scope, subnet) {
            assert!(seen.insert(address), "{address} was handed out twice");
            state.apply(Change::Interface(Edit::Put(holder(&scope, subnet, address))));
        }
        assert_eq!(seen.len(), 4091, "all but the first four and the last of 4,096");
        assert_eq!(state.free_addresses(&scope, subnet), 0);
        let back = *seen.first().unwrap();
        let key = holder(&scope, subnet, back).key;
        state.apply(Change::Interface(Edit::Delete(key)));
        assert_eq!(state.free_address(&mut cx, &scope, subnet), Some(back));
    }
}
