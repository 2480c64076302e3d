//! One CDI file: what a vendor writes about the devices of a machine, by the specification of the Container Device Interface.
//!
//! A file with a member that is not known here is not understood as a whole: a container would get less than its device needs.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::runtime::HookName;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    /// The version of the specification.
    #[serde(rename = "cdiVersion")]
    _version: String,
    /// `vendor/class`, for example `nvidia.com/gpu`.
    pub(super) kind: String,
    #[serde(rename = "annotations", default)]
    _annotations: BTreeMap<String, String>,
    /// Its devices.
    pub(super) devices: Vec<Device>,
    /// What a container needs for any of them.
    #[serde(default)]
    pub(super) container_edits: Edits,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    /// Unique within its kind.
    pub(super) name: String,
    #[serde(rename = "annotations", default)]
    _annotations: BTreeMap<String, String>,
    /// What a container needs for it.
    #[serde(default)]
    pub(super) container_edits: Edits,
}

/// What is changed of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Edits {
    /// `NAME=value` each.
    pub(super) env: Vec<String>,
    pub(super) device_nodes: Vec<Node>,
    pub(super) mounts: Vec<Mount>,
    pub(super) hooks: Vec<Hook>,
    #[serde(alias = "additionalGIDs")]
    pub(super) additional_gids: Vec<u32>,
}

/// A device node. What is left out is as the host's node has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Node {
    /// Inside.
    pub(super) path: String,
    /// On the host; the same path if it is left out.
    pub(super) host_path: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) major: Option<i64>,
    pub(super) minor: Option<i64>,
    pub(super) file_mode: Option<u32>,
    /// Of `r`, `w` and `m`.
    pub(super) permissions: Option<String>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
}

/// A piece of the host inside the container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Mount {
    pub(super) host_path: String,
    pub(super) container_path: String,
    #[serde(default)]
    pub(super) options: Vec<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

/// A program that the runtime calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Hook {
    pub(super) hook_name: HookName,
    pub(super) path: String,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<String>,
    /// Seconds.
    pub(super) timeout: Option<i64>,
}

impl File {
    /// Understands the text of the file at `path`, whose name says whether it is JSON or YAML.
    ///
    /// # Errors
    /// Why it cannot be understood, in words.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let is_json = path.extension().is_some_and(|ending| ending == "json");
        let value = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
            json(documents.first().ok_or("it is empty")?)?
        };
        serde_json::from_value(value).map_err(|error| error.to_string())
    }
}

/// The part of YAML that JSON has too.
fn json(yaml: &Yaml<'_>) -> Result<Value, String> {
    let unfit = |what: &str| Err(format!("{what} have no place in it"));
    match yaml {
        Yaml::Value(Scalar::Null) => Ok(Value::Null),
        Yaml::Value(Scalar::Boolean(truth)) => Ok(Value::Bool(*truth)),
        Yaml::Value(Scalar::Integer(number)) => Ok(Value::from(*number)),
        Yaml::Value(Scalar::String(text)) => Ok(Value::from(text.as_ref())),
        Yaml::Value(Scalar::FloatingPoint(_)) => unfit("decimal numbers"),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            let mut members = Map::new();
            for (name, value) in entries {
                let name = name.as_str().ok_or("names are texts")?;
                members.insert(name.to_owned(), json(value)?);
            }
            Ok(Value::Object(members))
        }
        Yaml::Tagged(..) | Yaml::Representation(..) => unfit("tags"),
        Yaml::Alias(_) | Yaml::BadValue => unfit("broken references"),
    }
}
