//! The conversation with the control plane: registers the machine, keeps the ACS socket open, and carries frames between
//! the socket and the brain.
//!
//! Nothing that is said here must arrive: the control plane says again what was not confirmed, and a new connection begins
//! with the whole. Reports do not travel here (see `reports`), and how well the machine is goes over a socket of its own (see
//! `telemetry`), for as long as this one is open.

mod frames;

use std::time::Duration;

use berth_core::node::{Event, ToControl};
use berth_wire::link::acs::{AgentMessage, BackendMessage};
use berth_wire::link::extension::BERTH_VERSION;
use berth_wire::link::upgrade::{Connect, PROTOCOL_VERSION, RefusalKind};
use berth_wire::shapes::ecs;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::backoff::Backoff;
use crate::client::{Client, Socket, UpgradeError};
use crate::records::{Identity, Records};
use crate::register::{Announcement, RegisterError, register};
use crate::telemetry::Telemetry;
use frames::{Frames, Heard};

/// A control plane that says nothing for so long is gone: its heartbeats come every 20 seconds.
const SILENCE: Duration = Duration::from_secs(65);
/// The longest that a frame may take to be sent.
const SEND_TIME: Duration = Duration::from_secs(10);
/// A connection that lived shorter than this was no success.
const SETTLED: Duration = Duration::from_secs(1);

/// The agent's end of the conversation.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) announcement: Announcement,
    pub(crate) records: Records,
    pub(crate) identity: Identity,
    /// The container runtime with its version.
    pub(crate) runtime: String,
    /// What tells how well the machine is.
    pub(crate) telemetry: Telemetry,
    /// To the brain.
    pub(crate) events: mpsc::Sender<Event>,
    /// From the brain; reports are not among it.
    pub(crate) outgoing: mpsc::Receiver<ToControl>,
}

/// How a connection ended.
enum End {
    /// The control plane closed it.
    Closed,
    /// It broke, or never came about.
    Lost(String),
    /// The control plane does not know this container instance, or not any more.
    Unknown,
    /// The brain is gone: the agent ends.
    Over,
}

impl Link {
    /// Converses until the agent ends.
    ///
    /// # Errors
    /// What the control plane says when it refuses this machine from the start. Later refusals are tried again.
    pub(crate) async fn run(mut self) -> Result<(), String> {
        let mut backoff = Backoff::default();
        let mut arn = self.join(&mut backoff, true).await?;
        loop {
            // What was said to another container instance does not count for this one.
            let registered = Event::Registered { instance: arn.clone() };
            if self.events.send(registered).await.is_err() {
                return Ok(());
            }
            let began = Instant::now();
            let end = self.connection(&arn).await;
            let settled = began.elapsed() >= SETTLED;
            if settled {
                backoff.reset();
            }
            match end {
                End::Over => return Ok(()),
                End::Closed if settled => tracing::info!("the control plane closed the connection: connecting again"),
                End::Closed => sleep(backoff.pause()).await,
                End::Lost(reason) => {
                    tracing::warn!(reason, "no connection to the control plane: trying again");
                    sleep(backoff.pause()).await;
                }
                End::Unknown => {
                    tracing::warn!(
                        arn,
                        "the control plane does not know this container instance: registering again"
                    );
                    sleep(backoff.pause()).await;
                    arn = self.join(&mut backoff, false).await?;
                }
            }
        }
    }

    /// Registers the machine, however long it takes, and remembers who it is.
    async fn join(&mut self, backoff: &mut Backoff, first: bool) -> Result<String, String> {
        loop {
            let reason = match register(&self.client, &self.announcement, self.identity.arn.as_deref()).await {
                Ok(arn) => {
                    self.remember(&arn).await?;
                    backoff.reset();
                    tracing::info!(
                        arn,
                        cluster = self.identity.cluster,
                        "registered as a container instance"
                    );
                    return Ok(arn);
                }
                Err(RegisterError::Refused(reason)) if first => return Err(reason),
                Err(error) => error.to_string(),
            };
            tracing::warn!(reason, "this machine is not registered: trying again");
            sleep(backoff.pause()).await;
        }
    }

