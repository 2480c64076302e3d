//! `Filter.N`: chooses items by the values that they have under a filter's name.
//!
//! All filters must match, each by any of its values. Values are case-sensitive patterns: `*` stands for any text, `?` for
//! one character, and a backslash takes the meaning from the character behind it. There are no tags yet, so filters on tags
//! are known and match nothing.

use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::Filter;

use super::invalid_value;

/// A filter that a resource knows: its spellings, and the values that an item has under it.
pub(super) struct Key<T>(pub &'static [&'static str], pub fn(&T) -> Vec<String>);

/// The most values that the filters of one request may have.
const MOST_VALUES: usize = 200;

/// What a field has to say to a filter: its value, if it has one.
pub(super) fn value<V: ToString>(field: &Option<V>) -> Vec<String> {
    field.iter().map(ToString::to_string).collect()
}

/// Under a name that a resource knows and no item has a value for.
pub(super) fn nothing<T>(_: &T) -> Vec<String> {
    Vec::new()
}

/// The items that match all filters.
///
/// # Errors
/// A filter without a name or values, one that is not among `keys`, or too many values.
pub(super) fn select<T>(items: Vec<T>, keys: &[Key<T>], filters: Option<&[Filter]>) -> Result<Vec<T>, ServiceError> {
    let filters = filters.unwrap_or_default();
    let given: usize = filters
        .iter()
        .map(|filter| filter.values.as_deref().unwrap_or_default().len())
        .sum();
    if given > MOST_VALUES {
        let text = format!("The maximum number of filter values specified on a single call is {MOST_VALUES}");
        return Err(ServiceError::client("FilterLimitExceeded", text));
    }
    let conditions: Vec<Condition<T>> = filters
        .iter()
        .map(|filter| Condition::of(keys, filter))
        .collect::<Result<_, _>>()?;
    let chosen = |item: &T| conditions.iter().all(|condition| condition.holds(item));
    Ok(items.into_iter().filter(chosen).collect())
}

/// A filter of a request, understood.
struct Condition<T> {
    values: fn(&T) -> Vec<String>,
    patterns: Vec<Pattern>,
}

impl<T> Condition<T> {
    fn of(keys: &[Key<T>], filter: &Filter) -> Result<Self, ServiceError> {
        let name = filter.name.as_deref().unwrap_or("null");
        // What stands behind the colon is the key of a tag: any text.
        let known = if name.starts_with("tag:") { "tag" } else { name };
        let key = keys.iter().find(|key| name != "tag" && key.0.contains(&known));
        let key = key.ok_or_else(|| invalid_value(format!("The filter '{name}' is invalid")))?;
        let patterns: Vec<Pattern> = filter.values.iter().flatten().map(|text| Pattern::of(text)).collect();
        if patterns.is_empty() {
            return Err(invalid_value(format!(
                "The filter '{name}' must have at least one value"
            )));
        }
        Ok(Self {
            values: key.1,
            patterns,
        })
    }

    fn holds(&self, item: &T) -> bool {
        let values = (self.values)(item);
        values
            .iter()
            .any(|value| self.patterns.iter().any(|pattern| pattern.matches(value)))
    }
}

/// A value of a filter.
struct Pattern(Vec<Piece>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    AnyText,
    AnyCharacter,
    Character(char),
}

impl Pattern {
    fn of(text: &str) -> Self {
        let mut rest = text.chars();
        let mut pieces = Vec::new();
        while let Some(character) = rest.next() {
            pieces.push(match character {
                '*' => Piece::AnyText,
                '?' => Piece::AnyCharacter,
                // A backslash at the end stands for itself.
                '\\' => Piece::Character(rest.next().unwrap_or('\\')),
                other => Piece::Character(other),
            });
        }
        Self(pieces)
    }

