//! Containers of tasks: what each is made of, and its life.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use berth_core::ecs::model::{ContainerDefinition, Surroundings, TaskKey};
use berth_core::kernel::Timestamp;
use berth_core::kernel::names::Name;
use berth_core::node::{Event, Exit, Netns, RuntimeId, StartContainer, StepFacts, StepFailure};
use tokio::time::{sleep, timeout};

use super::files::{self, Lookup, Names};
use super::{Machine, Outcome, surroundings};
use crate::cdi::Gpus;
use crate::clock;
use crate::images::{Digest, PulledImage};
use crate::logs::logger_uri;
use crate::places::{container_netns, task_netns};
use crate::runtime::{
    self, ContainerEdits, ContainerSpec, Executed, NetworkNamespace, ProcessOverrides, Resources, RuntimeError, Stdio,
    parse_signal, resolve_process,
};

/// The stock agent's label for the task's ARN.
pub(crate) const TASK_LABEL: &str = "com.amazonaws.ecs.task-arn";
/// The stock agent's label for the container's name.
pub(crate) const CONTAINER_LABEL: &str = "com.amazonaws.ecs.container-name";
/// Which Berth on this machine the container belongs to.
pub(crate) const INSTANCE_LABEL: &str = "berth.instance";
/// How often the container was started again.
pub(crate) const RESTARTS_LABEL: &str = "berth.restarts";
/// The signal that asks the container to end.
const STOP_SIGNAL_LABEL: &str = "berth.stop-signal";

const SIGKILL: u32 = 9;
const SIGTERM: u32 = 15;
/// The weight of a container that asks for no CPU, as the stock agent has it: the kernel's least.
const LEAST_SHARES: u64 = 2;
/// What the kernel takes as a host name.
const LONGEST_HOSTNAME: usize = 64;
/// Docker names a container after so many digits of its id.
const SHORT_ID: usize = 12;
const WAIT_PAUSE: Duration = Duration::from_secs(1);
/// The longest that a start may take, as with the stock agent.
const START_TIME: Duration = Duration::from_secs(4 * 60);

impl Machine {
    pub(super) async fn start(self: &Arc<Self>, start: &StartContainer) -> Outcome {
        let id = &start.runtime_id;
        let late = || StepFailure::Timeout {
            waited_s: START_TIME.as_secs(),
        };
        let started = timeout(START_TIME, self.create_and_start(start)).await;
        let started = started.unwrap_or_else(|_elapsed| Err(late()));
        if let Err(failure) = started {
            // The brain removes what is left; a container that never ran must not be found and started later.
            if let Err(error) = self.containerd.destroy(id.0.as_str()).await {
                tracing::warn!(task = %start.assignment.task.id, container = %id, %error, "cannot remove the container");
            }
            return Err(failure);
        }
        let at = clock::now();
        let name = Name::new(&start.container.definition.name);
        tracing::info!(task = %start.assignment.task.id, container = %name, "started");
        self.watch(start.assignment.task.clone(), name, id.clone());
        Ok(StepFacts::Started { at })
    }

    async fn create_and_start(self: &Arc<Self>, start: &StartContainer) -> Result<(), StepFailure> {
        let id = &start.runtime_id;
        if start.restarts > 0 {
            return self.start_again(id, start.restarts).await;
        }
        let image = self.stored_image(start).await?;
        let signal = image.config.stop_signal.as_deref().and_then(parse_signal);
        let spec = self.spec(start, &image).await?;
        if let Some(logs) = &start.logs {
            self.open_spool(id, logs)
                .map_err(|error| StepFailure::CannotCreate(error.to_string()))?;
        }
        let created = self.containerd.create(&spec).await;
        created.map_err(|error| StepFailure::CannotCreate(error.to_string()))?;
        self.fill_volumes(start).await?;
        let started = self.containerd.start(&spec.id).await;
        started.map_err(|error| StepFailure::CannotStart(self.with_logger_error(id, &error)))?;
        self.note_stop_signal(id, signal);
        Ok(())
    }

