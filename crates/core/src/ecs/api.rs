//! The operations of ECS that are built: writes, which change facts, and reads, which do not.

use std::collections::BTreeSet;

use super::Refusal;
use super::admit::attributes::{self, TargetAttribute};
use super::admit::cluster::{self, ClusterWish, CreateCluster};
use super::admit::deregister_instance::{self, DeregisterInstance};
use super::admit::register_instance::{self, RegisterInstance};
use super::admit::register_task_definition::{self, Draft};
use super::admit::run_task::{self, Admission, Order, RunTask};
use super::admit::settings;
use super::admit::start_task::{self, StartOrder, StartTask};
use super::admit::stop_task::{self, StopTask};
use super::admit::strategy::{self, PutProviders};
use super::admit::tag;
use super::admit::update_agent::{self, UpdateAgent};
use super::admit::update_instances_state::{self, UpdateInstancesState};
use super::admit::{Admitted, Caller, delete_task_definitions, deregister_task_definition, submit};
use super::model::ContainerInstance;
use super::refer;
use super::report::TaskReport;
use super::state::State;
use super::view::attributes::AttributeFilter;
use super::view::capacity::{self, ProviderFilter};
use super::view::describe::Facts;
use super::view::list::{self, DefinitionFilter, FamilyFilter, InstanceFilter, PageWish, TaskFilter};
use super::view::settings::SettingFilter;
use super::view::{self, Answer, Reply};
use crate::kernel::Cx;
use crate::kernel::ids::Uuid;

/// A request that may change facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// CreateCluster.
    CreateCluster(CreateCluster),
    /// UpdateCluster, with its name or ARN.
    UpdateCluster(String, ClusterWish),
    /// UpdateClusterSettings, with its name or ARN.
    UpdateClusterSettings(String, ClusterWish),
    /// PutClusterCapacityProviders.
    PutProviders(PutProviders),
    /// DeleteCluster, with its name or ARN.
    DeleteCluster(String),
    /// RegisterTaskDefinition.
    RegisterTaskDefinition(Draft),
    /// DeregisterTaskDefinition, with `family:revision` or an ARN.
    DeregisterTaskDefinition(String),
    /// DeleteTaskDefinitions, with `family:revision` or ARNs.
    DeleteTaskDefinitions(Vec<String>),
    /// RegisterContainerInstance.
    RegisterInstance(RegisterInstance),
    /// DeregisterContainerInstance.
    DeregisterInstance(DeregisterInstance),
    /// UpdateContainerAgent.
    UpdateAgent(UpdateAgent),
    /// UpdateContainerInstancesState.
    UpdateInstancesState(UpdateInstancesState),
    /// RunTask.
    RunTask(RunTask),
    /// StartTask.
    StartTask(StartTask),
    /// StopTask.
    StopTask(StopTask),
    /// PutAttributes: a cluster and attributes of its instances.
    PutAttributes(Option<String>, Vec<TargetAttribute>),
    /// DeleteAttributes: a cluster and attributes of its instances.
    DeleteAttributes(Option<String>, Vec<TargetAttribute>),
    /// PutAccountSetting: name, value and principal.
    PutSetting(String, String, Option<String>),
    /// PutAccountSettingDefault: name and value.
    PutSettingDefault(String, String),
    /// DeleteAccountSetting: name and principal.
    DeleteSetting(String, Option<String>),
    /// TagResource: an ARN and tags.
    Tag(String, Vec<(String, String)>),
    /// UntagResource: an ARN and keys of tags.
    Untag(String, Vec<String>),
    /// SubmitTaskStateChange.
    Submit(Submit),
    /// SubmitContainerStateChange: a report of one container.
    SubmitContainer(Submit),
    /// SubmitAttachmentStateChanges.
    SubmitAttachments(SubmitAttachments),
}

/// A report that an agent submits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submit {
    /// The cluster.
    pub cluster: Option<String>,
    /// The task's ARN. Reports about attachments alone may lack it.
    pub task: Option<String>,
    /// What it did.
    pub report: TaskReport,
}

/// What an agent says of attachments, whose tasks it does not name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmitAttachments {
    /// The cluster.
    pub cluster: Option<String>,
    /// The ARNs of attachments that are in place.
    pub attached: Vec<String>,
}

