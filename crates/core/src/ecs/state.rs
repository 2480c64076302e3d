//! The tables of ECS and what is derived from them. Numbers that can be derived are indices here, never fields of entities.

use std::collections::{BTreeMap, BTreeSet};

use super::counts::Counts;
use super::model::task_definition::{Family, FamilyKey};
use super::model::{
    AccountSetting, ClientToken, ClientTokenKey, Cluster, ClusterKey, ClusterName, ClusterStatus, ContainerInstance,
    InstanceKey, Task, TaskDefinition, TaskStatus,
};
use super::model::{FamilyName, TaskDefinitionKey, TaskKey};
use super::place::index::Index;
use super::revisions::Revisions;
use super::roster::{Narrow, Roster};
use crate::kernel::ids::{InstanceId, TaskId, Uuid};
use crate::kernel::shared::Shared;
use crate::kernel::{Edit, Scope, Table, Timestamp};

/// A change of the facts of ECS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A cluster.
    Cluster(Edit<Cluster>),
    /// A family of task definitions.
    Family(Edit<Family>),
    /// A task definition.
    TaskDefinition(Edit<TaskDefinition>),
    /// A container instance.
    Instance(Edit<ContainerInstance>),
    /// A task.
    Task(Edit<Task>),
    /// A remembered client token.
    ClientToken(Edit<ClientToken>),
    /// An account setting.
    Setting(Edit<AccountSetting>),
}

/// The facts of ECS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    clusters: Table<Cluster>,
    families: Table<Family>,
    definitions: Table<TaskDefinition>,
    instances: Table<ContainerInstance>,
    tasks: Table<Task>,
    tokens: Table<ClientToken>,
    settings: Table<AccountSetting>,
    index: Index,
    roster: Roster,
    counts: BTreeMap<ClusterKey, Counts>,
    registrations: BTreeSet<(ClusterKey, String, InstanceId)>,
    ended: BTreeSet<(Timestamp, TaskKey)>,
    /// The tasks that are not over, by the attachments of their interfaces.
    attachments: BTreeMap<(Scope, Uuid), TaskKey>,
    /// The tasks that wait for their interfaces and shall run, by when they were made.
    provisioning: BTreeSet<(Timestamp, TaskKey)>,
    left: BTreeSet<(Timestamp, InstanceKey)>,
    revisions: Revisions,
    deleted: BTreeSet<(Timestamp, ClusterKey)>,
    remembered: BTreeSet<(Timestamp, ClientTokenKey)>,
    shared: Shared,
}

