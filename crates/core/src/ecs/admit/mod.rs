//! One file per write of the API: a request goes in, changes or a refusal come out.
//!
//! Nothing here changes state: whoever calls applies the changes. A refusal has changed nothing.

pub mod attributes;
pub mod capabilities;
pub mod cluster;
pub mod definition_rules;
pub mod delete_task_definitions;
pub mod deregister_instance;
pub mod deregister_task_definition;
pub mod lifecycle;
pub mod placement;
pub mod register_instance;
pub mod register_task_definition;
pub mod requirements;
pub mod run_task;
pub mod settings;
pub mod start_task;
pub mod stop_task;
pub mod strategy;
pub mod submit;
pub mod surroundings;
pub mod tag;
pub mod update_agent;
pub mod update_instances_state;
pub mod volumes;

use std::sync::Arc;

use super::model::AgentRelease;
use super::quota::Quotas;
use super::refusal::Refusal;
use super::state::Change;
use super::view::Answer;
use crate::kernel::Scope;
use crate::network;

/// Who asks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account and region of the request.
    pub scope: Scope,
    /// The caller's ARN.
    pub arn: String,
    /// How much there may be of what they ask for.
    pub quotas: Quotas,
    /// Which release of Amazon's agent the operator offers.
    pub release: Option<Arc<AgentRelease>>,
}

/// Refuses a text of more than `most` characters.
pub(crate) fn check_length(text: Option<&String>, member: &'static str, most: usize) -> Result<(), Refusal> {
    if text.is_none_or(|text| text.chars().count() <= most) {
        Ok(())
    } else {
        Err(Refusal::TooLong { member, most })
    }
}

/// What an admitted request changes, and what its answer shows once that is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Facts of ECS that change.
    pub changes: Vec<Change>,
    /// Facts of the network that change.
    pub network: Vec<network::Change>,
    /// What the answer shows.
    pub answer: Answer,
}

impl Admitted {
    /// Nothing changes.
    #[must_use]
    pub fn unchanged(answer: Answer) -> Self {
        Self {
            changes: Vec::new(),
            network: Vec::new(),
            answer,
        }
    }

    /// Facts of ECS change.
    #[must_use]
    pub fn with(changes: Vec<Change>, answer: Answer) -> Self {
        Self {
            changes,
            network: Vec::new(),
            answer,
        }
    }
}
