//! What devices of the host want changed of a container, and the changed specification. Pure.
//!
//! The rules are those of the Container Device Interface: a node, a mount or a variable takes the place of one that is there
//! already, a node is open to its container by the rules of its control group, and mounts stand in the order of their depth.

use serde::Deserialize;
use serde_json::{Value, json};

use super::process::set_env;

/// What is changed of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerEdits {
    /// `NAME=value` each. Later ones count.
    pub env: Vec<String>,
    /// Device nodes.
    pub devices: Vec<DeviceNode>,
    /// Pieces of the host.
    pub mounts: Vec<EditMount>,
    /// Programs of the host that the runtime calls.
    pub hooks: Vec<EditHook>,
    /// Groups that the process is in.
    pub additional_gids: Vec<u32>,
}

/// What a device node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// `b`
    Block,
    /// `c`, also `u`
    Character,
    /// `p`
    Fifo,
}

/// A device node inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNode {
    /// Inside.
    pub path: String,
    /// What it is.
    pub kind: DeviceKind,
    /// The number of the driver.
    pub major: i64,
    /// The number of the device.
    pub minor: i64,
    /// Permissions; the runtime's default if nothing is said.
    pub file_mode: Option<u32>,
    /// What the control group lets the container do: of `r`, `w` and `m`.
    pub access: String,
    /// Its owner; the container's user if nothing is said.
    pub uid: Option<u32>,
    /// Its group; the container's if nothing is said.
    pub gid: Option<u32>,
}

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditMount {
    /// On the host.
    pub source: String,
    /// Inside.
    pub destination: String,
    /// The type of the file system.
    pub kind: String,
    /// Options of mount(8).
    pub options: Vec<String>,
}

/// When the runtime calls a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookName {
    /// Before the program starts, in the runtime's namespaces.
    Prestart,
    /// When the container's environment is made, in the runtime's namespaces.
    CreateRuntime,
    /// The same, in the container's namespaces.
    CreateContainer,
    /// Before the program starts, in the container.
    StartContainer,
    /// After the program started.
    Poststart,
    /// After the container was deleted.
    Poststop,
}

/// A program of the host that the runtime calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditHook {
    /// When.
    pub name: HookName,
    /// The program.
    pub path: String,
    /// Its arguments, with its own name first.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<String>,
    /// How long it may take.
    pub timeout_s: Option<i64>,
}

impl DeviceKind {
    /// The kind that mknod(1) calls so.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "b" => Some(Self::Block),
            "c" | "u" => Some(Self::Character),
            "p" => Some(Self::Fifo),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Block => "b",
            Self::Character => "c",
            Self::Fifo => "p",
        }
    }
}

impl HookName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Prestart => "prestart",
            Self::CreateRuntime => "createRuntime",
            Self::CreateContainer => "createContainer",
            Self::StartContainer => "startContainer",
            Self::Poststart => "poststart",
            Self::Poststop => "poststop",
        }
    }
}

impl ContainerEdits {
    /// Changes the specification of a container.
    pub(super) fn apply(&self, document: &mut Value) {
        for device in &self.devices {
            add_device(document, device);
        }
        for mount in &self.mounts {
            add_mount(document, mount);
        }
        if let Some(mounts) = document["mounts"].as_array_mut().filter(|_| !self.mounts.is_empty()) {
            mounts.sort_by_key(depth);
        }
        for hook in &self.hooks {
            let mut entry = json!({ "path": hook.path, "args": hook.args, "env": hook.env });
            if let Some(timeout_s) = hook.timeout_s {
                entry["timeout"] = json!(timeout_s);
            }
            list(&mut document["hooks"][hook.name.as_str()]).push(entry);
        }
        for gid in &self.additional_gids {
            let gids = list(&mut document["process"]["user"]["additionalGids"]);
            if *gid != 0 && !gids.contains(&json!(gid)) {
                gids.push(json!(gid));
            }
        }
    }

    /// Changes the environment of a process.
    pub(super) fn apply_env(&self, env: &mut Vec<String>) {
        self.env.iter().for_each(|entry| set_env(env, entry.clone()));
    }
}

/// The list that stands here; a new one if there is none.
fn list(value: &mut Value) -> &mut Vec<Value> {
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut().expect("specifications have lists here")
}

/// What is deeper in the tree is mounted later. The sort is stable.
fn depth(mount: &Value) -> usize {
    let destination = mount["destination"].as_str().unwrap_or_default();
    destination.split('/').filter(|part| !part.is_empty()).count()
}

fn add_mount(document: &mut Value, mount: &EditMount) {
    let mounts = list(&mut document["mounts"]);
    mounts.retain(|known| known["destination"] != mount.destination);
    mounts.push(json!({
        "destination": mount.destination,
        "type": mount.kind,
        "source": mount.source,
        "options": mount.options,
    }));
}

fn add_device(document: &mut Value, device: &DeviceNode) {
    let user = &document["process"]["user"];
    let owner = |said: Option<u32>, of_user: &Value| said.map_or_else(|| of_user.clone(), Value::from);
    let (uid, gid) = (owner(device.uid, &user["uid"]), owner(device.gid, &user["gid"]));
    let mut node = json!({ "path": device.path, "type": device.kind.as_str(), "uid": uid, "gid": gid });
    if device.kind != DeviceKind::Fifo {
        node["major"] = json!(device.major);
        node["minor"] = json!(device.minor);
    }
    if let Some(file_mode) = device.file_mode {
        node["fileMode"] = json!(file_mode);
    }
    let nodes = list(&mut document["linux"]["devices"]);
    nodes.retain(|known| known["path"] != device.path);
    nodes.push(node);
    if device.kind != DeviceKind::Fifo {
        list(&mut document["linux"]["resources"]["devices"]).push(json!({
            "allow": true,
            "type": device.kind.as_str(),
            "major": device.major,
            "minor": device.minor,
            "access": device.access,
        }));
    }
}

#[cfg(test)]
#[path = "edits_tests.rs"]
mod tests;
