//! CloudWatch Logs as far as containers and their readers need it; all other operations are refused.

use super::{Area, Section, Source, refused};

pub(crate) const AREA: Area = Area {
    file: "logs",
    service: "logs",
    title: "CloudWatch Logs",
    intro: "Every operation that is not listed answers `UnknownOperationException`, and so does what is refused here.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "Groups",
        source: Source::Operations,
        rows: &[
            refused("CreateLogGroup"),
            refused("DeleteLogGroup"),
            refused("DescribeLogGroups"),
            refused("PutRetentionPolicy"),
            refused("DeleteRetentionPolicy"),
        ],
    },
    Section {
        title: "Streams",
        source: Source::Operations,
        rows: &[
            refused("CreateLogStream"),
            refused("DeleteLogStream"),
            refused("DescribeLogStreams"),
        ],
    },
    Section {
        title: "Events",
        source: Source::Operations,
        rows: &[
            refused("PutLogEvents"),
            refused("GetLogEvents"),
            refused("FilterLogEvents"),
        ],
    },
    Section {
        title: "Tags",
        source: Source::Operations,
        rows: &[refused("ListTagsForResource"), refused("TagResource")],
    },
];
