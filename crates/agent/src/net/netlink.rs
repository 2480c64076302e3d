//! Links, addresses, routes and neighbours, by netlink requests on the worker's thread.
//!
//! Every conversation opens a socket of its own (10 µs) in the namespace it is about and closes it at the end, so no
//! forgotten socket keeps a namespace alive. Requests say what should be true; what is already true is no error.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;

use futures_util::TryStreamExt;
use nix::libc::{EEXIST, ENODEV};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressScope};
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteScope};
use rtnetlink::{Handle, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};
use tokio::runtime::Runtime;

use super::netns::Namespaces;
use super::{Cidr, Mac, NetError};

/// The interface's name inside every container.
pub(super) const CONTAINER_LINK: &str = "eth0";

/// Holds conversations with the kernel, in the host's namespace or in a container's.
pub(super) struct Netlink {
    runtime: Runtime,
}

impl Netlink {
    pub(super) fn new() -> Result<Self, NetError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        Ok(Self {
            runtime: runtime.map_err(NetError::at("start the network worker"))?,
        })
    }

    /// Talks to the host's namespace.
    pub(super) fn on_host<T>(&self, op: impl AsyncFnOnce(&Handle) -> Result<T, NetError>) -> Result<T, NetError> {
        let socket = self.socket().map_err(NetError::at("open a netlink socket"))?;
        self.converse(socket, op)
    }

    /// Talks to a container's namespace. Only the opening of the socket happens inside; a socket stays where it was
    /// opened.
    pub(super) fn inside<T>(
        &self,
        namespaces: &Namespaces,
        namespace: &File,
        op: impl AsyncFnOnce(&Handle) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        let socket = namespaces.inside(namespace, || self.socket())?;
        self.converse(socket.map_err(NetError::at("open a netlink socket"))?, op)
    }

    fn socket(&self) -> io::Result<(impl Future<Output = ()> + use<>, Handle)> {
        let _entered = self.runtime.enter();
        let (connection, handle, _unsolicited) = rtnetlink::new_connection()?;
        Ok((connection, handle))
    }

    fn converse<T>(
        &self,
        (connection, handle): (impl Future<Output = ()>, Handle),
        op: impl AsyncFnOnce(&Handle) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        self.runtime.block_on(async {
            tokio::select! {
                () = connection => Err(NetError::at("talk to the kernel")(io::Error::other("the netlink socket closed"))),
                result = op(&handle) => result,
            }
        })
    }
}

/// What is known of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: Option<Mac>,
    /// The index of a veth's other end, in the other end's namespace.
    pub(super) peer: Option<u32>,
}

/// A veth to be made: one end here, the other as `eth0` in `namespace`.
pub(super) struct Veth<'a> {
    pub(super) host: &'a str,
    pub(super) host_mac: Mac,
    pub(super) namespace: &'a File,
    pub(super) mac: Mac,
    /// The group that the host's end belongs to.
    pub(super) group: u32,
    /// The bridge that the host's end joins.
    pub(super) bridge: Option<u32>,
}

/// Makes both ends with their hardware addresses in one request. The host's end is up; the container's cannot be yet, for
/// want of the other while it is made. Says whether it was made (false: a name is in use).
pub(super) async fn add_veth(handle: &Handle, veth: &Veth<'_>) -> Result<bool, NetError> {
    let peer = LinkMessageBuilder::<LinkUnspec>::new()
        .name(CONTAINER_LINK)
        .address(veth.mac.0.to_vec())
        .setns_by_fd(veth.namespace.as_raw_fd())
        .build();
    let mut link = LinkVeth::new(veth.host, CONTAINER_LINK)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .address(veth.host_mac.0.to_vec())
        .link_group(veth.group)
        .up();
    if let Some(bridge) = veth.bridge {
        link = link.controller(bridge);
    }
    created(
        handle.link().add(link.build()).execute().await,
        format!("make the veth {}", veth.host),
    )
}

/// Makes a bridge that is up. Says whether it was made (false: it is there).
pub(super) async fn add_bridge(handle: &Handle, name: &str, mac: Mac, group: u32) -> Result<bool, NetError> {
    let bridge = LinkBridge::new(name).address(mac.0.to_vec()).link_group(group).build();
    created(
        handle.link().add(bridge).execute().await,
        format!("make the bridge {name}"),
    )
}

