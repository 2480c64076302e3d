//! What a task definition says of a container's surroundings, in the runtime's terms: devices and programs are looked up on
//! this machine.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use berth_core::ecs::model::{self, KernelCapabilities, SecurityOption, Surroundings};
use nix::sys::stat::{major, minor};

use crate::runtime::{Confinement, Device, Rlimit, Tmpfs};

/// Programs that do as a container's first process. They must be linked statically: the container may have no libraries.
const INITS: [&str; 3] = ["tini-static", "docker-init", "catatonit"];
/// Where they are looked for.
const PROGRAMS: [&str; 6] = [
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/usr/libexec/docker",
    "/usr/libexec/podman",
];
/// Directories below /dev that every container has for itself.
const OWN: [&str; 4] = ["pts", "shm", "fd", "mqueue"];
/// The usual limits of open files.
const OPEN_FILES: (u64, u64) = (32_768, 65_536);

/// Limits of each process. Containers have as many open files as on Amazon's own machines, whatever the host's services
/// have.
pub(super) fn rlimits(surroundings: &Surroundings) -> Vec<Rlimit> {
    let kind = |name: &str| format!("RLIMIT_{}", name.to_uppercase());
    // Checked to be -1 at least, which is no limit.
    let number = |value: i64| u64::try_from(value).unwrap_or(u64::MAX);
    let asked = surroundings.ulimits.iter().flatten();
    let mut limits: Vec<Rlimit> = asked
        .map(|limit| Rlimit {
            kind: kind(&limit.name),
            soft: number(limit.soft),
            hard: number(limit.hard),
            is_default: false,
        })
        .collect();
    let open_files = kind("nofile");
    if !limits.iter().any(|limit| limit.kind == open_files) {
        limits.push(Rlimit {
            kind: open_files,
            soft: OPEN_FILES.0,
            hard: OPEN_FILES.1,
            is_default: true,
        });
    }
    limits
}

/// What the container may do and sees.
///
/// # Errors
/// What this machine does not have, in words for people.
pub(super) fn confinement(surroundings: &Surroundings) -> Result<Confinement, String> {
    let said = surroundings.clone();
    let linux = surroundings.linux();
    let KernelCapabilities { add, drop } = linux.capabilities.unwrap_or_default();
    let privileged = said.privileged == Some(true);
    let bytes = |mib: i64| u64::try_from(mib).unwrap_or(0) << 20;
    let mut devices = if privileged { all_devices() } else { Vec::new() };
    for device in linux.devices.iter().flatten() {
        devices.extend(asked_device(device)?);
    }
    let tmpfs = |mount: model::Tmpfs| Tmpfs {
        path: mount.container_path,
        size_bytes: bytes(mount.size_mib),
        options: mount.mount_options.unwrap_or_default(),
    };
    let init = linux.init_process_enabled == Some(true);
    let controls = said.system_controls.into_iter();
    Ok(Confinement {
        read_only_root: said.readonly_root_filesystem == Some(true),
        privileged,
        no_new_privileges: surroundings.has(SecurityOption::NoNewPrivileges),
        seccomp_unconfined: surroundings.has(SecurityOption::SeccompUnconfined),
        terminal: said.pseudo_terminal == Some(true),
        add_capabilities: add.unwrap_or_default(),
        drop_capabilities: drop.unwrap_or_default(),
        devices,
        shm_bytes: linux.shared_memory_mib.map(bytes),
        tmpfs: linux.tmpfs.unwrap_or_default().into_iter().map(tmpfs).collect(),
        swap_bytes: linux.max_swap_mib.map(bytes),
        swappiness: linux.swappiness.and_then(|value| u64::try_from(value).ok()),
        sysctl: controls
            .filter_map(|control| Some((control.namespace?, control.value?)))
            .collect(),
        init: init.then(find_init).transpose()?,
    })
}

fn find_init() -> Result<PathBuf, String> {
    let mut places = INITS
        .iter()
        .flat_map(|name| PROGRAMS.iter().map(move |place| Path::new(place).join(name)));
    let missing = "this machine has no program for initProcessEnabled: install the package tini";
    places.find(|path| path.is_file()).ok_or_else(|| missing.to_owned())
}