/// A request that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// DescribeClusters.
    DescribeClusters(Vec<String>),
    /// DescribeCapacityProviders.
    DescribeProviders(ProviderFilter, PageWish),
    /// ListClusters.
    ListClusters(PageWish),
    /// DescribeTaskDefinition.
    DescribeTaskDefinition(String),
    /// ListTaskDefinitions.
    ListTaskDefinitions(DefinitionFilter, PageWish),
    /// ListTaskDefinitionFamilies.
    ListFamilies(FamilyFilter, PageWish),
    /// DescribeContainerInstances.
    DescribeInstances(Option<String>, Vec<String>),
    /// ListContainerInstances.
    ListInstances(Option<String>, InstanceFilter, PageWish),
    /// DescribeTasks.
    DescribeTasks(Option<String>, Vec<String>),
    /// ListTasks.
    ListTasks(Option<String>, TaskFilter, PageWish),
    /// ListAttributes.
    ListAttributes(AttributeFilter, PageWish),
    /// ListAccountSettings.
    ListSettings(SettingFilter, PageWish),
    /// ListTagsForResource, with its ARN.
    ListTags(String),
}

/// How an admitted write goes on.
#[expect(clippy::large_enum_variant, reason = "a step is taken as soon as it is made")]
pub(crate) enum Step {
    /// All its changes are known.
    Whole(Admitted),
    /// Its tasks are placed one by one: each sees what the one before has taken.
    TaskByTask(Order),
    /// The agent of this machine is updated, if it is one that can be.
    Update(ContainerInstance),
    /// Each of its tasks is put on a machine that the caller chose.
    OnThese(StartOrder),
}

/// Admits a write.
pub(crate) fn admit(state: &State, cx: &mut Cx, caller: &Caller, write: Write) -> Result<Step, Refusal> {
    let whole = match write {
        Write::CreateCluster(request) => cluster::create(state, cx, caller, request),
        Write::UpdateCluster(name, wish) | Write::UpdateClusterSettings(name, wish) => {
            cluster::update(state, caller, &name, wish)
        }
        Write::PutProviders(request) => strategy::put(state, caller, &request),
        Write::DeleteCluster(name) => cluster::delete(state, cx, caller, &name),
        Write::RegisterTaskDefinition(draft) => register_task_definition::admit(state, cx, caller, draft),
        Write::DeregisterTaskDefinition(name) => deregister_task_definition::admit(state, cx, caller, &name),
        Write::DeleteTaskDefinitions(names) => delete_task_definitions::admit(state, cx, caller, &names),
        Write::RegisterInstance(request) => register_instance::admit(state, cx, caller, request),
        Write::DeregisterInstance(request) => deregister_instance::admit(state, cx, caller, &request),
        Write::UpdateInstancesState(request) => update_instances_state::admit(state, caller, &request),
        Write::RunTask(request) => match run_task::admit(state, cx, caller, request)? {
            Admission::Fresh(order) => return Ok(Step::TaskByTask(order)),
            Admission::Repeated(keys) => Ok(Admitted::unchanged(Answer::Tasks(keys, Vec::new()))),
        },
        Write::UpdateAgent(request) => return update_agent::admit(state, caller, &request).map(Step::Update),
        Write::StartTask(request) => return start_task::admit(state, caller, request).map(Step::OnThese),
        Write::StopTask(request) => stop_task::admit(state, cx, caller, &request),
        Write::PutAttributes(cluster, list) => attributes::put(state, caller, cluster.as_deref(), list),
        Write::DeleteAttributes(cluster, list) => attributes::delete(state, caller, cluster.as_deref(), list),
        Write::PutSetting(name, value, whom) => settings::put(state, caller, &name, &value, whom.as_deref()),
        Write::PutSettingDefault(name, value) => settings::put_default(state, caller, &name, &value),
        Write::DeleteSetting(name, whom) => settings::delete(state, caller, &name, whom.as_deref()),
        Write::Tag(arn, tags) => tag::tag(state, caller, &arn, tags),
        Write::Untag(arn, keys) => tag::untag(state, caller, &arn, &keys),
        Write::Submit(request) | Write::SubmitContainer(request) => admit_report(state, cx, caller, request),
        Write::SubmitAttachments(request) => admit_attachments(state, cx, caller, &request),
    };
    whole.map(Step::Whole)
}

