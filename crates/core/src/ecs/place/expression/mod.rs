//! The cluster query language: which container instances are meant, as `memberOf` constraints and filters say it.
//!
//! An expression is `subject operator [argument]`, and such tests combined with `and`, `or`, `not` and parentheses. It is
//! parsed once, with limits on its length, its depth and its patterns, so that evaluating it is cheap and cannot fail.
//!
//! Where the documentation is silent: the negative operators are true exactly where the positive ones are false, also for
//! machines that lack the subject; patterns match whole texts; `and` binds closer than `or`; a text with blanks stands
//! between quotes.
//!
//! [`parse`] reads, [`mod@print`] writes, [`eval`] judges machines.

pub mod eval;
pub mod parse;
pub mod print;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ecs::refusal::Refusal;
use crate::kernel::Timestamp;
pub use eval::Facts;
pub use parse::Fault;

/// The most characters of an expression.
pub const MOST_CHARACTERS: usize = 2000;

/// An expression as it was given, and what it means. Two that are spelled alike are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Query {
    text: String,
    meaning: Expression,
}

/// What an expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One test of one subject.
    Test(Test),
    /// The opposite.
    Not(Box<Expression>),
    /// All of these, at least two.
    And(Vec<Expression>),
    /// Any of these, at least two.
    Or(Vec<Expression>),
}

/// `subject operator [argument]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What is looked at.
    pub subject: Subject,
    /// What must be true of it.
    pub condition: Condition,
}

/// What a test looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Whether the agent is connected.
    AgentConnected,
    /// The agent's version.
    AgentVersion,
    /// The attribute with this name.
    Attribute(String),
    /// The machine's id at a cloud.
    Ec2InstanceId,
    /// When the machine joined.
    RegisteredAt,
    /// How many tasks run on it.
    RunningTasksCount,
    /// The groups of its tasks.
    TaskGroup,
}

/// What must be true of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It stands in this relation to a value.
    Is(Relation, Value),
    /// It is there.
    Exists,
    /// It is not there.
    NotExists,
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these.
    NotIn(Vec<String>),
    /// The whole of it matches.
    Matches(Pattern),
    /// The whole of it does not match.
    NotMatches(Pattern),
}

/// How two values stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

/// The value of a comparison, of the subject's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text. Texts that are both numbers compare as numbers.
    Text(String),
    /// A version: numbers between dots.
    Version(Version),
    /// A moment, as it was written.
    Moment(String, Timestamp),
    /// A count.
    Count(u64),
}

/// Numbers between dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Vec<u64>);

/// A regular expression that was compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    compiled: regex_lite::Regex,
}

impl Query {
    /// Understands `text`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(text: &str) -> Result<Self, Fault> {
        Ok(Self {
            meaning: parse::parse(text)?,
            text: text.to_owned(),
        })
    }

    /// [`Query::new`] for a request that is refused if it cannot be understood.
    ///
    /// # Errors
    /// [`Refusal::Expression`].
    pub fn admit(text: &str) -> Result<Self, Refusal> {
        Self::new(text).map_err(|fault| Refusal::Expression {
            text: text.chars().take(MOST_CHARACTERS).collect(),
            fault,
        })
    }

    /// The expression as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> &Expression {
        &self.meaning
    }

    /// Whether this machine is meant.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.meaning.matches(facts)
    }
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

impl TryFrom<String> for Query {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        Self::new(&text)
    }
}

impl From<Query> for String {
    fn from(query: Query) -> Self {
        query.text
    }
}

impl Expression {
    /// Whether some test of this expression fits `wanted`.
    #[must_use]
    pub fn any_test(&self, wanted: &impl Fn(&Test) -> bool) -> bool {
        match self {
            Self::Test(test) => wanted(test),
            Self::Not(inner) => inner.any_test(wanted),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.any_test(wanted)),
        }
    }
}

impl Relation {
    /// Whether values that compare like this stand in this relation.
    #[must_use]
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
        }
    }
}

impl Version {
    /// Reads numbers between dots; a leading `v` does not count, nor does what follows a `-` or `+`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split(['-', '+']).next()?;
        let number = |part: &str| {
            let digits = (1..=18).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        text.split('.').map(number).collect::<Option<_>>().map(Self)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    /// `1.2` comes before `1.2.0`; both are older than `1.2.1`.
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

impl Pattern {
    /// Compiles a pattern that must match whole texts.
    ///
    /// # Errors
    /// It is none, or too large once compiled.
    pub fn new(text: &str) -> Result<Self, regex_lite::Error> {
        let compiled = regex_lite::RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(MOST_PATTERN_BYTES)
            .nest_limit(MOST_PATTERN_DEPTH)
            .build()?;
        // Two patterns that only make sense together, such as `a)|(b`, are refused.
        regex_lite::RegexBuilder::new(text)
            .size_limit(MOST_PATTERN_BYTES)
            .nest_limit(MOST_PATTERN_DEPTH)
            .build()?;
        Ok(Self {
            text: text.to_owned(),
            compiled,
        })
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

/// The most bytes of a compiled pattern.
const MOST_PATTERN_BYTES: usize = 64 * 1024;
/// How deep groups of a pattern may stand in each other.
const MOST_PATTERN_DEPTH: u32 = 32;

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}
