//! Tags of a resource: keys and values in the order in which they were given.

use serde::{Deserialize, Serialize};

/// Tags of a resource, unique by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<(String, String)>);

/// Why tags were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagFault {
    /// More than [`Tags::MOST`].
    TooMany,
    /// A key that is empty, too long, reserved or has characters that tags may not have.
    Key(String),
    /// A value that is too long or has characters that tags may not have.
    Value(String),
    /// The same key twice.
    Duplicate(String),
}

impl Tags {
    /// The most tags that a resource may have.
    pub const MOST: usize = 50;

    /// Checks AWS's limits: 50 tags; keys of 1 to 128 and values of up to 256 characters; `aws:` is reserved.
    ///
    /// # Errors
    /// The first fault found.
    pub fn new(tags: Vec<(String, String)>) -> Result<Self, TagFault> {
        if tags.len() > Self::MOST {
            return Err(TagFault::TooMany);
        }
        for (at, (key, value)) in tags.iter().enumerate() {
            let reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
            if key.is_empty() || key.chars().count() > 128 || reserved || !key.chars().all(is_tag_char) {
                return Err(TagFault::Key(key.clone()));
            }
            if value.chars().count() > 256 || !value.chars().all(is_tag_char) {
                return Err(TagFault::Value(key.clone()));
            }
            if tags[..at].iter().any(|(other, _)| other == key) {
                return Err(TagFault::Duplicate(key.clone()));
            }
        }
        Ok(Self(tags))
    }

    /// Keys and values.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, String)> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn limits_hold() {
        assert!(Tags::new(vec![tag("team", "a b/c:d@e")]).is_ok());
        assert_eq!(Tags::new(vec![tag("AWS:x", "")]), Err(TagFault::Key("AWS:x".into())));
        assert_eq!(Tags::new(vec![tag("", "")]), Err(TagFault::Key(String::new())));
        assert_eq!(Tags::new(vec![tag("a", "\u{7}")]), Err(TagFault::Value("a".into())));
        assert_eq!(
            Tags::new(vec![tag("a", ""), tag("a", "")]),
            Err(TagFault::Duplicate("a".into()))
        );
        assert_eq!(
            Tags::new((0..51).map(|n| tag(&n.to_string(), "")).collect()),
            Err(TagFault::TooMany)
        );
    }
}
