//! Calls to a control plane's own endpoints, from the machine of an operator or from one that joins.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use berth_wire::join::{AUTHORITY_PATH, SERVICE, fingerprint};
use berth_wire::sigv4::{Credentials, PayloadHash, RequestHead, Secret, SigningTarget, sign};
use reqwest::{Certificate, Client, ClientBuilder, Method, Url};
use serde::de::DeserializeOwned;

use crate::keys::Key;

/// The longest that a call may take.
const CALL_TIME: Duration = Duration::from_secs(30);
/// The most bytes of a certificate.
const MOST_PEM_BYTES: usize = 64 * 1024;

/// A control plane.
pub(crate) struct Remote {
    http: Client,
    base: Url,
}

/// An exception, as control planes spell it.
#[derive(serde::Deserialize)]
struct Exception {
    #[serde(default)]
    message: String,
}

/// A control plane's word that it will not do it.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Remote {
    /// The control plane at `server`, whose certificate must come from `authority` (in PEM), if one is named.
    ///
    /// # Errors
    /// A URL or a certificate that is none.
    pub(crate) fn new(server: &str, authority: Option<&str>) -> Result<Self> {
        let mut builder = builder();
        if let Some(pem) = authority {
            builder = builder.tls_built_in_root_certs(false);
            let certificates = Certificate::from_pem_bundle(pem.as_bytes());
            for certificate in certificates.context("the authority's certificate cannot be read")? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        Ok(Self {
            http: builder.build()?,
            base: parsed(server)?,
        })
    }

    /// A call that nobody signs.
    ///
    /// # Errors
    /// What the control plane says, or why it cannot be reached.
    pub(crate) async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T> {
        self.send(self.http.request(method, self.url(path)?).body(body)).await
    }

    /// A call that `key` signs, for `region`.
    ///
    /// # Errors
    /// As [`Remote::call`].
    pub(crate) async fn signed<T: DeserializeOwned>(
        &self,
        (key, region): (&Key, &str),
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T> {
        let credentials = Credentials {
            access_key_id: key.access_key_id.clone(),
            secret: Secret {
                secret_access_key: key.secret_access_key.clone(),
                session_token: None,
            },
        };
        let host = self.host();
        let headers = [("host", host.as_bytes())];
        let head = RequestHead {
            method: method.as_str(),
            target: path,
            headers: &headers,
        };
        let service = SERVICE;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let signature = sign(
            &head,
            &PayloadHash::of(&body),
            &credentials,
            SigningTarget { region, service },
            now_ms,
        )
        .map_err(|error| anyhow::anyhow!("the request cannot be signed: {error}"))?;
        let mut request = self.http.request(method.clone(), self.url(path)?).body(body);
        for (name, value) in signature.iter() {
            request = request.header(name, value);
        }
        self.send(request).await
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body).context("the control plane's answer cannot be read");
        }
        match serde_json::from_slice::<Exception>(&body) {
            Ok(exception) if status.is_client_error() && !exception.message.is_empty() => {
                Err(Refused(exception.message).into())
            }
            Ok(exception) if !exception.message.is_empty() => bail!("{}", exception.message),
            Ok(_) | Err(_) => bail!("the control plane at {} answers {status}", self.base),
        }
    }

    fn url(&self, path: &str) -> Result<Url> {
        Ok(self.base.join(path)?)
    }

    fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port();
        port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        unreachable(&self.base, error)
    }
}

/// The authority's certificate with this fingerprint, in PEM, as the control plane at `server` hands it out. Whoever answers
/// there need not be believed: the fingerprint proves the certificate.
///
/// # Errors
/// A control plane that cannot be reached, or has another authority.
pub(crate) async fn authority(server: &str, expected: [u8; 32]) -> Result<String> {
    let base = parsed(server)?;
    let http = builder().danger_accept_invalid_certs(true).build()?;
    let answer = http.get(base.join(AUTHORITY_PATH)?).send().await;
    let mut answer = answer.map_err(|error| unreachable(&base, &error))?;
    let mut pem = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| unreachable(&base, &error))? {
        pem.extend_from_slice(&piece);
        if pem.len() > MOST_PEM_BYTES {
            bail!("{base} answers with something that is no certificate");
        }
    }
    let pem = String::from_utf8(pem).unwrap_or_default();
    if fingerprint(&pem) != Some(expected) {
        bail!(
            "the control plane at {base} is not the one that made the token: its authority is another one. Check --server; nothing was sent"
        );
    }
    Ok(pem)
}

fn builder() -> ClientBuilder {
    Client::builder()
        .timeout(CALL_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

fn parsed(server: &str) -> Result<Url> {
    let url: Url = server
        .parse()
        .with_context(|| format!("'{server}' is no URL: write it like https://192.0.2.1:4566"))?;
    if !matches!(url.scheme(), "http" | "https") || url.path() != "/" {
        bail!(
            "the control plane's URL is its scheme, host and port alone, like https://192.0.2.1:4566; '{server}' is not"
        );
    }
    Ok(url)
}

/// The innermost reason: the outer ones only say that a request failed.
fn unreachable(base: &Url, error: &reqwest::Error) -> anyhow::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    anyhow::anyhow!("the control plane at {base} cannot be reached: {cause}")
}
