//! The updates of Amazon's agents: they are told to fetch a release, then to become it, and have done so once they connect as
//! it. Each step is stored before it is told, and asked for again on the next connection, so that none is lost.

use super::{Change, Turn};
use crate::ecs;
use crate::ecs::model::agent_update::UpdateStep;
use crate::ecs::model::{AgentUpdate, AgentUpdateStatus, ContainerInstance, InstanceKey};
use crate::ecs::refusal::{NoUpdate, Refusal};
use crate::ecs::session::{Session, ToAgent};
use crate::ecs::view::{Answer, Reply};
use crate::kernel::Edit;

impl Turn<'_> {
    /// Takes the update of a machine in, unless its agent is Berth's own.
    pub(super) fn update(&mut self, instance: ContainerInstance) -> Result<Reply, Refusal> {
        let key = instance.key.clone();
        if self.control.seen.session(&key).is_some_and(|session| session.own) {
            return Err(Refusal::NoAgentUpdate(NoUpdate::OwnAgent));
        }
        self.put(Change::Ecs(ecs::Change::Instance(Edit::Put(instance))));
        Ok(self.control.facts().reply(Answer::Instance(key)))
    }

    /// The agent has connected: it is the new one, or goes on where it stopped. Berth's own cannot become another.
    pub(super) fn resume_update(&mut self, key: &InstanceKey, own: bool) {
        if let Some((instance, update)) = self.update_of(key) {
            let status = update.once_connected(instance.versions.agent.as_deref(), own);
            self.put_update_status(key, status);
            self.stage_update(key);
        }
    }

    /// Tells the agent to fetch its release, unless it was asked already.
    pub(super) fn stage_update(&mut self, key: &InstanceKey) {
        let Some(status) = self.update_of(key).map(|(_, update)| update.status) else {
            return;
        };
        let may_ask = self
            .control
            .seen
            .session(key)
            .is_some_and(|session| !session.is_asked());
        if may_ask && status != AgentUpdateStatus::Updating {
            self.put_update_status(key, status.max(AgentUpdateStatus::Staging));
            self.ask(key, UpdateStep::Stage);
        }
    }

    /// The agent confirmed a message. If that was a step of its update, it has taken it.
    pub(super) fn update_acknowledged(&mut self, key: &InstanceKey, message_id: &str) {
        match self.answered(key, message_id) {
            Some(UpdateStep::Stage) => {
                self.put_update_status(key, AgentUpdateStatus::Staged);
                self.ask(key, UpdateStep::Perform);
            }
            Some(UpdateStep::Perform) => self.put_update_status(key, AgentUpdateStatus::Updating),
            None => {}
        }
    }

    /// The agent refused a message. If that was a step of its update, there will be none.
    pub(super) fn update_refused(&mut self, key: &InstanceKey, message_id: &str) {
        if self.answered(key, message_id).is_some() {
            self.put_update_status(key, AgentUpdateStatus::Failed);
        }
    }

    fn answered(&mut self, key: &InstanceKey, message_id: &str) -> Option<UpdateStep> {
        let answered = |session: &mut Session| session.answered(message_id);
        self.control.seen.with_session(key, answered).flatten()
    }

    /// The machine and its update, while that is under way.
    fn update_of(&self, key: &InstanceKey) -> Option<(&ContainerInstance, &AgentUpdate)> {
        let instance = self.control.state.ecs.instances().get(key)?;
        let update = instance.agent_update.as_ref().filter(|update| update.is_under_way())?;
        instance.is_registered().then_some((instance, update))
    }

    fn put_update_status(&mut self, key: &InstanceKey, status: AgentUpdateStatus) {
        let Some((instance, update)) = self.update_of(key).filter(|(_, update)| update.status != status) else {
            return;
        };
        let update = AgentUpdate {
            status,
            ..update.clone()
        };
        let changed = ContainerInstance {
            agent_update: Some(update),
            version: instance.version + 1,
            ..instance.clone()
        };
        self.put(Change::Ecs(ecs::Change::Instance(Edit::Put(changed))));
    }

    fn ask(&mut self, key: &InstanceKey, step: UpdateStep) {
        let Some(connection) = self.control.seen.session(key).map(|session| session.connection) else {
            return;
        };
        let Some(release) = self.update_of(key).map(|(_, update)| update.release.clone()) else {
            return;
        };
        let message_id = format!("update-{}", self.next_sequence());
        self.control
            .seen
            .with_session(key, |session| session.ask(&message_id, step));
        let update = ToAgent::Update {
            message_id,
            step,
            release,
        };
        self.send(key, connection, update);
    }
}
