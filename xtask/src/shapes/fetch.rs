//! Fetches service models: botocore's wheel from PyPI by pip, into a folder that goes away again.
//!
//! The wheel is unpacked, never installed. Python is needed here only, not to build or to test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// The JSON texts of the newest models of these services.
pub(super) fn models<'s>(version: &str, services: impl Iterator<Item = &'s str>) -> Result<Vec<Vec<u8>>> {
    let folder = TempDir::new().context("making a folder for the download")?;
    download(version, folder.path())?;
    let data = folder.path().join("botocore/data");
    services
        .map(|service| read(&data.join(service)).with_context(|| format!("reading the model of {service}")))
        .collect()
}

fn download(version: &str, folder: &Path) -> Result<()> {
    let requirement = format!("botocore=={version}");
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--dest",
        ".",
    ];
    run(Command::new("python3").args(pip).arg(requirement).current_dir(folder))?;
    let wheel = format!("botocore-{version}-py3-none-any.whl");
    run(Command::new("python3")
        .args(["-m", "zipfile", "-e", &wheel, "."])
        .current_dir(folder))?;
    Ok(())
}

fn read(service: &Path) -> Result<Vec<u8>> {
    let model = newest(service)?.join("service-2.json.gz");
    run(Command::new("gzip").arg("--decompress").arg("--stdout").arg(model))
}

/// Folders are named by the date of the API version.
fn newest(service: &Path) -> Result<PathBuf> {
    let folders = std::fs::read_dir(service).with_context(|| format!("listing {}", service.display()))?;
    let paths: std::io::Result<Vec<PathBuf>> = folders.map(|entry| entry.map(|entry| entry.path())).collect();
    paths?.into_iter().max().context("no version of the API")
}

/// What the command prints.
fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("starting {:?}", command.get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr))
}
