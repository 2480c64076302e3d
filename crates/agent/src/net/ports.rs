//! Published host ports: finding free ones and holding them against everybody else on the host.
//!
//! NAT takes packets before any socket sees them, so without more another process could listen on a published port and
//! never get a connection. As Docker's proxy does, the agent therefore holds a socket on each published port: a second
//! bind fails with "address in use", for ours as for theirs, and the kernel chooses other ports for outgoing
//! connections. The sockets end with the agent. While it is away the translation goes on working (it lives in the
//! kernel), only the guard is missing; a restarted agent takes it up again, and where somebody else came first it says
//! so in its log and leaves the container's port working.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use tokio::net::TcpSocket;

use super::firewall::{HostPort, Target};
use super::{NetError, NetworkBinding, Protocol, sysctl};

/// Where ECS takes dynamic host ports from.
pub(super) const DYNAMIC: RangeInclusive<u16> = 49153..=65535;

/// A socket that is only there to be in the way.
#[derive(Debug)]
#[expect(dead_code, reason = "the sockets are held, never read")]
pub(super) enum Hold {
    Bound(TcpSocket),
    Listening(TcpListener),
    Udp(UdpSocket),
}

impl Hold {
    /// Takes the port on all addresses.
    fn take((protocol, port): HostPort) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        match protocol {
            Protocol::Udp => UdpSocket::bind(address).map(Self::Udp),
            Protocol::Tcp => Self::take_tcp(address),
        }
    }

    /// A socket that does not listen refuses a connection that missed the translation instead of swallowing it. It
    /// cannot be had while closed connections of an earlier listener linger; a listening one can.
    fn take_tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        match socket.bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => TcpListener::bind(address).map(Self::Listening),
            bound => bound.map(|()| Self::Bound(socket)),
        }
    }
}

/// A port that is published.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) target: Target,
    /// Absent where somebody else took the port while the agent was away.
    _hold: Option<Hold>,
}

/// All ports that this Berth publishes.
#[derive(Debug, Default)]
pub(super) struct Ports {
    published: BTreeMap<HostPort, Published>,
    last_dynamic: Option<u16>,
}

/// Ports that are held but not published yet. Dropping it lets them go.
pub(super) type Reserved = BTreeMap<HostPort, Published>;

impl Ports {
    /// Takes up what the kernel's map holds.
    pub(super) fn learn(published: BTreeMap<HostPort, Target>) -> Self {
        let held = |(port, target): (HostPort, Target)| {
            let hold = Hold::take(port);
            if let Err(error) = &hold {
                tracing::warn!(protocol = %port.0, port = port.1, %error, "a published port is taken by another process");
            }
            (
                port,
                Published {
                    target,
                    _hold: hold.ok(),
                },
            )
        };
        Self {
            published: published.into_iter().map(held).collect(),
            last_dynamic: None,
        }
    }

    /// Everything that is published, and where it leads.
    pub(super) fn targets(&self) -> BTreeMap<HostPort, Target> {
        let published = self.published.iter();
        published.map(|(port, published)| (*port, published.target)).collect()
    }

    pub(super) fn bindings(&self, address: Ipv4Addr) -> Vec<NetworkBinding> {
        let of_address = self
            .published
            .iter()
            .filter(|(_, published)| published.target.0 == address);
        of_address
            .map(|(port, published)| NetworkBinding::new(*port, published.target.1))
            .collect()
    }

    /// A port that already leads to `target`: `host_port` itself, or any if that is 0, but none of `but`.
    pub(super) fn already(
        &self,
        (protocol, host_port): HostPort,
        target: Target,
        but: &[NetworkBinding],
    ) -> Option<NetworkBinding> {
        let fits = |port: &HostPort| port.0 == protocol && (host_port == 0 || port.1 == host_port);
        let mut candidates = self
            .published
            .iter()
            .filter(|(port, published)| fits(port) && published.target == target)
            .map(|(port, _)| NetworkBinding::new(*port, target.1));
        candidates.find(|binding| !but.contains(binding))
    }

