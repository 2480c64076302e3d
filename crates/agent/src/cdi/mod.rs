//! The GPUs of the machine, as CDI files describe them: which there are, and what a container needs for each.
//!
//! A GPU is a device of a kind of class `gpu` (`nvidia.com/gpu`) that is named by a UUID, with or without a prefix such as
//! `GPU-` or `MIG-`. Other names (`all`, numbers) are aliases of the same GPUs, which must not be shared out a second time.
//! Of directories, what stands in a later one counts; a name that is there twice in one directory is nobody's.
//!
//! Files are read anew for every container: drivers are updated while the agent runs. Nothing here decides who gets a GPU.

mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};

use crate::runtime::{ContainerEdits, DeviceKind, DeviceNode, EditHook, EditMount};
use file::{Edits, File, Hook, Mount, Node};

/// Where the specification has the files: those that stay, and those that are made at every start of the machine.
pub const DIRECTORIES: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];
/// The most bytes of a file.
const MOST_BYTES: u64 = 4 << 20;

/// The GPUs of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpus {
    /// Where each stands, or nothing if two claim its name.
    found: BTreeMap<String, Option<Found>>,
    files: Vec<File>,
    /// What could not be understood, in words for people.
    problems: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    directory: usize,
    file: usize,
    device: usize,
}

/// Why a container cannot have its GPUs.
#[derive(Debug, thiserror::Error)]
pub enum CdiError {
    /// The machine does not have it any more.
    #[error("no CDI file of this machine describes the GPU {0}")]
    Missing(String),
    /// The host's own node says too little.
    #[error("cannot read the device {path}: {source}")]
    Node {
        /// The node.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file says what cannot be.
    #[error("the CDI file says what cannot be: {0}")]
    Nonsense(String),
}

impl Gpus {
    /// What the files in these directories say.
    #[must_use]
    pub fn read(directories: &[PathBuf]) -> Self {
        let mut gpus = Self::default();
        for (number, directory) in directories.iter().enumerate() {
            let paths = match files_in(directory) {
                Ok(paths) => paths,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    gpus.problems.push(format!("{}: {error}", directory.display()));
                    continue;
                }
            };
            for path in paths {
                let text = text_of(&path).map_err(|error| error.to_string());
                let parsed = text.and_then(|text| File::parse(&path, &text));
                match parsed {
                    Ok(file) => gpus.add(number, file),
                    Err(error) => gpus.problems.push(format!("{}: {error}", path.display())),
                }
            }
        }
        gpus
    }

    fn add(&mut self, directory: usize, file: File) {
        let number = self.files.len();
        let is_gpu = file.kind.split_once('/').is_some_and(|(_, class)| class == "gpu");
        for (device, one) in file.devices.iter().enumerate() {
            if !is_gpu || !is_id(&one.name) {
                continue;
            }
            let found = Found {
                directory,
                file: number,
                device,
            };
            let known = self.found.get(&one.name).copied();
            let twice = known.is_some_and(|known| known.is_none_or(|known| known.directory == directory));
            if twice {
                self.problems.push(format!("two CDI devices are called {}", one.name));
            }
            self.found.insert(one.name.clone(), (!twice).then_some(found));
        }
        self.files.push(file);
    }

    /// The ids of all GPUs, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let known = self.found.iter().filter(|(_, found)| found.is_some());
        known.map(|(id, _)| id.as_str())
    }

    /// What could not be understood, in words for people.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// What a container needs for these GPUs: first what its files say of all their devices, then of each. It is told which
    /// ones it has as by the stock agent.
    ///
    /// # Errors
    /// A GPU that is gone, or whose file or nodes make no sense.
    pub fn edits(&self, ids: &[String]) -> Result<ContainerEdits, CdiError> {
        let mut edits = ContainerEdits::default();
        if ids.is_empty() {
            return Ok(edits);
        }
        let mut common: Vec<usize> = Vec::new();
        for id in ids {
            let found = self.found.get(id).copied().flatten();
            let found = found.ok_or_else(|| CdiError::Missing(id.clone()))?;
            let file = &self.files[found.file];
            if !common.contains(&found.file) {
                common.push(found.file);
                merge(&mut edits, &file.container_edits)?;
            }
            merge(&mut edits, &file.devices[found.device].container_edits)?;
        }
        edits.env.push(format!("NVIDIA_VISIBLE_DEVICES={}", ids.join(",")));
        Ok(edits)
    }
}

