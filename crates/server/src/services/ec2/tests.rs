//! The shapes that networks become, and what requests choose among them.

use berth_core::kernel::ids::{Ec2Digits, Uuid};
use berth_core::kernel::{Scope, Timestamp};
use berth_core::network::interface::Mac;
use berth_core::network::view::{NetworkView, SubnetView};
use berth_core::network::{DefaultNetwork, Interface, InterfaceId, InterfaceKey};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{
    DescribeAvailabilityZonesRequest, DescribeNetworkInterfacesRequest, DescribeRegionsRequest,
    DescribeSecurityGroupsRequest, DescribeSubnetsRequest, DescribeVpcsRequest, Filter, NetworkInterface,
};

use super::{groups, interfaces, regions, subnets, vpcs, zones};

/// A region with `count` interfaces in the second zone.
fn view(count: u8) -> NetworkView {
    let scope = Scope {
        account: "012345678910".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    };
    let network = DefaultNetwork::of(&scope);
    let interface = |number: u8| Interface {
        key: InterfaceKey {
            scope: scope.clone(),
            id: InterfaceId(Ec2Digits::new(number.into())),
        },
        subnet: network.subnets[1].id,
        address: [172, 31, 16, 3 + number].into(),
        mac: Mac::of([172, 31, 16, 3 + number].into()),
        security_groups: vec![network.security_group],
        attachment: Uuid(0xabc),
        description: "arn:aws:ecs:eu-central-1:012345678910:attachment/x".to_owned(),
        created_at: Timestamp(1_700_000_000_123),
    };
    let subnets = network.subnets.iter().map(|subnet| SubnetView {
        subnet: subnet.clone(),
        free_addresses: 4091,
    });
    NetworkView {
        subnets: subnets.collect(),
        interfaces: (1..=count).map(interface).collect(),
        network: network.clone(),
        scope,
    }
}

