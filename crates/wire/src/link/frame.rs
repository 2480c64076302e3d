//! Framing: `{"type","message"}` in one text frame, and the signed header block that telemetry puts before it.
//!
//! A frame is read in two steps, type first, so that a message of an unknown type costs nothing and never fails.
//! Whether the signature of a header block is right is a question for [`crate::sigv4`].

use super::{Error, MAX_FRAME_BYTES};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

const MAX_BLOCK_BYTES: usize = 32 * 1024;
const MAX_BLOCK_LINES: usize = 32;
const BLANK_LINE: &str = "\r\n\r\n";

/// A frame whose type is known and whose message is not yet read.
#[derive(Debug, Deserialize)]
pub struct Frame<'a> {
    /// For example `HeartbeatMessage`.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// Reads the type of a frame.
    ///
    /// # Errors
    /// [`Error::TooLong`] and [`Error::NotAFrame`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(Error::TooLong(text.len()));
        }
        serde_json::from_str(text).map_err(Error::NotAFrame)
    }

    /// Reads the message; an absent one is an empty object.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn message<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        let raw = self.message.map_or("{}", RawValue::get);
        serde_json::from_str(raw).map_err(|source| Error::Malformed {
            kind: self.kind.to_string(),
            source,
        })
    }
}

/// Writes a frame.
pub(super) fn encode<T: Serialize>(kind: &str, message: &T) -> String {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        #[serde(rename = "type")]
        kind: &'a str,
        message: &'a T,
    }
    serde_json::to_string(&Envelope { kind, message }).expect("messages have text keys and no failing members")
}

/// Declares the messages of one direction: an enum with one variant per type, and `Unknown` for all others.
macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident($type:ty) = $kind:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant($type),)+
            /// A type that this version does not know; receivers log it and go on, as the stock agent does.
            Unknown {
                /// The type. The message is not kept.
                kind: String,
            },
        }

        impl $name {
            /// The `type` on the wire.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)+
                    Self::Unknown { kind } => kind,
                }
            }

            /// Reads a frame.
            ///
            /// # Errors
            /// See [`Error`](crate::link::Error): too long, no frame, or a known type with another shape.
            pub fn parse(text: &str) -> Result<Self, crate::link::Error> {
                let frame = crate::link::frame::Frame::parse(text)?;
                match frame.kind.as_ref() {
                    $($kind => frame.message().map(Self::$variant),)+
                    kind => Ok(Self::Unknown { kind: kind.to_owned() }),
                }
            }

            /// Writes a frame. An unknown message is written with its type alone.
            #[must_use]
            pub fn encode(&self) -> String {
                match self {
                    $(Self::$variant(message) => crate::link::frame::encode($kind, message),)+
                    Self::Unknown { kind } => crate::link::frame::encode(kind, &serde_json::Map::new()),
                }
            }
        }
    };
}
pub(super) use messages;

/// A telemetry frame as the stock agent sends it: headers that sign the JSON as if it were the body of
/// `GET <the socket's URL>`, a blank line, the JSON. Without headers it is a plain frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFrame<'a> {
    /// In the shape that [`crate::sigv4::RequestHead`] takes. Empty for a plain frame.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// What the signature covers, to be given to `parse` of the message type.
    pub json: &'a str,
}

impl<'a> SignedFrame<'a> {
    /// Splits a frame at its first blank line, unless it begins as JSON does.
    ///
    /// # Errors
    /// [`Error::TooLong`] and [`Error::HeaderBlock`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(Error::TooLong(text.len()));
        }
        if text.trim_start().starts_with('{') {
            return Ok(Self {
                headers: Vec::new(),
                json: text,
            });
        }
        let (block, json) = text
            .split_once(BLANK_LINE)
            .ok_or(Error::HeaderBlock("no blank line ends it"))?;
        if block.len() > MAX_BLOCK_BYTES || block.lines().count() > MAX_BLOCK_LINES {
            return Err(Error::HeaderBlock("it is too long"));
        }
        let headers = block.split("\r\n").map(parse_header).collect::<Option<_>>();
        Ok(Self {
            headers: headers.ok_or(Error::HeaderBlock("a line is not 'Name: value'"))?,
            json,
        })
    }

    /// Puts a frame together.
    #[must_use]
    pub fn encode<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>, json: &str) -> String {
        let block: Vec<String> = headers
            .into_iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        if block.is_empty() {
            json.to_owned()
        } else {
            format!("{}{BLANK_LINE}{json}", block.join("\r\n"))
        }
    }
}

