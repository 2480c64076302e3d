//! `berth backup` and `berth restore`: a control plane in one file, and back.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use berth_server::backup::{BackupError, Frame, Restore, Writer};

use crate::options::{Backup, RestoreOptions};
use crate::snapshot::{SERVER, Snapshot, belongs, files};
use berth_server::files::sync_parent;

/// Writes a backup, whole or not at all.
///
/// # Errors
/// What keeps it from being written.
pub(crate) fn backup(options: &Backup) -> Result<()> {
    let path = std::path::absolute(target(&options.to))?;
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let written = write(options, &unfinished).and_then(|rows| {
        fs::rename(&unfinished, &path)?;
        sync_parent(&path)?;
        Ok(rows)
    });
    match written {
        Ok(rows) => {
            let logs = if options.logs { "with" } else { "without" };
            println!("{}: {rows} rows, keys, {logs} log events.", path.display());
            Ok(())
        }
        Err(error) => {
            // It may not even have been made; what went wrong first is what counts.
            let _ = fs::remove_file(&unfinished);
            Err(error).with_context(|| format!("cannot write the backup {}", path.display()))
        }
    }
}

/// The file to write: in a directory, one that is named after the time.
fn target(to: &Path) -> PathBuf {
    if !to.is_dir() {
        return to.to_owned();
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    to.join(format!("berth-{now}.backup"))
}

fn write(options: &Backup, unfinished: &Path) -> Result<u64> {
    let data_dir = &options.place.data_dir;
    let mut snapshot = Snapshot::take(data_dir, options.logs)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(unfinished)?;
    let mut writer = Writer::new(BufWriter::new(file))?;
    for (path, content) in files(data_dir)? {
        writer.write(&Frame::File { path, content })?;
    }
    let mut rows = 0;
    while let Some(frame) = snapshot.next()? {
        rows += u64::from(matches!(frame, Frame::Row { .. }));
        writer.write(&frame)?;
    }
    let file = writer
        .finish()?
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(rows)
}

/// Puts a backup back into a data directory that is empty or not there: everything, or nothing.
///
/// # Errors
/// What keeps it from being put back. The directory is as it was then.
pub(crate) fn restore(options: &RestoreOptions) -> Result<()> {
    let (from, data_dir) = (&options.from, &options.place.data_dir);
    if data_dir.exists() && fs::read_dir(data_dir)?.next().is_some() {
        bail!(
            "{} is not empty: restore into a new directory with --data-dir, or move this one away",
            data_dir.display()
        );
    }
    let open = || Ok::<_, BackupError>(BufReader::new(File::open(from)?));
    let contents = open().and_then(Restore::check);
    let contents = contents.with_context(|| format!("cannot restore {}", from.display()))?;
    let data_dir = std::path::absolute(data_dir)?;
    let name = data_dir.file_name().context("the root is no data directory")?;
    let unfinished = format!(".{}.restoring-{}", name.to_string_lossy(), std::process::id());
    let unfinished = data_dir.with_file_name(unfinished);
    let done = put_back(&contents.files, open, &unfinished).and_then(|()| {
        // Over an empty directory, too: either all of it is there, or nothing.
        fs::rename(&unfinished, &data_dir)
            .with_context(|| format!("cannot move it to {} (a mount point?)", data_dir.display()))?;
        Ok(sync_parent(&data_dir)?)
    });
    if let Err(error) = done {
        // What went wrong first is what counts.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error).with_context(|| format!("cannot restore {}", from.display()));
    }
    let logs = if contents.logs { "with" } else { "without" };
    println!(
        "{}: {} rows, {} files, {logs} log events. Start Berth on it; agents join again by themselves.",
        data_dir.display(),
        contents.rows,
        contents.files.len()
    );
    Ok(())
}

fn put_back(
    files: &[(String, Vec<u8>)],
    open: impl Fn() -> Result<BufReader<File>, BackupError>,
    dir: &Path,
) -> Result<()> {
    let made = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    let parent = dir.parent().context("the root is no data directory")?;
    fs::create_dir_all(parent)?;
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    for (path, content) in files {
        let path = inside(path).with_context(|| format!("the backup has a file {path:?}, which is out of place"))?;
        let path = dir.join(path);
        path.parent().map_or(Ok(()), made)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    made(&dir.join(SERVER))?;
    Restore::rows(open()?, &dir.join(SERVER))?;
    Ok(File::open(dir)?.sync_all()?)
}

/// The path if it stays inside of the data directory and belongs there: a backup may come from anybody.
fn inside(path: &str) -> Option<&str> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    (path.split('/').all(plain) && belongs(path) && !path.contains('\0')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn a_backup_does_not_write_outside_of_its_directory() {
        assert_eq!(inside("tls/ca.key"), Some("tls/ca.key"));
        for path in [
            "../x",
            "/etc/passwd",
            "tls/../../x",
            "",
            "tls//x",
            "./x",
            "server/state",
            "contact.json",
        ] {
            assert_eq!(inside(path), None, "{path}");
        }
    }
}
