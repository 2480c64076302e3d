//! Pulls: resolve the name, fetch what is missing, unpack it, record it.
//!
//! A tag is always resolved by its registry first. If nobody answers there and the image was
//! pulled before, the stored one is used. Pulls of one name at the same time are one pull.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use containerd_client::types::Descriptor as StoredDescriptor;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared as SharedFuture, WeakShared, try_join_all};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::digest::Digest;
use super::document::{
    ConfigDocument, Descriptor, Document, ImageConfig, chain_ids, host_architecture, parse_config, parse_document,
    select_platform,
};
use super::error::{Failure, PullError, PullErrorKind, Stage};
use super::mirror::{Endpoint, Mirror, endpoints};
use super::reference::Reference;
use super::registry::{Registry, manifest_path, read_document};
use super::store::{Labels, Lease, Store};
use super::transfer::{DocumentPlace, StoredDocument, Transfer, retry_delay};
use super::unpack::{Layer, hold_snapshot, snapshot_exists, unpack};
use crate::runtime::{Containerd, KeyedLocks, RootImage, SNAPSHOTTER};

const MAX_PARALLEL_DOWNLOADS: usize = 3;
const MAX_RESOLVE_ATTEMPTS: u32 = 5;
/// An index may point to an index; nobody nests deeper.
const MAX_INDEX_DEPTH: usize = 3;
/// Past so many images the memory of finished pulls starts anew.
const MAX_KNOWN_IMAGES: usize = 1024;

/// An image that containers can be created from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledImage {
    /// The full name, `docker.io/library/httpd:2.4`.
    pub name: String,
    /// What the name stands for, the index's digest if there is one: ECS's `imageDigest`.
    pub digest: Digest,
    /// Configuration and layers as transferred, that is, compressed.
    pub size_bytes: u64,
    /// How much of it came over the network this time.
    pub bytes_fetched: u64,
    /// The key of the snapshot of all layers; empty for an image without layers.
    pub chain_id: String,
    /// How to run it.
    pub config: ImageConfig,
}

impl PulledImage {
    /// What a container's specification needs of it.
    pub fn root_image(&self) -> RootImage {
        RootImage {
            name: self.name.clone(),
            chain_id: self.chain_id.clone(),
        }
    }
}

/// Pulls images into one containerd. Clones share their work.
#[derive(Clone)]
pub struct Images {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) blobs: KeyedLocks,
    pub(super) snapshots: KeyedLocks,
    pub(super) downloads: Semaphore,
    mirrors: Vec<Mirror>,
    in_progress: Mutex<HashMap<String, WeakShared<PullFuture>>>,
    known: Mutex<HashMap<Digest, Known>>,
}

/// An image that this process has pulled.
#[derive(Clone)]
struct Known {
    image: PulledImage,
    /// What its records in containerd point to.
    target: StoredDescriptor,
}

type PullFuture = BoxFuture<'static, Result<PulledImage, PullError>>;

/// What a name stands for, and who said so.
struct Resolved {
    digest: Digest,
    /// The document, if the registry sent it along.
    bytes: Option<Bytes>,
    endpoints: Vec<Endpoint>,
}

/// The documents of an image for this machine.
struct Documents {
    target: StoredDescriptor,
    config: StoredDocument,
    size_bytes: u64,
    layers: Vec<Layer>,
    image_config: ImageConfig,
}

impl Images {
    /// Pulls go to `mirrors` first. Fails only if no TLS client can be made.
    pub fn new(containerd: Containerd, mirrors: Vec<Mirror>) -> Result<Self, PullError> {
        let registry = Registry::new().map_err(|error| PullError {
            kind: PullErrorKind::Other,
            message: format!("cannot make an HTTP client: {error}"),
            manifest: None,
        })?;
        Ok(Self {
            shared: Arc::new(Shared {
                store: Store { containerd },
                registry,
                blobs: KeyedLocks::default(),
                snapshots: KeyedLocks::default(),
                downloads: Semaphore::new(MAX_PARALLEL_DOWNLOADS),
                mirrors,
                in_progress: Mutex::default(),
                known: Mutex::default(),
            }),
        })
    }

    /// Makes the image available and answers how to run it.
    pub async fn pull(&self, image: &str) -> Result<PulledImage, PullError> {
        self.shared_pull(parse_reference(image)?).await
    }

