//! What the worker thread does: the operations of [`super::Network`], each stating what should be true in the kernel.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use rtnetlink::sys::Socket;

use super::firewall::{self, HostPort, Rules, Target};
use super::known::Known;
use super::names::Names;
use super::netlink::{self, CONTAINER_LINK, Link, Netlink, Reach, Veth};
use super::netns::Namespaces;
use super::ports::{Ports, Reserved};
use super::reaper::Reaper;
use super::{Bridge, Config, Interface, Mac, MetadataListener, Namespace, NetError, NetworkBinding, PortMapping};
use super::{awsvpc, bridge, conntrack, sysctl, watch};

/// How many changes of our own are remembered that the kernel has not told us of yet.
const REMEMBERED_CHANGES: usize = 64;

/// Everything that lives on the worker thread.
pub(super) struct Engine {
    pub(super) config: Config,
    pub(super) names: Names,
    pub(super) netlink: Netlink,
    pub(super) namespaces: Namespaces,
    pub(super) reaper: Reaper,
    pub(super) known: Option<Known>,
    /// The processes that changed our table last for us, until the kernel has told us so.
    changed_by: VecDeque<u32>,
}

/// The eth0 of a namespace.
pub(super) struct ContainerLink {
    pub(super) link: Link,
    pub(super) address: Option<(Ipv4Addr, u8)>,
}

/// What a network that was opened is watched by.
pub(super) struct Opened {
    pub(super) changes: Socket,
    pub(super) table: String,
}

impl Engine {
    pub(super) fn new(config: Config) -> Result<Self, NetError> {
        let names = Names::new(&config.instance, config.bridge_name.as_deref())?;
        let namespaces = Namespaces::new(config.netns_dir.clone())?;
        Ok(Self {
            names,
            namespaces,
            netlink: Netlink::new()?,
            reaper: Reaper::start()?,
            config,
            known: None,
            changed_by: VecDeque::new(),
        })
    }

    /// Answers what tells of changes that others make from now on.
    pub(super) fn open(&mut self) -> Result<Opened, NetError> {
        let changes = watch::listen()?;
        let published = firewall::list(&self.names.table)?;
        let links = self.container_links()?;
        self.reap_orphans(&links)?;
        let addresses = addresses_of(links);
        sysctl::enable_forwarding()?;
        let (bridge, bridge_index) = self.set_up_bridge(&addresses)?;
        let on_bridge: BTreeMap<_, _> = addresses
            .into_iter()
            .filter(|(address, _)| bridge.range.contains(*address))
            .collect();
        let alive = published
            .into_iter()
            .filter(|(_, target)| on_bridge.contains_key(&target.0))
            .collect();
        let on_host = self.take_metadata_address(bridge_index)?;
        let metadata = MetadataListener::open(&bridge, on_host)?;
        self.apply(&self.rules(&bridge, &metadata)?.script(&alive))?;
        self.warn_of_drops(&bridge)?;
        self.known = Some(Known::new(
            (bridge, bridge_index),
            metadata,
            on_bridge,
            Ports::learn(alive),
        ));
        Ok(Opened {
            changes,
            table: self.names.table.clone(),
        })
    }

    fn set_up_bridge(&self, addresses: &BTreeMap<Ipv4Addr, String>) -> Result<(Bridge, u32), NetError> {
        let Names {
            bridge: name, group, ..
        } = &self.names;
        let used: Vec<Ipv4Addr> = addresses.keys().copied().collect();
        let set_up = self
            .netlink
            .on_host(async |host| bridge::set_up(host, &self.config, (name, *group), &used).await)?;
        bridge::set_parameters(name)?;
        Ok(set_up)
    }

    fn warn_of_drops(&self, bridge: &Bridge) -> Result<(), NetError> {
        for chain in firewall::forward_drops()? {
            tracing::warn!(
                %chain,
                interfaces = %format!("{}, {}*", bridge.name, self.names.veth_prefix),
                "another firewall drops forwarded packets: tasks reach nothing beyond this host until it lets these \
                 interfaces pass in both directions (where Docker runs: by rules in its chain DOCKER-USER)"
            );
        }
        Ok(())
    }

    fn rules(&self, bridge: &Bridge, metadata: &MetadataListener) -> Result<Rules, NetError> {
        Ok(Rules {
            table: self.names.table.clone(),
            veth_prefix: self.names.veth_prefix.clone(),
            bridge: bridge.name.clone(),
            bridge_range: bridge.range,
            vpc: self.config.vpc.clone(),
            metadata: metadata.address()?,
            metadata_of_host: metadata.on_host,
        })
    }

    /// The whole table, with what is `wanted` as published ports.
    fn whole_table(&mut self, wanted: &BTreeMap<HostPort, Target>) -> Result<String, NetError> {
        let known = self.known.as_ref().ok_or(NetError::Closed)?;
        Ok(self.rules(&known.bridge, &known.metadata)?.script(wanted))
    }

