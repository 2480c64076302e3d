//! Volumes and their places in containers between their shapes and the brain's types.

use berth_core::ecs::admit::volumes::VolumeDraft;
use berth_core::ecs::model::{DockerVolume, MountPoint, Mounts, Volume, VolumeSource, VolumesFrom};
use berth_core::kernel::Opaque;

use crate::protocol::stored;
use crate::schema::StructureSchema;
use crate::shapes::{Structure, drain, ecs, from_document};

/// A mount point that names no volume asks for one of this name, as in ECS.
const NO_NAME: &str = "null";
/// The members that say where a volume is, if Berth does not reach it.
const UNREACHED: [&str; 4] = [
    "efsVolumeConfiguration",
    "s3filesVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "configuredAtLaunch",
];

/// A volume of a request.
#[must_use]
pub fn draft(shape: &ecs::Volume) -> VolumeDraft {
    let path = shape.host.as_ref().and_then(|host| host.source_path.clone());
    let path = path.filter(|path| !path.is_empty());
    let docker = shape.docker_volume_configuration.as_ref();
    let given = [
        shape.efs_volume_configuration.is_some(),
        shape.s3files_volume_configuration.is_some(),
        shape.fsx_windows_file_server_volume_configuration.is_some(),
        shape.configured_at_launch == Some(true),
    ];
    let unreached = UNREACHED.iter().zip(given).find(|(_, given)| *given);
    let places = usize::from(path.is_some()) + usize::from(docker.is_some()) + given.iter().filter(|one| **one).count();
    let source = match (path, docker, unreached) {
        (Some(path), ..) => VolumeSource::Host(path),
        (None, Some(docker), _) => VolumeSource::Docker(docker_volume(docker)),
        (None, None, Some((member, _))) => VolumeSource::Unbuilt {
            member: (*member).to_owned(),
            value: text(shape.clone()),
        },
        (None, None, None) => VolumeSource::Anonymous,
    };
    VolumeDraft {
        scope: docker.and_then(|docker| docker.scope.clone()),
        volume: Volume {
            name: shape.name.clone().unwrap_or_default(),
            source,
        },
        places,
    }
}

fn text(mut shape: ecs::Volume) -> Opaque {
    let schema: &'static StructureSchema = shape.schema();
    Opaque(stored::to_text(&drain(&mut shape), schema))
}

fn docker_volume(shape: &ecs::DockerVolumeConfiguration) -> DockerVolume {
    DockerVolume {
        autoprovision: shape.autoprovision,
        driver: shape.driver.clone(),
        driver_opts: shape.driver_opts.clone(),
        labels: shape.labels.clone(),
        ..DockerVolume::default()
    }
}

/// A volume as it is shown. What an older version kept and this one cannot read has only its name.
#[must_use]
pub fn shape(volume: &Volume) -> ecs::Volume {
    let named = ecs::Volume {
        name: Some(volume.name.clone()),
        ..ecs::Volume::default()
    };
    match &volume.source {
        VolumeSource::Anonymous => ecs::Volume {
            host: Some(ecs::HostVolumeProperties::default()),
            ..named
        },
        VolumeSource::Host(path) => ecs::Volume {
            host: Some(ecs::HostVolumeProperties {
                source_path: Some(path.clone()),
            }),
            ..named
        },
        VolumeSource::Docker(docker) => ecs::Volume {
            docker_volume_configuration: Some(ecs::DockerVolumeConfiguration {
                scope: Some(docker.scope.to_string()),
                autoprovision: docker.autoprovision,
                driver: docker.driver.clone(),
                driver_opts: docker.driver_opts.clone(),
                labels: docker.labels.clone(),
            }),
            ..named
        },
        VolumeSource::Unbuilt { value, .. } => {
            let document = stored::from_text(&value.0, named.schema()).ok();
            document
                .and_then(|document| from_document(document).ok())
                .unwrap_or(named)
        }
    }
}

/// What a container definition says of volumes.
#[must_use]
pub fn mounts(shape: &ecs::ContainerDefinition) -> Mounts {
    let point = |point: &ecs::MountPoint| MountPoint {
        volume: point.source_volume.clone().unwrap_or_else(|| NO_NAME.to_owned()),
        path: point.container_path.clone().unwrap_or_default(),
        read_only: point.read_only,
    };
    let from = |from: &ecs::VolumeFrom| VolumesFrom {
        container: from.source_container.clone().unwrap_or_else(|| NO_NAME.to_owned()),
        read_only: from.read_only,
    };
    Mounts {
        points: shape.mount_points.iter().flatten().map(point).collect(),
        from: shape.volumes_from.iter().flatten().map(from).collect(),
    }
}

/// Puts that back into a container definition.
pub fn put(mounts: &Mounts, shape: &mut ecs::ContainerDefinition) {
    let point = |point: &MountPoint| ecs::MountPoint {
        source_volume: Some(point.volume.clone()),
        container_path: Some(point.path.clone()),
        read_only: point.read_only,
    };
    let from = |from: &VolumesFrom| ecs::VolumeFrom {
        source_container: Some(from.container.clone()),
        read_only: from.read_only,
    };
    shape.mount_points = Some(mounts.points.iter().map(point).collect());
    shape.volumes_from = Some(mounts.from.iter().map(from).collect());
}
