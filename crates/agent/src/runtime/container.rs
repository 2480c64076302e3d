//! A container's life, one idempotent step per call: create (root file system and record), start
//! (shim and process), kill, delete. Waiting and listing stand in `exit`.
//!
//! Creation starts nothing, as in Docker: what runc refuses is reported by `start`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::snapshots::{
    ListSnapshotsRequest, MountsRequest, PrepareSnapshotRequest, RemoveSnapshotRequest,
};
use containerd_client::services::v1::{
    Container, CreateContainerRequest, CreateTaskRequest, DeleteContainerRequest, DeleteTaskRequest,
    GetContainerRequest, GetRequest, KillRequest, StartRequest,
};
use containerd_client::tonic::{Code, Status};
use containerd_client::types::Mount;
use containerd_client::types::v1::Process as TaskProcess;
use containerd_client::types::v1::Status as TaskStatus;
use prost_types::Any;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::SNAPSHOTTER;
use super::accounts::read_accounts;
use super::cleanup::end_shims;
use super::connection::Containerd;
use super::error::{RuntimeError, unless_missing};
use super::oci::{SHIM_GROUP, runtime_spec};
use super::spec::{ContainerSpec, Stdio};
use super::traits::HostTraits;
use super::users::{Accounts, ResolvedUser};

