//! Limits of what a client may send, and for how long.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The most bytes of a body: the largest AWS request, PutLogEvents, has 1 MiB of events and some JSON around them.
pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of a request line with all headers.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// How long a client may take to show which HTTP it speaks, and then again for its headers.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take for its body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is too large.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// The connection broke.
    Broken,
}

/// Collects a body within the limits.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Unread> {
    let whole = Limited::new(body, BODY_BYTES).collect();
    match tokio::time::timeout(BODY_TIME, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}
