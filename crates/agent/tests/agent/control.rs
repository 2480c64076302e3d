//! A control plane in memory: it registers one machine, hands out what a test says, and remembers what it heard. Bad
//! signatures are refused, and so is everything while it is away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use berth_wire::sigv4::{self, Expectation, PayloadHash, PayloadPolicy, RequestHead, Secret};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

pub(crate) const ACCOUNT: &str = "123456789012";
/// Nothing in these tests takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running control plane; it ends when it is dropped.
pub(crate) struct Control {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    server: JoinHandle<()>,
}

/// What was heard, and what is to be said.
#[derive(Default)]
pub(crate) struct Heard {
    address: String,
    /// Bodies of RegisterContainerInstance.
    pub(crate) registrations: Vec<Value>,
    /// Bodies of SubmitTaskStateChange.
    pub(crate) reports: Vec<Value>,
    /// What came over the socket.
    pub(crate) messages: Vec<Value>,
    /// What came over the socket for telemetry.
    pub(crate) telemetry: Vec<Value>,
    /// Lines by group and stream.
    pub(crate) logs: BTreeMap<(String, String), Vec<String>>,
    pub(crate) groups: Vec<String>,
    /// To the connected agent.
    socket: Option<UnboundedSender<String>>,
    /// Whether the machine is registered.
    knows: bool,
    away: bool,
    sent: u64,
}

type Shared = State<Arc<Mutex<Heard>>>;

