//! UpdateContainerAgent. Updates are handed out by whoever distributes an agent: the operator says which release of Amazon's
//! own is on offer. Telling the agent, and hearing what it makes of it, is the conversation's part.

use super::Caller;
use crate::ecs::model::{AgentUpdate, AgentUpdateStatus, ContainerInstance};
use crate::ecs::refer;
use crate::ecs::refusal::{NoUpdate, Refusal};
use crate::ecs::state::State;

/// An UpdateContainerAgent request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateAgent {
    /// The cluster.
    pub cluster: Option<String>,
    /// The instance's id or ARN.
    pub instance: String,
}

/// The instance with the update that its agent is to be told of. An agent that is not connected hears of it when it comes back.
///
/// # Errors
/// No such cluster or instance, an agent that never said what version it is, an update that is under way, or nothing newer.
pub fn admit(state: &State, caller: &Caller, request: &UpdateAgent) -> Result<ContainerInstance, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?;
    let key = refer::instance(&cluster.key, &request.instance)?;
    let instance = state.instances().get(&key).ok_or(Refusal::InstanceNotFound)?;
    if !instance.is_registered() {
        return Err(Refusal::InstanceInactive);
    }
    let version = instance.versions.agent.as_deref().ok_or(Refusal::AgentVersionUnknown)?;
    if instance.agent_update.as_ref().is_some_and(AgentUpdate::is_under_way) {
        return Err(Refusal::AgentUpdateUnderWay);
    }
    let release = caller
        .release
        .as_deref()
        .ok_or(Refusal::NoAgentUpdate(NoUpdate::NotOffered))?;
    if release.is_reached_by(version).ok_or(Refusal::AgentVersionUnknown)? {
        return Err(Refusal::NoAgentUpdate(NoUpdate::Newest));
    }
    let update = AgentUpdate {
        release: release.clone(),
        status: AgentUpdateStatus::Pending,
    };
    Ok(ContainerInstance {
        agent_update: Some(update),
        version: instance.version + 1,
        ..instance.clone()
    })
}
