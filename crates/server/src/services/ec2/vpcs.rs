//! DescribeVpcs: the default VPC.

use berth_core::network::default::VPC_PREFIX_LEN;
use berth_core::network::view::NetworkView;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{
    DescribeVpcsRequest, DescribeVpcsResult, Vpc, VpcCidrBlockAssociation, VpcCidrBlockState,
};

use super::filter::{Key, nothing, value};
use super::list::{Asked, Resource};
use super::owner;

/// What a list of VPCs needs to know.
pub(super) const VPCS: Resource<Vpc> = Resource {
    prefix: "vpc-",
    noun: "vpc ID",
    malformed: "InvalidVpcID.Malformed",
    not_found: "InvalidVpcID.NotFound",
    id: |vpc| &vpc.vpc_id,
    place: |vpc| &vpc.vpc_id,
    filters: &[
        Key(&["vpc-id"], |vpc| value(&vpc.vpc_id)),
        Key(&["cidr", "cidr-block", "cidrBlock"], |vpc| value(&vpc.cidr_block)),
        Key(&["is-default", "isDefault"], |vpc| value(&vpc.is_default)),
        Key(&["owner-id"], |vpc| value(&vpc.owner_id)),
        Key(&["state"], |vpc| value(&vpc.state)),
        Key(&["dhcp-options-id", "dhcpOptionsId"], |vpc| value(&vpc.dhcp_options_id)),
        Key(&["cidr-block-association.cidr-block"], |vpc| {
            of_ranges(vpc, |range| value(&range.cidr_block))
        }),
        Key(&["cidr-block-association.association-id"], |vpc| {
            of_ranges(vpc, |range| value(&range.association_id))
        }),
        Key(&["cidr-block-association.state"], |vpc| {
            of_ranges(vpc, |range| {
                range
                    .cidr_block_state
                    .iter()
                    .flat_map(|state| value(&state.state))
                    .collect()
            })
        }),
        Key(
            &[
                "ipv6-cidr-block-association.ipv6-cidr-block",
                "ipv6-cidr-block-association.ipv6-pool",
                "ipv6-cidr-block-association.association-id",
                "ipv6-cidr-block-association.state",
                "tag",
                "tag-key",
            ],
            nothing,
        ),
    ],
};

fn of_ranges(vpc: &Vpc, values: fn(&VpcCidrBlockAssociation) -> Vec<String>) -> Vec<String> {
    vpc.cidr_block_association_set
        .iter()
        .flatten()
        .flat_map(values)
        .collect()
}

/// Answers DescribeVpcs.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(view: &NetworkView, request: &DescribeVpcsRequest) -> Result<DescribeVpcsResult, ServiceError> {
    let asked = Asked {
        ids: request.vpc_ids.as_deref(),
        filters: request.filters.as_deref(),
        max_results: request.max_results,
        after: request.next_token.as_deref(),
    };
    let (vpcs, next_token) = VPCS.page(vec![vpc(view)], asked)?;
    Ok(DescribeVpcsResult { vpcs, next_token })
}

fn vpc(view: &NetworkView) -> Vpc {
    let network = &view.network;
    // The subnets share out the VPC from its first address on.
    let cidr = network
        .subnets
        .first()
        .map(|first| format!("{}/{VPC_PREFIX_LEN}", first.base));
    let range = VpcCidrBlockAssociation {
        association_id: Some(format!("vpc-cidr-assoc-{}", network.vpc.0)),
        cidr_block: cidr.clone(),
        cidr_block_state: Some(VpcCidrBlockState {
            state: Some("associated".to_owned()),
            ..Default::default()
        }),
    };
    Vpc {
        vpc_id: Some(network.vpc.to_string()),
        owner_id: owner(view),
        state: Some("available".to_owned()),
        cidr_block: cidr,
        cidr_block_association_set: Some(vec![range]),
        instance_tenancy: Some("default".to_owned()),
        is_default: Some(true),
        ..Vpc::default()
    }
}
