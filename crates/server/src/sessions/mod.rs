//! The sockets of agents: ACS carries work, TCS carries telemetry.

pub(crate) mod acs;
mod knock;
mod render;
pub(crate) mod tcs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::WebSocket;
use berth_core::control::Message;
use berth_core::ecs::session::ToAgent;
use tokio::sync::mpsc;

use crate::engine::Outbox;

/// The most messages that wait for one agent. One that is slower than this is cut off: its next connection begins with the whole.
const WAITING: usize = 1024;

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

impl Outbox for Sessions {
    fn deliver(&self, message: Message) {
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

/// Sends our half of a close that the agent began: agents wait for it, and the library sends it with the next read.
async fn complete_close(mut socket: WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}
