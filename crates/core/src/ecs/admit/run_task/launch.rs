//! What RunTask and StartTask have in common: what is run, for whom and with which changes, whatever machine takes it.

use super::NetworkWish;
use super::checks::{self, InterfaceWish};
use super::overrides::{self, OverridesDraft};
use crate::ecs::admit::settings;
use crate::ecs::admit::{Caller, check_length};
use crate::ecs::model::task::effective;
use crate::ecs::model::{ClusterKey, DefinitionStatus, LaunchType, Overrides, TaskDefinition, TaskDefinitionKey};
use crate::ecs::refer;
use crate::ecs::refusal::{LaunchFault, Refusal};
use crate::ecs::state::State;
use crate::kernel::Tags;
use crate::kernel::names::Name;

/// The members that RunTask and StartTask share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// The cluster.
    pub cluster: Option<String>,
    /// The task definition: family, `family:revision` or ARN.
    pub definition: String,
    /// Where awsvpc tasks get their interface.
    pub network: Option<NetworkWish>,
    /// Tasks of one purpose.
    pub group: Option<String>,
    /// Who starts it, in the caller's words.
    pub started_by: Option<String>,
    /// An id for ECS's own use.
    pub reference_id: Option<String>,
    /// What is changed of the definition.
    pub overrides: OverridesDraft,
    /// Whose tags the task gets beside its own: `TASK_DEFINITION` or `NONE`.
    pub propagate_tags: Option<String>,
    /// Whether ECS tags the task with its cluster.
    pub managed_tags: bool,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
    /// Members that were given and that Berth does not carry out yet.
    pub unbuilt: Vec<String>,
}

/// The limits that are not the same for both.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The operation's name.
    pub operation: &'static str,
    /// The most characters of `startedBy`.
    pub started_by: usize,
}

/// What each task of an admitted request will be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The definition.
    pub definition: TaskDefinitionKey,
    /// What is changed of it.
    pub overrides: Option<Box<Overrides>>,
    /// The interface, in awsvpc mode.
    pub interface: Option<InterfaceWish>,
    /// Tasks of one purpose.
    pub group: String,
    /// Who starts it.
    pub started_by: Option<Name>,
    /// Its tags.
    pub tags: Tags,
    /// Whether its containers wait for their logs, where the definition says nothing of it.
    pub blocking_logs: bool,
}

/// The tag by which ECS says which cluster a task belongs to.
const CLUSTER_TAG: &str = "aws:ecs:clusterName";
/// How the groups begin that ECS itself makes.
const RESERVED_GROUPS: [&str; 2] = ["family:", "service:"];

impl Launch {
    /// Refuses texts that are longer than they may be.
    pub(crate) fn check_texts(&self, limits: Limits) -> Result<(), Refusal> {
        check_length(self.started_by.as_ref(), "startedBy", limits.started_by)?;
        check_length(self.group.as_ref(), "group", 255)?;
        check_length(self.reference_id.as_ref(), "referenceId", 1024)
    }

    /// The definition that is meant, if it may be run.
    pub(crate) fn find<'a>(&self, state: &'a State, caller: &Caller) -> Result<&'a TaskDefinition, Refusal> {
        let found = refer::definition(&caller.scope, &self.definition)?.find(state, &caller.scope);
        let definition = found.ok_or(Refusal::DefinitionNotFound)?;
        if definition.status == DefinitionStatus::Active {
            Ok(definition)
        } else {
            Err(Refusal::DefinitionInactive)
        }
    }

    /// What the tasks will be made from. `launch_type` is missing where the machine decides it.
    pub(crate) fn pattern(
        self,
        (state, caller): (&State, &Caller),
        cluster: &ClusterKey,
        definition: &TaskDefinition,
        launch_type: Option<LaunchType>,
        limits: Limits,
    ) -> Result<Pattern, Refusal> {
        let interface = checks::interface(definition, caller, self.network.as_ref())?;
        let tags = self.all_tags(cluster, definition)?;
        let group = group(self.group, definition)?;
        let overrides = overrides::check(self.overrides, definition, launch_type).map_err(Refusal::Launch)?;
        checks::built(
            &effective(overrides.as_deref(), definition),
            &self.unbuilt,
            limits.operation,
        )?;
        Ok(Pattern {
            blocking_logs: settings::blocking_logs(state, caller),
            definition: definition.key.clone(),
            overrides,
            interface,
            group,
            started_by: self.started_by.as_deref().map(Name::new),
            tags,
        })
    }

    /// The user's tags, those of the definition if they are asked for, and ECS's own. The user's count first.
    fn all_tags(&self, cluster: &ClusterKey, definition: &TaskDefinition) -> Result<Tags, Refusal> {
        let mut tags = Tags::new(self.tags.clone()).map_err(Refusal::Tags)?;
        match self.propagate_tags.as_deref() {
            None | Some("NONE") => {}
            Some("TASK_DEFINITION") => tags = definition.tags.with(&tags).map_err(Refusal::Tags)?,
            Some(word) => return Err(Refusal::Launch(LaunchFault::PropagateTags(word.to_owned()))),
        }
        if self.managed_tags {
            tags.manage(CLUSTER_TAG, cluster.name.as_str());
        }
        Ok(tags)
    }
}

/// The group that is meant: that of the family if nothing is said. Others cannot look like one of ECS's own.
fn group(wish: Option<String>, definition: &TaskDefinition) -> Result<String, Refusal> {
    let usual = format!("family:{}", definition.key.family);
    match wish.filter(|group| !group.is_empty()) {
        None => Ok(usual),
        Some(group) if group != usual && RESERVED_GROUPS.iter().any(|prefix| group.starts_with(prefix)) => {
            Err(Refusal::Launch(LaunchFault::GroupReserved(group)))
        }
        Some(group) => Ok(group),
    }
}
