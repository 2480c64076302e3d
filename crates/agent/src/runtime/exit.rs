//! How containers end, and which there are. Waiting needs no events: containerd answers `wait`
//! after the exit too, and a shim keeps the exit status while containerd is down.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use containerd_client::services::v1::{Container, ListContainersRequest, ListTasksRequest, WaitRequest};
use containerd_client::types::v1::Process as TaskProcess;
use containerd_client::types::v1::Status as TaskStatus;
use prost_types::Timestamp;
use tokio::time::sleep;

use super::connection::Containerd;
use super::container::stored_spec;
use super::error::{RuntimeError, connection_lost};
use crate::cgroups::{Cgroups, GroupPath};

const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The process's exit code, or 128 + the signal that ended it.
    pub code: u32,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether the kernel killed one of its processes for want of memory.
    pub oom: bool,
}

/// What a container does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerStatus {
    /// It has no process: it was never started, or its machine was restarted since.
    Created,
    /// It runs (or is paused).
    Running {
        /// The process id on the host.
        pid: u32,
    },
    /// It has ended.
    Stopped(Exit),
}

/// A container that containerd knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// As created.
    pub id: String,
    /// The image's name as created.
    pub image: String,
    /// As created.
    pub labels: BTreeMap<String, String>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// What it does.
    pub status: ContainerStatus,
}

impl Containerd {
    /// Waits until a started container ends; answers at once if it has ended. Restarts of
    /// containerd are survived. NotFound when it was never started, was deleted, or its shim died.
    pub async fn wait(&self, id: &str) -> Result<Exit, RuntimeError> {
        let mut delay = Duration::from_millis(20);
        loop {
            let request = self.request(WaitRequest {
                container_id: id.to_owned(),
                ..WaitRequest::default()
            });
            match self.tasks().wait(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let exited_at = answer.exited_at.unwrap_or_default();
                    return Ok(self.exit(id, answer.exit_status, &exited_at).await);
                }
                Err(status) if connection_lost(&status) => {
                    tracing::debug!(id, %status, "waiting again after a lost connection");
                    match self.recover().await {
                        Err(error) if self.is_closed() => return Err(error),
                        Err(error) => tracing::warn!(id, %error, "still waiting for containerd"),
                        Ok(()) => {}
                    }
                }
                Err(status) => return Err(RuntimeError::from_status("wait for container", &status)),
            }
            sleep(delay).await;
            delay = (delay * 2).min(MAX_RETRY_DELAY);
        }
    }

    /// Every container of our namespace, with how it ended if it has.
    pub async fn list(&self) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let (containers, tasks) = tokio::try_join!(self.container_records(), self.task_records())?;
        let cgroups = &self.inner.cgroups;
        let status_of = |container: &Container| match tasks.get(&container.id) {
            None => ContainerStatus::Created,
            Some(task) => match task_status(task, || out_of_memory(cgroups, container)) {
                // Whoever started it was killed halfway: its end is not that of its program, or its program runs already.
                ContainerStatus::Stopped(_) if self.was_executed(&container.id) == Some(false) => {
                    ContainerStatus::Created
                }
                ContainerStatus::Created if task.pid != 0 && self.was_executed(&container.id) == Some(true) => {
                    ContainerStatus::Running { pid: task.pid }
                }
                status @ (ContainerStatus::Created | ContainerStatus::Running { .. } | ContainerStatus::Stopped(_)) => {
                    status
                }
            },
        };
        let mut infos: Vec<ContainerInfo> = containers
            .into_iter()
            .map(|container| ContainerInfo {
                status: status_of(&container),
                created_at_ms: epoch_ms(&container.created_at.unwrap_or_default()),
                id: container.id,
                image: container.image,
                labels: container.labels.into_iter().collect(),
            })
            .collect();
        infos.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(infos)
    }

    /// As a stream: specifications of thousands of containers exceed one message.
    pub(super) async fn container_records(&self) -> Result<Vec<Container>, RuntimeError> {
        let list = || async {
            let request = self.request(ListContainersRequest::default());
            let mut stream = self.containers().list_stream(request).await?.into_inner();
            let mut containers = Vec::new();
            while let Some(message) = stream.message().await? {
                containers.extend(message.container);
            }
            Ok(containers)
        };
        let listed = self.persist(list).await;
        listed.map_err(|status| RuntimeError::from_status("list containers", &status))
    }

    async fn task_records(&self) -> Result<HashMap<String, TaskProcess>, RuntimeError> {
        let list = || {
            let request = self.request(ListTasksRequest::default());
            async { self.tasks().list(request).await }
        };
        let answer = self
            .call(list)
            .await
            .map_err(|status| RuntimeError::from_status("list tasks", &status))?;
        // Lists name the container in `id`; only events use `container_id`.
        Ok(answer.tasks.into_iter().map(|task| (task.id.clone(), task)).collect())
    }

    /// The cgroup still exists between the exit and the deletion of the task.
    async fn exit(&self, id: &str, code: u32, exited_at: &Timestamp) -> Exit {
        let oom = match self.get_container(id).await {
            Ok(container) => out_of_memory(&self.inner.cgroups, &container),
            Err(status) => {
                tracing::warn!(id, %status, "cannot tell whether the container ran out of memory");
                false
            }
        };
        Exit {
            code,
            at_ms: epoch_ms(exited_at),
            oom,
        }
    }
}

