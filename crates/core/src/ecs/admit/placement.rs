//! Placement constraints of requests and task definitions: words and expressions become what placement demands.

use crate::ecs::model::LaunchType;
use crate::ecs::place::expression::Query;
use crate::ecs::place::{Constraint, MOST_CONSTRAINTS, MOST_STRATEGIES, Strategy};
use crate::ecs::refusal::{Fault, Refusal};

/// A placement constraint as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConstraintDraft {
    /// `type`.
    pub kind: Option<String>,
    /// `expression`.
    pub expression: Option<String>,
}

/// The constraints of a request, beside the `others` of its definition.
///
/// # Errors
/// A word, an expression or a number of constraints that cannot be.
pub fn constraints(drafts: &[ConstraintDraft], others: usize) -> Result<Vec<Constraint>, Refusal> {
    check_count(drafts.len() + others)?;
    drafts.iter().map(constraint).collect()
}

fn constraint(draft: &ConstraintDraft) -> Result<Constraint, Refusal> {
    match (draft.kind.as_deref(), &draft.expression) {
        (Some("distinctInstance"), None) => Ok(Constraint::DistinctInstance),
        (Some("distinctInstance"), Some(_)) => Err(Refusal::DistinctExpression),
        (Some("memberOf"), _) => member_of(draft).map(Constraint::MemberOf),
        (word, _) => Err(Refusal::Word {
            member: "placementConstraints.type",
            word: word.unwrap_or_default().to_owned(),
        }),
    }
}

/// The constraints of a task definition, which are all `memberOf`.
///
/// # Errors
/// A word, an expression or a number of constraints that cannot be.
pub fn of_definition(drafts: &[ConstraintDraft]) -> Result<Vec<Query>, Refusal> {
    check_count(drafts.len())?;
    let query = |draft: &ConstraintDraft| match draft.kind.as_deref() {
        Some("memberOf") => member_of(draft),
        word => Err(Refusal::Definition(Fault::ConstraintType(
            word.unwrap_or_default().to_owned(),
        ))),
    };
    drafts.iter().map(query).collect()
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if count > MOST_CONSTRAINTS {
        return Err(Refusal::TooMany {
            what: "placement constraints",
            most: MOST_CONSTRAINTS,
        });
    }
    Ok(())
}

fn member_of(draft: &ConstraintDraft) -> Result<Query, Refusal> {
    let text = draft.expression.as_deref().filter(|text| !text.trim().is_empty());
    Query::admit(text.ok_or(Refusal::Empty("The expression of memberOf"))?)
}

/// Whether a request may name these strategies and constraints. FARGATE hides its machines, so nobody chooses among them.
///
/// # Errors
/// It may not.
pub fn check(launch_type: LaunchType, strategy: &[Strategy], drafts: &[ConstraintDraft]) -> Result<(), Refusal> {
    if strategy.len() > MOST_STRATEGIES {
        return Err(Refusal::TooMany {
            what: "placement strategies",
            most: MOST_STRATEGIES,
        });
    }
    match launch_type {
        LaunchType::Fargate if !strategy.is_empty() => Err(Refusal::FargatePlacement("strategies")),
        LaunchType::Fargate if !drafts.is_empty() => Err(Refusal::FargatePlacement("constraints")),
        LaunchType::Ec2 | LaunchType::Fargate | LaunchType::External => Ok(()),
    }
}
