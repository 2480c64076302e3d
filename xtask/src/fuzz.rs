//! `cargo xtask fuzz [TARGET] [--seconds N | --runs N]`: looks for bytes that a parser does not bear, led by coverage.
//!
//! libFuzzer works with stable Rust: only the instrumentation has to be asked of LLVM by hand. What timed runs learn stays
//! under `target/fuzz`; what they find goes, with the mend, into the corpus, which every `cargo test` replays. Counted runs
//! are for continuous integration: they begin with the corpus alone and a fixed seed, so that they try the same each time.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The seeds, a folder for each target.
const CORPUS: &str = "crates/wire/tests/data/fuzz";
/// For each target, if nothing else is said.
const BUDGET: Budget = Budget::Seconds(60);

/// How long each target is tried.
#[derive(Clone, Copy)]
enum Budget {
    /// For so long, going on from what earlier runs learnt.
    Seconds(u32),
    /// So often, the same inputs each time.
    Runs(u32),
}

/// Counters for coverage and values of comparisons, as libFuzzer wants them.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds the fuzzer and runs it on the targets that are asked for.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<()> {
    let known = targets(root)?;
    let (wanted, options) = match words {
        [target, options @ ..] if !target.starts_with("--") => (Some(*target), options),
        options => (None, options),
    };
    let budget = match options {
        [] => BUDGET,
        ["--seconds", seconds] => Budget::Seconds(seconds.parse()?),
        ["--runs", runs] => Budget::Runs(runs.parse()?),
        _ => bail!("usage: cargo xtask fuzz [TARGET] [--seconds N | --runs N]"),
    };
    if let Some(target) = wanted
        && !known.iter().any(|name| name == target)
    {
        bail!("`{target}` is no target; there are: {}", known.join(", "));
    }
    let fuzzer = build(root)?;
    let chosen = known.iter().filter(|name| wanted.is_none_or(|wanted| *name == wanted));
    for target in chosen {
        fuzz(root, &fuzzer, target, budget)?;
    }
    Ok(())
}

fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(CORPUS);
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// The path of the fuzzer. Naming the host as the target keeps the instrumentation out of build scripts.
fn build(root: &Path) -> Result<std::path::PathBuf> {
    let described = Command::new("rustc").arg("-vV").output().context("asking rustc")?;
    let described = String::from_utf8(described.stdout)?;
    let host = described.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not name its host")?;
    let built = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--target",
            host,
            "--target-dir",
        ])
        .arg(root.join("target/fuzz"))
        .current_dir(root.join("fuzz"))
        .env("RUSTFLAGS", INSTRUMENTATION)
        .status()
        .context("running cargo")?;
    if !built.success() {
        bail!("the fuzzer does not build");
    }
    Ok(root.join("target/fuzz").join(host).join("release/berth-fuzz"))
}

fn fuzz(root: &Path, fuzzer: &Path, target: &str, budget: Budget) -> Result<()> {
    let found = root.join("target/fuzz/found");
    let (learnt, limits) = match budget {
        Budget::Seconds(seconds) => ("learnt", vec![format!("-max_total_time={seconds}")]),
        Budget::Runs(runs) => ("counted", vec![format!("-runs={runs}"), "-seed=1".to_owned()]),
    };
    let learnt = root.join("target/fuzz").join(learnt).join(target);
    if matches!(budget, Budget::Runs(_)) && learnt.exists() {
        fs::remove_dir_all(&learnt).with_context(|| format!("removing {}", learnt.display()))?;
    }
    for folder in [&learnt, &found] {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    let output = Command::new(fuzzer)
        .env("BERTH_FUZZ_TARGET", target)
        .arg(&learnt)
        .arg(root.join(CORPUS).join(target))
        .args(limits)
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        .args([
            "-max_len=8192",
            "-timeout=60",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
        ])
        .output()
        .context("running the fuzzer")?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "{target} does not bear what lies in {} now: mend it, and put the bytes into {CORPUS}/{target}\n{}",
            found.display(),
            tail(&log)
        );
    }
    let runs = statistic(&log, "stat::number_of_executed_units:");
    let covered = log
        .lines()
        .rev()
        .find_map(|line| line.split("cov: ").nth(1)?.split(' ').next());
    println!("{target:<12} {runs:>10} runs, {} edges", covered.unwrap_or("?"));
    Ok(())
}

fn statistic<'a>(log: &'a str, name: &str) -> &'a str {
    let value = log.lines().find_map(|line| line.strip_prefix(name));
    value.map_or("?", str::trim)
}

/// What libFuzzer said in the end.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
