//! Writes the two files of a service: its model with the operations, and its structures with their schemas.
//!
//! Everything goes into the macros of `crates/wire/src/shapes/macros.rs`, one line per member, so that a new version of
//! a model reads as a short diff. Rustfmt leaves the insides of macros alone, which keeps formatting out of freshness.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Context, Result, bail};

use super::BOTOCORE_VERSION;
use super::model::{Model, Reference, Shape};
use super::names;

/// Longest line of a list of words.
const WIDTH: usize = 116;

/// The texts of both files.
pub(super) struct Emitted {
    pub(super) service: String,
    pub(super) structures: String,
}

/// The files of a service with these operations.
pub(super) fn service(model: &Model, operations: &[&str]) -> Result<Emitted> {
    let shapes = model.reachable(operations)?;
    ensure_distinct(&shapes)?;
    let emitter = Emitter { model };
    Ok(Emitted {
        service: emitter.service_file(operations)?,
        structures: emitter.structures_file(&shapes)?,
    })
}

/// Two names of the model may become one name of a table; then somebody has to think.
fn ensure_distinct(shapes: &BTreeSet<&str>) -> Result<()> {
    let mut tables = BTreeSet::new();
    match shapes.iter().find(|name| !tables.insert(names::table(name))) {
        Some(name) => bail!("two shapes would have the table {}", names::table(name)),
        None => Ok(()),
    }
}

struct Emitter<'m> {
    model: &'m Model,
}

