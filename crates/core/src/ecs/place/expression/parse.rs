//! Reads expressions: recursive descent over the characters, with limits.

use std::fmt;

use super::{Condition, Expression, MOST_CHARACTERS, Pattern, Relation, Subject, Test, Value, Version};
use crate::kernel::Timestamp;
use crate::kernel::time;

/// How deep parentheses and negations may stand in each other.
pub const MOST_DEPTH: usize = 50;

/// What is wrong with an expression, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The character at which it shows, from 1.
    pub at: usize,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It has more characters than it may.
    Long,
    /// Its parts stand too deep in each other.
    Deep,
    /// No subject of the language.
    Subject,
    /// No operator of the language.
    Operator,
    /// An operator that this subject does not have.
    OperatorOfSubject,
    /// No value, or one with characters that belong between quotes.
    Text,
    /// A value that is none of the subject's kind.
    Value,
    /// A list that does not begin, go on or end as lists do.
    List,
    /// No regular expression, or too large a one.
    Pattern,
    /// A parenthesis or quote that nothing closes.
    Unclosed,
    /// Something after the end.
    Rest,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.wrong {
            Wrong::Long => "it is longer than 2000 characters",
            Wrong::Deep => "its parts are nested too deeply",
            Wrong::Subject => "a subject is expected",
            Wrong::Operator => "an operator is expected",
            Wrong::OperatorOfSubject => "the subject does not have this operator",
            Wrong::Text => "a value is expected",
            Wrong::Value => "the value does not fit the subject",
            Wrong::List => "a list such as [a, b] is expected",
            Wrong::Pattern => "the pattern is not a regular expression that can be used",
            Wrong::Unclosed => "something is not closed",
            Wrong::Rest => "the expression should end",
        };
        write!(f, "{what} at character {}", self.at)
    }
}

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Expression, Fault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    if text.chars().count() > MOST_CHARACTERS {
        return Err(Fault {
            at: MOST_CHARACTERS + 1,
            wrong: Wrong::Long,
        });
    }
    let expression = reader.any()?;
    reader.blanks();
    if reader.rest().is_empty() {
        Ok(expression)
    } else {
        Err(reader.fault(Wrong::Rest))
    }
}

/// Whether a text stands without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_plain_character)
}

fn is_plain_character(c: char) -> bool {
    !c.is_whitespace() && !"()[],'\"&|".contains(c)
}

