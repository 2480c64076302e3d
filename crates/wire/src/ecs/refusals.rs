//! The brain's refusals as the exceptions and texts of ECS: the only place where they are spelled.

use berth_core::ecs::Refusal;
use berth_core::ecs::quota::Exceeded;
use berth_core::ecs::refusal::{AttributeFault, CommandFault, LaunchFault, NoUpdate, SettingFault, StrategyFault};
use berth_core::ecs::refusal::{Fault, LifecycleFault, Untaggable, VolumeFault};
use berth_core::iam::Denied;
use berth_core::iam::admit::{JoinRefusal, MOST_TOKENS};
use berth_core::kernel::tags::TagFault;

use crate::protocol::ServiceError;

/// The exception for `refusal`.
#[must_use]
pub fn error(refusal: &Refusal) -> ServiceError {
    let (code, text) = exception(refusal);
    let error = if *refusal == Refusal::LowSpace {
        ServiceError::server(code, text)
    } else {
        ServiceError::client(code, text)
    };
    if let Refusal::TokenConflict { resource_ids } = refusal {
        error.field("resourceIds", resource_ids.clone())
    } else {
        error
    }
}

const CLIENT: &str = "ClientException";
const INVALID: &str = "InvalidParameterException";

/// Code and text of every refusal.
#[expect(
    clippy::too_many_lines,
    reason = "a table with one row per refusal, which the compiler keeps whole"
)]
fn exception(refusal: &Refusal) -> (&'static str, String) {
    let invalid = |text: String| (INVALID, text);
    let plain = |code: &'static str, text: &str| (code, text.to_owned());
    match refusal {
        Refusal::ClusterNotFound => plain("ClusterNotFoundException", "Cluster not found."),
        Refusal::ClusterName(name) => invalid(format!("Invalid cluster name or ARN: {name}")),
        Refusal::ClusterContainsInstances => plain(
            "ClusterContainsContainerInstancesException",
            "The Cluster cannot be deleted while Container Instances are active or draining.",
        ),
        Refusal::ClusterContainsTasks => plain(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ),
        Refusal::ClusterDiffers => plain(
            INVALID,
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        ),
        Refusal::Quota(exceeded) => quota(*exceeded),
        Refusal::Throttled => plain("ThrottlingException", "Rate exceeded"),
        Refusal::SettingName => plain(INVALID, "Invalid setting 'name'"),
        Refusal::SettingValue => plain(INVALID, "Invalid setting 'value'"),
        Refusal::Setting(fault) => invalid(setting_text(*fault)),
        Refusal::Include(words) => invalid(format!("include should be one of [{words}]")),
        Refusal::Command(fault) => plain(INVALID, command_text(*fault)),
        Refusal::ProviderUnknown => plain(
            INVALID,
            "The specified capacity provider does not exist. Specify a valid name or ARN and try again.",
        ),
        Refusal::ProviderInUse => plain(
            "ResourceInUseException",
            "The specified capacity provider is in use and cannot be removed.",
        ),
        Refusal::Strategy(fault) => invalid(strategy_text(*fault)),
        Refusal::Identifier(text) => invalid(format!("Invalid identifier: {text}")),
        Refusal::ForeignArn(arn) => invalid(format!("The ARN belongs to another account or region: {arn}")),
        Refusal::Empty(what) => invalid(format!("{what} cannot be empty.")),
        Refusal::TooMany { what, most } => invalid(format!("At most {most} {what} can be given.")),
        Refusal::OutOfRange { member, least, most } => invalid(format!("{member} must be between {least} and {most}.")),
        Refusal::Word { member, word } => invalid(format!("Invalid value for {member}: {word}")),
        Refusal::TooLong { member, most } => invalid(format!("{member} longer than {most}.")),
        Refusal::Tags(fault) => invalid(tag_text(fault)),
        Refusal::Attribute(fault) => attribute(fault),
        Refusal::TargetNotFound => plain("TargetNotFoundException", "The specified target was not found."),
        Refusal::Untaggable(why) => untaggable(*why),
        Refusal::LowSpace => plain(
            "ServerException",
            "The control plane has too little free disk space to take in anything new. Stopping and deleting works.",
        ),
        Refusal::NotBuilt(text) => ("UnsupportedFeatureException", text.clone()),
        Refusal::Definition(fault) => (CLIENT, definition_text(fault)),
        Refusal::DefinitionUnknown => plain(CLIENT, "Unable to describe task definition."),
        Refusal::DefinitionNotFound => plain(CLIENT, "TaskDefinition not found."),
        Refusal::DefinitionInactive => plain(CLIENT, "TaskDefinition is inactive"),
        Refusal::Revision(number) => invalid(format!("Invalid revision number. Number: {number}")),
        Refusal::LaunchTypeUnsupported(launch_type) => {
            invalid(format!("Task definition does not support launch_type {launch_type}."))
        }
        Refusal::LaunchTypeAndStrategy => plain(
            INVALID,
            "Specify either Launch Type or Capacity Provider Strategy, but not both.",
        ),
        Refusal::PlatformUnfit => plain(
            "PlatformTaskDefinitionIncompatibilityException",
            "The specified platform does not satisfy the task definition's required capabilities.",
        ),
        Refusal::PlatformUnknown => plain("PlatformUnknownException", "The specified platform does not exist."),
        Refusal::NetworkMissing => plain(
            INVALID,
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        Refusal::NetworkUnwanted => plain(
            INVALID,
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        Refusal::SubnetNotFound(id) => invalid(format!(
            "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
        )),
        Refusal::SecurityGroupNotFound(id) => invalid(format!(
            "Error retrieving security group information for [{id}]: The security group '{id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
        )),
        Refusal::NoInstances => plain(INVALID, "No Container Instances were found in your cluster."),
        Refusal::DistinctExpression => plain(INVALID, "distinctInstance expression should not be specified."),
        Refusal::FargatePlacement(what) => invalid(format!(
            "Placement {what} are not supported with the FARGATE launch type."
        )),
        Refusal::Expression { text, fault } => invalid(format!("Invalid expression '{text}': {fault}.")),
        Refusal::TokenConflict { .. } => plain(
            "ConflictException",
            "The clientToken was used before with other parameters.",
        ),
        Refusal::Launch(fault) => invalid(launch_text(fault)),
        Refusal::StartedByAndOthers => plain(INVALID, "cannot specify startedBy with other arguments"),
        Refusal::ServiceNotFound => plain("ServiceNotFoundException", "Service not found."),
        Refusal::DaemonNotFound => plain("DaemonNotFoundException", "Daemon not found."),
        Refusal::TaskIdLength => plain(INVALID, "taskId length should be one of [32,36]"),
        Refusal::TaskNotFound => plain(INVALID, "The referenced task was not found."),
        Refusal::InstanceNotFound => plain(INVALID, "The referenced container instance was not found."),
        Refusal::InstanceHasTasks => plain(INVALID, "Found running tasks on the instance."),
        Refusal::InstanceInactive => plain(INVALID, "The referenced container instance is inactive."),
        Refusal::IdentityDocument => plain(INVALID, "The instance identity document cannot be read."),
        Refusal::InstanceGone(id) => (CLIENT, format!("Container instance {id} is inactive.")),
        Refusal::InstanceType { id, before } => (
            CLIENT,
            format!(
                "Container instance type changes are not supported. Container instance {id} was previously registered as {before}."
            ),
        ),
        Refusal::AgentVersionUnknown => plain(
            "MissingVersionException",
            "The version of the agent on the container instance is not known.",
        ),
        Refusal::NoAgentUpdate(why) => plain("NoUpdateAvailableException", no_update(*why)),
        Refusal::AgentUpdateUnderWay => plain(
            "UpdateInProgressException",
            "An update of the container agent is already in progress on this container instance.",
        ),
        Refusal::InstanceStatus => plain(INVALID, "Container instance status should be one of [ACTIVE, DRAINING]"),
        Refusal::TooManyInstances(most) => invalid(format!("instanceIds can have at most {most} items.")),
        Refusal::Resource(name) => invalid(format!("Invalid value for the resource {name}.")),
        Refusal::Denied(denied) => ("AccessDeniedException", denied_text(denied)),
        Refusal::Join(refusal) => join(refusal),
    }
}

fn no_update(why: NoUpdate) -> &'static str {
    match why {
        NoUpdate::NotOffered => {
            "There is no update available for your container agent: the control plane offers none (--agent-update)."
        }
        NoUpdate::Newest => "There is no update available for your container agent.",
        NoUpdate::OwnAgent => {
            "There is no update available for your container agent: Berth's own agent is updated with its program."
        }
    }
}

/// What AWS says to those who may not.
#[must_use]
pub fn denied_text(denied: &Denied) -> String {
    let Denied { principal, action } = denied;
    format!(
        "User: {principal} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
    )
}

/// Berth's own words about join tokens, which AWS does not have.
fn join(refusal: &JoinRefusal) -> (&'static str, String) {
    let denied = |text: &str| ("AccessDeniedException", text.to_owned());
    match refusal {
        JoinRefusal::Unknown => denied("There is no such join token."),
        JoinRefusal::Expired => denied("The join token has expired."),
        JoinRefusal::Used => denied("The join token was used before, by another machine or another data directory."),
        JoinRefusal::OtherCluster(name) => denied(&format!("The join token is for the cluster {name} alone.")),
        JoinRefusal::Life => (INVALID, "A join token is good for one second to seven days.".to_owned()),
        JoinRefusal::TooMany => (
            "LimitExceededException",
            format!("There are {MOST_TOKENS} join tokens already."),
        ),
    }
}

/// The texts of RunTask's and StartTask's InvalidParameterException.
fn launch_text(fault: &LaunchFault) -> String {
    match fault {
        LaunchFault::Token => "clientToken must have 1 to 64 characters in the range of 33 to 126.".to_owned(),
        LaunchFault::OverridesTooLong(most) => format!("Container Overrides length must be at most {most}"),
        LaunchFault::OverrideNameMissing => "Container override name should not be null or empty.".to_owned(),
        LaunchFault::OverrideUnknown(name) => {
            format!("Override for container named {name} is not a container in the TaskDefinition.")
        }
        LaunchFault::OverrideTwice(name) => format!("Override for container named {name} is there twice."),
        LaunchFault::Override(fault) => definition_text(fault),
        LaunchFault::GroupReserved(group) => {
            format!("Invalid group: {group}. The prefixes family: and service: are reserved.")
        }
        LaunchFault::PropagateTags(_) => "Propagate tags should be one of [TASK_DEFINITION,NONE]".to_owned(),
    }
}

fn tag_text(fault: &TagFault) -> String {
    match fault {
        TagFault::TooMany => "The maximum number of tags that can be applied to a resource is 50.".to_owned(),
        TagFault::Key(key) => format!("Invalid tag key: {key}"),
        TagFault::Value(key) => format!("Invalid value of the tag {key}."),
        TagFault::Duplicate(key) => format!("Duplicate tag keys found: {key}"),
    }
}

/// Code and text for an attribute.
fn attribute(fault: &AttributeFault) -> (&'static str, String) {
    let text = match fault {
        AttributeFault::Name(name) => format!("Invalid attribute name: {name}"),
        AttributeFault::Value(value) => format!("Invalid attribute value: {value}"),
        AttributeFault::NoTarget => "Attribute.targetId should not be null or empty.".to_owned(),
        AttributeFault::NoTargetType => {
            "Attribute.targetType must be specified when the short form of a target's ID is used.".to_owned()
        }
        AttributeFault::TooManyCustom(most) => {
            let text = format!("A resource can have at most {most} custom attributes.");
            return ("AttributeLimitExceededException", text);
        }
        AttributeFault::ValueWithoutName => {
            "An attributeName must be specified when an attributeValue is specified.".to_owned()
        }
    };
    (INVALID, text)
}

/// Code and text for what the operator does not allow. RegisterContainerInstance and RegisterTaskDefinition have no
/// exception of their own for it.
fn quota(exceeded: Exceeded) -> (&'static str, String) {
    let text = match exceeded {
        Exceeded::Clusters => "The maximum number of clusters has been reached.",
        Exceeded::Instances => "The maximum number of container instances in the cluster has been reached.",
        Exceeded::Tasks => "You've reached the limit on the number of tasks you can run concurrently",
        Exceeded::Revisions => "The maximum number of revisions of the task definition family has been reached.",
    };
    (CLIENT, text.to_owned())
}

fn setting_text(fault: SettingFault) -> String {
    match fault {
        SettingFault::Principal => "Invalid setting 'principalArn'".to_owned(),
        SettingFault::OtherPrincipal => {
            "Only the root user can change or list the account settings of another principal.".to_owned()
        }
        SettingFault::RootOnly(name) => format!("The account setting {name} must be set by the root user."),
        SettingFault::ReadOnly(name) => format!("The account setting {name} is read-only."),
        SettingFault::AlwaysEnabled(name) => format!("The account setting {name} cannot be disabled."),
        SettingFault::ValueWithoutName => "A name must be specified when a value is specified.".to_owned(),
    }
}

fn command_text(fault: CommandFault) -> &'static str {
    match fault {
        CommandFault::LogMissing => "A log configuration must be specified when logging is set to OVERRIDE.",
        CommandFault::LogUnwanted => "A log configuration can only be specified when logging is set to OVERRIDE.",
        CommandFault::LogNowhere => "A log configuration must specify a CloudWatch log group or an S3 bucket.",
    }
}

