//! A registry in memory that can be told to misbehave, and remembers what it was asked.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::image::{Blob, Image};

/// A running registry; it ends when it is dropped.
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<Contents>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Contents {
    address: String,
    manifests: HashMap<String, Blob>,
    blobs: HashMap<String, Vec<u8>>,
    asked: Vec<String>,
    needs_token: bool,
    denied: bool,
    /// What is answered to every request whose path contains this text.
    refusal: Option<(String, StatusCode, &'static str)>,
    /// Blobs whose next transfer breaks in the middle.
    breaks: HashSet<String>,
}

impl Registry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Contents {
            address: address.to_string(),
            ..Contents::default()
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, server }
    }

    /// A name of an image of this registry.
    pub(crate) fn name(&self, repository_and_tag: &str) -> String {
        format!("{}/{repository_and_tag}", self.address)
    }

    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) {
        self.push_blobs(&image.blobs);
        self.push_manifest(repository, tag, &image.manifest);
    }

    pub(crate) fn push_blobs(&self, blobs: &[Blob]) {
        let mut state = self.state.lock().unwrap();
        state
            .blobs
            .extend(blobs.iter().map(|blob| (blob.digest(), blob.bytes.clone())));
    }

    pub(crate) fn push_manifest(&self, repository: &str, tag: &str, manifest: &Blob) {
        let mut state = self.state.lock().unwrap();
        for version in [tag.to_owned(), manifest.digest()] {
            state
                .manifests
                .insert(format!("{repository}/manifests/{version}"), manifest.clone());
        }
    }

    /// Other bytes under the same digest.
    pub(crate) fn corrupt(&self, digest: &str) {
        let mut state = self.state.lock().unwrap();
        let last = state.blobs.get_mut(digest).and_then(|bytes| bytes.last_mut()).unwrap();
        *last ^= 1;
    }

    pub(crate) fn break_next_transfer(&self, digest: &str) {
        self.state.lock().unwrap().breaks.insert(digest.to_owned());
    }

    pub(crate) fn require_token(&self) {
        self.state.lock().unwrap().needs_token = true;
    }

    pub(crate) fn deny(&self) {
        let mut state = self.state.lock().unwrap();
        state.needs_token = true;
        state.denied = true;
    }

    /// Answers with this status and body to whatever contains `text`.
    pub(crate) fn refuse(&self, text: &str, status: u16, body: &'static str) {
        let status = StatusCode::from_u16(status).unwrap();
        self.state.lock().unwrap().refusal = Some((text.to_owned(), status, body));
    }

    /// How many requests contained this text.
    pub(crate) fn asked(&self, text: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|request| request.contains(text)).count()
    }

    pub(crate) fn forget_requests(&self) {
        self.state.lock().unwrap().asked.clear();
    }

    /// Nobody answers any more.
    pub(crate) async fn stop(self) {
        self.server.abort();
        while !self.server.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(state): State<Arc<Mutex<Contents>>>, request: Request) -> Response<Body> {
    let mut state = state.lock().unwrap();
    let path = request.uri().path().to_owned();
    let range = request
        .headers()
        .get(header::RANGE)
        .map(|range| range.to_str().unwrap());
    state
        .asked
        .push(format!("{} {path} {}", request.method(), range.unwrap_or_default()));
    if let Some((_, status, body)) = state.refusal.as_ref().filter(|(text, ..)| path.contains(text)) {
        return builder(*status).body(Body::from(*body)).unwrap();
    }
    if path == "/token" {
        return token(&state);
    }
    if state.needs_token && !has_token(request.headers()) {
        let challenge = format!(r#"Bearer realm="http://{}/token",service="test""#, state.address);
        return builder(StatusCode::UNAUTHORIZED)
            .header(header::WWW_AUTHENTICATE, challenge)
            .body(Body::from(
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
            ))
            .unwrap();
    }
    let path = path.trim_start_matches("/v2/");
    if let Some(manifest) = state.manifests.get(path) {
        return send_manifest(manifest, request.method());
    }
    let digest = path.rsplit('/').next().unwrap().to_owned();
    match state.blobs.get(&digest).cloned() {
        Some(bytes) if path.contains("/blobs/") => {
            let breaks = state.breaks.remove(&digest);
            send_blob(bytes, range, breaks)
        }
        _ => builder(StatusCode::NOT_FOUND).body(Body::empty()).unwrap(),
    }
}

fn builder(status: StatusCode) -> axum::http::response::Builder {
    Response::builder().status(status)
}

fn token(state: &Contents) -> Response<Body> {
    if state.denied {
        return builder(StatusCode::OK)
            .body(Body::from(r#"{"token":"powerless"}"#))
            .unwrap();
    }
    builder(StatusCode::OK).body(Body::from(r#"{"token":"good"}"#)).unwrap()
}

fn has_token(headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value == "Bearer good")
}

fn send_manifest(manifest: &Blob, method: &Method) -> Response<Body> {
    let body = if method == Method::HEAD {
        Vec::new()
    } else {
        manifest.bytes.clone()
    };
    builder(StatusCode::OK)
        .header(header::CONTENT_TYPE, &manifest.media_type)
        .header("docker-content-digest", manifest.digest())
        .body(Body::from(body))
        .unwrap()
}

fn send_blob(bytes: Vec<u8>, range: Option<&str>, breaks: bool) -> Response<Body> {
    if breaks {
        let pieces = bytes[..bytes.len() / 2].chunks(1 << 16).map(|piece| Ok(piece.to_vec()));
        let pieces: Vec<_> = pieces.chain([Err(std::io::Error::other("pulled plug"))]).collect();
        return builder(StatusCode::OK)
            .header(header::CONTENT_LENGTH, bytes.len())
            .body(Body::from_stream(stream::iter(pieces)))
            .unwrap();
    }
    let offset = range.and_then(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().ok());
    match offset {
        Some(offset) => builder(StatusCode::PARTIAL_CONTENT)
            .body(Body::from(bytes[offset..].to_vec()))
            .unwrap(),
        None => builder(StatusCode::OK).body(Body::from(bytes)).unwrap(),
    }
}
