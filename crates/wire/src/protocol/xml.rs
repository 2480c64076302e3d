//! XML answers and refusals of awsQuery and ec2Query.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;

use super::error::ServiceError;
use super::{Call, moment};
use crate::document::Document;
use crate::schema::{Kind, ServiceModel, StructureSchema, TimestampFormat};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An awsQuery answer.
pub(super) fn query_answer(call: Call<'_>, output: &Document) -> Vec<u8> {
    let name = format!("{}Response", call.operation.name);
    let mut out = Writer::default();
    out.open_in_namespace(&name, call.service.xml_namespace);
    if let Some(wrapper) = call.operation.result_wrapper {
        out.open(wrapper);
        out.members(output, call.operation.output);
        out.close(wrapper);
    }
    out.open("ResponseMetadata");
    out.text_element("RequestId", call.request_id);
    out.close("ResponseMetadata");
    out.close(&name);
    out.text.into_bytes()
}

/// An ec2Query answer.
pub(super) fn ec2_answer(call: Call<'_>, output: &Document) -> Vec<u8> {
    let name = format!("{}Response", call.operation.name);
    let mut out = Writer::default();
    out.text += DECLARATION;
    out.open_in_namespace(&name, call.service.xml_namespace);
    out.text_element("requestId", call.request_id);
    out.members(output, call.operation.output);
    out.close(&name);
    out.text.into_bytes()
}

/// An awsQuery refusal.
pub(super) fn query_error(service: Option<&ServiceModel>, error: &ServiceError, request_id: &str) -> Vec<u8> {
    let mut out = Writer::default();
    out.open_in_namespace("ErrorResponse", service.and_then(|service| service.xml_namespace));
    out.open("Error");
    out.text_element("Type", error.fault());
    out.error(error);
    out.close("Error");
    out.text_element("RequestId", request_id);
    out.close("ErrorResponse");
    out.text.into_bytes()
}

/// An ec2Query refusal.
pub(super) fn ec2_error(error: &ServiceError, request_id: &str) -> Vec<u8> {
    let mut out = Writer::default();
    out.text += DECLARATION;
    out.open("Response");
    out.open("Errors");
    out.open("Error");
    out.error(error);
    out.close("Error");
    out.close("Errors");
    out.text_element("RequestID", request_id);
    out.close("Response");
    out.text.into_bytes()
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn open(&mut self, name: &str) {
        self.text.extend(["<", name, ">"]);
    }

    fn open_in_namespace(&mut self, name: &str, namespace: Option<&str>) {
        match namespace {
            Some(namespace) => self.text.extend(["<", name, " xmlns=\"", namespace, "\">"]),
            None => self.open(name),
        }
    }

    fn close(&mut self, name: &str) {
        self.text.extend(["</", name, ">"]);
    }

    fn text_element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text += &escape(expressible(text));
        self.close(name);
    }

    fn error(&mut self, error: &ServiceError) {
        self.text_element("Code", &error.code);
        self.text_element("Message", &error.message);
        for (name, value) in &error.fields {
            self.element(name, value, Kind::Document);
        }
    }

    /// The members of a structure without anything around them.
    fn members(&mut self, document: &Document, schema: &'static StructureSchema) {
        let Document::Structure(values) = document else { return };
        let members = schema.members.iter().zip(values);
        for (member, value) in members.filter(|(_, value)| !value.is_null()) {
            self.element(member.location(), value, member.kind);
        }
    }

    fn element(&mut self, name: &str, document: &Document, kind: Kind) {
        match document {
            Document::Null => {}
            Document::Bool(value) => self.text_element(name, if *value { "true" } else { "false" }),
            Document::Integer(value) => self.text_element(name, &value.to_string()),
            Document::Double(value) => self.text_element(name, &value.to_string()),
            Document::String(text) => self.text_element(name, text),
            Document::Blob(blob) => self.text_element(name, &STANDARD.encode(&blob.0)),
            Document::Timestamp(moment) if matches!(kind, Kind::Timestamp(TimestampFormat::EpochSeconds)) => {
                self.text_element(name, &moment::to_epoch_seconds(*moment));
            }
            Document::Timestamp(moment) => self.text_element(name, &moment::to_iso8601(*moment)),
            Document::List(values) => self.list(name, values, kind),
            Document::Map(values) => {
                let entries = values.iter().map(|(key, value)| (key.as_str(), value));
                self.map(name, entries, kind);
            }
            Document::Structure(_) => {
                self.open(name);
                if let Kind::Structure(schema) = kind {
                    self.members(document, schema);
                }
                self.close(name);
            }
        }
    }

    fn list(&mut self, name: &str, values: &[Document], kind: Kind) {
        let schema = if let Kind::List(schema) = kind {
            Some(schema)
        } else {
            None
        };
        let (member_name, flattened) = schema.map_or(("member", false), |list| (list.member_name, list.flattened));
        if flattened {
            let member_name = if member_name == "member" { name } else { member_name };
            values
                .iter()
                .for_each(|value| self.element(member_name, value, kind.element()));
            return;
        }
        self.open(name);
        values
            .iter()
            .for_each(|value| self.element(member_name, value, kind.element()));
        self.close(name);
    }

    fn map<'d>(&mut self, name: &str, entries: impl Iterator<Item = (&'d str, &'d Document)>, kind: Kind) {
        let schema = if let Kind::Map(schema) = kind {
            Some(schema)
        } else {
            None
        };
        let (key_name, value_name) = schema.map_or(("key", "value"), |map| (map.key_name, map.value_name));
        let flattened = schema.is_some_and(|map| map.flattened);
        let entry_name = if flattened { name } else { "entry" };
        if !flattened {
            self.open(name);
        }
        for (key, value) in entries {
            self.open(entry_name);
            self.text_element(key_name, key);
            self.element(value_name, value, kind.element());
            self.close(entry_name);
        }
        if !flattened {
            self.close(name);
        }
    }
}

/// XML has no spelling at all for most control characters; they become the replacement character.
fn expressible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_expressible) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .map(|letter| {
            if is_expressible(letter) {
                letter
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

fn is_expressible(letter: char) -> bool {
    !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
