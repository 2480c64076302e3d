//! The real control plane in this process, under a clock that tests set, and raw HTTP to it: what was recorded goes over
//! the wire as it was recorded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use berth_core::ecs::model::AgentRelease;
use berth_core::iam::{AccessKey, Identity, Principal};
use berth_server::Server;
use berth_server::clock::Clock;
use berth_server::config::{AgentSecrets, Config, Limits, PageKey};
use berth_wire::sigv4::{self, Credentials, PayloadHash, RequestHead, Secret, SigningTarget};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::recording::{ACCOUNT, KEY, Line};
use crate::socket::Socket;

/// How long a test waits for something that should come at once, before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running control plane. Dropping it ends it, as the end of its process would.
pub(crate) struct Plane {
    runtime: Option<Runtime>,
    address: SocketAddr,
    now_ms: Arc<AtomicI64>,
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The exception of a refusal for which the caller is to blame, and its text.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (String, String) {
        assert!((400..500).contains(&self.status), "{} {}", self.status, self.body);
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let kind = body["__type"].as_str().unwrap().rsplit('#').next().unwrap();
        let text = body
            .get("message")
            .or_else(|| body.get("Message"))
            .and_then(Value::as_str);
        (kind.to_owned(), text.unwrap_or_default().to_owned())
    }

    fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(':'));
        pairs
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }
}

impl Plane {
    /// Starts on a data directory. A control plane that was dropped just now may still be letting go of it.
    pub(crate) fn start(dir: &Path, now_ms: i64) -> Self {
        Self::offering(None, dir, now_ms)
    }