impl State {
    /// Applies `change`: total, and the only way in which facts change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Cluster(edit) => self.apply_cluster(edit),
            Change::Family(edit) => drop(self.families.apply(edit)),
            Change::TaskDefinition(edit) => self.apply_definition(edit),
            Change::Instance(edit) => self.apply_instance(edit),
            Change::Task(edit) => self.apply_task(edit),
            Change::ClientToken(edit) => self.apply_token(edit),
            Change::Setting(edit) => drop(self.settings.apply(edit)),
        }
    }

    fn apply_definition(&mut self, edit: Edit<TaskDefinition>) {
        let key = edit.key().clone();
        let old = self.definitions.apply(edit);
        self.revisions.set(&key, old.as_ref(), self.definitions.get(&key));
    }

    fn apply_cluster(&mut self, edit: Edit<Cluster>) {
        let key = edit.key().clone();
        if let Some(old) = self.clusters.apply(edit).as_ref().and_then(deleted) {
            self.deleted.remove(&old);
        }
        self.deleted.extend(self.clusters.get(&key).and_then(deleted));
    }

    fn apply_instance(&mut self, edit: Edit<ContainerInstance>) {
        let key = edit.key().clone();
        let old = self.instances.apply(edit);
        let new = self.instances.get(&key);
        let cluster = key.cluster_key();
        let registered = |instance: &&ContainerInstance| instance.is_registered();
        let registration = |instance: &ContainerInstance| {
            let token = instance.client_token.clone().filter(|_| instance.is_registered())?;
            Some((cluster.clone(), token, key.id))
        };
        if let Some(old) = old.as_ref().and_then(registration) {
            self.registrations.remove(&old);
        }
        self.registrations.extend(new.and_then(registration));
        count(&mut self.counts, &cluster, |counts| {
            counts.instances -= usize::from(old.as_ref().filter(registered).is_some());
            counts.instances += usize::from(new.filter(registered).is_some());
        });
        if let Some(old) = old.as_ref().and_then(left) {
            self.left.remove(&old);
        }
        self.left.extend(new.and_then(left));
        self.index.set_instance(&key, new);
    }

    fn apply_task(&mut self, mut edit: Edit<Task>) {
        if let Edit::Put(task) = &mut edit {
            task.share(&mut self.shared);
        }
        let key = edit.key().clone();
        let old = self.tasks.apply(edit);
        let new = self.tasks.get(&key);
        self.roster.change(old.as_ref(), new);
        let ended = |task: &Task| Some((task.times.stopped_at?, key.clone()));
        if let Some(old) = old.as_ref().and_then(ended) {
            self.ended.remove(&old);
        }
        self.ended.extend(new.and_then(ended));
        if let Some(old) = old.as_ref().and_then(provisioning) {
            self.provisioning.remove(&old);
        }
        self.provisioning.extend(new.and_then(provisioning));
        let attachment = |task: &Task| {
            let interface = task.interface.filter(|_| !task.is_stopped())?;
            Some((key.scope.clone(), interface.attachment))
        };
        let (attached, attaches) = (old.as_ref().and_then(attachment), new.and_then(attachment));
        if attached != attaches {
            attached.iter().for_each(|old| drop(self.attachments.remove(old)));
            self.attachments.extend(attaches.map(|new| (new, key.clone())));
        }
        count(&mut self.counts, &key.cluster_key(), |counts| {
            old.iter().for_each(|task| counts.shift(task, false));
            new.iter().for_each(|task| counts.shift(task, true));
        });
        if let Some(old) = &old {
            let definition = self.definitions.get(&old.definition_key());
            self.index.remove_task(old, definition);
            if new.is_none() {
                self.revisions.task_went(&old.definition_key(), definition);
            }
        }
        if let Some(new) = new {
            let definition = self.definitions.get(&new.definition_key());
            self.index.add_task(new, definition);
            if old.is_none() {
                self.revisions.task_came(&new.definition_key(), definition);
            }
        }
    }

    fn apply_token(&mut self, edit: Edit<ClientToken>) {
        let key = edit.key().clone();
        if let Some(old) = self.tokens.apply(edit) {
            self.remembered.remove(&(old.used_at, key.clone()));
        }
        if let Some(new) = self.tokens.get(&key) {
            self.remembered.insert((new.used_at, key));
        }
    }

    /// The clusters.
    #[must_use]
    pub fn clusters(&self) -> &Table<Cluster> {
        &self.clusters
    }

    /// The families.
    #[must_use]
    pub fn families(&self) -> &Table<Family> {
        &self.families
    }

    /// The task definitions.
    #[must_use]
    pub fn definitions(&self) -> &Table<TaskDefinition> {
        &self.definitions
    }

    /// The container instances.
    #[must_use]
    pub fn instances(&self) -> &Table<ContainerInstance> {
        &self.instances
    }

    /// The tasks.
    #[must_use]
    pub fn tasks(&self) -> &Table<Task> {
        &self.tasks
    }

    /// The client tokens that are remembered.
    #[must_use]
    pub fn tokens(&self) -> &Table<ClientToken> {
        &self.tokens
    }

    /// The account settings that somebody has made.
    #[must_use]
    pub fn settings(&self) -> &Table<AccountSetting> {
        &self.settings
    }

    /// What the machines have left, and which tasks stand on them.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// An agent counts as connected from now on, or does not any more. This is seen, not stored, and no part of what two states
    /// equal.
    pub(crate) fn set_connected(&mut self, key: &InstanceKey, connected: bool) {
        self.index.set_connected(key, connected);
    }

    /// How much there is in `cluster`.
    #[must_use]
    pub fn counts(&self, cluster: &ClusterKey) -> Counts {
        self.counts.get(cluster).copied().unwrap_or_default()
    }

    /// The instance that registered with `token` in `cluster`, unless it was deregistered since.
    #[must_use]
    pub fn registered_with(&self, cluster: &ClusterKey, token: &str) -> Option<InstanceId> {
        let key = |id| (cluster.clone(), token.to_owned(), id);
        let found = self
            .registrations
            .range(key(InstanceId(0))..=key(InstanceId(u128::MAX)))
            .next();
        found.map(|(_, _, id)| *id)
    }

    /// The tasks that wait for their interfaces and shall run, in the order in which they were made.
    pub fn provisioning(&self) -> impl Iterator<Item = &(Timestamp, TaskKey)> {
        self.provisioning.iter()
    }

    /// The tasks that are over, and when they ended, in this order.
    pub fn ended(&self) -> impl Iterator<Item = &(Timestamp, TaskKey)> {
        self.ended.iter()
    }

    /// The task to whose interface an attachment belongs, until the task is over.
    #[must_use]
    pub fn attached_to(&self, scope: &Scope, attachment: Uuid) -> Option<&TaskKey> {
        self.attachments.get(&(scope.clone(), attachment))
    }

    /// The machine that was deregistered first among those without tasks, and when.
    #[must_use]
    pub fn first_left(&self) -> Option<&(Timestamp, InstanceKey)> {
        let leaving = self.index.leaving();
        self.left.iter().find(|(_, key)| !leaving.contains(key))
    }

    /// The cluster that was deleted first, and when.
    #[must_use]
    pub fn first_deleted(&self) -> Option<&(Timestamp, ClusterKey)> {
        self.deleted.first()
    }

    /// The client token that was used first, and when.
    #[must_use]
    pub fn first_remembered(&self) -> Option<&(Timestamp, ClientTokenKey)> {
        self.remembered.first()
    }

    /// The clusters of `scope` from the name `first` on, in the order of their names.
    pub fn clusters_of(&self, scope: &Scope, first: ClusterName) -> impl Iterator<Item = &Cluster> + use<'_> {
        let key = |name| ClusterKey {
            scope: scope.clone(),
            name,
        };
        self.clusters.range(key(first)..=key(ClusterName::last()))
    }

    /// The tasks of `cluster` from the id `first` on, in the order of their ids.
    pub fn tasks_of(&self, cluster: &ClusterKey, first: TaskId) -> impl Iterator<Item = &Task> + use<'_> {
        let key = |id| TaskKey {
            scope: cluster.scope.clone(),
            cluster: cluster.name.clone(),
            id,
        };
        self.tasks.range(key(first)..=key(TaskId(u128::MAX)))
    }

    /// The tasks of `cluster` that fit `narrow` from the id `first` on, in the order of their ids: those that shall stop or
    /// have stopped, or the others.
    pub fn narrowed<'a>(
        &'a self,
        cluster: &ClusterKey,
        stopped: bool,
        narrow: Option<&Narrow>,
        first: TaskId,
    ) -> impl Iterator<Item = &'a Task> + use<'a> {
        let ClusterKey { scope, name } = cluster.clone();
        let ids = self.roster.tasks(cluster, stopped, narrow, first);
        ids.filter_map(move |id| {
            let (scope, cluster) = (scope.clone(), name.clone());
            self.tasks.get(&TaskKey { scope, cluster, id })
        })
    }

    /// The instances of `cluster` from the id `first` on, in the order of their ids.
    pub fn instances_of(
        &self,
        cluster: &ClusterKey,
        first: InstanceId,
    ) -> impl Iterator<Item = &ContainerInstance> + use<'_> {
        let key = |id| InstanceKey {
            scope: cluster.scope.clone(),
            cluster: cluster.name.clone(),
            id,
        };
        self.instances.range(key(first)..=key(InstanceId(u128::MAX)))
    }

    /// The task `id` in the cluster of `instance`.
    #[must_use]
    pub fn task_on(&self, instance: &InstanceKey, id: TaskId) -> Option<&Task> {
        self.tasks.get(&TaskKey {
            scope: instance.scope.clone(),
            cluster: instance.cluster.clone(),
            id,
        })
    }

    /// The revisions of a family, oldest first.
    pub fn revisions(
        &self,
        scope: &Scope,
        family: &FamilyName,
    ) -> impl DoubleEndedIterator<Item = &TaskDefinition> + use<'_> {
        let key = |revision| TaskDefinitionKey {
            scope: scope.clone(),
            family: family.clone(),
            revision,
        };
        self.definitions.range(key(0)..=key(u32::MAX))
    }

    /// The newest revision of a family that new tasks may use.
    #[must_use]
    pub fn newest_active(&self, scope: &Scope, family: &FamilyName) -> Option<&TaskDefinition> {
        self.definitions.get(self.revisions.newest_active(scope, family)?)
    }

    /// The definition that is to be deleted for the longest time among those to which no task refers, and since when.
    #[must_use]
    pub fn first_unused(&self) -> Option<&(Timestamp, TaskDefinitionKey)> {
        self.revisions.first_unused()
    }

    /// The families of `scope` from the name `first` on, in the order of their names.
    pub fn families_of(&self, scope: &Scope, first: FamilyName) -> impl Iterator<Item = &Family> + use<'_> {
        let key = |name| FamilyKey {
            scope: scope.clone(),
            name,
        };
        self.families.range(key(first)..=key(FamilyName::last()))
    }

    /// The task definitions of `scope` between two places, both with their ends.
    pub fn definitions_of(
        &self,
        scope: &Scope,
        first: (FamilyName, u32),
        last: (FamilyName, u32),
    ) -> impl DoubleEndedIterator<Item = &TaskDefinition> + use<'_> {
        let key = |(family, revision)| TaskDefinitionKey {
            scope: scope.clone(),
            family,
            revision,
        };
        let (first, last) = (key(first), key(last));
        // A range that ends before it begins holds nothing.
        let keys = (first <= last).then_some(first..=last);
        keys.into_iter().flat_map(|keys| self.definitions.range(keys))
    }

    /// The number that the next revision of a family gets.
    #[must_use]
    pub fn next_revision(&self, key: &FamilyKey) -> u32 {
        self.families
            .get(key)
            .map_or(1, |family| family.newest.saturating_add(1))
    }
}

