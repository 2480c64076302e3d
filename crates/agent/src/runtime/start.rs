//! The start of a container, however often it is tried: its task (shim, runc's container) is made, then its program is
//! executed, once. The agent, containerd and the shim may have died on any line of an earlier attempt.

use std::fs;
use std::path::Path;
use std::time::Duration;

use containerd_client::services::v1::{Container, CreateTaskRequest, StartRequest};
use containerd_client::tonic::{Code, Status};
use containerd_client::types::Mount;
use containerd_client::types::v1::Process as TaskProcess;
use containerd_client::types::v1::Status as TaskStatus;
use tokio::time::{Instant, sleep, timeout};

use super::cleanup::{end_runc, end_shims, unmount_below};
use super::connection::Containerd;
use super::container::{LOG_URI, stored_spec};
use super::error::RuntimeError;
use super::oci::SHIM_GROUP;

/// How long the creation of a task may take, with all attempts.
const LONGEST_CREATION: Duration = Duration::from_secs(120);
/// How long containerd may take to put away what an earlier attempt has left, a task or its directory. It may never do so:
/// after it was killed itself it takes up shims that have no container, and leaves directories that have no shim.
const LEFTOVER_PATIENCE: Duration = Duration::from_secs(1);
/// The pause before containerd is asked again that is still busy with what an earlier agent asked for.
const EARLIER_ATTEMPT_PAUSE: Duration = Duration::from_millis(20);
/// Where containerd keeps the directories of its tasks, below its state: `<namespace>/<container>`.
const BUNDLES: &str = "io.containerd.runtime.v2.task";
/// How often a container is made anew that ended before its program was executed. One that always does so (for want of
/// memory, for example) has ended like that.
const BROKEN_OFF_TRIES: u32 = 3;

/// What a start has come to.
enum Started {
    /// The program runs, or has run, in this process.
    Program(u32),
    /// The process was there and ended before its program was executed.
    BrokenOff(u32),
    /// An earlier attempt has left a container whose program waits to be executed. containerd may have begun to take it
    /// away, and then its output is read no more.
    LeftOver,
}

/// How far a task is that is there already.
enum Progress {
    /// Its program waits to be executed.
    Created,
    /// Its program was executed.
    Executed,
    /// It ended before its program was executed.
    BrokenOff,
}

