//! The keys of agents: each signs for one machine, and for nothing else.
//!
//! Their secrets are no facts: the shell derives them from the id and from a key outside the store.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Identity, Principal};
use crate::kernel::ids::InstanceId;
use crate::kernel::names::Name;
use crate::kernel::{Cx, Entity, Scope, Timestamp};

/// The public half of an access key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessKeyId(Name);

/// The alphabet of access key ids.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

impl AccessKeyId {
    /// The id that reads `text`, which may be nobody's.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Name::new(text))
    }

    /// A new one from this turn's stream.
    pub fn mint(cx: &mut Cx) -> Self {
        let random = cx.draw("access-key");
        let letter = |at: u32| char::from(LETTERS[(random >> (5 * at)) as usize % LETTERS.len()]);
        let id: String = "AKIA".chars().chain((0..16).map(letter)).collect();
        Self::new(&id)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The key of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentKey {
    /// Its public half.
    pub id: AccessKeyId,
    /// The account and region of the machine.
    pub scope: Scope,
    /// The name of the cluster that the machine may join.
    pub cluster: String,
    /// The container instance that the machine became when it registered.
    pub instance: Option<InstanceId>,
    /// When it was made.
    pub made_at: Timestamp,
}

impl AgentKey {
    /// Whom it stands for.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            account: self.scope.account,
            identity: Identity::Agent(self.clone()),
        }
    }
}

impl Entity for AgentKey {
    type Key = AccessKeyId;

    fn key(&self) -> &AccessKeyId {
        &self.id
    }
}
