//! Containers' root file systems: snapshots on top of their images.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use containerd_client::services::v1::snapshots::{
    CleanupRequest, ListSnapshotsRequest, MountsRequest, PrepareSnapshotRequest, PrepareSnapshotResponse,
    RemoveSnapshotRequest,
};
use containerd_client::tonic::{Code, Response, Status};
use containerd_client::types::Mount;

use super::SNAPSHOTTER;
use super::connection::Containerd;
use super::daemon::Backing;
use super::error::{RuntimeError, unless_missing};
use super::spec::ContainerSpec;
use crate::clock;

/// Marks the snapshots that are containers' root file systems.
const CONTAINER_LABEL: &str = "berth.container";
/// Keeps a snapshot from the garbage collector before its container refers to it.
const GC_ROOT: &str = "containerd.io/gc.root";

impl Containerd {
    /// Makes a snapshot. A containerd that was killed while it made one has left a directory, and fails when it takes the
    /// same number again: then it is told to clean up, and asked once more.
    pub(crate) async fn prepare_snapshot<F>(&self, prepare: impl Fn() -> F) -> Result<Vec<Mount>, Status>
    where
        F: Future<Output = Result<Response<PrepareSnapshotResponse>, Status>>,
    {
        let prepared = match self.call(&prepare).await {
            Err(status) if let Some(directory) = in_the_way(&status).map(Path::to_owned) => {
                tracing::warn!(%status, "containerd broke off when it made a root file system: cleaning up");
                self.clear_away(&directory).await?;
                self.call(&prepare).await
            }
            prepared => prepared,
        };
        prepared.map(|prepared| prepared.mounts)
    }

    /// An older containerd cannot be told to clean up. If it is ours, what it left before it was killed is put aside, where
    /// it takes it away by itself at some later time.
    async fn clear_away(&self, directory: &Path) -> Result<(), Status> {
        match (self.clean_up_snapshots().await, &self.inner.backing) {
            (Err(status), Backing::Private(daemon)) if status.code() == Code::Unimplemented => {
                put_aside(directory, &daemon.pid_file()).map_err(|error| Status::unknown(error.to_string()))
            }
            (cleaned_up, Backing::Private(_) | Backing::Host(_)) => cleaned_up,
        }
    }

    async fn clean_up_snapshots(&self) -> Result<(), Status> {
        let clean_up = || {
            let request = self.request(CleanupRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
            });
            async { self.snapshots().cleanup(request).await }
        };
        self.call(clean_up).await
    }

    /// Root file systems without a container: the agent died between the two steps of a creation.
    pub(super) async fn remove_orphaned_snapshots(&self) -> Result<(), RuntimeError> {
        let list = || async {
            let request = self.request(ListSnapshotsRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                filters: vec![format!("labels.\"{CONTAINER_LABEL}\"")],
            });
            let mut pages = self.snapshots().list(request).await?.into_inner();
            let mut names = HashSet::new();
            while let Some(page) = pages.message().await? {
                names.extend(page.info.into_iter().map(|snapshot| snapshot.name));
            }
            Ok(names)
        };
        let listed = self.persist(list).await;
        let mut orphans = listed.map_err(|status| RuntimeError::from_status("list snapshots", &status))?;
        if orphans.is_empty() {
            return Ok(());
        }
        for container in self.container_records().await? {
            orphans.remove(&container.id);
        }
        for orphan in orphans {
            self.remove_snapshot(&orphan).await?;
        }
        Ok(())
    }

    pub(super) async fn prepare_rootfs(&self, spec: &ContainerSpec) -> Result<Vec<Mount>, RuntimeError> {
        let prepare = || {
            let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
            let request = self.request(PrepareSnapshotRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: spec.id.clone(),
                parent: spec.image.chain_id.clone(),
                labels: HashMap::from([
                    (GC_ROOT.to_owned(), now.to_string()),
                    (CONTAINER_LABEL.to_owned(), spec.id.clone()),
                ]),
            });
            async { self.snapshots().prepare(request).await }
        };
        let mounts = match self.prepare_snapshot(prepare).await {
            Ok(mounts) => Ok(mounts),
            Err(status) if status.code() == Code::AlreadyExists => self.rootfs_mounts(&spec.id).await,
            Err(status) => Err(status),
        };
        mounts.map_err(|status| RuntimeError::from_status("prepare root file system", &status))
    }

    pub(super) async fn rootfs_mounts(&self, id: &str) -> Result<Vec<Mount>, Status> {
        let mounts = || {
            let request = self.request(MountsRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: id.to_owned(),
            });
            async { self.snapshots().mounts(request).await }
        };
        self.call(mounts).await.map(|answer| answer.mounts)
    }

    pub(super) async fn remove_snapshot(&self, key: &str) -> Result<(), RuntimeError> {
        let remove = || {
            let request = self.request(RemoveSnapshotRequest {
                snapshotter: SNAPSHOTTER.to_owned(),
                key: key.to_owned(),
            });
            async { self.snapshots().remove(request).await }
        };
        unless_missing(self.call(remove).await)
            .map(drop)
            .map_err(|status| RuntimeError::from_status("remove root file system", &status))
    }
}

/// Renames `directory` if it is older than the file that was written when containerd started: since then, whoever met it
/// too may have put it aside, and containerd may have made another one there.
fn put_aside(directory: &Path, started: &Path) -> io::Result<()> {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    match changed(directory) {
        Ok(made) if made < changed(started)? => {
            let aside = format!("{}-orphan-{:016x}", directory.display(), clock::now().0);
            absent_is_done(fs::rename(directory, aside))
        }
        Ok(_newer) => Ok(()),
        gone => absent_is_done(gone.map(drop)),
    }
}

fn absent_is_done(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The directory that keeps containerd from making a snapshot of the same number. It has no code of its own for this.
fn in_the_way(status: &Status) -> Option<&Path> {
    let (_, renamed) = status.message().split_once("failed to rename: rename ")?;
    let (_, directory) = renamed.strip_suffix(": file exists")?.rsplit_once("/new-")?;
    let (_, directory) = directory.split_once(' ')?;
    let directory = Path::new(directory);
    let number = directory.file_name()?.to_str()?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_earlier_containerd_left_is_put_aside() {
        let dir = tempfile::tempdir().unwrap();
        let (left, started) = (dir.path().join("43"), dir.path().join("containerd.pid"));
        let make = |path: &Path, second| {
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second))
                .unwrap();
        };
        make(&started, 10);
        make(&left, 10);
        put_aside(&left, &started).unwrap();
        assert!(left.exists(), "this containerd has made it");
        make(&left, 9);
        put_aside(&left, &started).unwrap();
        assert!(!left.exists());
        put_aside(&left, &started).unwrap();
        let aside = fs::read_dir(dir.path()).unwrap().flatten();
        assert_eq!(
            aside
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("43-"))
                .count(),
            1
        );
    }

    #[test]
    fn only_directories_that_are_in_the_way_are_put_aside() {
        let seen = "failed to rename: rename /d/snapshots/new-3778858002 /d/snapshots/43: file exists";
        assert_eq!(in_the_way(&Status::unknown(seen)), Some(Path::new("/d/snapshots/43")));
        for other in [
            "snapshot \"x\": already exists",
            "failed to rename: rename /d/snapshots/new-1 /d/snapshots/43: no space left on device",
            "failed to rename: rename /d/snapshots/new-1 /d/snapshots/metadata.db: file exists",
        ] {
            assert_eq!(in_the_way(&Status::unknown(other)), None, "{other}");
        }
    }
}