struct Reader<'a> {
    text: &'a str,
    /// The byte to read next.
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&self, wrong: Wrong) -> Fault {
        self.fault_at(self.at, wrong)
    }

    fn fault_at(&self, byte: usize, wrong: Wrong) -> Fault {
        let at = self.text[..byte].chars().count() + 1;
        Fault { at, wrong }
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes `sign` if it stands here.
    fn sign(&mut self, sign: &str) -> bool {
        self.blanks();
        let here = self.rest().starts_with(sign);
        self.at += if here { sign.len() } else { 0 };
        here
    }

    /// Takes `word` if it stands here as a whole.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let after = self.rest().strip_prefix(word);
        let whole = after.is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        self.at += if whole { word.len() } else { 0 };
        whole
    }

    fn any(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.all()?];
        while self.sign("||") || self.word("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn all(&mut self) -> Result<Expression, Fault> {
        let mut parts = vec![self.part()?];
        while self.sign("&&") || self.word("and") {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn part(&mut self) -> Result<Expression, Fault> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(self.fault(Wrong::Deep));
        }
        self.blanks();
        let start = self.at;
        let part = if self.sign("!") || self.word("not") {
            Expression::Not(Box::new(self.part()?))
        } else if self.sign("(") {
            let inner = self.any()?;
            if !self.sign(")") {
                return Err(self.fault_at(start, Wrong::Unclosed));
            }
            inner
        } else {
            Expression::Test(self.test()?)
        };
        self.depth -= 1;
        Ok(part)
    }

    fn test(&mut self) -> Result<Test, Fault> {
        let subject = self.subject()?;
        self.blanks();
        let start = self.at;
        let operator = self.operator()?;
        if !operator.fits(&subject) {
            return Err(self.fault_at(start, Wrong::OperatorOfSubject));
        }
        let condition = match operator {
            Operator::Is(relation) => Condition::Is(relation, self.value(&subject)?),
            Operator::Exists => Condition::Exists,
            Operator::NotExists => Condition::NotExists,
            Operator::In => Condition::In(self.list()?),
            Operator::NotIn => Condition::NotIn(self.list()?),
            Operator::Matches => Condition::Matches(self.pattern()?),
            Operator::NotMatches => Condition::NotMatches(self.pattern()?),
        };
        Ok(Test { subject, condition })
    }

    fn subject(&mut self) -> Result<Subject, Fault> {
        self.blanks();
        let start = self.at;
        let known = [
            ("agentConnected", Subject::AgentConnected),
            ("agentVersion", Subject::AgentVersion),
            ("ec2InstanceId", Subject::Ec2InstanceId),
            ("registeredAt", Subject::RegisteredAt),
            ("runningTasksCount", Subject::RunningTasksCount),
            ("task:group", Subject::TaskGroup),
        ];
        if let Some((_, subject)) = known.into_iter().find(|(word, _)| self.word(word)) {
            return Ok(subject);
        }
        let name = |c: char| c.is_ascii_alphanumeric() || "-_./\\".contains(c);
        if self.sign("attribute:") {
            let length = self.rest().find(|c| !name(c)).unwrap_or(self.rest().len());
            let name = &self.rest()[..length];
            self.at += length;
            if (1..=128).contains(&length) {
                return Ok(Subject::Attribute(name.to_owned()));
            }
        }
        Err(self.fault_at(start, Wrong::Subject))
    }

    fn operator(&mut self) -> Result<Operator, Fault> {
        let sign = SIGNS.iter().find(|(sign, _)| self.sign(sign));
        let found = sign.or_else(|| WORDS.iter().find(|(word, _)| self.word(word)));
        found
            .map(|(_, operator)| *operator)
            .ok_or_else(|| self.fault(Wrong::Operator))
    }

    fn value(&mut self, subject: &Subject) -> Result<Value, Fault> {
        self.blanks();
        let start = self.at;
        let text = self.text()?;
        let value = match subject {
            Subject::AgentVersion => Version::parse(&text).map(Value::Version),
            Subject::RegisteredAt => moment(&text).map(|at| Value::Moment(text, at)),
            Subject::RunningTasksCount => text.parse().ok().map(Value::Count),
            Subject::AgentConnected | Subject::Attribute(_) | Subject::Ec2InstanceId | Subject::TaskGroup => {
                Some(Value::Text(text))
            }
        };
        value.ok_or_else(|| self.fault_at(start, Wrong::Value))
    }

    /// A text: between quotes, or without blanks and signs.
    fn text(&mut self) -> Result<String, Fault> {
        if let Some(text) = self.quoted()? {
            return Ok(text);
        }
        let end = self.rest().find(|c| !is_plain_character(c));
        self.take(end.unwrap_or(self.rest().len()))
    }

    fn quoted(&mut self) -> Result<Option<String>, Fault> {
        self.blanks();
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| *c == '\'' || *c == '"') else {
            return Ok(None);
        };
        let end = rest[1..].find(quote).ok_or_else(|| self.fault(Wrong::Unclosed))?;
        self.at += end + 2;
        Ok(Some(rest[1..=end].to_owned()))
    }

    fn take(&mut self, length: usize) -> Result<String, Fault> {
        if length == 0 {
            return Err(self.fault(Wrong::Text));
        }
        let text = &self.rest()[..length];
        self.at += length;
        Ok(text.to_owned())
    }

    fn list(&mut self) -> Result<Vec<String>, Fault> {
        if !self.sign("[") {
            return Err(self.fault(Wrong::List));
        }
        let mut texts = vec![self.text()?];
        while self.sign(",") {
            texts.push(self.text()?);
        }
        if self.sign("]") {
            Ok(texts)
        } else {
            Err(self.fault(Wrong::List))
        }
    }

    /// A regular expression: between quotes, or up to a blank or to a parenthesis that it did not open.
    fn pattern(&mut self) -> Result<Pattern, Fault> {
        self.blanks();
        let start = self.at;
        let text = match self.quoted()? {
            Some(text) => text,
            None => self.take(pattern_length(self.rest()))?,
        };
        Pattern::new(&text).map_err(|_| self.fault_at(start, Wrong::Pattern))
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => many(parts.into_iter().chain(last).collect()),
    }
}