    /// The same container once more: its files, its network and its log stream are there.
    async fn start_again(&self, id: &RuntimeId, count: u32) -> Result<(), StepFailure> {
        let renewed = self.containerd.renew(id.0.as_str(), RESTARTS_LABEL, count).await;
        renewed.map_err(|error| StepFailure::CannotStart(error.to_string()))?;
        let started = self.containerd.start(id.0.as_str()).await;
        started.map_err(|error| StepFailure::CannotStart(self.with_logger_error(id, &error)))?;
        Ok(())
    }

    pub(super) async fn probe(&self, id: &RuntimeId, command: &[String], timeout_s: u32) -> Outcome {
        let limit = Duration::from_secs(timeout_s.into());
        let directory = self.places.container_dir(id);
        match self.containerd.execute(id.0.as_str(), command, limit, &directory).await {
            Ok(Executed::Ended { code, output }) => Ok(StepFacts::Probed {
                exit_code: i32::try_from(code).unwrap_or(i32::MAX),
                output,
            }),
            Ok(Executed::TooLong) => Err(StepFailure::Timeout {
                waited_s: timeout_s.into(),
            }),
            Err(error) => Err(StepFailure::Other(error.to_string())),
        }
    }

    /// When the logger cannot start, the runtime's own message does not say why.
    fn with_logger_error(&self, id: &RuntimeId, error: &RuntimeError) -> String {
        match crate::logs::spool::logger_error(&self.places.spool(id)) {
            Some(reason) => format!("{error}: {reason}"),
            None => error.to_string(),
        }
    }

    async fn stored_image(&self, start: &StartContainer) -> Result<PulledImage, StepFailure> {
        let cannot = |error: String| StepFailure::CannotCreate(error);
        let digest: Digest = start.image_digest.parse().map_err(|error| cannot(format!("{error}")))?;
        let stored = self.images.stored(&start.container.definition.image, &digest).await;
        stored.map_err(|error| cannot(error.to_string()))
    }

    async fn spec(&self, start: &StartContainer, image: &PulledImage) -> Result<ContainerSpec, StepFailure> {
        let cannot = |error: String| StepFailure::CannotCreate(error);
        let id = &start.runtime_id;
        let task = &start.assignment.task;
        let definition = &start.container.definition;
        let process = resolve_process(&image.config, &self.overrides(start, &image.config.env));
        let names = self.names(start).await?;
        let surroundings = &definition.surroundings;
        let mounts = files::write(&self.places.container_dir(id), &names, &lookup(surroundings));
        Ok(ContainerSpec {
            id: id.to_string(),
            image: image.root_image(),
            process: process.map_err(|error| cannot(error.to_string()))?,
            hostname: match names {
                Names::Host { hostname } => hostname,
                Names::Own { hostname, .. } => Some(hostname),
            },
            network: self.netns(start),
            mounts: self.with_volumes(
                mounts.map_err(|error| cannot(format!("cannot write the container's files: {error}")))?,
                &start.mounts,
            ),
            resources: resources(definition),
            edits: self.gpus(&start.container.gpu_ids)?,
            rlimits: surroundings::rlimits(surroundings),
            confinement: surroundings::confinement(surroundings).map_err(cannot)?,
            cgroup: self
                .places
                .cgroup(task)
                .join(id.0.as_str())
                .map_err(|error| cannot(error.to_string()))?,
            stdio: match &start.logs {
                Some(_) => Stdio::Log(logger_uri(&self.logger_binary, &self.places.spool(id))),
                None => Stdio::Null,
            },
            shim_group: Some(task.id.to_string()),
            labels: self.labels(start, image),
            annotations: BTreeMap::new(),
        })
    }

    /// What the container needs for its GPUs, as the machine describes them now.
    fn gpus(&self, ids: &[String]) -> Result<ContainerEdits, StepFailure> {
        if ids.is_empty() {
            return Ok(ContainerEdits::default());
        }
        let edits = Gpus::read(&self.cdi_dirs).edits(ids);
        edits.map_err(|error| StepFailure::CannotCreate(error.to_string()))
    }

    fn overrides(&self, start: &StartContainer, image_environment: &[String]) -> ProcessOverrides {
        let definition = &start.container.definition;
        let own = self.metadata.environment(start, image_environment);
        ProcessOverrides {
            entry_point: definition.entry_point.clone().unwrap_or_default(),
            command: definition.command.clone().unwrap_or_default(),
            environment: definition.environment.iter().cloned().chain(own).collect(),
            user: definition.user.clone(),
            working_directory: definition.working_directory.clone(),
        }
    }

