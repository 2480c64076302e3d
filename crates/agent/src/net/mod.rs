//! Networks of containers: namespaces, interfaces, addresses and published ports.
//!
//! [`Network`] is a handle on one worker thread that does everything in turn (the kernel's routing lock would serialise
//! it anyway), so ports and addresses are given out without races. What exists is learned from the kernel when a network
//! is opened: namespaces are mounted by name, addresses stand in them, published ports in our nftables table. Nothing is
//! kept in files, and a restarted agent finds everything as it was.
//!
//! * `awsvpc`: [`Network::attach_interface`]. A *routed* veth: the container sends everything to its gateway, which is
//!   the host; the host has one route per task. All traffic passes the host's forward hook, where connections are
//!   tracked.
//! * `bridge`: [`Network::attach_bridge`] and [`Network::publish`]. A veth on our bridge, an address that we choose, host
//!   ports by NAT.
//! * `none`: [`Network::create_namespace`] alone. `host`: nothing to do.
//! * the task metadata endpoint 169.254.170.2:80 of all modes leads to one listener: [`Network::metadata`].
//!
//! Every operation states what should be true and may be repeated. What is *not* here: choosing the address of an
//! awsvpc interface (the control plane does), security groups, and any decision about tasks.

mod awsvpc;
mod bridge;
mod child;
mod cidr;
mod conntrack;
mod engine;
mod error;
mod files;
mod firewall;
mod known;
mod metadata;
mod names;
mod netlink;
mod netns;
mod nfnetlink;
mod ports;
mod reaper;
mod removal;
mod sysctl;
mod watch;
mod worker;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

pub use cidr::{Cidr, InvalidCidr};
pub use error::NetError;
pub use files::{ResolvSources, hostname, hosts, resolv_conf, with_hosts, with_resolvers};
pub use metadata::{METADATA_ADDRESS, MetadataListener};
pub use names::Mac;

use engine::Engine;
use watch::Watch;
use worker::Worker;

/// What the caller decides about the networks of one Berth.
#[derive(Clone, Debug)]
pub struct Config {
    /// Tells several Berths on one host apart: part of the names of our table, bridge and interfaces.
    pub instance: String,
    /// Where namespaces are mounted, e.g. `/run/berth/<instance>/netns`. A file system that a reboot empties is best.
    pub netns_dir: PathBuf,
    /// The VPC's ranges: traffic from tasks to them keeps its source address.
    pub vpc: Vec<Cidr>,
    /// The bridge's name; derived from the instance if absent.
    pub bridge_name: Option<String>,
    /// The bridge's range; if absent, what it has already, else the first default that collides with no route.
    pub bridge_range: Option<Cidr>,
}

/// An awsvpc interface, as the control plane assigned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The network interface's id; the host's end of the veth is named after it.
    pub id: String,
    /// The container's end.
    pub mac: Mac,
    /// The task's address.
    pub address: Ipv4Addr,
    /// The subnet's prefix length.
    pub prefix_len: u8,
    /// The subnet's gateway, which the host plays.
    pub gateway: Ipv4Addr,
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl FromStr for Protocol {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(NetError::Invalid {
                what: "protocol",
                value: text.to_owned(),
            }),
        }
    }
}

/// A container port to be published on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortMapping {
    /// The port inside, never 0.
    pub container_port: u16,
    /// The port of the host; 0 asks for a free one from 49153 to 65535.
    pub host_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// A container port that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkBinding {
    /// The host's address; always 0.0.0.0.
    pub bind_ip: Ipv4Addr,
    /// The port inside.
    pub container_port: u16,
    /// The port of the host.
    pub host_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl NetworkBinding {
    fn new((protocol, host_port): firewall::HostPort, container_port: u16) -> Self {
        Self {
            bind_ip: Ipv4Addr::UNSPECIFIED,
            container_port,
            host_port,
            protocol,
        }
    }
}

/// A namespace that exists, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The name that it was created with.
    pub id: String,
    /// The address of its eth0, if it has one.
    pub address: Option<Ipv4Addr>,
    /// Its published ports.
    pub bindings: Vec<NetworkBinding>,
}

/// The bridge that containers of mode `bridge` are attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The interface's name.
    pub name: String,
    /// The addresses of bridge and containers.
    pub range: Cidr,
    /// The bridge's own address: the containers' gateway, and the host as they see it.
    pub gateway: Ipv4Addr,
}

