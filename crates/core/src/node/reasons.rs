//! The words in which failures are told: ECS's error names and texts, all in one place. ECS tells some failures
//! differently on container instances, where Docker's words are handed through, and on Fargate, where containerd's are.
//!
//! Nothing here decides whether something failed.

use super::model::{ContainerPhase, ContainerRecord};
use super::op::{ManifestFailure, Step, StepFailure};
use crate::ecs::model::{ContainerDefinition, LaunchType};

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

/// Why `step` failed in a task of this launch type.
pub(super) fn of(step: &Step, failure: &StepFailure, launch_type: LaunchType) -> String {
    let named = |name: &str, detail: &str| fit(format!("{name}: {detail}"));
    match failure {
        StepFailure::Cancelled => named(name(step), "it was called off"),
        StepFailure::CannotPull(detail) => named("CannotPullContainerError", detail),
        StepFailure::CannotPullManifest(failure) => fit(no_manifest(failure, launch_type)),
        StepFailure::CannotCreate(detail) => named("CannotCreateContainerError", detail),
        StepFailure::CannotStart(detail) => named("CannotStartContainerError", detail),
        StepFailure::Network(detail) => named("ContainerNetworkingError", detail),
        StepFailure::LogGroupMissing => logger_args(
            "create stream has been retried 1 times: failed to create Cloudwatch log stream: \
             ResourceNotFoundException: The specified log group does not exist. : exit status 1",
        ),
        StepFailure::Logs(detail) => logger_args(detail),
        StepFailure::Resource(detail) => named("ResourceInitializationError", detail),
        StepFailure::Timeout { waited_s } => fit(too_late(step, *waited_s, launch_type)),
        StepFailure::Other(detail) => named(name(step), detail),
    }
}

/// Container instances resolve a tag before they pull, and have a name for the failure of that.
fn no_manifest(failure: &ManifestFailure, launch_type: LaunchType) -> String {
    let (name, detail) = match launch_type {
        LaunchType::Fargate => return format!("CannotPullContainerError: {}", failure.containerd),
        LaunchType::Ec2 | LaunchType::External if failure.by_tag => ("CannotPullImageManifestError", &failure.docker),
        LaunchType::Ec2 | LaunchType::External => ("CannotPullContainerError", &failure.docker),
    };
    format!("{name}: Error response from daemon: {detail}")
}

/// What leads from one status of a container to the next has a text of its own.
fn too_late(step: &Step, waited_s: u64, launch_type: LaunchType) -> String {
    let waited = duration(waited_s);
    let (on_instances, on_fargate) = match step {
        Step::Pull(_) => ("pulled", "pulled"),
        Step::Start(_) => ("started", "running"),
        Step::Stop(_) | Step::Kill(_) => ("stopped", "stopped"),
        Step::PrepareLogs(_) => return logger_args(&format!("timed out after waiting {waited}")),
        Step::SetUpNetwork
        | Step::CreateCgroup
        | Step::CreateVolumes
        | Step::RemoveVolumes
        | Step::CancelPull(_)
        | Step::Connect(_)
        | Step::Probe(_)
        | Step::DrainLogs(_)
        | Step::Remove(_)
        | Step::Disconnect(_)
        | Step::TearDownNetwork
        | Step::RemoveCgroup => return format!("{}: timed out after waiting {waited}", name(step)),
    };
    let (name, transition) = match launch_type {
        LaunchType::Fargate => ("ContainerRuntimeTimeoutError", on_fargate),
        LaunchType::Ec2 | LaunchType::External => ("DockerTimeoutError", on_instances),
    };
    format!("{name}: Could not transition to {transition}; timed out after waiting {waited}")
}

/// As Go writes it: `2h0m0s`, `4m0s`, `5s`.
fn duration(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
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
        let text = |failure: StepFailure| of(&pull, &failure, LaunchType::Ec2);
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

    #[test]
    fn a_manifest_that_cannot_be_had_is_told_as_where_the_task_runs() {
        let text = |by_tag: bool, launch_type| {
            let failure = ManifestFailure {
                by_tag,
                docker: "manifest unknown: manifest unknown".into(),
                containerd: "pull image manifest has been retried 1 time(s): failed to resolve ref a:1: a:1: not found"
                    .into(),
            };
            of(
                &Step::Pull(Name::new("web")),
                &StepFailure::CannotPullManifest(failure),
                launch_type,
            )
        };
        for instances in [LaunchType::Ec2, LaunchType::External] {
            assert_eq!(
                text(true, instances),
                "CannotPullImageManifestError: Error response from daemon: manifest unknown: manifest unknown"
            );
            assert_eq!(
                text(false, instances),
                "CannotPullContainerError: Error response from daemon: manifest unknown: manifest unknown"
            );
        }
        let fargate = "CannotPullContainerError: pull image manifest has been retried 1 time(s): \
                       failed to resolve ref a:1: a:1: not found";
        assert_eq!(
            [true, false].map(|by_tag| text(by_tag, LaunchType::Fargate)),
            [fargate; 2]
        );
    }

    #[test]
    fn what_takes_too_long_is_told_with_its_transition() {
        let web = || Name::new("web");
        let text = |step: Step, waited_s, launch_type| of(&step, &StepFailure::Timeout { waited_s }, launch_type);
        assert_eq!(
            text(Step::Pull(web()), 7200, LaunchType::Ec2),
            "DockerTimeoutError: Could not transition to pulled; timed out after waiting 2h0m0s"
        );
        assert_eq!(
            text(Step::Start(web()), 240, LaunchType::External),
            "DockerTimeoutError: Could not transition to started; timed out after waiting 4m0s"
        );
        assert_eq!(
            text(Step::Start(web()), 240, LaunchType::Fargate),
            "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 4m0s"
        );
        assert_eq!(
            text(Step::PrepareLogs(web()), 5, LaunchType::Ec2),
            "ResourceInitializationError: failed to validate logger args: timed out after waiting 5s"
        );
        assert_eq!(
            text(Step::SetUpNetwork, 120, LaunchType::Ec2),
            "ContainerNetworkingError: timed out after waiting 2m0s"
        );
    }
}