    fn netns(&self, start: &StartContainer) -> NetworkNamespace {
        let task = &start.assignment.task;
        let name = Name::new(&start.container.definition.name);
        match start.netns {
            Netns::Isolated => NetworkNamespace::New,
            Netns::Host => NetworkNamespace::Host,
            Netns::Task => NetworkNamespace::Path(self.places.netns_dir().join(task_netns(task))),
            Netns::Bridge => NetworkNamespace::Path(self.places.netns_dir().join(container_netns(task, &name))),
        }
    }

    /// A container is called as its definition says, else after its task's interface, else after its id, as in Docker.
    async fn names(&self, start: &StartContainer) -> Result<Names, StepFailure> {
        let definition = &start.container.definition;
        let given = definition.surroundings.hostname.clone().filter(|name| !name.is_empty());
        let short = || given.clone().unwrap_or_else(|| short_id(&start.runtime_id));
        let interface = start.assignment.interface.as_ref();
        Ok(match start.netns {
            Netns::Host => Names::Host { hostname: given },
            Netns::Isolated => Names::Own {
                hostname: short(),
                address: None,
            },
            Netns::Task => Names::Own {
                hostname: interface.map_or_else(short, |interface| host_name(&interface.private_dns_name)),
                address: interface.map(|interface| interface.address),
            },
            Netns::Bridge => {
                let name = Name::new(&start.container.definition.name);
                let id = container_netns(&start.assignment.task, &name);
                // Asking for the address again answers the one that it has.
                let address = self.network.attach_bridge(&id).await;
                Names::Own {
                    hostname: short(),
                    address: Some(address.map_err(|error| StepFailure::Network(error.to_string()))?),
                }
            }
        })
    }

    fn labels(&self, start: &StartContainer, image: &PulledImage) -> BTreeMap<String, String> {
        let task = &start.assignment.task;
        let labels = [
            (TASK_LABEL, task.arn().to_string()),
            (CONTAINER_LABEL, start.container.definition.name.clone()),
            ("com.amazonaws.ecs.cluster", task.cluster.to_string()),
            (
                "com.amazonaws.ecs.task-definition-family",
                start.assignment.family.clone(),
            ),
            (
                "com.amazonaws.ecs.task-definition-version",
                start.assignment.revision.to_string(),
            ),
            (INSTANCE_LABEL, self.places.suffix.clone()),
        ];
        let signal = image
            .config
            .stop_signal
            .clone()
            .map(|signal| (STOP_SIGNAL_LABEL, signal));
        let own = labels.into_iter().chain(signal);
        let own = own.map(|(name, value)| (name.to_owned(), value));
        // The agent's own win: by them it finds its containers again.
        let asked = start.container.definition.surroundings.docker_labels.clone();
        asked.unwrap_or_default().into_iter().chain(own).collect()
    }

    pub(super) async fn stop(&self, id: &RuntimeId) -> Outcome {
        let signal = self.live().stop_signals.get(id).copied().unwrap_or(SIGTERM);
        self.signal(id, signal, false).await
    }

    pub(super) async fn kill(&self, id: &RuntimeId) -> Outcome {
        self.signal(id, SIGKILL, true).await
    }

    async fn signal(&self, id: &RuntimeId, signal: u32, all: bool) -> Outcome {
        let sent = self.containerd.kill(id.0.as_str(), signal, all).await;
        sent.map(|()| StepFacts::Done)
            .map_err(|error| StepFailure::Other(error.to_string()))
    }