/// The files of a directory that are CDI's, by name.
fn files_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    let endings = ["json", "yaml", "yml"];
    paths.retain(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| endings.contains(&ending))
    });
    paths.sort();
    Ok(paths)
}

fn text_of(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    fs::read_to_string(path)
}

/// Whether a name is a UUID, with or without letters and a dash before it.
fn is_id(name: &str) -> bool {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = name.split('-').collect();
    let Some((prefix, uuid)) = parts.len().checked_sub(LENGTHS.len()).map(|at| parts.split_at(at)) else {
        return false;
    };
    let hex =
        |(part, length): (&&str, usize)| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    prefix.len() <= 1 && prefix.iter().all(letters) && uuid.iter().zip(LENGTHS).all(hex)
}

fn merge(edits: &mut ContainerEdits, more: &Edits) -> Result<(), CdiError> {
    if let Some(bad) = more.env.iter().find(|entry| !entry.contains('=')) {
        return Err(CdiError::Nonsense(format!("the variable '{bad}' has no value")));
    }
    edits.env.extend(more.env.iter().cloned());
    for one in &more.device_nodes {
        edits.devices.push(node(one)?);
    }
    edits.mounts.extend(more.mounts.iter().map(mount));
    edits.hooks.extend(more.hooks.iter().map(hook));
    edits.additional_gids.extend(&more.additional_gids);
    Ok(())
}

/// A node, with what the host's own says where the file says nothing.
fn node(node: &Node) -> Result<DeviceNode, CdiError> {
    let nonsense = |what: String| CdiError::Nonsense(format!("{} {what}", node.path));
    let access = node.permissions.clone().unwrap_or_else(|| "rwm".to_owned());
    if access.is_empty() || !access.chars().all(|letter| "rwm".contains(letter)) {
        return Err(nonsense(format!("has the permissions '{access}'")));
    }
    let said = node.kind.as_deref().map(|word| {
        let kind = DeviceKind::from_word(word);
        kind.ok_or_else(|| nonsense(format!("has the type '{word}'")))
    });
    let said = said.transpose()?;
    let (kind, major, minor) = match (said, node.major) {
        (Some(kind), Some(major)) => (kind, major, node.minor.unwrap_or(0)),
        (Some(DeviceKind::Fifo), None) => (DeviceKind::Fifo, 0, 0),
        (said, given) => {
            let (kind, major, minor) = of_host(node.host_path.as_ref().unwrap_or(&node.path))?;
            if said.is_some_and(|said| said != kind) {
                return Err(nonsense("is of another type on the host".to_owned()));
            }
            match given {
                Some(given) => (kind, given, node.minor.unwrap_or(0)),
                None => (kind, major, minor),
            }
        }
    };
    Ok(DeviceNode {
        path: node.path.clone(),
        kind,
        major,
        minor,
        file_mode: node.file_mode,
        access,
        uid: node.uid,
        gid: node.gid,
    })
}

/// Type and numbers of a node of the host.
fn of_host(path: &str) -> Result<(DeviceKind, i64, i64), CdiError> {
    let path = path.to_owned();
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(source) => return Err(CdiError::Node { path, source }),
    };
    let Some(kind) = kind_of(&metadata) else {
        let source = io::Error::other("it is no device");
        return Err(CdiError::Node { path, source });
    };
    let number = |number: u64| i64::try_from(number).unwrap_or_default();
    let device = metadata.rdev();
    Ok((kind, number(major(device)), number(minor(device))))
}

fn kind_of(metadata: &Metadata) -> Option<DeviceKind> {
    let kind = metadata.file_type();
    let kinds = [
        (kind.is_char_device(), DeviceKind::Character),
        (kind.is_block_device(), DeviceKind::Block),
        (kind.is_fifo(), DeviceKind::Fifo),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, kind)| kind)
}

fn mount(mount: &Mount) -> EditMount {
    EditMount {
        source: mount.host_path.clone(),
        destination: mount.container_path.clone(),
        kind: mount.kind.clone().unwrap_or_else(|| "bind".to_owned()),
        options: mount.options.clone(),
    }
}

fn hook(hook: &Hook) -> EditHook {
    EditHook {
        name: hook.hook_name,
        path: hook.path.clone(),
        args: hook.args.clone(),
        env: hook.env.clone(),
        timeout_s: hook.timeout,
    }
}
