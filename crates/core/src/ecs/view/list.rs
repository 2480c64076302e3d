//! The List operations: pages of ARNs or names, in the order of their keys.

use super::describe::Facts;
use super::past::{Listed, Past};
use super::{Page, Reply};
use crate::ecs::model::{
    ClusterKey, ClusterName, ClusterStatus, ContainerInstance, DefinitionStatus, FamilyName, InstanceStatus,
    LaunchType, Task, TaskDefinition, TaskStatus,
};
use crate::ecs::place::expression::{self, Query};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::roster::Narrow;
use crate::ecs::state::State;
use crate::kernel::Scope;
use crate::kernel::ids::{InstanceId, TaskId};
use crate::kernel::names::Name;

/// The most entries of a page, unless the list says otherwise.
pub(super) const MOST: i64 = 100;

/// Which page is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageWish {
    /// The most entries, 1 to 100; 100 if nothing is said.
    pub limit: Option<i64>,
    /// The last entry of the page before.
    pub after: Option<String>,
}

/// The direction of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// An entry of a list with its place in the order: pages go on after a place, also when the entry there is gone.
pub(super) struct Entry<T> {
    pub(super) place: String,
    pub(super) item: T,
}

impl Entry<String> {
    fn plain(item: String) -> Self {
        Self {
            place: item.clone(),
            item,
        }
    }
}

impl PageWish {
    /// Cuts the page out of all entries, which come in the order of their places.
    fn cut(&self, order: Order, all: impl Iterator<Item = Entry<String>>) -> Result<Reply, Refusal> {
        let (items, next) = self.slice(MOST, order, all)?;
        Ok(Reply::Page(Page { items, next }))
    }

    /// The entries of the page, and where it ends if there is another one. A page has at most `most` entries.
    pub(super) fn slice<T>(
        &self,
        most: i64,
        order: Order,
        all: impl Iterator<Item = Entry<T>>,
    ) -> Result<(Vec<T>, Option<String>), Refusal> {
        let limit = self.limit(most)?;
        let before = |entry: &Entry<T>| match (&self.after, order) {
            (None, _) => false,
            (Some(after), Order::Ascending) => entry.place <= *after,
            (Some(after), Order::Descending) => entry.place >= *after,
        };
        let mut rest = all.skip_while(before).peekable();
        let (mut items, mut last) = (Vec::new(), None);
        for entry in rest.by_ref().take(limit) {
            items.push(entry.item);
            last = Some(entry.place);
        }
        Ok((items, rest.peek().and(last)))
    }

    /// How many entries the page may have, at most `most`.
    fn limit(&self, most: i64) -> Result<usize, Refusal> {
        let limit = Some(self.limit.unwrap_or(most)).filter(|limit| (1..=most).contains(limit));
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        limit.ok_or(Refusal::OutOfRange {
            member: "maxResults",
            least: 1,
            most,
        })
    }
}

/// Which task definitions are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionFilter {
    /// The family (its whole name).
    pub family: Option<String>,
    /// Its status; ACTIVE if nothing is said.
    pub status: Option<DefinitionStatus>,
    /// Newest first.
    pub descending: bool,
}

/// Which families are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyFilter {
    /// How its name begins.
    pub prefix: Option<String>,
    /// Families with an active revision, with none, or all (`None`).
    pub active: Option<bool>,
}

/// Which container instances are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Their status; all but INACTIVE if nothing is said.
    pub status: Option<StatusWish>,
    /// An expression that holds for them.
    pub query: Option<Query>,
}

/// A status by which container instances are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusWish {
    /// One that instances have.
    Known(InstanceStatus),
    /// REGISTERING, DEREGISTERING or REGISTRATION_FAILED, through which instances go while AWS prepares their trunk
    /// interface. Here they join and leave at once.
    Passing,
}

impl StatusWish {
    /// The wish with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "REGISTERING" | "DEREGISTERING" | "REGISTRATION_FAILED" => Some(Self::Passing),
            word => InstanceStatus::from_word(word).map(Self::Known),
        }
    }
}

