//! The keys of an installation, in files that only their owner can read: the administrator's, given or made once, the one that
//! seals pagination tokens, and the one that the secrets of agents' keys are derived from.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_core::iam::{AccessKey, Identity, Principal};
use berth_core::kernel::AccountId;
use berth_server::config::{AgentSecrets, PageKey};
use berth_server::files::{read_if_there, write_private, write_private_once};
use serde::{Deserialize, Serialize};

use crate::options::KeyOptions;

/// An access key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
}

const FILE: &str = "administrator.json";
const PAGE_FILE: &str = "pages.key";
const AGENT_FILE: &str = "agents.key";
/// The alphabet of access key ids.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The alphabet of secrets.
const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Key {
    /// The key that `options` give, else the one of `dir`, else a new one, which `dir` keeps.
    ///
    /// # Errors
    /// A key that cannot be used, or a file that cannot be read or written.
    pub(crate) fn obtain(dir: &Path, options: &KeyOptions) -> Result<Self> {
        let path = dir.join(FILE);
        if let (Some(id), Some(secret)) = (&options.access_key_id, &options.secret_access_key) {
            let key = Self {
                access_key_id: id.clone(),
                secret_access_key: secret.clone(),
            };
            let key = key.checked()?;
            write_private(&path, &serde_json::to_string_pretty(&key)?)?;
            return Ok(key);
        }
        if let Some(key) = Self::read(dir)? {
            return Ok(key);
        }
        // A server and an agent that start side by side must come to the same key.
        write_private_once(&path, &serde_json::to_string_pretty(&Self::make()?)?)?;
        Self::read(dir)?.with_context(|| format!("{} is gone: start again", path.display()))
    }

    /// The key that `dir` keeps, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let context = || format!("{} is damaged: remove it to have a new key made", path.display());
        let text = read_if_there(&path)?;
        text.map(|text| serde_json::from_str(&text).with_context(context))
            .transpose()
    }

    fn make() -> Result<Self> {
        let mut random = [0u8; 56];
        getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
        let letters = random[..16]
            .iter()
            .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        let symbols = random[16..]
            .iter()
            .map(|byte| char::from(SYMBOLS[usize::from(byte % 64)]));
        Ok(Self {
            access_key_id: "AKIA".chars().chain(letters).collect(),
            secret_access_key: symbols.collect(),
        })
    }

    /// Ids stand in headers between slashes and commas, so they are limited as AWS limits them.
    fn checked(self) -> Result<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if !(3..=128).contains(&self.access_key_id.len()) || !self.access_key_id.bytes().all(fits) {
            bail!(
                "an access key id has 3 to 128 letters and digits, unlike '{}'",
                self.access_key_id
            );
        }
        if self.secret_access_key.is_empty() {
            bail!("the secret access key is empty");
        }
        Ok(self)
    }

    /// The key as the control plane knows it.
    #[must_use]
    pub(crate) fn administrator(&self, account: AccountId) -> AccessKey {
        AccessKey {
            id: self.access_key_id.clone(),
            secret: self.secret_access_key.clone(),
            principal: Principal {
                account,
                identity: Identity::Administrator,
            },
        }
    }
}

/// The key that seals pagination tokens.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn page_key(dir: &Path) -> Result<PageKey> {
    kept(dir, PAGE_FILE).map(PageKey::new)
}

/// What the secrets of agents' keys are derived from.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn agent_secrets(dir: &Path) -> Result<AgentSecrets> {
    kept(dir, AGENT_FILE).map(AgentSecrets::new)
}

/// The random bytes that a file of `dir` keeps, which are made if they are not there.
fn kept(dir: &Path, file: &str) -> Result<[u8; 32]> {
    let path = dir.join(file);
    if !path.exists() {
        write_private_once(&path, &random_hex()?)?;
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = [0u8; 32];
    let read = hex::decode_to_slice(text.trim(), &mut bytes);
    read.with_context(|| format!("{} is damaged: remove it to have a new one made", path.display()))?;
    Ok(bytes)
}

/// 32 random bytes as text.
///
/// # Errors
/// If the system has none.
pub(crate) fn random_hex() -> Result<String> {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
    Ok(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_pages_is_made_once() {
        let dir = std::env::temp_dir().join(format!("berth-page-key-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let first = page_key(&dir).unwrap();
        assert!(page_key(&dir).unwrap() == first);
        fs::remove_file(dir.join(PAGE_FILE)).unwrap();
        assert!(page_key(&dir).unwrap() != first);
        fs::write(dir.join(PAGE_FILE), "00").unwrap();
        assert!(page_key(&dir).unwrap_err().to_string().contains("is damaged"));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_key_is_made_once() {
        let dir = std::env::temp_dir().join(format!("berth-keys-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let first = Key::obtain(&dir, &KeyOptions::default()).unwrap();
        let second = Key::obtain(&dir, &KeyOptions::default()).unwrap();
        assert_eq!(
            (&first.access_key_id, &first.secret_access_key),
            (&second.access_key_id, &second.secret_access_key)
        );
        assert_eq!((first.access_key_id.len(), first.secret_access_key.len()), (20, 40));
        let bad = KeyOptions {
            access_key_id: Some("a/b".into()),
            secret_access_key: Some("s".into()),
        };
        assert!(Key::obtain(&dir, &bad).is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
