//! One channel to containerd, shared by everybody and reconnecting by itself. A call that finds
//! containerd dead brings it back (a private one is started again) and is repeated: every
//! operation of this driver is idempotent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::diff_client::DiffClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::tonic::metadata::{Ascii, MetadataValue};
use containerd_client::tonic::transport::Channel;
use containerd_client::tonic::{Request, Response, Status};
use tokio::net::UnixStream;
use tokio::sync::Mutex as AsyncMutex;

use super::daemon::{Backing, ContainerdConfig, answers, root_cause};
use super::error::{RuntimeError, connection_lost};
use super::executed::was_executed;
use super::keyed::KeyedLocks;
use super::traits::HostTraits;
use super::users::Accounts;
use crate::cgroups::Cgroups;

/// How often an operation is tried whose connection breaks: containerd may be killed while it comes back.
const ATTEMPTS: u32 = 4;

/// A connection to containerd. Clones share it.
#[derive(Clone)]
pub struct Containerd {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    channel: Channel,
    namespace: MetadataValue<Ascii>,
    pub(super) backing: Backing,
    pub(super) config: ContainerdConfig,
    /// Set when containerd is stopped for good.
    pub(super) closed: AtomicBool,
    recovery: AsyncMutex<()>,
    pub(super) traits: HostTraits,
    pub(super) cgroups: Cgroups,
    pub(super) shim_groups: KeyedLocks,
    /// Account files by chain id: an image never changes.
    pub(super) accounts: Mutex<HashMap<String, Arc<Accounts>>>,
}

impl Containerd {
    /// Connects to the host's containerd or to a private one, which is started if it must be.
    /// What a crash between two steps of a creation left behind is removed.
    pub async fn connect_or_start(config: &ContainerdConfig) -> Result<Self, RuntimeError> {
        let namespace = parse_namespace(&config.namespace)?;
        let backing = Backing::choose(config).await?;
        let socket = backing.socket();
        let channel = containerd_client::connect(&socket)
            .await
            .map_err(|error| RuntimeError::Unavailable {
                reason: root_cause(&error),
                socket,
            })?;
        let peer = process_behind(&backing.socket()).await;
        let containerd = Self {
            inner: Arc::new(Inner {
                channel,
                namespace,
                backing,
                config: config.clone(),
                closed: AtomicBool::new(false),
                recovery: AsyncMutex::default(),
                traits: HostTraits::detect(peer)?,
                cgroups: Cgroups::detect()?,
                shim_groups: KeyedLocks::default(),
                accounts: Mutex::default(),
            }),
        };
        containerd.remove_orphaned_snapshots().await?;
        Ok(containerd)
    }

    /// The socket in use.
    pub fn socket(&self) -> PathBuf {
        self.inner.backing.socket()
    }

    /// Whether containerd is our own.
    pub fn is_private(&self) -> bool {
        matches!(self.inner.backing, Backing::Private(_))
    }

    /// containerd's version, for example `1.6.20~ds1`.
    pub async fn version(&self) -> Result<String, RuntimeError> {
        let socket = self.socket();
        if let Ok(version) = answers(&socket).await {
            return Ok(version);
        }
        self.recover().await?;
        answers(&socket)
            .await
            .map_err(|reason| RuntimeError::Unavailable { socket, reason })
    }

    /// A message in our namespace.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let namespace = self.inner.namespace.clone();
        request.metadata_mut().insert("containerd-namespace", namespace);
        request
    }

    /// Performs an idempotent call; when the connection breaks, restores it and repeats.
    pub(crate) async fn call<T, F>(&self, operation: impl Fn() -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.persist(operation).await.map(Response::into_inner)
    }

    /// Performs an idempotent operation of any number of messages; when the connection breaks, restores it and repeats.
    pub(super) async fn persist<T, F>(&self, operation: impl Fn() -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut attempt = 1;
        loop {
            match operation().await {
                Err(status) if connection_lost(&status) && attempt < ATTEMPTS => {
                    attempt += 1;
                    let recovered = self.recover().await;
                    recovered.map_err(|error| Status::unavailable(error.to_string()))?;
                }
                answer => return answer,
            }
        }
    }

    /// Whether the program of a container was ever executed, as far as that can be told.
    pub(super) fn was_executed(&self, id: &str) -> Option<bool> {
        was_executed(&self.inner.config.namespace, id)
    }

    /// Whether containerd was stopped for good, so that nobody may bring it back.
    pub(super) fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::Relaxed)
    }

    /// Returns once containerd answers again.
    pub(crate) async fn recover(&self) -> Result<(), RuntimeError> {
        let _one_at_a_time = self.inner.recovery.lock().await;
        if self.is_closed() {
            return Err(RuntimeError::Unavailable {
                socket: self.socket(),
                reason: "it was stopped".to_owned(),
            });
        }
        self.inner.backing.make_answer().await
    }

    pub(crate) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.inner.channel.clone())
    }

    pub(crate) fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.inner.channel.clone())
    }

    pub(crate) fn snapshots(&self) -> SnapshotsClient<Channel> {
        SnapshotsClient::new(self.inner.channel.clone())
    }

    pub(crate) fn content(&self) -> ContentClient<Channel> {
        ContentClient::new(self.inner.channel.clone())
    }

    pub(crate) fn diff(&self) -> DiffClient<Channel> {
        DiffClient::new(self.inner.channel.clone())
    }

    pub(crate) fn images(&self) -> ImagesClient<Channel> {
        ImagesClient::new(self.inner.channel.clone())
    }

    pub(crate) fn leases(&self) -> LeasesClient<Channel> {
        LeasesClient::new(self.inner.channel.clone())
    }
}

/// The process that listens on a socket, if the kernel says so.
async fn process_behind(socket: &Path) -> Option<i32> {
    let stream = UnixStream::connect(socket).await.ok()?;
    stream.peer_cred().ok()?.pid()
}

fn parse_namespace(name: &str) -> Result<MetadataValue<Ascii>, RuntimeError> {
    let valid = !name.is_empty()
        && name.len() <= 76
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let invalid = || {
        RuntimeError::InvalidConfig(format!(
            "'{name}' is no containerd namespace: use up to 76 letters, digits, '-', '_' and '.'"
        ))
    };
    if !valid {
        return Err(invalid());
    }
    name.parse().map_err(|_not_ascii| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_checked_before_anything_starts() {
        assert!(parse_namespace("berth-0a1b2c3d").is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(77)] {
            let error = parse_namespace(bad).unwrap_err().to_string();
            assert!(error.contains("namespace"), "{error}");
        }
    }
}
