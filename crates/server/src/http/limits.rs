//! Limits of what a client may send, and for how long.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;

use super::bodies::{Budget, Share};

/// The most bytes of a body: the largest AWS request, PutLogEvents, has 1 MiB of events and some JSON around them.
pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of all bodies that arrive or wait for their answers.
pub(crate) const BODIES_BYTES: usize = 128 * 1024 * 1024;
/// The most bytes of a request line with all headers.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// How long a client may take to show which HTTP it speaks, and then again for its headers.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take for its body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);
/// How long the next piece may take of a body that is too large anyhow.
const PASSING_TIME: Duration = Duration::from_secs(1);
/// How long a peer may leave what it was sent without confirming it: agents are sent a heartbeat every half minute.
pub(crate) const VANISHED_TIME: Duration = Duration::from_secs(60);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is too large.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// It was given up for others that arrive faster.
    Displaced,
    /// The connection broke.
    Broken,
}

/// A body, and its share of the budget for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Collected {
    /// All of it.
    pub bytes: Vec<u8>,
    _share: Share,
}

/// Collects a body within the limits. A client that `asks_first` sends it only once somebody wants it.
pub(crate) async fn collect(budget: &Arc<Budget>, body: Body, asks_first: bool) -> Result<Collected, Unread> {
    if body.size_hint().lower() > BODY_BYTES as u64 {
        // Most clients listen only after they have sent everything: some of it is let pass, and nothing is kept.
        if !asks_first {
            let_pass(body, BODY_TIME).await;
        }
        return Err(Unread::TooLarge);
    }
    let (share, given_up) = budget.begin();
    tokio::select! {
        collected = tokio::time::timeout(BODY_TIME, whole(share, body)) => collected.unwrap_or(Err(Unread::TooSlow)),
        _ = given_up => Err(Unread::Displaced),
    }
}

/// Reads twice as much as a body may have, as long as it keeps coming, and for no longer than `most`: a client that sends it
/// byte by byte would hold its connection for ever.
async fn let_pass(mut body: Body, most: Duration) {
    let passing = async {
        let mut passed = 0;
        while passed < 2 * BODY_BYTES
            && let Ok(Some(Ok(frame))) = tokio::time::timeout(PASSING_TIME, body.frame()).await
        {
            passed += frame.data_ref().map_or(0, |piece| piece.len());
        }
    };
    // However much came: the body is refused.
    let _ = tokio::time::timeout(most, passing).await;
}

/// Copies a body together: its pieces lie in buffers of the connection that may be much larger than they are.
async fn whole(share: Share, mut body: Body) -> Result<Collected, Unread> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        if bytes.len() + piece.len() > BODY_BYTES {
            return Err(Unread::TooLarge);
        }
        if !share.grow(piece.len()) {
            return Err(Unread::Displaced);
        }
        bytes.extend_from_slice(&piece);
    }
    let _share = share.arrived().ok_or(Unread::Displaced)?;
    Ok(Collected { bytes, _share })
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use futures_util::{StreamExt, stream};

    use super::*;

    /// A body of these pieces that ends, or not.
    fn body(pieces: &[usize], ends: bool) -> Body {
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            pieces.iter().map(|size| Ok(vec![b'x'; *size].into())).collect();
        let pieces = stream::iter(pieces);
        if ends {
            Body::from_stream(pieces)
        } else {
            Body::from_stream(pieces.chain(stream::pending()))
        }
    }

    #[tokio::test]
    async fn pieces_become_a_whole_within_the_limit() {
        let budget = Budget::new(BODIES_BYTES);
        let collected = collect(&budget, body(&[3, 4], true), false).await.unwrap();
        assert_eq!(collected.bytes, b"xxxxxxx");
        let most = collect(&budget, body(&[BODY_BYTES - 1, 1], true), false).await.unwrap();
        assert_eq!(most.bytes.len(), BODY_BYTES);
        let refused = collect(&budget, body(&[BODY_BYTES, 1], true), false).await;
        assert_eq!(refused.unwrap_err(), Unread::TooLarge);
        let said = collect(&budget, Body::from(vec![0; BODY_BYTES + 1]), false).await;
        assert_eq!(said.unwrap_err(), Unread::TooLarge);
    }

    #[tokio::test]
    async fn a_refused_body_that_trickles_is_not_heard_out() {
        let trickle = stream::unfold((), |()| async {
            tokio::task::yield_now().await;
            Some((Ok::<_, std::io::Error>(Bytes::new()), ()))
        });
        let passing = let_pass(Body::from_stream(trickle), Duration::ZERO);
        assert!(tokio::time::timeout(BODY_TIME, passing).await.is_ok(), "it ends");
    }

    #[tokio::test]
    async fn slow_bodies_make_room_for_quick_ones() {
        let budget = Budget::new(10);
        let slow: Vec<_> = (0..3)
            .map(|_| {
                let budget = Arc::clone(&budget);
                tokio::spawn(async move { collect(&budget, body(&[3], false), false).await.map(|it| it.bytes) })
            })
            .collect();
        tokio::task::yield_now().await;
        let quick = collect(&budget, body(&[4], true), false).await.unwrap();
        assert_eq!(quick.bytes, b"xxxx");
        for (number, slow) in slow.into_iter().enumerate() {
            if number == 0 {
                assert_eq!(slow.await.unwrap(), Err(Unread::Displaced), "the oldest goes");
            } else {
                slow.abort();
            }
        }
    }
}
