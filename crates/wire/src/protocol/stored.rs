//! Structures as JSON texts outside of any request: what the brain keeps without reading it.

use super::json;
use super::walk::Strictness;
use crate::document::{DecodeError, Document};
use crate::schema::StructureSchema;

/// The text of `document`, which is a document of `schema`.
pub(crate) fn to_text(document: &Document, schema: &'static StructureSchema) -> String {
    String::from_utf8(json::encode(document, schema)).expect("JSON is UTF-8")
}

/// The document of `schema` that `text` spells. Members may be missing.
pub(crate) fn from_text(text: &str, schema: &'static StructureSchema) -> Result<Document, DecodeError> {
    json::decode(text.as_bytes(), schema, Strictness::Response)
}