fn admit_report(state: &State, cx: &Cx, caller: &Caller, request: Submit) -> Result<Admitted, Refusal> {
    let Some(task) = request.task else {
        return Ok(Admitted::unchanged(Answer::Acknowledged));
    };
    let cluster = refer::cluster(&caller.scope, request.cluster.as_deref())?;
    match refer::task(&cluster, &task) {
        Ok(key) => Ok(submit::admit(state, cx, &key, request.report)),
        // An ARN that is none of ours names a task that nobody knows any more: the agent need not repeat itself.
        Err(Refusal::Identifier(arn)) if arn.starts_with("arn:") => Ok(Admitted::unchanged(Answer::Acknowledged)),
        Err(refusal) => Err(refusal),
    }
}

/// The most attachments of one report, whose changes fit one turn.
const MOST_ATTACHMENTS: usize = 50;

/// Attachments that nobody knows any more are taken and forgotten, so that agents stop repeating them.
fn admit_attachments(
    state: &State,
    cx: &Cx,
    caller: &Caller,
    request: &SubmitAttachments,
) -> Result<Admitted, Refusal> {
    refer::cluster(&caller.scope, request.cluster.as_deref())?;
    if request.attached.len() > MOST_ATTACHMENTS {
        return Err(Refusal::TooMany {
            what: "attachments",
            most: MOST_ATTACHMENTS,
        });
    }
    let named = request.attached.iter().map(|arn| refer::attachment(&caller.scope, arn));
    let attachments: BTreeSet<Uuid> = named.collect::<Result<_, _>>()?;
    let mut admitted = Admitted::unchanged(Answer::Acknowledged);
    for attachment in attachments {
        if let Some(task) = state.attached_to(&caller.scope, attachment) {
            let report = TaskReport {
                attached: vec![attachment.to_string()],
                ..TaskReport::default()
            };
            admitted.changes.extend(submit::admit(state, cx, task, report).changes);
        }
    }
    Ok(admitted)
}

/// Answers a read.
pub(crate) fn read(facts: &Facts<'_>, caller: &Caller, read: &Read) -> Result<Reply, Refusal> {
    let (state, scope) = (facts.ecs, &caller.scope);
    match read {
        Read::DescribeClusters(names) => facts.describe_clusters(scope, names),
        Read::DescribeProviders(filter, page) => capacity::providers(state, scope, filter, page),
        Read::ListClusters(page) => list::clusters(state, scope, page),
        Read::DescribeTaskDefinition(name) => facts.describe_definition(scope, name),
        Read::ListTaskDefinitions(filter, page) => list::definitions(state, scope, filter, page),
        Read::ListFamilies(filter, page) => list::families(state, scope, filter, page),
        Read::DescribeInstances(cluster, names) => facts.describe_instances(scope, cluster.as_deref(), names),
        Read::ListInstances(cluster, filter, page) => list::instances(facts, scope, cluster.as_deref(), filter, page),
        Read::DescribeTasks(cluster, names) => facts.describe_tasks(scope, cluster.as_deref(), names),
        Read::ListTasks(cluster, filter, page) => list::tasks(state, scope, cluster.as_deref(), filter, page),
        Read::ListAttributes(filter, page) => view::attributes::list(state, scope, filter, page),
        Read::ListSettings(filter, page) => view::settings::list(state, caller, filter, page),
        Read::ListTags(arn) => facts.list_tags(scope, arn),
    }
}

impl Write {
    /// Whether agents call this, not users.
    #[must_use]
    pub fn is_of_agents(&self) -> bool {
        matches!(
            self,
            Self::RegisterInstance(_) | Self::Submit(_) | Self::SubmitContainer(_) | Self::SubmitAttachments(_)
        )
    }

    /// How many tasks it asks for.
    pub(crate) fn launches(&self) -> usize {
        if let Self::RunTask(run) = self {
            usize::try_from(run.count).unwrap_or_default()
        } else if let Self::StartTask(start) = self {
            start.instances.len()
        } else {
            0
        }
    }

