//! Builds images in memory: archives, compressions, documents. Nothing of this is random, so
//! digests are stable.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A piece of content with its address.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            bytes,
        }
    }

    pub(crate) fn digest(&self) -> String {
        digest(&self.bytes)
    }

    pub(crate) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len() })
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[derive(Clone, Copy)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A file of a layer.
pub(crate) enum Entry<'a> {
    Directory(&'a str),
    File(&'a str, &'a [u8]),
    Program(&'a str, &'a [u8]),
    Link(&'a str, &'a str),
}

/// An image for one platform.
pub(crate) struct Image {
    pub(crate) manifest: Blob,
    pub(crate) blobs: Vec<Blob>,
}

impl Image {
    /// From layers, lowest first, and the `config` object of the configuration.
    pub(crate) fn new(layers: &[(Vec<u8>, Compression)], config: &Value) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|(archive, _)| digest(archive)).collect();
        let mut blobs: Vec<Blob> = layers.iter().map(|(archive, kind)| compress(archive, *kind)).collect();
        let layers: Vec<Value> = blobs.iter().map(Blob::descriptor).collect();
        let document = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = Blob::new("application/vnd.oci.image.config.v1+json", document.to_string().into());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": layers,
        });
        blobs.push(config);
        Self {
            manifest: Blob::new(MANIFEST, manifest.to_string().into()),
            blobs,
        }
    }

    /// The same, spelled as Docker's schema 2.
    pub(crate) fn into_docker(self) -> Self {
        let text = String::from_utf8(self.manifest.bytes).unwrap();
        let text = text
            .replace(MANIFEST, DOCKER_MANIFEST)
            .replace(
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.docker.container.image.v1+json",
            )
            .replace(
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            );
        Self {
            manifest: Blob::new(DOCKER_MANIFEST, text.into()),
            ..self
        }
    }
}

/// An index of manifests with their architectures.
pub(crate) fn index(entries: &[(&str, &Blob)]) -> Blob {
    let manifests: Vec<Value> = entries
        .iter()
        .map(|(architecture, manifest)| {
            let mut descriptor = manifest.descriptor();
            descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
            descriptor
        })
        .collect();
    let document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Blob::new(INDEX, document.to_string().into())
}

pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// busybox with its commands, and account files with a user `app` in a second group.
pub(crate) fn busybox_layer() -> Vec<u8> {
    let busybox = busybox();
    let mut entries = vec![
        Entry::Directory("bin"),
        Entry::Directory("etc"),
        Entry::Directory("tmp"),
        Entry::Program("bin/busybox", &busybox),
        Entry::File(
            "etc/passwd",
            b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv/app:/bin/sh\n",
        ),
        Entry::File("etc/group", b"root:x:0:\napp:x:1000:\nextra:x:2000:app\n"),
    ];
    let names: Vec<String> = ["sh", "sleep", "id", "cat", "pwd", "env", "hostname", "dd", "echo", "ls"]
        .iter()
        .map(|name| format!("bin/{name}"))
        .collect();
    entries.extend(names.iter().map(|name| Entry::Link(name, "busybox")));
    tar(&entries)
}

/// The usual image of these tests.
pub(crate) fn busybox_image() -> Image {
    let config = json!({ "Cmd": ["sh"], "Env": ["PATH=/bin", "FROM_IMAGE=1"] });
    Image::new(&[(busybox_layer(), Compression::Gzip)], &config)
}

/// Debian's static busybox: downloaded once, unpacked, never installed.
fn busybox() -> Vec<u8> {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let path = BINARY.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("busybox-static");
        if !kept.exists() {
            let dir = tempfile::tempdir().unwrap();
            run(Command::new("sh")
                .current_dir(dir.path())
                .arg("-c")
                .arg("apt-get -q download busybox-static && dpkg-deb -x busybox-static_*.deb unpacked"));
            let unpacked = dir.path().join("unpacked/bin/busybox");
            let partial = kept.with_extension("partial");
            std::fs::copy(unpacked, &partial).unwrap();
            std::fs::rename(partial, &kept).unwrap();
        }
        kept
    });
    std::fs::read(path).unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().expect("a shell exists");
    assert!(
        output.status.success(),
        "cannot get busybox-static (is `apt-get update` needed?): {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A ustar archive.
pub(crate) fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let (name, kind, mode, link, data): (&str, u8, &str, &str, &[u8]) = match entry {
            Entry::Directory(name) => (name, b'5', "0000755", "", b""),
            Entry::File(name, data) => (name, b'0', "0000644", "", data),
            Entry::Program(name, data) => (name, b'0', "0000755", "", data),
            Entry::Link(name, target) => (name, b'2', "0000777", target, b""),
        };
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, name);
        put(100, mode);
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", data.len()));
        put(136, "00000000000");
        put(148, "        ");
        put(157, link);
        put(257, "ustar\x0000");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn compress(archive: &[u8], compression: Compression) -> Blob {
    let (suffix, bytes) = match compression {
        Compression::None => ("", archive.to_vec()),
        Compression::Gzip => ("+gzip", gzip(archive)),
        Compression::Zstd => ("+zstd", zstd(archive)),
    };
    Blob::new(&format!("application/vnd.oci.image.layer.v1.tar{suffix}"), bytes)
}

/// A gzip member of stored blocks.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut chunks = data.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).unwrap();
        out.push(u8::from(chunks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(chunk);
    }
    out.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    out.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    out
}

/// A zstd frame of raw blocks.
fn zstd(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0]; // single segment, four bytes of size
    out.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    let mut chunks = data.chunks(0x1_0000).peekable();
    while let Some(chunk) = chunks.next() {
        let last = u32::from(chunks.peek().is_none());
        let header = u32::try_from(chunk.len()).unwrap() << 3 | last;
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(chunk);
    }
    out
}
