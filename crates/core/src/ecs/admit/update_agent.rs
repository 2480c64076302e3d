//! UpdateContainerAgent. Updates are handed out by whoever distributes an agent: Amazon's own comes from Amazon, Berth's with
//! Berth. There is none that this control plane could offer, so that a call is only told why.

use std::convert::Infallible;

use super::Caller;
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::State;

/// An UpdateContainerAgent request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateAgent {
    /// The cluster.
    pub cluster: Option<String>,
    /// The instance's id or ARN.
    pub instance: String,
}

/// Says why the agent of an instance is not updated.
///
/// # Errors
/// Always: no such cluster or instance, an agent that never said what version it is, or that there is no update.
pub fn admit(state: &State, caller: &Caller, request: &UpdateAgent) -> Result<Infallible, Refusal> {
    let cluster = refer::active_cluster(state, &caller.scope, request.cluster.as_deref())?;
    let key = refer::instance(&cluster.key, &request.instance)?;
    let instance = state.instances().get(&key).ok_or(Refusal::InstanceNotFound)?;
    if !instance.is_registered() {
        return Err(Refusal::InstanceInactive);
    }
    Err(match instance.versions.agent {
        None => Refusal::AgentVersionUnknown,
        Some(_) => Refusal::NoAgentUpdate,
    })
}
