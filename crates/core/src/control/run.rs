//! RunTask and StartTask, task by task: each placement sees what the one before has taken.

use super::{Change, Turn};
use crate::ecs;
use crate::ecs::admit::run_task::make::{Placed, place_one, start_one};
use crate::ecs::admit::run_task::{self, Order};
use crate::ecs::admit::start_task::StartOrder;
use crate::ecs::model::TaskKey;
use crate::ecs::view::{Answer, Reply};
use crate::kernel::Edit;
use crate::kernel::ids::TaskId;
use crate::network;

impl Turn<'_> {
    /// Places as many tasks as fit. What one of them meets with, the others would meet with too.
    pub(super) fn place(&mut self, order: Order) -> Reply {
        if let Some(first) = order.first.clone() {
            self.put(Change::Ecs(first));
        }
        let (mut keys, mut failures) = (Vec::new(), Vec::new());
        for nth in 0..order.count {
            let (state, planner) = (&self.control.state, &mut self.control.planner);
            match place_one(&state.ecs, &state.network, planner, self.cx, &order) {
                Ok(mut placed) => {
                    placed.task.capacity_provider = order.provider(nth);
                    keys.push(self.put_placed(placed));
                }
                Err(reasons) => {
                    failures = reasons;
                    break;
                }
            }
        }
        let ids: Vec<TaskId> = keys.iter().map(|key| key.id).collect();
        if let Some(token) = run_task::remember(&order, self.cx, &ids) {
            self.put(Change::Ecs(token));
        }
        self.control.facts().reply(Answer::Tasks(keys, failures))
    }

    /// Puts a task on each of the machines that the caller chose and that can take it.
    pub(super) fn start_on_these(&mut self, order: &StartOrder) -> Reply {
        let (mut keys, mut failures) = (Vec::new(), Vec::new());
        for instance in &order.instances {
            let state = &self.control.state;
            match start_one(&state.ecs, &state.network, self.cx, order, instance) {
                Ok(placed) => keys.push(self.put_placed(placed)),
                Err(failure) => failures.push(failure),
            }
        }
        self.control.facts().reply(Answer::Tasks(keys, failures))
    }

    fn put_placed(&mut self, placed: Placed) -> TaskKey {
        let key = placed.task.key.clone();
        self.put(Change::Ecs(ecs::Change::Task(Edit::Put(placed.task))));
        if let Some(interface) = placed.interface {
            self.put(Change::Network(network::Change::Interface(Edit::Put(interface))));
        }
        key
    }
}