fn strategy_text(fault: StrategyFault) -> String {
    const WHICH: &str = "The specified capacity provider strategy";
    match fault {
        StrategyFault::TooMany(most) => format!("{WHICH} cannot contain more than {most} capacity providers."),
        StrategyFault::Duplicate => format!("{WHICH} cannot contain the same capacity provider more than once."),
        StrategyFault::Bases => format!("{WHICH} can contain only one capacity provider with a base value."),
        StrategyFault::NotAssociated => format!(
            "{WHICH} cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again."
        ),
        StrategyFault::NoWeight => {
            format!("{WHICH} must contain at least one capacity provider with a weight value greater than zero.")
        }
    }
}

/// Code and text for what has no tags.
fn untaggable(why: Untaggable) -> (&'static str, String) {
    let text = match why {
        Untaggable::Missing(kind) => {
            format!("The specified {kind} does not exist. Specify a valid {kind} and try again.")
        }
        Untaggable::Inactive(kind) => {
            format!("The specified {kind} is inactive. Specify an active {kind} and try again.")
        }
        Untaggable::MissingDefinition => {
            let text = "The specified task definition does not exist. Specify a valid account, family, revision and try again.";
            return (CLIENT, text.to_owned());
        }
        Untaggable::StoppedTask => "The specified task is stopped. Specify a running task and try again.".to_owned(),
        Untaggable::ShortArn => "Long arn format must be used for tagging operations".to_owned(),
    };
    (INVALID, text)
}

