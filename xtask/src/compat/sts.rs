//! The Security Token Service as far as callers ask who they are; all other operations are refused.

use super::{Area, Section, Source, full, refused};

pub(crate) const AREA: Area = Area {
    file: "sts",
    service: "sts",
    title: "STS",
    intro: "Every operation that is not listed answers `InvalidAction`, and so does what is refused here.",
    refusal_proof: Some("crates/server/tests/services/sts.rs::what_is_not_built_is_refused"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[Section {
    title: "Identity",
    source: Source::Operations,
    rows: &[
        refused("AssumeRole"),
        full(
            "GetCallerIdentity",
            "crates/server/tests/services/sts.rs::callers_learn_who_they_are",
        ),
    ],
}];