    /// Whether it asks for something new, which needs disk space for good. What lets go of things, changes them, or tells
    /// what became of them does not.
    #[must_use]
    pub fn creates(&self) -> bool {
        match self {
            Self::CreateCluster(_)
            | Self::RegisterTaskDefinition(_)
            | Self::RunTask(_)
            | Self::StartTask(_)
            | Self::PutAttributes(..)
            | Self::PutSetting(..)
            | Self::PutSettingDefault(..)
            | Self::Tag(..) => true,
            Self::UpdateCluster(..)
            | Self::UpdateClusterSettings(..)
            | Self::PutProviders(_)
            | Self::DeleteCluster(_)
            | Self::DeregisterTaskDefinition(_)
            | Self::DeleteTaskDefinitions(_)
            | Self::RegisterInstance(_)
            | Self::DeregisterInstance(_)
            | Self::UpdateAgent(_)
            | Self::UpdateInstancesState(_)
            | Self::StopTask(_)
            | Self::DeleteAttributes(..)
            | Self::DeleteSetting(..)
            | Self::Untag(..)
            | Self::Submit(_)
            | Self::SubmitContainer(_)
            | Self::SubmitAttachments(_) => false,
        }
    }

    /// The action in IAM's words.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::CreateCluster(_) => "ecs:CreateCluster",
            Self::UpdateCluster(..) => "ecs:UpdateCluster",
            Self::UpdateClusterSettings(..) => "ecs:UpdateClusterSettings",
            Self::PutProviders(_) => "ecs:PutClusterCapacityProviders",
            Self::DeleteCluster(_) => "ecs:DeleteCluster",
            Self::RegisterTaskDefinition(_) => "ecs:RegisterTaskDefinition",
            Self::DeregisterTaskDefinition(_) => "ecs:DeregisterTaskDefinition",
            Self::DeleteTaskDefinitions(_) => "ecs:DeleteTaskDefinitions",
            Self::RegisterInstance(_) => "ecs:RegisterContainerInstance",
            Self::DeregisterInstance(_) => "ecs:DeregisterContainerInstance",
            Self::UpdateAgent(_) => "ecs:UpdateContainerAgent",
            Self::UpdateInstancesState(_) => "ecs:UpdateContainerInstancesState",
            Self::RunTask(_) => "ecs:RunTask",
            Self::StartTask(_) => "ecs:StartTask",
            Self::StopTask(_) => "ecs:StopTask",
            Self::PutAttributes(..) => "ecs:PutAttributes",
            Self::DeleteAttributes(..) => "ecs:DeleteAttributes",
            Self::PutSetting(..) => "ecs:PutAccountSetting",
            Self::PutSettingDefault(..) => "ecs:PutAccountSettingDefault",
            Self::DeleteSetting(..) => "ecs:DeleteAccountSetting",
            Self::Tag(..) => "ecs:TagResource",
            Self::Untag(..) => "ecs:UntagResource",
            Self::Submit(_) => "ecs:SubmitTaskStateChange",
            Self::SubmitContainer(_) => "ecs:SubmitContainerStateChange",
            Self::SubmitAttachments(_) => "ecs:SubmitAttachmentStateChanges",
        }
    }
}

impl Read {
    /// The action in IAM's words.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::DescribeClusters(_) => "ecs:DescribeClusters",
            Self::DescribeProviders(..) => "ecs:DescribeCapacityProviders",
            Self::ListClusters(_) => "ecs:ListClusters",
            Self::DescribeTaskDefinition(_) => "ecs:DescribeTaskDefinition",
            Self::ListTaskDefinitions(..) => "ecs:ListTaskDefinitions",
            Self::ListFamilies(..) => "ecs:ListTaskDefinitionFamilies",
            Self::DescribeInstances(..) => "ecs:DescribeContainerInstances",
            Self::ListInstances(..) => "ecs:ListContainerInstances",
            Self::DescribeTasks(..) => "ecs:DescribeTasks",
            Self::ListTasks(..) => "ecs:ListTasks",
            Self::ListAttributes(..) => "ecs:ListAttributes",
            Self::ListSettings(..) => "ecs:ListAccountSettings",
            Self::ListTags(_) => "ecs:ListTagsForResource",
        }
    }
}
