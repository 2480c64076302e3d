//! What the worker knows of addresses and ports: learned from the kernel when a network is opened, then kept in step.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::ports::{Ports, Reserved};
use super::{Bridge, MetadataListener, NetError, NetworkBinding, PortMapping};

/// What an opened network knows.
pub(super) struct Known {
    pub(super) bridge: Bridge,
    pub(super) bridge_index: u32,
    pub(super) metadata: MetadataListener,
    /// The namespaces that have an address on the bridge.
    pub(super) on_bridge: BTreeMap<Ipv4Addr, String>,
    /// The address given last: addresses rest as long as possible before they are given again.
    last_address: Ipv4Addr,
    pub(super) ports: Ports,
}

impl Known {
    pub(super) fn new(
        (bridge, bridge_index): (Bridge, u32),
        metadata: MetadataListener,
        on_bridge: BTreeMap<Ipv4Addr, String>,
        ports: Ports,
    ) -> Self {
        let last_address = on_bridge.keys().next_back().copied().unwrap_or(bridge.gateway);
        Self {
            bridge,
            bridge_index,
            metadata,
            on_bridge,
            last_address,
            ports,
        }
    }

    pub(super) fn address_of(&self, id: &str) -> Option<Ipv4Addr> {
        self.on_bridge
            .iter()
            .find(|(_, holder)| *holder == id)
            .map(|(address, _)| *address)
    }

    /// The address of `id`, a free one if it has none. It is given back when the namespace is removed.
    pub(super) fn take_address(&mut self, id: &str) -> Result<Ipv4Addr, NetError> {
        if let Some(address) = self.address_of(id) {
            return Ok(address);
        }
        let range = self.bridge.range;
        let free = |address| !self.on_bridge.contains_key(&address);
        let address = range
            .next_free(self.last_address, free)
            .ok_or(NetError::NoFreeAddress(range))?;
        self.on_bridge.insert(address, id.to_owned());
        self.last_address = address;
        Ok(address)
    }

    /// One binding per mapping: a port that leads there already, else one that is now held in `reserved`.
    pub(super) fn bind(
        &mut self,
        address: Ipv4Addr,
        mappings: &[PortMapping],
        reserved: &mut Reserved,
    ) -> Result<Vec<NetworkBinding>, NetError> {
        // Ports that are asked for by number come first, so that no dynamic choice takes one of them.
        let mut order: Vec<usize> = (0..mappings.len()).collect();
        order.sort_by_key(|index| mappings[*index].host_port == 0);
        let mut bindings = Vec::with_capacity(mappings.len());
        for index in &order {
            bindings.push(self.bind_one(address, mappings[*index], &bindings, reserved)?);
        }
        let mut in_order: Vec<_> = order.into_iter().zip(bindings).collect();
        in_order.sort_by_key(|(index, _)| *index);
        Ok(in_order.into_iter().map(|(_, binding)| binding).collect())
    }

    fn bind_one(
        &mut self,
        address: Ipv4Addr,
        mapping: PortMapping,
        before: &[NetworkBinding],
        reserved: &mut Reserved,
    ) -> Result<NetworkBinding, NetError> {
        if mapping.container_port == 0 {
            return Err(NetError::Invalid {
                what: "container port",
                value: "0".to_owned(),
            });
        }
        let (port, target) = ((mapping.protocol, mapping.host_port), (address, mapping.container_port));
        match self.ports.already(port, target, before) {
            Some(binding) => Ok(binding),
            None => self.ports.reserve(port, target, reserved),
        }
    }
}
