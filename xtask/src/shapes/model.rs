//! A service model as botocore publishes it, as far as the generator reads it.
//!
//! What the generator does not understand and must not ignore (streams, places outside the body) is an error here, so
//! that a new service cannot be half generated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use anyhow::{Context, Result, bail};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::Addition;

/// A whole service.
#[derive(serde::Deserialize)]
pub(super) struct Model {
    pub(super) metadata: Metadata,
    pub(super) operations: BTreeMap<String, Operation>,
    shapes: BTreeMap<String, Shape>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) api_version: String,
    pub(super) endpoint_prefix: String,
    pub(super) signing_name: Option<String>,
    pub(super) service_id: String,
    pub(super) target_prefix: Option<String>,
    pub(super) xml_namespace: Option<String>,
    pub(super) json_version: Option<String>,
    pub(super) protocols: Vec<String>,
    pub(super) aws_query_compatible: Option<serde::de::IgnoredAny>,
}

#[derive(serde::Deserialize)]
pub(super) struct Operation {
    pub(super) input: Option<Reference>,
    pub(super) output: Option<Reference>,
    #[serde(default)]
    pub(super) errors: Vec<Reference>,
    #[serde(default)]
    pub(super) readonly: bool,
    #[serde(default)]
    pub(super) idempotent: bool,
}

/// The use of a shape, with what is said at the place of use.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) shape: String,
    pub(super) location_name: Option<String>,
    pub(super) query_name: Option<String>,
    pub(super) timestamp_format: Option<String>,
    pub(super) result_wrapper: Option<String>,
    location: Option<String>,
    #[serde(default)]
    streaming: bool,
    #[serde(default)]
    xml_attribute: bool,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) type_name: String,
    #[serde(default)]
    pub(super) members: Ordered<Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) timestamp_format: Option<String>,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default)]
    pub(super) document: bool,
    #[serde(default)]
    pub(super) exception: bool,
    #[serde(default)]
    pub(super) fault: bool,
    pub(super) error: Option<ErrorCode>,
    #[serde(default)]
    eventstream: bool,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorCode {
    pub(super) code: Option<String>,
    pub(super) http_status_code: Option<u16>,
}

impl Model {
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).context("not a service model")
    }

    /// Adds a member behind those of the model. Fails once the model has it, so that the table of additions shrinks.
    pub(super) fn add(&mut self, addition: &Addition) -> Result<()> {
        let Addition {
            structure,
            member,
            shape,
            ..
        } = addition;
        self.shape(shape)?;
        let known = self
            .shapes
            .get_mut(*structure)
            .with_context(|| format!("the model has no shape {structure}"))?;
        if known.members.0.iter().any(|(name, _)| name == member) {
            bail!("the model has {structure}.{member} by now: remove the addition");
        }
        known.members.0.push(((*member).to_owned(), Reference::plain(shape)));
        Ok(())
    }

    pub(super) fn shape(&self, name: &str) -> Result<&Shape> {
        self.shapes
            .get(name)
            .with_context(|| format!("the model has no shape {name}"))
    }

    pub(super) fn operation(&self, name: &str) -> Result<&Operation> {
        self.operations
            .get(name)
            .with_context(|| format!("the model has no operation {name}"))
    }

    /// Names of all shapes that these operations need, exceptions included.
    pub(super) fn reachable(&self, operations: &[&str]) -> Result<BTreeSet<&str>> {
        let mut seen = BTreeSet::new();
        for name in operations {
            let operation = self.operation(name)?;
            for reference in operation.input.iter().chain(&operation.output).chain(&operation.errors) {
                self.reach(reference, &mut seen)?;
            }
        }
        Ok(seen)
    }

    fn reach<'m>(&'m self, reference: &'m Reference, seen: &mut BTreeSet<&'m str>) -> Result<()> {
        reference.ensure_understood()?;
        if !seen.insert(&reference.shape) {
            return Ok(());
        }
        let shape = self.shape(&reference.shape)?;
        if shape.eventstream {
            bail!(
                "{} is a stream of events, which the generator does not know",
                reference.shape
            );
        }
        let members = shape.members.0.iter().map(|(_, member)| member);
        for part in members.chain(&shape.member).chain(&shape.key).chain(&shape.value) {
            self.reach(part, seen)?;
        }
        Ok(())
    }
}

impl Reference {
    fn plain(shape: &str) -> Self {
        Self {
            shape: shape.to_owned(),
            location_name: None,
            query_name: None,
            timestamp_format: None,
            result_wrapper: None,
            location: None,
            streaming: false,
            xml_attribute: false,
        }
    }

    fn ensure_understood(&self) -> Result<()> {
        if self.location.is_some() || self.streaming || self.xml_attribute {
            bail!(
                "{} is used outside an ordinary body, which the generator does not know",
                self.shape
            );
        }
        Ok(())
    }
}

/// A JSON object in the order in which it is written: members keep the order of the model.
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

struct OrderedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Ordered(entries))
    }
}
