//! The crash test: builds the workspace as the other tests do, then kills its programs at random.
//!
//! The killing and comparing is done by `tests/crash/run.py` with the end-to-end tests' helpers. The end-to-end tests run
//! some rounds of it; nothing here asserts a figure, they are written down in docs/specification.md.

use std::path::Path;

use anyhow::Result;

use crate::bench::step;

/// `cargo xtask crash [options of the script]`.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<()> {
    step(root, "scripts/packages.sh", &[])?;
    step(root, "cargo", &["build", "--workspace", "--locked"])?;
    step(root, "tests/images/build.sh", &["busybox", "httpd"])?;
    let script = [&["tests/crash/run.py"], options].concat();
    step(root, "target/venv/bin/python", &script)
}