fn pattern_length(text: &str) -> usize {
    let (mut open, mut in_class, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        let plain = !escaped;
        escaped = plain && c == '\\';
        match c {
            c if c.is_whitespace() || c == '\'' || c == '"' => return at,
            '[' if plain => in_class = true,
            ']' if plain => in_class = false,
            '(' if plain && !in_class => open += 1,
            ')' if plain && !in_class && open == 0 => return at,
            ')' if plain && !in_class => open -= 1,
            _ => {}
        }
    }
    text.len()
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Is(Relation),
    Exists,
    NotExists,
    In,
    NotIn,
    Matches,
    NotMatches,
}

/// Longer signs first: `>=` begins like `>`.
const SIGNS: [(&str, Operator); 10] = [
    ("==", Operator::Is(Relation::Equal)),
    ("!=", Operator::Is(Relation::NotEqual)),
    (">=", Operator::Is(Relation::GreaterEqual)),
    ("<=", Operator::Is(Relation::LessEqual)),
    (">", Operator::Is(Relation::Greater)),
    ("<", Operator::Is(Relation::Less)),
    ("=~", Operator::Matches),
    ("!~", Operator::NotMatches),
    ("!exists", Operator::NotExists),
    ("!in", Operator::NotIn),
];

const WORDS: [(&str, Operator); 12] = [
    ("equals", Operator::Is(Relation::Equal)),
    ("not_equals", Operator::Is(Relation::NotEqual)),
    ("greater_than", Operator::Is(Relation::Greater)),
    ("greater_than_equal", Operator::Is(Relation::GreaterEqual)),
    ("less_than", Operator::Is(Relation::Less)),
    ("less_than_equal", Operator::Is(Relation::LessEqual)),
    ("exists", Operator::Exists),
    ("not_exists", Operator::NotExists),
    ("in", Operator::In),
    ("not_in", Operator::NotIn),
    ("matches", Operator::Matches),
    ("not_matches", Operator::NotMatches),
];

impl Operator {
    /// Which subject has which operators: as documented; attributes have all of them.
    fn fits(self, subject: &Subject) -> bool {
        let equality = matches!(self, Self::Is(Relation::Equal | Relation::NotEqual));
        match subject {
            Subject::Attribute(_) => true,
            Subject::AgentVersion | Subject::RegisteredAt | Subject::RunningTasksCount => matches!(self, Self::Is(_)),
            Subject::AgentConnected | Subject::Ec2InstanceId | Subject::TaskGroup => match self {
                Self::Is(_) => equality,
                Self::In | Self::NotIn | Self::Matches | Self::NotMatches => true,
                Self::Exists | Self::NotExists => false,
            },
        }
    }
}

/// `2018-06-18`, or with a time behind a `T`, which may end in `Z` or `+00:00`. Without either it is universal time.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let number = |text: &str, digits: usize| {
        let fits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let three = |text: &str, mark: char, first: usize| {
        let mut parts = text.split(mark);
        let all = (
            number(parts.next()?, first)?,
            number(parts.next()?, 2)?,
            number(parts.next()?, 2)?,
        );
        parts.next().is_none().then_some(all)
    };
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let (year, month, day) = three(date, '-', 4)?;
    let zone = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (hour, minute, second) = three(&clock[..zone], ':', 2)?;
    let offset_minutes = match clock[zone..].split_at_checked(1) {
        None | Some(("Z", "")) => 0,
        Some((sign, ahead)) => {
            let (hours, minutes) = ahead.split_once(':')?;
            let ahead = number(hours, 2)? * 60 + number(minutes, 2)?;
            if sign == "-" { -ahead } else { ahead }
        }
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = time::days_since_1970(year, month, day)?;
    let seconds = days * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(Timestamp(seconds * 1000))
}