impl Control {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard {
            address: format!("http://{address}"),
            ..Heard::default()
        }));
        let router = Router::new()
            .route("/link/ws", get(upgrade))
            .route("/telemetry/ws", get(upgrade_telemetry))
            .fallback(answer);
        let router = router.with_state(Arc::clone(&heard));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, heard, server }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap()
    }

    /// Waits until `find` finds something in what was heard.
    pub(crate) async fn wait_for<T>(&self, what: &str, find: impl Fn(&Heard) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = find(&self.heard()) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.unwrap_or_else(|_| {
            let reports = self.heard().reports.clone();
            panic!("{what} did not come; reports: {reports:#?}")
        })
    }

    /// Waits for the report that the task is in this status.
    pub(crate) async fn wait_status(&self, task: &str, status: &str) -> Value {
        let is_it = |report: &&Value| report["task"] == arn(task) && report["status"] == status;
        let what = format!("status {status} of {task}");
        self.wait_for(&what, |heard| heard.reports.iter().find(is_it).cloned())
            .await
    }

    /// Waits for the report of the container's end, which may come before that of its task's.
    pub(crate) async fn wait_end(&self, task: &str, container: &str) -> Value {
        let ended = |one: &&Value| one["containerName"] == container && one["status"] == "STOPPED";
        let of_task = |report: &&Value| report["task"] == arn(task);
        let find = |heard: &Heard| {
            let reports = heard.reports.iter().filter(of_task);
            let mut containers = reports.flat_map(|report| report["containers"].as_array().into_iter().flatten());
            containers.find(ended).cloned()
        };
        self.wait_for(&format!("the end of {container}"), find).await
    }

    pub(crate) async fn wait_connected(&self) {
        self.wait_for("a connection", |heard| heard.socket.as_ref().map(drop))
            .await;
    }

    /// Sends tasks to the connected agent, and waits until it has acknowledged them.
    pub(crate) async fn assign(&self, tasks: Value) {
        self.wait_connected().await;
        let id = self.say("PayloadMessage", json!({ "tasks": tasks }));
        let is_ack = |message: &Value| message["type"] == "AckRequest" && message["message"]["messageId"] == id;
        let ack = |heard: &Heard| heard.messages.iter().any(is_ack).then_some(());
        self.wait_for("an acknowledgement", ack).await;
    }

    pub(crate) async fn stop(&self, task: &str) {
        self.assign(json!([{ "arn": arn(task), "desiredStatus": "STOPPED" }]))
            .await;
    }

    /// Sends a message and answers its id.
    pub(crate) fn say(&self, kind: &str, mut message: Value) -> String {
        let mut heard = self.heard();
        heard.sent += 1;
        let id = format!("m{}", heard.sent);
        message["messageId"] = json!(id);
        message["clusterArn"] = json!(format!("arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default"));
        message["containerInstanceArn"] = json!(instance_arn());
        let frame = json!({ "type": kind, "message": message });
        heard
            .socket
            .as_ref()
            .expect("the agent is connected")
            .send(frame.to_string())
            .unwrap();
        id
    }

    /// Cuts the connection, and answers nothing until it is back.
    pub(crate) fn go_away(&self) {
        let mut heard = self.heard();
        heard.away = true;
        heard.socket = None;
    }

    pub(crate) fn come_back(&self) {
        self.heard().away = false;
    }

    /// Forgets the machine, and tells it so at its next connection.
    pub(crate) fn forget_machine(&self) {
        let mut heard = self.heard();
        heard.knows = false;
        heard.socket = None;
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The ARN of a task with this id.
pub(crate) fn arn(task: &str) -> String {
    format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/default/{task}")
}

fn instance_arn() -> String {
    let id = "0123456789abcdef0123456789abcdef";
    format!("arn:aws:ecs:us-east-1:{ACCOUNT}:container-instance/default/{id}")
}

fn respond(status: u16, body: &Value) -> Response<Body> {
    let builder = Response::builder().status(StatusCode::from_u16(status).unwrap());
    builder.body(Body::from(body.to_string())).unwrap()
}

fn refuse(code: &str) -> Response<Body> {
    respond(400, &json!({ "__type": code, "message": "no" }))
}

/// Whether the signature is right, for the service that is called.
fn is_signed(method: &str, target: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let head = RequestHead {
        method,
        target,
        headers: &headers,
    };
    let signed = sigv4::parse(head).unwrap();
    let secret = Secret {
        secret_access_key: "secret".to_owned(),
        session_token: None,
    };
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let service = signed.scope().service.to_owned();
    let expectation = Expectation {
        service: &service,
        now_ms,
        payload: PayloadPolicy::MustBeSigned,
    };
    sigv4::verify(&signed, &secret, &PayloadHash::of(body), &expectation).is_ok()
}

async fn answer(State(heard): Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap();
    assert!(
        is_signed("POST", "/", &parts.headers, &body),
        "{operation} is badly signed"
    );
    let input: Value = serde_json::from_slice(&body).unwrap();
    let mut heard = heard.lock().unwrap();
    if heard.away {
        return respond(503, &json!({ "__type": "ServiceUnavailableException" }));
    }
    heard.call(operation, input)
}

impl Heard {
    fn call(&mut self, operation: &str, input: Value) -> Response<Body> {
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let stream = (text("logGroupName"), text("logStreamName"));
        match operation {
            "RegisterContainerInstance" => {
                self.knows = true;
                self.registrations.push(input);
                let instance = json!({ "containerInstanceArn": instance_arn() });
                return respond(200, &json!({ "containerInstance": instance }));
            }
            "DiscoverPollEndpoint" => {
                let (endpoint, telemetry) = (format!("{}/link", self.address), format!("{}/telemetry", self.address));
                return respond(200, &json!({ "endpoint": endpoint, "telemetryEndpoint": telemetry }));
            }
            "SubmitTaskStateChange" => self.reports.push(input),
            "CreateLogGroup" => self.groups.push(stream.0),
            "CreateLogStream" | "PutLogEvents" if !self.groups.contains(&stream.0) => {
                return refuse("ResourceNotFoundException");
            }
            "CreateLogStream" => {
                self.logs.entry(stream).or_default();
            }
            "PutLogEvents" => {
                let events = input["logEvents"].as_array().unwrap();
                let lines = events.iter().map(|event| event["message"].as_str().unwrap().to_owned());
                self.logs.entry(stream).or_default().extend(lines);
            }
            _ => panic!("an agent does not call {operation}"),
        }
        respond(200, &json!({}))
    }
}

async fn upgrade(State(heard): Shared, socket: WebSocketUpgrade, request: Request) -> Response<Body> {
    let target = request.uri().to_string();
    assert!(
        is_signed("GET", &target, request.headers(), b""),
        "the upgrade is badly signed"
    );
    assert!(target.contains("berthVersion=1"), "{target}");
    let (sender, messages) = unbounded_channel();
    {
        let mut heard = heard.lock().unwrap();
        if heard.away {
            return respond(503, &json!({}));
        }
        if !heard.knows {
            return respond(400, &json!({ "InactiveInstanceException": "who?" }));
        }
        heard.socket = Some(sender);
    }
    socket.on_upgrade(move |socket| converse(heard, socket, messages))
}

async fn converse(heard: Arc<Mutex<Heard>>, mut socket: WebSocket, mut messages: UnboundedReceiver<String>) {
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(text) => socket.send(Message::Text(text.into())).await.unwrap(),
                None => return,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    heard.lock().unwrap().messages.push(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    heard.lock().unwrap().socket = None;
                    return;
                }
            },
        }
    }
}

/// Takes one message and ends the connection: the agent comes again.
async fn upgrade_telemetry(State(heard): Shared, socket: WebSocketUpgrade, request: Request) -> Response<Body> {
    let target = request.uri().to_string();
    assert!(
        is_signed("GET", &target, request.headers(), b""),
        "the upgrade is badly signed"
    );
    socket.on_upgrade(move |mut socket| async move {
        if let Some(Ok(Message::Text(text))) = socket.recv().await {
            let message = serde_json::from_str(&text).unwrap();
            heard.lock().unwrap().telemetry.push(message);
        }
    })
}
