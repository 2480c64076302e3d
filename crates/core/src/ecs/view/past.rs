//! Answers about tasks that may have left the state: what to ask the history for, and how its answer completes ours.
//!
//! A task leaves the state a while after it stopped ([`crate::control`]), and only once the history has it. The state is
//! looked at first and the history after it: a task that moves meanwhile is found in both, never in neither.
//!
//! It does not read the history: a shell does, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::list::TaskFits;
use super::{Page, Reply, TaskView};
use crate::ecs::model::{ClusterKey, TaskKey};
use crate::ecs::place::Failure;
use crate::ecs::refusal::{Refusal, Untaggable};
use crate::kernel::ids::TaskId;

/// An answer that the history completes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// One about tasks that are named.
    Named(Named),
    /// A page of a list.
    Listed(Listed),
}

/// An answer about tasks that are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    slots: Vec<Slot>,
    failures: Vec<Failure>,
    shape: Shape,
}

/// A task that an answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a slot is one of a hundred of one answer")]
enum Slot {
    /// The state has it.
    Here(TaskView),
    /// The state does not have it; what is said if the history does not either.
    Gone(TaskKey, Failure),
}

/// What the caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One task, or that there is none.
    Task,
    /// Tasks and failures.
    Tasks,
    /// The tags of one task, or that there is none.
    Tags,
    /// Why the tags of one task were not changed: it is over, or there is none.
    Retagged,
}

impl Named {
    /// An answer about tasks, so far with these failures.
    pub(super) fn tasks(failures: Vec<Failure>) -> Self {
        Self {
            slots: Vec::new(),
            failures,
            shape: Shape::Tasks,
        }
    }

    /// An answer about the task `key`, which the state does not have.
    pub(super) fn task(key: TaskKey) -> Self {
        Self::one(key, Shape::Task)
    }

    /// The tags of the task `key`, which the state does not have.
    pub(super) fn tags(key: TaskKey) -> Self {
        Self::one(key, Shape::Tags)
    }

    /// Why the tags of the task `key` were not changed, which the state does not have.
    pub(super) fn retagged(key: TaskKey) -> Self {
        Self::one(key, Shape::Retagged)
    }

    fn one(key: TaskKey, shape: Shape) -> Self {
        let failure = Failure {
            arn: None,
            reason: String::new(),
        };
        Self {
            slots: vec![Slot::Gone(key, failure)],
            failures: Vec::new(),
            shape,
        }
    }

    pub(super) fn here(&mut self, view: TaskView) {
        self.slots.push(Slot::Here(view));
    }

    /// The state does not have the task `key`; `failure` says so.
    pub(super) fn gone(&mut self, key: TaskKey, failure: Failure) {
        self.slots.push(Slot::Gone(key, failure));
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// The answer, or what is to be completed.
    pub(super) fn reply(self) -> Reply {
        if self.missing().next().is_some() {
            return Reply::Past(Box::new(Past::Named(self)));
        }
        let (tasks, failures) = self.sorted(&BTreeMap::new());
        Reply::Tasks(tasks, failures)
    }

    /// The tasks to look up in the history.
    pub fn missing(&self) -> impl Iterator<Item = &TaskKey> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Here(_) => None,
            Slot::Gone(key, _) => Some(key),
        })
    }

    /// The answer, with what the history has.
    ///
    /// # Errors
    /// If the task that the call is about is in neither, or is over and should not be.
    pub fn complete(self, found: Vec<TaskView>) -> Result<Reply, Refusal> {
        let shape = self.shape;
        let found = found.into_iter().map(|view| (view.task.key.clone(), view)).collect();
        let (mut tasks, failures) = self.sorted(&found);
        match shape {
            Shape::Tasks => Ok(Reply::Tasks(tasks, failures)),
            Shape::Task => tasks
                .pop()
                .map(|task| Reply::Task(Box::new(task)))
                .ok_or(Refusal::TaskNotFound),
            Shape::Tags => tasks
                .pop()
                .map(|view| Reply::Tags(view.task.tags))
                .ok_or(Refusal::Untaggable(Untaggable::Missing("task"))),
            Shape::Retagged => Err(Refusal::Untaggable(match tasks.pop() {
                Some(_) => Untaggable::StoppedTask,
                None => Untaggable::Missing("task"),
            })),
        }
    }

    /// The tasks in the order in which they were named, and the failures.
    fn sorted(self, found: &BTreeMap<TaskKey, TaskView>) -> (Vec<TaskView>, Vec<Failure>) {
        let (mut tasks, mut failures) = (Vec::new(), self.failures);
        for slot in self.slots {
            match slot {
                Slot::Here(view) => tasks.push(view),
                Slot::Gone(key, failure) => match found.get(&key) {
                    Some(view) => tasks.push(view.clone()),
                    None => failures.push(failure),
                },
            }
        }
        (tasks, failures)
    }
}

