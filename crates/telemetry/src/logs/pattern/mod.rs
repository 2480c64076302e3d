//! Filter patterns: which messages FilterLogEvents returns.
//!
//! Source: "Filter pattern syntax" in the CloudWatch Logs user guide. Supported are terms (`ERROR "exact phrase"
//! -excluded`, or only optional ones, `?WARN ?ERROR`) and conditions on JSON (`{ $.latency > 5 && $.user.name = "a*" }`).
//! Space-delimited patterns (`[ip, user, ...]`) and regular expressions (`%...%`) are refused, never ignored.

mod json;
mod parse;
mod terms;

use super::{LogsError, limits};

/// A filter pattern, ready to match messages.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterPattern(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Everything,
    Terms(terms::Terms),
    Json(json::Condition),
}

impl FilterPattern {
    /// Reads a pattern as clients write it. The empty pattern matches every message.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`] when the pattern is malformed or not supported; the message says where.
    pub fn parse(pattern: &str) -> Result<Self, LogsError> {
        if pattern.chars().nth(limits::PATTERN_CHARS).is_some() {
            let message = format!(
                "Invalid filter pattern: it has more than {} characters",
                limits::PATTERN_CHARS
            );
            return Err(LogsError::invalid(message));
        }
        let pattern = pattern.trim();
        let kind = match pattern.chars().next() {
            None => Kind::Everything,
            Some('{') => Kind::Json(parse::condition(braced(pattern)?)?),
            Some('[') => return Err(unsupported("space-delimited patterns ([...])")),
            Some('%') => return Err(unsupported("regular expressions (%...%)")),
            Some(_) => Kind::Terms(terms::Terms::parse(pattern)?),
        };
        Ok(Self(kind))
    }

    /// Whether `message` matches.
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Terms(terms) => terms.match_text(message),
            Kind::Json(condition) => {
                message.trim_start().starts_with(['{', '['])
                    && serde_json::from_str(message).is_ok_and(|value| condition.holds(&value))
            }
        }
    }
}

fn braced(pattern: &str) -> Result<&str, LogsError> {
    let inner = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.ok_or_else(|| LogsError::invalid("If a filter pattern starts with '{' it must end with '}'"))
}

fn unsupported(what: &str) -> LogsError {
    LogsError::invalid(format!("Invalid filter pattern: {what} are not supported"))
}

fn malformed(what: impl std::fmt::Display) -> LogsError {
    LogsError::invalid(format!("Invalid filter pattern: {what}"))
}