/// The texts about dependencies, restart policies and health checks, among those of [`definition_text`].
fn lifecycle_text(fault: &LifecycleFault) -> String {
    match fault {
        LifecycleFault::StartTimeout(seconds) => {
            format!("Invalid 'startTimeout' setting of {seconds} seconds: Fargate allows 2 to 120.")
        }
        LifecycleFault::UnknownDependency(name) => {
            format!("Cannot depend on container + '{name}' because it does not exist")
        }
        LifecycleFault::EssentialDependency => {
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container".to_owned()
        }
        LifecycleFault::UnprobedDependency => {
            "A dependency container with HEALTHY condition must have health check configured".to_owned()
        }
        LifecycleFault::Cycle => "Container dependencies should not have a cycle".to_owned(),
        LifecycleFault::IgnoredExitCodes(name) => {
            format!("Invalid setting for container '{name}'. A restart policy can ignore at most 50 exit codes.")
        }
        LifecycleFault::HealthCommand(name) => format!(
            "Invalid setting for container '{name}'. The health check command must start with CMD or CMD-SHELL."
        ),
        LifecycleFault::OutOfRange {
            container,
            member,
            least,
            most,
        } => format!("Invalid setting for container '{container}'. The '{member}' must be between {least} and {most}."),
    }
}

