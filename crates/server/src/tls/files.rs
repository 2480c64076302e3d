//! The operator's own certificate: files in PEM, read again every hour, so that whoever renews them need not restart Berth.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_core::kernel::Timestamp;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Proof;
use crate::config::TlsFiles;

/// The time between two looks at the files.
const LOOK_MS: i64 = 3_600_000;

/// The files.
pub(super) struct Files {
    files: TlsFiles,
}

impl Files {
    pub(super) fn new(files: &TlsFiles) -> Self {
        Self { files: files.clone() }
    }

    /// The certificate of the authority that clients must trust, in PEM.
    ///
    /// # Errors
    /// A file that is none.
    pub(super) fn authority(&self) -> Result<Option<String>> {
        let Some(path) = &self.files.authority else {
            return Ok(None);
        };
        certificates(path)?;
        Ok(Some(text(path)?))
    }

    /// What the files hold now.
    ///
    /// # Errors
    /// Files that cannot be read, or hold something else.
    pub(super) fn read(&self, now: Timestamp) -> Result<Proof> {
        let path = &self.files.key;
        let key = PrivateKeyDer::from_pem_slice(text(path)?.as_bytes()).map_err(|error| unfit(path, "key", &error))?;
        Ok(Proof {
            chain: certificates(&self.files.certificate)?,
            key,
            renew_at: now.plus_ms(LOOK_MS),
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text(path)?.as_bytes()).collect();
    let all = all.map_err(|error| unfit(path, "certificate", &error))?;
    if all.is_empty() {
        bail!("{} holds no certificate in PEM", path.display());
    }
    Ok(all)
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn unfit(path: &Path, what: &str, error: &PemError) -> anyhow::Error {
    anyhow::anyhow!("{} holds no {what} in PEM: {error:?}", path.display())
}
