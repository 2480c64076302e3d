//! The tables of this domain: join tokens and the keys of agents. The administrator's key is a fact of each run.

use std::collections::BTreeSet;

use super::agent_key::{AccessKeyId, AgentKey};
use super::join_token::JoinToken;
use crate::kernel::ids::{InstanceId, JoinTokenId};
use crate::kernel::{Edit, Scope, Table, Timestamp};

/// A change of this domain's facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A join token.
    JoinToken(Edit<JoinToken>),
    /// The key of an agent.
    AgentKey(Edit<AgentKey>),
}

/// The facts of this domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    tokens: Table<JoinToken>,
    keys: Table<AgentKey>,
    expiring: BTreeSet<(Timestamp, JoinTokenId)>,
    bound: BTreeSet<(Scope, String, InstanceId, AccessKeyId)>,
}

impl State {
    /// Applies `change`.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::JoinToken(edit) => self.apply_token(edit),
            Change::AgentKey(edit) => self.apply_key(edit),
        }
    }

    fn apply_token(&mut self, edit: Edit<JoinToken>) {
        let row = |token: &JoinToken| (token.expires_at, token.id);
        if let Edit::Put(token) = &edit {
            self.expiring.insert(row(token));
        }
        if let Some(old) = self.tokens.get(edit.key()) {
            let old = row(old);
            if !matches!(&edit, Edit::Put(token) if row(token) == old) {
                self.expiring.remove(&old);
            }
        }
        self.tokens.apply(edit);
    }

    fn apply_key(&mut self, edit: Edit<AgentKey>) {
        let row = |key: &AgentKey| {
            let instance = key.instance?;
            Some((key.scope.clone(), key.cluster.clone(), instance, key.id.clone()))
        };
        let new = match &edit {
            Edit::Put(key) => row(key),
            Edit::Delete(_) => None,
        };
        if let Some(old) = self.keys.apply(edit).as_ref().and_then(row) {
            self.bound.remove(&old);
        }
        self.bound.extend(new);
    }

    /// The join tokens.
    #[must_use]
    pub fn tokens(&self) -> &Table<JoinToken> {
        &self.tokens
    }

    /// The keys of agents.
    #[must_use]
    pub fn keys(&self) -> &Table<AgentKey> {
        &self.keys
    }

    /// The token that expires, or expired, first.
    #[must_use]
    pub fn first_expiring(&self) -> Option<(Timestamp, JoinTokenId)> {
        self.expiring.first().copied()
    }

    /// The keys that sign for a container instance.
    pub fn keys_of<'a>(
        &'a self,
        scope: &Scope,
        cluster: &str,
        instance: InstanceId,
    ) -> impl Iterator<Item = &'a AccessKeyId> {
        let first = (scope.clone(), cluster.to_owned(), instance, AccessKeyId::new(""));
        let (scope, cluster) = (scope.clone(), cluster.to_owned());
        self.bound
            .range(first..)
            .take_while(move |row| row.0 == scope && row.1 == cluster && row.2 == instance)
            .map(|row| &row.3)
    }
}