/// The texts about volumes.
fn volume_text(fault: &VolumeFault) -> String {
    match fault {
        VolumeFault::Name(name) => format!("Invalid volume name: {name}"),
        VolumeFault::NameTwice(name) => format!("Volume names must be unique, but '{name}' is there twice."),
        VolumeFault::Places => {
            "When the volume parameter is specified, only one volume configuration type should be used.".to_owned()
        }
        VolumeFault::HostPath(path) => format!("Invalid 'host.sourcePath' setting for volumes: {path}"),
        VolumeFault::Unknown(name) => format!("Unknown volume '{name}'."),
        VolumeFault::ContainerPath { container, path } => {
            format!("Invalid setting for container '{container}'. The 'containerPath' cannot be '{path}'.")
        }
        VolumeFault::ContainerPathTwice { container, path } => {
            format!("Invalid setting for container '{container}'. The 'containerPath' {path} is there twice.")
        }
        VolumeFault::UnknownContainer(name) => format!("Unknown container '{name}'."),
        VolumeFault::Fargate(member) => format!("Fargate compatible task definitions do not support {member}"),
    }
}

/// The texts of RegisterTaskDefinition's ClientException.
fn definition_text(fault: &Fault) -> String {
    match fault {
        Fault::Family => {
            "Family should not be null or empty and may have letters, digits, dashes and underscores.".to_owned()
        }
        Fault::ContainerCount => "A task definition must have 1 to 10 containers.".to_owned(),
        Fault::Size => "Actual length of the task definition is larger than the limit of 65536 bytes.".to_owned(),
        Fault::NameMissing => "Container.name should not be null or empty.".to_owned(),
        Fault::ImageMissing => "Container.image should not be null or empty.".to_owned(),
        Fault::Name(name) => format!("Invalid container name: {name}"),
        Fault::NameTwice(name) => format!("Container names must be unique, but '{name}' is there twice."),
        Fault::NothingEssential => "At least one container must be essential.".to_owned(),
        Fault::MemoryMissing(name) => format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        ),
        Fault::ReservationAboveLimit(name) => format!(
            "Invalid setting for container '{name}'. The 'memoryReservation' must not be larger than the 'memory'."
        ),
        Fault::MemoryTooSmall(name) => {
            format!("Invalid setting for container '{name}'. A container needs at least 6 MiB of memory.")
        }
        Fault::TaskCpu | Fault::FargateCpu => "Invalid 'cpu' setting for task.".to_owned(),
        Fault::TaskMemory | Fault::FargateMemory => "Invalid 'memory' setting for task.".to_owned(),
        Fault::ContainersAboveTask(what) => {
            format!("The containers' '{what}' must not be larger than the '{what}' of the task.")
        }
        Fault::FargateSize => "No Fargate configuration exists for given values.".to_owned(),
        Fault::FargateNetworkMode => "Fargate only supports network mode \u{2018}awsvpc\u{2019}.".to_owned(),
        Fault::FargateMember(member) => {
            format!("When 'requiresCompatibilities' contains FARGATE, '{member}' is not supported.")
        }
        Fault::ConstraintType(word) => format!("constraint.type '{word}' is not supported."),
        Fault::FargatePidMode(mode) => format!(
            "Tasks using the Fargate launch type do not support pidMode '{mode}'. The supported value for pidMode is 'task'."
        ),
        Fault::FargateLogDriver(driver) => format!("Log driver {driver} is not supported on Fargate."),
        Fault::FargateImageRole => {
            "Fargate requires task definition to have execution role ARN to support ECR images.".to_owned()
        }
        Fault::FargateLogRole => {
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.".to_owned()
        }
        Fault::StopTimeout(seconds) => {
            format!("Invalid 'stopTimeout' setting of {seconds} seconds: Fargate allows 2 to 120.")
        }
        Fault::Lifecycle(fault) => lifecycle_text(fault),
        Fault::Volume(fault) => volume_text(fault),
        Fault::PortsDiffer(mode) => format!(
            "When networkMode={}, the host ports and container ports in port mappings must match.",
            mode.as_str()
        ),
        Fault::NotInMode { member, mode } => format!("When networkMode={mode}, {member} is not supported."),
        Fault::PortsWithoutNetwork => "When networkMode=none, there can be no port mappings.".to_owned(),
        Fault::Port(port) => format!("Invalid port in port mappings: {port}"),
        Fault::PortTwice(port) => format!("The host port {port} is mapped twice."),
        Fault::Word { member, word } => format!("Invalid value for {member}: {word}"),
        Fault::RequirementTwice { container, kind } => {
            format!("Invalid setting for container '{container}'. The resource requirement {kind} is there twice.")
        }
        Fault::Role(role) => format!("Invalid role ARN: {role}"),
        Fault::EnvironmentName => "Environment variables must have names.".to_owned(),
        Fault::LogOptionMissing { driver, option } => format!("Log driver {driver} requires options: {option}"),
        Fault::LogOptionUnknown { driver, option } => format!("Log driver {driver} disallows options: {option}"),
        Fault::LogOptionValue { option, value } => format!("Invalid value for the log option {option}: {value}"),
        Fault::Negative { member } => format!("Invalid value for {member}: it must not be negative."),
    }
}
