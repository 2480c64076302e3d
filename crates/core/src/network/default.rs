//! The default VPC: 172.31.0.0/16, one subnet of /20 per zone, one security group. A pure function of the scope.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kernel::Scope;
use crate::kernel::cx::Cx;
use crate::kernel::ids::Ec2Digits;
use crate::kernel::names::Unfit;
use crate::kernel::time::Timestamp;

/// Declares ids of EC2 resources: a prefix and 17 hexadecimal digits.
macro_rules! ec2_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Ec2Digits);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = Unfit;

            fn from_str(text: &str) -> Result<Self, Unfit> {
                text.strip_prefix($prefix).ok_or(Unfit)?.parse().map(Self)
            }
        }
    )*};
}
pub(crate) use ec2_ids;

ec2_ids! {
    /// A virtual private cloud.
    VpcId = "vpc-";
    /// A subnet of a VPC, in one zone.
    SubnetId = "subnet-";
    /// A security group.
    SecurityGroupId = "sg-";
}

/// The letters of the zones of every region.
pub const ZONES: [char; 3] = ['a', 'b', 'c'];
/// Bits of the network part of the default VPC.
pub const VPC_PREFIX_LEN: u8 = 16;
/// Bits of the network part of a default subnet.
pub const SUBNET_PREFIX_LEN: u8 = 20;

/// A subnet: a range of addresses in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// The zone, for example `us-east-1a`.
    pub zone: String,
    /// The first address of the range.
    pub base: Ipv4Addr,
}

/// The default VPC of a scope with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultNetwork {
    /// The VPC.
    pub vpc: VpcId,
    /// One subnet per zone, in the zones' order.
    pub subnets: Vec<Subnet>,
    /// The group called `default`.
    pub security_group: SecurityGroupId,
}

impl DefaultNetwork {
    /// The default network of `scope`: always the same for the same scope.
    #[must_use]
    pub fn of(scope: &Scope) -> Self {
        let seed = scope.to_string().bytes().fold(0u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
        let mut cx = Cx::new(Timestamp(0), seed);
        let mut digits = |stream| Ec2Digits::new(cx.draw(stream));
        let vpc = VpcId(digits("vpc"));
        let security_group = SecurityGroupId(digits("security-group"));
        let subnet = |(at, letter): (usize, &char)| Subnet {
            id: SubnetId(digits("subnet")),
            zone: format!("{}{letter}", scope.region),
            base: Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 31, 0, 0)) + ((at as u32) << (32 - SUBNET_PREFIX_LEN))),
        };
        Self {
            vpc,
            subnets: ZONES.iter().enumerate().map(subnet).collect(),
            security_group,
        }
    }

    /// The subnet with this id.
    #[must_use]
    pub fn subnet(&self, id: SubnetId) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }
}

impl Subnet {
    /// The router's address: the first of the range.
    #[must_use]
    pub fn gateway(&self) -> Ipv4Addr {
        self.nth(1)
    }

    /// The addresses that interfaces may have: all but the first four and the last.
    #[must_use]
    pub fn assignable(&self) -> std::ops::RangeInclusive<u32> {
        let base = u32::from(self.base);
        base + 4..=base + (1 << (32 - SUBNET_PREFIX_LEN)) - 2
    }

    /// The range in CIDR form.
    #[must_use]
    pub fn cidr(&self) -> String {
        format!("{}/{SUBNET_PREFIX_LEN}", self.base)
    }

    fn nth(&self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.base) + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(region: &str) -> Scope {
        Scope {
            account: "000000000000".parse().unwrap(),
            region: region.parse().unwrap(),
        }
    }

    #[test]
    fn every_scope_has_its_own_lasting_network() {
        let here = DefaultNetwork::of(&scope("us-east-1"));
        assert_eq!(here, DefaultNetwork::of(&scope("us-east-1")));
        assert_ne!(here.vpc, DefaultNetwork::of(&scope("us-east-2")).vpc);
        let cidrs: Vec<String> = here.subnets.iter().map(Subnet::cidr).collect();
        assert_eq!(cidrs, ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"]);
        assert_eq!(here.subnets[1].gateway().to_string(), "172.31.16.1");
        assert_eq!(
            Ipv4Addr::from(*here.subnets[0].assignable().end()).to_string(),
            "172.31.15.254"
        );
    }
}
