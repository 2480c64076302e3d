//! `berth env`: shell exports that point AWS clients at Berth.

use anyhow::{Context, Result};

use crate::home;
use crate::keys::Key;
use crate::options::Place;

/// Prints the exports for the Berth of a data directory.
///
/// # Errors
/// If none ever ran there.
pub(crate) fn print(place: &Place) -> Result<()> {
    let contact = home::read_contact(&place.data_dir)?;
    let key = Key::read(&place.data_dir)?.context("the data directory has no key: start Berth once with `berth up`")?;
    for (name, value) in [
        ("AWS_ENDPOINT_URL", &contact.endpoint),
        ("AWS_ACCESS_KEY_ID", &key.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &key.secret_access_key),
        ("AWS_DEFAULT_REGION", &contact.region),
        ("AWS_REGION", &contact.region),
    ] {
        println!("export {name}={}", quoted(value));
    }
    if let Some(file) = &contact.ca_file {
        // The JavaScript SDK does not look at the variable that the others share.
        for name in ["AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            println!("export {name}={}", quoted(&file.to_string_lossy()));
        }
    }
    // A token of another session would be sent along and refused.
    println!("unset AWS_SESSION_TOKEN AWS_PROFILE");
    Ok(())
}

/// The word as a shell reads it: in single quotes.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_survive_the_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
