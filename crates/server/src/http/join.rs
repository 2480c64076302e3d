//! Berth's own endpoints for machines that join: operators make tokens, machines trade them for keys. What is decided here is
//! how it is spelled; whether it may be is the brain's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use berth_core::control::Event;
use berth_core::ecs::Refusal;
use berth_core::ecs::model::ClusterName;
use berth_core::ecs::view::Reply;
use berth_core::iam::Principal;
use berth_core::iam::admit::{Join, JoinReply, Make, Write};
use berth_core::iam::agent_key::AgentKey;
use berth_core::iam::join_token::JoinToken;
use berth_wire::ecs::refusals;
use berth_wire::join::{JoinAnswer, JoinRequest, MakeToken, Token, TokenInfo, TokenList, digest, fingerprint};
use berth_wire::protocol::{Protocol, ServiceError};
use berth_wire::sigv4::ErrorStyle;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limits::Collected;
use super::{aws, limits};
use crate::App;
use crate::auth::{self, Head};
use crate::engine::Stopping;
use crate::tls::Acceptor;

/// The random bytes of a token's secret: nobody finds 128 bits by trying.
const SECRET_BYTES: usize = 16;

/// An answer, or the exception.
type Answer<T> = Result<T, ServiceError>;

/// The certificate of the authority that clients must trust. Who has its fingerprint from elsewhere can check it.
pub(super) async fn authority(State(app): State<Arc<App>>) -> axum::response::Response {
    match app.tls.as_ref().and_then(Acceptor::authority) {
        Some(pem) => ([(header::CONTENT_TYPE, "application/x-pem-file")], pem.to_owned()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Makes a token.
pub(super) async fn make(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let made = async {
        let (principal, body) = signed(&app, request).await?;
        let request: MakeToken = parsed(&body.bytes)?;
        let cluster = request.cluster.as_deref().map(cluster_name).transpose()?;
        let secret = random_hex::<SECRET_BYTES>();
        let write = Write::Make(Make {
            secret: digest(&secret),
            cluster,
            life_ms: i64::from(request.expires_in_seconds) * 1000,
        });
        let token = token(write_event(&app, Event::Tokens { principal, write }).await?)?;
        let text = Token {
            id: token.id,
            secret,
            authority: app.tls.as_ref().and_then(Acceptor::authority).and_then(fingerprint),
        };
        let info = info(&app, &token);
        Ok(TokenInfo {
            token: Some(text.to_string()),
            ..info
        })
    };
    answered(made.await)
}

/// Lists tokens, without their secrets.
pub(super) async fn list(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let listed = async {
        let (principal, _) = signed(&app, request).await?;
        let look = app.engine.read(|control| control.join_tokens(&principal)).await;
        let tokens = look
            .map_err(unavailable)?
            .map_err(|refusal| refusals::error(&refusal))?;
        let tokens = tokens.iter().map(|token| info(&app, token)).collect();
        Ok(TokenList { tokens })
    };
    answered(listed.await)
}

/// Takes a token back.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    let revoked = async {
        let (principal, _) = signed(&app, request).await?;
        let unknown = || refusals::error(&Refusal::Join(berth_core::iam::admit::JoinRefusal::Unknown));
        let write = Write::Revoke(id.parse().map_err(|_| unknown())?);
        let token = token(write_event(&app, Event::Tokens { principal, write }).await?)?;
        Ok(info(&app, &token))
    };
    answered(revoked.await)
}

/// Trades a token for a key. Nobody signs this request: the token speaks for the machine.
pub(super) async fn join(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let joined = async {
        let (_, body) = whole(&app, request).await?;
        let request: JoinRequest = parsed(&body.bytes)?;
        let token: Token = request.token.parse().map_err(|error| malformed(&error))?;
        let join = Join {
            token: token.id,
            secret: digest(&token.secret),
            claim: digest(&request.claim),
            region: request.region.parse().map_err(|_| malformed(&"the region is none"))?,
            cluster: cluster_name(&request.cluster)?,
        };
        let key = key(write_event(&app, Event::Join(join)).await?)?;
        Ok(JoinAnswer {
            secret_access_key: app.config.agent_secrets.of(&key.id),
            access_key_id: key.id.to_string(),
            account_id: key.scope.account.to_string(),
        })
    };
    answered(joined.await)
}

/// Who has signed a request, and its body.
async fn signed(app: &App, request: Request<Body>) -> Answer<(Principal, Collected)> {
    let (parts, body) = whole(app, request).await?;
    let head = Head::of(&parts);
    let headers = head.headers();
    match auth::authenticate(app, &head.request(&headers), &body.bytes).await {
        Ok(authenticated) => Ok((authenticated.principal, body)),
        Err(error) => {
            let refusal = error.refusal(ErrorStyle::Json);
            Err(ServiceError::with_status(refusal.code, refusal.message, refusal.status))
        }
    }
}

async fn whole(app: &App, request: Request<Body>) -> Answer<(axum::http::request::Parts, Collected)> {
    let (parts, body) = request.into_parts();
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let body = limits::collect(&app.bodies, body, asks_first).await;
    Ok((parts, body.map_err(aws::unread)?))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::client(
        "InvalidParameterException",
        format!("The request cannot be read: {error}"),
    )
}

fn cluster_name(text: &str) -> Answer<String> {
    let name: Result<ClusterName, _> = text.parse();
    let name = name.map_err(|_| refusals::error(&Refusal::ClusterName(text.to_owned())))?;
    Ok(name.to_string())
}

async fn write_event(app: &App, event: Event) -> Answer<Reply> {
    let answer = app.engine.write(event).await.map_err(unavailable)?;
    answer.map_err(|refusal| refusals::error(&refusal))
}

fn unavailable(stopping: Stopping) -> ServiceError {
    ServiceError::server("ServerException", stopping.to_string())
}

fn token(reply: Reply) -> Answer<JoinToken> {
    if let Reply::Join(JoinReply::Token(token)) = reply {
        Ok(token)
    } else {
        Err(ServiceError::server("ServerException", "no token was made"))
    }
}

fn key(reply: Reply) -> Answer<AgentKey> {
    if let Reply::Join(JoinReply::Key(key)) = reply {
        Ok(key)
    } else {
        Err(ServiceError::server("ServerException", "no key was made"))
    }
}

fn info(app: &App, token: &JoinToken) -> TokenInfo {
    let until = jiff::Timestamp::from_millisecond(token.expires_at.0).unwrap_or(jiff::Timestamp::MAX);
    TokenInfo {
        id: token.id.to_string(),
        token: None,
        cluster: token.cluster.clone(),
        expires_at: until.to_string(),
        expired: app.config.clock.now() >= token.expires_at,
        used_for: token.used.as_ref().map(|used| used.key.to_string()),
    }
}

fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answered<T: Serialize>(answer: Answer<T>) -> Response<Body> {
    match answer {
        Ok(answer) => {
            let body = serde_json::to_vec(&answer).expect("answers are plain JSON");
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => aws::respond(Protocol::AwsJson11.encode_error(None, &error, &aws::request_id())),
    }
}