fn created(result: Result<(), rtnetlink::Error>, step: String) -> Result<bool, NetError> {
    match result.map_err(NetError::netlink(step)) {
        Ok(()) => Ok(true),
        Err(error) if error.errno() == Some(EEXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a link into a bridge; nothing happens if it is there.
pub(super) async fn join_bridge(handle: &Handle, index: u32, bridge: u32) -> Result<(), NetError> {
    let message = LinkMessageBuilder::<LinkUnspec>::new()
        .index(index)
        .controller(bridge)
        .up()
        .build();
    handle
        .link()
        .set(message)
        .execute()
        .await
        .map_err(NetError::netlink("put a link into the bridge"))
}

/// Lets a bridge port send a packet back to where it came from.
pub(super) async fn set_hairpin(handle: &Handle, port: u32) -> Result<(), NetError> {
    let message = LinkBridgePort::new(port).hairpin(true).build();
    handle
        .link()
        .set_port(message)
        .execute()
        .await
        .map_err(NetError::netlink("set a bridge port to hairpin mode"))
}

/// Brings a link up.
pub(super) async fn set_up(handle: &Handle, index: u32) -> Result<(), NetError> {
    let message = LinkMessageBuilder::<LinkUnspec>::new().index(index).up().build();
    handle
        .link()
        .set(message)
        .execute()
        .await
        .map_err(NetError::netlink("bring a link up"))
}

/// The link called `name`, or `None`.
pub(super) async fn link(handle: &Handle, name: &str) -> Result<Option<Link>, NetError> {
    let found = handle.link().get().match_name(name).execute().try_next().await;
    match found.map_err(NetError::netlink(format!("look up the link {name}"))) {
        Ok(message) => Ok(message.map(|message| read_link(message.header.index, message.attributes))),
        Err(error) if error.errno() == Some(ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The index of a link that was just made or must be there.
pub(super) async fn index_of(handle: &Handle, name: &str) -> Result<u32, NetError> {
    let missing = || NetError::at(format!("find the link {name}"))(io::Error::from_raw_os_error(ENODEV));
    link(handle, name).await?.map(|link| link.index).ok_or_else(missing)
}

/// All links of the namespace.
pub(super) async fn links(handle: &Handle) -> Result<Vec<Link>, NetError> {
    let messages: Vec<_> = handle
        .link()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(NetError::netlink("list the links"))?;
    Ok(messages
        .into_iter()
        .map(|message| read_link(message.header.index, message.attributes))
        .collect())
}

fn read_link(index: u32, attributes: Vec<LinkAttribute>) -> Link {
    let mut link = Link {
        index,
        name: String::new(),
        mac: None,
        peer: None,
    };
    for attribute in attributes {
        if let LinkAttribute::IfName(name) = attribute {
            link.name = name;
        } else if let LinkAttribute::Address(bytes) = attribute {
            link.mac = <[u8; 6]>::try_from(bytes).ok().map(Mac);
        } else if let LinkAttribute::Link(peer) = attribute {
            link.peer = Some(peer);
        }
    }
    link
}

/// Removes a link; a veth takes its other end along. What is gone already is no error.
pub(super) async fn delete_link(handle: &Handle, index: u32) -> Result<(), NetError> {
    let deleted = handle
        .link()
        .del(index)
        .execute()
        .await
        .map_err(NetError::netlink("remove a link"));
    gone(deleted)
}

/// Removes all links of a group.
pub(super) async fn delete_group(handle: &Handle, group: u32) -> Result<(), NetError> {
    let message = LinkMessageBuilder::<LinkUnspec>::new().link_group(group).build();
    let deleted = handle.link().del_with_message(message).execute().await;
    gone(deleted.map_err(NetError::netlink("remove a group of links")))
}

fn gone(deleted: Result<(), NetError>) -> Result<(), NetError> {
    deleted.or_else(|error| {
        if error.errno() == Some(ENODEV) {
            Ok(())
        } else {
            Err(error)
        }
    })
}

/// The IPv4 addresses of a link with their prefix lengths.
pub(super) async fn addresses(handle: &Handle, index: u32) -> Result<Vec<(Ipv4Addr, u8)>, NetError> {
    let request = handle.address().get().set_link_index_filter(index);
    let messages: Vec<_> = request
        .execute()
        .try_collect()
        .await
        .map_err(NetError::netlink("list the addresses"))?;
    let local = |attribute: &AddressAttribute| {
        if let AddressAttribute::Local(IpAddr::V4(address)) = attribute {
            Some(*address)
        } else {
            None
        }
    };
    Ok(messages
        .iter()
        .filter_map(|message| Some((message.attributes.iter().find_map(local)?, message.header.prefix_len)))
        .collect())
}

/// The link that has an address; the host has each once.
pub(super) async fn holder_of(handle: &Handle, address: Ipv4Addr) -> Result<Option<u32>, NetError> {
    let request = handle.address().get().set_address_filter(address.into());
    let found: Vec<_> = request
        .execute()
        .try_collect()
        .await
        .map_err(NetError::netlink("look up an address"))?;
    Ok(found.first().map(|message| message.header.index))
}

/// How an address lies on its link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All addresses of the prefix are on the link: the kernel adds the route to them.
    Prefix,
    /// Nobody is on the link by virtue of the prefix: no route is added.
    NoRoute,
    /// As `NoRoute`, and never the source of packets that leave by other links.
    LinkOnly,
}

/// Gives a link an address.
pub(super) async fn add_address(
    handle: &Handle,
    index: u32,
    (address, prefix_len): (Ipv4Addr, u8),
    reach: Reach,
) -> Result<(), NetError> {
    let mut request = handle.address().add(index, address.into(), prefix_len).replace();
    let message = request.message_mut();
    if reach != Reach::Prefix {
        message
            .attributes
            .push(AddressAttribute::Flags(AddressFlags::Noprefixroute));
    }
    if reach == Reach::LinkOnly {
        message.header.scope = AddressScope::Link;
    }
    request
        .execute()
        .await
        .map_err(NetError::netlink(format!("add the address {address}/{prefix_len}")))
}

/// Takes all IPv4 addresses but those of `keep` from a link.
pub(super) async fn drop_other_addresses(handle: &Handle, index: u32, keep: &[(Ipv4Addr, u8)]) -> Result<(), NetError> {
    for other in addresses(handle, index)
        .await?
        .into_iter()
        .filter(|other| !keep.contains(other))
    {
        let message = rtnetlink::AddressMessageBuilder::<Ipv4Addr>::new()
            .index(index)
            .address(other.0, other.1)
            .build();
        handle
            .address()
            .del(message)
            .execute()
            .await
            .map_err(NetError::netlink("remove an address"))?;
    }
    Ok(())
}

/// A route to one address that is directly on the link.
pub(super) fn direct_route(index: u32, to: Ipv4Addr, source: Ipv4Addr) -> RouteMessage {
    let route = RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(to, 32)
        .output_interface(index);
    route.scope(RouteScope::Link).pref_source(source).build()
}

/// The default route.
pub(super) fn default_route(index: u32, gateway: Ipv4Addr) -> RouteMessage {
    RouteMessageBuilder::<Ipv4Addr>::new()
        .output_interface(index)
        .gateway(gateway)
        .build()
}

/// Puts a route into the main table.
pub(super) async fn add_route(handle: &Handle, route: RouteMessage) -> Result<(), NetError> {
    handle
        .route()
        .add(route)
        .replace()
        .execute()
        .await
        .map_err(NetError::netlink("add a route"))
}

/// Every range that the host's routing tables know, without the default route and without those of the link `but`.
pub(super) async fn routed_ranges(handle: &Handle, but: Option<u32>) -> Result<Vec<Cidr>, NetError> {
    let all = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let routes: Vec<_> = handle
        .route()
        .get(all)
        .execute()
        .try_collect()
        .await
        .map_err(NetError::netlink("list the routes"))?;
    let of_but = |route: &RouteMessage| but.is_some_and(|index| route.attributes.contains(&RouteAttribute::Oif(index)));
    Ok(routes
        .iter()
        .filter(|route| !of_but(route))
        .filter_map(destination)
        .collect())
}

fn destination(route: &RouteMessage) -> Option<Cidr> {
    let address = route.attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Destination(RouteAddress::Inet(address)) = attribute {
            Some(*address)
        } else {
            None
        }
    })?;
    Some(Cidr::around(address, route.header.destination_prefix_length))
}

/// Tells the kernel a neighbour's hardware address for good, so that nobody has to ask for it.
pub(super) async fn add_neighbour(handle: &Handle, index: u32, address: Ipv4Addr, mac: Mac) -> Result<(), NetError> {
    let request = handle
        .neighbours()
        .add(index, address.into())
        .link_layer_address(&mac.0)
        .replace();
    request
        .execute()
        .await
        .map_err(NetError::netlink(format!("add the neighbour {address}")))
}
