//! DescribeSecurityGroups: the default security group.

use berth_core::network::SecurityGroupId;
use berth_core::network::view::NetworkView;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{
    DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult, GroupIdentifier, IpPermission, IpRange, SecurityGroup,
    UserIdGroupPair,
};

use super::filter::{Key, nothing, value};
use super::list::{Asked, Resource};
use super::{arn, owner};

/// The name of the default group.
const DEFAULT: &str = "default";

/// What a list of security groups needs to know.
pub(super) const GROUPS: Resource<SecurityGroup> = Resource {
    prefix: "sg-",
    noun: "security group",
    malformed: "InvalidGroupId.Malformed",
    not_found: "InvalidGroup.NotFound",
    id: |group| &group.group_id,
    place: |group| &group.group_id,
    filters: &[
        Key(&["group-id"], |group| value(&group.group_id)),
        Key(&["group-name"], |group| value(&group.group_name)),
        Key(&["description"], |group| value(&group.description)),
        Key(&["owner-id"], |group| value(&group.owner_id)),
        Key(&["vpc-id"], |group| value(&group.vpc_id)),
        Key(&["ip-permission.protocol"], |group| {
            inbound(group, |rule| value(&rule.ip_protocol))
        }),
        Key(&["ip-permission.from-port"], |group| {
            inbound(group, |rule| value(&rule.from_port))
        }),
        Key(&["ip-permission.to-port"], |group| {
            inbound(group, |rule| value(&rule.to_port))
        }),
        Key(&["ip-permission.cidr"], |group| inbound(group, ranges)),
        Key(&["ip-permission.group-id"], |group| {
            inbound(group, |rule| peers(rule, |peer| value(&peer.group_id)))
        }),
        Key(&["ip-permission.group-name"], |group| {
            inbound(group, |rule| peers(rule, |peer| value(&peer.group_name)))
        }),
        Key(&["ip-permission.user-id"], |group| {
            inbound(group, |rule| peers(rule, |peer| value(&peer.user_id)))
        }),
        Key(&["egress.ip-permission.protocol"], |group| {
            outbound(group, |rule| value(&rule.ip_protocol))
        }),
        Key(&["egress.ip-permission.from-port"], |group| {
            outbound(group, |rule| value(&rule.from_port))
        }),
        Key(&["egress.ip-permission.to-port"], |group| {
            outbound(group, |rule| value(&rule.to_port))
        }),
        Key(&["egress.ip-permission.cidr"], |group| outbound(group, ranges)),
        Key(&["egress.ip-permission.group-id"], |group| {
            outbound(group, |rule| peers(rule, |peer| value(&peer.group_id)))
        }),
        Key(&["egress.ip-permission.group-name"], |group| {
            outbound(group, |rule| peers(rule, |peer| value(&peer.group_name)))
        }),
        Key(&["egress.ip-permission.user-id"], |group| {
            outbound(group, |rule| peers(rule, |peer| value(&peer.user_id)))
        }),
        Key(
            &[
                "ip-permission.ipv6-cidr",
                "ip-permission.prefix-list-id",
                "egress.ip-permission.ipv6-cidr",
                "egress.ip-permission.prefix-list-id",
                "tag",
                "tag-key",
            ],
            nothing,
        ),
    ],
};

fn inbound(group: &SecurityGroup, values: fn(&IpPermission) -> Vec<String>) -> Vec<String> {
    group.ip_permissions.iter().flatten().flat_map(values).collect()
}

fn outbound(group: &SecurityGroup, values: fn(&IpPermission) -> Vec<String>) -> Vec<String> {
    group.ip_permissions_egress.iter().flatten().flat_map(values).collect()
}

fn ranges(rule: &IpPermission) -> Vec<String> {
    rule.ip_ranges
        .iter()
        .flatten()
        .flat_map(|range| value(&range.cidr_ip))
        .collect()
}

fn peers(rule: &IpPermission, values: fn(&UserIdGroupPair) -> Vec<String>) -> Vec<String> {
    rule.user_id_group_pairs.iter().flatten().flat_map(values).collect()
}

/// Answers DescribeSecurityGroups.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(
    view: &NetworkView,
    request: &DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResult, ServiceError> {
    let names = request.group_names.as_deref().unwrap_or_default();
    let asked = Asked {
        ids: request.group_ids.as_deref(),
        filters: request.filters.as_deref(),
        max_results: request.max_results,
        after: request.next_token.as_deref(),
    };
    // Ids are taken for names as well.
    let id = view.network.security_group.to_string();
    let unknown = names.iter().find(|name| name.as_str() != DEFAULT && **name != id);
    if let Some(name) = unknown {
        let text = format!(
            "The security group '{name}' does not exist in default VPC '{}'",
            view.network.vpc
        );
        return Err(ServiceError::client(GROUPS.not_found, text));
    }
    let (security_groups, next_token) = GROUPS.page(vec![default_group(view)], asked)?;
    Ok(DescribeSecurityGroupsResult {
        security_groups,
        next_token,
    })
}

/// How an interface names one of its groups.
pub(super) fn identifier(view: &NetworkView, group: SecurityGroupId) -> GroupIdentifier {
    let is_default = group == view.network.security_group;
    GroupIdentifier {
        group_id: Some(group.to_string()),
        group_name: is_default.then(|| DEFAULT.to_owned()),
    }
}

/// Lets in what comes from its own members, and everything out.
fn default_group(view: &NetworkView) -> SecurityGroup {
    let id = view.network.security_group.to_string();
    let members = UserIdGroupPair {
        user_id: owner(view),
        group_id: Some(id.clone()),
        ..UserIdGroupPair::default()
    };
    let everywhere = IpRange {
        cidr_ip: Some("0.0.0.0/0".to_owned()),
        ..IpRange::default()
    };
    SecurityGroup {
        security_group_arn: arn(view, format!("security-group/{id}")),
        group_id: Some(id),
        group_name: Some(DEFAULT.to_owned()),
        description: Some("default VPC security group".to_owned()),
        owner_id: owner(view),
        vpc_id: Some(view.network.vpc.to_string()),
        ip_permissions: Some(vec![all_traffic(vec![members], Vec::new())]),
        ip_permissions_egress: Some(vec![all_traffic(Vec::new(), vec![everywhere])]),
        ..SecurityGroup::default()
    }
}

fn all_traffic(peers: Vec<UserIdGroupPair>, ranges: Vec<IpRange>) -> IpPermission {
    IpPermission {
        ip_protocol: Some("-1".to_owned()),
        user_id_group_pairs: Some(peers),
        ip_ranges: Some(ranges),
        ipv6_ranges: Some(Vec::new()),
        prefix_list_ids: Some(Vec::new()),
        ..IpPermission::default()
    }
}
