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

/// Opens an ACS socket.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    socket: WebSocketUpgrade,
    request: Request<Body>,
) -> Response<Body> {
    match admit(&app, request).await {
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
    let tell = |event| {
        app.engine.tell(Event::Link {
            instance: instance.clone(),
            connection,
            event,
        })
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    let versions = Versions {
        agent: some(connect.agent_version),
        agent_hash: some(connect.agent_hash),
        docker: some(connect.docker_version).map(|version| format!("DockerVersion: {version}")),
    };
    tracing::info!(instance = %instance.arn(), "an agent has connected");
    app.metrics.agents.inc();
    tell(LinkEvent::Opened {
        own: connect.berth_version.is_some(),
        versions,
    });
    converse(&app, &instance, socket, messages, &tell).await;
    app.sessions.close(connection);
    tell(LinkEvent::Closed);
    app.metrics.agents.dec();
    tracing::info!(instance = %instance.arn(), "an agent has disconnected");
}

async fn converse(
    app: &App,
    instance: &InstanceKey,
    mut socket: WebSocket,
    mut messages: mpsc::Receiver<ToAgent>,
    tell: &impl Fn(LinkEvent),
) {
    loop {
        tokio::select! {
            message = messages.recv() => {
                let rendered = message.and_then(|body| render::message(instance, body, app.config.clock.now().0));
                let Some(rendered) = rendered else { return };
                if send(&mut socket, rendered.encode()).await.is_err() {
                    return;
                }
            }
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => hear(&text, tell),
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                Some(Ok(Message::Close(_))) => return complete_close(socket).await,
                Some(Err(_)) | None => return,
            }
        }
    }
}

/// Tells the brain what an agent said. What cannot be read is logged and dropped, as agents do with ours.
fn hear(text: &str, tell: &impl Fn(LinkEvent)) {
    match AgentMessage::parse(text) {
        Ok(AgentMessage::Ack(ack)) => tell(LinkEvent::Acknowledged(ack.message_id)),
        Ok(AgentMessage::TaskStopVerification(message)) => {
            let tasks = message.stop_candidates.into_iter().map(|one| one.task_arn).collect();
            tell(LinkEvent::StopCandidates(message.message_id, tasks));
        }
        Ok(AgentMessage::Nack(nack)) => {
            tracing::warn!(
                message = nack.message_id,
                reason = nack.reason,
                "an agent refused a message"
            );
            tell(LinkEvent::Heard);
        }
        Ok(AgentMessage::HeartbeatAck(_) | AgentMessage::IamRoleCredentialsAck(_)) => tell(LinkEvent::Heard),
        Ok(AgentMessage::Unknown { kind }) => tracing::debug!(kind, "an agent sent a message of an unknown type"),
        Err(error) => tracing::warn!(%error, "an agent sent a message that cannot be read"),
    }
}
