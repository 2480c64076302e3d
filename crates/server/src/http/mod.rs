//! The one endpoint: AWS requests, agents' sockets, health and metrics.

mod aws;
mod bodies;
mod descriptors;
mod join;
mod limits;
mod opening;
mod reset;
mod serve;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, delete, get, post};
use berth_wire::join::{AUTHORITY_PATH, JOIN_PATH, TOKENS_PATH};

pub(crate) use bodies::Budget;
pub(crate) use limits::BODIES_BYTES;
pub(crate) use serve::serve;

use crate::App;

/// The routes of the endpoint. Whatever is not Berth's own is an AWS request.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route(AUTHORITY_PATH, get(join::authority))
        .route(JOIN_PATH, post(join::join))
        .route(TOKENS_PATH, post(join::make).get(join::list))
        .route(&format!("{TOKENS_PATH}/{{id}}"), delete(join::revoke))
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

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, content_type)],
        app.metrics.render(),
    )
}
