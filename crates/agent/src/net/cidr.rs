//! An IPv4 range in the notation `172.31.0.0/16`: what the network adapter needs to know about ranges.
//!
//! Which range an interface belongs to is decided by the control plane; here ranges are only compared and walked.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A range of IPv4 addresses. The bits behind the prefix are always zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    network: Ipv4Addr,
    prefix_len: u8,
}

/// A text that is not an IPv4 range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv4 range like 172.31.0.0/16 (without bits behind the prefix)")]
pub struct InvalidCidr(String);

impl Cidr {
    /// The range of `prefix_len` (0 to 32) bits that `address` lies in.
    #[must_use]
    pub fn around(address: Ipv4Addr, prefix_len: u8) -> Self {
        let prefix_len = prefix_len.min(32);
        Self {
            network: Ipv4Addr::from_bits(address.to_bits() & mask(prefix_len)),
            prefix_len,
        }
    }

    /// The number of fixed bits, 0 to 32.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// The last address: the broadcast address of ranges that have one.
    #[must_use]
    pub fn last(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !mask(self.prefix_len))
    }

    /// The address behind the network's own: where gateways live.
    #[must_use]
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits().saturating_add(1))
    }

    /// Whether `address` lies in this range.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix_len) == self.network.to_bits()
    }

    /// Whether both ranges have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }

    /// The first address that `free` accepts, tried in a circle from the one behind `after`, leaving out the network's
    /// own, the gateway's and the last.
    pub fn next_free(self, after: Ipv4Addr, free: impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        let (first, end) = (self.gateway().to_bits().saturating_add(1), self.last().to_bits());
        let start = after.to_bits().saturating_add(1).clamp(first, end.max(first));
        (start..end)
            .chain(first..start.min(end))
            .map(Ipv4Addr::from_bits)
            .find(|address| free(*address))
    }
}

fn mask(prefix_len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_len)
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        let (network, prefix_len) = text.split_once('/').ok_or_else(invalid)?;
        let network: Ipv4Addr = network.parse().map_err(|_| invalid())?;
        let prefix_len = prefix_len.parse().ok().filter(|bits| *bits <= 32).ok_or_else(invalid)?;
        let cidr = Self::around(network, prefix_len);
        if cidr.network == network {
            Ok(cidr)
        } else {
            Err(invalid())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_are_read_and_printed_alike() {
        for text in ["0.0.0.0/0", "172.31.0.0/16", "10.0.0.7/32"] {
            assert_eq!(cidr(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        assert!(cidr("172.16.0.0/12").overlaps(cidr("172.30.240.0/20")));
        assert!(cidr("172.30.240.0/20").overlaps(cidr("172.16.0.0/12")));
        assert!(!cidr("172.30.240.0/20").overlaps(cidr("172.31.0.0/16")));
    }

    #[test]
    fn free_addresses_are_found_in_a_circle_without_the_reserved_ones() {
        let range = cidr("10.0.0.0/29");
        let walk = |after: &str| range.next_free(after.parse().unwrap(), |_| true).unwrap().to_string();
        assert_eq!(walk("10.0.0.0"), "10.0.0.2");
        assert_eq!(walk("10.0.0.2"), "10.0.0.3");
        assert_eq!(walk("10.0.0.6"), "10.0.0.2");
        assert_eq!(walk("192.168.0.1"), "10.0.0.2");
        assert_eq!(
            range
                .next_free(range.gateway(), |address| address.octets()[3] == 6)
                .unwrap()
                .octets()[3],
            6
        );
        assert_eq!(range.next_free(range.gateway(), |_| false), None);
    }
}
