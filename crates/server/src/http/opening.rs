//! The first bytes of a connection, which show whether a client speaks HTTP/1 or HTTP/2.
//!
//! The library that tells the two apart waits for them without a limit: a client that connects and stays silent would hold its
//! place for ever. So they are read here, in time, and given back in front of the rest. What they mean is the library's.

use std::io::{self, Cursor};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// How every connection of HTTP/2 begins; no request of HTTP/1 does.
pub(super) const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The connection with these halves, once its client has shown what it speaks; none if it did not within `limit`, or left.
pub(super) async fn read<R, W>(
    (mut from_client, to_client): (R, W),
    limit: Duration,
) -> Option<impl AsyncRead + AsyncWrite + Send + Unpin + 'static>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    match tokio::time::timeout(limit, first_bytes(&mut from_client)).await {
        Ok(Ok(bytes)) if !bytes.is_empty() => {
            let whole = Cursor::new(bytes).chain(from_client);
            Some(tokio::io::join(whole, to_client))
        }
        Ok(Ok(_)) => None,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection ended before its first request");
            None
        }
        Err(_) => {
            tracing::debug!("a client did not begin a request in time");
            None
        }
    }
}

/// As many bytes as it takes to tell HTTP/1 from HTTP/2.
async fn first_bytes(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HTTP_2.len());
    while bytes.len() < HTTP_2.len() && HTTP_2.starts_with(&bytes) {
        if stream.read_buf(&mut bytes).await? == 0 {
            break;
        }
    }
    Ok(bytes)
}
