//! Signed requests to the control plane: calls of the JSON services, and the upgrades of sockets.
//!
//! One HTTP client for both. Nothing is repeated here: what a failure means is known where the call is made. Proxies of the
//! environment are not used, since sockets would not pass them.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use berth_wire::link::upgrade::{self, UpgradeRefusal};
use berth_wire::protocol::{CallError, Outgoing, ServiceError, decode_reply, encode_call};
use berth_wire::shapes::Input;
use berth_wire::sigv4::{self, PayloadHash, RequestHead, Secret, SigningTarget, sign};
use reqwest::{Certificate, Method, Response, StatusCode, Upgraded, Url};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::clock;
use crate::config::Config;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// The longest that a call may take: longer than any handler's work, shorter than the patience of whoever waits.
const CALL_TIME: Duration = Duration::from_secs(30);

/// A socket of the agent protocol.
pub(crate) type Socket = WebSocketStream<Upgraded>;

/// The endpoint is none, or no HTTP client can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidEndpoint {
    #[error("the control plane's endpoint '{endpoint}' cannot be used: {reason}; write it like http://127.0.0.1:4566")]
    Url { endpoint: String, reason: String },
    #[error("the certificate of the control plane's authority cannot be read: {0}")]
    Authority(reqwest::Error),
    #[error("cannot make an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The service refused.
    #[error("{}: {}", .0.code, .0.message)]
    Refused(ServiceError),
    /// Nobody answered, or not in time, or not so that it could be understood.
    #[error("the control plane at {endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: String },
}

impl ClientError {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(&error.code),
            Self::Unreachable { .. } => None,
        }
    }
}

/// Why a socket did not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// The control plane said why.
    #[error("{}: {}", .0.kind.as_str(), .0.message)]
    Refused(UpgradeRefusal),
    /// It did not answer, or not with a socket.
    #[error("{0}")]
    Unreachable(String),
}

/// Speaks to one control plane with one key.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    region: String,
    credentials: sigv4::Credentials,
}

impl Client {
    pub(crate) fn new(config: &Config) -> Result<Self, InvalidEndpoint> {
        let credentials = &config.credentials;
        Ok(Self {
            http: http_client(config.authority.as_deref())?,
            endpoint: parse_endpoint(&config.endpoint)?,
            region: config.region.clone(),
            credentials: sigv4::Credentials {
                access_key_id: credentials.access_key_id.clone(),
                secret: Secret {
                    secret_access_key: credentials.secret_access_key.clone(),
                    session_token: None,
                },
            },
        })
    }

    /// Calls an operation in the agent's own region.
    pub(crate) async fn call<I: Input>(&self, input: I) -> Result<I::Output, ClientError> {
        self.call_in(&self.region, input).await
    }

    /// Calls an operation in any region.
    pub(crate) async fn call_in<I: Input>(&self, region: &str, input: I) -> Result<I::Output, ClientError> {
        let service = I::service().endpoint_prefix;
        let Outgoing { headers, body } = encode_call(input);
        let call = self.post(SigningTarget { region, service }, headers, body);
        let unreachable = |reason: String| ClientError::Unreachable {
            endpoint: self.endpoint.to_string(),
            reason,
        };
        let answer = match tokio::time::timeout(CALL_TIME, call).await {
            Ok(answer) => answer.map_err(|error| unreachable(root_cause(&error)))?,
            Err(_) => return Err(unreachable(format!("no answer within {} s", CALL_TIME.as_secs()))),
        };
        decode_reply::<I>(answer.status, answer.error_type.as_deref(), &answer.body).map_err(|error| match error {
            CallError::Refused(error) => ClientError::Refused(error),
            CallError::Unreadable(_) => unreachable(error.to_string()),
        })
    }

    async fn post(
        &self,
        target: SigningTarget<'_>,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Answer, reqwest::Error> {
        let host = host(&self.endpoint);
        let mut signed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        signed.push(("host", host.as_bytes()));
        let head = RequestHead {
            method: "POST",
            target: self.endpoint.path(),
            headers: &signed,
        };
        let signature = self.sign(&head, &PayloadHash::of(&body), target);
        let mut request = self.http.request(Method::POST, self.endpoint.clone());
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        for (name, value) in signature.iter() {
            request = request.header(name, value);
        }
        Answer::read(request.body(body).send().await?).await
    }

