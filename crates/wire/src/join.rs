//! How machines join: the text of a token, and the messages of Berth's own endpoints for them.
//!
//! A token carries the fingerprint of the authority of the control plane's certificate, so that a machine can trust a control
//! plane that it has never spoken to.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use berth_core::iam::agent_key::AccessKeyId;
use berth_core::iam::join_token::Digest;
use berth_core::kernel::ids::JoinTokenId;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where tokens are made, listed and taken back.
pub const TOKENS_PATH: &str = "/_berth/join-tokens";
/// Where a machine trades its token for a key.
pub const JOIN_PATH: &str = "/_berth/join";
/// Where the authority's certificate lies.
pub const AUTHORITY_PATH: &str = "/_berth/ca";
/// The service that requests about tokens are signed for.
pub const SERVICE: &str = "berth";

/// Sets the secrets of agents' keys apart from whatever else may ever be derived from the same key.
const PURPOSE: &[u8] = b"secret access key of an agent 1";
/// The characters of a secret access key, as at AWS.
const SECRET_CHARS: usize = 40;
/// What all tokens begin with.
const PREFIX: &str = "berth1";
/// Stands for an authority that everybody knows, or for none.
const NOBODY: &str = "public";

/// A join token as people pass it on.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The public half.
    pub id: JoinTokenId,
    /// The secret half.
    pub secret: String,
    /// The fingerprint of the authority that the machine must trust, if not everybody does.
    pub authority: Option<[u8; 32]>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, ..)", self.id)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority.map_or_else(|| NOBODY.to_owned(), hex::encode);
        write!(f, "{PREFIX}.{}.{}.{authority}", self.id, self.secret)
    }
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no join token: copy the whole line that `berth join-token` has printed")]
pub struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let [PREFIX, id, secret, authority] = parts[..] else {
            return Err(NoToken);
        };
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(NoToken);
        }
        let mut fingerprint = [0; 32];
        let authority = if authority == NOBODY {
            None
        } else {
            hex::decode_to_slice(authority, &mut fingerprint).map_err(|_| NoToken)?;
            Some(fingerprint)
        };
        Ok(Self {
            id: id.parse().map_err(|_| NoToken)?,
            secret: secret.to_owned(),
            authority,
        })
    }
}

/// The digest of a secret.
#[must_use]
pub fn digest(secret: &str) -> Digest {
    Digest(Sha256::digest(secret.as_bytes()).into())
}

/// The fingerprint of the first certificate in PEM, if there is one.
#[must_use]
pub fn fingerprint(pem: &str) -> Option<[u8; 32]> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let text: String = body.split_whitespace().collect();
    let der = BASE64_STANDARD.decode(text).ok()?;
    Some(Sha256::digest(der).into())
}

/// What the secrets of agents' keys are derived from. Never printed, and never in the store: who has the store alone cannot
/// sign for any agent.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentSecrets([u8; 32]);

impl AgentSecrets {
    /// From random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret access key that belongs to `id`.
    #[must_use]
    pub fn of(&self, id: &AccessKeyId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        mac.update(id.as_str().as_bytes());
        let mut text = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        text.truncate(SECRET_CHARS);
        text
    }
}

impl fmt::Debug for AgentSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentSecrets(..)")
    }
}

/// A token to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeToken {
    /// The only cluster that machines may join with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// For how many seconds it is good.
    pub expires_in_seconds: u32,
}

/// A token as lists show it, and as it is told once when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenInfo {
    /// Its id.
    pub id: String,
    /// The token itself, in the answer to the request that has made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The only cluster that machines may join with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Until when it is good, as text.
    pub expires_at: String,
    /// Whether it is too late.
    pub expired: bool,
    /// The access key that was got with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<String>,
}

/// All tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// In the order of their ids.
    pub tokens: Vec<TokenInfo>,
}

/// A machine that wants to join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinRequest {
    /// The token.
    pub token: String,
    /// A secret of this machine: with it, and only with it, it can ask again.
    pub claim: String,
    /// The region that it stands in.
    pub region: String,
    /// The cluster that it wants to join.
    pub cluster: String,
}

/// The machine's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinAnswer {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// The account.
    pub account_id: String,
}

impl fmt::Debug for JoinAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinAnswer({}, ..)", self.access_key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_print_and_parse() {
        let token = Token {
            id: JoinTokenId(7),
            secret: "a5".to_owned(),
            authority: Some([9; 32]),
        };
        for token in [
            token.clone(),
            Token {
                authority: None,
                ..token.clone()
            },
        ] {
            assert_eq!(format!(" {token}\n").parse(), Ok(token));
        }
        let text = token.to_string();
        for bad in [
            "",
            "berth1",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}.x"),
            &text.replace("a5", ""),
        ] {
            assert_eq!(bad.parse::<Token>(), Err(NoToken), "{bad}");
        }
        assert!(!format!("{token:?}").contains("a5"), "a token in a log is a token lost");
    }

    #[test]
    fn a_fingerprint_is_that_of_the_bytes() {
        let pem = "text\n-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
        assert_eq!(fingerprint(pem), Some(Sha256::digest(b"abc").into()));
        assert_eq!(fingerprint("nothing"), None);
    }

    #[test]
    fn secrets_follow_from_the_id_and_the_installation() {
        let (one, two) = (AgentSecrets::new([1; 32]), AgentSecrets::new([2; 32]));
        let (a, b) = (AccessKeyId::new("AKIAA"), AccessKeyId::new("AKIAB"));
        assert_eq!(one.of(&a), one.of(&a));
        assert_eq!(one.of(&a).len(), 40);
        assert_ne!(one.of(&a), one.of(&b));
        assert_ne!(one.of(&a), two.of(&a));
    }
}
