//! containerd's content store, leases and image records.
//!
//! Whatever nothing refers to is collected at any moment. While a pull works, a lease holds what
//! it has found and made; afterwards the image's record does, by the labels on its documents:
//! index → manifest → configuration and layers; configuration → snapshots.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use containerd_client::services::v1::{
    AddResourceRequest, CreateImageRequest, CreateRequest, DeleteRequest, GetImageRequest, Image, Info, InfoRequest,
    ReadContentRequest, Resource, UpdateImageRequest, UpdateRequest,
};
use containerd_client::tonic::metadata::{Ascii, MetadataValue};
use containerd_client::tonic::{Code, Request, Status};
use containerd_client::types::Descriptor as StoredDescriptor;
use prost_types::FieldMask;

use super::digest::Digest;
use super::error::Failure;
use crate::runtime::{Containerd, SNAPSHOTTER};

/// The labels by which content refers to other content and to snapshots.
pub(crate) type Labels = HashMap<String, String>;

/// A pull that takes longer, or an agent that dies, loses its claim after so long.
const LEASE_DURATION: Duration = Duration::from_secs(24 * 3600);

/// Holds content and snapshots while a pull works.
pub(crate) struct Lease {
    containerd: Containerd,
    id: MetadataValue<Ascii>,
    held: bool,
}

impl Lease {
    pub(crate) async fn create(containerd: &Containerd) -> Result<Self, Failure> {
        let id = format!("berth-pull-{}", random_hex()?);
        let expires = jiff::Timestamp::try_from(SystemTime::now() + LEASE_DURATION)
            .map_err(|error| failure_of_lease(&Status::internal(error.to_string())))?;
        let labels = Labels::from([("containerd.io/gc.expire".to_owned(), expires.to_string())]);
        let create = || {
            let request = containerd.request(CreateRequest {
                id: id.clone(),
                labels: labels.clone(),
            });
            async { containerd.leases().create(request).await }
        };
        containerd
            .call(create)
            .await
            .map_err(|status| failure_of_lease(&status))?;
        Ok(Self {
            containerd: containerd.clone(),
            id: id.parse().expect("hexadecimal digits are ASCII"),
            held: true,
        })
    }

    /// A message whose results this lease holds.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = self.containerd.request(message);
        request.metadata_mut().insert("containerd-lease", self.id.clone());
        request
    }

    pub(crate) async fn hold_content(&self, digest: &Digest) -> Result<(), Failure> {
        self.hold("content", digest.as_str()).await
    }

    pub(crate) async fn hold_snapshot(&self, key: &str) -> Result<(), Failure> {
        self.hold(&format!("snapshots/{SNAPSHOTTER}"), key).await
    }

    /// Also what does not exist (yet): first hold, then look, and nobody collects in between.
    async fn hold(&self, kind: &str, id: &str) -> Result<(), Failure> {
        let add = || {
            let request = self.containerd.request(AddResourceRequest {
                id: self.text(),
                resource: Some(Resource {
                    id: id.to_owned(),
                    r#type: kind.to_owned(),
                }),
            });
            async { self.containerd.leases().add_resource(request).await }
        };
        match self.containerd.call(add).await {
            Ok(()) => Ok(()),
            Err(status) if status.code() == Code::AlreadyExists => Ok(()),
            Err(status) => Err(failure_of_lease(&status)),
        }
    }

    /// Gives up the claim. A lease that cannot be released expires.
    pub(crate) async fn release(mut self) {
        self.held = false;
        delete_lease(&self.containerd, self.text()).await;
    }

    fn text(&self) -> String {
        self.id.to_str().unwrap_or_default().to_owned()
    }
}

/// A pull that was called off gives its lease back, too.
impl Drop for Lease {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return; // the agent ends: the lease expires
        };
        if self.held {
            let (containerd, id) = (self.containerd.clone(), self.text());
            runtime.spawn(async move { delete_lease(&containerd, id).await });
        }
    }
}