    /// Removes all that is left of a container, its log spool too: what was to be delivered has been, or cannot be.
    pub(super) async fn remove(&self, id: &RuntimeId) -> Outcome {
        let failed = |error: String| StepFailure::Other(error);
        let destroyed = self.containerd.destroy(id.0.as_str()).await;
        destroyed.map_err(|error| failed(error.to_string()))?;
        self.close_spool(id).map_err(|error| failed(error.to_string()))?;
        self.live().stop_signals.remove(id);
        match tokio::fs::remove_dir_all(self.places.container_dir(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error.to_string())),
            Ok(()) | Err(_) => Ok(StepFacts::Done),
        }
    }

    /// Remembers how a container wants to be asked to end, from its image or from its labels.
    fn note_stop_signal(&self, id: &RuntimeId, signal: Option<u32>) {
        if let Some(signal) = signal {
            self.live().stop_signals.insert(id.clone(), signal);
        }
    }

    /// Takes up a container that ran before this agent did.
    pub(crate) fn take_up(self: &Arc<Self>, task: TaskKey, name: Name, info: &runtime::ContainerInfo) {
        let id = RuntimeId(Name::new(&info.id));
        let signal = info
            .labels
            .get(STOP_SIGNAL_LABEL)
            .and_then(|signal| parse_signal(signal));
        self.note_stop_signal(&id, signal);
        if matches!(info.status, runtime::ContainerStatus::Running { .. }) {
            self.watch(task, name, id);
        }
    }

    /// Waits for the end of a container's process and tells the brain.
    fn watch(self: &Arc<Self>, task: TaskKey, container: Name, id: RuntimeId) {
        let machine = Arc::clone(self);
        self.spawn(async move {
            let Some(exit) = machine.end_of(&id).await else { return };
            tracing::info!(task = %task.id, %container, exit_code = exit.code, oom = exit.oom, "ended");
            // Nobody listens any more when the agent ends.
            let _ = machine.events.send(Event::Exited { task, container, exit }).await;
        });
    }

    /// How the process ended; nothing if the agent ends before it does.
    async fn end_of(&self, id: &RuntimeId) -> Option<Exit> {
        loop {
            match self.containerd.wait(id.0.as_str()).await {
                Ok(exit) => return Some(exit_of(exit)),
                Err(RuntimeError::NotFound(_)) => {
                    let unknown = Exit {
                        code: None,
                        at: clock::now(),
                        oom: false,
                    };
                    return Some(unknown);
                }
                // The runtime waits as long as it is not stopped for good.
                Err(RuntimeError::Unavailable { .. }) => return None,
                Err(error) => tracing::warn!(container = %id, %error, "cannot wait for the container's end"),
            }
            sleep(WAIT_PAUSE).await;
        }
    }
}

/// The runtime's words as the brain's.
pub(crate) fn exit_of(exit: runtime::Exit) -> Exit {
    Exit {
        code: i32::try_from(exit.code).ok(),
        at: Timestamp(i64::try_from(exit.at_ms).unwrap_or(i64::MAX)),
        oom: exit.oom,
    }
}

fn resources(definition: &ContainerDefinition) -> Resources {
    let bytes = |mib: u32| u64::from(mib) << 20;
    Resources {
        memory_limit_bytes: definition.memory.map(|mib| bytes(mib.0)),
        memory_reservation_bytes: definition.memory_reservation.map(|mib| bytes(mib.0)),
        cpu_shares: Some(u64::from(definition.cpu.0).max(LEAST_SHARES)),
        cpu_quota_us: None,
    }
}

fn short_id(id: &RuntimeId) -> String {
    id.0.as_str().chars().take(SHORT_ID).collect()
}

fn lookup(surroundings: &Surroundings) -> Lookup {
    let hosts = surroundings.extra_hosts.iter().flatten();
    Lookup {
        hosts: hosts
            .map(|host| (host.ip_address.clone(), host.hostname.clone()))
            .collect(),
        servers: surroundings.dns_servers.clone().unwrap_or_default(),
        search: surroundings.dns_search_domains.clone().unwrap_or_default(),
    }
}

/// A name that the kernel takes: a long one loses its domain.
fn host_name(name: &str) -> String {
    let short = name.split('.').next().unwrap_or(name);
    let fitting = if name.len() <= LONGEST_HOSTNAME { name } else { short };
    fitting.chars().take(LONGEST_HOSTNAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_host_names_lose_their_domain() {
        assert_eq!(host_name("ip-172-31-0-4.ec2.internal"), "ip-172-31-0-4.ec2.internal");
        let long = format!("ip-172-31-0-4.{}.compute.internal", "x".repeat(60));
        assert_eq!(host_name(&long), "ip-172-31-0-4");
    }

    #[test]
    fn exits_keep_code_and_time() {
        let exit = exit_of(runtime::Exit {
            code: 137,
            at_ms: 12,
            oom: true,
        });
        assert_eq!((exit.code, exit.at, exit.oom), (Some(137), Timestamp(12), true));
    }
}
