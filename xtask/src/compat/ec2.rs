//! EC2 as far as networks of tasks are looked at; all other operations are refused.

use super::{Area, Section, Source, partial};

pub(crate) const AREA: Area = Area {
    file: "ec2",
    service: "ec2",
    title: "EC2",
    intro: "Every account has in every region the default network that AWS gives it, and the interfaces that its tasks \
            hold. All filters that EC2 documents for these resources are known. Every operation that is not listed \
            answers `UnsupportedOperation`.",
    refusal_proof: Some("crates/server/tests/services/ec2.rs::what_is_not_built_is_refused"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[Section {
    title: "Networks",
    source: Source::Operations,
    rows: &[
        partial(
            "DescribeAvailabilityZones",
            "zones other than the three of every region, a, b and c",
            "crates/server/tests/services/ec2.rs::zones_are_described",
        ),
        partial(
            "DescribeNetworkInterfaces",
            "interfaces of tasks only; IPv6, public addresses, tags",
            "crates/server/tests/services/ec2.rs::the_interface_of_a_task_is_described",
        ),
        partial(
            "DescribeRegions",
            "the caller's region, or those that are named: there is no list of all",
            "crates/server/tests/services/ec2.rs::regions_are_described",
        ),
        partial(
            "DescribeSecurityGroups",
            "the default group only; tags",
            "crates/server/tests/services/ec2.rs::the_default_security_group_is_described",
        ),
        partial(
            "DescribeSubnets",
            "the default subnets only; IPv6, public addresses, tags",
            "crates/server/tests/services/ec2.rs::subnets_are_described",
        ),
        partial(
            "DescribeVpcs",
            "the default VPC only; DHCP options, IPv6, tags",
            "crates/server/tests/services/ec2.rs::the_default_vpc_is_described",
        ),
    ],
}];
