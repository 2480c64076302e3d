//! The names of what one Berth puts into the kernel, derived from its instance suffix so that two never collide.
//!
//! Interface names hold 15 bytes only, so they carry letters of a hash: `bth` + 4 of the instance + 8 of the id.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::NetError;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The names that one instance uses on its host.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) table: String,
    pub(super) bridge: String,
    pub(super) veth_prefix: String,
    /// The group of all our links. Its upper half keeps away from the small numbers that people give.
    pub(super) group: u32,
}

impl Names {
    pub(super) fn new(instance: &str, bridge: Option<&str>) -> Result<Self, NetError> {
        check_name("instance suffix", instance)?;
        let tag = letters(instance, 4);
        let bridge = bridge.map_or_else(|| format!("berth-{tag}"), str::to_owned);
        check_name("bridge name", &bridge)?;
        if bridge.len() > 15 {
            return Err(NetError::Invalid {
                what: "bridge name",
                value: bridge,
            });
        }
        Ok(Self {
            table: format!("berth-{instance}"),
            bridge,
            veth_prefix: format!("bth{tag}"),
            group: number(instance) | 1 << 31,
        })
    }

    /// The host's end of the veth of the interface or namespace called `id`.
    pub(super) fn veth(&self, id: &str) -> String {
        format!("{}{}", self.veth_prefix, letters(id, 8))
    }
}

/// Names become file names and nftables identifiers: letters, digits, `-`, `_` and, not in front, `.`.
pub(super) fn check_name(what: &'static str, value: &str) -> Result<(), NetError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=128).contains(&value.len()) && value.chars().all(plain) && !value.starts_with('.') {
        return Ok(());
    }
    Err(NetError::Invalid {
        what,
        value: value.to_owned(),
    })
}

fn letters(text: &str, count: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(count)
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

fn number(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The hardware address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// A locally administered address that is always the same for `text`. Being set and not random it is left alone
    /// by systemd-udevd, and permanent neighbour entries stay right.
    #[must_use]
    pub(super) fn derived(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self([0x0a, digest[0], digest[1], digest[2], digest[3], digest[4]])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let bytes = text
            .split(':')
            .map(|part| u8::from_str_radix(part, 16))
            .collect::<Result<Vec<_>, _>>();
        let mac = bytes.ok().and_then(|bytes| <[u8; 6]>::try_from(bytes).ok()).map(Self);
        mac.ok_or_else(|| NetError::Invalid {
            what: "hardware address",
            value: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernel_and_differ_by_instance() {
        let (one, two) = (Names::new("default", None).unwrap(), Names::new("other", None).unwrap());
        assert_eq!(one.veth("eni-0123456789abcdef0").len(), 15);
        assert!(one.veth("eni-1").starts_with(&one.veth_prefix));
        assert_ne!(one.veth("eni-1"), one.veth("eni-2"));
        assert_ne!(one.veth_prefix, two.veth_prefix);
        assert_ne!(one.bridge, two.bridge);
        assert_eq!(one.table, "berth-default");
    }

    #[test]
    fn names_that_could_leave_their_place_are_refused() {
        for name in ["", ".", "..", "a/b", "a b", "a;b", "ä"] {
            assert!(check_name("id", name).is_err(), "{name:?}");
        }
        assert!(Names::new("x", Some("a-much-too-long-name")).is_err());
    }

    #[test]
    fn hardware_addresses_are_read_and_printed_alike() {
        let mac: Mac = "0e:00:ab:cd:ef:01".parse().unwrap();
        assert_eq!(mac.to_string(), "0e:00:ab:cd:ef:01");
        assert!("0e:00:ab:cd:ef".parse::<Mac>().is_err());
        assert!("0e:00:ab:cd:ef:gg".parse::<Mac>().is_err());
        assert_eq!(Mac::derived("x").0[0] & 3, 2, "locally administered, one receiver");
    }
}