    /// Starts with a release of the agent on offer.
    pub(crate) fn offering(agent_release: Option<AgentRelease>, dir: &Path, now_ms: i64) -> Self {
        let now = Arc::new(AtomicI64::new(now_ms));
        let account = ACCOUNT.parse().unwrap();
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            tls: None,
            data_dir: dir.to_owned(),
            access_keys: vec![AccessKey {
                id: KEY.0.to_owned(),
                secret: KEY.1.to_owned(),
                principal: Principal {
                    account,
                    identity: Identity::Administrator,
                },
            }],
            allow_reset: false,
            agent_secrets: AgentSecrets::new([7; 32]),
            page_key: PageKey::new([7; 32]),
            history: Limits {
                keep_ms: 86_400_000,
                most_bytes: 1 << 30,
            },
            min_free_bytes: Some(0),
            limits: berth_core::ecs::quota::Limits::default(),
            agent_release,
            clock: Clock::Set(Arc::clone(&now)),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let server = loop {
            match runtime.block_on(Server::start(config.clone())) {
                Ok(server) => break server,
                Err(error) => assert!(Instant::now() < deadline, "{error:#}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let address = server.local_addr().unwrap();
        runtime.spawn(server.run(std::future::pending()));
        Self {
            runtime: Some(runtime),
            address,
            now_ms: now,
        }
    }

    /// What time it is for the control plane.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Sets the clock.
    pub(crate) fn set(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Moves the clock on, and makes the control plane do what is due.
    pub(crate) fn advance(&self, span_ms: i64) {
        self.set(self.now_ms() + span_ms);
        self.nudge();
    }

    /// Makes the control plane look at the clock: any event does. What is due has been done when this returns.
    pub(crate) fn nudge(&self) {
        self.call("CreateCluster", &json!({})).ok();
    }

    /// Sends a recorded request as it was recorded.
    pub(crate) fn send(&self, line: &Line) -> Answer {
        self.exchange("POST", &line.path, &line.headers(), line.body())
    }

    /// Sends a recorded request with another body, and so with another signature.
    pub(crate) fn send_changed(&self, line: &Line, body: &Value) -> Answer {
        let body = body.to_string();
        let not_kept = ["Authorization", "X-Amz-Date", "X-Amz-Security-Token", "Content-Length"];
        let mut headers = line.headers();
        headers.retain(|(name, _)| !not_kept.contains(&name.as_str()));
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
        self.exchange(
            "POST",
            &line.path,
            &self.signed("POST", &line.path, headers, &body),
            &body,
        )
    }

    /// Calls an operation of ECS.
    pub(crate) fn call(&self, operation: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let headers = [
            ("Host", self.address.to_string()),
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("Content-Length", body.len().to_string()),
            ("X-Amz-Target", target),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        self.exchange("POST", "/", &self.signed("POST", "/", headers, &body), &body)
    }

    /// The text of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        self.exchange("GET", "/metrics", &[("Host".to_owned(), self.address.to_string())], "")
            .body
    }

    /// Waits until the control plane has noticed that no agent is connected.
    pub(crate) fn await_no_agents(&self) {
        self.await_metric("berth_connected_agents 0");
    }

    /// Waits until `/metrics` has this line.
    pub(crate) fn await_metric(&self, wanted: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.metrics().lines().any(|line| line == wanted) {
            assert!(Instant::now() < deadline, "{wanted} does not come true");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// These headers with a signature by [`KEY`] at this moment.
    pub(crate) fn signed(
        &self,
        method: &str,
        target: &str,
        headers: Vec<(String, String)>,
        body: &str,
    ) -> Vec<(String, String)> {
        let pairs: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let head = RequestHead {
            method,
            target,
            headers: &pairs,
        };
        let secret = Secret {
            secret_access_key: KEY.1.to_owned(),
            session_token: None,
        };
        let credentials = Credentials {
            access_key_id: KEY.0.to_owned(),
            secret,
        };
        let scope = SigningTarget {
            region: "us-east-1",
            service: "ecs",
        };
        let hash = PayloadHash::of(body.as_bytes());
        let made = sigv4::sign(&head, &hash, &credentials, scope, self.now_ms()).unwrap();
        let made = made
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>();
        headers.into_iter().chain(made).collect()
    }

    /// Opens a websocket with these headers as they are, or hears why not.
    pub(crate) fn upgrade(&self, target: &str, headers: &[(String, String)]) -> Result<Socket, Answer> {
        upgrade_over(connect(self.address), target, headers)
    }

    /// Opens a websocket with a signature of this moment.
    pub(crate) fn upgrade_now(&self, target: &str) -> Result<Socket, Answer> {
        self.upgrade(target, &self.upgrade_headers(target))
    }

    /// Opens a websocket through what listens at `address`.
    pub(crate) fn upgrade_through(&self, address: SocketAddr, target: &str) -> Socket {
        let opened = upgrade_over(connect(address), target, &self.upgrade_headers(target));
        opened.expect("an open socket")
    }

    /// The headers of an upgrade with a signature of this moment.
    fn upgrade_headers(&self, target: &str) -> Vec<(String, String)> {
        let signed = self.signed(
            "GET",
            target,
            vec![("Host".to_owned(), "127.0.0.1:8080".to_owned())],
            "",
        );
        let fixed = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "j3stDAWkfJJ6rlFd5qwlHA=="),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        signed.into_iter().chain(fixed).collect()
    }

    fn exchange(&self, method: &str, target: &str, headers: &[(String, String)], body: &str) -> Answer {
        let mut stream = connect(self.address);
        write_request(&mut stream, method, target, headers, body);
        read_answer(&mut stream)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn upgrade_over(mut stream: TcpStream, target: &str, headers: &[(String, String)]) -> Result<Socket, Answer> {
    write_request(&mut stream, "GET", target, headers, "");
    let answer = read_answer(&mut stream);
    if answer.status != 101 {
        return Err(answer);
    }
    let key = headers
        .iter()
        .find(|(name, _)| name == "Sec-WebSocket-Key")
        .map(|(_, value)| value.as_bytes());
    assert_eq!(
        answer.header("sec-websocket-accept"),
        Some(derive_accept_key(key.unwrap()).as_str())
    );
    Ok(Socket::new(stream))
}

impl Drop for Plane {
    fn drop(&mut self) {
        let runtime = self.runtime.take().expect("it is taken once, here");
        runtime.shutdown_timeout(PATIENCE);
    }
}

fn write_request(stream: &mut TcpStream, method: &str, target: &str, headers: &[(String, String)], body: &str) {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    write!(stream, "{method} {target} HTTP/1.1\r\n{lines}\r\n{body}").unwrap();
}

/// Reads an answer, and no byte beyond it: what follows an upgrade belongs to the socket.
fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer {
        status,
        head,
        body: String::new(),
    };
    let length = answer
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    answer.body = String::from_utf8(body).unwrap();
    answer
}