impl Emitter<'_> {
    fn service_file(&self, operations: &[&str]) -> Result<String> {
        let metadata = &self.model.metadata;
        let name = metadata.signing_name.as_ref().unwrap_or(&metadata.endpoint_prefix);
        let mut out = header(&format!("The operations of {}", metadata.service_id));
        out += "pub mod structures;\n\npub use structures::*;\n\nuse crate::shapes::prelude::*;\n\nservice! {\n    ServiceModel {\n";
        let line = |key: &str, value: String| format!("        {key}: {value},\n");
        out += &line("name", format!("{name:?}"));
        out += &line("endpoint_prefix", format!("{:?}", metadata.endpoint_prefix));
        out += &line("service_id", format!("{:?}", metadata.service_id));
        out += &line("api_version", format!("{:?}", metadata.api_version));
        out += &line("target_prefix", format!("{:?}", metadata.target_prefix));
        out += &line("xml_namespace", format!("{:?}", metadata.xml_namespace));
        out += &line("protocols", format!("&[{}]", self.protocols()?.join(", ")));
        out += &line("query_compatible", metadata.aws_query_compatible.is_some().to_string());
        out += &line("operations", "OPERATIONS".to_owned());
        let all: Vec<&str> = self.model.operations.keys().map(String::as_str).collect();
        out += &line("operation_names", format!("&[\n{}        ]", word_lines(&all, 12)));
        out += "    };\n    operations {\n";
        for name in operations {
            out += &self.operation(name).with_context(|| format!("operation {name}"))?;
        }
        out += "    }\n}\n";
        Ok(out)
    }

    /// What the codecs of `wire` speak of what the service speaks.
    fn protocols(&self) -> Result<Vec<&'static str>> {
        let metadata = &self.model.metadata;
        let spoken = metadata.protocols.iter().filter_map(|protocol| {
            match (protocol.as_str(), metadata.json_version.as_deref()) {
                ("json", Some("1.0")) => Some("Protocol::AwsJson10"),
                ("json", _) => Some("Protocol::AwsJson11"),
                ("query", _) => Some("Protocol::AwsQuery"),
                ("ec2", _) => Some("Protocol::Ec2Query"),
                _ => None,
            }
        });
        let spoken: Vec<&str> = spoken.collect();
        if spoken.is_empty() {
            bail!("the service speaks {:?}, of which wire knows none", metadata.protocols);
        }
        Ok(spoken)
    }

    fn operation(&self, name: &str) -> Result<String> {
        let operation = self.model.operation(name)?;
        let shape =
            |reference: &Option<Reference>| reference.as_ref().map_or("Empty".to_owned(), |it| it.shape.clone());
        let wrapper = operation
            .output
            .as_ref()
            .and_then(|output| output.result_wrapper.as_ref());
        let (input, output) = (shape(&operation.input), shape(&operation.output));
        let errors: Vec<String> = operation
            .errors
            .iter()
            .map(|error| names::table(&error.shape))
            .collect();
        let errors = if errors.is_empty() {
            String::new()
        } else {
            format!("\n{}            ", lines(&errors, 16))
        };
        let (input_table, output_table) = (names::table(&input), names::table(&output));
        let (read_only, idempotent) = (operation.readonly, operation.idempotent);
        Ok(format!(
            "        {name}({input} {input_table}) -> {output} {output_table},\n            \
             wrapper {wrapper:?}, read_only {read_only}, idempotent {idempotent}, errors [{errors}];\n"
        ))
    }

    fn structures_file(&self, shapes: &BTreeSet<&str>) -> Result<String> {
        let mut out = header(&format!("The structures of {}", self.model.metadata.service_id));
        out += "use crate::shapes::prelude::*;\n";
        let mut tables = [String::new(), String::new(), String::new()];
        let mut structures = String::new();
        for name in shapes {
            let shape = self.model.shape(name)?;
            match shape.type_name.as_str() {
                "list" => tables[0] += &self.list(name, shape)?,
                "map" => tables[1] += &self.map(name, shape)?,
                "string" if !shape.values.is_empty() => tables[2] += &enumeration(name, shape),
                "structure" if !shape.document => structures += &self.structure(name, shape)?,
                _ => {}
            }
        }
        for (table, lines) in ["lists", "maps", "enumerations"].iter().zip(tables) {
            if !lines.is_empty() {
                write!(out, "\n{table}! {{\n{lines}}}\n")?;
            }
        }
        Ok(out + &structures)
    }

    fn list(&self, name: &str, shape: &Shape) -> Result<String> {
        let member = shape.member.as_ref().context("a list without member")?;
        let member_name = member.location_name.as_deref().unwrap_or("member");
        let kind = self.kind(member)?;
        Ok(format!(
            "    {}: {kind}, {member_name:?}, {};\n",
            names::table(name),
            shape.flattened
        ))
    }

    fn map(&self, name: &str, shape: &Shape) -> Result<String> {
        let key = shape.key.as_ref().context("a map without key")?;
        let value = shape.value.as_ref().context("a map without value")?;
        let key_name = key.location_name.as_deref().unwrap_or("key");
        let value_name = value.location_name.as_deref().unwrap_or("value");
        let kind = self.kind(value)?;
        Ok(format!(
            "    {}: {kind}, {key_name:?}, {value_name:?}, {};\n",
            names::table(name),
            shape.flattened
        ))
    }

    fn structure(&self, name: &str, shape: &Shape) -> Result<String> {
        let mut out = format!(
            "\nstructure! {{ {name} {}{} {{\n",
            names::table(name),
            error_trait(name, shape)
        );
        for (index, (member, reference)) in shape.members.0.iter().enumerate() {
            let required = shape.required.contains(member);
            out += &self
                .member(index, member, reference, required)
                .with_context(|| format!("{name}.{member}"))?;
        }
        out += "} }\n";
        Ok(out)
    }

    fn member(&self, index: usize, name: &str, reference: &Reference, required: bool) -> Result<String> {
        let rust = self.rust_type(reference)?;
        let rust = if required { rust } else { format!("Option<{rust}>") };
        let mut table = format!("member({name:?}, {})", self.kind(reference)?);
        if required {
            table += ".required()";
        }
        if reference.location_name.is_some() || reference.query_name.is_some() {
            let location = reference.location_name.as_deref().unwrap_or(name);
            let query_name = &reference.query_name;
            write!(
                table,
                ".spelled(&Spelling {{ location: {location:?}, query_name: {query_name:?} }})"
            )?;
        }
        Ok(format!("    {index} {}: {rust} = {table};\n", names::field(name)))
    }

    fn rust_type(&self, reference: &Reference) -> Result<String> {
        let shape = self.model.shape(&reference.shape)?;
        let inner = |part: &Option<Reference>| self.rust_type(part.as_ref().context("a collection of nothing")?);
        Ok(match shape.type_name.as_str() {
            "boolean" => "bool".to_owned(),
            "integer" => "i32".to_owned(),
            "long" => "i64".to_owned(),
            "float" | "double" => "f64".to_owned(),
            "string" => "String".to_owned(),
            "blob" => "Blob".to_owned(),
            "timestamp" => "Timestamp".to_owned(),
            "list" => format!("Vec<{}>", inner(&shape.member)?),
            "map" => format!("BTreeMap<String, {}>", inner(&shape.value)?),
            "structure" if shape.document => "Document".to_owned(),
            "structure" => reference.shape.clone(),
            other => bail!("{} is a {other}, which the generator does not know", reference.shape),
        })
    }

    fn kind(&self, reference: &Reference) -> Result<String> {
        let shape = self.model.shape(&reference.shape)?;
        let table = names::table(&reference.shape);
        Ok(match shape.type_name.as_str() {
            "boolean" => "Kind::Boolean".to_owned(),
            "integer" => "Kind::Integer".to_owned(),
            "long" => "Kind::Long".to_owned(),
            "float" | "double" => "Kind::Double".to_owned(),
            "string" if shape.values.is_empty() => "Kind::String".to_owned(),
            "string" => format!("Kind::Enum(&{table})"),
            "blob" => "Kind::Blob".to_owned(),
            "timestamp" => format!(
                "Kind::Timestamp(TimestampFormat::{})",
                timestamp_format(reference, shape)?
            ),
            "list" => format!("Kind::List(&{table})"),
            "map" => format!("Kind::Map(&{table})"),
            "structure" if shape.document => "Kind::Document".to_owned(),
            "structure" => format!("Kind::Structure(&{table})"),
            other => bail!("{} is a {other}, which the generator does not know", reference.shape),
        })
    }
}

