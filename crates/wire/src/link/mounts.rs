//! Volumes of assignments and their places in containers, in the words of the protocol.

use berth_core::ecs::model::{
    DockerVolume, MountPoint as Point, Mounts, Volume, VolumeScope as Scope, VolumeSource, VolumesFrom,
};

use super::assign::{Unreadable, unreadable};
use super::payload::{Container, MountPoint, VolumeFrom};
use super::volume::{self, DockerVolumeConfiguration, HostVolume, VolumeScope, VolumeType};

/// A volume as the stock agent wants it: it does not take a `host` without the object of that name, and compares drivers of
/// volumes that it finds.
pub(super) fn spell(volume: &Volume) -> Option<volume::Volume> {
    let named = volume::Volume {
        name: volume.name.clone(),
        ..volume::Volume::default()
    };
    let at = |source_path| volume::Volume {
        kind: Some(VolumeType::Host),
        host: Some(HostVolume { source_path }),
        ..named.clone()
    };
    match &volume.source {
        VolumeSource::Anonymous => Some(at(None)),
        VolumeSource::Host(path) => Some(at(Some(path.clone()))),
        VolumeSource::Docker(docker) => Some(volume::Volume {
            kind: Some(VolumeType::Docker),
            docker_volume_configuration: Some(configuration(docker)),
            ..named
        }),
        // No such task is run.
        VolumeSource::Unbuilt { .. } => None,
    }
}

fn configuration(docker: &DockerVolume) -> DockerVolumeConfiguration {
    DockerVolumeConfiguration {
        scope: Some(match docker.scope {
            Scope::Task => VolumeScope::Task,
            Scope::Shared => VolumeScope::Shared,
        }),
        autoprovision: docker.autoprovision,
        driver: Some(docker.driver().to_owned()),
        driver_opts: docker.driver_opts.clone().unwrap_or_default(),
        labels: docker.labels.clone().unwrap_or_default(),
    }
}

/// Reads a volume back.
pub(super) fn read(volume: &volume::Volume) -> Result<Volume, Unreadable> {
    let path = volume.host.as_ref().and_then(|host| host.source_path.clone());
    let path = path.filter(|path| !path.is_empty());
    let source = match (&volume.kind, &volume.docker_volume_configuration) {
        (None | Some(VolumeType::Host), _) => path.map_or(VolumeSource::Anonymous, VolumeSource::Host),
        (Some(VolumeType::Docker), Some(docker)) => VolumeSource::Docker(read_docker(docker)?),
        (Some(kind), _) => return Err(unreadable("the type of the volume", kind.as_str())),
    };
    Ok(Volume {
        name: volume.name.clone(),
        source,
    })
}

fn read_docker(docker: &DockerVolumeConfiguration) -> Result<DockerVolume, Unreadable> {
    Ok(DockerVolume {
        scope: match &docker.scope {
            None | Some(VolumeScope::Task) => Scope::Task,
            Some(VolumeScope::Shared) => Scope::Shared,
            Some(other @ VolumeScope::Other(_)) => return Err(unreadable("the scope", other.as_str())),
        },
        autoprovision: docker.autoprovision,
        driver: docker.driver.clone(),
        driver_opts: Some(docker.driver_opts.clone()).filter(|opts| !opts.is_empty()),
        labels: Some(docker.labels.clone()).filter(|labels| !labels.is_empty()),
    })
}

/// Fills in the places of volumes in a container.
pub(super) fn put(mounts: &Mounts, container: &mut Container) {
    let point = |point: &Point| MountPoint {
        source_volume: point.volume.clone(),
        container_path: point.path.clone(),
        read_only: point.read_only.unwrap_or(false),
    };
    let from = |from: &VolumesFrom| VolumeFrom {
        source_container: from.container.clone(),
        read_only: from.read_only.unwrap_or(false),
    };
    container.mount_points = mounts.points.iter().map(point).collect();
    container.volumes_from = mounts.from.iter().map(from).collect();
}

/// Reads them back.
pub(super) fn of(container: &Container) -> Mounts {
    let point = |point: &MountPoint| Point {
        volume: point.source_volume.clone(),
        path: point.container_path.clone(),
        read_only: Some(point.read_only),
    };
    let from = |from: &VolumeFrom| VolumesFrom {
        container: from.source_container.clone(),
        read_only: Some(from.read_only),
    };
    Mounts {
        points: container.mount_points.iter().map(point).collect(),
        from: container.volumes_from.iter().map(from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The golden text is what Amazon's agent reads.
    #[test]
    fn volumes_survive_the_wire() {
        let docker = |scope, autoprovision| DockerVolume {
            scope,
            autoprovision,
            driver: Some("local".into()),
            labels: Some(BTreeMap::from([("team".into(), "web".into())])),
            ..DockerVolume::default()
        };
        let volume = |name: &str, source| Volume {
            name: name.into(),
            source,
        };
        let sent = [
            volume("scratch", VolumeSource::Anonymous),
            volume("logs", VolumeSource::Host("/var/log".into())),
            volume("own", VolumeSource::Docker(docker(Scope::Task, None))),
            volume("all", VolumeSource::Docker(docker(Scope::Shared, Some(true)))),
        ];
        let spelled: Vec<volume::Volume> = sent.iter().filter_map(spell).collect();
        let wanted = serde_json::json!([
            {"name": "scratch", "type": "host", "host": {}},
            {"name": "logs", "type": "host", "host": {"sourcePath": "/var/log"}},
            {"name": "own", "type": "docker",
             "dockerVolumeConfiguration": {"scope": "task", "driver": "local", "labels": {"team": "web"}}},
            {"name": "all", "type": "docker", "dockerVolumeConfiguration":
             {"scope": "shared", "autoprovision": true, "driver": "local", "labels": {"team": "web"}}},
        ]);
        assert_eq!(serde_json::to_value(&spelled).unwrap(), wanted);
        let back: Vec<Volume> = spelled.iter().map(|one| read(one).unwrap()).collect();
        assert_eq!(back, sent);
    }

    #[test]
    fn a_volume_of_another_kind_is_not_read() {
        let efs = volume::Volume {
            name: "far".into(),
            kind: Some(VolumeType::Efs),
            ..volume::Volume::default()
        };
        assert_eq!(read(&efs), Err(unreadable("the type of the volume", "efs")));
    }

    #[test]
    fn places_survive_the_wire() {
        let sent = Mounts {
            points: vec![Point {
                volume: "logs".into(),
                path: "/logs".into(),
                read_only: Some(true),
            }],
            from: vec![VolumesFrom {
                container: "db".into(),
                read_only: Some(false),
            }],
        };
        let mut container = Container::default();
        put(&sent, &mut container);
        let text = serde_json::to_value(&container).unwrap();
        let wanted = serde_json::json!([{"sourceVolume": "logs", "containerPath": "/logs", "readOnly": true}]);
        assert_eq!(text["mountPoints"], wanted);
        let wanted = serde_json::json!([{"sourceContainer": "db", "readOnly": false}]);
        assert_eq!(text["volumesFrom"], wanted);
        assert_eq!(of(&container), sent);
    }
}
