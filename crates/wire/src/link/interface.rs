//! The elastic network interface of an awsvpc task, as the agent is told about it.
//!
//! Source: the public ECS agent's model. Addresses are texts here; whoever uses one parses it.

use super::text::words;
use serde::{Deserialize, Serialize};

/// One interface. The stock agent demands id, MAC address, an IPv4 address and its gateway (or their IPv6
/// counterparts).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ElasticNetworkInterface {
    /// Comes back when the attachment is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_arn: Option<String>,
    /// `eni-…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_id: Option<String>,
    /// Six octets in hex, colons between.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// Of several interfaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `default` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_association_protocol: Option<AssociationProtocol>,
    /// For `vlan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_vlan_properties: Option<VlanProperties>,
    /// For `veth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_veth_properties: Option<VethProperties>,
    /// For `tunnel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_tunnel_properties: Option<TunnelProperties>,
    /// One of them primary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv4_addresses: Vec<Ipv4Address>,
    /// Perhaps none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6_addresses: Vec<Ipv6Address>,
    /// **With prefix**: `10.1.2.1/24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_gateway_ipv4_address: Option<String>,
    /// With prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_gateway_ipv6_address: Option<String>,
    /// Addresses, for resolv.conf.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_name_servers: Vec<String>,
    /// Search list, for resolv.conf.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_name: Vec<String>,
    /// Host name and line of /etc/hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
}

words! {
    /// How the interface reaches the instance.
    AssociationProtocol {
        /// A device of its own.
        Default = "default",
        /// A branch of a trunk device.
        Vlan = "vlan",
        /// A pair with another interface of the task.
        Veth = "veth",
        /// Through a tunnel.
        Tunnel = "tunnel",
    }
}

/// An IPv4 address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv4Address {
    /// Without prefix.
    pub private_address: String,
    /// The one that the task is known by.
    #[serde(default)]
    pub primary: bool,
}

/// An IPv6 address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ipv6Address {
    /// Without prefix.
    pub address: String,
    /// The one that the task is known by.
    #[serde(default)]
    pub primary: bool,
}

/// Of a branch interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VlanProperties {
    /// A number, as text.
    pub vlan_id: String,
    /// Of the trunk.
    pub trunk_interface_mac_address: String,
}

/// Of a paired interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VethProperties {
    /// Its name.
    pub peer_interface: String,
}

/// Of a tunnelled interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TunnelProperties {
    /// A number, as text.
    pub tunnel_id: String,
    /// Of the far end.
    pub interface_ip_address: String,
}