    fn sign(&self, head: &RequestHead<'_>, body: &PayloadHash, target: SigningTarget<'_>) -> sigv4::SignatureHeaders {
        sign(head, body, &self.credentials, target, clock::now().0).expect("the head has a host")
    }

    /// Opens the socket at `endpoint`, as DiscoverPollEndpoint named it.
    pub(crate) async fn open(&self, endpoint: &str, query: &str) -> Result<Socket, UpgradeError> {
        let opened = tokio::time::timeout(CALL_TIME, self.upgrade(endpoint, query)).await;
        opened.unwrap_or_else(|_| Err(UpgradeError::Unreachable("no answer in time".to_owned())))
    }

    async fn upgrade(&self, endpoint: &str, query: &str) -> Result<Socket, UpgradeError> {
        let text = format!("{}{}?{query}", endpoint.trim_end_matches('/'), upgrade::PATH);
        let url = Url::parse(&text).map_err(|error| UpgradeError::Unreachable(format!("{endpoint}: {error}")))?;
        let key = BASE64_STANDARD.encode(clock::random::<16>());
        let response = self.ask_upgrade(&url, &key).await;
        let response = response.map_err(|error| UpgradeError::Unreachable(root_cause(&error)))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refusal(response).await);
        }
        let accepted = response
            .headers()
            .get("sec-websocket-accept")
            .map(|value| value.as_bytes());
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(UpgradeError::Unreachable(
                "the answer is not that of a websocket".to_owned(),
            ));
        }
        let stream = response.upgrade().await;
        let stream = stream.map_err(|error| UpgradeError::Unreachable(root_cause(&error)))?;
        let limit = Some(berth_wire::link::MAX_FRAME_BYTES);
        let limits = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(limits)).await)
    }

    async fn ask_upgrade(&self, url: &Url, key: &str) -> Result<Response, reqwest::Error> {
        let host = host(url);
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        let head = RequestHead {
            method: "GET",
            target: &target,
            headers: &[("host", host.as_bytes())],
        };
        let scope = SigningTarget {
            region: &self.region,
            service: "ecs",
        };
        let mut request = self.http.get(url.clone());
        for (name, value) in self.sign(&head, &PayloadHash::of(b""), scope).iter() {
            request = request.header(name, value);
        }
        request
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", key)
            .send()
            .await
    }
}

fn http_client(authority: Option<&str>) -> Result<reqwest::Client, InvalidEndpoint> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("berth-agent/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = authority {
        builder = builder.tls_built_in_root_certs(false);
        for certificate in Certificate::from_pem_bundle(pem.as_bytes()).map_err(InvalidEndpoint::Authority)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder.build()?)
}

/// An answer, whole.
struct Answer {
    status: u16,
    error_type: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let error_type = response.headers().get("x-amzn-errortype");
        Ok(Self {
            status: response.status().as_u16(),
            error_type: error_type.and_then(|value| value.to_str().ok()).map(str::to_owned),
            body: response.bytes().await?.to_vec(),
        })
    }
}

async fn refusal(response: Response) -> UpgradeError {
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    match UpgradeRefusal::parse(&body) {
        Some(refusal) => UpgradeError::Refused(refusal),
        None => UpgradeError::Unreachable(format!("the answer is {status} instead of a websocket")),
    }
}

fn parse_endpoint(endpoint: &str) -> Result<Url, InvalidEndpoint> {
    let invalid = |reason: &str| InvalidEndpoint::Url {
        endpoint: endpoint.to_owned(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(endpoint).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it must begin with http:// or https://"));
    }
    if url.path() != "/" || url.query().is_some() {
        return Err(invalid("it must end behind the port"));
    }
    Ok(url)
}

/// The `Host` header as it goes over the wire.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The innermost reason: the outer ones only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_checked_and_the_error_shows_how_to_write_one() {
        assert!(parse_endpoint("http://127.0.0.1:4566").is_ok());
        for bad in ["127.0.0.1:4566", "ftp://x", "http://x/path", "http://x/?a=b", ""] {
            let error = parse_endpoint(bad).unwrap_err().to_string();
            assert!(error.contains("http://127.0.0.1:4566"), "{error}");
        }
    }

    #[test]
    fn the_host_is_signed_as_it_is_sent() {
        let sent = |url: &str| host(&Url::parse(url).unwrap());
        assert_eq!(sent("http://127.0.0.1:4566"), "127.0.0.1:4566");
        assert_eq!(sent("http://example.com:80"), "example.com");
        assert_eq!(sent("https://[::1]:8443/x"), "[::1]:8443");
    }
}
