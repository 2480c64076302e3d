//! The words in which failures are told: ECS's error names and texts, all in one place.
//!
//! Nothing here decides whether something failed.

use super::model::{ContainerPhase, ContainerRecord};
use super::op::{Step, StepFailure};
use crate::ecs::model::ContainerDefinition;

/// The answer to the stop of a task that nobody knows.
pub(super) const UNKNOWN_TASK: &str = "TaskStateError: Agent could not progress task's state to stopped";
/// A container that should run, or have an end on record, is not there.
pub(super) const VANISHED: &str = "ContainerVanishedError: No container matching saved ID found";
/// The machine was started anew under the task.
pub(super) const REBOOTED: &str = "The container instance was rebooted while the task was on it.";
/// The agent was told to stop its tasks and end.
pub(super) const SHUT_DOWN: &str = "The agent of the container instance was shut down.";
/// The kernel killed the container for its use of memory.
pub(super) const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// The longest reason that the API takes.
const LONGEST: usize = 1024;

/// An assignment that cannot be carried out. The agent protocol spells the name so.
pub(super) fn unrecognized(detail: &str) -> String {
    fit(format!("UnrecogniedTaskError: Error loading task - {detail}"))
}

/// Log options that cannot be carried out.
pub(super) fn logger_args(detail: &str) -> String {
    fit(format!(
        "ResourceInitializationError: failed to validate logger args: {detail}"
    ))
}

/// Why a container can never start that depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hopeless {
    /// There is no such container.
    Missing,
    /// The other one took longer than its start timeout.
    TimedOut,
    /// The other one ended with another exit code than 0.
    NotSuccessful,
    /// The other one will never start.
    NotStarting,
    /// The other one ended before it was found healthy.
    Over,
}

type Part<'a> = (&'a ContainerDefinition, &'a ContainerRecord);

/// Why `target` can never start, in the words of the stock agent.
pub(super) fn hopeless(why: Hopeless, on: Option<Part<'_>>, target: Part<'_>) -> String {
    let on = on.map_or_else(|| "<nil>".to_owned(), described);
    let target = described(target);
    let text = match why {
        Hopeless::Missing => format!("container ordering dependency [{on}] for target [{target}] does not exist."),
        Hopeless::TimedOut => format!("container ordering dependency [{on}] for target [{target}] has timed out."),
        Hopeless::NotSuccessful => format!(
            "failed to resolve container ordering dependency [{on}] for target [{target}] as dependency did not exit \
             successfully."
        ),
        Hopeless::NotStarting => format!(
            "failed to resolve container ordering dependency [{on}] for target [{target}] because dependency will never \
             start"
        ),
        Hopeless::Over => {
            format!("failed to resolve the container ordering dependency [{on}] for target [{target}]")
        }
    };
    fit(format!("CannotStartContainerError: dependency graph: {text}"))
}

fn described((definition, container): Part<'_>) -> String {
    let known = match container.phase {
        ContainerPhase::Waiting | ContainerPhase::Pulling | ContainerPhase::Cancelling => "NONE",
        ContainerPhase::Pulled => "PULLED",
        ContainerPhase::Starting => "CREATED",
        ContainerPhase::Running | ContainerPhase::Stopping | ContainerPhase::Killing => "RUNNING",
        ContainerPhase::Exited | ContainerPhase::Removing | ContainerPhase::Removed => "STOPPED",
    };
    let ends = container.is_over() || container.has_failed();
    let desired = if ends { "STOPPED" } else { "RUNNING" };
    let exit = container
        .exit
        .and_then(|exit| exit.code)
        .map(|code| format!(" - Exit: {code}"));
    let (name, image) = (&definition.name, &definition.image);
    format!("{name}({image}) ({known}->{desired}){}", exit.unwrap_or_default())
}

/// Why `step` failed.
pub(super) fn of(step: &Step, failure: &StepFailure) -> String {
    let named = |name: &str, detail: &str| fit(format!("{name}: {detail}"));
    match failure {
        StepFailure::Cancelled => named(name(step), "it was called off"),
        StepFailure::CannotPull(detail) => named("CannotPullContainerError", detail),
        StepFailure::CannotCreate(detail) => named("CannotCreateContainerError", detail),
        StepFailure::CannotStart(detail) => named("CannotStartContainerError", detail),
        StepFailure::Network(detail) => named("ContainerNetworkingError", detail),
        StepFailure::LogGroupMissing => logger_args(
            "create stream has been retried 1 times: failed to create Cloudwatch log stream: \
             ResourceNotFoundException: The specified log group does not exist. : exit status 1",
        ),
        StepFailure::Logs(detail) => logger_args(detail),
        StepFailure::Resource(detail) => named("ResourceInitializationError", detail),
        StepFailure::Timeout(detail) => named("ContainerRuntimeTimeoutError", detail),
        StepFailure::Other(detail) => named(name(step), detail),
    }
}

/// The error name of a step whose failure has no kind of its own.
fn name(step: &Step) -> &'static str {
    match step {
        Step::Pull(_) | Step::CancelPull(_) => "CannotPullContainerError",
        Step::SetUpNetwork | Step::TearDownNetwork | Step::Connect(_) | Step::Disconnect(_) => {
            "ContainerNetworkingError"
        }
        Step::CreateCgroup | Step::RemoveCgroup | Step::PrepareLogs(_) | Step::DrainLogs(_) => {
            "ResourceInitializationError"
        }
        Step::CreateVolumes | Step::RemoveVolumes => "CannotCreateVolumeError",
        Step::Probe(_) => "CannotInspectContainerError",
        Step::Start(_) => "CannotStartContainerError",
        Step::Stop(_) | Step::Kill(_) => "CannotStopContainerError",
        Step::Remove(_) => "CannotRemoveContainerError",
    }
}

fn fit(reason: String) -> String {
    match reason.char_indices().nth(LONGEST) {
        Some((end, _)) => reason[..end].to_owned(),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::names::Name;

    #[test]
    fn failures_have_the_names_of_ecs() {
        let pull = Step::Pull(Name::new("web"));
        let text = |failure: StepFailure| of(&pull, &failure);
        assert_eq!(
            text(StepFailure::CannotPull("no such image".into())),
            "CannotPullContainerError: no such image"
        );
        assert_eq!(
            text(StepFailure::Other("boom".into())),
            "CannotPullContainerError: boom"
        );
        assert!(
            text(StepFailure::LogGroupMissing)
                .starts_with("ResourceInitializationError: failed to validate logger args: ")
        );
        assert_eq!(text(StepFailure::CannotPull("é".repeat(2000))).chars().count(), LONGEST);
    }
}
