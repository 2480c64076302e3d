//! Asks one registry endpoint for manifests and blobs, with the anonymous token that it wants.
//! Every answer is classified; what to do about a failure is decided in `transfer` and `pull`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, HeaderMap, RANGE, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;

use super::auth::{Challenge, parse_token};
use super::digest::Digest;
use super::document;
use super::error::{Failure, PullErrorKind};
use super::mirror::Endpoint;
use super::reference::Reference;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer, not for the whole of it.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_DOCUMENT_BYTES: usize = 4 << 20;
const MAX_ERROR_BYTES: usize = 64 << 10;
const USER_AGENT: &str = concat!("berth/", env!("CARGO_PKG_VERSION"));

/// A client for all registries; connections are kept.
pub(crate) struct Registry {
    http: reqwest::Client,
    tokens: Mutex<HashMap<(Endpoint, String), String>>,
}

/// The beginning of a transfer.
pub(crate) struct Content {
    pub(crate) response: Response,
    /// Where the bytes begin: a registry may ignore the wish to resume.
    pub(crate) offset: u64,
}

/// One request below `/v2/<repository>/`.
struct Ask<'a> {
    method: Method,
    endpoint: &'a Endpoint,
    repository: &'a str,
    path: &'a str,
    offset: u64,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: String,
    #[serde(default)]
    message: String,
}

impl Registry {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(USER_AGENT)
            .build()?;
        Ok(Self {
            http,
            tokens: Mutex::default(),
        })
    }

    /// The digest that a tag stands for, if the registry tells it without sending the manifest.
    /// HEAD requests do not count against Docker Hub's pull limit.
    pub(crate) async fn tag_digest(
        &self,
        endpoint: &Endpoint,
        reference: &Reference,
    ) -> Result<Option<Digest>, Failure> {
        let path = manifest_path(reference);
        let (repository, path) = (reference.repository(), path.as_str());
        let ask = Ask {
            method: Method::HEAD,
            endpoint,
            repository,
            path,
            offset: 0,
        };
        let response = self.send(&ask).await?;
        let digest = response.headers().get("docker-content-digest");
        Ok(digest.and_then(|value| value.to_str().ok()?.parse().ok()))
    }

    /// A manifest by tag or digest, or a blob, from `offset`; unverified.
    pub(crate) async fn content(
        &self,
        endpoint: &Endpoint,
        repository: &str,
        path: &str,
        offset: u64,
    ) -> Result<Content, Failure> {
        let ask = Ask {
            method: Method::GET,
            endpoint,
            repository,
            path,
            offset,
        };
        let response = self.send(&ask).await?;
        let resumed = response.status() == StatusCode::PARTIAL_CONTENT;
        Ok(Content {
            offset: if resumed { offset } else { 0 },
            response,
        })
    }

    /// Sends, and once more with a fresh token when the registry wants one.
    async fn send(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let known = self.known_token(ask);
        let response = self.perform(ask, known.as_deref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return classify(ask, response).await;
        }
        let Some(challenge) = find_challenge(response.headers()) else {
            return classify(ask, response).await;
        };
        let token = self.fetch_token(&challenge, ask).await?;
        let response = self.perform(ask, Some(&token)).await?;
        classify(ask, response).await
    }

    async fn perform(&self, ask: &Ask<'_>, token: Option<&str>) -> Result<Response, Failure> {
        let mut request = self
            .http
            .request(ask.method.clone(), ask.url())
            .header(ACCEPT, document::ACCEPT);
        if ask.offset > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.offset));
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        send_request(request, &ask.describe()).await
    }

    fn known_token(&self, ask: &Ask<'_>) -> Option<String> {
        let tokens = self.tokens.lock().expect("no holder of this lock panics");
        tokens.get(&ask.token_key()).cloned()
    }

    async fn fetch_token(&self, challenge: &Challenge, ask: &Ask<'_>) -> Result<String, Failure> {
        let refused = |why: &str| {
            let message = format!("failed to authorize: failed to fetch anonymous token: {why}");
            Failure::new(PullErrorKind::Unauthorized, message).in_docker("unauthorized: authentication required")
        };
        let url = challenge
            .token_url(ask.repository)
            .ok_or_else(|| refused("the registry names no token server"))?;
        let what = format!("Get \"{url}\"");
        let unexpected = format!("unexpected status from GET request to {url}");
        let response = send_request(self.http.get(url), &what).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(refused(&format!("{unexpected}: {status}")));
        }
        let body = read_body(response, MAX_ERROR_BYTES).await?;
        let token = parse_token(&body).ok_or_else(|| refused("the answer holds no token"))?;
        let mut tokens = self.tokens.lock().expect("no holder of this lock panics");
        tokens.insert(ask.token_key(), token.clone());
        Ok(token)
    }
}

