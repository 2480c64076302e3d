//! The recorded traffic of the public ECS agent, line by line, with the bytes as they went over the wire.

use std::collections::BTreeMap;

use berth_wire::link::frame::SignedFrame;
use berth_wire::sigv4::{self, RequestHead};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

const FRAMES: &str = include_str!("../../../../tests/data/agent-frames.jsonl");

/// The key that most of the traffic was signed with.
pub(crate) const KEY: (&str, &str) = ("AKIDEXAMPLE", "secretexample");
/// The account that the recorded ARNs name.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The instance that the recorded agent was.
pub(crate) const INSTANCE: &str =
    "arn:aws:ecs:us-east-1:123456789012:container-instance/default/0123456789abcdef0123456789abcdef";
/// The cluster that it joined.
pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/default";

/// One line. Members that its kind does not have are empty.
#[derive(Deserialize)]
pub(crate) struct Line {
    /// Its number, from 1.
    #[serde(skip)]
    pub(crate) number: usize,
    /// `http`, `ws-connect`, `ws-send` (to the agent), `ws-recv` (from the agent) or `ws-close`.
    pub(crate) kind: String,
    /// `acs` or `tcs`.
    #[serde(default)]
    pub(crate) which: String,
    /// Of requests and upgrades.
    #[serde(default)]
    pub(crate) path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Of requests: the raw bytes, for the signature is over them.
    body: Option<Box<RawValue>>,
    msg: Option<Box<RawValue>>,
    hdr: Option<String>,
    /// Of ends of connections.
    #[serde(default)]
    pub(crate) code: u16,
}

/// All lines.
pub(crate) fn lines() -> Vec<Line> {
    let parse = |(index, text)| {
        let line: Line = serde_json::from_str(text).unwrap();
        Line {
            number: index + 1,
            ..line
        }
    };
    FRAMES.lines().enumerate().map(parse).collect()
}

/// The line with this number.
pub(crate) fn line(number: usize) -> Line {
    lines().swap_remove(number - 1)
}

impl Line {
    /// Names and values, as recorded.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        self.headers.clone().into_iter().collect()
    }

    /// The value of a header; empty without it.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body of a request as it was sent.
    pub(crate) fn body(&self) -> &str {
        self.body.as_ref().map_or("", |raw| raw.get())
    }

    /// The body of a request, read.
    pub(crate) fn request(&self) -> Value {
        serde_json::from_str(self.body()).unwrap()
    }

    /// The operation that a request calls.
    pub(crate) fn operation(&self) -> &str {
        self.header("X-Amz-Target").rsplit('.').next().unwrap()
    }

    /// Whether a request or an upgrade was signed with [`KEY`]. The secrets of other keys were not recorded.
    pub(crate) fn is_of_known_key(&self) -> bool {
        self.header("Authorization").contains(&format!("Credential={}/", KEY.0))
    }

    /// A frame as it went over the wire: of telemetry with the header block before the JSON.
    pub(crate) fn frame(&self) -> String {
        let raw = self.msg.as_ref().unwrap().get();
        match &self.hdr {
            Some(block) => format!("{block}\r\n\r\n{raw}"),
            None => serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned()),
        }
    }

    /// The JSON of a frame, without a header block.
    pub(crate) fn frame_json(&self) -> String {
        SignedFrame::parse(&self.frame()).unwrap().json.to_owned()
    }

    /// The type of a frame, and its message.
    pub(crate) fn message(&self) -> (String, Value) {
        let mut frame: Value = serde_json::from_str(&self.frame_json()).unwrap();
        let kind = frame["type"].as_str().unwrap().to_owned();
        (kind, frame["message"].take())
    }

    /// When it was said, in milliseconds since 1970, as far as it tells.
    pub(crate) fn said_at_ms(&self) -> Option<i64> {
        match (self.kind.as_str(), self.which.as_str()) {
            ("http" | "ws-connect", _) => Some(signed_at_ms(&self.headers())),
            ("ws-recv", "tcs") => {
                let frame = self.frame();
                let block = SignedFrame::parse(&frame).unwrap().headers;
                let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
                let block: Vec<_> = block
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), text(value)))
                    .collect();
                Some(signed_at_ms(&block))
            }
            // Small numbers were made up by hand.
            ("ws-send", _) => self.message().1["generatedAt"]
                .as_i64()
                .filter(|at| *at > 1_000_000_000_000),
            _ => None,
        }
    }
}

/// When these headers were signed.
fn signed_at_ms(headers: &[(String, String)]) -> i64 {
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let head = RequestHead {
        method: "GET",
        target: "/",
        headers: &headers,
    };
    sigv4::parse(head).unwrap().signed_at_ms()
}
