//! Join tokens are made and taken back by operators, and traded by machines for keys of their own.

use super::agent_key::{AccessKeyId, AgentKey};
use super::join_token::{Digest, JoinToken, Used};
use super::state::{Change, State};
use crate::kernel::ids::JoinTokenId;
use crate::kernel::{AccountId, Cx, Edit, Region, Scope};

/// The longest life of a token.
pub const MOST_LIFE_MS: i64 = 7 * 86_400_000;
/// Milliseconds for which an expired token is remembered: so long its machine is told what is wrong with it.
pub const EXPIRED_TOKEN_MS: i64 = 86_400_000;
/// The most tokens that are remembered at a time.
pub const MOST_TOKENS: usize = 1000;

/// A request about join tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make one.
    Make(Make),
    /// Take one back. The key that was got with it stays.
    Revoke(JoinTokenId),
}

impl Write {
    /// The action in IAM's words.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Make(_) => "berth:CreateJoinToken",
            Self::Revoke(_) => "berth:DeleteJoinToken",
        }
    }
}

/// The action of listing join tokens, in IAM's words.
pub const LIST: &str = "berth:ListJoinTokens";

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Make {
    /// The digest of its secret.
    pub secret: Digest,
    /// The only cluster that machines may join with it, if it is for one.
    pub cluster: Option<String>,
    /// For how long it is good.
    pub life_ms: i64,
}

/// A machine that wants to join. Nobody has signed this: the token speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The token.
    pub token: JoinTokenId,
    /// The digest of its secret, as the machine knows it.
    pub secret: Digest,
    /// The digest of what this machine alone knows.
    pub claim: Digest,
    /// The region that it stands in.
    pub region: Region,
    /// The cluster that it wants to join.
    pub cluster: String,
}

/// Why a request about join tokens is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinRefusal {
    /// There is no such token, or its secret is another one.
    Unknown,
    /// It is too late.
    Expired,
    /// Another machine has used it.
    Used,
    /// It is for this cluster alone.
    OtherCluster(String),
    /// It shall live too long, or not at all.
    Life,
    /// There are too many.
    TooMany,
}

/// What comes of a request about join tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinReply {
    /// The token, as it is now.
    Token(JoinToken),
    /// The machine's key.
    Key(AgentKey),
}

/// Takes an operator's request.
///
/// # Errors
/// A life that does not fit, too many tokens, or none with this id.
pub fn admit(
    state: &State,
    cx: &mut Cx,
    account: AccountId,
    write: Write,
) -> Result<(Vec<Change>, JoinReply), JoinRefusal> {
    match write {
        Write::Make(request) => make(state, cx, account, request),
        Write::Revoke(id) => {
            let token = state.tokens().get(&id).filter(|token| token.account == account);
            let token = token.ok_or(JoinRefusal::Unknown)?.clone();
            Ok((vec![Change::JoinToken(Edit::Delete(id))], JoinReply::Token(token)))
        }
    }
}

fn make(
    state: &State,
    cx: &mut Cx,
    account: AccountId,
    request: Make,
) -> Result<(Vec<Change>, JoinReply), JoinRefusal> {
    if !(1..=MOST_LIFE_MS).contains(&request.life_ms) {
        return Err(JoinRefusal::Life);
    }
    if state.tokens().len() >= MOST_TOKENS {
        return Err(JoinRefusal::TooMany);
    }
    let token = JoinToken {
        id: JoinTokenId::mint(cx),
        secret: request.secret,
        account,
        cluster: request.cluster,
        made_at: cx.now,
        expires_at: cx.now.plus_ms(request.life_ms),
        used: None,
    };
    let change = Change::JoinToken(Edit::Put(token.clone()));
    Ok((vec![change], JoinReply::Token(token)))
}

/// Gives a machine its key. The machine that got one asks again when it has not heard the answer, and gets the same; another
/// one is refused.
///
/// # Errors
/// A token that is unknown, too old, used by another machine, or for another cluster.
pub fn join(state: &State, cx: &mut Cx, request: &Join) -> Result<(Vec<Change>, JoinReply), JoinRefusal> {
    let token = state.tokens().get(&request.token);
    let token = token
        .filter(|token| token.secret == request.secret)
        .ok_or(JoinRefusal::Unknown)?;
    if let Some(used) = &token.used {
        let key = state.keys().get(&used.key);
        let again = key.filter(|_| used.claim == request.claim).ok_or(JoinRefusal::Used)?;
        return Ok((Vec::new(), JoinReply::Key(again.clone())));
    }
    if cx.now >= token.expires_at {
        return Err(JoinRefusal::Expired);
    }
    if let Some(cluster) = token.cluster.as_ref().filter(|cluster| **cluster != request.cluster) {
        return Err(JoinRefusal::OtherCluster(cluster.clone()));
    }
    let key = AgentKey {
        id: AccessKeyId::mint(cx),
        scope: Scope {
            account: token.account,
            region: request.region.clone(),
        },
        cluster: request.cluster.clone(),
        instance: None,
        made_at: cx.now,
    };
    let used = JoinToken {
        used: Some(Used {
            claim: request.claim,
            key: key.id.clone(),
            at: cx.now,
        }),
        ..token.clone()
    };
    let changes = vec![
        Change::JoinToken(Edit::Put(used)),
        Change::AgentKey(Edit::Put(key.clone())),
    ];
    Ok((changes, JoinReply::Key(key)))
}