impl Ask<'_> {
    fn url(&self) -> String {
        self.endpoint.url(self.repository, self.path)
    }

    /// Go's way to name a request, which people search for.
    fn describe(&self) -> String {
        let method = if self.method == Method::HEAD { "Head" } else { "Get" };
        format!("{method} \"{}\"", self.url())
    }

    fn token_key(&self) -> (Endpoint, String) {
        (self.endpoint.clone(), self.repository.to_owned())
    }
}

async fn send_request(request: RequestBuilder, what: &str) -> Result<Response, Failure> {
    request.send().await.map_err(|error| {
        let cause = innermost(&error);
        Failure::new(
            PullErrorKind::Unreachable,
            format!("failed to do request: {what}: {cause}"),
        )
        .in_docker(format!("{what}: {cause}"))
    })
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn find_challenge(headers: &HeaderMap) -> Option<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .find_map(|value| Challenge::parse(value.to_str().ok()?))
}

/// A success, or what the registry's refusal means.
async fn classify(ask: &Ask<'_>, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let method = &ask.method;
    let url = ask.url();
    let said = server_message(response).await;
    let docker = |default: &str| said.clone().unwrap_or_else(|| default.to_owned());
    let unexpected = |kind| {
        let server_message = said.as_ref().map(|said| format!(" - Server message: {said}"));
        let rest = server_message.unwrap_or_default();
        Failure::new(
            kind,
            format!("httpReadSeeker: failed open: unexpected status code {url}: {status}{rest}"),
        )
    };
    Err(match status {
        StatusCode::NOT_FOUND => Failure::new(
            PullErrorKind::NotFound,
            format!("content at {url} not found: not found"),
        )
        .in_docker(docker("manifest unknown: manifest unknown")),
        StatusCode::UNAUTHORIZED => Failure::new(
            PullErrorKind::Unauthorized,
            format!(
                "pull access denied, repository does not exist or may require authorization: server message: {}",
                docker("authorization failed")
            ),
        )
        .in_docker(docker("unauthorized: authentication required")),
        StatusCode::FORBIDDEN => unexpected(PullErrorKind::Unauthorized)
            .in_docker(docker("denied: requested access to the resource is denied")),
        StatusCode::TOO_MANY_REQUESTS => {
            unexpected(PullErrorKind::RateLimited).in_docker(docker("toomanyrequests: too many requests"))
        }
        other => {
            let transient = other.is_server_error() || other == StatusCode::REQUEST_TIMEOUT;
            let kind = if transient {
                PullErrorKind::Unreachable
            } else {
                PullErrorKind::Other
            };
            Failure::new(
                kind,
                format!("unexpected status from {method} request to {url}: {status}"),
            )
            .in_docker(docker(&format!("received unexpected HTTP status: {status}")))
        }
    })
}

/// The registry's words, as Docker and containerd write them: `manifest unknown: manifest unknown`.
async fn server_message(response: Response) -> Option<String> {
    let body = read_body(response, MAX_ERROR_BYTES).await.ok()?;
    let answer: ErrorAnswer = serde_json::from_slice(&body).ok()?;
    let first = answer.errors.into_iter().next()?;
    let code = first.code.to_lowercase().replace('_', " ");
    Some(format!("{code}: {}", first.message))
}

/// Where the manifest of a name is found.
pub(crate) fn manifest_path(reference: &Reference) -> String {
    format!("manifests/{}", reference.version())
}

/// A whole document.
pub(crate) async fn read_document(response: Response) -> Result<Bytes, Failure> {
    read_body(response, MAX_DOCUMENT_BYTES).await
}

async fn read_body(mut response: Response, limit_bytes: usize) -> Result<Bytes, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut response).await? {
        if body.len() + chunk.len() > limit_bytes {
            let message = format!("the answer of {} is too long", response.url());
            return Err(Failure::new(PullErrorKind::Other, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The next piece of an answer; none at its end.
pub(crate) async fn next_chunk(response: &mut Response) -> Result<Option<Bytes>, Failure> {
    response.chunk().await.map_err(|error| {
        Failure::new(
            PullErrorKind::Unreachable,
            format!("failed to read {}: {}", response.url(), innermost(&error)),
        )
    })
}