    /// Goes back to the last `*` only, which is enough and keeps the work below length times length.
    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut piece) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(piece) {
                Some(Piece::AnyText) => {
                    retry = Some((at, piece));
                    piece += 1;
                }
                Some(Piece::AnyCharacter) => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Character(wanted)) if *wanted == text[at] => (at, piece) = (at + 1, piece + 1),
                Some(Piece::Character(_)) | None => {
                    let Some((from, star)) = retry else { return false };
                    retry = Some((from + 1, star));
                    (at, piece) = (from + 1, star + 1);
                }
            }
        }
        self.0[piece..].iter().all(|rest| *rest == Piece::AnyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fruit(&'static str, &'static [&'static str]);

    const KEYS: &[Key<Fruit>] = &[
        Key(&["name", "fruit-name"], |fruit| vec![fruit.0.to_owned()]),
        Key(&["colour"], |fruit| {
            fruit.1.iter().map(|colour| (*colour).to_owned()).collect()
        }),
        Key(&["tag", "tag-key"], nothing),
    ];

    fn filter(name: &str, values: &[&str]) -> Filter {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Filter {
            name: Some(name.to_owned()),
            values: Some(values),
        }
    }

    fn chosen(filters: &[Filter]) -> Result<Vec<&'static str>, String> {
        let fruits = vec![
            Fruit("apple", &["red", "green"]),
            Fruit("banana", &["yellow"]),
            Fruit("cherry", &["red"]),
        ];
        let chosen = select(fruits, KEYS, Some(filters));
        chosen
            .map(|fruits| fruits.iter().map(|fruit| fruit.0).collect())
            .map_err(|error| format!("{}: {}", error.code, error.message))
    }

    #[test]
    fn all_filters_must_match_each_by_any_value() {
        assert_eq!(chosen(&[]).unwrap(), ["apple", "banana", "cherry"]);
        assert_eq!(
            chosen(&[filter("colour", &["green", "yellow"])]).unwrap(),
            ["apple", "banana"]
        );
        let both = [filter("colour", &["red"]), filter("fruit-name", &["c*", "b*"])];
        assert_eq!(chosen(&both).unwrap(), ["cherry"]);
        assert_eq!(chosen(&[filter("colour", &["RED"])]).unwrap(), [""; 0]);
    }

    #[test]
    fn tags_are_known_and_match_nothing() {
        for name in ["tag:Name", "tag:", "tag-key"] {
            assert_eq!(chosen(&[filter(name, &["*"])]).unwrap(), [""; 0], "{name}");
        }
    }

    #[test]
    fn a_filter_that_means_nothing_is_refused() {
        let invalid = |text: &str| Err(format!("InvalidParameterValue: {text}"));
        assert_eq!(
            chosen(&[filter("taste", &["x"])]),
            invalid("The filter 'taste' is invalid")
        );
        assert_eq!(chosen(&[filter("tag", &["x"])]), invalid("The filter 'tag' is invalid"));
        assert_eq!(chosen(&[Filter::default()]), invalid("The filter 'null' is invalid"));
        assert_eq!(
            chosen(&[filter("name", &[])]),
            invalid("The filter 'name' must have at least one value")
        );
    }

    #[test]
    fn a_request_has_at_most_200_values() {
        let values = |count| filter("name", &vec!["apple"; count]);
        assert_eq!(chosen(&[values(200)]).unwrap(), ["apple"]);
        assert!(
            chosen(&[values(200), values(1)])
                .unwrap_err()
                .starts_with("FilterLimitExceeded: ")
        );
    }

    #[test]
    fn wildcards() {
        for (pattern, text, matches) in [
            ("172.31.*", "172.31.0.4", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b", "abab", true),
            ("*b*b", "aba", false),
            ("a**", "a", true),
            ("*ab", "aaab", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            (r"a\", r"a\", true),
            ("?", "é", true),
        ] {
            assert_eq!(Pattern::of(pattern).matches(text), matches, "{pattern} {text}");
        }
        let hard = "*a".repeat(60);
        assert!(!Pattern::of(&hard).matches(&"a".repeat(59)));
    }
}
