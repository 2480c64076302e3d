//! Secrets, and the key that a secret becomes for one day, region and service.
//!
//! Keys are derived anew for each signature (four HMACs, some microseconds): a cache would be one more place
//! that holds secrets.

use super::scope::Scope;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;

/// What the holder of an access key knows. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The secret access key.
    pub secret_access_key: String,
    /// Present for temporary credentials only; then every request must carry exactly this token.
    pub session_token: Option<String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a client signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Sent in the clear with every request.
    pub access_key_id: String,
    /// Never sent, except for the session token.
    pub secret: Secret,
}

/// The end of the chain date → region → service → terminator.
pub(super) struct SigningKey([u8; 32]);

impl SigningKey {
    pub(super) fn derive(secret: &Secret, scope: &Scope<'_>) -> Self {
        let seed = format!("AWS4{}", secret.secret_access_key);
        let date = hmac_sha256(seed.as_bytes(), scope.date.as_bytes());
        let region = hmac_sha256(&date, scope.region.as_bytes());
        let service = hmac_sha256(&region, scope.service.as_bytes());
        Self(hmac_sha256(&service, scope.terminator.as_bytes()))
    }

    /// The signature as lower-case hex.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(hmac_sha256(&self.0, string_to_sign.as_bytes()))
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares without telling by its duration where two texts differ; it may tell their lengths.
pub(super) fn constant_time_eq(a: &str, b: &str) -> bool {
    let difference = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |seen, (x, y)| std::hint::black_box(seen | (x ^ y)));
    a.len() == b.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::{Secret, constant_time_eq};

    #[test]
    fn secrets_are_not_printed() {
        let secret = Secret {
            secret_access_key: "hush".into(),
            session_token: Some("hush".into()),
        };
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn equality() {
        assert!(constant_time_eq("", "") && constant_time_eq("abc", "abc"));
        assert!(!constant_time_eq("abc", "abd") && !constant_time_eq("abc", "ab") && !constant_time_eq("", "a"));
    }
}
