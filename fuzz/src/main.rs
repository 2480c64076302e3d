//! libFuzzer around one of the targets, which `BERTH_FUZZ_TARGET` names. Run it with `cargo xtask fuzz`.
#![no_main]
#![forbid(unsafe_code)]

#[path = "../../crates/wire/tests/fuzz/targets/mod.rs"]
mod targets;

use std::sync::OnceLock;

static TARGET: OnceLock<targets::Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("BERTH_FUZZ_TARGET").unwrap_or_default();
        let found = targets::ALL.iter().find(|(known, _)| *known == name);
        let (_, target) = found.unwrap_or_else(|| panic!("BERTH_FUZZ_TARGET names no target: {name:?}"));
        TARGET.set(*target).expect("this runs once");
    },
    |data: &[u8]| TARGET.get().expect("libFuzzer ran the initialisation")(data)
);