/// What [`Network::remove_all`] did. Routes, addresses and neighbours go with their interfaces. IPv4 forwarding stays on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Namespaces, with the interfaces in them.
    pub namespaces: Vec<String>,
    /// Interfaces of the host: the bridge, and veths that had no namespace any more.
    pub links: Vec<String>,
    /// The nftables table.
    pub table: Option<String>,
    /// What could not be removed, and why.
    pub failures: Vec<String>,
}

/// The networks of one Berth on this host. Cheap to clone; the worker ends with the last clone.
///
/// The network that is changed is the one that the thread calling [`Network::open`] is in.
#[derive(Clone, Debug)]
pub struct Network {
    worker: Worker,
    /// Ends with the last clone, as the worker does.
    _watch: Arc<Watch>,
}

impl Network {
    /// Sets up what all containers share (bridge, nftables table, forwarding) and learns what is there already.
    /// Namespaces, addresses and published ports of an earlier run stay and keep working throughout. From now on the table
    /// is made anew whenever somebody else takes it away or changes it.
    pub async fn open(config: Config) -> Result<Self, NetError> {
        let worker = Worker::start(config)?;
        let opened = worker.call(Engine::open).await?;
        let watch = Watch::start(opened.changes, opened.table, worker.downgrade())?;
        Ok(Self {
            worker,
            _watch: Arc::new(watch),
        })
    }

    /// The bridge.
    pub async fn bridge(&self) -> Result<Bridge, NetError> {
        self.worker.call(Engine::bridge).await
    }

    /// The listener of the task metadata endpoint. It listens for as long as this network is open; who connects shows the
    /// address that it has among containers, or [`METADATA_ADDRESS`] from the host itself.
    pub async fn metadata(&self) -> Result<MetadataListener, NetError> {
        self.worker.call(|engine| engine.known()?.metadata.share()).await
    }

    /// All namespaces in order of their ids.
    pub async fn namespaces(&self) -> Result<Vec<Namespace>, NetError> {
        self.worker.call(Engine::namespaces).await
    }

    /// Makes the namespace `id` (letters, digits, `-`, `_`, `.`) with its loopback interface up, unless it is there.
    /// Returns its path, for a container's network namespace.
    pub async fn create_namespace(&self, id: &str) -> Result<PathBuf, NetError> {
        let id = id.to_owned();
        self.worker.call(move |engine| engine.create_namespace(&id)).await
    }

    /// Gives the namespace `id` an awsvpc interface as its eth0. An interface that is complete already is left alone.
    pub async fn attach_interface(&self, id: &str, interface: Interface) -> Result<(), NetError> {
        let id = id.to_owned();
        self.worker
            .call(move |engine| engine.attach_interface(&id, &interface))
            .await
    }

    /// Gives the namespace `id` an eth0 on the bridge with a free address, unless it has one. Returns the address.
    pub async fn attach_bridge(&self, id: &str) -> Result<Ipv4Addr, NetError> {
        let id = id.to_owned();
        self.worker.call(move |engine| engine.attach_bridge(&id)).await
    }

    /// Publishes ports of the namespace `id`, all of them or none; the bindings are in the order of the mappings. What
    /// is published already is kept: asking again gives the same dynamic ports.
    pub async fn publish(&self, id: &str, mappings: Vec<PortMapping>) -> Result<Vec<NetworkBinding>, NetError> {
        let id = id.to_owned();
        self.worker.call(move |engine| engine.publish(&id, &mappings)).await
    }

    /// Takes the namespace `id` away with its published ports, and its interface a moment later. Says whether there was
    /// one.
    pub async fn remove_namespace(&self, id: &str) -> Result<bool, NetError> {
        let id = id.to_owned();
        self.worker.call(move |engine| engine.remove_namespace(&id)).await
    }

    /// Takes away everything that this Berth put into the kernel. The network is closed by it: open it anew to use it.
    pub async fn remove_all(self) -> Result<Removed, NetError> {
        self.worker.call(|engine| Ok(engine.remove_all())).await
    }

    /// As [`Network::remove_all`] for a network that nobody has open: what a crashed agent left.
    pub async fn sweep(config: Config) -> Result<Removed, NetError> {
        Worker::start(config)?.call(|engine| Ok(engine.remove_all())).await
    }
}
