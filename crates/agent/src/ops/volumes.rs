//! The directories of volumes: made before containers start, mounted into them, and removed when they were the task's own.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use berth_core::ecs::model::{TaskKey, Volume, VolumeSource};
use berth_core::node::{MountSource, RuntimeId, StartContainer, StepFacts, StepFailure, VolumeMount};

use super::{Machine, Outcome};
use crate::places::Places;
use crate::runtime::{BindMount, DATA};

/// The labels of a docker volume, for people who look.
const LABELS: &str = "labels.json";
/// In a container's directory: its volumes were filled.
const FILLED: &str = "volumes-filled";
/// Nobody but the agent goes by these directories; containers enter at what is mounted.
const CLOSED: u32 = 0o700;
/// Docker's mode of a new volume.
const OPEN: u32 = 0o755;

impl Machine {
    pub(super) async fn create_volumes(self: &Arc<Self>, task: TaskKey, volumes: Vec<Volume>) -> Outcome {
        let machine = Arc::clone(self);
        let make = move || volumes.iter().try_for_each(|one| create(&machine.places, &task, one));
        blocking(make).await
    }

    pub(super) async fn remove_volumes(self: &Arc<Self>, task: TaskKey) -> Outcome {
        let directory = self.places.task_volumes(&task.id.to_string());
        blocking(move || remove(&directory)).await
    }

    /// The files of a container, and its volumes. What a definition puts in the place of such a file counts.
    pub(super) fn with_volumes(&self, mut files: Vec<BindMount>, mounts: &[VolumeMount]) -> Vec<BindMount> {
        let volumes: Vec<BindMount> = mounts.iter().map(|mount| self.bind(mount)).collect();
        files.retain(|file| !volumes.iter().any(|volume| volume.destination == file.destination));
        files.extend(volumes);
        files
    }

    fn bind(&self, mount: &VolumeMount) -> BindMount {
        let source = match volume_dir(&self.places, &mount.source) {
            Some(directory) => directory.join(DATA),
            None => host_path(&mount.source),
        };
        BindMount {
            source,
            destination: mount.path.clone(),
            read_only: mount.read_only,
        }
    }

    /// Lets empty volumes take over what the image has in their places, once in a container's life.
    pub(super) async fn fill_volumes(&self, start: &StartContainer) -> Result<(), StepFailure> {
        let id: &RuntimeId = &start.runtime_id;
        let filled = self.places.container_dir(id).join(FILLED);
        let empty = start.mounts.iter().filter(|mount| mount.takes_over);
        let empty = empty.filter_map(|mount| Some((volume_dir(&self.places, &mount.source)?, mount.path.clone())));
        let empty: Vec<(PathBuf, String)> = empty.collect();
        if empty.is_empty() || filled.exists() {
            return Ok(());
        }
        let took = self.containerd.take_over(id.0.as_str(), empty, &self.filling).await;
        took.map_err(|error| StepFailure::CannotCreate(error.to_string()))?;
        fs::write(&filled, "").map_err(|error| StepFailure::CannotCreate(error.to_string()))
    }
}

fn host_path(source: &MountSource) -> PathBuf {
    match source {
        MountSource::Host(path) => PathBuf::from(path),
        MountSource::Task(..) | MountSource::Shared(_) => unreachable!("such a volume has a directory of the agent's"),
    }
}

/// The directory of a volume that is the agent's own.
fn volume_dir(places: &Places, source: &MountSource) -> Option<PathBuf> {
    match source {
        MountSource::Host(_) => None,
        MountSource::Task(task, name) => Some(places.task_volumes(&task.id.to_string()).join(name)),
        MountSource::Shared(name) => Some(places.shared_volumes().join(name)),
    }
}

