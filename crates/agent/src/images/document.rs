//! The documents of an image: index, manifest and configuration, of OCI and of Docker's schema 2.
//! Only what a pull needs is read. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use super::error::{Failure, PullErrorKind};

/// What a registry is told that we understand.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";

/// A piece of content and its kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Platform {
    os: String,
    architecture: String,
}

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    Index(Vec<Descriptor>),
    Manifest {
        config: Descriptor,
        layers: Vec<Descriptor>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

/// A document with its own media type.
pub(crate) fn parse_document(bytes: &[u8]) -> Result<(String, Document), Failure> {
    let raw: RawDocument = parse_json("image manifest", bytes)?;
    let media_type = |default: &str| raw.media_type.clone().unwrap_or_else(|| default.to_owned());
    match (raw.manifests, raw.config, raw.layers) {
        (Some(manifests), None, _) => Ok((
            media_type("application/vnd.oci.image.index.v1+json"),
            Document::Index(manifests),
        )),
        (_, Some(config), Some(layers)) => Ok((
            media_type("application/vnd.oci.image.manifest.v1+json"),
            Document::Manifest { config, layers },
        )),
        _ if raw.schema_version == Some(1) => Err(unreadable(
            "image manifest",
            "schema version 1 is no longer supported, push the image again with a newer tool",
        )),
        _ => Err(unreadable("image manifest", "neither an index nor a manifest")),
    }
}

/// The manifest for this machine.
pub(crate) fn select_platform<'a>(manifests: &'a [Descriptor], architecture: &str) -> Result<&'a Descriptor, Failure> {
    let fits = |descriptor: &&Descriptor| match &descriptor.platform {
        Some(platform) => platform.os == "linux" && platform.architecture == architecture,
        None => false,
    };
    let unspecific = |descriptor: &&Descriptor| descriptor.platform.is_none();
    manifests
        .iter()
        .find(fits)
        .or_else(|| manifests.iter().find(unspecific))
        .ok_or_else(|| {
            let wanted = format!("linux/{architecture}");
            Failure::new(
                PullErrorKind::NoMatchingPlatform,
                format!("image Manifest does not contain descriptor matching platform '{wanted}'"),
            )
        })
}

/// This machine's processor in image terms.
pub(crate) fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// What an image says about the processes that run in it; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The program, or further arguments when there is an entry point.
    pub cmd: Vec<String>,
    /// `NAME=value` each.
    pub env: Vec<String>,
    /// In the forms that Docker knows; empty is root.
    pub user: String,
    /// Empty is `/`.
    pub working_dir: String,
    /// Which signal asks it to stop; SIGTERM when none is given.
    pub stop_signal: Option<String>,
    /// Directories that deserve a volume.
    pub volumes: Vec<String>,
    /// `80/tcp`
    pub exposed_ports: Vec<String>,
}

/// A configuration document: how to run the image, and the digests of its unpacked layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigDocument {
    pub(crate) config: ImageConfig,
    pub(crate) diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
struct RawConfigDocument {
    config: Option<RawConfig>,
    rootfs: RawRootfs,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RawConfig {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
}

pub(crate) fn parse_config(bytes: &[u8]) -> Result<ConfigDocument, Failure> {
    let raw: RawConfigDocument = parse_json("image configuration", bytes)?;
    let config = raw.config.unwrap_or_default();
    let names = |set: Option<BTreeMap<String, serde_json::Value>>| set.unwrap_or_default().into_keys().collect();
    Ok(ConfigDocument {
        config: ImageConfig {
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
            volumes: names(config.volumes),
            exposed_ports: names(config.exposed_ports),
        },
        diff_ids: raw.rootfs.diff_ids,
    })
}

/// The snapshot keys of the layers, lowest first: each names everything below it too.
pub(crate) fn chain_ids(diff_ids: &[Digest]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.to_string(),
            Some(below) => {
                let hash = Sha256::digest(format!("{below} {diff_id}"));
                format!("sha256:{}", hex::encode(hash))
            }
        };
        chain.push(next);
    }
    chain
}

fn parse_json<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(what, &error.to_string()))
}

fn unreadable(what: &str, why: &str) -> Failure {
    Failure::new(PullErrorKind::Other, format!("cannot read the {what}: {why}"))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
