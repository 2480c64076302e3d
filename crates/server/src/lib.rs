//! The control-plane program: one HTTP endpoint, the durable store, agents' sessions, the event loop.
//!
//! A thin shell around [`berth_core::control`]: `http` and `services` decode and encode beside the writer, [`engine`] owns the
//! brain and is the only one that writes, [`store`] makes changes durable, `history` keeps tasks that are over, `sessions`
//! carries messages to agents.
#![forbid(unsafe_code)]

pub mod admin;
mod auth;
pub mod backup;
pub mod clock;
pub mod config;
pub mod ending;
pub mod engine;
mod expiry;
pub mod files;
mod history;
mod http;
mod metrics;
mod services;
mod sessions;
mod space;
pub mod store;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use berth_core::control::{Control, Message};
use berth_core::ecs::quota::Rates;
use berth_core::ecs::view::TaskView;
use berth_telemetry::history::HistoryStore;
use berth_telemetry::logs::LogStore;
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::config::Config;
use crate::engine::{Engine, Outbox};
use crate::history::{History, Jobs, Leaving};
use crate::metrics::Metrics;
use crate::sessions::Sessions;
use crate::space::Space;
use crate::store::Store;

/// How many connections may wait to be accepted, as far as the kernel lets them: when it is full, clients try again only a
/// second later, and a fleet that comes back after a restart comes all at once.
const BACKLOG: u32 = 4096;

/// Everything that requests are answered with.
pub(crate) struct App {
    rates: Mutex<Rates>,
    config: Config,
    engine: Engine,
    store: Arc<Store>,
    logs: Arc<LogStore>,
    history: History,
    sessions: Sessions,
    space: Space,
    metrics: Metrics,
    bodies: Arc<http::Budget>,
    tls: Option<tls::Acceptor>,
}

/// A control plane that listens.
pub struct Server {
    app: Arc<App>,
    listeners: Vec<TcpListener>,
    leaving: Jobs,
    admin: UnixListener,
}

/// Whom the brain's outputs are for.
struct Outside {
    sessions: Sessions,
    leaving: Leaving,
}

impl Outbox for Outside {
    fn deliver(&self, message: Message) {
        self.sessions.deliver(message);
    }

    fn archive(&self, tasks: Vec<TaskView>) {
        self.leaving.keep(tasks);
    }
}

impl Server {
    /// Loads what is durable and begins to listen. Requests are answered once [`Server::run`] runs.
    ///
    /// # Errors
    /// A data directory or an address that cannot be used, with what to do about it.
    pub async fn start(config: Config) -> Result<Self> {
        let acceptor = |tls| tls::Acceptor::open(tls, &config.listen, config.clock.clone());
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let state_dir = config.data_dir.join("state");
        let logs_dir = config.data_dir.join("logs");
        let store = Arc::new(Store::open(&state_dir)?);
        let logs = Arc::new(LogStore::open(&logs_dir)?);
        let sessions = Sessions::default();
        let past = HistoryStore::open(&config.data_dir.join("history"))?;
        let (history, leaving) = History::new(past, config.history, config.clock.clone());
        let outside = Outside {
            sessions: sessions.clone(),
            leaving: history.leaving(),
        };
        let (quotas, release) = (config.limits.quotas, config.agent_release.clone());
        let brain = |state| Control::new(state).limited(quotas).offering(release);
        let engine = Engine::start(Arc::clone(&store), config.clock.clone(), brain, outside)?;
        let mut listeners = Vec::new();
        for address in &config.listen {
            listeners.push(listen(*address)?);
        }
        let space = Space::default();
        space.look(&config, &engine).await?;
        let admin = admin::listen(&config.data_dir)?;
        let app = App {
            rates: Mutex::new(Rates::new(config.limits.rates)),
            tls,
            config,
            engine,
            store,
            logs,
            history,
            sessions,
            space,
            metrics: Metrics::default(),
            bodies: http::Budget::new(http::BODIES_BYTES),
        };
        Ok(Self {
            app: Arc::new(app),
            listeners,
            leaving,
            admin,
        })
    }

    /// Where it listens first of all.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        let first = self.listeners.first().context("the control plane listens nowhere")?;
        Ok(first.local_addr()?)
    }

    /// Serves until `stop` resolves.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self {
            app,
            listeners,
            leaving,
            admin,
        } = self;
        let watching = tokio::spawn(space::watch(Arc::clone(&app)));
        let admin = tokio::spawn(admin::serve(admin, Arc::clone(&app)));
        let expiry = tokio::spawn(expiry::expire(Arc::clone(&app)));
        let archived = app.metrics.archived_tasks.clone();
        let keeping = tokio::spawn(history::keep(
            app.history.clone(),
            app.engine.clone(),
            leaving,
            archived,
        ));
        http::serve(listeners, app, stop).await;
        expiry.abort();
        keeping.abort();
        admin.abort();
        watching.abort();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    listen_at(address).with_context(|| {
        format!("cannot listen on {address}: choose another address with --listen, or end what listens there")
    })
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of the process before, which are only remembered any more, are no hindrance.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
