//! What the brain asks of the machine, and what the machine answers: every step of a task's life is one operation.
//!
//! The brain asks for each operation once, but a restart repeats those that were under way. Hence the shell's duty:
//! every operation must be idempotent. Doing what is done already succeeds with the same facts; unmaking what is not
//! there succeeds; [`Op::Start`] finds a container of that runtime id and only starts it if it never ran, or not since it
//! was to be started again. Each
//! operation is answered by exactly one [`super::Event::Done`] within finite time, except [`Op::CancelPull`], which
//! has no answer of its own.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::logs::AwsLogs;
use super::model::RuntimeId;
use super::volumes::VolumeMount;
use crate::ecs::model::{NetworkBinding, PortMapping, TaskKey, Volume};
use crate::ecs::view::assignment::{AssignedContainer, AssignedInterface, Assignment};
use crate::kernel::names::Name;
use crate::kernel::{CpuUnits, MemoryMib, Timestamp};

/// A step of a task's life: the name of an operation. The texts are names of containers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Make the task's network namespace.
    SetUpNetwork,
    /// Make the task's control group.
    CreateCgroup,
    /// Make the directories of the task's volumes.
    CreateVolumes,
    /// Pull the container's image.
    Pull(Name),
    /// Call off the pull.
    CancelPull(Name),
    /// Make the container's network namespace on the bridge.
    Connect(Name),
    /// Make the container's log stream.
    PrepareLogs(Name),
    /// Create and start the container.
    Start(Name),
    /// Probe the container's health.
    Probe(Name),
    /// Ask the container's process to end.
    Stop(Name),
    /// Kill the container's process.
    Kill(Name),
    /// Deliver what is left of the container's output.
    DrainLogs(Name),
    /// Remove the container.
    Remove(Name),
    /// Remove the container's network namespace.
    Disconnect(Name),
    /// Remove the task's network namespace.
    TearDownNetwork,
    /// Remove the task's control group.
    RemoveCgroup,
    /// Remove the directories of the task's own volumes.
    RemoveVolumes,
}

/// An operation on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Make the network namespace that all containers of the task share, with the interface in it.
    SetUpNetwork {
        /// Whose.
        task: TaskKey,
        /// The interface.
        interface: AssignedInterface,
    },
    /// Make the control group under which those of the task's containers stand.
    CreateCgroup {
        /// Whose.
        task: TaskKey,
        /// The task's limit of CPU, if it has one.
        cpu: Option<CpuUnits>,
        /// What the task gets of CPUs that are scarce, against other tasks.
        weight: CpuUnits,
        /// The task's limit of memory, if it has one.
        memory: Option<MemoryMib>,
    },
    /// Make the directories of volumes that are not there. What is there is kept as it is.
    CreateVolumes {
        /// Whose.
        task: TaskKey,
        /// The task's volumes.
        volumes: Vec<Volume>,
    },
    /// Pull and unpack an image. Answers [`StepFacts::Pulled`].
    Pull {
        /// Whose.
        task: TaskKey,
        /// The container that needs it.
        container: Name,
        /// The image reference.
        image: String,
    },
    /// End the pull of this container early: its own answer then is [`StepFailure::Cancelled`], or whatever it had
    /// come to. This operation has no answer.
    CancelPull {
        /// Whose.
        task: TaskKey,
        /// The container whose image it is.
        container: Name,
    },
    /// Make a network namespace for this container on the bridge and publish its ports. Answers
    /// [`StepFacts::Connected`].
    Connect {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// The ports to publish; the shell chooses host ports where none are given.
        ports: Vec<PortMapping>,
    },
    /// Create the log stream, and the group if the options say so.
    PrepareLogs {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Where its output goes.
        logs: AwsLogs,
    },
    /// Create the container and start its process. Answers [`StepFacts::Started`], also if it has ended meanwhile.
    Start(Box<StartContainer>),
    /// Run a program in the container, as its user and in its environment. Answers [`StepFacts::Probed`] when it has ended,
    /// or that it took too long and was killed. It is not saved before it is begun: it may be begun again.
    Probe {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Its id in the runtime.
        runtime_id: RuntimeId,
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout_s: u32,
    },
    /// Send the image's stop signal, by default SIGTERM. Answers once it is sent; the brain watches the time. A
    /// process that is gone already is a success.
    Stop {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Its id in the runtime.
        runtime_id: RuntimeId,
    },
    /// Send SIGKILL to all processes of the container. A process that is gone already is a success.
    Kill {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Its id in the runtime.
        runtime_id: RuntimeId,
    },
    /// Deliver the output that has not arrived yet. Answers once the last line is stored, or cannot be.
    DrainLogs {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Its id in the runtime.
        runtime_id: RuntimeId,
        /// Where its output goes.
        logs: AwsLogs,
    },
    /// Remove the container and its file system; what still runs in it is killed.
    Remove {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
        /// Its id in the runtime.
        runtime_id: RuntimeId,
    },
    /// Take the container's ports back and remove its network namespace.
    Disconnect {
        /// Whose.
        task: TaskKey,
        /// The container.
        container: Name,
    },
    /// Remove the task's network namespace.
    TearDownNetwork {
        /// Whose.
        task: TaskKey,
        /// The interface in it.
        interface: AssignedInterface,
    },
    /// Remove the task's control group.
    RemoveCgroup {
        /// Whose.
        task: TaskKey,
    },
    /// Remove the directories that are the task's own, with what is in them.
    RemoveVolumes {
        /// Whose.
        task: TaskKey,
    },
}

