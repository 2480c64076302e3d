//! DeregisterTaskDefinition: no new task may use the revision; what runs goes on.

use super::{Admitted, Caller};
use crate::ecs::model::{DefinitionStatus, TaskDefinition};
use crate::ecs::refer::{self, DefinitionRef};
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};

/// Deregisters the revision `definition`; once more is the same as once.
///
/// # Errors
/// A name without a revision, or one that does not exist.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, definition: &str) -> Result<Admitted, Refusal> {
    let DefinitionRef::Revision(key) = refer::definition(&caller.scope, definition)? else {
        return Err(Refusal::Revision(String::new()));
    };
    let found = state.definitions().get(&key).ok_or(Refusal::DefinitionUnknown)?;
    let answer = Answer::TaskDefinition(key);
    if found.status != DefinitionStatus::Active {
        return Ok(Admitted::unchanged(answer));
    }
    let inactive = TaskDefinition {
        status: DefinitionStatus::Inactive,
        deregistered_at: Some(cx.now),
        ..found.clone()
    };
    Ok(Admitted::with(
        vec![Change::TaskDefinition(Edit::Put(inactive))],
        answer,
    ))
}
