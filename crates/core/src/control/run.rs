//! RunTask, task by task: each placement sees what the one before has taken.

use super::{Change, Turn};
use crate::ecs::admit::Caller;
use crate::ecs::admit::run_task::{self, RunTask};
use crate::ecs::model::TaskKey;
use crate::ecs::view::{Answer, Reply};
use crate::ecs::{self, Refusal};
use crate::kernel::Edit;
use crate::kernel::ids::TaskId;
use crate::network;

impl Turn<'_> {
    pub(super) fn run_task(&mut self, caller: &Caller, request: RunTask) -> Result<Reply, Refusal> {
        let admission = run_task::admit(&self.control.state.ecs, self.cx, caller, request)?;
        let key = |id| TaskKey {
            scope: admission.cluster.scope.clone(),
            cluster: admission.cluster.name.clone(),
            id,
        };
        if let Some(ids) = &admission.repeated {
            return Ok(self.show(ids.iter().copied().map(key).collect(), Vec::new()));
        }
        if let Some(first) = admission.first.clone() {
            self.put(Change::Ecs(first));
        }
        let (mut keys, mut failures) = (Vec::new(), Vec::new());
        for _ in 0..admission.count {
            let (state, seen) = (&self.control.state, &self.control.seen);
            match run_task::place_one(&state.ecs, &state.network, &seen.connected, self.cx, &admission) {
                Ok(placed) => {
                    keys.push(placed.task.key.clone());
                    let interface = placed
                        .interface
                        .map(|interface| network::Change::Interface(Edit::Put(interface)));
                    self.put_all(
                        vec![ecs::Change::Task(Edit::Put(placed.task))],
                        interface.into_iter().collect(),
                    );
                }
                Err(reasons) => failures.extend(reasons),
            }
        }
        let ids: Vec<TaskId> = keys.iter().map(|key| key.id).collect();
        if let Some(token) = run_task::remember(&admission, self.cx, &ids) {
            self.put(Change::Ecs(token));
        }
        Ok(self.show(keys, failures))
    }

    fn show(&self, keys: Vec<TaskKey>, failures: Vec<crate::ecs::place::Failure>) -> Reply {
        self.control.facts().reply(Answer::Tasks(keys, failures))
    }
}
