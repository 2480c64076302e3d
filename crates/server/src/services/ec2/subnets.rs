//! DescribeSubnets: one default subnet per zone.

use berth_core::network::view::{NetworkView, SubnetView};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{DescribeSubnetsRequest, DescribeSubnetsResult, PrivateDnsNameOptionsOnLaunch, Subnet};

use super::filter::{Key, nothing, value};
use super::list::{Asked, Resource};
use super::{arn, owner, zones};

/// What a list of subnets needs to know.
pub(super) const SUBNETS: Resource<Subnet> = Resource {
    prefix: "subnet-",
    noun: "subnet ID",
    malformed: "InvalidSubnetID.Malformed",
    not_found: "InvalidSubnetID.NotFound",
    id: |subnet| &subnet.subnet_id,
    place: |subnet| &subnet.availability_zone,
    filters: &[
        Key(&["subnet-id"], |subnet| value(&subnet.subnet_id)),
        Key(&["subnet-arn"], |subnet| value(&subnet.subnet_arn)),
        Key(&["vpc-id"], |subnet| value(&subnet.vpc_id)),
        Key(&["availability-zone", "availabilityZone"], |subnet| {
            value(&subnet.availability_zone)
        }),
        Key(&["availability-zone-id", "availabilityZoneId"], |subnet| {
            value(&subnet.availability_zone_id)
        }),
        Key(&["available-ip-address-count"], |subnet| {
            value(&subnet.available_ip_address_count)
        }),
        Key(&["cidr-block", "cidr", "cidrBlock"], |subnet| value(&subnet.cidr_block)),
        Key(&["default-for-az", "defaultForAz"], |subnet| {
            value(&subnet.default_for_az)
        }),
        Key(&["enable-dns64"], |subnet| value(&subnet.enable_dns64)),
        Key(&["ipv6-native"], |subnet| value(&subnet.ipv6_native)),
        Key(&["map-customer-owned-ip-on-launch"], |subnet| {
            value(&subnet.map_customer_owned_ip_on_launch)
        }),
        Key(&["map-public-ip-on-launch"], |subnet| {
            value(&subnet.map_public_ip_on_launch)
        }),
        Key(&["owner-id"], |subnet| value(&subnet.owner_id)),
        Key(&["state"], |subnet| value(&subnet.state)),
        Key(&["private-dns-name-options-on-launch.hostname-type"], |subnet| {
            of_names(subnet, |names| value(&names.hostname_type))
        }),
        Key(
            &["private-dns-name-options-on-launch.enable-resource-name-dns-a-record"],
            |subnet| of_names(subnet, |names| value(&names.enable_resource_name_dns_a_record)),
        ),
        Key(
            &["private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record"],
            |subnet| of_names(subnet, |names| value(&names.enable_resource_name_dns_aaaa_record)),
        ),
        Key(
            &[
                "customer-owned-ipv4-pool",
                "enable-lni-at-device-index",
                "ipv6-cidr-block-association.ipv6-cidr-block",
                "ipv6-cidr-block-association.association-id",
                "ipv6-cidr-block-association.state",
                "outpost-arn",
                "tag",
                "tag-key",
            ],
            nothing,
        ),
    ],
};

fn of_names(subnet: &Subnet, values: fn(&PrivateDnsNameOptionsOnLaunch) -> Vec<String>) -> Vec<String> {
    subnet
        .private_dns_name_options_on_launch
        .iter()
        .flat_map(values)
        .collect()
}

/// Answers DescribeSubnets.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(
    view: &NetworkView,
    request: &DescribeSubnetsRequest,
) -> Result<DescribeSubnetsResult, ServiceError> {
    let asked = Asked {
        ids: request.subnet_ids.as_deref(),
        filters: request.filters.as_deref(),
        max_results: request.max_results,
        after: request.next_token.as_deref(),
    };
    let all = view.subnets.iter().map(|each| subnet(view, each)).collect();
    let (subnets, next_token) = SUBNETS.page(all, asked)?;
    Ok(DescribeSubnetsResult { subnets, next_token })
}

/// There are neither public addresses nor IPv6, whatever AWS's default subnets have.
fn subnet(view: &NetworkView, of: &SubnetView) -> Subnet {
    let names = PrivateDnsNameOptionsOnLaunch {
        hostname_type: Some("ip-name".to_owned()),
        enable_resource_name_dns_a_record: Some(false),
        enable_resource_name_dns_aaaa_record: Some(false),
    };
    Subnet {
        subnet_id: Some(of.subnet.id.to_string()),
        subnet_arn: arn(view, format!("subnet/{}", of.subnet.id)),
        vpc_id: Some(view.network.vpc.to_string()),
        owner_id: owner(view),
        state: Some("available".to_owned()),
        cidr_block: Some(of.subnet.cidr()),
        available_ip_address_count: i32::try_from(of.free_addresses).ok(),
        availability_zone: Some(of.subnet.zone.clone()),
        availability_zone_id: zones::zone_id(&of.subnet.zone),
        default_for_az: Some(true),
        map_public_ip_on_launch: Some(false),
        map_customer_owned_ip_on_launch: Some(false),
        assign_ipv6_address_on_creation: Some(false),
        ipv6_cidr_block_association_set: Some(Vec::new()),
        enable_dns64: Some(false),
        ipv6_native: Some(false),
        private_dns_name_options_on_launch: Some(names),
        ..Subnet::default()
    }
}
