//! Benchmarks: builds what users run, then measures it beside what it is compared with, in one run.
//!
//! The measuring itself is done by scripts under `tests/bench/`, which use the stock clients' signatures and the test
//! suites' helpers, and by `crates/core/benches/` for brains alone. Nothing here asserts a figure: they are written down in docs/specification.md.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// `cargo xtask bench start [options of the script]`.
pub(crate) fn start(root: &Path, options: &[&str]) -> Result<()> {
    step(root, "scripts/packages.sh", &[])?;
    step(root, "cargo", &["build", "--release", "--locked", "--package", "berth"])?;
    let script = [&["tests/bench/start.py"], options].concat();
    step(root, "target/venv/bin/python", &script)
}

/// `cargo xtask bench api [options of the script]`.
pub(crate) fn api(root: &Path, options: &[&str]) -> Result<()> {
    step(root, "scripts/packages.sh", &[])?;
    step(root, "cargo", &["build", "--release", "--locked", "--package", "berth"])?;
    step(root, "cargo", &example("load"))?;
    let script = [&["tests/bench/api.py"], options].concat();
    step(root, "target/venv/bin/python", &script)
}

/// `cargo xtask bench restart [options of the script]`.
pub(crate) fn restart(root: &Path, options: &[&str]) -> Result<()> {
    step(root, "scripts/packages.sh", &[])?;
    step(root, "cargo", &["build", "--release", "--locked", "--package", "berth"])?;
    step(root, "cargo", &example("fill"))?;
    let script = [&["tests/bench/restart.py"], options].concat();
    step(root, "target/venv/bin/python", &script)
}

/// How a program of the server's examples is built.
fn example(name: &str) -> [&str; 7] {
    [
        "build",
        "--release",
        "--locked",
        "--package",
        "berth-server",
        "--example",
        name,
    ]
}

/// `cargo xtask bench place [options of the benchmark]`.
pub(crate) fn place(root: &Path, options: &[&str]) -> Result<()> {
    let bench = ["bench", "--locked", "--package", "berth-core", "--bench", "place", "--"];
    step(root, "cargo", &[&bench, options].concat())
}

/// Runs one command at the root of the repository.
pub(crate) fn step(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    // A name with a folder in it is meant relative to the repository, whatever directory the user is in.
    let path = if program.contains('/') {
        root.join(program)
    } else {
        program.into()
    };
    let status = Command::new(path)
        .args(arguments)
        .current_dir(root)
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} failed: {status}");
    Ok(())
}
