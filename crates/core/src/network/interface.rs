//! Network interfaces: an address of a subnet, held by a task.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::default::{SecurityGroupId, SubnetId, ec2_ids};
use crate::kernel::ids::{Ec2Digits, Uuid};
use crate::kernel::names::Unfit;
use crate::kernel::{Entity, Region, Scope, Timestamp};

ec2_ids! {
    /// A network interface.
    InterfaceId = "eni-";
}

/// The key of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InterfaceKey {
    /// The account and region.
    pub scope: Scope,
    /// The interface's id.
    pub id: InterfaceId,
}

impl fmt::Display for InterfaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.id)
    }
}

/// A network interface of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its key.
    pub key: InterfaceKey,
    /// The subnet that the address is from.
    pub subnet: SubnetId,
    /// The private address.
    pub address: Ipv4Addr,
    /// The hardware address.
    pub mac: Mac,
    /// The groups whose rules apply.
    pub security_groups: Vec<SecurityGroupId>,
    /// The id of the attachment to its task.
    pub attachment: Uuid,
    /// What holds it, in words for people, for example the ARN of the attachment.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Entity for Interface {
    type Key = InterfaceKey;

    fn key(&self) -> &InterfaceKey {
        &self.key
    }
}

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The hardware address that belongs to `address`: locally administered, unique as the address is within its VPC.
    #[must_use]
    pub fn of(address: Ipv4Addr) -> Self {
        let [a, b, c, d] = address.octets();
        Self([0x0a, 0x58, a, b, c, d])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Interface {
    /// The name by which the VPC's resolver would know the address, for example `ip-172-31-0-4.ec2.internal`.
    #[must_use]
    pub fn private_dns_name(&self) -> String {
        private_dns_name(&self.key.scope.region, self.address)
    }
}

/// The name by which a VPC's resolver in `region` would know `address`.
#[must_use]
pub fn private_dns_name(region: &Region, address: Ipv4Addr) -> String {
    let host = address.to_string().replace('.', "-");
    match region.as_str() {
        "us-east-1" => format!("ip-{host}.ec2.internal"),
        region => format!("ip-{host}.{region}.compute.internal"),
    }
}