/// A directory of the machine that is not there is made, as Docker does.
fn create(places: &Places, task: &TaskKey, volume: &Volume) -> io::Result<()> {
    let Some(source) = MountSource::of(task, volume) else {
        return Err(io::Error::other(format!(
            "volume {} is of no kind that Berth has",
            volume.name
        )));
    };
    let Some(directory) = volume_dir(places, &source) else {
        let path = host_path(&source);
        return if path.exists() {
            Ok(())
        } else {
            fs::create_dir_all(path)
        };
    };
    let data = directory.join(DATA);
    if data.is_dir() {
        return Ok(());
    }
    if !may_make(volume) {
        return Err(io::Error::other(format!(
            "there is no shared volume {} on this machine, and autoprovision is not true",
            volume.name
        )));
    }
    DirBuilder::new().recursive(true).mode(CLOSED).create(&directory)?;
    if let VolumeSource::Docker(docker) = &volume.source
        && let Some(labels) = &docker.labels
    {
        fs::write(directory.join(LABELS), serde_json::to_string(labels)?)?;
    }
    // By this it is there. Whatever mask the agent was started with, containers may enter.
    let fresh = directory.join("new");
    match DirBuilder::new().create(&fresh) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => fs::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(OPEN))?,
    }
    match fs::rename(&fresh, &data) {
        // Another task made it at the same time.
        Err(_) if data.is_dir() => Ok(()),
        renamed => renamed,
    }
}

/// A shared volume that is not there is made only if the definition says so.
fn may_make(volume: &Volume) -> bool {
    match &volume.source {
        VolumeSource::Docker(docker) => volume.ends_with_task() || docker.autoprovision == Some(true),
        VolumeSource::Anonymous | VolumeSource::Host(_) | VolumeSource::Unbuilt { .. } => true,
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Disks may take their time.
async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Outcome {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.expect("volumes do not panic");
    done.map(|()| StepFacts::Done)
        .map_err(|error| StepFailure::Other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use berth_core::ecs::model::{DockerVolume, VolumeScope};
    use berth_wire::link::assign::task_key;

    use super::*;

    fn task() -> TaskKey {
        task_key("arn:aws:ecs:us-east-1:012345678910:task/default/0123456789abcdef0123456789abcdef").unwrap()
    }

    fn volume(name: &str, source: VolumeSource) -> Volume {
        let name = name.to_owned();
        Volume { name, source }
    }

    fn shared(autoprovision: bool) -> Volume {
        let docker = DockerVolume {
            scope: VolumeScope::Shared,
            autoprovision: Some(autoprovision),
            labels: Some([("team".to_owned(), "web".to_owned())].into()),
            ..DockerVolume::default()
        };
        volume("all", VolumeSource::Docker(docker))
    }

    #[test]
    fn directories_are_made_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(dir.path()).unwrap();
        let host = dir.path().join("of/the/host");
        let own = volume("own", VolumeSource::Anonymous);
        for volume in [
            &own,
            &shared(true),
            &volume("host", VolumeSource::Host(host.display().to_string())),
        ] {
            create(&places, &task(), volume).unwrap();
            create(&places, &task(), volume).unwrap();
        }
        let data = places.task_volumes(&task().id.to_string()).join("own/_data");
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, OPEN);
        assert_eq!(
            fs::metadata(places.agent_dir.join("volumes")).unwrap().mode() & 0o777,
            CLOSED
        );
        assert!(host.is_dir());
        fs::write(places.shared_volumes().join("all/_data/kept"), "x").unwrap();
        remove(&places.task_volumes(&task().id.to_string())).unwrap();
        remove(&places.task_volumes(&task().id.to_string())).unwrap();
        assert!(!data.exists());
        create(&places, &task(), &shared(false)).unwrap();
        assert!(places.shared_volumes().join("all/_data/kept").exists());
        let labels = fs::read_to_string(places.shared_volumes().join("all/labels.json")).unwrap();
        assert_eq!(labels, r#"{"team":"web"}"#);
    }

    #[test]
    fn a_shared_volume_is_made_only_if_the_definition_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(dir.path()).unwrap();
        let refused = create(&places, &task(), &shared(false)).unwrap_err();
        let wanted = "there is no shared volume all on this machine, and autoprovision is not true";
        assert_eq!(refused.to_string(), wanted);
        assert!(!places.shared_volumes().join("all").exists());
    }
}
