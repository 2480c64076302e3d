//! The account and the region that everything is keyed by.
//!
//! Nothing here checks that they are well formed: they come from a verified request signature.

/// An account in a region. Resources of different scopes never see each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The account's number, such as `012345678910`.
    pub account: String,
    /// The region's name, such as `eu-central-1`.
    pub region: String,
}

impl Scope {
    /// The scope of `account` in `region`.
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
        }
    }

    /// The bytes that every key of this scope starts with. The lengths make sure that no scope's keys are a prefix of
    /// another's, whatever the names contain.
    pub(crate) fn key_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.account.len() + self.region.len());
        for part in [&self.account, &self.region] {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}
