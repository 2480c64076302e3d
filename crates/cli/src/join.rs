//! `berth agent --join`: a machine trades its token for a key of its own, once, and keeps it.
//!
//! What the machine alone knows (its claim) is durable before the token is sent. If the answer is lost, the machine asks again
//! with the same claim and gets the same key; with any other claim the token is worth nothing any more.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use berth_server::files::{read_if_there, write_private};
use berth_wire::join::{JOIN_PATH, JoinAnswer, JoinRequest, Token};
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};

use crate::keys::{Key, random_hex};
use crate::options::{Agent, Machine};
use crate::remote::{self, Refused, Remote};

const FILE: &str = "join.json";
const PENDING: &str = "join-pending.json";
/// Where a control plane is if nobody says so.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:4566";

/// What a machine got with its token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// The token's id.
    token: String,
    /// The control plane's URL.
    pub server: String,
    /// The only authority that its certificate may come from, in PEM.
    pub authority: Option<String>,
    region: String,
    cluster: String,
    /// The machine's key.
    pub key: Key,
}

/// A token that is being traded.
#[derive(Clone, Serialize, Deserialize)]
struct Pending {
    token: String,
    claim: String,
}

/// The key that this machine got with a token, now or before; nothing if it never joined with one.
///
/// # Errors
/// A token that is worth nothing, a control plane that is not the token's, or files that cannot be read or written.
pub(crate) async fn obtain(dir: &Path, options: &Agent) -> Result<Option<Joined>> {
    let known: Option<Joined> = read(dir, FILE)?;
    let known = match &options.join {
        None => known,
        Some(text) => {
            let token: Token = text.parse()?;
            // The command line of a service stays the same from start to start.
            let same = known.filter(|known| known.token == token.id.to_string());
            Some(match same {
                Some(known) => known,
                None => trade(dir, options, &token).await?,
            })
        }
    };
    known.map(|known| fitting(known, options)).transpose()
}

/// The key is for one region and cluster; the control plane may have moved.
fn fitting(known: Joined, options: &Agent) -> Result<Joined> {
    let Machine { region, cluster, .. } = &options.machine;
    if known.cluster != *cluster || known.region != region.to_string() {
        bail!(
            "this machine has a key for cluster {} in {}: join that one, or bring another token",
            known.cluster,
            known.region
        );
    }
    Ok(Joined {
        server: options.server.clone().unwrap_or(known.server),
        ..known
    })
}

async fn trade(dir: &Path, options: &Agent, token: &Token) -> Result<Joined> {
    let server = options.server.as_deref().unwrap_or(DEFAULT_SERVER);
    check_server(server, token, options.insecure_http)?;
    let authority = match (token.authority, &options.ca) {
        (Some(fingerprint), _) => Some(remote::authority(server, fingerprint).await?),
        (None, Some(file)) => {
            Some(fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
        }
        (None, None) => None,
    };
    let pending = pending(dir, token)?;
    let request = JoinRequest {
        token: token.to_string(),
        claim: pending.claim,
        region: options.machine.region.to_string(),
        cluster: options.machine.cluster.clone(),
    };
    let remote = Remote::new(server, authority.as_deref())?;
    let answer: Result<JoinAnswer> = remote
        .call(Method::POST, JOIN_PATH, serde_json::to_vec(&request)?)
        .await;
    if answer.as_ref().is_err_and(is_refusal) {
        // The claim will never be worth anything. Without an answer it may be: then it stays for the next try.
        fs::remove_file(dir.join(PENDING)).context("the file of a token that was refused cannot be removed")?;
    }
    let answer = answer.context("this machine cannot join")?;
    let joined = Joined {
        token: pending.token,
        server: server.to_owned(),
        authority,
        region: request.region,
        cluster: request.cluster,
        key: Key {
            access_key_id: answer.access_key_id,
            secret_access_key: answer.secret_access_key,
        },
    };
    write_private(&dir.join(FILE), &serde_json::to_string_pretty(&joined)?)?;
    fs::remove_file(dir.join(PENDING)).context("the token was traded, but its file cannot be removed")?;
    Ok(joined)
}

/// The key comes back in the answer: it crosses no network in the clear, unless the operator insists.
fn check_server(server: &str, token: &Token, insecure_http: bool) -> Result<()> {
    let url: Url = server
        .parse()
        .with_context(|| format!("'{server}' is no URL: write it like https://192.0.2.1:4566"))?;
    if url.scheme() == "https" {
        return Ok(());
    }
    if token.authority.is_some() {
        bail!("the control plane that made the token serves over TLS: its URL begins with https://");
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !loopback && !insecure_http {
        bail!(
            "the machine's key would cross the network in the clear: serve over TLS, or add --insecure-http if the network is yours alone"
        );
    }
    Ok(())
}

fn is_refusal(error: &anyhow::Error) -> bool {
    error.is::<Refused>()
}

/// The claim for this token, which is durable before the token is sent.
fn pending(dir: &Path, token: &Token) -> Result<Pending> {
    let id = token.id.to_string();
    let before: Option<Pending> = read(dir, PENDING)?;
    if let Some(pending) = before.filter(|pending| pending.token == id) {
        return Ok(pending);
    }
    let pending = Pending {
        token: id,
        claim: random_hex()?,
    };
    write_private(&dir.join(PENDING), &serde_json::to_string(&pending)?)?;
    Ok(pending)
}

fn read<T: for<'de> Deserialize<'de>>(dir: &Path, file: &str) -> Result<Option<T>> {
    let path = dir.join(file);
    let damaged = || format!("{} is damaged: remove it, and join with another token", path.display());
    let text = read_if_there(&path)?;
    text.map(|text| serde_json::from_str(&text).with_context(damaged))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(authority: Option<[u8; 32]>) -> Token {
        Token {
            id: berth_core::kernel::ids::JoinTokenId(1),
            secret: "a".to_owned(),
            authority,
        }
    }

    #[test]
    fn keys_cross_no_network_in_the_clear() {
        let check = |server: &str, insecure| check_server(server, &token(None), insecure).is_ok();
        for good in [
            "https://192.0.2.1:4566",
            "http://127.0.0.1:4566",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(check(good, false), "{good}");
        }
        assert!(!check("http://192.0.2.1:4566", false));
        assert!(check("http://192.0.2.1:4566", true));
        assert!(!check("192.0.2.1", true));
        let error = check_server("http://127.0.0.1:1", &token(Some([1; 32])), true).unwrap_err();
        assert!(error.to_string().contains("https://"), "{error}");
    }

    #[test]
    fn a_claim_is_kept_until_its_token_is_traded() {
        let dir = tempfile::tempdir().unwrap();
        let first = pending(dir.path(), &token(None)).unwrap();
        assert_eq!(pending(dir.path(), &token(None)).unwrap().claim, first.claim);
        let other = Token {
            id: berth_core::kernel::ids::JoinTokenId(2),
            ..token(None)
        };
        assert_ne!(pending(dir.path(), &other).unwrap().claim, first.claim);
    }
}
