//! JSON bytes to documents, led by the schema.
//!
//! serde_json parses, this visitor decides. There is one visitor for all shapes, so no code grows with them. Null means
//! absent for members and is refused inside lists and maps.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::super::error::ServiceError;
use super::super::moment;
use super::super::walk::{Budget, Path, Strictness};
use crate::document::{Blob, DecodeError, Document, Timestamp};
use crate::schema::{Kind, StructureSchema, TimestampFormat};

/// Reads a structure. No body at all counts as one without members.
pub(in crate::protocol) fn decode(
    body: &[u8],
    schema: &'static StructureSchema,
    strictness: Strictness,
) -> Result<Document, DecodeError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    read(body, Kind::Structure(schema), strictness)
}

/// Reads the body of a refusal, as far as clients understand it. `named` is the code in a header, if there is one.
pub(in crate::protocol) fn decode_error(status: u16, named: Option<&str>, body: &[u8]) -> ServiceError {
    let mut members = match read(body, Kind::Document, Strictness::Response) {
        Ok(Document::Map(members)) => members,
        Ok(_) | Err(_) => BTreeMap::new(),
    };
    let mut text = |name: &str| match members.remove(name) {
        Some(Document::String(text)) => Some(text),
        Some(_) | None => None,
    };
    let code = text("__type")
        .or_else(|| text("code"))
        .or_else(|| named.map(str::to_owned));
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    let code = code.unwrap_or_else(|| format!("Http{status}"));
    ServiceError {
        code: bare_code(&code).to_owned().into(),
        message,
        status,
        fields: Vec::new(),
    }
}

/// Without the namespace before it and the address behind it that some services add.
fn bare_code(code: &str) -> &str {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    code.split_once(':').map_or(code, |(code, _)| code)
}

fn read(body: &[u8], kind: Kind, strictness: Strictness) -> Result<Document, DecodeError> {
    let reader = Reader {
        budget: Budget::new(),
        strictness,
        refusal: RefCell::new(None),
    };
    let whole = Value {
        kind,
        path: &Path::WHOLE,
        reader: &reader,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let document = whole
        .deserialize(&mut json)
        .and_then(|document| json.end().map(|()| document));
    document.map_err(|error| reader.refusal.take().unwrap_or_else(|| malformed(&error)))
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    let what = match error.classify() {
        Category::Eof => "the body ends too early",
        Category::Syntax | Category::Data | Category::Io => "the body is not JSON",
    };
    DecodeError::Malformed {
        detail: format!("{what} (line {}, column {})", error.line(), error.column()),
    }
}

/// What the whole walk shares.
struct Reader {
    budget: Budget,
    strictness: Strictness,
    /// serde carries texts only; the real reason waits here.
    refusal: RefCell<Option<DecodeError>>,
}

/// The value at hand: what it should be and where it is.
#[derive(Clone, Copy)]
struct Value<'w> {
    kind: Kind,
    path: &'w Path<'w>,
    reader: &'w Reader,
}