fn bad_characters(text: impl std::fmt::Display) -> LogsError {
    LogsError::invalid(format!("Invalid filter pattern: Invalid character(s) in term '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        FilterPattern::parse(pattern)
            .unwrap_or_else(|error| panic!("{pattern}: {error}"))
            .matches(message)
    }

    fn refusal(pattern: &str) -> String {
        FilterPattern::parse(pattern).expect_err(pattern).to_string()
    }

    #[test]
    fn an_empty_pattern_matches_everything() {
        assert!(matches("", "anything") && matches("  ", "anything"));
    }

    #[test]
    fn all_terms_must_appear() {
        for (pattern, message, expected) in [
            ("ERROR", "[ERROR 400] BAD REQUEST", true),
            ("ERROR", "Exiting with ERRORCODE: -1", true),
            ("ERROR", "error", false),
            ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
            ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", false),
            (r#""INTERNAL SERVER ERROR""#, "[ERROR 500] INTERNAL SERVER ERROR", true),
            (r#""INTERNAL SERVER ERROR""#, "INTERNAL ERROR OF THE SERVER", false),
            (r#""say \"hi\" c:\\""#, r#"they say "hi" c:\ "#, true),
            ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", true),
            ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
            (r#"ERROR -"BAD REQUEST""#, "[ERROR 400] BAD REQUEST", false),
            ("-DEBUG", "INFO", true),
        ] {
            assert_eq!(matches(pattern, message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn one_optional_term_is_enough_and_beside_others_they_do_not_count() {
        assert!(matches("?ERROR ?WARN", "WARN message"));
        assert!(!matches("?ERROR ?WARN", "INFO message"));
        // The user guide: combined with other terms, all question mark terms are ignored.
        assert!(matches("?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED"));
        assert!(!matches("?ERROR ?ARGUMENTS REQUEST", "ERROR"));
    }

    const EVENT: &str = r#"{
        "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true,
        "user": {"id": 1, "email": "John.Stiles@example.com"}, "users": [{"id": 2, "email": "John.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6]], "latency": 512.5, "detail-type": "x"
    }"#;

    #[test]
    fn conditions_of_the_user_guide() {
        for (pattern, expected) in [
            (r#"{ $.eventType = "UpdateTrail" }"#, true),
            (r#"{$.eventType="UpdateTrail"}"#, true),
            ("{ $.eventType = Update* }", true),
            ("{ $.eventType = *Trail }", true),
            ("{ $.eventType = *ateTr* }", true),
            ("{ $.eventType = Up*Trail }", false),
            (r#"{ $.eventType != "UpdateTrail" }"#, false),
            ("{ $.sourceIPAddress != 123.123.* }", true),
            ("{ $.sourceIPAddress = 111.111.* }", true),
            (r#"{ $.arrayKey[0] = "value" }"#, true),
            (r#"{ $.arrayKey[7] = "value" }"#, false),
            ("{ $.objectList[1].id = 2 }", true),
            ("{ $.SomeObject IS NULL }", true),
            ("{ $.eventType IS NULL }", false),
            ("{ $.SomeOtherObject NOT EXISTS }", true),
            ("{ $.SomeObject NOT EXISTS }", false),
            ("{ $.ThisFlag IS TRUE }", true),
            ("{ $.ThisFlag IS FALSE }", false),
            (
                r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#,
                true,
            ),
            (
                r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#,
                false,
            ),
            (
                r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = no }"#,
                true,
            ),
            (
                r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = no }"#,
                false,
            ),
            ("{ $.users = 1 }", false),
            ("{ $.users != 1 }", false),
            ("{ $.missing != 1 }", false),
            ("{ $.latency >= 500 }", true),
            ("{ $.latency > 512.5 }", false),
            ("{ $.latency < 10e3 }", true),
            ("{ $.latency <= +10e-3 }", false),
            ("{ $.latency = 5125e-1 }", true),
            ("{ $.latency = * }", true),
            ("{ $.missing = * }", false),
            ("{ $.eventType > 5 }", false),
            ("{ $.detail-type = x }", true),
            ("{ $.coordinates[1][2] = 6 }", true),
        ] {
            assert_eq!(matches(pattern, EVENT), expected, "{pattern}");
        }
    }

    #[test]
    fn messages_that_are_not_json_do_not_match_conditions() {
        for message in ["", "latency", "{ \"latency\": ", "5", "\"text\""] {
            assert!(!matches("{ $.missing NOT EXISTS }", message), "{message}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for (pattern, words) in [
            ("[ip, user, ...]", "space-delimited"),
            ("%ERROR%", "regular expressions"),
            ("{ $.a = %x% }", "regular expressions"),
            ("{ $.a[*] = 1 }", "wildcard"),
            ("{ $.* = 1 }", "wildcard"),
            ("{ $.a = 1", "must end with '}'"),
            ("{ }", "expected a selector"),
            ("{ $.a }", "expected an operator"),
            ("{ $.a = }", "expected a value"),
            ("{ $.a > x }", "expected a number"),
            ("{ $.a > \"5\" }", "expected a number"),
            ("{ $.a = 1 $.b = 2 }", "'&&' or '||'"),
            ("{ ($.a = 1 }", "')'"),
            ("{ $.a IS 1 }", "NULL, TRUE or FALSE"),
            ("{ $.a EXISTS }", "expected an operator"),
            ("{ $.a = \"x }", "closing quote"),
            ("{ $a = 1 }", "selector"),
            ("{ $.a[x] = 1 }", "index"),
            ("one:two", "Invalid character(s) in term ':'"),
            ("a ( b", "Invalid character(s) in term '('"),
            (r#""""#, r#"Invalid character(s) in term '""'"#),
            (r#""open"#, "closing quote"),
            ("ERROR -", "term"),
        ] {
            let refusal = refusal(pattern);
            assert!(refusal.contains(words), "{pattern}: {refusal}");
        }
        assert!(refusal(&"a".repeat(1025)).contains("1024"));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(500), ")".repeat(500));
        assert!(matches(&deep, r#"{"a": 1}"#));
    }
}
