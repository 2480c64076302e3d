//! The vocabulary of generated tables: what a service, an operation and a shape look like and how they are spelled.
//!
//! Tables are data, so that one codec per protocol serves every shape of every service (docs/adr/0002). They hold what
//! decoding and encoding need; ranges, patterns and meanings are checked where the request is understood.

use crate::protocol::Protocol;
use crate::shapes::EMPTY;

/// One service as its published model describes it.
#[derive(Debug)]
pub struct ServiceModel {
    /// The word in the scope of a signature, and the name of the module: `ecs`.
    pub name: &'static str,
    /// First label of the public host names, where it differs from nothing else: `ecs`.
    pub endpoint_prefix: &'static str,
    /// What SDKs call it: `CloudWatch Logs`.
    pub service_id: &'static str,
    /// A date: `2014-11-13`.
    pub api_version: &'static str,
    /// What stands before the dot of `X-Amz-Target`; JSON services only.
    pub target_prefix: Option<&'static str>,
    /// Namespace of XML answers; query services only.
    pub xml_namespace: Option<&'static str>,
    /// What the service speaks, the first choice of today's SDKs first.
    pub protocols: &'static [Protocol],
    /// Clients of its former query protocol still want the old error codes in a header.
    pub query_compatible: bool,
    /// Operations with generated shapes, in the order of their names.
    pub operations: &'static [OperationModel],
    /// Names of all operations, those without generated shapes included, in order.
    pub operation_names: &'static [&'static str],
}

impl ServiceModel {
    /// The operation with generated shapes that has this name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&'static OperationModel> {
        let position = self.operations.binary_search_by(|operation| operation.name.cmp(name));
        position.ok().map(|index| &self.operations[index])
    }

    /// Whether the service has an operation of this name at all.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.operation_names.binary_search(&name).is_ok()
    }

    /// Whether the service speaks `protocol`.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }
}

/// One operation.
#[derive(Debug)]
pub struct OperationModel {
    /// `RunTask`.
    pub name: &'static str,
    /// The request.
    pub input: &'static StructureSchema,
    /// The answer; [`EMPTY`] if the operation answers nothing.
    pub output: &'static StructureSchema,
    /// Element around the members of a query answer.
    pub result_wrapper: Option<&'static str>,
    /// The exceptions that clients expect of it; common ones are not listed.
    pub errors: &'static [&'static StructureSchema],
    /// Marked as changing nothing. Only newer models carry the mark.
    pub read_only: bool,
    /// Marked as safe to repeat. Only newer models carry the mark.
    pub idempotent: bool,
}

impl OperationModel {
    /// Whether a successful answer has no members and no body.
    #[must_use]
    pub fn is_void(&self) -> bool {
        std::ptr::eq(self.output, &EMPTY)
    }
}

/// Named members in a fixed order.
pub struct StructureSchema {
    /// As in the model: `ContainerDefinition`.
    pub name: &'static str,
    /// In the order of the model, which is the order of positional documents.
    pub members: &'static [Member],
    /// For exceptions.
    pub error: Option<ErrorTrait>,
}

/// Only the name: members may contain the structure itself.
impl std::fmt::Debug for StructureSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What makes a structure an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorTrait {
    /// What clients match on. Mostly, but not always, the name of the structure.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
}

/// One member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// As in the model, and in JSON unless spelled otherwise.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Requests without it are refused.
    pub required: bool,
    /// How it is spelled, where not like `name`.
    pub spelling: Option<&'static Spelling>,
}

/// An optional member spelled like its name.
#[must_use]
pub const fn member(name: &'static str, kind: Kind) -> Member {
    Member {
        name,
        kind,
        required: false,
        spelling: None,
    }
}

impl Member {
    /// The same, required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, spelled otherwise.
    #[must_use]
    pub const fn spelled(mut self, spelling: &'static Spelling) -> Self {
        self.spelling = Some(spelling);
        self
    }

    /// The name on the wire: JSON keys, XML elements, keys of awsQuery.
    #[must_use]
    pub fn location(&self) -> &'static str {
        self.spelling.map_or(self.name, |spelling| spelling.location)
    }

    /// The name in ec2Query requests, if the model gives it outright. Otherwise it is [`Self::location`] with a capital.
    #[must_use]
    pub fn query_name(&self) -> Option<&'static str> {
        self.spelling.and_then(|spelling| spelling.query_name)
    }
}

/// How a member is spelled. Places other than the body (labels, headers) will join here with rest-json.
#[derive(Debug)]
pub struct Spelling {
    /// `locationName` of the model.
    pub location: &'static str,
    /// `queryName` of the model.
    pub query_name: Option<&'static str>,
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    Long,
    /// A finite number.
    Double,
    /// Any text.
    String,
    /// One of some words. Codecs let any text through: a client may be newer than the model.
    Enum(&'static EnumSchema),
    /// Bytes.
    Blob,
    /// A moment, spelled as said.
    Timestamp(TimestampFormat),
    /// Free-form JSON.
    Document,
    /// Values of one kind.
    List(&'static ListSchema),
    /// Values of one kind under text keys.
    Map(&'static MapSchema),
    /// Members.
    Structure(&'static StructureSchema),
}

impl Kind {
    /// What people call such a value, with its article.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Integer => "a 32-bit integer",
            Self::Long => "a 64-bit integer",
            Self::Double => "a finite number",
            Self::String | Self::Enum(_) => "a string",
            Self::Blob => "base64 text",
            Self::Timestamp(_) => "a timestamp",
            Self::Document => "any value",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Structure(_) => "a structure",
        }
    }

    /// What a list holds, if this is one.
    pub(crate) fn list_member(self) -> Option<Self> {
        if let Self::List(schema) = self {
            Some(schema.member)
        } else {
            None
        }
    }

    /// What a map holds, if this is one.
    pub(crate) fn map_value(self) -> Option<Self> {
        if let Self::Map(schema) = self {
            Some(schema.value)
        } else {
            None
        }
    }

    /// What a list or a map holds; anything, if this is neither.
    pub(crate) fn element(self) -> Self {
        self.list_member()
            .or_else(|| self.map_value())
            .unwrap_or(Self::Document)
    }

    /// The members of a structure.
    ///
    /// # Panics
    /// If this is none: positional documents mean nothing without their schema.
    pub(crate) fn members(self) -> &'static [Member] {
        let Self::Structure(schema) = self else {
            panic!("a positional document was read as {}", self.name());
        };
        schema.members
    }
}

/// How a moment is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// As the protocol does without being told: epoch seconds in JSON, ISO 8601 in queries and XML.
    Protocol,
    /// Seconds since 1970 with milliseconds as a fraction.
    EpochSeconds,
    /// ISO 8601.
    Iso8601,
}

/// The words of an enumeration.
#[derive(Debug)]
pub struct EnumSchema {
    /// In the order of the model.
    pub values: &'static [&'static str],
}

/// A list.
#[derive(Debug)]
pub struct ListSchema {
    /// What it holds.
    pub member: Kind,
    /// Element or key of one member; `member` unless the model names it.
    pub member_name: &'static str,
    /// Members stand without anything around them.
    pub flattened: bool,
}

/// A map with text keys.
#[derive(Debug)]
pub struct MapSchema {
    /// What it holds.
    pub value: Kind,
    /// Element or key of the key; `key` unless the model names it.
    pub key_name: &'static str,
    /// Element or key of the value; `value` unless the model names it.
    pub value_name: &'static str,
    /// Entries stand without anything around them.
    pub flattened: bool,
}
