//! DescribeNetworkInterfaces: the interfaces that tasks hold.

use berth_core::kernel::Timestamp;
use berth_core::kernel::ids::Ec2Digits;
use berth_core::network::Interface;
use berth_core::network::view::NetworkView;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{
    DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult, NetworkInterface, NetworkInterfaceAttachment,
    NetworkInterfacePrivateIpAddress, OperatorResponse,
};

use super::filter::{Key, nothing, value};
use super::list::{Asked, Resource};
use super::{groups, owner, zones};

/// What a list of interfaces needs to know.
pub(super) const INTERFACES: Resource<NetworkInterface> = Resource {
    prefix: "eni-",
    noun: "networkInterface ID",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    not_found: "InvalidNetworkInterfaceID.NotFound",
    id: |interface| &interface.network_interface_id,
    place: |interface| &interface.network_interface_id,
    filters: &[
        Key(&["network-interface-id"], |interface| {
            value(&interface.network_interface_id)
        }),
        Key(&["vpc-id"], |interface| value(&interface.vpc_id)),
        Key(&["subnet-id"], |interface| value(&interface.subnet_id)),
        Key(&["availability-zone"], |interface| value(&interface.availability_zone)),
        Key(&["availability-zone-id"], |interface| {
            value(&interface.availability_zone_id)
        }),
        Key(&["description"], |interface| value(&interface.description)),
        Key(&["interface-type"], |interface| value(&interface.interface_type)),
        Key(&["mac-address"], |interface| value(&interface.mac_address)),
        Key(&["owner-id"], |interface| value(&interface.owner_id)),
        Key(&["private-dns-name"], |interface| value(&interface.private_dns_name)),
        Key(&["private-ip-address"], |interface| {
            value(&interface.private_ip_address)
        }),
        Key(&["requester-managed"], |interface| value(&interface.requester_managed)),
        Key(&["source-dest-check"], |interface| value(&interface.source_dest_check)),
        Key(&["status"], |interface| value(&interface.status)),
        Key(&["group-id"], |interface| {
            interface
                .groups
                .iter()
                .flatten()
                .flat_map(|group| value(&group.group_id))
                .collect()
        }),
        Key(&["group-name"], |interface| {
            interface
                .groups
                .iter()
                .flatten()
                .flat_map(|group| value(&group.group_name))
                .collect()
        }),
        Key(&["addresses.private-ip-address"], |interface| {
            of_addresses(interface, |at| value(&at.private_ip_address))
        }),
        Key(&["addresses.primary"], |interface| {
            of_addresses(interface, |at| value(&at.primary))
        }),
        Key(&["attachment.attachment-id"], |interface| {
            of_attachment(interface, |at| value(&at.attachment_id))
        }),
        Key(&["attachment.attach-time"], |interface| {
            of_attachment(interface, |at| at.attach_time.map(moment).into_iter().collect())
        }),
        Key(&["attachment.delete-on-termination"], |interface| {
            of_attachment(interface, |at| value(&at.delete_on_termination))
        }),
        Key(&["attachment.device-index"], |interface| {
            of_attachment(interface, |at| value(&at.device_index))
        }),
        Key(&["attachment.instance-owner-id"], |interface| {
            of_attachment(interface, |at| value(&at.instance_owner_id))
        }),
        Key(&["attachment.status"], |interface| {
            of_attachment(interface, |at| value(&at.status))
        }),
        Key(&["operator.managed"], |interface| {
            interface.operator.iter().flat_map(|by| value(&by.managed)).collect()
        }),
        Key(
            &[
                "addresses.association.owner-id",
                "addresses.association.public-ip",
                "association.allocation-id",
                "association.association-id",
                "association.ip-owner-id",
                "association.public-dns-name",
                "association.public-ip",
                "attachment.instance-id",
                "ipv6-addresses.ipv6-address",
                "operator.principal",
                "requester-id",
                "tag",
                "tag-key",
            ],
            nothing,
        ),
    ],
};

fn of_addresses(
    interface: &NetworkInterface,
    values: fn(&NetworkInterfacePrivateIpAddress) -> Vec<String>,
) -> Vec<String> {
    interface
        .private_ip_addresses
        .iter()
        .flatten()
        .flat_map(values)
        .collect()
}

fn of_attachment(interface: &NetworkInterface, values: fn(&NetworkInterfaceAttachment) -> Vec<String>) -> Vec<String> {
    interface.attachment.iter().flat_map(values).collect()
}

/// As answers spell it: `2026-11-20T16:00:00.000Z`.
fn moment(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Answers DescribeNetworkInterfaces.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(
    view: &NetworkView,
    request: &DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResult, ServiceError> {
    let ids = request.network_interface_ids.as_deref().filter(|ids| !ids.is_empty());
    if ids.is_some() && request.max_results.is_some() {
        let text = "The parameter NetworkInterfaceIds cannot be used with the parameter MaxResults";
        return Err(ServiceError::client("InvalidParameterCombination", text));
    }
    let asked = Asked {
        ids,
        filters: request.filters.as_deref(),
        max_results: request.max_results,
        after: request.next_token.as_deref(),
    };
    let all = view.interfaces.iter().map(|each| interface(view, each)).collect();
    let (network_interfaces, next_token) = INTERFACES.page(all, asked)?;
    Ok(DescribeNetworkInterfacesResult {
        network_interfaces,
        next_token,
    })
}

fn interface(view: &NetworkView, of: &Interface) -> NetworkInterface {
    let zone = view.network.subnet(of.subnet).map(|subnet| subnet.zone.clone());
    let address = NetworkInterfacePrivateIpAddress {
        primary: Some(true),
        private_dns_name: Some(of.private_dns_name()),
        private_ip_address: Some(of.address.to_string()),
        ..NetworkInterfacePrivateIpAddress::default()
    };
    NetworkInterface {
        network_interface_id: Some(of.key.id.to_string()),
        interface_type: Some("interface".to_owned()),
        description: Some(of.description.clone()),
        status: Some("in-use".to_owned()),
        attachment: Some(attachment(view, of)),
        owner_id: owner(view),
        requester_managed: Some(true),
        operator: Some(OperatorResponse {
            managed: Some(false),
            ..OperatorResponse::default()
        }),
        vpc_id: Some(view.network.vpc.to_string()),
        subnet_id: Some(of.subnet.to_string()),
        availability_zone_id: zone.as_deref().and_then(zones::zone_id),
        availability_zone: zone,
        mac_address: Some(of.mac.to_string()),
        private_dns_name: address.private_dns_name.clone(),
        private_ip_address: address.private_ip_address.clone(),
        private_ip_addresses: Some(vec![address]),
        ipv6_addresses: Some(Vec::new()),
        groups: Some(
            of.security_groups
                .iter()
                .map(|group| groups::identifier(view, *group))
                .collect(),
        ),
        source_dest_check: Some(true),
        tag_set: Some(Vec::new()),
        ..NetworkInterface::default()
    }
}

/// An interface lives as long as its task, beside the machine's own interface.
fn attachment(view: &NetworkView, of: &Interface) -> NetworkInterfaceAttachment {
    NetworkInterfaceAttachment {
        attachment_id: Some(format!("eni-attach-{}", Ec2Digits::new(of.attachment.0))),
        attach_time: Some(of.created_at),
        delete_on_termination: Some(true),
        device_index: Some(1),
        network_card_index: Some(0),
        instance_owner_id: owner(view),
        status: Some("attached".to_owned()),
        ..NetworkInterfaceAttachment::default()
    }
}
