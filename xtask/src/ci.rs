//! Everything that a change must pass, in the order in which it fails fastest: one line per step, stop at the first
//! failure.
//!
//! The output of a step goes to `target/ci/<step>.log` and is printed when the step fails. The end-to-end tests need root,
//! as `make test` does; both run the same ones.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// One command, run at the root of the repository.
struct Step {
    name: &'static str,
    /// Program and arguments.
    command: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step {
        name,
        command,
        environment: &[],
    }
}

const STEPS: &[Step] = &[
    step("fmt", &["cargo", "fmt", "--all", "--check"]),
    step("tidy", &["cargo", "xtask", "tidy"]),
    step(
        "clippy",
        &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    ),
    step("build", &["cargo", "build", "--workspace", "--locked"]),
    step("test", &["cargo", "test", "--workspace", "--locked"]),
    step("packages", &["bash", "scripts/packages.sh", "tests"]),
    step("fuzz", &["cargo", "xtask", "fuzz", "--runs", "20000"]),
    step("e2e", &["bash", "scripts/e2e.sh"]),
    Step {
        name: "docs",
        command: &["cargo", "doc", "--workspace", "--no-deps", "--locked"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

/// Licences, bans and sources. The advisory database needs the open internet, so it is not part of CI.
const DENY: Step = step(
    "deny",
    &["cargo", "deny", "--offline", "check", "bans", "licenses", "sources"],
);

/// Runs every step.
pub(crate) fn run(root: &Path) -> Result<()> {
    let logs = root.join("target/ci");
    std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
    let begin = Instant::now();
    for step in STEPS {
        run_step(root, &logs, step)?;
    }
    if is_installed(root, "deny") {
        run_step(root, &logs, &DENY)?;
    } else {
        println!("deny      not run: cargo-deny is not installed (cargo install cargo-deny --locked)");
    }
    println!("ci passed in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn run_step(root: &Path, logs: &Path, step: &Step) -> Result<()> {
    print!("{:<9} ", step.name);
    std::io::stdout().flush().context("writing to the terminal")?;
    let log = logs.join(format!("{}.log", step.name));
    let begin = Instant::now();
    let is_success = execute(root, &log, step)?;
    println!(
        "{:>6.1} s{}",
        begin.elapsed().as_secs_f64(),
        if is_success { "" } else { "  FAILED" }
    );
    if is_success { Ok(()) } else { fail(step, &log) }
}

/// Whether the command ended well; both its streams go to `log`.
fn execute(root: &Path, log: &PathBuf, step: &Step) -> Result<bool> {
    let (program, arguments) = step.command.split_first().expect("a step has a program");
    let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    let errors = output.try_clone().context("sharing the log file")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(step.environment.iter().copied())
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .with_context(|| format!("starting {program}"))?;
    Ok(status.success())
}

fn fail(step: &Step, log: &PathBuf) -> Result<()> {
    let output = std::fs::read(log).with_context(|| format!("reading {}", log.display()))?;
    println!("{}", String::from_utf8_lossy(&output));
    bail!("`{}` failed; run it alone to see it again", step.command.join(" "))
}

/// Whether cargo knows the sub-command.
fn is_installed(root: &Path, subcommand: &str) -> bool {
    let output = Command::new("cargo")
        .args([subcommand, "--version"])
        .current_dir(root)
        .output();
    output.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_in_temporary_folder(step: &Step) -> Result<()> {
        let folder = std::env::temp_dir().join(format!("berth-xtask-ci-{}-{}", std::process::id(), step.name));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let result = run_step(&folder, &folder, step);
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
        result
    }

    #[test]
    fn a_step_that_succeeds_passes() {
        assert!(run_in_temporary_folder(&step("good", &["true"])).is_ok());
    }

    #[test]
    fn a_step_that_fails_stops_with_its_command() {
        let error = run_in_temporary_folder(&step("bad", &["false"])).expect_err("false fails");
        assert!(error.to_string().contains("`false` failed"));
    }

    #[test]
    fn a_missing_program_is_a_clear_error() {
        let error = run_in_temporary_folder(&step("none", &["berth-has-no-such-program"])).expect_err("it is missing");
        assert!(error.to_string().contains("starting berth-has-no-such-program"));
    }
}
