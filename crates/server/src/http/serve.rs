//! Accepts connections and serves them within the limits, until told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::{descriptors, limits, opening};
use crate::App;

/// The pause after the system refused a connection, for example because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `listener` until `stop` resolves.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(super::router(app));
    let slots = Arc::new(Semaphore::new(descriptors::connections()));
    // Connections beyond the slots wait in the kernel's queue.
    let accept = async {
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = connection(stream, service.clone(), limits::HEAD_TIME);
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
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
}

/// Serves one connection, whose client has `opening_time` to show which HTTP it speaks.
async fn connection(stream: TcpStream, service: TowerToHyperService<axum::Router>, opening_time: Duration) {
    // Answers are small and complete: nothing is gained by waiting for more.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(stream) = opening::read(stream, opening_time).await else {
        return;
    };
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

    /// A client of an endpoint without routes that gives openings `opening_time`.
    async fn client(opening_time: Duration) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(axum::Router::new());
        tokio::spawn(connection(stream, service, opening_time));
        client
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
}
