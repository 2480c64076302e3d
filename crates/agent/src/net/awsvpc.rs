//! The two sides of an awsvpc interface: a routed veth, on which the host plays the subnet's gateway.

use rtnetlink::Handle;

use super::engine::container_link_up;
use super::names::check_name;
use super::netlink::{self, Reach};
use super::{Interface, Mac, NetError, sysctl};

pub(super) fn check(interface: &Interface) -> Result<(), NetError> {
    check_name("network interface id", &interface.id)?;
    if interface.prefix_len > 32 {
        return Err(NetError::Invalid {
            what: "prefix length",
            value: interface.prefix_len.to_string(),
        });
    }
    if interface.address == interface.gateway {
        return Err(NetError::address("address, which is the gateway's", interface.address));
    }
    Ok(())
}

/// The host's side: it is the gateway, and the task is one hop away. The gateway's address is on every task's veth and
/// never leaves it; it is what tasks see of the host.
pub(super) async fn route_to_task(host: &Handle, index: u32, interface: &Interface) -> Result<(), NetError> {
    let Interface {
        address, gateway, mac, ..
    } = *interface;
    netlink::add_address(host, index, (gateway, 32), Reach::LinkOnly).await?;
    netlink::add_route(host, netlink::direct_route(index, address, gateway)).await?;
    netlink::add_neighbour(host, index, address, mac).await
}

/// The task's side: nobody is on the link but the gateway, whatever the prefix says.
pub(super) async fn route_to_host(inside: &Handle, interface: &Interface, gateway_mac: Mac) -> Result<(), NetError> {
    let Interface {
        address,
        prefix_len,
        gateway,
        ..
    } = *interface;
    let index = container_link_up(inside).await?;
    netlink::add_address(inside, index, (address, prefix_len), Reach::NoRoute).await?;
    netlink::add_route(inside, netlink::direct_route(index, gateway, address)).await?;
    netlink::add_route(inside, netlink::default_route(index, gateway)).await?;
    netlink::add_neighbour(inside, index, gateway, gateway_mac).await
}

/// What the kernel must know of the host's end: a task can use no source address but its own, and cannot announce IPv6
/// routes to the host.
pub(super) fn set_parameters(host: &str) -> Result<(), NetError> {
    sysctl::set_interface("ipv4", host, "rp_filter", "1")?;
    sysctl::set_interface("ipv6", host, "disable_ipv6", "1")
}
