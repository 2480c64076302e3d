//! What ECS checks of volumes and of their places in containers when a definition is registered.

use std::collections::BTreeSet;

use crate::ecs::model::volume::{DockerVolume, MountPoint, Mounts, Volume, VolumeScope, VolumeSource};
use crate::ecs::model::{ContainerDefinition, TaskDefinition};
use crate::ecs::refusal::{Fault, VolumeFault};
use crate::kernel::names::is_ecs_name;

/// The volumes of a definition as they came: which of a volume's members say where its data is, and the scope's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeDraft {
    /// The volume, with the first place that is named.
    pub volume: Volume,
    /// How many places are named.
    pub places: usize,
    /// `dockerVolumeConfiguration.scope`.
    pub scope: Option<String>,
}

/// The volumes, each with one place.
///
/// # Errors
/// The first volume that cannot be.
pub(super) fn parse(drafts: Vec<VolumeDraft>) -> Result<Vec<Volume>, Fault> {
    let mut names = BTreeSet::new();
    let mut volumes = Vec::new();
    for draft in drafts {
        let volume = one(draft)?;
        if !names.insert(volume.name.clone()) {
            return Err(VolumeFault::NameTwice(volume.name).into());
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

fn one(draft: VolumeDraft) -> Result<Volume, Fault> {
    let mut volume = draft.volume;
    if !is_ecs_name(&volume.name, 255) {
        return Err(VolumeFault::Name(volume.name).into());
    }
    if draft.places > 1 {
        return Err(VolumeFault::Places.into());
    }
    match &mut volume.source {
        VolumeSource::Host(path) if !is_place(path) => return Err(VolumeFault::HostPath(path.clone()).into()),
        VolumeSource::Docker(docker) => scope(docker, draft.scope)?,
        VolumeSource::Anonymous | VolumeSource::Host(_) | VolumeSource::Unbuilt { .. } => {}
    }
    Ok(volume)
}

fn scope(docker: &mut DockerVolume, word: Option<String>) -> Result<(), Fault> {
    if let Some(word) = word {
        docker.scope = VolumeScope::from_word(&word).ok_or(Fault::Word {
            member: "dockerVolumeConfiguration.scope",
            word,
        })?;
    }
    Ok(())
}

/// An absolute path that does not climb.
fn is_place(path: &str) -> bool {
    path.starts_with('/') && !path.contains('\0') && !path.split('/').any(|part| part == "..")
}

/// The place in the container, without what does not tell places apart.
fn normal(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.fold(String::new(), |all, part| all + "/" + part)
}

/// What holds between the volumes and the containers of a definition.
///
/// # Errors
/// The first volume or container that is not there, or place that cannot be.
pub(super) fn check(definition: &TaskDefinition) -> Result<(), VolumeFault> {
    definition.containers.iter().try_for_each(|one| of(one, definition))
}

fn of(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<(), VolumeFault> {
    let Mounts { points, from } = &container.mounts;
    let mut places = BTreeSet::new();
    for MountPoint { volume, path, .. } in points {
        if !definition.volumes.iter().any(|one| one.name == *volume) {
            return Err(VolumeFault::Unknown(volume.clone()));
        }
        let place = normal(path);
        if !is_place(path) || place.is_empty() {
            return Err(VolumeFault::ContainerPath {
                container: container.name.clone(),
                path: path.clone(),
            });
        }
        if !places.insert(place) {
            return Err(VolumeFault::ContainerPathTwice {
                container: container.name.clone(),
                path: path.clone(),
            });
        }
    }
    let missing = from.iter().find(|one| definition.container(&one.container).is_none());
    missing.map_or(Ok(()), |one| Err(VolumeFault::UnknownContainer(one.container.clone())))
}

/// FARGATE has no machine whose paths could be named, and no docker.
///
/// # Errors
/// The first volume that FARGATE does not take.
pub(super) fn fargate(volumes: &[Volume]) -> Result<(), VolumeFault> {
    volumes.iter().try_for_each(|volume| match volume.source {
        VolumeSource::Host(_) => Err(VolumeFault::Fargate("sourcePath")),
        VolumeSource::Docker(_) => Err(VolumeFault::Fargate("dockerVolumeConfiguration")),
        VolumeSource::Anonymous | VolumeSource::Unbuilt { .. } => Ok(()),
    })
}