    /// Every namespace with its eth0, if it has one.
    pub(super) fn container_links(&self) -> Result<Vec<(String, Option<ContainerLink>)>, NetError> {
        let read = |id: String| {
            let namespace = self.namespace(&id)?;
            Ok((id, self.container_link(&namespace)?))
        };
        self.namespaces.list()?.into_iter().map(read).collect()
    }

    pub(super) fn known(&mut self) -> Result<&mut Known, NetError> {
        self.known.as_mut().ok_or(NetError::Closed)
    }

    pub(super) fn bridge(&mut self) -> Result<Bridge, NetError> {
        Ok(self.known()?.bridge.clone())
    }

    pub(super) fn namespaces(&mut self) -> Result<Vec<Namespace>, NetError> {
        let links = self.container_links()?;
        let known = self.known()?;
        let describe = |(id, link): (String, Option<ContainerLink>)| {
            let address = link.and_then(|link| link.address).map(|(address, _)| address);
            let bindings = address.map(|address| known.ports.bindings(address)).unwrap_or_default();
            Namespace { id, address, bindings }
        };
        Ok(links.into_iter().map(describe).collect())
    }

    fn namespace(&self, id: &str) -> Result<File, NetError> {
        self.namespaces
            .open(id)?
            .ok_or_else(|| NetError::NoNamespace(id.to_owned()))
    }

    pub(super) fn create_namespace(&mut self, id: &str) -> Result<PathBuf, NetError> {
        let namespace = match self.namespaces.open(id)? {
            Some(namespace) => namespace,
            None => self.namespaces.create(id)?,
        };
        self.netlink.inside(&self.namespaces, &namespace, async |inside| {
            let loopback = netlink::index_of(inside, "lo").await?;
            netlink::set_up(inside, loopback).await
        })?;
        self.namespaces.path(id)
    }

    pub(super) fn container_link(&self, namespace: &File) -> Result<Option<ContainerLink>, NetError> {
        self.netlink.inside(&self.namespaces, namespace, async |inside| {
            let Some(link) = netlink::link(inside, CONTAINER_LINK).await? else {
                return Ok(None);
            };
            let address = netlink::addresses(inside, link.index).await?.first().copied();
            Ok(Some(ContainerLink { link, address }))
        })
    }

    pub(super) fn attach_interface(&mut self, id: &str, interface: &Interface) -> Result<(), NetError> {
        awsvpc::check(interface)?;
        let namespace = self.namespace(id)?;
        let host = self.names.veth(&interface.id);
        let veth = Veth {
            host: &host,
            host_mac: Mac::derived(&interface.id),
            namespace: &namespace,
            mac: interface.mac,
            group: self.names.group,
            bridge: None,
        };
        let index = self.make_veth(&veth, (interface.address, interface.prefix_len))?;
        awsvpc::set_parameters(&host)?;
        self.netlink
            .on_host(async |to| awsvpc::route_to_task(to, index, interface).await)?;
        let gateway_mac = veth.host_mac;
        self.netlink.inside(&self.namespaces, &namespace, async |to| {
            awsvpc::route_to_host(to, interface, gateway_mac).await
        })
    }

    /// Makes the veth unless it is there exactly as wanted, as after a restart; a half-made or different one goes first.
    /// Returns the index of the host's end.
    fn make_veth(&self, veth: &Veth<'_>, address: (Ipv4Addr, u8)) -> Result<u32, NetError> {
        if !self.netlink.on_host(async |host| netlink::add_veth(host, veth).await)? {
            let present = self
                .netlink
                .on_host(async |host| netlink::link(host, veth.host).await)?;
            let inside = self.container_link(veth.namespace)?;
            if let (Some(present), Some(inside)) = (&present, &inside)
                && inside.link.peer == Some(present.index)
                && inside.link.mac == Some(veth.mac)
                && inside.address.is_none_or(|has| has == address)
            {
                if let Some(bridge) = veth.bridge {
                    self.netlink
                        .on_host(async |host| netlink::join_bridge(host, present.index, bridge).await)?;
                }
                return Ok(present.index);
            }
            self.delete_inside(veth.namespace, inside)?;
            if let Some(present) = present {
                self.netlink
                    .on_host(async |host| netlink::delete_link(host, present.index).await)?;
            }
            self.netlink.on_host(async |host| netlink::add_veth(host, veth).await)?;
        }
        self.netlink
            .on_host(async |host| netlink::index_of(host, veth.host).await)
    }

    fn delete_inside(&self, namespace: &File, link: Option<ContainerLink>) -> Result<(), NetError> {
        let Some(ContainerLink { link, .. }) = link else {
            return Ok(());
        };
        let delete = async |inside: &_| netlink::delete_link(inside, link.index).await;
        self.netlink.inside(&self.namespaces, namespace, delete)
    }

