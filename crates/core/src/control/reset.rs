//! Resetting for test suites: everything is stopped, then forgotten, a slice at a time. Machines stay, for they are no state
//! of the user's; so does the cluster that they joined.

use super::Turn;
use crate::ecs;
use crate::ecs::admit::stop_task::told_to_stop;
use crate::ecs::model::TaskStatus;
use crate::ecs::view::Reply;
use crate::kernel::Edit;

/// The most changes of one step.
const STEP: usize = 50;

impl Turn<'_> {
    /// One step: tells tasks to stop, then forgets what is over. Answers how much is left to stop or to forget.
    pub(super) fn reset(&mut self) -> Reply {
        let ecs = &self.control.state.ecs;
        let to_stop = ecs
            .tasks()
            .iter()
            .filter(|task| task.desired_status != TaskStatus::Stopped);
        let stops: Vec<ecs::Change> = to_stop
            .take(STEP)
            .map(|task| ecs::Change::Task(Edit::Put(told_to_stop(task, self.cx, "Berth was reset."))))
            .collect();
        let changes = if stops.is_empty() { self.forgettable() } else { stops };
        let stopping = ecs.tasks().iter().filter(|task| !task.is_stopped()).count();
        let left = changes.len() + stopping;
        self.put_all(changes, Vec::new());
        Reply::Remaining(left)
    }

    /// Things that nothing refers to any more, those that refer to others first.
    fn forgettable(&self) -> Vec<ecs::Change> {
        let ecs = &self.control.state.ecs;
        let tasks = ecs.tasks().iter().filter(|task| task.is_stopped());
        let tasks = tasks.map(|task| ecs::Change::Task(Edit::Delete(task.key.clone())));
        let tokens = ecs
            .tokens()
            .iter()
            .map(|token| ecs::Change::ClientToken(Edit::Delete(token.key.clone())));
        let settings = ecs
            .settings()
            .iter()
            .map(|setting| ecs::Change::Setting(Edit::Delete(setting.key.clone())));
        let mut first: Vec<ecs::Change> = tasks.chain(tokens).chain(settings).take(STEP).collect();
        if first.is_empty() && ecs.tasks().is_empty() {
            let definitions = ecs.definitions().iter();
            let definitions = definitions.map(|one| ecs::Change::TaskDefinition(Edit::Delete(one.key.clone())));
            let families = ecs
                .families()
                .iter()
                .map(|family| ecs::Change::Family(Edit::Delete(family.key.clone())));
            let empty = ecs
                .clusters()
                .iter()
                .filter(|cluster| ecs.counts(&cluster.key).instances == 0);
            let clusters = empty.map(|cluster| ecs::Change::Cluster(Edit::Delete(cluster.key.clone())));
            first = definitions.chain(families).chain(clusters).take(STEP).collect();
        }
        first
    }
}
