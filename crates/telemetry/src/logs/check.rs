//! Validation of parameters in AWS's words: every broken constraint is listed in one message.
//!
//! It knows the form of values only, not whether what they name exists.

use super::{LogsError, limits};
use std::fmt::Display;

/// The constraints that a request breaks.
#[derive(Default)]
pub(super) struct Checks {
    violations: Vec<String>,
}

impl Checks {
    /// A group's name (or a prefix of one).
    pub(super) fn group(mut self, field: &str, name: &str) -> Self {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_/#".contains(c);
        if name.is_empty() || !name.chars().all(allowed) {
            self.add(
                field,
                name,
                r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+",
            );
        }
        self.length(field, name, limits::NAME_CHARS)
    }

    /// A stream's name (or a prefix of one).
    pub(super) fn stream(mut self, field: &str, name: &str) -> Self {
        if name.contains([':', '*']) {
            self.add(field, name, "Member must satisfy regular expression pattern: [^:*]*");
        }
        self.length(field, name, limits::NAME_CHARS)
    }

    /// A text of 1 to `max` characters.
    pub(super) fn length(mut self, field: &str, text: &str, max: usize) -> Self {
        if text.is_empty() {
            self.add(field, text, "Member must have length greater than or equal to 1");
        } else if text.chars().nth(max).is_some() {
            self.add(
                field,
                text,
                format!("Member must have length less than or equal to {max}"),
            );
        }
        self
    }

    /// A list of 1 to `max` members, named by its length because its content may be large.
    pub(super) fn count(mut self, field: &str, count: usize, max: usize) -> Self {
        let value = format!("[{count} members]");
        if count == 0 {
            self.add(field, value, "Member must have length greater than or equal to 1");
        } else if count > max {
            self.add(
                field,
                value,
                format!("Member must have length less than or equal to {max}"),
            );
        }
        self
    }

    /// A number from `min` to `max`, if it is given.
    pub(super) fn range(mut self, field: &str, value: Option<i64>, (min, max): (i64, i64)) -> Self {
        match value {
            Some(value) if value < min => {
                self.add(
                    field,
                    value,
                    format!("Member must have value greater than or equal to {min}"),
                );
            }
            Some(value) if value > max => {
                self.add(
                    field,
                    value,
                    format!("Member must have value less than or equal to {max}"),
                );
            }
            Some(_) | None => {}
        }
        self
    }

    /// A point in time, if it is given.
    pub(super) fn time(self, field: &str, value: Option<i64>) -> Self {
        self.range(field, value, (0, i64::MAX))
    }

    /// A constraint that is broken anyway.
    pub(super) fn add(&mut self, field: &str, value: impl Display, constraint: impl Display) {
        self.violations.push(format!(
            "Value '{value}' at '{field}' failed to satisfy constraint: {constraint}"
        ));
    }

    /// `Ok` if nothing is broken.
    pub(super) fn done(self) -> Result<(), LogsError> {
        let count = self.violations.len();
        let errors = if count == 1 { "error" } else { "errors" };
        match count {
            0 => Ok(()),
            _ => Err(LogsError::invalid(format!(
                "{count} validation {errors} detected: {}",
                self.violations.join("; ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(checks: Checks) -> String {
        checks.done().unwrap_err().to_string()
    }

    #[test]
    fn well_formed_names_pass() {
        let longest = "a".repeat(512);
        for name in ["/ecs/web-1_2.x#y", &longest] {
            Checks::default().group("logGroupName", name).done().unwrap();
        }
        for name in ["web/nginx/0123", "with space [$LATEST] é", &"é".repeat(512)] {
            Checks::default().stream("logStreamName", name).done().unwrap();
        }
    }

    #[test]
    fn the_words_are_those_of_aws() {
        assert_eq!(
            message(Checks::default().group("logGroupNamePrefix", "")),
            "2 validation errors detected: Value '' at 'logGroupNamePrefix' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+; Value '' at 'logGroupNamePrefix' failed to \
             satisfy constraint: Member must have length greater than or equal to 1"
        );
        assert_eq!(
            message(Checks::default().stream("logStreamName", "a:b")),
            "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [^:*]*"
        );
        assert_eq!(
            message(Checks::default().time("startTime", Some(-5))),
            "1 validation error detected: Value '-5' at 'startTime' failed to satisfy constraint: Member must have \
             value greater than or equal to 0"
        );
    }

    #[test]
    fn bounds_are_inclusive() {
        let limit = |value| Checks::default().range("limit", Some(value), (1, 50)).done();
        assert!(limit(1).is_ok() && limit(50).is_ok());
        assert!(limit(0).is_err() && limit(51).is_err());
        assert!(
            Checks::default()
                .group("logGroupName", &"a".repeat(513))
                .done()
                .is_err()
        );
    }
}
