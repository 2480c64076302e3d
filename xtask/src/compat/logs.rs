//! CloudWatch Logs as far as containers and their readers need it; all other operations are refused.

use super::{Area, Section, Source, full, partial, refused};

pub(crate) const AREA: Area = Area {
    file: "logs",
    service: "logs",
    title: "CloudWatch Logs",
    intro: "Every operation that is not listed answers `UnknownOperationException`, and so does what is refused here. \
            Members that ask for what is missing answer `InvalidParameterException`.",
    refusal_proof: Some("crates/server/tests/services/logs.rs::what_is_not_built_is_refused"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "Groups",
        source: Source::Operations,
        rows: &[
            partial(
                "CreateLogGroup",
                "`kmsKeyId`, `tags`, `deletionProtectionEnabled`, and classes other than `STANDARD`",
                "crates/server/tests/services/logs.rs::groups_are_created_described_and_deleted",
            ),
            full(
                "DeleteLogGroup",
                "crates/server/tests/services/logs.rs::groups_are_created_described_and_deleted",
            ),
            partial(
                "DescribeLogGroups",
                "linked accounts (`includeLinkedAccounts`, `accountIdentifiers`)",
                "crates/server/tests/services/logs.rs::groups_are_found_by_pattern_and_by_identifier",
            ),
            full(
                "PutRetentionPolicy",
                "crates/server/tests/services/logs.rs::retention_is_set_and_taken_back",
            ),
            full(
                "DeleteRetentionPolicy",
                "crates/server/tests/services/logs.rs::retention_is_set_and_taken_back",
            ),
        ],
    },
    Section {
        title: "Streams",
        source: Source::Operations,
        rows: &[
            full(
                "CreateLogStream",
                "crates/server/tests/services/logs.rs::streams_are_created_described_and_deleted",
            ),
            full(
                "DeleteLogStream",
                "crates/server/tests/services/logs.rs::streams_are_created_described_and_deleted",
            ),
            full(
                "DescribeLogStreams",
                "crates/server/tests/services/logs.rs::streams_are_created_described_and_deleted",
            ),
        ],
    },
    Section {
        title: "Events",
        source: Source::Operations,
        rows: &[
            partial(
                "PutLogEvents",
                "entities: the events are stored, `entity` is answered by `rejectedEntityInfo`",
                "crates/server/tests/services/logs.rs::events_of_a_wrong_time_are_reported",
            ),
            full(
                "GetLogEvents",
                "crates/server/tests/services/logs.rs::events_are_put_and_got_from_either_end",
            ),
            partial(
                "FilterLogEvents",
                "patterns of space-delimited fields (`[ip, user]`) and of regular expressions (`%...%`)",
                "crates/server/tests/services/logs.rs::events_of_a_group_are_filtered",
            ),
        ],
    },
    Section {
        title: "Tags",
        source: Source::Operations,
        rows: &[refused("ListTagsForResource"), refused("TagResource")],
    },
];