async fn delete_lease(containerd: &Containerd, id: String) {
    let delete = || {
        let request = containerd.request(DeleteRequest {
            id: id.clone(),
            sync: false,
        });
        async { containerd.leases().delete(request).await }
    };
    if let Err(status) = containerd.call(delete).await {
        tracing::warn!(%status, "a lease stays until it expires");
    }
}

fn failure_of_lease(status: &Status) -> Failure {
    Failure::from_status("failed to hold a lease", status)
}

fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| failure_of_lease(&Status::internal(error.to_string())))?;
    Ok(hex::encode(bytes))
}

/// Reads and labels content; writing stands in `ingest`.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) containerd: Containerd,
}

impl Store {
    /// The labels of stored content; none if it is not there.
    pub(crate) async fn labels(&self, digest: &Digest) -> Result<Option<Labels>, Failure> {
        let info = || {
            let request = self.containerd.request(InfoRequest {
                digest: digest.to_string(),
            });
            async { self.containerd.content().info(request).await }
        };
        match self.containerd.call(info).await {
            Ok(answer) => Ok(Some(answer.info.unwrap_or_default().labels)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Failure::from_status("failed to look for content", &status)),
        }
    }

    /// Adds labels to stored content.
    pub(crate) async fn add_labels(&self, digest: &Digest, labels: &Labels) -> Result<(), Failure> {
        let update = || {
            let request = self.containerd.request(UpdateRequest {
                info: Some(Info {
                    digest: digest.to_string(),
                    labels: labels.clone(),
                    ..Info::default()
                }),
                update_mask: Some(FieldMask {
                    paths: labels.keys().map(|key| format!("labels.{key}")).collect(),
                }),
            });
            async { self.containerd.content().update(request).await }
        };
        self.containerd
            .call(update)
            .await
            .map(drop)
            .map_err(|status| Failure::from_status("failed to label content", &status))
    }

    /// A stored document as a whole.
    pub(crate) async fn read(&self, digest: &Digest) -> Result<Bytes, Failure> {
        let failed = |status: Status| Failure::from_status("failed to read content", &status);
        let read = || {
            let request = self.containerd.request(ReadContentRequest {
                digest: digest.to_string(),
                ..ReadContentRequest::default()
            });
            async { self.containerd.content().read(request).await }
        };
        let mut pieces = self.containerd.call(read).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await.map_err(failed)? {
            bytes.extend_from_slice(&piece.data);
        }
        Ok(bytes.into())
    }

    /// What an image's record points to.
    pub(crate) async fn image_target(&self, name: &str) -> Result<Option<Digest>, Failure> {
        let get = || {
            let request = self.containerd.request(GetImageRequest { name: name.to_owned() });
            async { self.containerd.images().get(request).await }
        };
        match self.containerd.call(get).await {
            Ok(answer) => Ok(answer
                .image
                .and_then(|image| image.target)
                .and_then(|target| target.digest.parse().ok())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Failure::from_status("failed to look for the image", &status)),
        }
    }

    /// Points an image's record to `target`; from now on it keeps everything below alive.
    pub(crate) async fn put_image(&self, name: &str, target: StoredDescriptor) -> Result<(), Failure> {
        let image = Image {
            name: name.to_owned(),
            target: Some(target),
            ..Image::default()
        };
        let create = || {
            let request = self.containerd.request(CreateImageRequest {
                image: Some(image.clone()),
                ..CreateImageRequest::default()
            });
            async { self.containerd.images().create(request).await }
        };
        let update = || {
            let request = self.containerd.request(UpdateImageRequest {
                image: Some(image.clone()),
                update_mask: Some(FieldMask {
                    paths: vec!["target".to_owned()],
                }),
                ..UpdateImageRequest::default()
            });
            async { self.containerd.images().update(request).await }
        };
        let recorded = match self.containerd.call(create).await {
            Err(status) if status.code() == Code::AlreadyExists => self.containerd.call(update).await.map(drop),
            created => created.map(drop),
        };
        recorded.map_err(|status| Failure::from_status("failed to record the image", &status))
    }
}
