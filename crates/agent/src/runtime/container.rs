//! A container's life, one idempotent step per call: create (root file system and record), kill, delete. Starting stands
//! in `start`, waiting and listing in `exit`.
//!
//! Creation starts nothing, as in Docker: what runc refuses is reported by `start`.

use std::collections::HashMap;
use std::sync::Arc;

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::{
    Container, CreateContainerRequest, DeleteContainerRequest, DeleteTaskRequest, GetContainerRequest, GetRequest,
    KillRequest, UpdateContainerRequest,
};
use containerd_client::tonic::{Code, Status};
use containerd_client::types::Mount;
use containerd_client::types::v1::Process as TaskProcess;
use containerd_client::types::v1::Status as TaskStatus;
use prost_types::{Any, FieldMask};
use serde_json::Value;

use super::SNAPSHOTTER;
use super::accounts::read_accounts;
use super::connection::Containerd;
use super::error::{RuntimeError, unless_missing};
use super::oci::runtime_spec;
use super::spec::{ContainerSpec, Stdio};
use super::traits::HostTraits;
use super::users::{Accounts, ResolvedUser};

const RUNTIME: &str = "io.containerd.runc.v2";
const SPEC_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
/// The container's extension that keeps its log URI: labels are limited to 4 KiB.
pub(super) const LOG_URI: &str = "berth.log-uri";
const SIGKILL: u32 = 9;
/// Account files are small; past so many images the cache starts anew.
const MAX_CACHED_ACCOUNTS: usize = 256;

/// Whether a creation made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The container was made.
    New,
    /// It was there already, from a call whose answer was lost, and is used as it is.
    AlreadyExists,
}

impl Containerd {
    /// Makes the container's root file system and record. Nothing runs yet.
    pub async fn create(&self, spec: &ContainerSpec) -> Result<Created, RuntimeError> {
        let rootfs = self.prepare_rootfs(spec).await?;
        let user = match self.resolve_user(spec, &rootfs).await {
            Ok(user) => user,
            Err(error) => {
                self.remove_snapshot(&spec.id).await?;
                return Err(error);
            }
        };
        let container = container_record(spec, &user, self.inner.traits);
        let create = || {
            let container = Some(container.clone());
            let request = self.request(CreateContainerRequest { container });
            async { self.containers().create(request).await }
        };
        match self.call(create).await {
            Ok(_created) => Ok(Created::New),
            Err(status) if status.code() == Code::AlreadyExists => Ok(Created::AlreadyExists),
            Err(status) => {
                self.remove_snapshot(&spec.id).await?;
                Err(RuntimeError::from_status("create container", &status))
            }
        }
    }

    /// Sends a signal to the container's first process, or to all of its processes. A container
    /// that does not run needs no signal: that is success.
    pub async fn kill(&self, id: &str, signal: u32, all: bool) -> Result<(), RuntimeError> {
        let kill = || {
            let request = self.request(KillRequest {
                container_id: id.to_owned(),
                signal,
                all,
                ..KillRequest::default()
            });
            async { self.tasks().kill(request).await }
        };
        unless_missing(self.call(kill).await)
            .map(drop)
            .map_err(|status| RuntimeError::from_status("kill container", &status))
    }

    /// Removes what is left of a container that has ended or never started: task, record and root
    /// file system. What is gone already is success; a running one is an error.
    pub async fn delete(&self, id: &str) -> Result<(), RuntimeError> {
        self.delete_task(id).await?;
        let delete = || {
            let request = self.request(DeleteContainerRequest { id: id.to_owned() });
            async { self.containers().delete(request).await }
        };
        unless_missing(self.call(delete).await)
            .map_err(|status| RuntimeError::from_status("delete container", &status))?;
        self.remove_snapshot(id).await
    }

    /// Removes a container whether it runs or not.
    pub async fn destroy(&self, id: &str) -> Result<(), RuntimeError> {
        match self.delete(id).await {
            Err(RuntimeError::StillRunning(_)) => {}
            finished => return finished,
        }
        self.kill(id, SIGKILL, true).await?;
        match self.wait(id).await {
            Ok(_) | Err(RuntimeError::NotFound(_)) => self.delete(id).await,
            Err(error) => Err(error),
        }
    }

