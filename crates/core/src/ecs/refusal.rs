//! Every reason for which ECS refuses a request. `wire` maps each to an exception and a text, in one exhaustive match.

use super::model::{LaunchType, NetworkMode, SettingName};
use super::place::expression;
use super::quota::Exceeded;
use crate::kernel::ids::InstanceId;
use crate::kernel::tags::TagFault;

/// Why a request was refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such cluster.
    ClusterNotFound,
    /// A cluster cannot have this name.
    ClusterName(String),
    /// The cluster still has container instances.
    ClusterContainsInstances,
    /// The cluster still has tasks.
    ClusterContainsTasks,
    /// A cluster of this name is there already, and was made with other arguments.
    ClusterDiffers,
    /// More than the operator allows.
    Quota(Exceeded),
    /// Faster than the operator allows.
    Throttled,
    /// A setting that does not exist.
    SettingName,
    /// A value that the setting cannot have.
    SettingValue,
    /// An account setting that cannot be made so.
    Setting(SettingFault),
    /// A word of `include` that the operation does not know; those that it knows.
    Include(&'static str),
    /// What a cluster cannot say of ExecuteCommand.
    Command(CommandFault),
    /// A capacity provider that does not exist.
    ProviderUnknown,
    /// A capacity provider that tasks or the default strategy use.
    ProviderInUse,
    /// A strategy of capacity providers that cannot be followed.
    Strategy(StrategyFault),
    /// A text that is neither an id nor an ARN of the kind that is asked for.
    Identifier(String),
    /// The ARN of something in another account or region.
    ForeignArn(String),
    /// A list that needs at least one entry; its name in a sentence.
    Empty(&'static str),
    /// A list with more entries than the API allows.
    TooMany {
        /// The list's name in a sentence.
        what: &'static str,
        /// The most entries.
        most: usize,
    },
    /// A number outside its range; the member's name in the API.
    OutOfRange {
        /// The member's name.
        member: &'static str,
        /// The smallest value.
        least: i64,
        /// The largest value.
        most: i64,
    },
    /// A word that the member does not know.
    Word {
        /// The member's name.
        member: &'static str,
        /// The word.
        word: String,
    },
    /// A text that is longer than the member may be.
    TooLong {
        /// The member's name.
        member: &'static str,
        /// The most characters.
        most: usize,
    },
    /// Tags that break AWS's limits.
    Tags(TagFault),
    /// An attribute that cannot be put or deleted.
    Attribute(AttributeFault),
    /// No container instance that attributes could be put on.
    TargetNotFound,
    /// Something whose tags were asked for and that has none.
    Untaggable(Untaggable),
    /// There is too little disk space to take in anything new.
    LowSpace,
    /// A feature that Berth does not carry out; the sentence says which.
    NotBuilt(String),
    /// A task definition that is not valid.
    Definition(Fault),
    /// No such task definition, when one is to be described.
    DefinitionUnknown,
    /// No such task definition, when one is to be run.
    DefinitionNotFound,
    /// A task definition that was deregistered.
    DefinitionInactive,
    /// A revision that is not a number.
    Revision(String),
    /// A task definition that is not made for this launch type.
    LaunchTypeUnsupported(LaunchType),
    /// Both a launch type and a capacity provider strategy.
    LaunchTypeAndStrategy,
    /// A platform version that does not exist.
    PlatformUnknown,
    /// A platform version on which tasks of Linux cannot run: 1.0.0 is that of Windows.
    PlatformUnfit,
    /// An awsvpc task without a network configuration.
    NetworkMissing,
    /// A network configuration for a task that has another network mode.
    NetworkUnwanted,
    /// A subnet that does not exist.
    SubnetNotFound(String),
    /// A security group that does not exist.
    SecurityGroupNotFound(String),
    /// The cluster has no container instances at all.
    NoInstances,
    /// A `distinctInstance` constraint with an expression.
    DistinctExpression,
    /// FARGATE with placement strategies or constraints: which of them.
    FargatePlacement(&'static str),
    /// An expression of the cluster query language that is not valid.
    Expression {
        /// The expression, as it was given.
        text: String,
        /// What is wrong with it.
        fault: expression::Fault,
    },
    /// A client token that was used with other parameters.
    TokenConflict {
        /// The ARNs of the tasks that the token made.
        resource_ids: Vec<String>,
    },
    /// A member of RunTask or StartTask that cannot be.
    Launch(LaunchFault),
    /// A list of tasks by who started them and by something else.
    StartedByAndOthers,
    /// No such service.
    ServiceNotFound,
    /// No such daemon.
    DaemonNotFound,
    /// A task's id that has not as many characters as ids have.
    TaskIdLength,
    /// No such task.
    TaskNotFound,
    /// No such container instance.
    InstanceNotFound,
    /// The instance still runs tasks.
    InstanceHasTasks,
    /// The instance was deregistered.
    InstanceInactive,
    /// An identity document that cannot be read.
    IdentityDocument,
    /// An instance that was deregistered, which no machine becomes again.
    InstanceGone(InstanceId),
    /// A machine that comes back as one of another type.
    InstanceType {
        /// The instance's id.
        id: InstanceId,
        /// The type that it was.
        before: String,
    },
    /// An agent that never said what version it is.
    AgentVersionUnknown,
    /// There is no newer agent to be had from the control plane; why.
    NoAgentUpdate(NoUpdate),
    /// The agent is being updated already.
    AgentUpdateUnderWay,
    /// A status that nobody can give an instance.
    InstanceStatus,
    /// More instances than the status of which can be changed at once; how many those are.
    TooManyInstances(usize),
    /// A registration that lacks a resource or names one twice.
    Resource(String),
    /// The caller may not do this.
    Denied(crate::iam::Denied),
    /// A machine cannot join, or a join token cannot be made.
    Join(crate::iam::admit::JoinRefusal),
}

/// Why a strategy of capacity providers cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategyFault {
    /// More items than a strategy may have.
    TooMany(usize),
    /// The same provider twice.
    Duplicate,
    /// More than one item with a base.
    Bases,
    /// A provider that is not one of the cluster's.
    NotAssociated,
    /// Several items, none of which has a weight.
    NoWeight,
}

/// What a cluster cannot say of ExecuteCommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandFault {
    /// Logging is to be overridden, and nothing says by what.
    LogMissing,
    /// Something says by what logging is to be overridden, although it is not.
    LogUnwanted,
    /// A place for logs that names neither a group nor a bucket.
    LogNowhere,
}

