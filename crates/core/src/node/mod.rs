//! The agent's brain: one task's lifecycle, one step per call.
//!
//! It turns the control plane's assignments into operations on the machine, and what the machine answers into
//! reports. It is pure: no I/O, no clock. What it wants remembered is saved before anything is done because of it,
//! so the agent may die on any line: [`event::Restored`] brings the records back and the work goes on.
//!
//! Reading order: `model` (what is known about a task), `op` (what can be asked of the machine), `step` (the whole
//! lifecycle on one screen), `settle` (what an answer means), `report`, `admit` (the control plane's messages),
//! `restore`.

pub mod event;
pub mod logs;
pub mod model;
pub mod op;

pub use event::{Answer, Event, FoundContainer, FoundState, MessageId, Output, Restored, Save, ToControl};
pub use logs::{AwsLogs, LogMode};
pub use model::{ContainerPhase, ContainerRecord, Exit, NodeRecord, Phase, RuntimeId, TaskRecord};
pub use op::{Netns, Op, StartContainer, Step, StepFacts, StepFailure};