    /// Makes ready to start a container once more that has ended: its last process is forgotten, and `label` says that it was
    /// to be started again for the `count`-th time. Done twice, it does nothing.
    pub async fn renew(&self, id: &str, label: &str, count: u32) -> Result<(), RuntimeError> {
        let failed = |status: Status| RuntimeError::from_status("start container again", &status);
        let container = self.get_container(id).await.map_err(failed)?;
        let known = container.labels.get(label).and_then(|count| count.parse().ok());
        if known.unwrap_or(0) >= count {
            return Ok(());
        }
        self.delete_task(id).await?;
        let update = || {
            let request = self.request(UpdateContainerRequest {
                container: Some(Container {
                    id: id.to_owned(),
                    labels: HashMap::from([(label.to_owned(), count.to_string())]),
                    ..Container::default()
                }),
                update_mask: Some(FieldMask {
                    paths: vec![format!("labels.{label}")],
                }),
            });
            async { self.containers().update(request).await }
        };
        self.call(update).await.map(drop).map_err(failed)
    }

    async fn resolve_user(&self, spec: &ContainerSpec, rootfs: &[Mount]) -> Result<ResolvedUser, RuntimeError> {
        let accounts = self.accounts_of(&spec.image.chain_id, rootfs).await?;
        Ok(accounts.resolve(&spec.process.user)?)
    }

    async fn accounts_of(&self, chain_id: &str, rootfs: &[Mount]) -> Result<Arc<Accounts>, RuntimeError> {
        let cache = || self.inner.accounts.lock().expect("no holder of this lock panics");
        if let Some(known) = cache().get(chain_id) {
            return Ok(Arc::clone(known));
        }
        let accounts = read_accounts(rootfs)
            .await
            .map(Arc::new)
            .map_err(|error| RuntimeError::io("read the image's /etc/passwd and /etc/group", error))?;
        let mut cache = cache();
        if cache.len() >= MAX_CACHED_ACCOUNTS {
            cache.clear();
        }
        cache.insert(chain_id.to_owned(), Arc::clone(&accounts));
        Ok(accounts)
    }

    pub(super) async fn get_container(&self, id: &str) -> Result<Container, Status> {
        let get = || {
            let request = self.request(GetContainerRequest { id: id.to_owned() });
            async { self.containers().get(request).await }
        };
        let answer = self.call(get).await?;
        answer
            .container
            .ok_or_else(|| Status::internal("containerd answered without the container"))
    }

    pub(super) async fn get_task(&self, id: &str) -> Result<TaskProcess, Status> {
        let get = || {
            let request = self.request(GetRequest {
                container_id: id.to_owned(),
                ..GetRequest::default()
            });
            async { self.tasks().get(request).await }
        };
        let answer = self.call(get).await?;
        answer
            .process
            .ok_or_else(|| Status::internal("containerd answered without the process"))
    }

    pub(super) async fn delete_task(&self, id: &str) -> Result<(), RuntimeError> {
        let delete = || {
            let request = self.request(DeleteTaskRequest {
                container_id: id.to_owned(),
            });
            async { self.tasks().delete(request).await }
        };
        let Err(status) = unless_missing(self.call(delete).await) else {
            return Ok(());
        };
        // The shim's refusal has no code of its own, so the task's state tells what it means.
        let alive = [TaskStatus::Running, TaskStatus::Paused, TaskStatus::Pausing];
        match self.get_task(id).await {
            Ok(task) if alive.contains(&task.status()) => Err(RuntimeError::StillRunning(id.to_owned())),
            _ => Err(RuntimeError::from_status("delete task", &status)),
        }
    }
}

fn container_record(spec: &ContainerSpec, user: &ResolvedUser, traits: HostTraits) -> Container {
    let document = runtime_spec(spec, user, traits);
    let mut extensions = HashMap::new();
    if let Stdio::Log(uri) = &spec.stdio {
        let value = Any {
            type_url: LOG_URI.to_owned(),
            value: uri.clone().into_bytes(),
        };
        extensions.insert(LOG_URI.to_owned(), value);
    }
    Container {
        id: spec.id.clone(),
        labels: spec.labels.clone().into_iter().collect(),
        image: spec.image.name.clone(),
        runtime: Some(Runtime {
            name: RUNTIME.to_owned(),
            options: None,
        }),
        spec: Some(Any {
            type_url: SPEC_TYPE.to_owned(),
            value: document.to_string().into_bytes(),
        }),
        snapshotter: SNAPSHOTTER.to_owned(),
        snapshot_key: spec.id.clone(),
        extensions,
        ..Container::default()
    }
}

/// The runtime specification that the container was created with.
pub(super) fn stored_spec(container: &Container) -> Value {
    container
        .spec
        .as_ref()
        .and_then(|any| serde_json::from_slice(&any.value).ok())
        .unwrap_or_default()
}