fn timestamp_format(reference: &Reference, shape: &Shape) -> Result<&'static str> {
    let format = reference
        .timestamp_format
        .as_deref()
        .or(shape.timestamp_format.as_deref());
    Ok(match format {
        None => "Protocol",
        Some("unixTimestamp") => "EpochSeconds",
        Some("iso8601") => "Iso8601",
        Some(other) => bail!("timestamps as {other} are not known to the generator"),
    })
}

/// Code and status as in the model; without them the name of the structure and the class of the fault.
fn error_trait(name: &str, shape: &Shape) -> String {
    if !shape.exception {
        return String::new();
    }
    let code = shape
        .error
        .as_ref()
        .and_then(|error| error.code.as_deref())
        .unwrap_or(name);
    let status = shape.error.as_ref().and_then(|error| error.http_status_code);
    let status = status.unwrap_or(if shape.fault { 500 } else { 400 });
    format!(" error({code:?}, {status})")
}

fn enumeration(name: &str, shape: &Shape) -> String {
    let values: Vec<&str> = shape.values.iter().map(String::as_str).collect();
    format!("    {}: [\n{}    ];\n", names::table(name), word_lines(&values, 8))
}

/// Quoted words with commas, as many on a line as fit.
fn word_lines(words: &[&str], indent: usize) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    lines(&quoted, indent)
}

/// Items with commas, as many on a line as fit.
fn lines(items: &[String], indent: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.len() + item.len() + 2 <= WIDTH => *line += &format!(" {item},"),
            _ => lines.push(format!("{}{item},", " ".repeat(indent))),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn header(title: &str) -> String {
    format!(
        "// @generated by `cargo xtask shapes` from botocore {BOTOCORE_VERSION}; never edit.\n\
         //! {title}, as published; without the published texts.\n\
         #![expect(missing_docs, reason = \"the documentation of the model is not copied\")]\n\n"
    )
}
