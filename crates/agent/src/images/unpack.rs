//! Turns layers into snapshots: prepare on top of what is below, apply, compare, commit under the
//! chain id. Each snapshot is made once, however many pulls want it.

use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, PrepareSnapshotRequest, RemoveSnapshotRequest, StatSnapshotRequest,
};
use containerd_client::tonic::{Code, Status};
use containerd_client::types::{Descriptor as StoredDescriptor, Mount};

use super::digest::Digest;
use super::document::Descriptor;
use super::error::{Failure, PullErrorKind};
use super::pull::Shared;
use super::store::Lease;
use crate::runtime::SNAPSHOTTER;

/// One layer of an image, with everything that unpacking it needs.
pub(super) struct Layer {
    pub(super) descriptor: Descriptor,
    /// The digest of the unpacked archive.
    pub(super) diff_id: Digest,
    /// The snapshot key of this layer and everything below it.
    pub(super) chain_id: String,
    /// The snapshot key of what is below; empty for the lowest.
    pub(super) parent: String,
}

/// Whether the snapshot exists; from now on the lease holds it.
pub(super) async fn hold_snapshot(shared: &Shared, lease: &Lease, key: &str) -> Result<bool, Failure> {
    lease.hold_snapshot(key).await?;
    snapshot_exists(shared, key).await
}

pub(super) async fn snapshot_exists(shared: &Shared, key: &str) -> Result<bool, Failure> {
    let containerd = &shared.store.containerd;
    let stat = || {
        let request = containerd.request(StatSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            key: key.to_owned(),
        });
        async { containerd.snapshots().stat(request).await }
    };
    match containerd.call(stat).await {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::NotFound => Ok(false),
        Err(status) => Err(Failure::from_status("failed to look for a snapshot", &status)),
    }
}

/// Makes the layer's snapshot, unless somebody else has meanwhile.
pub(super) async fn unpack(shared: &Shared, lease: &Lease, layer: &Layer) -> Result<(), Failure> {
    let _alone = shared.snapshots.lock(&layer.chain_id).await;
    if hold_snapshot(shared, lease, &layer.chain_id).await? {
        return Ok(());
    }
    let failed = |status: Status| {
        let what = format!("failed to extract layer {}", layer.descriptor.digest);
        Failure::from_status(&what, &status)
    };
    // The key is this layer's alone: what an interrupted attempt left is thrown away first.
    let key = format!("berth-extract-{}", layer.chain_id);
    remove(shared, &key).await.map_err(failed)?;
    let mounts = prepare(shared, lease, &key, &layer.parent).await.map_err(failed)?;
    let unpacked = apply(shared, lease, layer, mounts).await;
    let committed = match unpacked {
        Ok(diff_id) if diff_id == layer.diff_id.as_str() => {
            commit(shared, lease, &key, &layer.chain_id).await.map_err(failed)
        }
        Ok(diff_id) => Err(wrong_diff_id(layer, &diff_id)),
        Err(status) => Err(failed(status)),
    };
    if committed.is_err() {
        remove(shared, &key).await.map_err(failed)?;
    }
    committed
}

async fn prepare(shared: &Shared, lease: &Lease, key: &str, parent: &str) -> Result<Vec<Mount>, Status> {
    let containerd = &shared.store.containerd;
    let prepare = || {
        let request = lease.request(PrepareSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            key: key.to_owned(),
            parent: parent.to_owned(),
            ..PrepareSnapshotRequest::default()
        });
        async { containerd.snapshots().prepare(request).await }
    };
    containerd.prepare_snapshot(prepare).await
}

/// Answers the digest of the unpacked archive, as containerd found it.
async fn apply(shared: &Shared, lease: &Lease, layer: &Layer, mounts: Vec<Mount>) -> Result<String, Status> {
    let containerd = &shared.store.containerd;
    let descriptor = &layer.descriptor;
    let apply = || {
        let request = lease.request(ApplyRequest {
            diff: Some(StoredDescriptor {
                media_type: descriptor.media_type.clone(),
                digest: descriptor.digest.to_string(),
                size: i64::try_from(descriptor.size).unwrap_or(i64::MAX),
                ..StoredDescriptor::default()
            }),
            mounts: mounts.clone(),
            ..ApplyRequest::default()
        });
        async { containerd.diff().apply(request).await }
    };
    let answer = containerd.call(apply).await?;
    Ok(answer.applied.unwrap_or_default().digest)
}

async fn commit(shared: &Shared, lease: &Lease, key: &str, chain_id: &str) -> Result<(), Status> {
    let containerd = &shared.store.containerd;
    let commit = || {
        let request = lease.request(CommitSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            name: chain_id.to_owned(),
            key: key.to_owned(),
            ..CommitSnapshotRequest::default()
        });
        async { containerd.snapshots().commit(request).await }
    };
    match containerd.call(commit).await {
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        result => result,
    }
}

async fn remove(shared: &Shared, key: &str) -> Result<(), Status> {
    let containerd = &shared.store.containerd;
    let remove = || {
        let request = containerd.request(RemoveSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            key: key.to_owned(),
        });
        async { containerd.snapshots().remove(request).await }
    };
    match containerd.call(remove).await {
        Err(status) if status.code() == Code::NotFound => Ok(()),
        result => result,
    }
}

fn wrong_diff_id(layer: &Layer, found: &str) -> Failure {
    let message = format!(
        "failed to extract layer {}: wrong diff id calculated on extraction {found}, expected {}",
        layer.descriptor.digest, layer.diff_id
    );
    Failure::new(PullErrorKind::DigestMismatch, message)
}