    pub(super) fn attach_bridge(&mut self, id: &str) -> Result<Ipv4Addr, NetError> {
        let namespace = self.namespace(id)?;
        let known = self.known()?;
        let address = known.take_address(id)?;
        let Bridge { gateway, range, .. } = known.bridge;
        let (prefix_len, bridge_index) = (range.prefix_len(), known.bridge_index);
        let host = self.names.veth(id);
        let veth = Veth {
            host: &host,
            host_mac: Mac::derived(id),
            namespace: &namespace,
            mac: bridge::container_mac(address),
            group: self.names.group,
            bridge: Some(bridge_index),
        };
        let index = self.make_veth(&veth, (address, prefix_len))?;
        if bridge::needs_hairpin() {
            self.netlink
                .on_host(async |host| netlink::set_hairpin(host, index).await)?;
        }
        self.netlink.inside(&self.namespaces, &namespace, async |inside| {
            let index = container_link_up(inside).await?;
            netlink::add_address(inside, index, (address, prefix_len), Reach::Prefix).await?;
            netlink::add_route(inside, netlink::default_route(index, gateway)).await
        })?;
        Ok(address)
    }

    pub(super) fn publish(&mut self, id: &str, mappings: &[PortMapping]) -> Result<Vec<NetworkBinding>, NetError> {
        drop(self.namespace(id)?);
        let table = self.names.table.clone();
        let known = self.known()?;
        let address = known
            .address_of(id)
            .ok_or_else(|| NetError::NotOnBridge(id.to_owned()))?;
        let mut reserved = Reserved::new();
        let bindings = known.bind(address, mappings, &mut reserved)?;
        if reserved.is_empty() {
            return Ok(bindings);
        }
        let added: BTreeMap<HostPort, Target> = reserved
            .iter()
            .map(|(port, published)| (*port, published.target))
            .collect();
        let mut wanted = known.ports.targets();
        wanted.extend(&added);
        self.change_published(&firewall::add_script(&table, &added), &wanted)?;
        conntrack::forget(added.keys());
        self.known()?.ports.publish(reserved);
        Ok(bindings)
    }

    pub(super) fn unpublish(&mut self, address: Ipv4Addr) -> Result<(), NetError> {
        let table = self.names.table.clone();
        let known = self.known()?;
        let ports = known.ports.of(address);
        if !ports.is_empty() {
            let mut wanted = known.ports.targets();
            wanted.retain(|port, _| !ports.contains(port));
            self.change_published(&firewall::delete_script(&table, &ports), &wanted)?;
            conntrack::forget(ports.iter());
            self.known()?.ports.release(&ports);
        }
        Ok(())
    }

    /// Changes the map of published ports to what is `wanted`. Where somebody has taken our table away (`nft flush
    /// ruleset`, as reloading Debian's nftables.service does), it is made anew.
    fn change_published(&mut self, script: &str, wanted: &BTreeMap<HostPort, Target>) -> Result<(), NetError> {
        let Err(error) = self.apply(script) else {
            return Ok(());
        };
        tracing::warn!(%error, "the packet filter's table is not as it was left: making it anew");
        let table = self.whole_table(wanted)?;
        self.apply(&table)
    }

    fn apply(&mut self, script: &str) -> Result<(), NetError> {
        let process = firewall::apply(script)?;
        if self.changed_by.len() == REMEMBERED_CHANGES {
            self.changed_by.pop_front();
        }
        self.changed_by.push_back(process);
        Ok(())
    }

    /// Mends our table after these processes have changed it, if they were not ours.
    pub(super) fn look_after(&mut self, changers: &[u32]) {
        let mut strangers = 0;
        for process in changers {
            match self.changed_by.iter().position(|own| own == process) {
                Some(at) => drop(self.changed_by.remove(at)),
                None => strangers += 1,
            }
        }
        // A closed network has no table.
        if strangers == 0 || self.known.is_none() {
            return;
        }
        if let Err(error) = self.mend_table() {
            tracing::warn!(%error, "somebody changed the packet filter's table, and it cannot be mended");
        }
    }

    fn mend_table(&mut self) -> Result<(), NetError> {
        let known = self.known()?;
        let (bridge, wanted) = (known.bridge.clone(), known.ports.targets());
        if firewall::is_whole(&self.names.table, &wanted)? {
            return Ok(());
        }
        tracing::warn!(
            ports = wanted.len(),
            "somebody changed the packet filter's table: making it anew"
        );
        let table = self.whole_table(&wanted)?;
        self.apply(&table)?;
        self.warn_of_drops(&bridge)
    }
}

fn addresses_of(links: Vec<(String, Option<ContainerLink>)>) -> BTreeMap<Ipv4Addr, String> {
    links
        .into_iter()
        .filter_map(|(id, link)| Some((link?.address?.0, id)))
        .collect()
}

pub(super) async fn container_link_up(inside: &rtnetlink::Handle) -> Result<u32, NetError> {
    let index = netlink::index_of(inside, CONTAINER_LINK).await?;
    netlink::set_up(inside, index).await?;
    Ok(index)
}