const RUNTIME: &str = "io.containerd.runc.v2";
const SPEC_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
/// The container's extension that keeps its log URI: labels are limited to 4 KiB.
const LOG_URI: &str = "berth.log-uri";
/// Marks the snapshots that are containers' root file systems.
const CONTAINER_LABEL: &str = "berth.container";
/// Keeps a snapshot from the garbage collector before its container refers to it.
const GC_ROOT: &str = "containerd.io/gc.root";
const SIGKILL: u32 = 9;
/// How long the creation of a task may take, with all attempts.
const LONGEST_CREATION: Duration = Duration::from_secs(120);
/// How long a shim may take at first to create a task; twice as long at every further attempt. A shim whose start was
/// broken off, because the agent was killed, takes connections and never answers: containerd waits for it for ever.
const SHIM_PATIENCE: Duration = Duration::from_secs(5);
/// The pause before containerd is asked again that is still busy with what an earlier agent asked for.
const EARLIER_ATTEMPT_PAUSE: Duration = Duration::from_millis(20);
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

    /// Starts the container's process and answers its process id on the host. A container that
    /// was started before answers the same again, even when it has ended since.
    pub async fn start(&self, id: &str) -> Result<u32, RuntimeError> {
        let failed = |status: Status| RuntimeError::from_status("start container", &status);
        let deadline = Instant::now() + LONGEST_CREATION;
        loop {
            let (container, rootfs) =
                tokio::try_join!(self.get_container(id), self.rootfs_mounts(id)).map_err(failed)?;
            // The first of a group starts the shim that the others find.
            let _group = match shim_group(&container) {
                Some(group) => Some(self.inner.shim_groups.lock(&group).await),
                None => None,
            };
            match self.create_and_start(&container, rootfs).await {
                // The container is there, so it was the task of an earlier attempt that went away meanwhile.
                Err(RuntimeError::NotFound(_)) if Instant::now() < deadline => sleep(EARLIER_ATTEMPT_PAUSE).await,
                answer => return answer,
            }
        }
    }

    async fn create_and_start(&self, container: &Container, rootfs: Vec<Mount>) -> Result<u32, RuntimeError> {
        match self.create_task(container, rootfs).await {
            Ok(()) => {}
            Err(status) if status.code() == Code::AlreadyExists => {
                let task = self.get_task(&container.id).await;
                let task = task.map_err(|status| RuntimeError::from_status("start container", &status))?;
                if task.status() != TaskStatus::Created {
                    return Ok(task.pid);
                }
            }
            Err(status) => {
                return Err(RuntimeError::from_status("create task for container", &status));
            }
        }
        self.start_task(&container.id).await
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

    /// Root file systems without a container: the agent died between the two steps of a creation.
    pub(super) async fn remove_orphaned_snapshots(&self) -> Result<(), RuntimeError> {
        let failed = |status: Status| RuntimeError::from_status("list snapshots", &status);
        let request = self.request(ListSnapshotsRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            filters: vec![format!("labels.\"{CONTAINER_LABEL}\"")],
        });
        let mut pages = self.snapshots().list(request).await.map_err(failed)?.into_inner();
        let mut orphans = HashSet::new();
        while let Some(page) = pages.message().await.map_err(failed)? {
            orphans.extend(page.info.into_iter().map(|snapshot| snapshot.name));
        }
        if orphans.is_empty() {
            return Ok(());
        }
        for container in self.container_records().await? {
            orphans.remove(&container.id);
        }
        for orphan in orphans {
            self.remove_snapshot(&orphan).await?;
        }
        Ok(())
    }

    async fn prepare_rootfs(&self, spec: &ContainerSpec) -> Result<Vec<Mount>, RuntimeError> {
        let prepare = || {
            let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
            let request = self.request(PrepareSnapshotRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: spec.id.clone(),
                parent: spec.image.chain_id.clone(),
                labels: HashMap::from([
                    (GC_ROOT.to_owned(), now.to_string()),
                    (CONTAINER_LABEL.to_owned(), spec.id.clone()),
                ]),
            });
            async { self.snapshots().prepare(request).await }
        };
        let mounts = match self.call(prepare).await {
            Ok(prepared) => Ok(prepared.mounts),
            Err(status) if status.code() == Code::AlreadyExists => self.rootfs_mounts(&spec.id).await,
            Err(status) => Err(status),
        };
        mounts.map_err(|status| RuntimeError::from_status("prepare root file system", &status))
    }

    async fn rootfs_mounts(&self, id: &str) -> Result<Vec<Mount>, Status> {
        let mounts = || {
            let request = self.request(MountsRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: id.to_owned(),
            });
            async { self.snapshots().mounts(request).await }
        };
        self.call(mounts).await.map(|answer| answer.mounts)
    }

    async fn remove_snapshot(&self, key: &str) -> Result<(), RuntimeError> {
        let remove = || {
            let request = self.request(RemoveSnapshotRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: key.to_owned(),
            });
            async { self.snapshots().remove(request).await }
        };
        unless_missing(self.call(remove).await)
            .map(drop)
            .map_err(|status| RuntimeError::from_status("remove root file system", &status))
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

    async fn get_task(&self, id: &str) -> Result<TaskProcess, Status> {
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

    async fn create_task(&self, container: &Container, rootfs: Vec<Mount>) -> Result<(), Status> {
        let log_uri = log_uri(container);
        let create = || {
            let request = self.request(CreateTaskRequest {
                container_id: container.id.clone(),
                rootfs: rootfs.clone(),
                stdout: log_uri.clone(),
                stderr: log_uri.clone(),
                ..CreateTaskRequest::default()
            });
            async { self.tasks().create(request).await }
        };
        let deadline = Instant::now() + LONGEST_CREATION;
        let mut patience = SHIM_PATIENCE;
        loop {
            match timeout(patience, self.call(create)).await {
                Ok(Err(status)) if is_under_way(&status) && Instant::now() < deadline => {
                    sleep(EARLIER_ATTEMPT_PAUSE).await;
                }
                Ok(answer) => return answer.map(drop),
                Err(_elapsed) if Instant::now() > deadline => {
                    return Err(Status::deadline_exceeded("containerd does not come to an end"));
                }
                Err(_elapsed) => {
                    tracing::warn!(
                        container = container.id,
                        "containerd's shim does not answer and is replaced"
                    );
                    end_shims(&self.socket(), Some(&container.id)).await;
                    patience *= 2;
                }
            }
        }
    }

    /// A task that cannot start is removed again, so that the container can be deleted.
    async fn start_task(&self, id: &str) -> Result<u32, RuntimeError> {
        let start = || {
            let request = self.request(StartRequest {
                container_id: id.to_owned(),
                ..StartRequest::default()
            });
            async { self.tasks().start(request).await }
        };
        let status = match self.call(start).await {
            Ok(started) => return Ok(started.pid),
            Err(status) => status,
        };
        if let Ok(task) = self.get_task(id).await
            && matches!(task.status(), TaskStatus::Running | TaskStatus::Stopped)
        {
            return Ok(task.pid); // the answer to an earlier attempt was lost
        }
        self.delete_task(id).await?;
        Err(RuntimeError::from_status("start container", &status))
    }

    async fn delete_task(&self, id: &str) -> Result<(), RuntimeError> {
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

/// Whether an agent that was killed has asked for the same: containerd still makes that task, or takes it back because
/// nobody waits for it any more, and then its directory is there although the task is not, or goes away under the shim
/// that starts in it. It has no code of its own for this.
fn is_under_way(status: &Status) -> bool {
    let text = status.message();
    let is_there_still = text.contains("mkdir ") && text.ends_with(": file exists");
    let goes_away = text.contains("failed to start shim") && text.contains("no such file or directory");
    status.code() != Code::AlreadyExists && (is_there_still || goes_away)
}

fn log_uri(container: &Container) -> String {
    container
        .extensions
        .get(LOG_URI)
        .map(|uri| String::from_utf8_lossy(&uri.value).into_owned())
        .unwrap_or_default()
}

/// The runtime specification that the container was created with.
pub(super) fn stored_spec(container: &Container) -> Value {
    container
        .spec
        .as_ref()
        .and_then(|any| serde_json::from_slice(&any.value).ok())
        .unwrap_or_default()
}

fn shim_group(container: &Container) -> Option<String> {
    let spec = stored_spec(container);
    spec["annotations"][SHIM_GROUP].as_str().map(str::to_owned)
}
