//! The neutral tree between typed shapes and bytes: every codec reads and writes documents, and no codec knows a shape.
//!
//! A document of a structure is positional: its members stand in the order of the schema, which is why names never
//! travel through it. Documents say nothing about spelling; that is the business of [`crate::schema`].

use std::collections::BTreeMap;
use std::fmt;

pub use berth_core::kernel::Timestamp;

/// Bytes, spelled as base64 by every protocol that is text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

/// One value of any kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Document {
    /// Absent, or an explicit null: AWS does not tell them apart.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Integers of every width.
    Integer(i64),
    /// Finite numbers only.
    Double(f64),
    /// Text, members of enumerations included.
    String(String),
    /// Bytes.
    Blob(Blob),
    /// A moment in milliseconds.
    Timestamp(Timestamp),
    /// Values of one kind; of any kind in free-form JSON.
    List(Vec<Document>),
    /// Values of one kind under text keys; of any kind in free-form JSON.
    Map(BTreeMap<String, Document>),
    /// The members of a structure in the order of its schema, `Null` where absent.
    Structure(Vec<Document>),
}

impl Document {
    /// Whether nothing is there.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// What people call such a value, with its article.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Double(_) => "a number",
            Self::String(_) => "a string",
            Self::Blob(_) => "a blob",
            Self::Timestamp(_) => "a timestamp",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Structure(_) => "a structure",
        }
    }
}

impl From<&str> for Document {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Document {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<String>> for Document {
    fn from(texts: Vec<String>) -> Self {
        Self::List(texts.into_iter().map(Self::String).collect())
    }
}

/// Why bytes are not the request or the response that they should be. Paths read like
/// `containerDefinitions[0].name`; the path of the whole is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not even the syntax of the protocol.
    Malformed {
        /// What the parser says.
        detail: String,
    },
    /// A value of another kind, or one that its kind cannot hold.
    WrongType {
        /// Where.
        path: String,
        /// What the model wants, with its article.
        expected: &'static str,
        /// What is there, with its article.
        found: &'static str,
    },
    /// A member without which the structure means nothing.
    Missing {
        /// Where it should be.
        path: String,
    },
    /// Nested deeper than any model.
    TooDeep,
    /// More values than any honest request has.
    TooLarge {
        /// The value with which it became too much.
        path: String,
    },
}

impl DecodeError {
    /// The same error seen from one level further out.
    #[must_use]
    pub(crate) fn inside(mut self, outer: &str) -> Self {
        match &mut self {
            Self::WrongType { path, .. } | Self::Missing { path } | Self::TooLarge { path } => {
                let joint = if path.is_empty() || path.starts_with('[') {
                    ""
                } else {
                    "."
                };
                *path = format!("{outer}{joint}{path}");
            }
            Self::Malformed { .. } | Self::TooDeep => {}
        }
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { detail } => write!(f, "the request cannot be parsed: {detail}"),
            Self::WrongType { path, expected, found } if path.is_empty() => {
                write!(f, "expected {expected}, found {found}")
            }
            Self::WrongType { path, expected, found } => write!(f, "{path}: expected {expected}, found {found}"),
            Self::Missing { path } => write!(f, "{path}: required, but missing"),
            Self::TooDeep => write!(f, "values are nested too deeply"),
            Self::TooLarge { path } => write!(f, "{path}: too many values"),
        }
    }
}

impl std::error::Error for DecodeError {}
