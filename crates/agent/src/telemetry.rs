//! Telemetry (TCS): how well the machine and the containers are, told again and again while the control plane is connected. Metrics are not sent.
//!
//! Nothing depends on it that it arrives: a control plane that takes no telemetry loses nothing but what it would show.

use std::convert::Infallible;
use std::time::Duration;

use berth_core::node::TaskHealth;
use berth_wire::link::tcs::{
    AgentMessage, HealthMetadata, InstanceHealthStatus, InstanceStatus, InstanceStatusMetadata, PublishHealthRequest,
    PublishInstanceStatusRequest,
};
use berth_wire::link::upgrade::Connect;
use berth_wire::link::{self, EpochSeconds};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::backoff::Backoff;
use crate::client::{Client, Socket};
use crate::clock;
use crate::runtime::Containerd;

/// The time between two checks, as with the stock agent.
const PERIOD: Duration = Duration::from_secs(20);
/// As many tasks as one message tells of, as with the stock agent.
const TASKS_TOGETHER: usize = 10;
/// The longest that the runtime may take to answer.
const RUNTIME_TIME: Duration = Duration::from_secs(10);
/// The longest that a frame may take to be sent.
const SEND_TIME: Duration = Duration::from_secs(10);

/// What tells how well the machine is.
#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) client: Client,
    pub(crate) containerd: Containerd,
    /// How well containers are, by their tasks.
    pub(crate) health: watch::Receiver<Vec<TaskHealth>>,
}

/// The runtime's check as it came out last.
#[derive(Clone, Debug, PartialEq)]
struct Checked {
    status: InstanceHealthStatus,
    reason: Option<String>,
    changed_at_ms: i64,
}

impl Telemetry {
    /// Tells for as long as it is asked to, over one connection after the other. Without an endpoint there is nobody to tell.
    pub(crate) async fn tell(mut self, endpoint: Option<String>, connect: Connect) -> Infallible {
        let Some(endpoint) = endpoint else {
            return std::future::pending().await;
        };
        let (mut backoff, mut last) = (Backoff::default(), None);
        loop {
            match self.client.open(&endpoint, &connect.to_tcs_query()).await {
                Ok(socket) => {
                    backoff.reset();
                    self.report(socket, &connect, &mut last).await;
                }
                Err(error) => tracing::debug!(%error, "no telemetry to the control plane: trying again"),
            }
            sleep(backoff.pause()).await;
        }
    }

    /// Checks and reports until the connection ends.
    async fn report(&mut self, mut socket: Socket, connect: &Connect, last: &mut Option<Checked>) {
        let mut due = interval(PERIOD);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {
                    let checked = self.check(last.take()).await;
                    let status = message(connect, &checked);
                    *last = Some(checked);
                    let health = health(connect, &self.health.borrow_and_update());
                    if !send(&mut socket, std::iter::once(status).chain(health)).await {
                        return;
                    }
                }
                // Others may wait for it: it is told at once, and again every time.
                Ok(()) = self.health.changed() => {
                    let health = health(connect, &self.health.borrow_and_update());
                    if !send(&mut socket, health).await {
                        return;
                    }
                }
                // Answers are only signs of life, of which the other socket has enough.
                frame = socket.next() => match frame {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                }
            }
        }
    }

    /// Asks the runtime whether it is there.
    async fn check(&self, last: Option<Checked>) -> Checked {
        let reason = match timeout(RUNTIME_TIME, self.containerd.version()).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the container runtime does not answer".to_owned()),
        };
        let status = match &reason {
            None => InstanceHealthStatus::Ok,
            Some(_) => InstanceHealthStatus::Impaired,
        };
        let since = last.filter(|last| last.status == status).map(|last| last.changed_at_ms);
        Checked {
            status,
            reason,
            changed_at_ms: since.unwrap_or_else(|| clock::now().0),
        }
    }
}

/// Whether all of it could be sent.
async fn send(socket: &mut Socket, messages: impl IntoIterator<Item = AgentMessage>) -> bool {
    for message in messages {
        let sent = timeout(SEND_TIME, socket.send(Message::text(message.encode()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

/// How well containers are, in as many messages as it takes; none if nothing is probed.
fn health(connect: &Connect, tasks: &[TaskHealth]) -> Vec<AgentMessage> {
    let now = EpochSeconds::from_ms(clock::now().0);
    let series = hex::encode(clock::random::<16>());
    let parts = tasks.chunks(TASKS_TOGETHER);
    let last = parts.len();
    let message = |(number, tasks): (usize, &[TaskHealth])| {
        AgentMessage::PublishHealth(PublishHealthRequest {
            metadata: HealthMetadata {
                cluster: connect.cluster.clone(),
                container_instance: connect.container_instance_arn.clone(),
                message_id: Some(series.clone()),
                fin: Some(number + 1 == last),
            },
            tasks: tasks.iter().map(link::health::spell).collect(),
            timestamp: now,
        })
    };
    parts.enumerate().map(message).collect()
}

fn message(connect: &Connect, checked: &Checked) -> AgentMessage {
    let now = EpochSeconds::from_ms(clock::now().0);
    AgentMessage::PublishInstanceStatus(PublishInstanceStatusRequest {
        metadata: InstanceStatusMetadata {
            cluster: connect.cluster.clone(),
            container_instance: connect.container_instance_arn.clone(),
            request_id: Some(hex::encode(clock::random::<16>())),
        },
        statuses: vec![InstanceStatus {
            kind: "ContainerRuntime".to_owned(),
            status: checked.status.clone(),
            last_updated: Some(now),
            last_status_change: Some(EpochSeconds::from_ms(checked.changed_at_ms)),
            status_reason: checked.reason.clone(),
        }],
        timestamp: now,
    })
}
