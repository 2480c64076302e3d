//! Documents in which everything is there: for tests that walk the model instead of listing its shapes.

use std::collections::BTreeMap;

use crate::document::{Blob, Document, Timestamp};
use crate::schema::{Kind, StructureSchema};

/// A document of the structure with every member set, lists and maps with two members. Values differ from each other,
/// so that exchanged members show. Where a shape contains itself, it is left out the second time.
#[must_use]
pub fn sample(schema: &'static StructureSchema) -> Document {
    Sampler::default().structure(schema)
}

#[derive(Default)]
struct Sampler {
    counter: i32,
    inside: Vec<&'static str>,
}

impl Sampler {
    fn next(&mut self) -> i32 {
        self.counter += 1;
        self.counter
    }

    fn structure(&mut self, schema: &'static StructureSchema) -> Document {
        self.inside.push(schema.name);
        let values = schema.members.iter().map(|member| self.value(member.kind)).collect();
        self.inside.pop();
        Document::Structure(values)
    }

    fn value(&mut self, kind: Kind) -> Document {
        let number = self.next();
        match kind {
            Kind::Boolean => Document::Bool(number % 2 == 0),
            Kind::Integer | Kind::Long => Document::Integer(number.into()),
            Kind::Double => Document::Double(f64::from(number) + 0.5),
            Kind::String => Document::String(format!("text {number}")),
            Kind::Enum(schema) => Document::String(schema.values.first().copied().unwrap_or_default().to_owned()),
            Kind::Blob => Document::Blob(Blob(number.to_be_bytes().to_vec())),
            Kind::Timestamp(_) => Document::Timestamp(Timestamp(1_795_179_233_000 + i64::from(number))),
            Kind::Document => Document::Map(BTreeMap::from([(format!("key {number}"), Document::Bool(true))])),
            Kind::Structure(schema) if self.inside.contains(&schema.name) => Document::Null,
            Kind::Structure(schema) => self.structure(schema),
            Kind::List(schema) if self.repeats(schema.member) => Document::List(Vec::new()),
            Kind::List(schema) => Document::List(vec![self.value(schema.member), self.value(schema.member)]),
            Kind::Map(schema) if self.repeats(schema.value) => Document::Map(BTreeMap::new()),
            Kind::Map(schema) => {
                let entries = [1, 2].map(|entry| (format!("key {number}.{entry}"), self.value(schema.value)));
                Document::Map(entries.into())
            }
        }
    }

    fn repeats(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Structure(schema) if self.inside.contains(&schema.name))
    }
}