/// All that is needed to create and start a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartContainer {
    /// The task.
    pub assignment: Arc<Assignment>,
    /// What to run.
    pub container: AssignedContainer,
    /// The id to give it in the runtime.
    pub runtime_id: RuntimeId,
    /// How often it was started again before. A container that has ended is started anew when this is more than it was.
    pub restarts: u32,
    /// The digest of the image that was pulled.
    pub image_digest: String,
    /// What of volumes it sees, outer places before inner ones.
    pub mounts: Vec<VolumeMount>,
    /// The network namespace to start in.
    pub netns: Netns,
    /// Where its output goes; nowhere if none.
    pub logs: Option<AwsLogs>,
}

/// The network namespace of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Netns {
    /// A new one with nothing but the loopback interface.
    Isolated,
    /// The host's.
    Host,
    /// The one of the task, from [`Op::SetUpNetwork`].
    Task,
    /// The one of the container, from [`Op::Connect`].
    Bridge,
}

/// What a step has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFacts {
    /// Nothing beyond that it is done.
    Done,
    /// [`Op::Pull`]: the image is there.
    Pulled {
        /// Its digest, `sha256:...`.
        digest: String,
    },
    /// [`Op::Connect`]: the ports are published.
    Connected {
        /// As these.
        bindings: Vec<NetworkBinding>,
    },
    /// [`Op::Start`]: the process was started.
    Started {
        /// When.
        at: Timestamp,
    },
    /// [`Op::Probe`]: the program has ended.
    Probed {
        /// With this exit code.
        exit_code: i32,
        /// The beginning of what it wrote.
        output: String,
    },
}

/// Why a step failed. The texts are for people; `reasons` puts ECS's names in front of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFailure {
    /// The pull was called off.
    Cancelled,
    /// The image could not be had.
    CannotPull(String),
    /// The image's manifest could not be had, or not understood.
    CannotPullManifest(ManifestFailure),
    /// The container could not be created.
    CannotCreate(String),
    /// The container's process could not be started.
    CannotStart(String),
    /// A network namespace, address or port could not be had.
    Network(String),
    /// The log group is not there, and is not to be made.
    LogGroupMissing,
    /// The log group or stream could not be made for another reason.
    Logs(String),
    /// The machine could not give a resource of the task, such as its control group.
    Resource(String),
    /// It was not done in time.
    Timeout {
        /// After so long.
        waited_s: u64,
    },
    /// The step's own failure has no kind: cleaning up, signals.
    Other(String),
}

/// Why the manifest of an image could not be had, in both ways in which ECS tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFailure {
    /// Whether a tag was to be resolved. Otherwise the image is named by its digest.
    pub by_tag: bool,
    /// In the words of Docker, which container instances have.
    pub docker: String,
    /// In the words of containerd, which Fargate has.
    pub containerd: String,
}

impl Op {
    /// Whose it is.
    #[must_use]
    pub fn task(&self) -> &TaskKey {
        match self {
            Self::SetUpNetwork { task, .. }
            | Self::CreateCgroup { task, .. }
            | Self::CreateVolumes { task, .. }
            | Self::Pull { task, .. }
            | Self::CancelPull { task, .. }
            | Self::Connect { task, .. }
            | Self::PrepareLogs { task, .. }
            | Self::Probe { task, .. }
            | Self::Stop { task, .. }
            | Self::Kill { task, .. }
            | Self::DrainLogs { task, .. }
            | Self::Remove { task, .. }
            | Self::Disconnect { task, .. }
            | Self::TearDownNetwork { task, .. }
            | Self::RemoveCgroup { task }
            | Self::RemoveVolumes { task } => task,
            Self::Start(start) => &start.assignment.task,
        }
    }

    /// The step that it is: what the answer names.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::SetUpNetwork { .. } => Step::SetUpNetwork,
            Self::CreateCgroup { .. } => Step::CreateCgroup,
            Self::CreateVolumes { .. } => Step::CreateVolumes,
            Self::Pull { container, .. } => Step::Pull(container.clone()),
            Self::CancelPull { container, .. } => Step::CancelPull(container.clone()),
            Self::Connect { container, .. } => Step::Connect(container.clone()),
            Self::PrepareLogs { container, .. } => Step::PrepareLogs(container.clone()),
            Self::Start(start) => Step::Start(Name::new(&start.container.definition.name)),
            Self::Probe { container, .. } => Step::Probe(container.clone()),
            Self::Stop { container, .. } => Step::Stop(container.clone()),
            Self::Kill { container, .. } => Step::Kill(container.clone()),
            Self::DrainLogs { container, .. } => Step::DrainLogs(container.clone()),
            Self::Remove { container, .. } => Step::Remove(container.clone()),
            Self::Disconnect { container, .. } => Step::Disconnect(container.clone()),
            Self::TearDownNetwork { .. } => Step::TearDownNetwork,
            Self::RemoveCgroup { .. } => Step::RemoveCgroup,
            Self::RemoveVolumes { .. } => Step::RemoveVolumes,
        }
    }
}
