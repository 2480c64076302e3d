//! The Security Token Service as far as callers ask who they are; all other operations are refused.

use super::{Area, Section, Source, refused};

pub(crate) const AREA: Area = Area {
    file: "sts",
    service: "sts",
    title: "STS",
    intro: "Every operation that is not listed answers `InvalidAction`, and so does what is refused here.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[Section {
    title: "Identity",
    source: Source::Operations,
    rows: &[refused("AssumeRole"), refused("GetCallerIdentity")],
}];
