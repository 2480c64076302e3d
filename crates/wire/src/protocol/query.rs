//! awsQuery and ec2Query requests: a form whose dotted keys are paths into the input.
//!
//! `Filter.1.Value.2=x` is the second value of the first filter. The two dialects differ in names and in what stands
//! around lists. Answers of both are XML, see [`super::xml`].

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::moment;
use super::walk::{Budget, MAX_DEPTH, Path};
use crate::document::{Blob, DecodeError, Document};
use crate::schema::{Kind, ListSchema, MapSchema, Member, StructureSchema, TimestampFormat};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `Tags.member.1.Key`.
    Aws,
    /// `Filter.1.Name`.
    Ec2,
}

/// Reads a structure out of the pairs of a form. `Action`, `Version` and whatever else the model lacks is ignored.
pub(super) fn decode(
    pairs: &[(String, String)],
    schema: &'static StructureSchema,
    dialect: Dialect,
) -> Result<Document, DecodeError> {
    let tree = Node::tree(pairs)?;
    let budget = Budget::new();
    Reader { dialect, budget }.structure(&tree, schema, &Path::WHOLE)
}

/// All keys with a common beginning.
#[derive(Default)]
struct Node<'p> {
    value: Option<&'p str>,
    children: BTreeMap<&'p str, Node<'p>>,
}

impl<'p> Node<'p> {
    fn tree(pairs: &'p [(String, String)]) -> Result<Self, DecodeError> {
        let mut root = Self::default();
        for (key, value) in pairs {
            // A list takes two steps of a key and one of a path.
            if key.split('.').count() > 2 * MAX_DEPTH {
                return Err(DecodeError::TooDeep);
            }
            let node = key
                .split('.')
                .fold(&mut root, |node, step| node.children.entry(step).or_default());
            node.value = Some(value);
        }
        Ok(root)
    }

    /// Children whose keys are numbers, in the order of the numbers. Gaps do not matter.
    fn numbered(&self) -> Vec<&Node<'p>> {
        let children = self.children.iter();
        let mut numbered: Vec<(u64, &Node<'p>)> = children
            .filter_map(|(key, node)| key.parse().ok().map(|number| (number, node)))
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, node)| node).collect()
    }

    fn child(&self, name: &str) -> Option<&Node<'p>> {
        self.children.get(name)
    }
}

struct Reader {
    dialect: Dialect,
    budget: Budget,
}

impl Reader {
    fn value(&self, node: &Node<'_>, kind: Kind, path: &Path<'_>) -> Result<Document, DecodeError> {
        match kind {
            Kind::Structure(schema) => self.structure(node, schema, path),
            Kind::List(schema) => self.list(node, schema, path),
            Kind::Map(schema) => self.map(node, schema, path),
            Kind::Boolean
            | Kind::Integer
            | Kind::Long
            | Kind::Double
            | Kind::String
            | Kind::Enum(_)
            | Kind::Blob
            | Kind::Timestamp(_)
            | Kind::Document => {
                let text = node.value.ok_or_else(|| path.wrong_type(kind, "a structure"))?;
                scalar(text, kind).ok_or_else(|| path.wrong_type(kind, "other text"))
            }
        }
    }

    fn structure(&self, node: &Node<'_>, schema: &StructureSchema, path: &Path<'_>) -> Result<Document, DecodeError> {
        let mut values = self.budget.members(schema, path)?;
        for (member, value) in schema.members.iter().zip(&mut values) {
            if let Some(child) = node.child(&self.key(member)) {
                *value = self.value(child, member.kind, &path.name(member.name)?)?;
            }
        }
        path.complete(schema, &values)?;
        Ok(Document::Structure(values))
    }

    fn list(&self, node: &Node<'_>, schema: &'static ListSchema, path: &Path<'_>) -> Result<Document, DecodeError> {
        let around = match self.dialect {
            Dialect::Ec2 => Some(node),
            Dialect::Aws if schema.flattened => Some(node),
            Dialect::Aws => node.child(schema.member_name),
        };
        let mut values = Vec::new();
        for (index, child) in around.map(Node::numbered).unwrap_or_default().into_iter().enumerate() {
            self.budget.grow(index, path)?;
            values.push(self.value(child, schema.member, &path.index(index)?)?);
        }
        // An empty list is spelled `Key=`; anything else without numbers is no list.
        let is_list = !values.is_empty() || node.value == Some("");
        if is_list {
            Ok(Document::List(values))
        } else {
            Err(path.wrong_type(Kind::List(schema), "something else"))
        }
    }

    fn map(&self, node: &Node<'_>, schema: &MapSchema, path: &Path<'_>) -> Result<Document, DecodeError> {
        let around = if schema.flattened {
            Some(node)
        } else {
            node.child("entry")
        };
        let mut values = BTreeMap::new();
        for entry in around.map(Node::numbered).unwrap_or_default() {
            self.budget.grow(values.len(), path)?;
            let key = entry
                .child(schema.key_name)
                .and_then(|key| key.value)
                .unwrap_or_default();
            let path = path.name(key)?;
            let value = entry.child(schema.value_name);
            let value = value.ok_or_else(|| DecodeError::Missing { path: path.to_string() })?;
            values.insert(key.to_owned(), self.value(value, schema.value, &path)?);
        }
        Ok(Document::Map(values))
    }

    /// The step of a key that stands for this member.
    fn key(&self, member: &Member) -> String {
        match (self.dialect, member.kind) {
            (Dialect::Ec2, _) => member
                .query_name()
                .map_or_else(|| capitalised(member.location()), str::to_owned),
            (Dialect::Aws, Kind::List(list)) if list.flattened && list.member_name != "member" => {
                list.member_name.to_owned()
            }
            (Dialect::Aws, _) => member.location().to_owned(),
        }
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

fn scalar(text: &str, kind: Kind) -> Option<Document> {
    match kind {
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Some(Document::Bool(true)),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Some(Document::Bool(false)),
        Kind::Boolean => None,
        Kind::Integer => text.parse::<i32>().ok().map(|value| Document::Integer(value.into())),
        Kind::Long => text.parse().ok().map(Document::Integer),
        Kind::Double => text
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(Document::Double),
        Kind::String | Kind::Enum(_) | Kind::Document => Some(text.into()),
        Kind::Blob => STANDARD.decode(text).ok().map(|bytes| Document::Blob(Blob(bytes))),
        Kind::Timestamp(TimestampFormat::Protocol | TimestampFormat::Iso8601) => {
            moment::from_iso8601(text).map(Document::Timestamp)
        }
        Kind::Timestamp(TimestampFormat::EpochSeconds) => text
            .parse()
            .ok()
            .and_then(moment::from_epoch_seconds)
            .map(Document::Timestamp),
        Kind::List(_) | Kind::Map(_) | Kind::Structure(_) => None,
    }
}
