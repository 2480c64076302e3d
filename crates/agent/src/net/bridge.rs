//! The bridge: its range and its set-up.

use std::net::Ipv4Addr;

use rtnetlink::Handle;

use super::{Bridge, Cidr, Config, METADATA_ADDRESS, Mac, NetError, netlink, sysctl};

/// Ranges for the bridge, the preferred one first: the ends of 172.16.0.0/12, then of the other private ranges.
fn defaults() -> impl Iterator<Item = Cidr> {
    let ends = (16..=30).rev().map(|second| Ipv4Addr::new(172, second, 240, 0));
    ends.chain([Ipv4Addr::new(192, 168, 240, 0), Ipv4Addr::new(10, 255, 240, 0)])
        .map(|network| Cidr::around(network, 20))
}

/// Ranges this wide are default routes in disguise (VPNs split them), not networks that one could collide with.
const DEFAULT_ROUTE_BITS: u8 = 4;

/// The range that the bridge should have: the configured one, else what it has, else the first free default.
pub(super) fn choose(wanted: Option<Cidr>, present: Option<Cidr>, taken: &[Cidr]) -> Result<Cidr, NetError> {
    let collision = |range: Cidr| {
        let networks = taken.iter().filter(|other| other.prefix_len() >= DEFAULT_ROUTE_BITS);
        networks.copied().find(|other| range.overlaps(*other))
    };
    let Some(wanted) = wanted else {
        let free = || defaults().find(|range| collision(*range).is_none());
        return present.or_else(free).ok_or(NetError::NoFreeRange);
    };
    let refused = |reason| Err(NetError::BridgeRange { wanted, reason });
    match collision(wanted) {
        _ if wanted.prefix_len() > 29 => refused("it has room for no container".to_owned()),
        Some(other) => refused(format!("it collides with {other}")),
        None => Ok(wanted),
    }
}

/// Makes or completes the bridge. `used` are the addresses of containers: a range that one of them has stays.
pub(super) async fn set_up(
    handle: &Handle,
    config: &Config,
    (name, group): (&str, u32),
    used: &[Ipv4Addr],
) -> Result<(Bridge, u32), NetError> {
    let made = netlink::add_bridge(handle, name, Mac::derived(name), group).await?;
    let index = netlink::index_of(handle, name).await?;
    let present = if made {
        None
    } else {
        present_range(handle, index).await?
    };
    let mut taken = netlink::routed_ranges(handle, Some(index)).await?;
    taken.extend(&config.vpc);
    let range = choose(config.bridge_range, present, &taken);
    let range = range.and_then(|range| {
        keep_used(
            range,
            present.filter(|range| used.iter().any(|address| range.contains(*address))),
        )
    });
    let range = match range {
        Ok(range) => range,
        Err(error) => {
            if made {
                netlink::delete_link(handle, index).await?;
            }
            return Err(error);
        }
    };
    let address = (range.gateway(), range.prefix_len());
    netlink::set_up(handle, index).await?;
    netlink::drop_other_addresses(handle, index, &[address, (METADATA_ADDRESS, 32)]).await?;
    netlink::add_address(handle, index, address, netlink::Reach::Prefix).await?;
    Ok((
        Bridge {
            name: name.to_owned(),
            range,
            gateway: range.gateway(),
        },
        index,
    ))
}

async fn present_range(handle: &Handle, index: u32) -> Result<Option<Cidr>, NetError> {
    let addresses = netlink::addresses(handle, index).await?;
    Ok(addresses
        .iter()
        .find(|(address, _)| *address != METADATA_ADDRESS)
        .map(|(address, prefix_len)| Cidr::around(*address, *prefix_len)))
}

fn keep_used(range: Cidr, used: Option<Cidr>) -> Result<Cidr, NetError> {
    match used {
        Some(used) if used != range => {
            let reason = format!("containers run on {used}: stop them first");
            Err(NetError::BridgeRange { wanted: range, reason })
        }
        _ => Ok(range),
    }
}

/// What the kernel must know of the bridge: answers to clients on 127.0.0.1 pass (the table's guard chain lets nothing
/// else from the bridge reach loopback), sources are checked, and no container can announce IPv6 routes to the host.
pub(super) fn set_parameters(name: &str) -> Result<(), NetError> {
    sysctl::set_interface("ipv4", name, "route_localnet", "1")?;
    sysctl::set_interface("ipv4", name, "rp_filter", "1")?;
    sysctl::set_interface("ipv6", name, "disable_ipv6", "1")
}

/// Whether bridged packets pass the host's NAT (the module br_netfilter is loaded and on). Then a container that reaches
/// itself through a published port needs hairpin mode on its bridge port, which is better off otherwise, since it echoes
/// broadcasts.
pub(super) fn needs_hairpin() -> bool {
    sysctl::get("net/bridge/bridge-nf-call-iptables").as_deref() == Some("1")
}

/// The hardware address of a container on the bridge, made of its address as Docker does, so that an address that is
/// given again leads to no stale neighbour entry.
pub(super) fn container_mac(address: Ipv4Addr) -> Mac {
    let [a, b, c, d] = address.octets();
    Mac([0x02, 0x42, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn chosen(taken: &[&str]) -> String {
        let taken: Vec<Cidr> = taken.iter().map(|text| cidr(text)).collect();
        choose(None, None, &taken).map_or_else(|error| error.to_string(), |range| range.to_string())
    }

    #[test]
    fn the_first_default_without_collision_is_taken() {
        assert_eq!(chosen(&[]), "172.30.240.0/20");
        assert_eq!(chosen(&["0.0.0.0/0", "0.0.0.0/1", "172.31.0.0/16"]), "172.30.240.0/20");
        assert_eq!(chosen(&["172.30.255.7/32"]), "172.29.240.0/20");
        assert_eq!(chosen(&["172.16.0.0/12"]), "192.168.240.0/20");
        assert!(chosen(&["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"]).contains("choose one"));
    }

    #[test]
    fn what_the_bridge_has_is_kept() {
        assert_eq!(
            choose(None, Some(cidr("10.9.0.0/24")), &[]).unwrap(),
            cidr("10.9.0.0/24")
        );
    }

    #[test]
    fn a_wanted_range_is_taken_or_refused_with_the_reason() {
        assert_eq!(
            choose(Some(cidr("10.9.0.0/24")), None, &[]).unwrap(),
            cidr("10.9.0.0/24")
        );
        let refused = choose(Some(cidr("10.9.0.0/24")), None, &[cidr("10.0.0.0/8")]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the bridge cannot use 10.9.0.0/24: it collides with 10.0.0.0/8"
        );
        assert!(choose(Some(cidr("10.9.0.0/30")), None, &[]).is_err());
        let used = keep_used(cidr("10.9.0.0/24"), Some(cidr("10.8.0.0/24"))).unwrap_err();
        assert!(used.to_string().contains("containers run on 10.8.0.0/24"), "{used}");
    }
}
