//! The grammar of conditions on JSON, by recursive descent:
//!
//! ```text
//! any   = all { "||" all }
//! all   = one { "&&" one }
//! one   = "(" any ")" | selector test
//! test  = ("=" | "!=") value | ("<" | "<=" | ">" | ">=") number | "IS" ("NULL" | "TRUE" | "FALSE") | "NOT" "EXISTS"
//! ```

use super::json::{Comparison, Condition, Selector, Step, Test, Text};
use super::terms::quoted;
use super::{bad_characters, malformed, unsupported};
use crate::logs::LogsError;
use serde_json::Value;

/// The condition in `text`, which is what stands between the braces.
pub(super) fn condition(text: &str) -> Result<Condition, LogsError> {
    let mut parser = Parser { rest: text };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(_) => Err(parser.expected("'&&' or '||'")),
    }
}

struct Parser<'p> {
    rest: &'p str,
}

impl<'p> Parser<'p> {
    fn any(&mut self) -> Result<Condition, LogsError> {
        let mut conditions = vec![self.all()?];
        while self.eat("||") {
            conditions.push(self.all()?);
        }
        Ok(Condition::Any(conditions))
    }

    fn all(&mut self) -> Result<Condition, LogsError> {
        let mut conditions = vec![self.one()?];
        while self.eat("&&") {
            conditions.push(self.one()?);
        }
        Ok(Condition::All(conditions))
    }

    fn one(&mut self) -> Result<Condition, LogsError> {
        if self.eat("(") {
            let inner = self.any()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(self.expected("')'"))
            };
        }
        Ok(Condition::Test(self.selector()?, self.test()?))
    }

    fn selector(&mut self) -> Result<Selector, LogsError> {
        if !self.eat("$") {
            return Err(self.expected("a selector ($.name)"));
        }
        let mut steps = Vec::new();
        loop {
            // No blanks inside of a selector.
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                steps.push(Step::Member(self.member()?));
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                steps.push(Step::Element(self.index()?));
            } else {
                break;
            }
        }
        if steps.is_empty() {
            Err(self.expected("a selector ($.name)"))
        } else {
            Ok(Selector(steps))
        }
    }

    fn member(&mut self) -> Result<String, LogsError> {
        let name = self.take_while(|c| c.is_alphanumeric() || c == '-' || c == '_');
        match name {
            "" if self.rest.starts_with('*') => Err(unsupported("wildcard selectors ($.*)")),
            "" => Err(bad_characters(
                self.rest
                    .chars()
                    .next()
                    .map_or("$.".to_owned(), |bad| format!("$.{bad}")),
            )),
            name => Ok(name.to_owned()),
        }
    }

    fn index(&mut self) -> Result<usize, LogsError> {
        if self.rest.starts_with('*') {
            return Err(unsupported("wildcard selectors ([*])"));
        }
        let digits = self.take_while(|c| c.is_ascii_digit());
        match (digits.parse(), self.rest.strip_prefix(']')) {
            (Ok(index), Some(rest)) => {
                self.rest = rest;
                Ok(index)
            }
            _ => Err(self.expected("an index and ']'")),
        }
    }

    fn test(&mut self) -> Result<Test, LogsError> {
        // The longer operators first.
        for (operator, comparison) in [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ] {
            if self.eat(operator) {
                return Ok(Test::Compare(comparison, self.number()?));
            }
        }
        if self.eat("!=") {
            return Ok(Test::Unlike(self.value()?));
        }
        if self.eat("=") {
            return Ok(Test::Like(self.value()?));
        }
        self.test_in_words()
    }

    fn test_in_words(&mut self) -> Result<Test, LogsError> {
        let before = self.rest;
        match (self.word(), self.word()) {
            ("IS", "NULL") => Ok(Test::Is(Value::Null)),
            ("IS", "TRUE") => Ok(Test::Is(Value::Bool(true))),
            ("IS", "FALSE") => Ok(Test::Is(Value::Bool(false))),
            ("NOT", "EXISTS") => Ok(Test::NotExists),
            (first, _) => {
                let wanted = if first == "IS" {
                    "NULL, TRUE or FALSE after IS"
                } else {
                    "an operator"
                };
                self.rest = before;
                Err(self.expected(wanted))
            }
        }
    }

    fn number(&mut self) -> Result<f64, LogsError> {
        self.skip_blanks();
        let before = self.rest;
        number(self.bare()).ok_or_else(|| {
            self.rest = before;
            self.expected("a number")
        })
    }

    fn value(&mut self) -> Result<Text, LogsError> {
        self.skip_blanks();
        if self.rest.starts_with('"') {
            let (text, rest) = quoted(self.rest)?;
            self.rest = rest;
            return Ok(Text::new(&text, None));
        }
        if self.rest.starts_with('%') {
            return Err(unsupported("regular expressions (%...%)"));
        }
        match self.bare() {
            "" => Err(self.expected("a value")),
            text => Ok(Text::new(text, number(text))),
        }
    }

    /// A value without quotes.
    fn bare(&mut self) -> &'p str {
        self.take_while(|c| c.is_alphanumeric() || "_-+.*".contains(c))
    }

    fn word(&mut self) -> &'p str {
        self.skip_blanks();
        self.take_while(|c| c.is_ascii_alphabetic())
    }

    fn take_while(&mut self, allowed: impl Fn(char) -> bool) -> &'p str {
        let end = self.rest.find(|c| !allowed(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_blanks();
        self.rest.chars().next()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expected(&self, what: &str) -> LogsError {
        match self.rest.trim() {
            "" => malformed(format!("expected {what} at the end")),
            rest => malformed(format!("expected {what} at '{rest}'")),
        }
    }
}

/// The number that `text` is. Words that Rust reads as numbers, such as `inf`, are texts.
fn number(text: &str) -> Option<f64> {
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let letters_ok = text.chars().all(|c| !c.is_alphabetic() || c == 'e' || c == 'E');
    if numeric && letters_ok { text.parse().ok() } else { None }
}