/// Why an account setting cannot be made or shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingFault {
    /// No principal of this account.
    Principal,
    /// Another principal than the caller, who is not the root user.
    OtherPrincipal,
    /// Only the root user has this setting.
    RootOnly(SettingName),
    /// A setting that is only shown.
    ReadOnly(SettingName),
    /// A setting that nobody can disable any more.
    AlwaysEnabled(SettingName),
    /// A value to look for without its name.
    ValueWithoutName,
}

/// Why an attribute cannot be put, deleted or listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeFault {
    /// A name that is empty, too long, reserved or has characters that names may not have.
    Name(String),
    /// A value that is empty, too long or has characters that values may not have there.
    Value(String),
    /// Nothing says of what.
    NoTarget,
    /// A short id without the kind of target.
    NoTargetType,
    /// More than an instance may have.
    TooManyCustom(usize),
    /// A value to look for without its name.
    ValueWithoutName,
}

/// Why something has no tags to show or to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untaggable {
    /// Nothing of this kind has the ARN.
    Missing(&'static str),
    /// The thing of this kind can only be looked at any more.
    Inactive(&'static str),
    /// No such task definition.
    MissingDefinition,
    /// The task is over.
    StoppedTask,
    /// An ARN of the old form, which lacks the cluster.
    ShortArn,
}

/// What is wrong with a RunTask or a StartTask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchFault {
    /// A client token that is empty, or has blanks or characters that cannot be printed.
    Token,
    /// Overrides of more characters than this.
    OverridesTooLong(usize),
    /// An override of a container that does not name it.
    OverrideNameMissing,
    /// An override of a container that the definition does not have.
    OverrideUnknown(String),
    /// Two overrides of the same container.
    OverrideTwice(String),
    /// Overrides that cannot be, or that make a definition that is not valid.
    Override(Fault),
    /// A group that begins like one that ECS itself makes.
    GroupReserved(String),
    /// Tags that are to come from where tasks that are run by hand cannot have them.
    PropagateTags(String),
}

