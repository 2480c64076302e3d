//! The closed list of what can wake the agent's brain, and of what it answers.

use super::model::{Exit, NodeRecord, RuntimeId, TaskRecord};
use super::op::{Op, Step, StepFacts, StepFailure};
use crate::ecs::model::TaskKey;
use crate::ecs::report::TaskReport;
use crate::ecs::view::assignment::{Assignment, Desired};
use crate::kernel::names::Name;

/// The id of a message of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub String);

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The agent started. Always the first event.
    Restored(Restored),
    /// The machine is registered. Comes before every conversation with the control plane.
    Registered {
        /// The ARN of the container instance.
        instance: String,
    },
    /// The control plane assigns tasks or wants them stopped.
    Payload {
        /// Its sequence number, if it has one.
        seq: Option<i64>,
        /// To be acknowledged.
        message: MessageId,
        /// The tasks.
        tasks: Vec<Assignment>,
    },
    /// The control plane says everything that this machine should run.
    Manifest {
        /// Its sequence number.
        seq: i64,
        /// To be acknowledged.
        message: MessageId,
        /// Every task of this machine.
        tasks: Vec<(TaskKey, Desired)>,
    },
    /// The control plane confirms that candidates shall stop.
    StopVerified {
        /// The manifest that named no such tasks.
        message: MessageId,
        /// Those to stop.
        tasks: Vec<TaskKey>,
    },
    /// An operation ended.
    Done {
        /// Whose.
        task: TaskKey,
        /// Which: [`Op::step`].
        step: Step,
        /// What came of it.
        outcome: Result<StepFacts, StepFailure>,
    },
    /// The process of a container ended. May come before the answer of its start.
    Exited {
        /// Whose.
        task: TaskKey,
        /// Which.
        container: Name,
        /// How.
        exit: Exit,
    },
    /// The control plane answered a report.
    Submitted {
        /// Of which task.
        task: TaskKey,
        /// Which one.
        number: u64,
        /// What it answered.
        answer: Answer,
    },
    /// The agent is to stop all tasks, clean the machine and end. (An agent that is to leave its tasks running just
    /// ends: there is no event for it.)
    Shutdown,
}

/// What an agent finds when it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// As it was last saved.
    pub node: NodeRecord,
    /// The tasks as they were last saved.
    pub records: Vec<TaskRecord>,
    /// The containers that carry this agent's labels.
    pub found: Vec<FoundContainer>,
    /// Whether the machine was started since the agent last ran: then no process and no namespace is left.
    pub rebooted: bool,
}

/// A container that an agent found when it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundContainer {
    /// Its task, by its label.
    pub task: TaskKey,
    /// Its name in the definition, by its label.
    pub container: Name,
    /// Its id in the runtime.
    pub runtime_id: RuntimeId,
    /// How often it had been started again when its process was last started, by its label.
    pub restarts: u32,
    /// How far it is.
    pub state: FoundState,
}

/// How far a container is that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundState {
    /// Its process is not there and nobody knows of its end: it was never started, or the machine was.
    Created,
    /// Its process runs. From now on, its end is told by [`Event::Exited`].
    Running,
    /// Its process ended.
    Exited(Exit),
}

/// How the control plane answered a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken in.
    Accepted,
    /// Refused for good (InvalidParameterException): telling it again would not help.
    Rejected,
    /// Not reached, or not able to answer now.
    Failed,
}

/// What the shell shall do, in this order: save, durably; then run the operations and send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What to make durable before anything else.
    pub save: Vec<Save>,
    /// What to do on the machine; all at once, in any order.
    pub ops: Vec<Op>,
    /// What to tell the control plane; at once, in this order.
    pub send: Vec<ToControl>,
    /// Whether the health of a container has changed: [`super::Node::health`].
    pub health: bool,
}

/// A change of what the agent keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// The one record about the agent.
    Node(NodeRecord),
    /// The record of a task.
    Put(Box<TaskRecord>),
    /// The record of this task is not needed any more.
    Delete(TaskKey),
}

/// What the agent tells the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToControl {
    /// The message was taken in.
    Ack {
        /// Which.
        message: MessageId,
    },
    /// These tasks run here although the manifest does not want them.
    StopCandidates {
        /// The manifest.
        message: MessageId,
        /// The tasks.
        tasks: Vec<TaskKey>,
    },
    /// Where a task stands. To be answered by [`Event::Submitted`].
    Report {
        /// Which task.
        task: TaskKey,
        /// The report's number within the task.
        number: u64,
        /// What to say.
        report: TaskReport,
    },
}
