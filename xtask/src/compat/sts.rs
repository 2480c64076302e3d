//! The Security Token Service as far as callers ask who they are; all other operations are refused.

use super::{Area, Section, refused};

pub(crate) const AREA: Area = Area {
    file: "sts",
    title: "STS",
    intro: "Every operation that is not listed answers `InvalidAction`, and so does what is refused here.",
    refusal_proof: None,
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[Section {
    title: "Identity",
    rows: &[refused("GetCallerIdentity")],
}];