impl Value<'_> {
    fn refuse<E: Error>(&self, error: DecodeError) -> E {
        *self.reader.refusal.borrow_mut() = Some(error);
        E::custom("refused")
    }

    fn wrong_type<E: Error>(&self, found: &'static str) -> E {
        self.refuse(self.path.wrong_type(self.kind, found))
    }

    /// What stands inside free-form JSON: more of it.
    fn free_form(&self) -> Option<Kind> {
        matches!(self.kind, Kind::Document).then_some(Kind::Document)
    }

    /// The value inside a list or a map; there null stands for nothing that the model has.
    fn element(&self, document: Document) -> Result<Document, DecodeError> {
        let is_hole = document.is_null() && !matches!(self.kind, Kind::Document);
        if is_hole {
            Err(self.path.wrong_type(self.kind, "null"))
        } else {
            Ok(document)
        }
    }

    fn integer<E: Error>(self, value: i64) -> Result<Document, E> {
        match self.kind {
            Kind::Integer if i32::try_from(value).is_err() => Err(self.wrong_type("a larger number")),
            Kind::Integer | Kind::Long | Kind::Document => Ok(Document::Integer(value)),
            #[expect(clippy::cast_precision_loss, reason = "that is what a double is")]
            Kind::Double => Ok(Document::Double(value as f64)),
            Kind::Timestamp(format) => self.moment(format, value.checked_mul(1000).and_then(moment::in_range)),
            Kind::Boolean
            | Kind::String
            | Kind::Enum(_)
            | Kind::Blob
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Structure(_) => Err(self.wrong_type("a number")),
        }
    }

    fn moment<E: Error>(self, format: TimestampFormat, moment: Option<Timestamp>) -> Result<Document, E> {
        match (format, moment) {
            (TimestampFormat::Protocol | TimestampFormat::EpochSeconds, Some(moment)) => {
                Ok(Document::Timestamp(moment))
            }
            (TimestampFormat::Protocol | TimestampFormat::EpochSeconds, None) => {
                Err(self.wrong_type("a number out of range"))
            }
            (TimestampFormat::Iso8601, _) => Err(self.wrong_type("a number")),
        }
    }

    fn structure<'de, A: MapAccess<'de>>(self, schema: &StructureSchema, mut map: A) -> Result<Document, A::Error> {
        let Self { path, reader, .. } = self;
        let mut values = reader
            .budget
            .members(schema, path)
            .map_err(|error| self.refuse(error))?;
        let mut unknown = 0;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let position = schema.members.iter().position(|member| member.location() == key);
            let kind = position.map_or(Kind::Document, |index| schema.members[index].kind);
            let path = path.name(&key).map_err(|error| self.refuse(error))?;
            let path = &path;
            let value = map.next_value_seed(Value { kind, path, reader })?;
            match position {
                Some(index) => values[index] = value,
                None => reader.budget.grow(unknown, path).map_err(|error| self.refuse(error))?,
            }
            unknown += usize::from(position.is_none());
        }
        if reader.strictness == Strictness::Request {
            path.complete(schema, &values).map_err(|error| self.refuse(error))?;
        }
        Ok(Document::Structure(values))
    }

    fn map<'de, A: MapAccess<'de>>(self, kind: Kind, mut map: A) -> Result<Document, A::Error> {
        let Self { path, reader, .. } = self;
        let mut values = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            reader
                .budget
                .grow(values.len(), path)
                .map_err(|error| self.refuse(error))?;
            let path = path.name(&key).map_err(|error| self.refuse(error))?;
            let path = &path;
            let seed = Value { kind, path, reader };
            let value = map.next_value_seed(seed)?;
            let value = seed.element(value).map_err(|error| self.refuse(error))?;
            values.insert(key, value);
        }
        Ok(Document::Map(values))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Document, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())
    }

    /// Null is absent; whether that is an error is decided by who holds the value.
    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        if self.path.is_whole() {
            Err(self.wrong_type("null"))
        } else {
            Ok(Document::Null)
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Document, E> {
        match self.kind {
            Kind::Boolean | Kind::Document => Ok(Document::Bool(value)),
            Kind::Integer
            | Kind::Long
            | Kind::Double
            | Kind::String
            | Kind::Enum(_)
            | Kind::Blob
            | Kind::Timestamp(_)
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Structure(_) => Err(self.wrong_type("a boolean")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Document, E> {
        self.integer(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Document, E> {
        match i64::try_from(value) {
            Ok(value) => self.integer(value),
            #[expect(clippy::cast_precision_loss, reason = "what JSON itself says of such numbers")]
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Document, E> {
        match self.kind {
            Kind::Double | Kind::Document => Ok(Document::Double(value)),
            Kind::Timestamp(format) => self.moment(format, moment::from_epoch_seconds(value)),
            Kind::Integer | Kind::Long => Err(self.wrong_type("a number with a fraction or out of range")),
            Kind::Boolean
            | Kind::String
            | Kind::Enum(_)
            | Kind::Blob
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Structure(_) => Err(self.wrong_type("a number")),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        match self.kind {
            Kind::String | Kind::Enum(_) | Kind::Document => Ok(text.into()),
            Kind::Blob => {
                let bytes = STANDARD.decode(text).map_err(|_| self.wrong_type("other text"))?;
                Ok(Document::Blob(Blob(bytes)))
            }
            Kind::Timestamp(TimestampFormat::Iso8601) => {
                let moment = moment::from_iso8601(text).ok_or_else(|| self.wrong_type("other text"))?;
                Ok(Document::Timestamp(moment))
            }
            Kind::Timestamp(TimestampFormat::Protocol | TimestampFormat::EpochSeconds)
            | Kind::Boolean
            | Kind::Integer
            | Kind::Long
            | Kind::Double
            | Kind::List(_)
            | Kind::Map(_)
            | Kind::Structure(_) => Err(self.wrong_type("a string")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let Self { path, reader, .. } = self;
        let Some(kind) = self.free_form().or_else(|| self.kind.list_member()) else {
            return Err(self.wrong_type("a list"));
        };
        let mut values = Vec::new();
        loop {
            let path = path.index(values.len()).map_err(|error| self.refuse(error))?;
            let path = &path;
            let seed = Value { kind, path, reader };
            let Some(value) = list.next_element_seed(seed)? else {
                return Ok(Document::List(values));
            };
            reader
                .budget
                .grow(values.len(), path)
                .map_err(|error| self.refuse(error))?;
            values.push(seed.element(value).map_err(|error| self.refuse(error))?);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        if let Kind::Structure(schema) = self.kind {
            return self.structure(schema, map);
        }
        match self.free_form().or_else(|| self.kind.map_value()) {
            Some(kind) => self.map(kind, map),
            None => Err(self.wrong_type("a map")),
        }
    }
}
