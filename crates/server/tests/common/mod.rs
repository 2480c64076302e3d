//! A control plane on a port of its own, and a client that signs.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use berth_core::iam::{AccessKey, Identity, Principal};
use berth_server::Server;
use berth_server::clock::Clock;
use berth_server::config::{AgentSecrets, Config, Limits, PageKey};
use berth_wire::sigv4::{Credentials, PayloadHash, RequestHead, Secret, SigningTarget, sign};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The account of all keys.
pub(crate) const ACCOUNT: &str = "012345678910";
/// The region of clients that name no other.
pub(crate) const REGION: &str = "us-east-1";
const KEY_ID: &str = "AKIABERTHTESTS000001";
const SECRET: &str = "a secret that only tests know";

/// A control plane that serves until it is stopped or dropped.
pub(crate) struct TestServer {
    address: SocketAddr,
    data_dir: TempDir,
    allow_reset: bool,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl TestServer {
    /// A control plane that knows nothing.
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), false).await
    }

    /// A control plane that may be reset.
    pub(crate) async fn start_with_reset() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), true).await
    }

    /// Stops, and starts again on what is durable.
    pub(crate) async fn restart(mut self) -> Self {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.await.unwrap();
        Self::start_in(self.data_dir, self.allow_reset).await
    }

    /// A client with the administrator's key.
    pub(crate) fn client(&self) -> Client {
        let secret = Secret {
            secret_access_key: SECRET.to_owned(),
            session_token: None,
        };
        Client {
            host: self.address.to_string(),
            region: REGION.to_owned(),
            credentials: Credentials {
                access_key_id: KEY_ID.to_owned(),
                secret,
            },
            // Connections that stay open would keep a stopped server's store open.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .no_proxy()
                .build()
                .unwrap(),
        }
    }

    async fn start_in(data_dir: TempDir, allow_reset: bool) -> Self {
        let server = open(data_dir.path(), allow_reset).await;
        let address = server.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            // Dropping the other end stops the server as well.
            let _ = stopped.await;
        }));
        Self {
            address,
            data_dir,
            allow_reset,
            stop: Some(stop),
            running,
        }
    }
}

/// Opens the data directory as soon as a server before has let go of it.
async fn open(data_dir: &Path, allow_reset: bool) -> Server {
    let mut last = None;
    for _ in 0..500 {
        match Server::start(config(data_dir, allow_reset)).await {
            Ok(server) => return server,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the control plane does not start: {last:?}")
}

fn config(data_dir: &Path, allow_reset: bool) -> Config {
    let principal = Principal {
        account: ACCOUNT.parse().unwrap(),
        identity: Identity::Administrator,
    };
    Config {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        tls: None,
        data_dir: data_dir.to_owned(),
        access_keys: vec![AccessKey {
            id: KEY_ID.to_owned(),
            secret: SECRET.to_owned(),
            principal,
        }],
        allow_reset,
        agent_secrets: AgentSecrets::new([7; 32]),
        page_key: PageKey::new([7; 32]),
        history: Limits {
            keep_ms: 86_400_000,
            most_bytes: 1 << 30,
        },
        min_free_bytes: Some(0),
        limits: berth_core::ecs::quota::Limits::default(),
        agent_release: None,
        clock: Clock::System,
    }
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A client of the control plane.
#[derive(Clone)]
pub(crate) struct Client {
    host: String,
    region: String,
    credentials: Credentials,
    http: reqwest::Client,
}

impl Client {
    /// The endpoint as this client calls it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The same client in another region.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// The same client with a wrong secret.
    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        let mut client = self.clone();
        secret.clone_into(&mut client.credentials.secret.secret_access_key);
        client
    }

    /// Calls an operation of ECS.
    pub(crate) async fn ecs(&self, operation: &str, body: Value) -> Answer {
        self.json("ecs", "AmazonEC2ContainerServiceV20141113", operation, body)
            .await
    }

    /// Calls an operation of CloudWatch Logs.
    pub(crate) async fn logs(&self, operation: &str, body: Value) -> Answer {
        self.json("logs", "Logs_20140328", operation, body).await
    }

    /// Calls an operation of EC2.
    pub(crate) async fn ec2(&self, operation: &str, parameters: &[(&str, &str)]) -> Answer {
        self.form("ec2", "2016-11-15", operation, parameters).await
    }

    /// Calls an operation of STS.
    pub(crate) async fn sts(&self, operation: &str, parameters: &[(&str, &str)]) -> Answer {
        self.form("sts", "2011-06-15", operation, parameters).await
    }

    /// Asks for a reset, unsigned, and gives status and text.
    pub(crate) async fn reset(&self, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self.http.post(format!("http://{}/_berth/reset", self.host));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn json(&self, service: &str, prefix: &str, operation: &str, body: Value) -> Answer {
        let target = format!("{prefix}.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        self.send(service, &headers, body.to_string()).await
    }

    async fn form(&self, service: &str, version: &str, operation: &str, parameters: &[(&str, &str)]) -> Answer {
        let own = [("Action", operation), ("Version", version)];
        let all: Vec<&(&str, &str)> = own.iter().chain(parameters).collect();
        let body = reqwest::Url::parse_with_params("http://form", all)
            .unwrap()
            .query()
            .unwrap()
            .to_owned();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        self.send(service, &headers, body).await
    }

    async fn send(&self, service: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut signed: Vec<(&str, &[u8])> = vec![("host", self.host.as_bytes())];
        signed.extend(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        let head = RequestHead {
            method: "POST",
            target: "/",
            headers: &signed,
        };
        let target = SigningTarget {
            region: &self.region,
            service,
        };
        let payload = PayloadHash::of(body.as_bytes());
        let signature = sign(&head, &payload, &self.credentials, target, now_ms()).unwrap();
        let mut request = self.http.post(format!("http://{}/", self.host)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in signature.iter() {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        Answer {
            status,
            body: response.text().await.unwrap(),
        }
    }
}

/// What the control plane answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status of HTTP.
    pub(crate) status: u16,
    /// JSON or XML.
    pub(crate) body: String,
}

impl Answer {
    /// The same, if it is a success.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.body);
        self
    }

    /// The members of a successful answer in JSON.
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok().body).unwrap()
    }

    /// Status, code and message of a refusal in JSON or XML.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        assert_ne!(self.status, 200, "{}", self.body);
        if let Ok(body) = serde_json::from_str::<Value>(&self.body) {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            let code = text("__type").rsplit('#').next().unwrap().to_owned();
            return (self.status, code, text("message"));
        }
        let text = |name: &str| {
            let text = self.texts(name).first().copied().unwrap_or_default();
            text.replace("&apos;", "'").replace("&quot;", "\"")
        };
        (self.status, text("Code"), text("Message"))
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.refusal().1
    }

    /// The texts of all elements `name` of an answer in XML.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let behind = self.body.split(&open).skip(1);
        behind
            .filter_map(|rest| rest.split_once(&close))
            .map(|(text, _)| text)
            .collect()
    }
}
