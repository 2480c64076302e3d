//! Who signed a request, and for which account and region.

use axum::http::request::Parts;
use berth_core::iam::{AccessKey, Principal};
use berth_core::kernel::Scope;
use berth_wire::protocol::Protocol;
use berth_wire::sigv4::{self, ErrorStyle, Expectation, PayloadHash, PayloadPolicy, RequestHead, Secret};

use crate::App;

pub(crate) use berth_wire::sigv4::Error;

/// The head of a request, as signatures see it.
pub(crate) struct Head<'a> {
    parts: &'a Parts,
    target: &'a str,
    host: &'a str,
}

impl<'a> Head<'a> {
    /// Of these parts.
    #[must_use]
    pub(crate) fn of(parts: &'a Parts) -> Self {
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let named = parts
            .headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok());
        let host = named
            .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or_default();
        Self { parts, target, host }
    }

    /// The endpoint as the client calls it: `host` or `host:port`.
    #[must_use]
    pub(crate) fn host(&self) -> &'a str {
        self.host
    }

    /// All headers. HTTP/2 has the host outside of them.
    #[must_use]
    pub(crate) fn headers(&self) -> Vec<(&'a str, &'a [u8])> {
        let own = self
            .parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let needs_host = !self.parts.headers.contains_key(http::header::HOST);
        own.chain(needs_host.then_some(("host", self.host.as_bytes())))
            .collect()
    }

    /// The head over these headers.
    #[must_use]
    pub(crate) fn request<'h>(&'h self, headers: &'h [(&'h str, &'h [u8])]) -> RequestHead<'h> {
        RequestHead {
            method: self.parts.method.as_str(),
            target: self.target,
            headers,
        }
    }
}

/// A caller whose signature is right.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated {
    /// Who.
    pub principal: Principal,
    /// The account, and the region of the signature.
    pub scope: Scope,
}

/// The service that a request is signed for, whether or not the signature is right.
#[must_use]
pub(crate) fn signed_for(head: &RequestHead<'_>) -> Option<String> {
    sigv4::parse(*head).ok().map(|signed| signed.scope().service.to_owned())
}

/// Verifies the signature of a request.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) async fn authenticate(app: &App, head: &RequestHead<'_>, body: &[u8]) -> Result<Authenticated, Error> {
    let signed = sigv4::parse(*head)?;
    let service = signed.scope().service;
    let now_ms = app.config.clock.now().0;
    let expected = Expectation {
        service,
        payload: PayloadPolicy::of(service, app.tls.is_some()),
        now_ms,
    };
    signed.check(&expected)?;
    let key = find(app, signed.access_key_id()).await.ok_or(Error::UnknownAccessKey)?;
    let secret = Secret {
        secret_access_key: key.secret,
        session_token: None,
    };
    sigv4::verify(&signed, &secret, &PayloadHash::of(body), &expected)?;
    let region = signed
        .scope()
        .region
        .parse()
        .expect("the check takes only well-formed regions");
    let principal = key.principal;
    Ok(Authenticated {
        scope: Scope {
            account: principal.account,
            region,
        },
        principal,
    })
}

/// The operator's key with this id, or an agent's.
async fn find(app: &App, id: &str) -> Option<AccessKey> {
    if let Some(key) = app.config.access_keys.iter().find(|key| key.id == id) {
        return Some(key.clone());
    }
    let looked = app.engine.read(|control| control.agent_key(id).cloned()).await;
    let key = looked.ok().flatten()?;
    Some(AccessKey {
        id: key.id.to_string(),
        secret: app.config.agent_secrets.of(&key.id),
        principal: key.principal(),
    })
}

/// In which manner a protocol's services speak of signatures.
#[must_use]
pub(crate) fn style(protocol: Protocol) -> ErrorStyle {
    match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => ErrorStyle::Json,
        Protocol::AwsQuery => ErrorStyle::Query,
        Protocol::Ec2Query => ErrorStyle::Ec2,
    }
}
