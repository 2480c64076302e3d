//! Which tasks there are, in the orders in which lists ask for them: by machine, by family and by who started them, each
//! for tasks that shall run and for those that shall not. So a list of few tasks looks at few, however many there are.
//!
//! It follows from the tasks alone. Clusters without tasks have no row, so that equal facts have an equal roster.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{ClusterKey, FamilyName, LaunchType, Task, TaskStatus};
use crate::kernel::ids::{InstanceId, TaskId};
use crate::kernel::names::Name;

/// The tasks of all clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    clusters: BTreeMap<ClusterKey, Sides>,
}

/// The tasks of one cluster: those that shall run and those that shall not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sides {
    running: Lists,
    stopped: Lists,
}

/// Tasks in several orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lists {
    by_instance: BTreeSet<(InstanceId, TaskId)>,
    by_family: Few<FamilyName>,
    by_starter: BTreeSet<(Name, TaskId)>,
    by_launch_type: Few<LaunchType>,
}

/// Tasks by what far fewer there are of than tasks.
type Few<K> = BTreeMap<K, BTreeSet<TaskId>>;

/// What a list can be narrowed to without looking at every task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// The machine.
    Instance(InstanceId),
    /// The family of the definition.
    Family(FamilyName),
    /// Who started them.
    StartedBy(Name),
    /// What capacity they run on.
    LaunchType(LaunchType),
}

impl Narrow {
    /// Whether `task` is among them.
    #[must_use]
    pub fn fits(&self, task: &Task) -> bool {
        match self {
            Self::Instance(id) => task.instance == *id,
            Self::Family(name) => task.family == *name,
            Self::StartedBy(who) => task.started_by.as_ref() == Some(who),
            Self::LaunchType(launch_type) => task.launch_type == *launch_type,
        }
    }
}

impl Roster {
    /// The tasks of `cluster` from the id `first` on that fit (all of them, if nothing narrows the list), in the order of
    /// their ids.
    pub fn tasks<'a>(
        &'a self,
        cluster: &ClusterKey,
        stopped: bool,
        narrow: Option<&Narrow>,
        first: TaskId,
    ) -> Box<dyn Iterator<Item = TaskId> + 'a> {
        let Some(sides) = self.clusters.get(cluster) else {
            return Box::new(std::iter::empty());
        };
        let lists = if stopped { &sides.stopped } else { &sides.running };
        match narrow {
            Some(Narrow::Instance(id)) => range(&lists.by_instance, id, first),
            Some(Narrow::Family(name)) => ids(&lists.by_family, name, first),
            Some(Narrow::StartedBy(who)) => range(&lists.by_starter, who, first),
            Some(Narrow::LaunchType(launch_type)) => ids(&lists.by_launch_type, launch_type, first),
            None => lists.all(first),
        }
    }

    /// A task came, changed or went. Most changes leave it where it is.
    pub(crate) fn change(&mut self, old: Option<&Task>, new: Option<&Task>) {
        if old.map(place) != new.map(place) {
            old.into_iter().for_each(|task| self.remove(task));
            new.into_iter().for_each(|task| self.add(task));
        }
    }

    fn add(&mut self, task: &Task) {
        let id = task.key.id;
        let lists = self.clusters.entry(task.key.cluster_key()).or_default().side(task);
        lists.by_instance.insert((task.instance, id));
        lists.by_family.entry(task.family.clone()).or_default().insert(id);
        lists.by_starter.extend(task.started_by.clone().map(|who| (who, id)));
        lists.by_launch_type.entry(task.launch_type).or_default().insert(id);
    }

    fn remove(&mut self, task: &Task) {
        let (key, id) = (task.key.cluster_key(), task.key.id);
        let Some(sides) = self.clusters.get_mut(&key) else {
            return;
        };
        let lists = sides.side(task);
        lists.by_instance.remove(&(task.instance, id));
        remove(&mut lists.by_family, &task.family, id);
        if let Some(who) = &task.started_by {
            lists.by_starter.remove(&(who.clone(), id));
        }
        remove(&mut lists.by_launch_type, &task.launch_type, id);
        if *sides == Sides::default() {
            self.clusters.remove(&key);
        }
    }
}

/// By what a task stands in the lists. Its key never changes.
fn place(task: &Task) -> (bool, InstanceId, &FamilyName, Option<&Name>) {
    let stopped = task.desired_status == TaskStatus::Stopped;
    (stopped, task.instance, &task.family, task.started_by.as_ref())
}

impl Sides {
    fn side(&mut self, task: &Task) -> &mut Lists {
        if task.desired_status == TaskStatus::Stopped {
            &mut self.stopped
        } else {
            &mut self.running
        }
    }
}

impl Lists {
    /// All tasks, merged from those of each launch type: a list of all would say the same a second time.
    fn all(&self, first: TaskId) -> Box<dyn Iterator<Item = TaskId> + '_> {
        let mut types = LaunchType::ALL.map(|launch_type| ids(&self.by_launch_type, &launch_type, first).peekable());
        Box::new(std::iter::from_fn(move || {
            let heads = types.iter_mut().filter_map(|ids| Some((*ids.peek()?, ids)));
            heads.min_by_key(|(id, _)| *id).and_then(|(_, ids)| ids.next())
        }))
    }
}

fn range<'a, K: Ord + Clone>(
    set: &'a BTreeSet<(K, TaskId)>,
    key: &K,
    first: TaskId,
) -> Box<dyn Iterator<Item = TaskId> + 'a> {
    let whole = (key.clone(), first)..=(key.clone(), TaskId(u128::MAX));
    Box::new(set.range(whole).map(|(_, id)| *id))
}

fn ids<'a, K: Ord>(few: &'a Few<K>, key: &K, first: TaskId) -> Box<dyn Iterator<Item = TaskId> + 'a> {
    let ids = few.get(key).into_iter().flat_map(move |ids| ids.range(first..));
    Box::new(ids.copied())
}

fn remove<K: Ord>(few: &mut Few<K>, key: &K, id: TaskId) {
    if let Some(ids) = few.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            few.remove(key);
        }
    }
}