fn task_status(task: &TaskProcess, oom: impl Fn() -> bool) -> ContainerStatus {
    match task.status() {
        TaskStatus::Running | TaskStatus::Paused | TaskStatus::Pausing => ContainerStatus::Running { pid: task.pid },
        TaskStatus::Stopped => ContainerStatus::Stopped(Exit {
            code: task.exit_status,
            at_ms: epoch_ms(&task.exited_at.unwrap_or_default()),
            oom: oom(),
        }),
        TaskStatus::Created | TaskStatus::Unknown => ContainerStatus::Created,
    }
}

/// Whether the kernel killed a process of the container for want of memory.
fn out_of_memory(cgroups: &Cgroups, container: &Container) -> bool {
    let spec = stored_spec(container);
    let path = spec["linux"]["cgroupsPath"].as_str().unwrap_or_default();
    let memory = GroupPath::new(path.trim_start_matches('/')).and_then(|group| cgroups.memory(&group));
    match memory {
        Ok(memory) => memory.is_some_and(|memory| memory.oom_kills > 0),
        Err(error) => {
            tracing::warn!(id = container.id, %error, "cannot tell whether the container ran out of memory");
            false
        }
    }
}

fn epoch_ms(timestamp: &Timestamp) -> u64 {
    let ms = timestamp.seconds.saturating_mul(1000) + i64::from(timestamp.nanos) / 1_000_000;
    u64::try_from(ms).unwrap_or(0) // containerd's zero time lies before 1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(status: TaskStatus) -> TaskProcess {
        TaskProcess {
            status: status.into(),
            pid: 7,
            exit_status: 137,
            exited_at: Some(Timestamp {
                seconds: 12,
                nanos: 345_999_999,
            }),
            ..TaskProcess::default()
        }
    }

    #[test]
    fn statuses_of_tasks() {
        assert_eq!(
            task_status(&task(TaskStatus::Running), || false),
            ContainerStatus::Running { pid: 7 }
        );
        assert_eq!(
            task_status(&task(TaskStatus::Stopped), || true),
            ContainerStatus::Stopped(Exit {
                code: 137,
                at_ms: 12_345,
                oom: true
            })
        );
        assert_eq!(
            task_status(&task(TaskStatus::Created), || false),
            ContainerStatus::Created
        );
    }

    #[test]
    fn times_before_1970_are_zero() {
        let zero_time_of_go = Timestamp {
            seconds: -62_135_596_800,
            nanos: 0,
        };
        assert_eq!(epoch_ms(&zero_time_of_go), 0);
    }
}
