//! `berth join-token`: makes, lists and takes back the tokens with which machines join.

use anyhow::{Context, Result};
use berth_wire::join::{MakeToken, TOKENS_PATH, TokenInfo, TokenList};
use reqwest::Method;

use crate::encryption;
use crate::home::{self, Contact};
use crate::keys::Key;
use crate::options::JoinToken;
use crate::remote::Remote;

/// The control plane of a data directory, and the key of its administrator.
struct Office {
    remote: Remote,
    key: Key,
    contact: Contact,
}

impl Office {
    fn open(options: &JoinToken) -> Result<Self> {
        let dir = &options.place.data_dir;
        let contact = home::read_contact(dir)?;
        let key = Key::read(dir)?.context("the data directory has no key: start Berth once")?;
        let authority = encryption::trusted(dir, &contact.endpoint, None)?;
        Ok(Self {
            remote: Remote::new(&contact.endpoint, authority.as_deref())?,
            key,
            contact,
        })
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T> {
        let signer = (&self.key, self.contact.region.as_str());
        self.remote.signed(signer, method, path, body).await
    }
}

/// Does what the options say.
///
/// # Errors
/// What the control plane says, or why it cannot be reached.
pub(crate) async fn run(options: JoinToken) -> Result<()> {
    let office = Office::open(&options)?;
    if options.list {
        let list: TokenList = office.call(Method::GET, TOKENS_PATH, Vec::new()).await?;
        list.tokens.iter().for_each(|token| println!("{}", line(token)));
        return Ok(());
    }
    if let Some(id) = &options.revoke {
        let path = format!("{TOKENS_PATH}/{id}");
        let _: TokenInfo = office.call(Method::DELETE, &path, Vec::new()).await?;
        println!("The token {id} is worth nothing any more.");
        return Ok(());
    }
    let request = MakeToken {
        cluster: options.cluster,
        expires_in_seconds: options.expires_in,
    };
    let made: TokenInfo = office
        .call(Method::POST, TOKENS_PATH, serde_json::to_vec(&request)?)
        .await?;
    let token = made.token.context("the control plane has not told the token")?;
    // The token alone, for scripts; the rest is for people.
    println!("{token}");
    eprintln!("Good for one machine until {}. On that machine:", made.expires_at);
    eprintln!("  berth agent --server {} --join TOKEN", office.contact.endpoint);
    Ok(())
}

fn line(token: &TokenInfo) -> String {
    let state = match (&token.used_for, token.expired) {
        (Some(key), _) => format!("used for {key}"),
        (None, true) => "expired".to_owned(),
        (None, false) => "unused".to_owned(),
    };
    let cluster = token.cluster.as_deref().unwrap_or("any cluster");
    format!("{}  {cluster}  until {}  {state}", token.id, token.expires_at)
}
