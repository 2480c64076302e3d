//! Moves content from registries into containerd's store: documents as a whole, layers as streams
//! that are resumed when they break. Each piece of content is moved once, however many pulls want it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use containerd_client::tonic::Status;
use tokio::time::sleep;

use super::digest::Digest;
use super::document::Descriptor;
use super::error::{Failure, PullErrorKind};
use super::ingest::{Writer, abort};
use super::mirror::Endpoint;
use super::pull::Shared;
use super::reference::Reference;
use super::registry::{Content, next_chunk, read_document};
use super::store::{Labels, Lease};

/// One message to containerd; a gRPC message must stay below 4 MiB.
const CHUNK_BYTES: usize = 1 << 20;
/// Without progress in between.
const MAX_ATTEMPTS: u32 = 5;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(200);

/// What one pull transfers, and from where.
pub(super) struct Transfer<'a> {
    pub(super) shared: &'a Shared,
    pub(super) lease: &'a Lease,
    pub(super) reference: &'a Reference,
    /// Where to ask, best first; none when only the store may be used.
    pub(super) endpoints: Vec<Endpoint>,
    /// How much came over the network.
    pub(super) fetched_bytes: AtomicU64,
}

/// A document and what the store knows about it.
pub(super) struct StoredDocument {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
    /// None while it is not in the store.
    labels: Option<Labels>,
}

#[derive(Clone, Copy)]
pub(super) enum DocumentPlace {
    Manifests,
    Blobs,
}