/// What is wrong with a task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The family has no fitting name.
    Family,
    /// No containers, or more than ten.
    ContainerCount,
    /// A definition of more than 64 KiB.
    Size,
    /// A container without a name.
    NameMissing,
    /// A container without an image.
    ImageMissing,
    /// A container's name has characters that it may not have.
    Name(String),
    /// Two containers of one name.
    NameTwice(String),
    /// No container is essential.
    NothingEssential,
    /// Neither a hard nor a soft memory limit, and none for the task.
    MemoryMissing(String),
    /// The soft limit is above the hard one.
    ReservationAboveLimit(String),
    /// Less than the smallest memory that a container can have.
    MemoryTooSmall(String),
    /// A task size that is not a number of units.
    TaskCpu,
    /// A task memory that is not a number of MiB.
    TaskMemory,
    /// The containers ask for more than the task has.
    ContainersAboveTask(&'static str),
    /// A FARGATE task without CPU.
    FargateCpu,
    /// A FARGATE task without memory.
    FargateMemory,
    /// A pair of CPU and memory that FARGATE does not have.
    FargateSize,
    /// FARGATE with another network mode than awsvpc.
    FargateNetworkMode,
    /// A member that FARGATE does not take.
    FargateMember(&'static str),
    /// A placement constraint of another type than `memberOf`.
    ConstraintType(String),
    /// FARGATE with another `pidMode` than `task`.
    FargatePidMode(String),
    /// FARGATE with a log driver that it does not have.
    FargateLogDriver(String),
    /// FARGATE with an image of ECR and no execution role.
    FargateImageRole,
    /// FARGATE with awslogs and no execution role.
    FargateLogRole,
    /// A stop timeout that FARGATE does not take.
    StopTimeout(u32),
    /// What the containers wait for, restart policies or health checks.
    Lifecycle(LifecycleFault),
    /// Volumes and their places in the containers.
    Volume(VolumeFault),
    /// In awsvpc and host mode, host ports other than the container's.
    PortsDiffer(NetworkMode),
    /// A member that a network mode does not take.
    NotInMode {
        /// The member's name.
        member: &'static str,
        /// The mode.
        mode: NetworkMode,
    },
    /// Ports where there is no network.
    PortsWithoutNetwork,
    /// A port outside 1 to 65535 (host ports from 0).
    Port(i64),
    /// The same host port twice.
    PortTwice(u16),
    /// A word that a member does not know.
    Word {
        /// The member's name.
        member: &'static str,
        /// The word.
        word: String,
    },
    /// A container asks twice for the same kind of device.
    RequirementTwice {
        /// The container's name.
        container: String,
        /// The kind.
        kind: &'static str,
    },
    /// A role that is no ARN.
    Role(String),
    /// An environment variable without a name.
    EnvironmentName,
    /// An option of the log driver that is missing.
    LogOptionMissing {
        /// The driver.
        driver: String,
        /// The option.
        option: &'static str,
    },
    /// An option that the log driver does not know.
    LogOptionUnknown {
        /// The driver.
        driver: String,
        /// The option.
        option: String,
    },
    /// An option of the log driver with a value that it cannot have.
    LogOptionValue {
        /// The option.
        option: String,
        /// Its value.
        value: String,
    },
    /// A negative number where none can be.
    Negative {
        /// The member's name.
        member: &'static str,
    },
}

/// What is wrong with what a task definition says of the lives of its containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleFault {
    /// A start timeout that FARGATE does not take.
    StartTimeout(u32),
    /// A dependency on a container that is not there.
    UnknownDependency(String),
    /// A dependency on the end of a container with which the task ends.
    EssentialDependency,
    /// A dependency on the health of a container that is not probed.
    UnprobedDependency,
    /// Containers that wait for each other.
    Cycle,
    /// A restart policy that ignores too many exit codes; the container's name.
    IgnoredExitCodes(String),
    /// A health check without a command of a kind that there is; the container's name.
    HealthCommand(String),
    /// A number of a container's that is outside its range.
    OutOfRange {
        /// The container's name.
        container: String,
        /// The member's name.
        member: &'static str,
        /// The smallest value.
        least: i64,
        /// The largest value.
        most: i64,
    },
}

impl From<LifecycleFault> for Fault {
    fn from(fault: LifecycleFault) -> Self {
        Self::Lifecycle(fault)
    }
}

/// What is wrong with the volumes of a task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeFault {
    /// A volume without a fitting name.
    Name(String),
    /// Two volumes of one name.
    NameTwice(String),
    /// A volume in two places at once.
    Places,
    /// A path of the machine that is not absolute, or climbs.
    HostPath(String),
    /// A mount point for a volume that is not there.
    Unknown(String),
    /// A mount point at a path that is not absolute, climbs, or is the root.
    ContainerPath {
        /// The container's name.
        container: String,
        /// The path.
        path: String,
    },
    /// Two mount points at one path.
    ContainerPathTwice {
        /// The container's name.
        container: String,
        /// The path.
        path: String,
    },
    /// The volumes of a container that is not there.
    UnknownContainer(String),
    /// A member of a volume that FARGATE does not take.
    Fargate(&'static str),
}

impl From<VolumeFault> for Fault {
    fn from(fault: VolumeFault) -> Self {
        Self::Volume(fault)
    }
}

/// Why there is no update for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoUpdate {
    /// The operator offers none.
    NotOffered,
    /// The agent is as new as what is on offer.
    Newest,
    /// The agent is Berth's own, which is updated with its program.
    OwnAgent,
}
