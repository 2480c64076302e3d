//! The control-plane program: one HTTP endpoint, the durable store, agents' sessions, the event loop.
//!
//! A thin shell around [`berth_core::control`]: `http` and `services` decode and encode beside the writer, [`engine`] owns the
//! brain and is the only one that writes, [`store`] makes changes durable, `sessions` carries messages to agents.
#![forbid(unsafe_code)]

mod auth;
pub mod clock;
pub mod config;
pub mod engine;
mod http;
mod metrics;
mod services;
mod sessions;
pub mod store;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use berth_telemetry::logs::LogStore;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::metrics::Metrics;
use crate::sessions::Sessions;
use crate::store::Store;

/// Everything that requests are answered with.
pub(crate) struct App {
    config: Config,
    engine: Engine,
    logs: Arc<LogStore>,
    sessions: Sessions,
    metrics: Metrics,
}

/// A control plane that listens.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
}

/// The time between two slices of deleting expired log events.
const EXPIRY_PAUSE: Duration = Duration::from_secs(60);
/// The most log events of one slice.
const EXPIRY_SLICE: usize = 10_000;

impl Server {
    /// Loads what is durable and begins to listen. Requests are answered once [`Server::run`] runs.
    ///
    /// # Errors
    /// A data directory or an address that cannot be used, with what to do about it.
    pub async fn start(config: Config) -> Result<Self> {
        let state_dir = config.data_dir.join("state");
        let logs_dir = config.data_dir.join("logs");
        let store = Store::open(&state_dir)?;
        let logs = Arc::new(LogStore::open(&logs_dir)?);
        let sessions = Sessions::default();
        let engine = Engine::start(store, config.clock.clone(), sessions.clone())?;
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!(
                "cannot listen on {}: choose another address with --listen, or end what listens there",
                config.listen
            )
        })?;
        let app = App {
            config,
            engine,
            logs,
            sessions,
            metrics: Metrics::default(),
        };
        Ok(Self {
            app: Arc::new(app),
            listener,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `stop` resolves.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let expiry = tokio::spawn(expire_logs(Arc::clone(&self.app.logs), self.app.config.clock.clone()));
        http::serve(self.listener, self.app, stop).await;
        expiry.abort();
    }
}

/// Deletes expired log events, a slice at a time.
async fn expire_logs(logs: Arc<LogStore>, clock: Clock) {
    loop {
        let (store, now_ms) = (Arc::clone(&logs), clock.now().0);
        let slice = tokio::task::spawn_blocking(move || store.expire(now_ms, EXPIRY_SLICE)).await;
        match slice {
            Ok(Ok(expired)) if expired.more => {}
            Ok(Ok(_)) => tokio::time::sleep(EXPIRY_PAUSE).await,
            Ok(Err(error)) => {
                tracing::warn!(%error, "expired log events could not be deleted");
                tokio::time::sleep(EXPIRY_PAUSE).await;
            }
            // Expiry goes on: without it the disk would fill, and nobody would be told why.
            Err(error) => {
                tracing::error!(%error, "deleting expired log events broke off");
                tokio::time::sleep(EXPIRY_PAUSE).await;
            }
        }
    }
}
