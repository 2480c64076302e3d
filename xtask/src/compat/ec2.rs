//! EC2 as far as networks of tasks are looked at; all other operations are refused.

use super::{Area, Section, Source, refused};

pub(crate) const AREA: Area = Area {
    file: "ec2",
    service: "ec2",
    title: "EC2",
    intro: "Every operation that is not listed answers `InvalidAction`; what is refused here answers `UnsupportedOperation`.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[Section {
    title: "Networks",
    source: Source::Operations,
    rows: &[
        refused("DescribeAvailabilityZones"),
        refused("DescribeNetworkInterfaces"),
        refused("DescribeRegions"),
        refused("DescribeSecurityGroups"),
        refused("DescribeSubnets"),
        refused("DescribeVpcs"),
    ],
}];