fn parse_header(line: &str) -> Option<(&str, &[u8])> {
    let (name, value) = line.split_once(':')?;
    (!name.is_empty()).then(|| (name, value.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::Error;
    use super::super::acs::AgentMessage;
    use super::{Frame, SignedFrame};

    #[test]
    fn members_may_come_in_any_order_and_number() {
        for text in [
            r#"{"type":"HeartbeatAckRequest","message":{"messageId":"m"}}"#,
            r#" { "message" : { "x": [1], "messageId" : "m" } , "y": null, "type" : "HeartbeatAckRequest" } "#,
            r#"{"type":"\u0048eartbeatAckRequest","message":{"messageId":"m"}}"#,
        ] {
            assert_eq!(
                AgentMessage::parse(text).unwrap().encode(),
                r#"{"type":"HeartbeatAckRequest","message":{"messageId":"m"}}"#
            );
        }
    }

    #[test]
    fn unknown_types_are_no_error() {
        for text in [
            r#"{"type":"Nope","message":{"x":1}}"#,
            r#"{"type":"Nope","message":7}"#,
            r#"{"type":"Nope"}"#,
        ] {
            assert_eq!(
                AgentMessage::parse(text).unwrap(),
                AgentMessage::Unknown { kind: "Nope".into() }
            );
        }
    }

    #[test]
    fn what_is_no_frame_says_so() {
        for text in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"type":1}"#,
            r#"{"type":"A""#,
            r#"{"type":"A"}x"#,
        ] {
            assert!(matches!(Frame::parse(text), Err(Error::NotAFrame(_))), "{text}");
        }
        let long = " ".repeat(super::MAX_FRAME_BYTES + 1);
        assert!(matches!(Frame::parse(&long), Err(Error::TooLong(_))));
        assert!(matches!(SignedFrame::parse(&long), Err(Error::TooLong(_))));
        let error = AgentMessage::parse(r#"{"type":"AckRequest","message":{}}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the message of type AckRequest cannot be read: missing field `messageId` at line 1 column 2"
        );
        let deep = format!(r#"{{"type":"AckRequest","message":{}}}"#, "[".repeat(100_000));
        assert!(AgentMessage::parse(&deep).is_err());
    }

    #[test]
    fn header_blocks() {
        let text = SignedFrame::encode([("Host", "a"), ("X-Amz-Date", "b: c")], "{}");
        assert_eq!(text, "Host: a\r\nX-Amz-Date: b: c\r\n\r\n{}");
        let frame = SignedFrame::parse(&text).unwrap();
        assert_eq!(frame.headers, [("Host", b"a".as_slice()), ("X-Amz-Date", b"b: c")]);
        assert_eq!(frame.json, "{}");
        assert_eq!(
            SignedFrame::parse(" {}").unwrap(),
            SignedFrame {
                headers: vec![],
                json: " {}"
            }
        );
        assert_eq!(SignedFrame::encode([], "{}"), "{}");
    }

    #[test]
    fn malformed_header_blocks() {
        let long = format!("A: {}\r\n\r\n{{}}", "x".repeat(40_000));
        for text in [
            "",
            "A: b",
            "A: b\r\n{}",
            "A\r\n\r\n{}",
            ": b\r\n\r\n{}",
            &"A: b\r\n".repeat(40),
            &long,
        ] {
            assert!(
                matches!(SignedFrame::parse(text), Err(Error::HeaderBlock(_))),
                "{text:.40}"
            );
        }
    }
}
