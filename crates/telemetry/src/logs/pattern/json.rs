//! Conditions on JSON messages: what they are and when they hold.

use serde_json::Value;

/// A condition, as parsed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// All of them hold.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    /// What the selector points to passes the test.
    Test(Selector, Test),
}

/// The way to a value, from the message's root.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selector(pub(super) Vec<Step>);

/// One step of a selector.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Into the member of an object.
    Member(String),
    /// Into the element of an array.
    Element(usize),
}

/// What is asked about a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// It is a text (or a number as a text) like this.
    Like(Text),
    /// It is there, and not like this.
    Unlike(Text),
    /// It is a number that compares so.
    Compare(Comparison, f64),
    /// It is this very JSON value.
    Is(Value),
    /// It is not there at all.
    NotExists,
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A text with an optional wildcard at either end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    content: String,
    open_start: bool,
    open_end: bool,
    /// The number that it also is, if it was not quoted.
    number: Option<f64>,
}

impl Text {
    /// The text of a pattern. An asterisk counts at the ends only.
    pub(super) fn new(text: &str, number: Option<f64>) -> Self {
        let (open_start, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
        let (open_end, content) = rest.strip_suffix('*').map_or((false, rest), |rest| (true, rest));
        Self {
            content: content.to_owned(),
            open_start,
            open_end,
            number,
        }
    }

    fn is_like(&self, text: &str) -> bool {
        let content = self.content.as_str();
        match (self.open_start, self.open_end) {
            (true, true) => text.contains(content),
            (true, false) => text.ends_with(content),
            (false, true) => text.starts_with(content),
            (false, false) => text == content,
        }
    }

    /// Whether a value is like this, or none if it is not a value that has a text.
    fn fits(&self, value: &Value) -> Option<bool> {
        match value {
            Value::String(text) => Some(self.is_like(text)),
            Value::Number(number) => {
                Some(self.is_like(&number.to_string()) || self.number.is_some_and(|own| number.as_f64() == Some(own)))
            }
            Value::Bool(flag) => Some(self.is_like(&flag.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl Condition {
    /// Whether the message `root` meets the condition.
    pub(super) fn holds(&self, root: &Value) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|condition| condition.holds(root)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(root)),
            Condition::Test(selector, test) => test.passes(selector.find(root)),
        }
    }
}

impl Selector {
    fn find<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Member(name) => value.get(name.as_str()),
            Step::Element(index) => value.get(*index),
        })
    }
}

impl Test {
    fn passes(&self, value: Option<&Value>) -> bool {
        match self {
            Test::Like(text) => value.and_then(|value| text.fits(value)) == Some(true),
            Test::Unlike(text) => value.and_then(|value| text.fits(value)) == Some(false),
            Test::Compare(comparison, limit) => value
                .and_then(Value::as_f64)
                .is_some_and(|number| comparison.holds(number, *limit)),
            Test::Is(expected) => value == Some(expected),
            Test::NotExists => value.is_none(),
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, limit: f64) -> bool {
        match self {
            Comparison::Less => number < limit,
            Comparison::LessOrEqual => number <= limit,
            Comparison::Greater => number > limit,
            Comparison::GreaterOrEqual => number >= limit,
        }
    }
}
