//! Documents to JSON bytes, led by the schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::error::ServiceError;
use super::super::moment;
use crate::document::Document;
use crate::schema::{Kind, StructureSchema, TimestampFormat};

/// Writes a document of this structure. Absent members are left out.
pub(in crate::protocol) fn encode(document: &Document, schema: &'static StructureSchema) -> Vec<u8> {
    let mut out = Vec::new();
    write(document, Kind::Structure(schema), &mut out);
    out
}

/// Writes the body of a refusal.
pub(in crate::protocol) fn encode_error(error: &ServiceError) -> Vec<u8> {
    let mut out = b"{\"__type\":".to_vec();
    write_text(&error.code, &mut out);
    out.extend_from_slice(b",\"message\":");
    write_text(&error.message, &mut out);
    for (name, value) in &error.fields {
        out.push(b',');
        write_text(name, &mut out);
        out.push(b':');
        write(value, Kind::Document, &mut out);
    }
    out.push(b'}');
    out
}

fn write(document: &Document, kind: Kind, out: &mut Vec<u8>) {
    match document {
        Document::Null => out.extend_from_slice(b"null"),
        Document::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Document::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Document::Double(value) => write_double(*value, out),
        Document::String(text) => write_text(text, out),
        Document::Blob(blob) => write_text(&STANDARD.encode(&blob.0), out),
        Document::Timestamp(moment) if matches!(kind, Kind::Timestamp(TimestampFormat::Iso8601)) => {
            write_text(&moment::to_iso8601(*moment), out);
        }
        Document::Timestamp(moment) => out.extend_from_slice(moment::to_epoch_seconds(*moment).as_bytes()),
        Document::List(values) => write_list(values, kind.element(), out),
        Document::Map(values) => {
            let entries = values.iter().map(|(key, value)| (key.as_str(), value, kind.element()));
            write_object(entries, out);
        }
        Document::Structure(values) => {
            let members = kind.members().iter().zip(values);
            let present = members.filter(|(_, value)| !value.is_null());
            write_object(
                present.map(|(member, value)| (member.location(), value, member.kind)),
                out,
            );
        }
    }
}

fn write_list(values: &[Document], kind: Kind, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(value, kind, out);
    }
    out.push(b']');
}

fn write_object<'d>(entries: impl Iterator<Item = (&'d str, &'d Document, Kind)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (key, value, kind)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, kind, out);
    }
    out.push(b'}');
}

/// Numbers that JSON cannot say become null.
fn write_double(value: f64, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &value).expect("writing a number to memory cannot fail");
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}
