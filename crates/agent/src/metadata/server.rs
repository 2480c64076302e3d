//! Serves the endpoint's socket within limits that no container can stretch: connections and requests per address, the size
//! and the time of a request, and the life of a connection. Whoever is no container of ours is hung up on.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Metadata;
use super::answer::Answer;
use super::visitors::{Visit, Visitors};

/// The connections of all containers together.
const CONNECTIONS: usize = 1024;
/// The longest head of a request.
const HEAD_BYTES: usize = 16 << 10;
/// The longest body of a request.
const BODY_BYTES: usize = 16 << 10;
/// How long a connection may take for what.
const TIMES: Times = Times {
    request: Duration::from_secs(5),
    life: Duration::from_secs(30),
    end: Duration::from_secs(10),
};
/// The pause after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of a connection in time.
#[derive(Clone, Copy)]
struct Times {
    /// For a head, and for a body, as with the stock agent.
    request: Duration,
    /// For all requests; clients that keep a connection open make another afterwards.
    life: Duration,
    /// For the last request then, its answer included.
    end: Duration,
}

/// Serves for ever.
///
/// # Errors
/// If the socket cannot be used.
pub(crate) async fn serve(metadata: Arc<Metadata>, listener: std::net::TcpListener) -> io::Result<Infallible> {
    serve_within(TIMES, metadata, listener).await
}

async fn serve_within(
    times: Times,
    metadata: Arc<Metadata>,
    listener: std::net::TcpListener,
) -> io::Result<Infallible> {
    let listener = TcpListener::from_std(listener)?;
    let (visitors, slots) = (Visitors::default(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("nobody closes it");
        match listener.accept().await {
            Ok((stream, peer)) => {
                let IpAddr::V4(peer) = peer.ip() else { continue };
                let visit = metadata.knows(peer).then(|| visitors.enter(peer, Instant::now()));
                let Some(visit) = visit.flatten() else { continue };
                let metadata = Arc::clone(&metadata);
                tokio::spawn(async move {
                    let client = Client { peer, visit, times };
                    connection(stream, client, metadata).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the task metadata endpoint could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Who is at the other end of a connection.
struct Client {
    peer: Ipv4Addr,
    visit: Visit,
    times: Times,
}

async fn connection(stream: TcpStream, client: Client, metadata: Arc<Metadata>) {
    // Answers are small and complete: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let Client { peer, times, .. } = client;
    let client = Arc::new(client);
    let routes = Router::new().fallback(move |request: Request| {
        let (metadata, client) = (Arc::clone(&metadata), Arc::clone(&client));
        async move { handle(&metadata, &client, request).await }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(times.request)
        .max_buf_size(HEAD_BYTES);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = sleep(times.life) => {
            served.as_mut().graceful_shutdown();
            match timeout(times.end, served).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!(%peer, "a client of the task metadata endpoint was cut off"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, error, "a connection to the task metadata endpoint ended early");
    }
}

async fn handle(metadata: &Metadata, client: &Client, request: Request) -> Response {
    if !client.visit.may_ask(Instant::now()) {
        return response(Answer::too_many());
    }
    let (head, body) = request.into_parts();
    let answer = match timeout(client.times.request, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => {
            metadata
                .answer(client.peer, head.method.as_str(), head.uri.path(), &body)
                .await
        }
        Ok(Err(_)) => Answer::too_large(),
        Err(_) => Answer::too_slow(),
    };
    response(answer)
}

fn response(answer: Answer) -> Response {
    let response = Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, answer.content_type);
    response
        .body(Body::from(answer.body))
        .expect("statuses and types of answers are constants")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::tests::World;
    use super::super::visitors;
    use super::*;

    /// An endpoint whose container asks from 127.0.0.1, and another address that nobody has.
    async fn served() -> (World, std::net::SocketAddr) {
        served_within(TIMES).await
    }

    async fn served_within(times: Times) -> (World, std::net::SocketAddr) {
        let world = World::new();
        world.metadata.place("test".to_owned(), Ipv4Addr::LOCALHOST);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_within(times, Arc::clone(&world.metadata), listener));
        (world, address)
    }

    /// The whole answer to what is sent, until the connection ends.
    async fn exchange(address: std::net::SocketAddr, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Who is hung up on cannot say more.
        let _ = stream.write_all(sent).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    const GET: &[u8] = b"GET /v4/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn requests_are_answered_as_json() {
        let (_world, address) = served().await;
        let answer = exchange(address, GET).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(
            answer.to_lowercase().contains("content-type: application/json"),
            "{answer}"
        );
        assert!(answer.ends_with("from v3 endpoint ID: x\""), "{answer}");
    }

    #[tokio::test]
    async fn strangers_are_hung_up_on() {
        let (world, address) = served().await;
        world.metadata.displace("test");
        assert_eq!(exchange(address, GET).await, "");
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused() {
        let (_world, address) = served().await;
        let path = [
            b"GET /v4/".as_slice(),
            &[b'x'; HEAD_BYTES],
            b" HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        .concat();
        let answer = exchange(address, &path).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        let length = BODY_BYTES + 1;
        let head = format!(
            "PUT /api/x/task-protection/v1/state HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = exchange(address, &[head.as_bytes(), &vec![b'x'; length]].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn one_container_has_so_many_connections_and_requests() {
        let (_world, address) = served().await;
        let mut held = Vec::new();
        for _ in 0..visitors::CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET /v4/x HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .unwrap();
            assert_ne!(stream.read(&mut [0; 64]).await.unwrap(), 0);
            held.push(stream);
        }
        assert_eq!(exchange(address, GET).await, "");
        let mut one = held.pop().unwrap();
        let many = b"GET /v4/x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100);
        one.write_all(&[many.as_slice(), GET].concat()).await.unwrap();
        let mut answers = String::new();
        one.read_to_string(&mut answers).await.unwrap();
        assert!(answers.contains("HTTP/1.1 429 "));
        drop((one, held));
    }

    #[tokio::test]
    async fn who_never_ends_a_request_is_cut_off() {
        let request = Duration::from_millis(20);
        let (_world, address) = served_within(Times { request, ..TIMES }).await;
        for sent in [
            &b""[..],
            b"GET /v4/x HTTP/1.1\r\n",
            b"PUT /v4/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        ] {
            let answer = exchange(address, sent).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_connection_does_not_last_for_ever() {
        let short = Duration::from_millis(20);
        let times = Times {
            life: short,
            end: short,
            ..TIMES
        };
        let (_world, address) = served_within(times).await;
        let answer = exchange(address, b"GET /v4/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        // One that answers are not taken from: the body of the second request never comes.
        let held = b"PUT /v4/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(exchange(address, held).await, "");
    }
}