/// A device, or every device in a directory.
fn asked_device(asked: &model::Device) -> Result<Vec<Device>, String> {
    let path = Path::new(&asked.host_path);
    let inside = asked.container_path.as_deref().unwrap_or(&asked.host_path);
    let cannot = |error: io::Error| format!("cannot use the device {}: {error}", asked.host_path);
    let metadata = fs::metadata(path).map_err(cannot)?;
    let access = access(asked.permissions.as_deref().unwrap_or_default());
    let found = if metadata.is_dir() {
        below(path, Path::new(inside), &access)
    } else {
        device(path, Path::new(inside), &access).into_iter().collect()
    };
    if found.is_empty() {
        return Err(format!("{} is no device", asked.host_path));
    }
    Ok(found)
}

fn access(permissions: &[String]) -> String {
    let letters = [("read", 'r'), ("write", 'w'), ("mknod", 'm')];
    let given = |word: &str| permissions.is_empty() || permissions.iter().any(|one| one == word);
    letters
        .into_iter()
        .filter(|(word, _)| given(word))
        .map(|(_, letter)| letter)
        .collect()
}

/// All devices of the machine, each in its own place.
fn all_devices() -> Vec<Device> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let shared = entries.filter(|entry| !OWN.iter().any(|own| entry.file_name() == *own));
    let paths = shared.map(|entry| entry.path());
    paths
        .flat_map(|path| match path.is_dir() && !path.is_symlink() {
            true => below(&path, &path, "rwm"),
            false => device(&path, &path, "rwm").into_iter().collect(),
        })
        .collect()
}

fn below(directory: &Path, inside: &Path, access: &str) -> Vec<Device> {
    let mut found = Vec::new();
    let mut waiting = vec![(directory.to_path_buf(), inside.to_path_buf())];
    while let Some((directory, inside)) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, inside) = (entry.path(), inside.join(entry.file_name()));
            if path.is_dir() && !path.is_symlink() {
                waiting.push((path, inside));
            } else {
                found.extend(device(&path, &inside, access));
            }
        }
    }
    found
}

/// Links are none: what they lead to is a device of its own.
fn device(path: &Path, inside: &Path, access: &str) -> Option<Device> {
    let metadata = fs::symlink_metadata(path).ok()?;
    // A device that was asked for by a link to it is the one meant.
    let metadata = if metadata.is_symlink() && inside != path {
        fs::metadata(path).ok()?
    } else {
        metadata
    };
    let kind = match metadata.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return None,
    };
    Some(Device {
        path: inside.display().to_string(),
        kind,
        major: major(metadata.rdev()),
        minor: minor(metadata.rdev()),
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        access: access.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> model::Device {
        model::Device {
            host_path: path.to_owned(),
            container_path: Some("/dev/x".to_owned()),
            permissions: Some(vec!["write".to_owned()]),
        }
    }

    #[test]
    fn devices_are_looked_up() {
        let found = asked_device(&asked("/dev/null")).unwrap();
        let null = &found[0];
        assert_eq!(
            (null.path.as_str(), null.kind, null.major, null.minor),
            ("/dev/x", 'c', 1, 3)
        );
        assert_eq!(null.access, "w");
        assert_eq!(access(&[]), "rwm");
        assert_eq!(
            asked_device(&asked("/etc/passwd")),
            Err("/etc/passwd is no device".to_owned())
        );
        assert!(asked_device(&asked("/dev/none")).unwrap_err().contains("No such file"));
        let all = all_devices();
        assert!(all.iter().any(|device| device.path == "/dev/zero"));
        assert!(!all.iter().any(|device| device.path.starts_with("/dev/pts/")));
    }

    #[test]
    fn a_limit_of_open_files_is_always_there() {
        let usual = rlimits(&Surroundings::default());
        assert!(usual.len() == 1 && usual[0].is_default);
        let limit = |name: &str, soft, hard| model::Ulimit {
            name: name.to_owned(),
            soft,
            hard,
        };
        let asked = Surroundings {
            ulimits: Some(vec![limit("nofile", 1, 2), limit("core", 0, -1)]),
            ..Surroundings::default()
        };
        let limits = rlimits(&asked);
        assert_eq!(limits.len(), 2);
        assert_eq!((limits[1].kind.as_str(), limits[1].hard), ("RLIMIT_CORE", u64::MAX));
        assert!(!limits[0].is_default);
    }
}
