//! The ids by which containers ask for what is theirs: one per container, which nobody else can guess.
//!
//! They follow from the runtime id and a secret of this agent, so that a restarted agent knows them again without keeping
//! any: the secret is made once and lies beside the other records.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use berth_core::node::RuntimeId;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::clock;

const SECRET_BYTES: usize = 32;
const OWNER_ONLY: u32 = 0o600;

/// Makes ids of containers.
pub(super) struct Ids {
    secret: [u8; SECRET_BYTES],
}

impl Ids {
    /// With the secret in the file `path`, which is made unless it is there. One that was cut short by a crash was used by
    /// nobody.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                if let Ok(secret) = bytes.try_into() {
                    return Ok(Self { secret });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let secret = clock::random();
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(true)
            .write(true)
            .mode(OWNER_ONLY)
            .open(&new)?;
        file.write_all(&secret)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        Ok(Self { secret })
    }

    /// The id of a container, in the form of a UUID as with the stock agent.
    pub(super) fn of(&self, container: &RuntimeId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("any length is a key");
        mac.update(container.0.as_str().as_bytes());
        let digits = hex::encode(&mac.finalize().into_bytes()[..16]);
        let parts = [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ];
        parts.join("-")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use berth_core::kernel::names::Name;

    use super::*;

    #[test]
    fn ids_survive_a_restart_and_tell_nothing_of_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metadata.key");
        let (one, two) = (RuntimeId(Name::new("one")), RuntimeId(Name::new("two")));
        let ids = Ids::open(&path).unwrap();
        let id = ids.of(&one);
        assert_eq!(id.len(), 36);
        assert_ne!(id, ids.of(&two));
        assert_eq!(Ids::open(&path).unwrap().of(&one), id);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        let elsewhere = Ids::open(&dir.path().join("other.key")).unwrap();
        assert_ne!(elsewhere.of(&one), id);
        fs::write(&path, "short").unwrap();
        assert_ne!(Ids::open(&path).unwrap().of(&one), id);
    }
}
