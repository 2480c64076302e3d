//! Whether a machine is meant by an expression. Total: what a machine lacks is no error.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::{Condition, Expression, Subject, Test, Value, Version};
use crate::ecs::model::task::Counted;
use crate::ecs::model::{Attribute, ContainerInstance, InstanceKey};
use crate::ecs::state::State;
use crate::kernel::Timestamp;

/// What expressions can ask about a machine.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its attributes.
    pub attributes: &'a [Attribute],
    /// The agent's version.
    pub agent_version: Option<&'a str>,
    /// The machine's id at a cloud.
    pub ec2_instance_id: Option<&'a str>,
    /// When it joined.
    pub registered_at: Timestamp,
    /// Whether the agent is connected.
    pub agent_connected: bool,
    /// How many tasks run on it.
    pub running_tasks: u64,
    /// The groups of the tasks that stand on it.
    pub groups: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    /// The facts of any registered machine, read from the tables.
    #[must_use]
    pub fn of(state: &'a State, connected: &BTreeSet<InstanceKey>, instance: &'a ContainerInstance) -> Self {
        let load = state.index().load(&instance.key);
        let ids = load.into_iter().flat_map(|load| load.tasks());
        let tasks = ids.filter_map(|id| state.task_on(&instance.key, *id));
        let (mut groups, mut running_tasks) = (BTreeSet::new(), 0);
        for task in tasks {
            groups.insert(task.group.as_str());
            running_tasks += u64::from(task.count() == Some(Counted::Running));
        }
        Self {
            attributes: &instance.attributes,
            agent_version: instance.versions.agent.as_deref(),
            ec2_instance_id: instance.ec2_instance_id.as_deref(),
            registered_at: instance.registered_at,
            agent_connected: connected.contains(&instance.key),
            running_tasks,
            groups: groups.into_iter().collect(),
        }
    }
}

impl Expression {
    /// Whether this machine is meant.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Test(test) => test.holds(facts),
            Self::Not(inner) => !inner.matches(facts),
            Self::And(parts) => parts.iter().all(|part| part.matches(facts)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(facts)),
        }
    }
}

/// What a machine has for a subject.
enum Found<'a> {
    /// One text.
    One(&'a str),
    /// It is there and says no more.
    Bare,
    /// Any of these texts.
    Any(&'a [&'a str]),
    /// A moment.
    Moment(Timestamp),
    /// A count.
    Count(u64),
    /// Nothing.
    Nothing,
}

impl Test {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let found = self.subject.of(facts);
        match &self.condition {
            Condition::Is(super::Relation::NotEqual, value) => !found.is(super::Relation::Equal, value),
            Condition::Is(relation, value) => found.is(*relation, value),
            Condition::Exists => found.exists(),
            Condition::NotExists => !found.exists(),
            Condition::In(list) => found.any(|text| list.iter().any(|one| one == text)),
            Condition::NotIn(list) => !found.any(|text| list.iter().any(|one| one == text)),
            Condition::Matches(pattern) => found.any(|text| pattern.matches(text)),
            Condition::NotMatches(pattern) => !found.any(|text| pattern.matches(text)),
        }
    }
}

impl Subject {
    fn of<'a>(&self, facts: &'a Facts<'_>) -> Found<'a> {
        let text = |text: Option<&'a str>| text.map_or(Found::Nothing, Found::One);
        match self {
            Self::AgentConnected => Found::One(if facts.agent_connected { "true" } else { "false" }),
            Self::AgentVersion => text(facts.agent_version),
            Self::Attribute(name) => match attribute(facts.attributes, name) {
                Some(Some(value)) => Found::One(value),
                Some(None) => Found::Bare,
                None => Found::Nothing,
            },
            Self::Ec2InstanceId => text(facts.ec2_instance_id),
            Self::RegisteredAt => Found::Moment(facts.registered_at),
            Self::RunningTasksCount => Found::Count(facts.running_tasks),
            Self::TaskGroup => Found::Any(&facts.groups),
        }
    }
}

fn attribute<'a>(attributes: &'a [Attribute], name: &str) -> Option<Option<&'a str>> {
    let found = attributes.iter().find(|attribute| attribute.name == name)?;
    Some(found.value.as_deref())
}

impl Found<'_> {
    fn exists(&self) -> bool {
        match self {
            Self::One(_) | Self::Bare | Self::Moment(_) | Self::Count(_) => true,
            Self::Any(texts) => !texts.is_empty(),
            Self::Nothing => false,
        }
    }

    /// Whether a text of it fits.
    fn any(&self, fits: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(text) => fits(text),
            Self::Any(texts) => texts.iter().any(|text| fits(text)),
            Self::Bare | Self::Moment(_) | Self::Count(_) | Self::Nothing => false,
        }
    }

    fn is(&self, relation: super::Relation, value: &Value) -> bool {
        match (self, value) {
            (Self::Moment(at), Value::Moment(_, other)) => relation.holds(at.cmp(other)),
            (Self::Count(count), Value::Count(other)) => relation.holds(count.cmp(other)),
            (_, Value::Version(other)) => {
                self.any(|text| Version::parse(text).is_some_and(|version| relation.holds(version.cmp(other))))
            }
            (_, Value::Text(other)) => self.any(|text| relation.holds(compare(text, other))),
            (_, Value::Moment(..) | Value::Count(_)) => false,
        }
    }
}

/// As whole numbers, if both are; else letter by letter.
fn compare(one: &str, other: &str) -> Ordering {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => one.cmp(other),
    }
}
