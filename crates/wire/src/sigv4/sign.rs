//! Signing a request: the client's half, for the agent and for tools.
//!
//! It returns the headers to add and sends nothing. Every header in the head is signed, so give it those that
//! arrive unchanged, and leave out what proxies rewrite.

use super::date::SigningDate;
use super::key::SigningKey;
use super::scope::TERMINATOR;
use super::{ALGORITHM, Credentials, Error, PayloadHash, RequestHead, Scope, canonical};

/// Where a signature is meant to be good.
#[derive(Clone, Copy, Debug)]
pub struct SigningTarget<'a> {
    /// For example `us-east-1`.
    pub region: &'a str,
    /// The signing name, for example `ecs`.
    pub service: &'a str,
}

/// The headers that make a request a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Authorization`.
    pub authorization: String,
    /// `X-Amz-Date`.
    pub x_amz_date: String,
    /// `X-Amz-Security-Token`, with temporary credentials only.
    pub x_amz_security_token: Option<String>,
}

impl SignatureHeaders {
    /// Names and values, ready to be added to the request.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self
            .x_amz_security_token
            .as_deref()
            .map(|token| ("X-Amz-Security-Token", token));
        [
            ("Authorization", self.authorization.as_str()),
            ("X-Amz-Date", &self.x_amz_date),
        ]
        .into_iter()
        .chain(token)
    }
}

/// Added here, so an older value in the head is not signed.
const OURS: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];

/// Signs a head and the hash of its body. The head must hold a `host` header, as it goes over the wire.
///
/// # Errors
/// [`Error::HeaderNotSigned`] without a `host` header.
pub fn sign(
    head: &RequestHead<'_>,
    body: &PayloadHash,
    credentials: &Credentials,
    target: SigningTarget<'_>,
    now_ms: i64,
) -> Result<SignatureHeaders, Error> {
    if head.values("host").next().is_none() {
        return Err(Error::HeaderNotSigned("Host".into()));
    }
    let date = SigningDate::from_epoch_ms(now_ms);
    let token = credentials.secret.session_token.as_deref();
    let mut headers: Vec<(&str, &[u8])> = head
        .headers
        .iter()
        .filter(|(name, _)| !is_ours(name))
        .copied()
        .collect();
    headers.push(("x-amz-date", date.text().as_bytes()));
    headers.extend(token.map(|token| ("x-amz-security-token", token.as_bytes())));
    let head = RequestHead {
        headers: &headers,
        ..*head
    };
    let names = signed_names(&headers);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let declared = head.only("x-amz-content-sha256")?.unwrap_or(body.as_str());
    let parts = canonical::Parts {
        headers: &names,
        all_parameters_but: None,
    };
    let scope = Scope {
        date: date.day(),
        region: target.region,
        service: target.service,
        terminator: TERMINATOR,
    };
    let canonical = canonical::request(&head, target.service, &parts, declared).expect("names come from the head");
    let string_to_sign = canonical::string_to_sign(&date, &scope, &canonical);
    let signature = SigningKey::derive(&credentials.secret, &scope).sign(&string_to_sign);
    let credential = format!("{}/{}", credentials.access_key_id, scope.text());
    Ok(SignatureHeaders {
        authorization: format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={}, Signature={signature}",
            names.join(";")
        ),
        x_amz_date: date.text().to_owned(),
        x_amz_security_token: token.map(str::to_owned),
    })
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

fn signed_names(headers: &[(&str, &[u8])]) -> Vec<String> {
    let mut names: Vec<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
