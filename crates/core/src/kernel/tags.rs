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
            if key.is_empty() || key.chars().count() > 128 || is_reserved(key) || !key.chars().all(is_tag_char) {
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

    /// These tags and `more`, which win over those of the same key.
    ///
    /// # Errors
    /// More than [`Tags::MOST`] that are the user's own.
    pub fn with(&self, more: &Self) -> Result<Self, TagFault> {
        let renewed = self
            .iter()
            .map(|(key, value)| (key.clone(), more.get(key).unwrap_or(value).to_owned()));
        let added = more.iter().filter(|(key, _)| self.get(key).is_none()).cloned();
        let all: Vec<(String, String)> = renewed.chain(added).collect();
        let own = all.iter().filter(|(key, _)| !is_reserved(key)).count();
        if own <= Self::MOST {
            Ok(Self(all))
        } else {
            Err(TagFault::TooMany)
        }
    }

    /// These tags without those of `keys`. A key that is not there is no fault.
    ///
    /// # Errors
    /// A reserved key: its tag is not the user's to take.
    pub fn without(&self, keys: &[String]) -> Result<Self, TagFault> {
        if let Some(key) = keys.iter().find(|key| is_reserved(key)) {
            return Err(TagFault::Key(key.clone()));
        }
        let kept = self.iter().filter(|(key, _)| !keys.contains(key));
        Ok(Self(kept.cloned().collect()))
    }

    /// The value of the tag with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.iter().find(|(other, _)| other == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Adds a tag of ECS's own. It counts towards no limit, and users cannot give it.
    pub fn manage(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
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

/// Whether AWS keeps this key to itself.
fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
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

    #[test]
    fn tags_come_and_go() {
        let tags =
            |list: &[(&str, &str)]| Tags::new(list.iter().map(|(key, value)| tag(key, value)).collect()).unwrap();
        let few = tags(&[("a", "1"), ("b", "2")]);
        assert_eq!(
            few.with(&tags(&[("a", "3"), ("c", "")])),
            Ok(tags(&[("a", "3"), ("b", "2"), ("c", "")]))
        );
        assert_eq!(few.without(&["a".into(), "z".into()]), Ok(tags(&[("b", "2")])));
        assert_eq!(few.without(&["aws:x".into()]), Err(TagFault::Key("aws:x".into())));
        let many = Tags::new((0..49).map(|n| tag(&n.to_string(), "")).collect()).unwrap();
        assert_eq!(many.with(&few), Err(TagFault::TooMany));
        assert!(many.with(&tags(&[("a", "")])).is_ok());
        assert!(
            Tags::new((0..50).map(|n| tag(&n.to_string(), "")).collect())
                .unwrap()
                .with(&tags(&[("0", "x")]))
                .is_ok()
        );
    }
}
