//! Accepts connections and serves them within the limits, until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::Accept;

use super::{descriptors, limits, opening};
use crate::App;

/// The pause after the system refused a connection, for example because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The routes, as connections are served with them.
type Service = TowerToHyperService<axum::Router>;

/// Serves `listeners` until `stop` resolves.
pub(crate) async fn serve(listeners: Vec<TcpListener>, app: Arc<App>, stop: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(super::router(Arc::clone(&app)));
    let slots = Arc::new(Semaphore::new(descriptors::connections()));
    let accepting = listeners
        .iter()
        .map(|listener| accept(listener, &app, &slots, &service));
    tokio::select! {
        _ = join_all(accepting) => {}
        () = stop => {}
    }
}

/// Accepts connections for ever. Those beyond the slots wait in the kernel's queue.
async fn accept(listener: &TcpListener, app: &Arc<App>, slots: &Arc<Semaphore>, service: &Service) {
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = connection(stream, Arc::clone(app), service.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection.
async fn connection(stream: TcpStream, app: Arc<App>, service: Service) {
    if let Err(error) = prepare(&stream) {
        return tracing::debug!(%error, "a connection cannot be served");
    }
    match &app.tls {
        None => plain(stream, service, limits::HEAD_TIME).await,
        Some(tls) => encrypted(tls.accept(stream), service, limits::HEAD_TIME).await,
    }
}

/// What holds for every connection.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    // Answers are small and complete: nothing is gained by waiting for more.
    stream.set_nodelay(true)?;
    // A peer that has vanished confirms nothing: the system ends the connection then, and with it an agent's session.
    let milliseconds = u32::try_from(limits::VANISHED_TIME.as_millis()).expect("less than a month");
    setsockopt(stream, TcpUserTimeout, &milliseconds)?;
    Ok(())
}

/// Serves a connection without TLS, whose client has `opening_time` to show which HTTP it speaks.
async fn plain(stream: TcpStream, service: Service, opening_time: Duration) {
    let Some(stream) = opening::read(stream.into_split(), opening_time).await else {
        return;
    };
    converse(builder(), stream, service).await;
}

/// Serves a connection with TLS, whose client has `opening_time` for its handshake, and then again to begin a request
/// of HTTP/1.1, as agreed in the handshake.
async fn encrypted(handshake: Accept<TcpStream>, service: Service, opening_time: Duration) {
    let stream = match tokio::time::timeout(opening_time, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a client did not come to terms about TLS"),
        Err(_) => return tracing::debug!("a client did not end its TLS handshake in time"),
    };
    if let Some(stream) = opening::read(tokio::io::split(stream), opening_time).await {
        converse(builder().http1_only(), stream, service).await;
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits::HEAD_BYTES as u32)
        .keep_alive_interval(Duration::from_secs(20));
    builder
}

async fn converse(
    builder: auto::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: Service,
) {
    let served = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::tls::tests as tls;

    /// The two ends of a connection.
    async fn ends() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    /// A client of an endpoint without routes that gives openings `opening_time`.
    async fn client(opening_time: Duration) -> TcpStream {
        let (client, stream) = ends().await;
        let service = TowerToHyperService::new(axum::Router::new());
        tokio::spawn(plain(stream, service, opening_time));
        client
    }

    #[tokio::test]
    async fn connections_end_when_their_peer_vanishes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        prepare(&stream).unwrap();
        let limit = nix::sys::socket::getsockopt(&stream, TcpUserTimeout).unwrap();
        assert_eq!(u128::from(limit), limits::VANISHED_TIME.as_millis());
    }

    #[tokio::test]
    async fn a_client_that_never_shows_what_it_speaks_is_cut_off() {
        // Nothing at all, and every kind of beginning that may still become HTTP/1 or HTTP/2.
        for sent in ["", "P", "PRI * HTTP/2.0\r\n"] {
            let mut client = client(Duration::from_millis(20)).await;
            client.write_all(sent.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // With or without a reset, the connection is over.
            let _ = client.read_to_end(&mut answer).await;
            assert_eq!(answer, b"", "{sent:?}");
        }
    }

    #[tokio::test]
    async fn http_1_is_served_whatever_its_pieces() {
        for piece in [1, 3, 1000] {
            let mut client = client(limits::HEAD_TIME).await;
            client.set_nodelay(true).unwrap();
            for bytes in b"PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".chunks(piece) {
                client.write_all(bytes).await.unwrap();
            }
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        }
    }

    #[tokio::test]
    async fn http_2_is_served() {
        let mut client = client(limits::HEAD_TIME).await;
        let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        client.write_all(opening::HTTP_2).await.unwrap();
        client.write_all(&empty_settings).await.unwrap();
        let mut head = [0; 9];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "the first frame of HTTP/2 is SETTINGS: {head:?}");
    }

    /// A client, not yet in TLS, of an endpoint with TLS; and what it must trust.
    async fn tls_client(opening_time: Duration) -> (TcpStream, String) {
        let (client, stream) = ends().await;
        let dir = tempfile::tempdir().unwrap();
        let acceptor = tls::acceptor(dir.path());
        let authority = acceptor.authority().unwrap().to_owned();
        let service = TowerToHyperService::new(axum::Router::new());
        tokio::spawn(async move {
            let _dir = dir;
            encrypted(acceptor.accept(stream), service, opening_time).await;
        });
        (client, authority)
    }

    #[tokio::test]
    async fn a_client_that_never_ends_its_handshake_is_cut_off() {
        // Nothing at all, the beginning of a handshake, and what is none.
        for sent in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
            let (mut client, _) = tls_client(Duration::from_millis(50)).await;
            client.write_all(sent).await.unwrap();
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer).await;
            assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_client_that_is_silent_behind_its_handshake_is_cut_off() {
        let (client, authority) = tls_client(Duration::from_millis(500)).await;
        let mut client = tls::connect(client, &authority, "localhost").await.unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert_eq!(answer, b"");
    }

    #[tokio::test]
    async fn http_1_is_served_over_tls() {
        let (client, authority) = tls_client(limits::HEAD_TIME).await;
        let mut client = tls::connect(client, &authority, "localhost").await.unwrap();
        client
            .write_all(b"PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
}