    /// An image that was pulled before, without asking anybody: for a container that is created
    /// after its image was pulled, perhaps by an agent that was restarted in between.
    pub async fn stored(&self, image: &str, digest: &Digest) -> Result<PulledImage, PullError> {
        let reference = parse_reference(image)?;
        let resolved = Resolved {
            digest: digest.clone(),
            bytes: None,
            endpoints: Vec::new(),
        };
        let known = self.shared.pull_resolved(&reference, resolved).await?;
        Ok(known.image)
    }

    /// Joins the pull of this name that is under way, or begins one.
    fn shared_pull(&self, reference: Reference) -> SharedFuture<PullFuture> {
        let name = reference.to_string();
        let mut in_progress = self.shared.in_progress();
        if let Some(pull) = in_progress.get(&name).and_then(WeakShared::upgrade) {
            return pull;
        }
        let shared = Arc::clone(&self.shared);
        let key = name.clone();
        let pull = async move {
            let result = shared.pull(&reference).await;
            shared.in_progress().remove(&key);
            result
        };
        let pull = pull.boxed().shared();
        if let Some(weak) = pull.downgrade() {
            in_progress.insert(name, weak);
        }
        pull
    }
}

impl Shared {
    fn in_progress(&self) -> std::sync::MutexGuard<'_, HashMap<String, WeakShared<PullFuture>>> {
        self.in_progress.lock().expect("no holder of this lock panics")
    }

    async fn pull(&self, reference: &Reference) -> Result<PulledImage, PullError> {
        let failed = |failure: Failure| failure.into_error(Stage::Content, reference, 1);
        let name = reference.to_string();
        let stored = self.store.image_target(&name).await.map_err(failed)?;
        let resolved = self.resolve(reference, stored.as_ref()).await?;
        let known = self.pull_resolved(reference, resolved).await?;
        if stored.as_ref() != Some(&known.image.digest) && reference.digest().is_none() {
            self.store.put_image(&name, known.target).await.map_err(failed)?;
        }
        Ok(known.image)
    }

    /// Makes the content available that a name was found to stand for.
    async fn pull_resolved(&self, reference: &Reference, resolved: Resolved) -> Result<Known, PullError> {
        let failed = |failure: Failure| failure.into_error(Stage::Content, reference, 1);
        if let Some(mut known) = self.known_image(&resolved.digest).await.map_err(failed)? {
            known.image.name = reference.to_string();
            return Ok(known);
        }
        let lease = Lease::create(&self.store.containerd).await.map_err(failed)?;
        let pulled = self.pull_leased(reference, resolved, &lease).await;
        lease.release().await;
        let known = pulled?;
        self.remember(&known);
        Ok(known)
    }

    /// What the name stands for: pinned, told by a registry, or, when none answers, as stored.
    async fn resolve(&self, reference: &Reference, stored: Option<&Digest>) -> Result<Resolved, PullError> {
        let endpoints = endpoints(&self.mirrors, reference);
        if let Some(digest) = reference.digest() {
            return Ok(Resolved {
                digest: digest.clone(),
                bytes: None,
                endpoints,
            });
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let failure = match self.resolve_tag(reference, &endpoints).await {
                Ok(resolved) => return Ok(resolved),
                Err(failure) => failure,
            };
            match stored {
                Some(digest) if failure.is_transient() => {
                    let reason = &failure.message;
                    tracing::warn!(image = %reference, %reason, "using the stored image");
                    return Ok(Resolved {
                        digest: digest.clone(),
                        bytes: None,
                        endpoints: Vec::new(),
                    });
                }
                None if failure.is_transient() && attempts < MAX_RESOLVE_ATTEMPTS => {
                    sleep(retry_delay(attempts)).await;
                }
                _ => return Err(failure.into_error(Stage::Manifest, reference, attempts)),
            }
        }
    }

    /// Asks one endpoint after the other. The registry itself has the last word, unless it
    /// cannot be reached: then a mirror's answer counts.
    async fn resolve_tag(&self, reference: &Reference, endpoints: &[Endpoint]) -> Result<Resolved, Failure> {
        let mut worst = Failure::new(PullErrorKind::Unreachable, "nobody to ask");
        for (index, endpoint) in endpoints.iter().enumerate() {
            match self.resolve_at(reference, endpoint).await {
                Ok((digest, bytes)) => {
                    let mut endpoints = endpoints.to_vec();
                    endpoints.swap(0, index);
                    return Ok(Resolved {
                        digest,
                        bytes,
                        endpoints,
                    });
                }
                Err(failure) if failure.is_transient() && !worst.is_transient() => {}
                Err(failure) => worst = failure,
            }
        }
        if worst.kind == PullErrorKind::NotFound {
            worst.message = format!("{reference}: not found");
        }
        Err(worst)
    }

    /// HEAD tells enough, mostly; otherwise the manifest itself does, or the registry's words why not.
    async fn resolve_at(&self, reference: &Reference, endpoint: &Endpoint) -> Result<(Digest, Option<Bytes>), Failure> {
        match self.registry.tag_digest(endpoint, reference).await {
            Ok(Some(digest)) => return Ok((digest, None)),
            Err(failure) if failure.is_transient() => return Err(failure),
            Ok(None) | Err(_) => {}
        }
        let path = manifest_path(reference);
        let content = self
            .registry
            .content(endpoint, reference.repository(), &path, 0)
            .await?;
        let bytes = read_document(content.response).await?;
        Ok((Digest::of(&bytes), Some(bytes)))
    }

    /// An image that this process has pulled before and that is still whole.
    async fn known_image(&self, digest: &Digest) -> Result<Option<Known>, Failure> {
        let known = {
            let known = self.known.lock().expect("no holder of this lock panics");
            known.get(digest).cloned()
        };
        let Some(mut known) = known else {
            return Ok(None);
        };
        let chain_id = &known.image.chain_id;
        let whole = chain_id.is_empty() || snapshot_exists(self, chain_id).await?;
        known.image.bytes_fetched = 0;
        Ok(whole.then_some(known))
    }

    fn remember(&self, image: &Known) {
        let mut known = self.known.lock().expect("no holder of this lock panics");
        if known.len() >= MAX_KNOWN_IMAGES {
            known.clear();
        }
        known.insert(image.image.digest.clone(), image.clone());
    }

    async fn pull_leased(&self, reference: &Reference, resolved: Resolved, lease: &Lease) -> Result<Known, PullError> {
        let unresolved = |failure: Failure| failure.into_error(Stage::Manifest, reference, 1);
        let transfer = Transfer {
            shared: self,
            lease,
            reference,
            endpoints: resolved.endpoints,
            fetched_bytes: 0.into(),
        };
        let target = match resolved.bytes {
            Some(bytes) => transfer.adopt(&resolved.digest, bytes).await,
            None => transfer.document(&resolved.digest, DocumentPlace::Manifests).await,
        };
        let documents = load_documents(&transfer, target.map_err(unresolved)?).await;
        let documents = documents.map_err(unresolved)?;
        let unpacked = self.unpack_and_record(&transfer, &resolved.digest, &documents).await;
        unpacked.map_err(|failure| failure.into_error(Stage::Content, reference, 1))?;
        let chain_id = documents.layers.last().map(|layer| layer.chain_id.clone());
        Ok(Known {
            image: PulledImage {
                name: reference.to_string(),
                digest: resolved.digest,
                size_bytes: documents.size_bytes,
                bytes_fetched: transfer.fetched_bytes.load(Ordering::Relaxed),
                chain_id: chain_id.unwrap_or_default(),
                config: documents.image_config,
            },
            target: documents.target,
        })
    }

    /// Makes the snapshots, and the record that keeps this very content even when its tag moves on.
    async fn unpack_and_record(
        &self,
        transfer: &Transfer<'_>,
        digest: &Digest,
        documents: &Documents,
    ) -> Result<(), Failure> {
        self.unpack_layers(transfer, &documents.layers).await?;
        let key = format!("containerd.io/gc.ref.snapshot.{SNAPSHOTTER}");
        let top = documents.layers.last();
        let labels = top.map(|layer| (key, layer.chain_id.clone())).into_iter().collect();
        transfer.keep(&documents.config, labels).await?;
        let pinned = transfer.reference.pinned(digest);
        self.store.put_image(&pinned, documents.target.clone()).await
    }

    /// Downloads side by side, and unpacks in order what has arrived.
    async fn unpack_layers(&self, transfer: &Transfer<'_>, layers: &[Layer]) -> Result<(), Failure> {
        let present = self.unpacked_layers(transfer.lease, layers).await?;
        let missing = layers.get(present..).unwrap_or_default();
        let (arrived, arrivals): (Vec<_>, Vec<_>) = missing.iter().map(|_| oneshot::channel::<()>()).unzip();
        let downloads = missing
            .iter()
            .zip(arrived)
            .map(|(layer, arrived)| download(transfer, layer, arrived));
        let unpack_in_order = async {
            for (layer, arrival) in missing.iter().zip(arrivals) {
                if arrival.await.is_err() {
                    return Ok(()); // the download's own failure is the result
                }
                unpack(self, transfer.lease, layer).await?;
            }
            Ok(())
        };
        tokio::try_join!(try_join_all(downloads), unpack_in_order).map(drop)
    }

    /// How many layers, from the lowest, have their snapshots already.
    async fn unpacked_layers(&self, lease: &Lease, layers: &[Layer]) -> Result<usize, Failure> {
        for (index, layer) in layers.iter().enumerate().rev() {
            if hold_snapshot(self, lease, &layer.chain_id).await? {
                return Ok(index + 1);
            }
        }
        Ok(0)
    }
}