impl Containerd {
    /// Starts the container's process and answers its process id on the host. A container that
    /// was started before answers the same again, even when it has ended since.
    pub async fn start(&self, id: &str) -> Result<u32, RuntimeError> {
        let deadline = Instant::now() + LONGEST_CREATION;
        let mut patience = Instant::now() + LEFTOVER_PATIENCE;
        let mut broken_off = 0;
        loop {
            match self.try_start(id).await {
                Ok(Started::Program(pid)) => return Ok(pid),
                Ok(Started::BrokenOff(pid)) if broken_off == BROKEN_OFF_TRIES => return Ok(pid),
                Ok(Started::BrokenOff(_)) => {
                    broken_off += 1;
                    tracing::warn!(container = id, "its start was broken off: it is made anew");
                    self.delete_task(id).await?;
                }
                Ok(Started::LeftOver) if Instant::now() < deadline => self.forget_task(id).await,
                Ok(Started::LeftOver) => {
                    let message = "what an earlier attempt has left cannot be taken away".to_owned();
                    return Err(RuntimeError::Refused {
                        operation: "start container",
                        message,
                    });
                }
                // The container is there, so it was the task of an earlier attempt that went away meanwhile, or that
                // containerd took up from its shim after a crash although the shim never made it.
                Err(RuntimeError::NotFound(_)) if Instant::now() < deadline && self.get_container(id).await.is_ok() => {
                    if Instant::now() > patience {
                        self.forget_task(id).await;
                        patience = Instant::now() + LEFTOVER_PATIENCE;
                    }
                    sleep(EARLIER_ATTEMPT_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn try_start(&self, id: &str) -> Result<Started, RuntimeError> {
        let failed = |status: Status| RuntimeError::from_status("start container", &status);
        let (container, rootfs) = tokio::try_join!(self.get_container(id), self.rootfs_mounts(id)).map_err(failed)?;
        // The first of a group starts the shim that the others find.
        let _group = match shim_group(&container) {
            Some(group) => Some(self.inner.shim_groups.lock(&group).await),
            None => None,
        };
        match self.create_task(&container, rootfs).await {
            Ok(()) => {}
            Err(status) if status.code() == Code::AlreadyExists => {
                let task = self.task_of_earlier_attempt(id).await.map_err(failed)?;
                match self.progress(&task) {
                    Progress::Created => return Ok(Started::LeftOver),
                    Progress::Executed => return Ok(Started::Program(task.pid)),
                    Progress::BrokenOff => return Ok(Started::BrokenOff(task.pid)),
                }
            }
            Err(status) => return Err(RuntimeError::from_status("create task for container", &status)),
        }
        self.start_task(id).await
    }

    /// What containerd says of a task, and runc's files where containerd cannot know.
    fn progress(&self, task: &TaskProcess) -> Progress {
        let executed = self.was_executed(&task.id);
        match task.status() {
            TaskStatus::Running | TaskStatus::Paused | TaskStatus::Pausing => Progress::Executed,
            TaskStatus::Stopped if executed == Some(false) => Progress::BrokenOff,
            TaskStatus::Stopped => Progress::Executed,
            TaskStatus::Created | TaskStatus::Unknown if executed == Some(true) => Progress::Executed,
            TaskStatus::Created | TaskStatus::Unknown => Progress::Created,
        }
    }

    /// Takes away a task that containerd has and its shim has not. Nothing of it runs.
    async fn forget_task(&self, id: &str) {
        tracing::warn!(
            container = id,
            "containerd's shim does not have its container: it is made anew"
        );
        if let Err(error) = self.delete_task(id).await {
            tracing::warn!(container = id, %error, "cannot take the task away");
        }
    }

    /// A shim that does not answer is ended, with which its task goes away.
    async fn task_of_earlier_attempt(&self, id: &str) -> Result<TaskProcess, Status> {
        match timeout(self.shim_patience(), self.get_task(id)).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                self.replace_shim(id).await;
                Err(Status::not_found("its shim does not answer"))
            }
        }
    }

    fn shim_patience(&self) -> Duration {
        self.inner.config.shim_patience
    }

    async fn replace_shim(&self, id: &str) {
        tracing::warn!(container = id, "containerd's shim does not answer and is replaced");
        end_shims(&self.socket(), Some(id)).await;
        // It may have been slow and not stuck: what it has made by now would be in the way, or run without a task.
        end_runc(&self.inner.config.namespace, id).await;
    }

    async fn create_task(&self, container: &Container, rootfs: Vec<Mount>) -> Result<(), Status> {
        let log_uri = log_uri(container);
        let terminal = stored_spec(container)["process"]["terminal"] == true;
        let create = || {
            let request = self.request(CreateTaskRequest {
                container_id: container.id.clone(),
                rootfs: rootfs.clone(),
                stdout: log_uri.clone(),
                // A terminal has one output.
                stderr: if terminal { String::new() } else { log_uri.clone() },
                terminal,
                ..CreateTaskRequest::default()
            });
            async { self.tasks().create(request).await }
        };
        let begun = Instant::now();
        let deadline = begun + LONGEST_CREATION;
        let mut patience = self.shim_patience();
        loop {
            match timeout(patience, self.call(create)).await {
                Ok(Err(status)) if is_under_way(&status) && Instant::now() < deadline => {
                    if begun.elapsed() > LEFTOVER_PATIENCE
                        && let Some(bundle) = self.bundle_in_the_way(&container.id, &status)
                    {
                        self.discard_bundle(&container.id, bundle).await;
                    }
                    sleep(EARLIER_ATTEMPT_PAUSE).await;
                }
                Ok(Err(status)) if is_left_by_runc(&status) && Instant::now() < deadline => {
                    end_runc(&self.inner.config.namespace, &container.id).await;
                    sleep(EARLIER_ATTEMPT_PAUSE).await;
                }
                Ok(answer) => return answer.map(drop),
                Err(_elapsed) if Instant::now() > deadline => {
                    return Err(Status::deadline_exceeded("containerd does not come to an end"));
                }
                Err(_elapsed) => {
                    self.replace_shim(&container.id).await;
                    patience *= 2;
                }
            }
        }
    }

    /// The directory of the container's own task, if it is what keeps containerd from making that.
    fn bundle_in_the_way<'a>(&self, id: &str, status: &'a Status) -> Option<&'a Path> {
        let (_, made) = status.message().rsplit_once("mkdir ")?;
        let bundle = Path::new(made.strip_suffix(": file exists")?);
        let own = Path::new(BUNDLES).join(&self.inner.config.namespace).join(id);
        bundle.ends_with(own).then_some(bundle)
    }

    /// Takes away the directory of a task that containerd does not have.
    async fn discard_bundle(&self, id: &str, bundle: &Path) {
        match timeout(self.shim_patience(), self.get_task(id)).await {
            Ok(Err(status)) if status.code() == Code::NotFound => {}
            Ok(Ok(_) | Err(_)) | Err(_) => return,
        }
        tracing::warn!(
            container = id,
            "containerd broke off when it made the container: clearing up"
        );
        end_shims(&self.socket(), Some(id)).await;
        let removed = unmount_below(bundle).map(|()| fs::remove_dir_all(bundle));
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(container = id, ?removed, "cannot clear up");
        }
    }

    /// A task that cannot start is removed again, so that the container can be deleted.
    async fn start_task(&self, id: &str) -> Result<Started, RuntimeError> {
        let start = || {
            let request = self.request(StartRequest {
                container_id: id.to_owned(),
                ..StartRequest::default()
            });
            async { self.tasks().start(request).await }
        };
        let status = match self.call(start).await {
            Ok(started) => return Ok(Started::Program(started.pid)),
            Err(status) => status,
        };
        // The answer to an earlier attempt may have been lost.
        if let Ok(task) = self.get_task(id).await {
            match self.progress(&task) {
                Progress::Executed => return Ok(Started::Program(task.pid)),
                Progress::BrokenOff => return Ok(Started::BrokenOff(task.pid)),
                Progress::Created => {}
            }
        }
        self.delete_task(id).await?;
        Err(RuntimeError::from_status("start container", &status))
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

/// Whether runc has a container of which containerd has no task: its shim was ended while it made that.
fn is_left_by_runc(status: &Status) -> bool {
    status.message().contains("container with given ID already exists")
}

fn log_uri(container: &Container) -> String {
    container
        .extensions
        .get(LOG_URI)
        .map(|uri| String::from_utf8_lossy(&uri.value).into_owned())
        .unwrap_or_default()
}

fn shim_group(container: &Container) -> Option<String> {
    let spec = stored_spec(container);
    spec["annotations"][SHIM_GROUP].as_str().map(str::to_owned)
}