/// A page of ListTasks, as far as the state knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The cluster whose tasks are listed.
    pub cluster: ClusterKey,
    /// The page begins behind this task.
    pub after: Option<TaskId>,
    pub(super) fits: TaskFits,
    pub(super) limit: usize,
    /// The first tasks of the state that fit, in the order of their ids: one more than the page takes, if there are.
    pub(super) here: Vec<TaskId>,
}

/// What the history has for a page, in the order of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Tasks that fit.
    pub tasks: Vec<TaskId>,
    /// The last task that was looked at, if there are more behind it.
    pub reached: Option<TaskId>,
}

impl Listed {
    /// The most tasks that the history needs to be asked for: one more than the page takes shows that there are more.
    #[must_use]
    pub fn most(&self) -> usize {
        self.limit + 1
    }

    /// Whether a task of the history is wanted.
    #[must_use]
    pub fn fits(&self, view: &TaskView) -> bool {
        self.fits.fits(&view.task)
    }

    /// The page, with what the history has. Behind what was looked at the page says nothing: it ends early and goes on there.
    #[must_use]
    pub fn complete(self, found: Found) -> Reply {
        let seen = |id: &TaskId| found.reached.is_none_or(|reached| *id <= reached);
        let all: BTreeSet<TaskId> = self.here.iter().chain(&found.tasks).copied().filter(seen).collect();
        let page: Vec<TaskId> = all.iter().copied().take(self.limit).collect();
        let last = if all.len() > self.limit {
            page.last().copied()
        } else {
            found.reached
        };
        Reply::Page(Page {
            items: page.into_iter().map(|id| self.arn(id)).collect(),
            next: last.map(|id| self.arn(id)),
        })
    }

    fn arn(&self, id: TaskId) -> String {
        let ClusterKey { scope, name } = &self.cluster;
        let key = TaskKey {
            scope: scope.clone(),
            cluster: name.clone(),
            id,
        };
        key.arn().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Scope;

    fn page(limit: usize, here: &[u128], found: (&[u128], Option<u128>)) -> (Vec<u128>, Option<u128>) {
        let scope = Scope {
            account: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let ids = |ids: &[u128]| ids.iter().copied().map(TaskId).collect();
        let listed = Listed {
            cluster: crate::ecs::refer::cluster(&scope, None).unwrap(),
            after: None,
            fits: TaskFits::anything(),
            limit,
            here: ids(here),
        };
        let found = Found {
            tasks: ids(found.0),
            reached: found.1.map(TaskId),
        };
        let Reply::Page(page) = listed.complete(found) else {
            panic!("a page");
        };
        let number = |arn: &String| u128::from_str_radix(&arn[arn.len() - 32..], 16).unwrap();
        (page.items.iter().map(number).collect(), page.next.as_ref().map(number))
    }

    #[test]
    fn what_is_in_both_is_listed_once() {
        assert_eq!(page(5, &[1, 3, 4], (&[2, 3], None)), (vec![1, 2, 3, 4], None));
        assert_eq!(page(2, &[2, 3, 4], (&[1, 2, 3], None)), (vec![1, 2], Some(2)));
        assert_eq!(page(2, &[1, 2], (&[2], None)), (vec![1, 2], None));
    }

    #[test]
    fn a_page_does_not_pass_what_was_looked_at() {
        assert_eq!(page(5, &[1, 9], (&[2], Some(7))), (vec![1, 2], Some(7)));
        assert_eq!(page(5, &[9], (&[], Some(7))), (vec![], Some(7)));
        assert_eq!(page(1, &[1, 9], (&[2], Some(7))), (vec![1], Some(1)));
        assert_eq!(page(2, &[1, 9], (&[2], Some(2))), (vec![1, 2], Some(2)));
    }
}