    /// Holds the port `host_port`, or a free dynamic one if that is 0.
    pub(super) fn reserve(
        &mut self,
        (protocol, host_port): HostPort,
        target: Target,
        reserved: &mut Reserved,
    ) -> Result<NetworkBinding, NetError> {
        let port = if host_port == 0 {
            self.reserve_dynamic(protocol, target, reserved)?
        } else {
            self.hold((protocol, host_port), target, reserved)?;
            host_port
        };
        Ok(NetworkBinding::new((protocol, port), target.1))
    }

    fn hold(&self, port: HostPort, target: Target, reserved: &mut Reserved) -> Result<(), NetError> {
        let taken = || NetError::PortAllocated {
            host_port: port.1,
            protocol: port.0,
        };
        if self.published.contains_key(&port) || reserved.contains_key(&port) {
            return Err(taken());
        }
        let hold = Hold::take(port).map_err(|error| {
            let in_use = error.kind() == ErrorKind::AddrInUse;
            if in_use {
                taken()
            } else {
                NetError::at(format!("hold the host port {}", port.1))(error)
            }
        })?;
        reserved.insert(
            port,
            Published {
                target,
                _hold: Some(hold),
            },
        );
        Ok(())
    }

    /// Goes on behind the last port it gave, so that a port rests before it is given again.
    fn reserve_dynamic(
        &mut self,
        protocol: Protocol,
        target: Target,
        reserved: &mut Reserved,
    ) -> Result<u16, NetError> {
        let kept = sysctl::get("net/ipv4/ip_local_reserved_ports").unwrap_or_default();
        for port in circle(self.last_dynamic).filter(|port| !listed(&kept, *port)) {
            match self.hold((protocol, port), target, reserved) {
                Err(NetError::PortAllocated { .. }) => {}
                held => {
                    self.last_dynamic = Some(port);
                    return held.map(|()| port);
                }
            }
        }
        Err(NetError::NoFreePort(protocol))
    }

    /// Reserved ports become published ones.
    pub(super) fn publish(&mut self, reserved: Reserved) {
        self.published.extend(reserved);
    }

    /// The ports that lead to `address`.
    pub(super) fn of(&self, address: Ipv4Addr) -> Vec<HostPort> {
        let leads_there = |(_, published): &(&HostPort, &Published)| published.target.0 == address;
        self.published
            .iter()
            .filter(leads_there)
            .map(|(port, _)| *port)
            .collect()
    }

    /// Lets ports go.
    pub(super) fn release(&mut self, ports: &[HostPort]) {
        for port in ports {
            self.published.remove(port);
        }
    }
}

fn circle(last: Option<u16>) -> impl Iterator<Item = u16> {
    let (low, high) = (*DYNAMIC.start(), *DYNAMIC.end());
    let start = last.filter(|last| *last < high).map_or(low, |last| (last + 1).max(low));
    (start..=high).chain(low..start)
}

/// Whether the kernel's notation for lists of ports (`8080,9148-9200`) names `port`.
fn listed(list: &str, port: u16) -> bool {
    list.split(',').any(|item| {
        let (low, high) = item.split_once('-').unwrap_or((item, item));
        let bounds = (low.trim().parse::<u16>(), high.trim().parse::<u16>());
        matches!(bounds, (Ok(low), Ok(high)) if (low..=high).contains(&port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_ports_are_tried_in_a_circle() {
        assert_eq!(circle(None).next(), Some(49153));
        assert_eq!(circle(Some(50000)).next(), Some(50001));
        assert_eq!(circle(Some(65535)).next(), Some(49153));
        for last in [None, Some(49153), Some(60000), Some(65535)] {
            assert_eq!(circle(last).count(), DYNAMIC.count(), "{last:?}");
        }
    }

    #[test]
    fn lists_of_ports_are_read_as_the_kernel_writes_them() {
        assert!(listed("8080,9148-9200", 8080));
        assert!(listed("8080,9148-9200", 9150));
        assert!(!listed("8080,9148-9200", 9201));
        assert!(!listed("", 80));
    }
}
