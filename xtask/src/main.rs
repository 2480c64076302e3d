//! The project's own tools: `cargo xtask ci | tidy | compat | shapes | bench | crash | fuzz`.
//!
//! Why a program instead of shell scripts: the checks are code, so they have types, tests and reviewers.
//! It does not contain anything that Berth needs at run time, and no crate of the product may depend on it.
#![forbid(unsafe_code)]

mod bench;
mod ci;
mod compat;
mod crash;
mod fuzz;
mod shapes;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask <command>

  ci       everything that a change must pass, one line per step
  tidy     the rules that the compiler does not know: layers, purity, sizes, freshness, hygiene
  compat   write docs/compatibility.md from the tables in xtask/src/compat/
  shapes   generate crates/wire/src/shapes/ from the published models; --check only compares (both download)
  fuzz     look for bytes that a parser does not bear: [TARGET] [--seconds N], by default all targets, 60 s each
  bench    place: placements beside a scan of all machines (--instances N, --placements N, --run NAME)
           start: from RunTask to RUNNING, beside `ctr run` of the same image (--rounds N, --parallel N)
           api: calls per second beside etcd's puts, and memory (--rounds N, --seconds N, --tasks N)
           restart: until a control plane with many tasks serves again, and memory per task (--tasks N, --rounds N)
  crash    kill server, agent and containerd at random while tasks start and stop, and compare (--rounds N, --seed N)";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ci"] => ci::run(&root()),
        ["tidy"] => tidy::run(&root()),
        ["compat"] => compat::write(&root()),
        ["bench", "place", options @ ..] => bench::place(&root(), options),
        ["bench", "start", options @ ..] => bench::start(&root(), options),
        ["bench", "api", options @ ..] => bench::api(&root(), options),
        ["bench", "restart", options @ ..] => bench::restart(&root(), options),
        ["crash", options @ ..] => crash::run(&root(), options),
        ["fuzz", options @ ..] => fuzz::run(&root(), options),
        ["shapes"] => shapes::write(&root()),
        ["shapes", "--check"] => shapes::check(&root()),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        [] => bail!("which command?\n{USAGE}"),
        other => bail!("`{}` is not a command of xtask\n{USAGE}", other.join(" ")),
    }
}

/// The top of the repository: the folder above this package.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies directly under the root of the workspace")
        .to_path_buf()
}
