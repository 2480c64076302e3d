//! The way to the task metadata endpoint: 169.254.170.2:80, as every container of ECS knows it.
//!
//! Packets of our own interfaces to that address are translated to a listener on the bridge's address, whose port the kernel
//! chose: nothing on the host is in its way, and each Berth of a host has its own. Containers of the host's network need
//! the address on the host itself, which only one agent of a host can have. What is served is not known here.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use super::engine::Engine;
use super::netlink::{self, Reach};
use super::{Bridge, NetError, firewall};

/// Where containers look for the task metadata endpoint, on port 80.
pub const METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);

/// The socket behind the task metadata endpoint.
#[derive(Debug)]
pub struct MetadataListener {
    /// Listens, and does not block.
    pub listener: TcpListener,
    /// Whether the host itself reaches it, and containers of the host's network with it.
    pub on_host: bool,
}

impl MetadataListener {
    /// Opens the socket on the bridge's address.
    pub(super) fn open(bridge: &Bridge, on_host: bool) -> Result<Self, NetError> {
        let failed = || NetError::at(format!("listen on {} for the task metadata endpoint", bridge.gateway));
        let listener = TcpListener::bind((bridge.gateway, 0)).map_err(failed())?;
        listener.set_nonblocking(true).map_err(failed())?;
        Ok(Self { listener, on_host })
    }

    /// A second handle on the same socket.
    pub(super) fn share(&self) -> Result<Self, NetError> {
        let listener = self.listener.try_clone();
        Ok(Self {
            listener: listener.map_err(NetError::at("share the socket of the task metadata endpoint"))?,
            on_host: self.on_host,
        })
    }

    pub(super) fn address(&self) -> Result<SocketAddrV4, NetError> {
        let failed = NetError::at("look up the socket of the task metadata endpoint");
        match self.listener.local_addr() {
            Ok(std::net::SocketAddr::V4(address)) => Ok(address),
            Ok(std::net::SocketAddr::V6(_)) => Err(failed(io::ErrorKind::Unsupported.into())),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Engine {
    /// Takes the endpoint's address for the host, unless another agent has it. Says whether the host has it from us.
    pub(super) fn take_metadata_address(&self, bridge: u32) -> Result<bool, NetError> {
        let holder = self
            .netlink
            .on_host(async |host| netlink::holder_of(host, METADATA_ADDRESS).await)?;
        let other = match holder {
            Some(index) if index != bridge => Some(format!("interface {}", self.link_name(index)?)),
            Some(_) | None => firewall::stock_agents_rule()?.then(|| "a rule of table ip nat".to_owned()),
        };
        if let Some(other) = other {
            tracing::warn!(
                by = %other,
                "another agent on this host serves {METADATA_ADDRESS} already: of this agent's tasks, those in host mode do \
                 not reach their metadata, the others do"
            );
            return Ok(false);
        }
        self.netlink
            .on_host(async |host| netlink::add_address(host, bridge, (METADATA_ADDRESS, 32), Reach::LinkOnly).await)?;
        Ok(true)
    }

    fn link_name(&self, index: u32) -> Result<String, NetError> {
        let links = self.netlink.on_host(async |host| netlink::links(host).await)?;
        let link = links.into_iter().find(|link| link.index == index);
        Ok(link.map_or_else(|| index.to_string(), |link| link.name))
    }
}