/// Which tasks are wanted. All that is said must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// The family of their definition.
    pub family: Option<String>,
    /// The instance that they are on.
    pub instance: Option<String>,
    /// What capacity they run on.
    pub launch_type: Option<LaunchType>,
    /// Where they shall be; RUNNING if nothing is said.
    pub desired_status: Option<TaskStatus>,
    /// Who started them.
    pub started_by: Option<String>,
    /// The service that they belong to.
    pub service: Option<String>,
    /// The daemon that they belong to.
    pub daemon: Option<String>,
}

/// ListClusters.
///
/// # Errors
/// A page that does not exist.
pub fn clusters(state: &State, scope: &Scope, page: &PageWish) -> Result<Reply, Refusal> {
    let after = page
        .after
        .as_deref()
        .and_then(|arn| refer::cluster(scope, Some(arn)).ok());
    let first = after.map_or_else(ClusterName::first, |key| key.name);
    let active = state
        .clusters_of(scope, first)
        .filter(|cluster| cluster.status == ClusterStatus::Active);
    page.cut(
        Order::Ascending,
        active.map(|cluster| Entry::plain(cluster.key.arn().to_string())),
    )
}

/// ListTaskDefinitions.
///
/// # Errors
/// A page that does not exist.
pub fn definitions(state: &State, scope: &Scope, filter: &DefinitionFilter, page: &PageWish) -> Result<Reply, Refusal> {
    let status = filter.status.unwrap_or(DefinitionStatus::Active);
    let (mut first, mut last) = ((FamilyName::first(), 0), (FamilyName::last(), u32::MAX));
    if let Some(family) = &filter.family {
        let family: FamilyName = FamilyName::from_prefix(family);
        (first, last) = ((family.clone(), 0), (family, u32::MAX));
    }
    // Pages go on where the one before ended; its last entry is skipped when the page is cut.
    match page.after.as_deref().and_then(definition_place) {
        Some(after) if filter.descending => last = last.min(after),
        Some(after) => first = first.max(after),
        None => {}
    }
    let revisions = state.definitions_of(scope, first, last);
    let entry = |definition: &TaskDefinition| {
        let key = &definition.key;
        Entry {
            // The separator sorts before all characters of names, so that `web` comes before `web-a` here too.
            place: format!("{} {:010}", key.family, key.revision),
            item: key.arn().to_string(),
        }
    };
    let fitting = revisions.filter(|definition| definition.status == status).map(entry);
    if filter.descending {
        page.cut(Order::Descending, fitting.rev())
    } else {
        page.cut(Order::Ascending, fitting)
    }
}

/// The family and revision of a place in the list of task definitions.
fn definition_place(text: &str) -> Option<(FamilyName, u32)> {
    let (family, revision) = text.split_once(' ')?;
    Some((family.parse().ok()?, revision.parse().ok()?))
}

/// ListTaskDefinitionFamilies.
///
/// # Errors
/// A page that does not exist.
pub fn families(state: &State, scope: &Scope, filter: &FamilyFilter, page: &PageWish) -> Result<Reply, Refusal> {
    let prefix = filter.prefix.as_deref().unwrap_or_default();
    let begin = FamilyName::from_prefix(prefix.max(page.after.as_deref().unwrap_or_default()));
    let families = state.families_of(scope, begin).map(|family| &family.key.name);
    let families = families.take_while(|name| name.as_str().starts_with(prefix));
    // The family itself stays for its number when all its revisions were deleted.
    let exists = |name: &&FamilyName| state.revisions(scope, name).next().is_some();
    let status = |name: &&FamilyName| {
        let active = || state.newest_active(scope, name).is_some();
        filter.active.is_none_or(|wanted| active() == wanted)
    };
    page.cut(
        Order::Ascending,
        families
            .filter(exists)
            .filter(status)
            .map(|name| Entry::plain(name.as_str().to_owned())),
    )
}

/// ListContainerInstances.
///
/// # Errors
/// No such cluster, or a page that does not exist.
pub fn instances(
    facts: &Facts<'_>,
    scope: &Scope,
    cluster: Option<&str>,
    filter: &InstanceFilter,
    page: &PageWish,
) -> Result<Reply, Refusal> {
    let state = facts.ecs;
    let cluster = &refer::active_cluster(state, scope, cluster)?.key;
    let stands = |instance: &&ContainerInstance| match filter.status {
        None => instance.is_registered(),
        Some(StatusWish::Known(status)) => instance.status == status,
        Some(StatusWish::Passing) => false,
    };
    let meant = |instance: &&ContainerInstance| {
        let query = filter.query.as_ref();
        query.is_none_or(|query| query.matches(&expression::Facts::of(state, facts.connected, instance)))
    };
    let first = page.after.as_deref().and_then(|arn| refer::instance(cluster, arn).ok());
    let all = state.instances_of(cluster, first.map_or(InstanceId(0), |key| key.id));
    let fitting = all.filter(stands).filter(meant);
    page.cut(
        Order::Ascending,
        fitting.map(|instance| Entry::plain(instance.key.arn().to_string())),
    )
}

