//! Identifiers as AWS spells them: 32 hexadecimal digits, or a prefix and 17 of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::cx::Cx;
use super::names::Unfit;

/// Declares ids of 128 bits that print as 32 lower-case hexadecimal digits.
macro_rules! hex_ids {
    ($($(#[$doc:meta])* $name:ident = $stream:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u128);

        impl $name {
            /// A new id from this turn's stream.
            pub fn mint(cx: &mut Cx) -> Self {
                Self(cx.draw($stream))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(text: &str) -> Result<Self, Unfit> {
                let fits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if fits { u128::from_str_radix(text, 16).map(Self).map_err(|_| Unfit) } else { Err(Unfit) }
            }
        }
    )*};
}

hex_ids! {
    /// A task.
    TaskId = "task";
    /// A container instance: a machine that joined a cluster.
    InstanceId = "instance";
    /// A join token.
    JoinTokenId = "join-token";
}

/// An id that is spelled as a UUID: containers and attachments of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uuid(pub u128);

impl Uuid {
    /// A new id from this turn's stream `stream`.
    pub fn mint(cx: &mut Cx, stream: &'static str) -> Self {
        let random = cx.draw(stream) & !(0xf000 << 64) & !(0b11 << 62);
        Self(random | (0x4000 << 64) | (0b10 << 62))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(
            f,
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }
}

impl FromStr for Uuid {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let id = u128::from_str_radix(&text.replace('-', ""), 16).map(Self);
        id.ok().filter(|id| id.to_string() == text).ok_or(Unfit)
    }
}

/// The digits of an EC2 id such as `eni-0123456789abcdef0`: 68 bits, 17 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ec2Digits(u128);

impl Ec2Digits {
    /// Takes the low 64 bits of `random`; the leading digit is 0, as in AWS.
    #[must_use]
    pub fn new(random: u128) -> Self {
        Self(random & u128::from(u64::MAX))
    }
}

impl fmt::Display for Ec2Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:017x}", self.0)
    }
}

impl FromStr for Ec2Digits {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = text.len() == 17 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if fits {
            u128::from_str_radix(text, 16).map(Self).map_err(|_| Unfit)
        } else {
            Err(Unfit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Timestamp;

    #[test]
    fn ids_print_and_parse() {
        let mut cx = Cx::new(Timestamp(0), 7);
        let id = TaskId::mint(&mut cx);
        assert_eq!(id.to_string().parse::<TaskId>(), Ok(id));
        assert!("ABCDEF0123456789abcdef0123456789".parse::<TaskId>().is_err());
        assert!("+bcdef0123456789abcdef0123456789".parse::<TaskId>().is_err());
        let uuid = Uuid::mint(&mut cx, "container").to_string();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]));
        assert_eq!(uuid.parse::<Uuid>().unwrap().to_string(), uuid);
        assert!(uuid.replace('-', "").parse::<Uuid>().is_err());
    }
}
