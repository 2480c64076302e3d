//! The sockets of agents: ACS carries work, TCS carries telemetry.

pub(crate) mod acs;
mod knock;
mod render;
pub(crate) mod tcs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{self, WebSocket};
use berth_core::control::Message;
use berth_core::ecs::session::ToAgent;
use tokio::sync::mpsc;

/// The most messages that wait for one agent. One that is slower than this is cut off: its next connection begins with the whole.
const WAITING: usize = 1024;
/// How long an agent may take to read a frame, or to end a close that it began. Afterwards it counts as gone.
const PEER_TIME: Duration = Duration::from_secs(10);

/// The open ACS sockets, by the numbers of their connections.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    open: Arc<Mutex<BTreeMap<u64, mpsc::Sender<ToAgent>>>>,
    last: Arc<AtomicU64>,
}

impl Sessions {
    /// A new connection: its number, and what it is to send.
    pub(crate) fn open(&self) -> (u64, mpsc::Receiver<ToAgent>) {
        let (sender, messages) = mpsc::channel(WAITING);
        let connection = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(connection, sender);
        (connection, messages)
    }

    /// The connection is over.
    pub(crate) fn close(&self, connection: u64) {
        self.lock().remove(&connection);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, mpsc::Sender<ToAgent>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// Sends a message, or drops it if its connection is gone.
    pub(crate) fn deliver(&self, message: Message) {
        let mut open = self.lock();
        let delivered = open
            .get(&message.connection)
            .map(|sender| sender.try_send(message.body));
        if matches!(delivered, Some(Err(_))) {
            // Dropping the sender ends the socket's loop.
            open.remove(&message.connection);
        }
    }
}

/// The agent is gone, or as good as gone: its session is over.
struct Gone;

/// Sends a text frame.
///
/// # Errors
/// If the agent is gone, or does not read.
async fn send(socket: &mut WebSocket, text: String) -> Result<(), Gone> {
    let sending = socket.send(ws::Message::Text(text.into()));
    match tokio::time::timeout(PEER_TIME, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Gone),
        Err(_) => {
            tracing::warn!("an agent does not read what it is sent; its connection is cut");
            Err(Gone)
        }
    }
}

/// Sends our half of a close that the agent began: agents wait for it, and the library sends it with the next read.
async fn complete_close(mut socket: WebSocket) {
    let closing = async { while let Some(Ok(_)) = socket.recv().await {} };
    // An agent that does not end it in time is cut off: the socket is dropped here.
    let _ = tokio::time::timeout(PEER_TIME, closing).await;
}
