//! Under which names clients may call the endpoint, as far as its own certificate proves them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;

/// The operator's names, the addresses on which the endpoint listens, and the names of this machine: for itself, and, where
/// the endpoint listens on all addresses, for others.
pub(super) fn all(listen: &[SocketAddr], named: &[String]) -> Vec<String> {
    let mut names = BTreeSet::from(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.extend(named.iter().cloned());
    let listening = listen.iter().map(SocketAddr::ip);
    names.extend(
        listening
            .clone()
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    if listening.clone().any(|ip| ip.is_unspecified()) {
        names.extend(own_addresses().iter().map(IpAddr::to_string));
        names.extend(own_name());
    }
    names.into_iter().collect()
}

/// The addresses of this machine's interfaces.
fn own_addresses() -> Vec<IpAddr> {
    let interfaces = match getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine cannot be read: name them with --tls-name");
            return Vec::new();
        }
    };
    let addresses = interfaces.filter_map(|interface| interface.address);
    let ip = |address: nix::sys::socket::SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
    };
    addresses.filter_map(ip).collect()
}

fn own_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty() && name != "(none)").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_called_by_its_address_and_by_the_operators_names() {
        let listen = ["192.0.2.7:4566".parse().unwrap(), "[fd00::7]:443".parse().unwrap()];
        assert_eq!(
            all(&listen, &["berth.example".to_owned()]),
            ["127.0.0.1", "192.0.2.7", "::1", "berth.example", "fd00::7", "localhost"]
        );
    }

    #[test]
    fn an_endpoint_on_all_addresses_has_the_names_of_the_machine() {
        let names = all(&["0.0.0.0:4566".parse().unwrap()], &[]);
        assert!(!names.contains(&"0.0.0.0".to_owned()), "{names:?}");
        assert!(own_name().is_none_or(|own| names.contains(&own)), "{names:?}");
    }
}
