//! The one endpoint: AWS requests, agents' sockets, health and metrics.

mod aws;
mod bodies;
mod descriptors;
mod limits;
mod opening;
mod reset;
mod serve;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};

pub(crate) use bodies::Budget;
pub(crate) use limits::BODIES_BYTES;
pub(crate) use serve::serve;

use crate::App;
use crate::tls::Acceptor;

/// The routes of the endpoint. Whatever is not Berth's own is an AWS request.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/_berth/ca", get(authority))
        .route("/_berth/reset", post(reset::reset))
        .route("/acs/ws", any(crate::sessions::acs::upgrade))
        .route("/tcs/ws", any(crate::sessions::tcs::upgrade))
        .fallback(aws::answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(app)
}

async fn health() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        concat!("{\"status\":\"ok\",\"version\":\"", env!("CARGO_PKG_VERSION"), "\"}\n"),
    )
}

/// The certificate of the authority that clients must trust. Who has its fingerprint from elsewhere can check it.
async fn authority(State(app): State<Arc<App>>) -> Response {
    match app.tls.as_ref().and_then(Acceptor::authority) {
        Some(pem) => ([(header::CONTENT_TYPE, "application/x-pem-file")], pem.to_owned()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, content_type)],
        app.metrics.render(),
    )
}
