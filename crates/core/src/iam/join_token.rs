//! Join tokens: what an operator gives to a machine so that its agent gets a key of its own, once.
//!
//! Only digests of secrets are facts. Who has the store cannot join with it.

use serde::{Deserialize, Serialize};

use super::agent_key::AccessKeyId;
use crate::kernel::ids::JoinTokenId;
use crate::kernel::{AccountId, Entity, Timestamp};

/// The digest of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

/// A join token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Its public half.
    pub id: JoinTokenId,
    /// The digest of its secret half.
    pub secret: Digest,
    /// The account that machines join with it.
    pub account: AccountId,
    /// The only cluster that machines may join with it, if it is for one.
    pub cluster: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What it was used for.
    pub used: Option<Used>,
}

/// The one use of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The digest of what the machine knows that used it: that machine gets the same answer again.
    pub claim: Digest,
    /// The key that it got.
    pub key: AccessKeyId,
    /// When.
    pub at: Timestamp,
}

impl Entity for JoinToken {
    type Key = JoinTokenId;

    fn key(&self) -> &JoinTokenId {
        &self.id
    }
}