    async fn remember(&mut self, arn: &str) -> Result<(), String> {
        if self.identity.arn.as_deref() == Some(arn) {
            return Ok(());
        }
        self.identity.arn = Some(arn.to_owned());
        let (records, identity) = (self.records.clone(), self.identity.clone());
        let saved = tokio::task::spawn_blocking(move || records.save_identity(&identity)).await;
        saved.expect("saving does not panic").map_err(|error| error.to_string())
    }

    async fn connection(&mut self, arn: &str) -> End {
        let (endpoint, telemetry) = match self.discover(arn).await {
            Ok(endpoints) => endpoints,
            Err(reason) => return End::Lost(reason),
        };
        let connect = Connect {
            cluster: self.identity.cluster.clone(),
            container_instance_arn: arn.to_owned(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            docker_version: self.runtime.clone(),
            protocol_version: Some(PROTOCOL_VERSION),
            seq_num: Some(1),
            berth_version: Some(BERTH_VERSION),
            ..Connect::default()
        };
        match self.client.open(&endpoint, &connect.to_acs_query()).await {
            Ok(socket) => {
                tracing::info!(endpoint, "connected to the control plane");
                let telling = self.telemetry.clone();
                tokio::select! {
                    end = self.converse(socket, Frames::new(arn)) => end,
                    never = telling.tell(telemetry, connect) => match never {},
                }
            }
            Err(UpgradeError::Refused(refusal))
                if matches!(
                    refusal.kind,
                    RefusalKind::InactiveInstance | RefusalKind::InvalidInstance
                ) =>
            {
                End::Unknown
            }
            Err(error) => End::Lost(error.to_string()),
        }
    }

    /// Where the sockets are. Asked each time: a control plane that moved says so here.
    async fn discover(&self, arn: &str) -> Result<(String, Option<String>), String> {
        let request = ecs::DiscoverPollEndpointRequest {
            container_instance: Some(arn.to_owned()),
            cluster: Some(self.identity.cluster.clone()),
            zone_id: None,
        };
        let answer = self.client.call(request).await.map_err(|error| error.to_string())?;
        let telemetry = answer.telemetry_endpoint;
        let endpoint = answer.endpoint.map(|endpoint| (endpoint, telemetry));
        endpoint.ok_or_else(|| "the control plane does not say where its sockets are".to_owned())
    }

    async fn converse(&mut self, mut socket: Socket, mut frames: Frames) -> End {
        // What waits here belongs to an earlier connection.
        while self.outgoing.try_recv().is_ok() {}
        let mut silent_at = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                message = self.outgoing.recv() => {
                    let Some(message) = message else { return End::Over };
                    if let Some(message) = frames.say(message)
                        && let Err(end) = send(&mut socket, &message).await
                    {
                        return end;
                    }
                }
                frame = timeout_at(silent_at, socket.next()) => match frame {
                    Err(_) => return End::Lost(format!("it was silent for {} s", SILENCE.as_secs())),
                    Ok(None | Some(Ok(Message::Close(_)))) => return End::Closed,
                    Ok(Some(Err(error))) => return End::Lost(error.to_string()),
                    Ok(Some(Ok(Message::Text(text)))) => {
                        silent_at = Instant::now() + SILENCE;
                        if let Err(end) = self.hear(&mut socket, &mut frames, &text).await {
                            return end;
                        }
                    }
                    // Pings are answered by the library.
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)))) => {}
                }
            }
        }
    }

    async fn hear(&self, socket: &mut Socket, frames: &mut Frames, text: &str) -> Result<(), End> {
        let message = match BackendMessage::parse(text) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "the control plane sent a message that cannot be read");
                return Ok(());
            }
        };
        match frames.hear(message) {
            Heard::Event(event) => self.events.send(event).await.map_err(|_| End::Over),
            Heard::Answer(answer) => send(socket, &answer).await,
            Heard::Unknown => Err(End::Unknown),
            Heard::Nothing => Ok(()),
        }
    }
}

async fn send(socket: &mut Socket, message: &AgentMessage) -> Result<(), End> {
    match timeout(SEND_TIME, socket.send(Message::text(message.encode()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Lost(error.to_string())),
        Err(_) => Err(End::Lost("it does not take what is sent".to_owned())),
    }
}
