//! What a control plane has durably, whether it runs or not: asked for at its socket, or read from its files.

use std::fs;
use std::io::{BufReader, ErrorKind, PipeReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use berth_server::admin;
use berth_server::backup::{BackupError, Frame, Reader, Sources, Writer};
use berth_server::config::{HistoryStore, LogStore};
use berth_server::store::Store;

use crate::home::Home;

/// The folder of the control plane in a data directory.
pub(crate) const SERVER: &str = "server";

/// Rows of a control plane.
pub(crate) struct Snapshot {
    from: Reader<BufReader<Box<dyn Read>>>,
    /// Who writes what is read here, if that is this process itself.
    writer: Option<JoinHandle<Result<(), BackupError>>>,
}

impl Snapshot {
    /// Everything that is durable in `data_dir` now; log events too, if they are wanted.
    ///
    /// # Errors
    /// If there is no control plane, or it can be neither asked nor read.
    pub(crate) fn take(data_dir: &Path, logs: bool) -> Result<Self> {
        let dir = data_dir.join(SERVER);
        if !dir.join("state").exists() {
            bail!(
                "no control plane has run on {}: name its --data-dir",
                data_dir.display()
            );
        }
        match UnixStream::connect(admin::path(&dir)) {
            Ok(socket) => Self::asked(socket, logs),
            // Nobody listens: a control plane that ended.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Self::read(data_dir, logs)
            }
            Err(error) => Err(error).with_context(|| format!("cannot ask the control plane of {}", data_dir.display())),
        }
    }

    fn asked(mut socket: UnixStream, logs: bool) -> Result<Self> {
        let wish: &[u8] = if logs { b"snapshot logs\n" } else { b"snapshot\n" };
        socket.write_all(wish)?;
        Self::new(Box::new(socket), None)
    }

    /// From the files of a control plane that does not run, and cannot be started meanwhile.
    fn read(data_dir: &Path, logs: bool) -> Result<Self> {
        let homes = [Home::take(data_dir, "berth")?, Home::take(data_dir, SERVER)?];
        let dir = data_dir.join(SERVER);
        let store = Store::open(&dir.join("state"))?;
        let history = HistoryStore::open(&dir.join("history"))?;
        let logs = logs.then(|| LogStore::open(&dir.join("logs"))).transpose()?;
        let (reader, writer) = std::io::pipe()?;
        let write = move || {
            let sources = Sources {
                store: &store,
                history: &history,
                logs: logs.as_ref(),
            };
            let mut writer = Writer::new(writer)?;
            sources.write(&mut writer)?;
            writer.finish()?;
            homes.into_iter().for_each(Home::release);
            Ok(())
        };
        let reader: PipeReader = reader;
        Self::new(Box::new(reader), Some(std::thread::spawn(write)))
    }

    fn new(from: Box<dyn Read>, writer: Option<JoinHandle<Result<(), BackupError>>>) -> Result<Self> {
        let from = Reader::new(BufReader::new(from));
        let from = from.context("the control plane does not answer as expected: is it of the same version?")?;
        Ok(Self { from, writer })
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// If what writes it broke off.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>> {
        match self.from.frame() {
            Ok(frame) => Ok(frame),
            Err(error) => {
                let writer = self.writer.take().and_then(|writer| writer.join().ok());
                writer.unwrap_or(Ok(()))?;
                Err(error).context("the control plane broke off: its log says why")
            }
        }
    }
}

/// The files of a data directory that a backup holds: keys and whatever else its owner put there. Locks, sockets, the address
/// of the present run and the databases are none of them, nor is anything of the agent's: that belongs to its machine.
///
/// # Errors
/// The file system's.
pub(crate) fn files(data_dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    collect(data_dir, "", &mut found).with_context(|| format!("cannot read the files of {}", data_dir.display()))?;
    Ok(found)
}

fn collect(dir: &Path, prefix: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_str().context("a file's name is no text")?;
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if !belongs(&path) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file() {
            found.push((path, fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// Whether a file or folder of a data directory belongs into a backup.
pub(crate) fn belongs(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let database = folder == SERVER && ["state", "history", "logs"].iter().any(|one| name.starts_with(one));
    let unfinished = [".lock", ".new", ".sock"].iter().any(|end| name.ends_with(end));
    !database && !unfinished && !["agent", "contact.json"].contains(&path)
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn keys_belong_into_a_backup_and_what_is_of_this_run_does_not() {
        for path in [
            "administrator.json",
            "pages.key",
            "tls",
            "tls/ca.pem",
            "server",
            "server/x.key",
        ] {
            assert!(belongs(path), "{path}");
        }
        for path in [
            "agent",
            "contact.json",
            "server.lock",
            "x.123.new",
            "server/admin.sock",
            "server/state",
            "server/logs.creating",
        ] {
            assert!(!belongs(path), "{path}");
        }
    }
}
