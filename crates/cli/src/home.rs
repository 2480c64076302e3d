//! The data directory: who holds it, and what clients need to know of the Berth that runs on it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use berth_server::files::write_private;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// A data directory that this process holds: no other Berth can run on it meanwhile.
pub(crate) struct Home {
    dir: PathBuf,
    lock: Flock<File>,
}

/// What clients of the Berth that runs, or last ran, on a data directory need to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    /// The endpoint's URL.
    pub endpoint: String,
    /// The region that its machine stands in.
    pub region: String,
    /// The account.
    pub account_id: String,
    /// The cluster that its machine joins, if it has one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The file with the authority that clients must trust, if there is one.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

const CONTACT: &str = "contact.json";

/// Who holds a data directory.
pub(crate) enum Holder {
    /// Nobody; now this process does.
    Free(Home),
    /// The process with this id.
    Process(i32),
}

impl Home {
    /// Takes a data directory, which is made if it is not there. `program` tells programs apart that may share one.
    ///
    /// # Errors
    /// If another Berth holds it, or it cannot be made.
    pub(crate) fn take(dir: &Path, program: &str) -> Result<Self> {
        match Self::look(dir, program)? {
            Holder::Free(home) => Ok(home),
            Holder::Process(pid) => bail!(
                "another Berth (process {pid}) runs on {}: end it first, or choose another --data-dir",
                dir.display()
            ),
        }
    }

    /// Takes a data directory, or says who holds it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn look(dir: &Path, program: &str) -> Result<Holder> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.with_context(|| {
            format!(
                "cannot make the data directory {}: choose another --data-dir",
                dir.display()
            )
        })?;
        let path = dir.join(format!("{program}.lock"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                lock.rewind()?;
                lock.set_len(0)?;
                write!(lock, "{}", std::process::id())?;
                lock.sync_data()?;
                Ok(Holder::Free(Self {
                    dir: dir.to_owned(),
                    lock,
                }))
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                let pid = holder
                    .trim()
                    .parse()
                    .with_context(|| format!("{} names no process", path.display()))?;
                Ok(Holder::Process(pid))
            }
            Err((_, errno)) => Err(errno).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The directory.
    #[must_use]
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes down how clients reach this Berth.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn write_contact(&self, contact: &Contact) -> Result<()> {
        let text = serde_json::to_string_pretty(contact)?;
        write_private(&self.dir.join(CONTACT), &text)
    }

    /// Gives the directory back.
    pub(crate) fn release(self) {
        drop(self.lock);
    }
}

/// How clients reach the Berth of `dir`.
///
/// # Errors
/// If none ever ran there.
pub(crate) fn read_contact(dir: &Path) -> Result<Contact> {
    let path = dir.join(CONTACT);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "no Berth has run on {}: start one with `berth up`, or name its --data-dir",
            dir.display()
        )
    })?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged: restart Berth to write it anew", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder() {
        let dir = std::env::temp_dir().join(format!("berth-home-{}", std::process::id()));
        let home = Home::take(&dir, "berth").unwrap();
        let error = Home::take(&dir, "berth").err().unwrap().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        home.release();
        Home::take(&dir, "berth").unwrap().release();
        fs::remove_dir_all(&dir).unwrap();
    }
}