impl Transfer<'_> {
    /// A document from the store, else from the network; verified.
    pub(super) async fn document(&self, digest: &Digest, place: DocumentPlace) -> Result<StoredDocument, Failure> {
        self.lease.hold_content(digest).await?;
        let labels = self.shared.store.labels(digest).await?;
        let bytes = match labels {
            Some(_) => self.shared.store.read(digest).await?,
            None => self.fetch_document(digest, place).await?,
        };
        Ok(StoredDocument {
            digest: digest.clone(),
            bytes,
            labels,
        })
    }

    /// A document that the registry sent already, unless the store has it.
    pub(super) async fn adopt(&self, digest: &Digest, bytes: Bytes) -> Result<StoredDocument, Failure> {
        self.lease.hold_content(digest).await?;
        self.count(bytes.len());
        Ok(StoredDocument {
            digest: digest.clone(),
            labels: self.shared.store.labels(digest).await?,
            bytes,
        })
    }

    /// Stores a document with labels that keep alive what it refers to.
    pub(super) async fn keep(&self, document: &StoredDocument, labels: Labels) -> Result<(), Failure> {
        let _alone = self.shared.blobs.lock(document.digest.as_str()).await;
        let Some(known) = &document.labels else {
            return self.write_document(document, labels).await;
        };
        if labels.iter().all(|(key, value)| known.get(key) == Some(value)) {
            return Ok(());
        }
        self.shared.store.add_labels(&document.digest, &labels).await
    }

    /// A layer, streamed into the store unless it is there.
    pub(super) async fn layer(&self, layer: &Descriptor) -> Result<(), Failure> {
        let _alone = self.shared.blobs.lock(layer.digest.as_str()).await;
        self.lease.hold_content(&layer.digest).await?;
        if self.shared.store.labels(&layer.digest).await?.is_some() {
            return Ok(());
        }
        let _turn = self.shared.downloads.acquire().await;
        let mut attempts = 0;
        loop {
            let before = self.fetched_bytes.load(Ordering::Relaxed);
            let Err(failure) = self.stream_layer(layer).await else {
                return Ok(());
            };
            let progress = self.fetched_bytes.load(Ordering::Relaxed) > before;
            attempts = if progress { 1 } else { attempts + 1 };
            if failure.kind == PullErrorKind::DigestMismatch {
                abort(&self.shared.store.containerd, &layer.digest).await;
            }
            if !failure.is_transient() || attempts >= MAX_ATTEMPTS {
                return Err(failure);
            }
            sleep(retry_delay(attempts)).await;
        }
    }

    async fn fetch_document(&self, digest: &Digest, place: DocumentPlace) -> Result<Bytes, Failure> {
        let path = match place {
            DocumentPlace::Manifests => format!("manifests/{digest}"),
            DocumentPlace::Blobs => format!("blobs/{digest}"),
        };
        let bytes = read_document(self.ask_everywhere(&path, 0).await?.response).await?;
        self.count(bytes.len());
        let actual = Digest::of(&bytes);
        if actual == *digest {
            return Ok(bytes);
        }
        let message = format!("failed to copy: unexpected digest {actual}, expected {digest}");
        Err(Failure::new(PullErrorKind::DigestMismatch, message))
    }

    /// The first endpoint that answers; else the best endpoint's failure.
    async fn ask_everywhere(&self, path: &str, offset: u64) -> Result<Content, Failure> {
        let mut first_failure = None;
        for endpoint in &self.endpoints {
            let content = self
                .shared
                .registry
                .content(endpoint, self.reference.repository(), path, offset);
            match content.await {
                Ok(content) => return Ok(content),
                Err(failure) => first_failure = first_failure.or(Some(failure)),
            }
        }
        let nobody = || {
            let message = format!("{}: its content is not cached completely", self.reference);
            Failure::new(PullErrorKind::Unreachable, message)
        };
        Err(first_failure.unwrap_or_else(nobody))
    }

    async fn write_document(&self, document: &StoredDocument, labels: Labels) -> Result<(), Failure> {
        let size = document.bytes.len() as u64;
        let Some(mut writer) = self.open(&document.digest, size).await? else {
            return self.shared.store.add_labels(&document.digest, &labels).await;
        };
        if writer.offset() < size {
            writer.rewind();
            writer.write(document.bytes.clone()).await.map_err(write_failure)?;
        }
        writer.commit(labels).await.map_err(write_failure)
    }

    async fn stream_layer(&self, layer: &Descriptor) -> Result<(), Failure> {
        let Some(mut writer) = self.open(&layer.digest, layer.size).await? else {
            return Ok(());
        };
        if writer.offset() < layer.size {
            let path = format!("blobs/{}", layer.digest);
            let content = self.ask_everywhere(&path, writer.offset()).await;
            let content = content.map_err(|failure| failure.within("failed to copy"))?;
            if content.offset == 0 {
                writer.rewind();
            }
            self.copy(content, &mut writer, layer).await?;
        }
        writer.commit(Labels::new()).await.map_err(write_failure)
    }

    async fn open(&self, digest: &Digest, size: u64) -> Result<Option<Writer>, Failure> {
        let containerd = &self.shared.store.containerd;
        Writer::open(containerd, self.lease, digest, size)
            .await
            .map_err(write_failure)
    }

    /// Also when the transfer breaks, all that has arrived is written, so that the rest suffices.
    async fn copy(&self, content: Content, writer: &mut Writer, layer: &Descriptor) -> Result<(), Failure> {
        let mut pending = BytesMut::with_capacity(CHUNK_BYTES);
        let received = self.receive(content, writer, &mut pending, layer).await;
        if !pending.is_empty() {
            writer.write(pending.freeze()).await.map_err(write_failure)?;
        }
        received?;
        if writer.offset() == layer.size {
            Ok(())
        } else {
            Err(wrong_size(layer, writer.offset()))
        }
    }

    /// Writes whole chunks and leaves the last bytes pending.
    async fn receive(
        &self,
        mut content: Content,
        writer: &mut Writer,
        pending: &mut BytesMut,
        layer: &Descriptor,
    ) -> Result<(), Failure> {
        while let Some(piece) = next_chunk(&mut content.response).await? {
            self.count(piece.len());
            let received = writer.offset() + (pending.len() + piece.len()) as u64;
            if received > layer.size {
                return Err(wrong_size(layer, received));
            }
            pending.extend_from_slice(&piece);
            while pending.len() >= CHUNK_BYTES {
                let chunk = pending.split_to(CHUNK_BYTES).freeze();
                writer.write(chunk).await.map_err(write_failure)?;
            }
        }
        Ok(())
    }

    fn count(&self, bytes: usize) {
        self.fetched_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// 200 ms, 400 ms, 800 ms, ...
pub(super) fn retry_delay(attempts: u32) -> Duration {
    FIRST_RETRY_DELAY * 2_u32.saturating_pow(attempts.saturating_sub(1).min(6))
}

fn wrong_size(layer: &Descriptor, received: u64) -> Failure {
    let message = format!(
        "failed to copy: {} has {} bytes, received {received}",
        layer.digest, layer.size
    );
    Failure::new(PullErrorKind::DigestMismatch, message)
}

/// containerd may be restarting: the transfer then goes on where it was.
#[expect(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn write_failure(status: Status) -> Failure {
    let mut failure = Failure::from_status("failed to copy", &status);
    if crate::runtime::connection_lost(&status) {
        failure.kind = PullErrorKind::Unreachable;
    }
    failure
}
