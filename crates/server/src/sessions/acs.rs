//! ACS: work to the agent, acknowledgements back. What to say is the brain's; this only carries it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{Request, Response};
use berth_core::control::{Event, LinkEvent};
use berth_core::ecs::model::InstanceKey;
use berth_core::ecs::model::instance::Versions;
use berth_core::ecs::session::ToAgent;
use berth_wire::link::MAX_FRAME_BYTES;
use berth_wire::link::acs::AgentMessage;
use tokio::sync::mpsc;

use super::knock::{Knock, admit, refuse};
use super::{complete_close, render, send};
use crate::App;
use crate::engine::Engine;

/// What the brain hears of one socket.
struct Link<'a> {
    engine: &'a Engine,
    instance: InstanceKey,
    connection: u64,
}

impl Link<'_> {
    /// Tells the brain. While too many events wait for it, this waits, and the agent with it.
    async fn tell(&self, event: LinkEvent) {
        let (instance, connection) = (self.instance.clone(), self.connection);
        let event = Event::Link {
            instance,
            connection,
            event,
        };
        self.engine.tell(event).await;
    }
}

/// Opens an ACS socket.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    socket: WebSocketUpgrade,
    request: Request<Body>,
) -> Response<Body> {
    match admit(&app, request, "ecs:Poll").await {
        Ok(knock) => {
            let socket = socket.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES);
            socket.on_upgrade(move |socket| run(app, knock, socket))
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn run(app: Arc<App>, knock: Knock, socket: WebSocket) {
    let (connection, messages) = app.sessions.open();
    let Knock { connect, instance } = knock;
    let link = Link {
        engine: &app.engine,
        instance,
        connection,
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    let versions = Versions {
        agent: some(connect.agent_version),
        agent_hash: some(connect.agent_hash),
        docker: some(connect.docker_version).map(|version| format!("DockerVersion: {version}")),
    };
    tracing::info!(instance = %link.instance.arn(), "an agent has connected");
    app.metrics.agents.inc();
    link.tell(LinkEvent::Opened {
        own: connect.berth_version.is_some(),
        versions,
    })
    .await;
    converse(&app, &link, socket, messages).await;
    app.sessions.close(connection);
    link.tell(LinkEvent::Closed).await;
    app.metrics.agents.dec();
    tracing::info!(instance = %link.instance.arn(), "an agent has disconnected");
}

async fn converse(app: &App, link: &Link<'_>, mut socket: WebSocket, mut messages: mpsc::Receiver<ToAgent>) {
    loop {
        tokio::select! {
            message = messages.recv() => {
                let rendered = message.and_then(|body| render::message(&link.instance, body, app.config.clock.now().0));
                let Some(rendered) = rendered else { return };
                if send(&mut socket, rendered.encode()).await.is_err() {
                    return;
                }
            }
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    if let Some(event) = hear(&text) {
                        link.tell(event).await;
                    }
                }
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_))) => return complete_close(socket).await,
                Some(Err(_)) | None => return,
            }
        }
    }
}

/// What an agent said. What cannot be read is logged and dropped, as agents do with ours.
fn hear(text: &str) -> Option<LinkEvent> {
    match AgentMessage::parse(text) {
        Ok(AgentMessage::Ack(ack)) => Some(LinkEvent::Acknowledged(ack.message_id)),
        Ok(AgentMessage::TaskStopVerification(message)) => {
            let tasks = message.stop_candidates.into_iter().map(|one| one.task_arn).collect();
            Some(LinkEvent::StopCandidates(message.message_id, tasks))
        }
        Ok(AgentMessage::Nack(nack)) => {
            tracing::warn!(
                message = nack.message_id,
                reason = nack.reason,
                "an agent refused a message"
            );
            Some(LinkEvent::Refused(nack.message_id))
        }
        Ok(AgentMessage::HeartbeatAck(_) | AgentMessage::IamRoleCredentialsAck(_)) => Some(LinkEvent::Heard),
        Ok(AgentMessage::Unknown { kind }) => {
            tracing::debug!(kind, "an agent sent a message of an unknown type");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "an agent sent a message that cannot be read");
            None
        }
    }
}