fn filters(name: &str, value: &str) -> Option<Vec<Filter>> {
    Some(vec![Filter {
        name: Some(name.to_owned()),
        values: Some(vec![value.to_owned()]),
    }])
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn code(error: ServiceError) -> String {
    error.code.into_owned()
}

#[test]
fn a_vpc_shows_its_range() {
    let view = view(0);
    let answer = vpcs::describe(&view, &DescribeVpcsRequest::default()).unwrap();
    let vpcs = answer.vpcs.unwrap();
    let [vpc] = vpcs.as_slice() else { panic!("{vpcs:?}") };
    assert_eq!(vpc.vpc_id, Some(view.network.vpc.to_string()));
    assert_eq!(vpc.cidr_block.as_deref(), Some("172.31.0.0/16"));
    assert_eq!((vpc.is_default, vpc.state.as_deref()), (Some(true), Some("available")));
    assert_eq!(answer.next_token, None);
}

#[test]
fn every_filter_of_a_vpc_sees_what_is_shown() {
    let view = view(0);
    let id = view.network.vpc.to_string();
    let count = |name: &str, value: &str| {
        let request = DescribeVpcsRequest {
            filters: filters(name, value),
            ..Default::default()
        };
        vpcs::describe(&view, &request)
            .map(|answer| answer.vpcs.unwrap().len())
            .map_err(code)
    };
    for (name, value) in [
        ("vpc-id", id.as_str()),
        ("cidr", "172.31.*"),
        ("is-default", "true"),
        ("isDefault", "true"),
        ("owner-id", "012345678910"),
        ("state", "available"),
        ("cidr-block-association.cidr-block", "172.31.0.0/1?"),
        ("cidr-block-association.association-id", "vpc-cidr-assoc-*"),
        ("cidr-block-association.state", "associated"),
    ] {
        assert_eq!(count(name, value), Ok(1), "{name}");
        assert_eq!(count(name, "other"), Ok(0), "{name}");
    }
    assert_eq!(count("dhcp-options-id", "*"), Ok(0));
    assert_eq!(count("tag:Name", "*"), Ok(0));
    assert_eq!(count("default-for-az", "true"), Err("InvalidParameterValue".to_owned()));
}

#[test]
fn ids_that_do_not_exist_are_refused_with_the_codes_of_their_resource() {
    let view = view(1);
    let vpc = |id: &str| {
        let request = DescribeVpcsRequest {
            vpc_ids: texts(&[id]),
            ..Default::default()
        };
        vpcs::describe(&view, &request).unwrap_err()
    };
    let subnet = |id: &str| {
        let request = DescribeSubnetsRequest {
            subnet_ids: texts(&[id]),
            ..Default::default()
        };
        subnets::describe(&view, &request).unwrap_err()
    };
    let group = |id: &str| {
        let request = DescribeSecurityGroupsRequest {
            group_ids: texts(&[id]),
            ..Default::default()
        };
        groups::describe(&view, &request).unwrap_err()
    };
    let interface = |id: &str| {
        let request = DescribeNetworkInterfacesRequest {
            network_interface_ids: texts(&[id]),
            ..Default::default()
        };
        interfaces::describe(&view, &request).unwrap_err()
    };
    assert_eq!(vpc("vpc-12345678").message, "The vpc ID 'vpc-12345678' does not exist");
    assert_eq!(vpc("vpc-1").message, "Invalid id: \"vpc-1\" (expecting \"vpc-...\")");
    let not_found = [
        vpc("vpc-12345678"),
        subnet("subnet-12345678"),
        group("sg-12345678"),
        interface("eni-12345678"),
    ];
    let codes = [
        "InvalidVpcID.NotFound",
        "InvalidSubnetID.NotFound",
        "InvalidGroup.NotFound",
        "InvalidNetworkInterfaceID.NotFound",
    ];
    assert_eq!(not_found.map(code), codes);
    let malformed = [
        vpc("default"),
        subnet("subnet-XYZ"),
        group("vpc-12345678"),
        interface("eni-123456789"),
    ];
    let codes = [
        "InvalidVpcID.Malformed",
        "InvalidSubnetID.Malformed",
        "InvalidGroupId.Malformed",
        "InvalidNetworkInterfaceId.Malformed",
    ];
    assert_eq!(malformed.map(code), codes);
}

#[test]
fn subnets_stand_in_the_order_of_their_zones() {
    let view = view(0);
    let zones_of = |request: &DescribeSubnetsRequest| -> Vec<String> {
        let answer = subnets::describe(&view, request).unwrap();
        answer
            .subnets
            .unwrap()
            .into_iter()
            .filter_map(|subnet| subnet.availability_zone)
            .collect()
    };
    let all = zones_of(&DescribeSubnetsRequest::default());
    assert_eq!(all, ["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
    let second = view.network.subnets[1].id.to_string();
    assert_eq!(
        zones_of(&DescribeSubnetsRequest {
            subnet_ids: texts(&[&second]),
            ..Default::default()
        }),
        ["eu-central-1b"]
    );
    for (name, value) in [
        ("availabilityZone", "*c"),
        ("availability-zone-id", "euc1-az3"),
        ("cidr", "172.31.32.0/20"),
        ("subnet-id", &view.network.subnets[2].id.to_string()),
    ] {
        let request = DescribeSubnetsRequest {
            filters: filters(name, value),
            ..Default::default()
        };
        assert_eq!(zones_of(&request), ["eu-central-1c"], "{name}");
    }
    for (name, value) in [
        ("default-for-az", "true"),
        ("available-ip-address-count", "4091"),
        ("vpc-id", "vpc-*"),
    ] {
        let request = DescribeSubnetsRequest {
            filters: filters(name, value),
            ..Default::default()
        };
        assert_eq!(zones_of(&request).len(), 3, "{name}");
    }
}

#[test]
fn the_default_group_lets_its_members_in_and_everything_out() {
    let view = view(0);
    let answer = groups::describe(&view, &DescribeSecurityGroupsRequest::default()).unwrap();
    let group = answer.security_groups.unwrap().remove(0);
    let (inbound, outbound) = (
        &group.ip_permissions.unwrap()[0],
        &group.ip_permissions_egress.unwrap()[0],
    );
    assert_eq!(
        inbound.user_id_group_pairs.as_ref().unwrap()[0].group_id,
        group.group_id
    );
    assert_eq!(inbound.ip_ranges, Some(Vec::new()));
    assert_eq!(
        outbound.ip_ranges.as_ref().unwrap()[0].cidr_ip.as_deref(),
        Some("0.0.0.0/0")
    );
    assert_eq!(
        [inbound, outbound].map(|rule| rule.ip_protocol.as_deref()),
        [Some("-1"); 2]
    );
}

#[test]
fn groups_go_by_name_or_id() {
    let view = view(0);
    let id = view.network.security_group.to_string();
    let named = |name: &str| {
        let request = DescribeSecurityGroupsRequest {
            group_names: texts(&[name]),
            ..Default::default()
        };
        groups::describe(&view, &request)
            .map(|answer| answer.security_groups.unwrap().len())
            .map_err(code)
    };
    assert_eq!(named("default"), Ok(1));
    assert_eq!(named(&id), Ok(1));
    assert_eq!(named("web"), Err("InvalidGroup.NotFound".to_owned()));
    let count = |name: &str, value: &str| {
        let request = DescribeSecurityGroupsRequest {
            filters: filters(name, value),
            ..Default::default()
        };
        groups::describe(&view, &request)
            .unwrap()
            .security_groups
            .unwrap()
            .len()
    };
    assert_eq!(count("group-name", "def*"), 1);
    assert_eq!(count("ip-permission.group-id", &id), 1);
    assert_eq!(count("egress.ip-permission.cidr", "0.0.0.0/0"), 1);
    assert_eq!(count("ip-permission.cidr", "0.0.0.0/0"), 0);
}

fn described(view: &NetworkView, request: &DescribeNetworkInterfacesRequest) -> Vec<NetworkInterface> {
    interfaces::describe(view, request).unwrap().network_interfaces.unwrap()
}

#[test]
fn an_interface_shows_its_task_and_its_place() {
    let view = view(1);
    let interface = described(&view, &DescribeNetworkInterfacesRequest::default()).remove(0);
    let text = |field: &Option<String>| field.clone().unwrap();
    assert_eq!(text(&interface.network_interface_id), "eni-00000000000000001");
    assert_eq!(
        text(&interface.description),
        "arn:aws:ecs:eu-central-1:012345678910:attachment/x"
    );
    assert_eq!(text(&interface.private_ip_address), "172.31.16.4");
    assert_eq!(
        text(&interface.private_dns_name),
        "ip-172-31-16-4.eu-central-1.compute.internal"
    );
    assert_eq!(text(&interface.mac_address), "0a:58:ac:1f:10:04");
    assert_eq!(text(&interface.availability_zone), "eu-central-1b");
    assert_eq!(text(&interface.status), "in-use");
    assert_eq!(interface.requester_managed, Some(true));
    assert_eq!(interface.groups.unwrap()[0].group_name.as_deref(), Some("default"));
    let attachment = interface.attachment.unwrap();
    assert_eq!(text(&attachment.attachment_id), "eni-attach-00000000000000abc");
    assert_eq!(
        (attachment.device_index, attachment.status.as_deref()),
        (Some(1), Some("attached"))
    );
    assert_eq!(attachment.attach_time, Some(Timestamp(1_700_000_000_123)));
}

#[test]
fn every_filter_of_an_interface_sees_what_is_shown() {
    let view = view(2);
    for (name, value, found) in [
        ("network-interface-id", "eni-00000000000000002", 1),
        ("private-ip-address", "172.31.16.5", 1),
        ("addresses.private-ip-address", "172.31.16.?", 2),
        ("addresses.primary", "true", 2),
        ("private-dns-name", "ip-172-31-16-4.*", 1),
        ("mac-address", "0a:58:ac:1f:10:04", 1),
        ("description", "*:attachment/x", 2),
        ("subnet-id", "subnet-*", 2),
        ("vpc-id", "vpc-*", 2),
        ("group-id", "sg-*", 2),
        ("group-name", "default", 2),
        ("status", "in-use", 2),
        ("status", "available", 0),
        ("availability-zone", "eu-central-1b", 2),
        ("attachment.attach-time", "2023-11-14T22:13:20.123Z", 2),
        ("attachment.status", "attached", 2),
        ("attachment.device-index", "1", 2),
        ("attachment.instance-id", "*", 0),
        ("requester-managed", "true", 2),
        ("owner-id", "012345678910", 2),
        ("association.public-ip", "*", 0),
        ("tag:Name", "*", 0),
    ] {
        let request = DescribeNetworkInterfacesRequest {
            filters: filters(name, value),
            ..Default::default()
        };
        assert_eq!(described(&view, &request).len(), found, "{name}");
    }
}

#[test]
fn pages_show_every_interface_once() {
    let full = view(12);
    let mut request = DescribeNetworkInterfacesRequest {
        max_results: Some(5),
        ..Default::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = interfaces::describe(&full, &request).unwrap();
        pages.push(page.network_interfaces.unwrap());
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 2]);
    assert_eq!(
        pages.concat(),
        described(&full, &DescribeNetworkInterfacesRequest::default())
    );
}

#[test]
fn a_page_goes_on_behind_an_interface_that_is_gone() {
    let full = view(12);
    let first = DescribeNetworkInterfacesRequest {
        max_results: Some(5),
        ..Default::default()
    };
    let token = interfaces::describe(&full, &first).unwrap().next_token;
    let mut rest = full.clone();
    rest.interfaces.remove(4);
    let next = DescribeNetworkInterfacesRequest {
        next_token: token,
        ..Default::default()
    };
    assert_eq!(
        described(&rest, &next),
        described(&full, &DescribeNetworkInterfacesRequest::default())[5..]
    );
}

#[test]
fn pages_that_cannot_be_are_refused() {
    let view = view(6);
    let refused = |request: DescribeNetworkInterfacesRequest| interfaces::describe(&view, &request).unwrap_err();
    let sized = |max_results| {
        refused(DescribeNetworkInterfacesRequest {
            max_results,
            ..Default::default()
        })
    };
    let text = "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5.";
    assert_eq!(sized(Some(4)).message, text);
    assert_eq!(code(sized(Some(1001))), "InvalidParameterValue");
    let both = DescribeNetworkInterfacesRequest {
        max_results: Some(5),
        network_interface_ids: texts(&["eni-00000000000000001"]),
        ..Default::default()
    };
    assert_eq!(code(refused(both)), "InvalidParameterCombination");
}

#[test]
fn zones_have_ids() {
    for (zone, id) in [
        ("us-east-1a", "use1-az1"),
        ("eu-central-1c", "euc1-az3"),
        ("ap-southeast-2b", "apse2-az2"),
        ("ap-northeast-3a", "apne3-az1"),
        ("us-gov-west-1a", "usgw1-az1"),
    ] {
        assert_eq!(zones::zone_id(zone).as_deref(), Some(id));
    }
}

#[test]
fn zones_go_by_name_id_or_filter() {
    let view = view(0);
    let found = |request: DescribeAvailabilityZonesRequest| -> Result<Vec<String>, String> {
        let answer = zones::describe(&view, &request).map_err(|error| error.message)?;
        Ok(answer
            .availability_zones
            .unwrap()
            .into_iter()
            .filter_map(|zone| zone.zone_name)
            .collect())
    };
    let by_name = |name| DescribeAvailabilityZonesRequest {
        zone_names: texts(&[name]),
        ..Default::default()
    };
    let by_id = |id| DescribeAvailabilityZonesRequest {
        zone_ids: texts(&[id]),
        ..Default::default()
    };
    let by_filter = |name, value| DescribeAvailabilityZonesRequest {
        filters: filters(name, value),
        ..Default::default()
    };
    assert_eq!(found(Default::default()).unwrap().len(), 3);
    assert_eq!(found(by_name("eu-central-1b")).unwrap(), ["eu-central-1b"]);
    assert_eq!(found(by_id("euc1-az1")).unwrap(), ["eu-central-1a"]);
    assert_eq!(found(by_filter("zone-id", "*az3")).unwrap(), ["eu-central-1c"]);
    assert_eq!(found(by_filter("zone-type", "local-zone")).unwrap(), [""; 0]);
    assert_eq!(
        found(by_name("us-east-1a")).unwrap_err(),
        "Invalid availability zone: [us-east-1a]"
    );
    assert_eq!(
        found(by_id("use1-az1")).unwrap_err(),
        "Invalid availability zone-id: [use1-az1]"
    );
    assert_eq!(
        found(by_filter("tag:Name", "x")).unwrap_err(),
        "The filter 'tag:Name' is invalid"
    );
}

#[test]
fn regions_are_the_own_one_or_those_that_are_named() {
    let found = |names: Option<Vec<String>>| -> Result<Vec<String>, String> {
        let request = DescribeRegionsRequest {
            region_names: names,
            ..Default::default()
        };
        let answer = regions::describe(&view(0), &request, "localhost:4566").map_err(code)?;
        Ok(answer
            .regions
            .unwrap()
            .into_iter()
            .filter_map(|region| region.region_name)
            .collect())
    };
    assert_eq!(found(None).unwrap(), ["eu-central-1"]);
    assert_eq!(
        found(texts(&["us-west-2", "af-south-1", "us-west-2"])).unwrap(),
        ["af-south-1", "us-west-2"]
    );
    assert_eq!(found(texts(&["nowhere"])).unwrap_err(), "InvalidParameterValue");
}
