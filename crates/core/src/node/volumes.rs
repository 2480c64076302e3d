//! What of its task's volumes a container sees: its own mount points, and those of the containers whose volumes it takes over.
//!
//! Which directory of the machine that is, is the shell's affair.

use std::collections::BTreeMap;

use crate::ecs::model::{ContainerDefinition, TaskKey, Volume, VolumeScope, VolumeSource};
use crate::ecs::view::assignment::Assignment;
use crate::kernel::names::is_ecs_name;

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Where its data is.
    pub source: MountSource,
    /// The absolute path in the container.
    pub path: String,
    /// Whether the container cannot write to it.
    pub read_only: bool,
    /// Whether a volume that is empty takes over what the image has at the path. Not when it is another container's place.
    pub takes_over: bool,
}

/// Where the data of a volume is on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// At this path.
    Host(String),
    /// In the directory of this name among those of this task.
    Task(TaskKey, String),
    /// In the directory of this name among those that tasks share.
    Shared(String),
}

impl MountSource {
    /// Where the data of `volume` of `task` is.
    #[must_use]
    pub fn of(task: &TaskKey, volume: &Volume) -> Option<Self> {
        match &volume.source {
            VolumeSource::Host(path) => Some(Self::Host(path.clone())),
            VolumeSource::Docker(docker) if docker.scope == VolumeScope::Shared => {
                Some(Self::Shared(volume.name.clone()))
            }
            VolumeSource::Anonymous | VolumeSource::Docker(_) => Some(Self::Task(task.clone(), volume.name.clone())),
            VolumeSource::Unbuilt { .. } => None,
        }
    }
}

/// What `container` sees, outer places before inner ones. What it says itself counts more than what it takes over.
pub(super) fn of(assignment: &Assignment, container: &ContainerDefinition) -> Vec<VolumeMount> {
    let mut mounts = BTreeMap::new();
    collect(assignment, container, assignment.containers.len(), &mut mounts);
    let mut mounts: Vec<VolumeMount> = mounts.into_values().collect();
    mounts.sort_by_key(|mount| mount.path.split('/').filter(|part| !part.is_empty()).count());
    mounts
}

/// `depth` ends what refers to itself: such a task is refused.
fn collect(
    assignment: &Assignment,
    container: &ContainerDefinition,
    depth: usize,
    mounts: &mut BTreeMap<String, VolumeMount>,
) {
    let definitions = || assignment.containers.iter().map(|one| &one.definition);
    for from in container.mounts.from.iter().filter(|_| depth > 0) {
        let Some(other) = definitions().find(|one| one.name == from.container) else {
            continue;
        };
        let mut taken = BTreeMap::new();
        collect(assignment, other, depth - 1, &mut taken);
        mounts.extend(taken.into_iter().map(|(place, mount)| {
            let read_only = mount.read_only || from.read_only == Some(true);
            let mount = VolumeMount {
                read_only,
                takes_over: false,
                ..mount
            };
            (place, mount)
        }));
    }
    for point in &container.mounts.points {
        let Some(volume) = assignment.volumes.iter().find(|volume| volume.name == point.volume) else {
            continue;
        };
        let Some(source) = MountSource::of(&assignment.task, volume) else {
            continue;
        };
        let mount = VolumeMount {
            takes_over: !matches!(source, MountSource::Host(_)),
            source,
            path: point.path.clone(),
            read_only: point.read_only == Some(true),
        };
        mounts.insert(point.path.trim_end_matches('/').to_owned(), mount);
    }
}

/// Why the volumes of an assignment cannot be carried out. Their names become directories.
pub(super) fn unfit(assignment: &Assignment) -> Option<String> {
    let named = |name: &str| assignment.volumes.iter().any(|volume| volume.name == name);
    let known = |name: &str| assignment.containers.iter().any(|one| one.definition.name == name);
    if let Some(volume) = assignment.volumes.iter().find(|one| !is_ecs_name(&one.name, 255)) {
        return Some(format!("a volume cannot be called {}", volume.name));
    }
    if let Some(member) = assignment.volumes.iter().find_map(Volume::unbuilt) {
        return Some(format!("{member} is not supported"));
    }
    assignment.containers.iter().find_map(|container| {
        let mounts = &container.definition.mounts;
        let mut points = mounts.points.iter().map(|point| &point.volume);
        let unknown = points.find(|volume| !named(volume));
        let mut from = mounts.from.iter().map(|from| &from.container);
        let missing = from.find(|name| !known(name));
        unknown
            .map(|volume| format!("it has no volume called {volume}"))
            .or_else(|| missing.map(|name| format!("it has no container called {name}")))
    })
}