/// Which tasks are wanted, once what was said is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TaskFits {
    /// What has an index, the most selective first.
    narrow: Vec<Narrow>,
    desired: TaskStatus,
}

impl TaskFits {
    /// All tasks that should run.
    #[cfg(test)]
    pub(super) fn anything() -> Self {
        Self {
            narrow: Vec::new(),
            desired: TaskStatus::Running,
        }
    }

    fn new(cluster: &ClusterKey, filter: &TaskFilter) -> Result<Self, Refusal> {
        let mut narrow = Vec::new();
        if let Some(text) = &filter.instance {
            narrow.push(Narrow::Instance(refer::instance(cluster, text)?.id));
        }
        let starter = filter.started_by.as_deref();
        narrow.extend(starter.map(|who| Narrow::StartedBy(Name::new(who))));
        if let Some(family) = &filter.family {
            let name = family.parse().map_err(|_| Refusal::Identifier(family.clone()))?;
            narrow.push(Narrow::Family(name));
        }
        narrow.extend(filter.launch_type.map(Narrow::LaunchType));
        Ok(Self {
            narrow,
            desired: filter.desired_status.unwrap_or(TaskStatus::Running),
        })
    }

    /// The tasks of the state among which are those that fit: few if few fit and an index knows them.
    fn candidates<'a>(
        &self,
        state: &'a State,
        cluster: &ClusterKey,
        first: TaskId,
    ) -> impl Iterator<Item = &'a Task> + use<'a> {
        let stopped = self.desired == TaskStatus::Stopped;
        state.narrowed(cluster, stopped, self.narrow.first(), first)
    }

    pub(super) fn fits(&self, task: &Task) -> bool {
        task.desired_status == self.desired && self.narrow.iter().all(|narrow| narrow.fits(task))
    }
}

/// ListTasks. Of tasks that should be stopped the history may know more.
///
/// # Errors
/// No such cluster, no such instance, filters that exclude each other, or a page that does not exist.
pub fn tasks(
    state: &State,
    scope: &Scope,
    cluster: Option<&str>,
    filter: &TaskFilter,
    page: &PageWish,
) -> Result<Reply, Refusal> {
    let cluster = &refer::active_cluster(state, scope, cluster)?.key;
    filter.check()?;
    let fits = TaskFits::new(cluster, filter)?;
    let after = page.after.as_deref().and_then(|arn| refer::task(cluster, arn).ok());
    let after = after.map(|key| key.id);
    let all = fits.candidates(state, cluster, after.unwrap_or(TaskId(0)));
    let all = all.filter(|task| fits.fits(task));
    if fits.desired != TaskStatus::Stopped {
        return page.cut(
            Order::Ascending,
            all.map(|task| Entry::plain(task.key.arn().to_string())),
        );
    }
    let limit = page.limit(MOST)?;
    let behind = all.map(|task| task.key.id).filter(|id| Some(*id) != after);
    let here = behind.take(limit + 1).collect();
    Ok(Reply::Past(Box::new(Past::Listed(Listed {
        cluster: cluster.clone(),
        after,
        fits,
        limit,
        here,
    }))))
}

impl TaskFilter {
    /// Filters that exclude each other, and names of what no task can belong to yet.
    fn check(&self) -> Result<(), Refusal> {
        let others = [&self.family, &self.instance, &self.service, &self.daemon];
        let others = self.launch_type.is_some() || others.into_iter().any(Option::is_some);
        if self.started_by.is_some() && others {
            return Err(Refusal::StartedByAndOthers);
        }
        if self.service.is_some() {
            return Err(Refusal::ServiceNotFound);
        }
        if self.daemon.is_some() {
            return Err(Refusal::DaemonNotFound);
        }
        Ok(())
    }
}
