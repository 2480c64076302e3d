//! DeleteTaskDefinitions: deregistered revisions go for good, once nothing refers to them.

use std::collections::BTreeSet;

use super::{Admitted, Caller};
use crate::ecs::model::{DefinitionStatus, TaskDefinition};
use crate::ecs::place::Failure;
use crate::ecs::refer::{self, DefinitionRef};
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{Cx, Edit};

/// The most revisions of one call.
const MOST: usize = 10;

/// A revision that new tasks may still use.
const STILL_ACTIVE: &str =
    "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
/// A text that names no revision.
const INVALID: &str = "The specified task definition identifier is invalid. Specify a valid name or ARN and try again.";
/// A revision that is not there.
const UNKNOWN: &str =
    "The specified task definition does not exist. Specify a valid account, family, revision and try again.";

/// Marks revisions to be deleted; once more is the same as once. What cannot be deleted is a failure of its own.
///
/// # Errors
/// No names, or too many.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, names: &[String]) -> Result<Admitted, Refusal> {
    if names.is_empty() {
        return Err(Refusal::Empty("Task definitions"));
    }
    if names.len() > MOST {
        return Err(Refusal::TooMany {
            what: "task definitions",
            most: MOST,
        });
    }
    let (mut changes, mut keys, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for name in names {
        match find(state, caller, name) {
            Ok(definition) if seen.insert(&definition.key) => {
                changes.extend(deleting(definition, cx));
                keys.push(definition.key.clone());
            }
            Ok(_) => {}
            Err(reason) => failures.push(Failure {
                arn: Some(name.clone()),
                reason: reason.to_owned(),
            }),
        }
    }
    Ok(Admitted::with(changes, Answer::TaskDefinitions(keys, failures)))
}

fn find<'a>(state: &'a State, caller: &Caller, name: &str) -> Result<&'a TaskDefinition, &'static str> {
    let key = match refer::definition(&caller.scope, name) {
        Ok(DefinitionRef::Revision(key)) => key,
        Err(Refusal::ForeignArn(_)) => return Err(UNKNOWN),
        Ok(DefinitionRef::Newest(_)) | Err(_) => return Err(INVALID),
    };
    match state.definitions().get(&key) {
        None => Err(UNKNOWN),
        Some(found) if found.status == DefinitionStatus::Active => Err(STILL_ACTIVE),
        Some(found) => Ok(found),
    }
}

fn deleting(definition: &TaskDefinition, cx: &Cx) -> Option<Change> {
    let next = TaskDefinition {
        status: DefinitionStatus::DeleteInProgress,
        delete_requested_at: Some(cx.now),
        ..definition.clone()
    };
    let news = definition.status != DefinitionStatus::DeleteInProgress;
    news.then(|| Change::TaskDefinition(Edit::Put(next)))
}
