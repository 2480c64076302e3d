//! Tasks that are over leave the state: they are handed over to the history, which says when it has them durably.
//!
//! What was handed over is remembered here only. After a restart it is handed over again, and the history has it once however
//! often it takes it: nothing is lost on the way, wherever a process dies.

use super::{Change, Control, ENDED_TASK_MS, Turn};
use crate::ecs;
use crate::ecs::model::TaskKey;
use crate::kernel::{Edit, Timestamp};

/// The most tasks that are on their way to the history at any time, so that their leaving fits one turn.
const MOST_ARCHIVING: usize = 90;

impl Control {
    /// The task that is handed over to the history next, and when it ended.
    pub(super) fn next_to_archive(&self) -> Option<&(Timestamp, TaskKey)> {
        let room = self.archiving.len() < MOST_ARCHIVING;
        let mut ended = self.state.ecs.ended().filter(|(_, key)| !self.archiving.contains(key));
        room.then(|| ended.next()).flatten()
    }
}

impl Turn<'_> {
    /// Hands tasks over to the history that ended a while ago, as many as may be on their way at a time.
    pub(super) fn archive(&mut self) {
        while let Some((at, key)) = self.control.next_to_archive() {
            if self.cx.now.since_ms(*at) < ENDED_TASK_MS {
                return;
            }
            let key = key.clone();
            let facts = self.control.facts();
            let view = facts.ecs.tasks().get(&key).map(|task| facts.task(task));
            self.output.archive.extend(view);
            self.control.archiving.insert(key);
        }
    }

    /// The history has these tasks: they leave the state. One that has changed since is handed over again.
    pub(super) fn archived(&mut self, tasks: &[(TaskKey, u64)]) {
        for (key, version) in tasks {
            self.control.archiving.remove(key);
            let task = self.control.state.ecs.tasks().get(key);
            if task.is_some_and(|task| task.is_stopped() && task.version == *version) {
                self.put(Change::Ecs(ecs::Change::Task(Edit::Delete(key.clone()))));
            }
        }
    }
}