async fn download(transfer: &Transfer<'_>, layer: &Layer, arrived: oneshot::Sender<()>) -> Result<(), Failure> {
    transfer.layer(&layer.descriptor).await?;
    let _ = arrived.send(()); // nobody waits any more once unpacking has failed
    Ok(())
}

fn parse_reference(image: &str) -> Result<Reference, PullError> {
    image.parse().map_err(|error| PullError {
        kind: PullErrorKind::InvalidReference,
        message: format!("failed to parse image reference '{image}': {error}"),
        manifest: None,
    })
}

/// Follows indexes to this machine's manifest and its configuration; keeps all but the latter,
/// whose label waits for the snapshots.
async fn load_documents(transfer: &Transfer<'_>, target: StoredDocument) -> Result<Documents, Failure> {
    let (media_type, _) = parse_document(&target.bytes)?;
    let stored_target = StoredDescriptor {
        media_type,
        digest: target.digest.to_string(),
        size: i64::try_from(target.bytes.len()).unwrap_or(i64::MAX),
        ..StoredDescriptor::default()
    };
    let mut document = target;
    for _depth in 0..=MAX_INDEX_DEPTH {
        match parse_document(&document.bytes)?.1 {
            Document::Index(manifests) => {
                let manifest = select_platform(&manifests, host_architecture())?;
                let labels = content_labels([("m.0".to_owned(), &manifest.digest)]);
                transfer.keep(&document, labels).await?;
                document = transfer.document(&manifest.digest, DocumentPlace::Manifests).await?;
            }
            Document::Manifest { config, layers } => {
                let numbered = layers.iter().enumerate();
                let children = numbered.map(|(n, layer)| (format!("l.{n}"), &layer.digest));
                let labels = content_labels(children.chain([("config".to_owned(), &config.digest)]));
                transfer.keep(&document, labels).await?;
                let stored = transfer.document(&config.digest, DocumentPlace::Blobs).await?;
                let size_bytes = config.size + layers.iter().map(|layer| layer.size).sum::<u64>();
                let parsed = parse_config(&stored.bytes)?;
                return Ok(Documents {
                    target: stored_target,
                    config: stored,
                    size_bytes,
                    layers: pair_layers(layers, &parsed)?,
                    image_config: parsed.config,
                });
            }
        }
    }
    let message = "cannot read the image manifest: indexes are nested too deeply";
    Err(Failure::new(PullErrorKind::Other, message))
}

fn content_labels<'a>(children: impl IntoIterator<Item = (String, &'a Digest)>) -> Labels {
    children
        .into_iter()
        .map(|(child, digest)| (format!("containerd.io/gc.ref.content.{child}"), digest.to_string()))
        .collect()
}

fn pair_layers(descriptors: Vec<Descriptor>, config: &ConfigDocument) -> Result<Vec<Layer>, Failure> {
    if descriptors.len() != config.diff_ids.len() {
        let message = format!(
            "cannot read the image configuration: mismatched image rootfs and manifest layers \
             ({} and {})",
            config.diff_ids.len(),
            descriptors.len()
        );
        return Err(Failure::new(PullErrorKind::Other, message));
    }
    let chain = chain_ids(&config.diff_ids);
    let parents = std::iter::once(String::new()).chain(chain.clone());
    let pairs = descriptors.into_iter().zip(&config.diff_ids).zip(chain).zip(parents);
    let layers = pairs.map(|(((descriptor, diff_id), chain_id), parent)| Layer {
        descriptor,
        diff_id: diff_id.clone(),
        chain_id,
        parent,
    });
    Ok(layers.collect())
}
