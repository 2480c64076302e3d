//! TCS: telemetry from the agent. Every frame is answered, for agents leave when nothing comes back. How well the machine
//! and the containers are goes to the brain; metrics are counted, not kept, until there is a store for them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{Request, Response};
use berth_core::control::Event;
use berth_core::ecs::model::InstanceKey;
use berth_core::kernel::Timestamp;
use berth_wire::link::MAX_FRAME_BYTES;
use berth_wire::link::acs::TextMessage;
use berth_wire::link::frame::SignedFrame;
use berth_wire::link::health;
use berth_wire::link::tcs::{AgentMessage, BackendMessage, HeartbeatMessage, InstanceStatus};

use super::knock::{admit, refuse};
use super::{complete_close, send};
use crate::App;

/// The time between heartbeats: half of what the public agent waits for anything.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The time between two looks at whether the agent still speaks, by a clock that may be set, and may still be here.
const LOOK: Duration = Duration::from_secs(5);
/// A connection is cut when nothing has come for this many milliseconds: agents speak every 20 s, and leave themselves when
/// they hear nothing for so long.
const SILENCE_MS: i64 = 120_000;

/// Opens a TCS socket.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    socket: WebSocketUpgrade,
    request: Request<Body>,
) -> Response<Body> {
    match admit(&app, request, "ecs:StartTelemetrySession").await {
        Ok(knock) => {
            let socket = socket.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES);
            socket.on_upgrade(move |socket| run(app, knock.instance, socket))
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn run(app: Arc<App>, instance: InstanceKey, mut socket: WebSocket) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    let mut look = tokio::time::interval(LOOK);
    let mut heard_at = app.config.clock.now();
    loop {
        let answer = tokio::select! {
            _ = heartbeat.tick() => Some(BackendMessage::Heartbeat(HeartbeatMessage { healthy: Some(true) })),
            _ = look.tick() => match may_stay(&app, &instance, heard_at).await {
                true => None,
                false => return,
            },
            frame = socket.recv() => {
                heard_at = app.config.clock.now();
                match frame {
                    Some(Ok(Message::Text(text))) => take(&app, &instance, &text).await,
                    Some(Ok(Message::Binary(bytes))) => match std::str::from_utf8(&bytes) {
                        Ok(text) => take(&app, &instance, text).await,
                        Err(_) => None,
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                    Some(Ok(Message::Close(_))) => return complete_close(socket).await,
                    Some(Err(_)) | None => return,
                }
            }
        };
        if let Some(answer) = answer
            && send(&mut socket, answer.encode()).await.is_err()
        {
            return;
        }
    }
}

/// Whether a connection goes on: its agent speaks, and its instance may still have one.
async fn may_stay(app: &App, instance: &InstanceKey, heard_at: Timestamp) -> bool {
    let speaks = app.config.clock.now().since_ms(heard_at) < SILENCE_MS;
    let admitted = app.engine.read(|control| control.admit_agent(instance).is_ok()).await;
    let stays = speaks && admitted.unwrap_or_default();
    if !stays {
        tracing::info!(instance = %instance.arn(), speaks, "a telemetry connection is cut");
    }
    stays
}

/// The answer to a frame. The socket itself was authenticated, so the signature within the frame adds nothing.
async fn take(app: &App, instance: &InstanceKey, text: &str) -> Option<BackendMessage> {
    let message = SignedFrame::parse(text).and_then(|frame| AgentMessage::parse(frame.json));
    app.metrics.telemetry_frames.inc();
    let done = TextMessage::default();
    match message {
        Ok(AgentMessage::PublishMetrics(_)) => Some(BackendMessage::AckPublishMetric(done)),
        Ok(AgentMessage::PublishHealth(health)) => {
            let probed = Event::Probed {
                instance: instance.clone(),
                reports: health.tasks.into_iter().filter_map(health::read).collect(),
            };
            app.engine.tell(probed).await;
            Some(BackendMessage::AckPublishHealth(done))
        }
        Ok(AgentMessage::PublishInstanceStatus(status)) => {
            let checked = Event::Checked {
                instance: instance.clone(),
                reports: status.statuses.into_iter().filter_map(InstanceStatus::report).collect(),
            };
            app.engine.tell(checked).await;
            Some(BackendMessage::AckPublishInstanceStatus(done))
        }
        Ok(AgentMessage::StartTelemetrySession(_)) => {
            Some(BackendMessage::Heartbeat(HeartbeatMessage { healthy: Some(true) }))
        }
        Ok(AgentMessage::Unknown { kind }) => {
            tracing::debug!(kind, "an agent sent telemetry of an unknown type");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "an agent sent telemetry that cannot be read");
            None
        }
    }
}