/// When a machine left, and which. One that an older version let go is taken to have left when it came.
fn left(instance: &ContainerInstance) -> Option<(Timestamp, InstanceKey)> {
    let at = instance.deregistered_at.unwrap_or(instance.registered_at);
    (!instance.is_registered()).then(|| (at, instance.key.clone()))
}

/// When a cluster was deleted, and which. One that an older version deleted is taken to be gone since it was made.
fn deleted(cluster: &Cluster) -> Option<(Timestamp, ClusterKey)> {
    let at = cluster.deleted_at.unwrap_or(cluster.created_at);
    (cluster.status == ClusterStatus::Inactive).then(|| (at, cluster.key.clone()))
}

/// When the task was made, if it waits for its interface and shall run.
fn provisioning(task: &Task) -> Option<(Timestamp, TaskKey)> {
    let waits = task.last_status == TaskStatus::Provisioning && task.desired_status != TaskStatus::Stopped;
    waits.then(|| (task.times.created_at, task.key.clone()))
}

/// Changes the counts of a cluster. Counts that are all zero have no row, so that equal facts have equal indices.
fn count(all: &mut BTreeMap<ClusterKey, Counts>, cluster: &ClusterKey, change: impl FnOnce(&mut Counts)) {
    let counts = all.entry(cluster.clone()).or_default();
    change(counts);
    if *counts == Counts::default() {
        all.remove(cluster);
    }
}
