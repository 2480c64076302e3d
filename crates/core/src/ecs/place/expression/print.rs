//! Writes expressions in one spelling, which [`super::parse`] reads back as the same meaning.

use std::fmt::{self, Display, Formatter};

use super::parse::is_plain;
use super::{Condition, Expression, Relation, Subject, Test, Value};

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(test) => test.fmt(f),
            Self::Not(inner) => negated(f, inner),
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
        }
    }
}

/// Parentheses only where they are needed: they count as depth when the text is read again.
fn negated(f: &mut Formatter<'_>, inner: &Expression) -> fmt::Result {
    match inner {
        Expression::Test(_) | Expression::Not(_) => write!(f, "not {inner}"),
        Expression::And(_) | Expression::Or(_) => write!(f, "not({inner})"),
    }
}

/// Parts that are compound themselves stand in parentheses.
fn joined(f: &mut Formatter<'_>, parts: &[Expression], word: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(word)?;
        }
        match part {
            Expression::And(_) | Expression::Or(_) => write!(f, "({part})")?,
            Expression::Test(_) | Expression::Not(_) => part.fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.subject)?;
        match &self.condition {
            Condition::Is(relation, value) => write!(f, "{relation} {value}"),
            Condition::Exists => f.write_str("exists"),
            Condition::NotExists => f.write_str("!exists"),
            Condition::In(list) => write!(f, "in [{}]", List(list)),
            Condition::NotIn(list) => write!(f, "!in [{}]", List(list)),
            Condition::Matches(pattern) => write!(f, "=~ {}", Text(pattern.as_str())),
            Condition::NotMatches(pattern) => write!(f, "!~ {}", Text(pattern.as_str())),
        }
    }
}

impl Display for Subject {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgentConnected => f.write_str("agentConnected"),
            Self::AgentVersion => f.write_str("agentVersion"),
            Self::Attribute(name) => write!(f, "attribute:{name}"),
            Self::Ec2InstanceId => f.write_str("ec2InstanceId"),
            Self::RegisteredAt => f.write_str("registeredAt"),
            Self::RunningTasksCount => f.write_str("runningTasksCount"),
            Self::TaskGroup => f.write_str("task:group"),
        }
    }
}

impl Display for Relation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
        })
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Moment(text, _) => Text(text).fmt(f),
            Self::Version(version) => version.fmt(f),
            Self::Count(count) => count.fmt(f),
        }
    }
}

struct List<'a>(&'a [String]);

impl Display for List<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, text) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Text(text))?;
        }
        Ok(())
    }
}

/// A text, between quotes that it does not contain where it could not stand without.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0;
        let quote = if text.contains('\'') { '"' } else { '\'' };
        if is_plain(text) {
            f.write_str(text)
        } else {
            write!(f, "{quote}{text}{quote}")
        }
    }
}
