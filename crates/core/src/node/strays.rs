//! Containers of tasks that are not on record. They have no future here: each is removed, however often that fails.
//!
//! They are found when the agent starts and are not stored: the next start finds again what is still there.

use std::collections::BTreeMap;

use super::model::RuntimeId;
use super::op::{Op, Step};
use super::settle::cleaning_pause_ms;
use crate::ecs::model::TaskKey;
use crate::kernel::Timestamp;
use crate::kernel::names::Name;

/// Those that are still there.
#[derive(Clone, Debug, Default)]
pub(super) struct Strays(BTreeMap<(TaskKey, Name), Stray>);

#[derive(Clone, Debug)]
struct Stray {
    runtime_id: RuntimeId,
    failures: u32,
    state: Removal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    /// To begin at this time, or at once.
    Waits(Option<Timestamp>),
    UnderWay,
}

impl Removal {
    fn is_due(self, now: Timestamp) -> bool {
        match self {
            Self::Waits(at) => at.is_none_or(|at| at <= now),
            Self::UnderWay => false,
        }
    }
}

impl Strays {
    pub(super) fn add(&mut self, task: TaskKey, container: Name, runtime_id: RuntimeId) {
        let state = Removal::Waits(None);
        let stray = Stray {
            runtime_id,
            failures: 0,
            state,
        };
        self.0.insert((task, container), stray);
    }

    /// The removals to begin now.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Op> {
        let due = self.0.iter_mut().filter(|(_, stray)| stray.state.is_due(now));
        let begin = |((task, container), stray): (&(TaskKey, Name), &mut Stray)| {
            stray.state = Removal::UnderWay;
            Op::Remove {
                task: task.clone(),
                container: container.clone(),
                runtime_id: stray.runtime_id.clone(),
            }
        };
        due.map(begin).collect()
    }

    /// Takes in what came of a step of a task that is not on record.
    pub(super) fn removed(&mut self, (task, step): (TaskKey, Step), ok: bool, now: Timestamp) {
        let Step::Remove(container) = &step else {
            return;
        };
        let key = (task, container.clone());
        if ok {
            self.0.remove(&key);
        } else if let Some(stray) = self.0.get_mut(&key) {
            let pause_ms = cleaning_pause_ms(&step, stray.failures);
            stray.failures += 1;
            stray.state = Removal::Waits(Some(now.plus_ms(pause_ms)));
        }
    }

    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        let waits = |stray: &Stray| match stray.state {
            Removal::Waits(at) => at,
            Removal::UnderWay => None,
        };
        self.0.values().filter_map(waits).min()
    }
}
