//! Telemetry (TCS): how well the machine is, told again and again while the control plane is connected. Metrics are not sent.
//!
//! Nothing depends on it that it arrives: a control plane that takes no telemetry loses nothing but what it would show.

use std::convert::Infallible;
use std::time::Duration;

use berth_wire::link::EpochSeconds;
use berth_wire::link::tcs::{
    AgentMessage, InstanceHealthStatus, InstanceStatus, InstanceStatusMetadata, PublishInstanceStatusRequest,
};
use berth_wire::link::upgrade::Connect;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::backoff::Backoff;
use crate::client::{Client, Socket};
use crate::clock;
use crate::runtime::Containerd;

/// The time between two checks, as with the stock agent.
const PERIOD: Duration = Duration::from_secs(20);
/// The longest that the runtime may take to answer.
const RUNTIME_TIME: Duration = Duration::from_secs(10);
/// The longest that a frame may take to be sent.
const SEND_TIME: Duration = Duration::from_secs(10);

/// What tells how well the machine is.
#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) client: Client,
    pub(crate) containerd: Containerd,
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
    pub(crate) async fn tell(self, endpoint: Option<String>, connect: Connect) -> Infallible {
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
    async fn report(&self, mut socket: Socket, connect: &Connect, last: &mut Option<Checked>) {
        let mut due = interval(PERIOD);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {
                    let checked = self.check(last.take()).await;
                    let message = message(connect, &checked).encode();
                    *last = Some(checked);
                    if !matches!(timeout(SEND_TIME, socket.send(Message::text(message))).await, Ok(Ok(()))) {
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
