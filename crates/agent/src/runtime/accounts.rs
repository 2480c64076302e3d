//! Reads /etc/passwd and /etc/group of an image that is not mounted anywhere.
//!
//! A single layer is a plain directory. More layers are merged by a read-only overlay, mounted in a
//! mount namespace of one thread's own: nobody else sees it, and it ends with the thread even if
//! the agent is killed. Paths are opened inside the image's root, so that its symbolic links cannot
//! lead to the host's files. This file does not interpret what it reads.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use tokio::sync::oneshot;

use super::users::Accounts;

/// A file longer than this is no account file.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The account files below the root that `mounts` (an answer of `snapshots.prepare`) describe.
pub(crate) async fn read_accounts(mounts: &[Mount]) -> io::Result<Accounts> {
    let layers = layer_directories(mounts)?;
    let (answer, result) = oneshot::channel();
    // A thread of its own, not one of a pool: it gives up its mount namespace for good.
    std::thread::Builder::new()
        .name("image-accounts".to_owned())
        .spawn(move || answer.send(read_layers(&layers)))?;
    result
        .await
        .map_err(|_closed| io::Error::other("the thread that reads account files ended early"))?
}

/// The directories to merge, uppermost first.
fn layer_directories(mounts: &[Mount]) -> io::Result<Vec<PathBuf>> {
    let [mount] = mounts else {
        return Err(io::Error::other(format!(
            "expected one mount of a snapshot, got {}",
            mounts.len()
        )));
    };
    if mount.r#type == "bind" {
        return Ok(vec![PathBuf::from(&mount.source)]);
    }
    let lower = mount
        .options
        .iter()
        .find_map(|option| option.strip_prefix("lowerdir="))
        .ok_or_else(|| io::Error::other(format!("cannot read a mount of type {}", mount.r#type)))?;
    Ok(lower.split(':').map(PathBuf::from).collect())
}

fn read_layers(layers: &[PathBuf]) -> io::Result<Accounts> {
    let top = layers
        .first()
        .ok_or_else(|| io::Error::other("a snapshot has at least one layer"))?;
    if layers.len() > 1 {
        mount_merged(layers, top)?;
    }
    let root = File::open(top)?;
    Ok(Accounts {
        passwd: read_inside(&root, "etc/passwd")?,
        group: read_inside(&root, "etc/group")?,
    })
}

/// Mounts the layers over `target` in a new mount namespace of this thread. The layers are named
/// relative to their common directory, because the kernel takes one page of options only.
fn mount_merged(layers: &[PathBuf], target: &Path) -> io::Result<()> {
    let base = common_directory(layers);
    unshare(CloneFlags::CLONE_NEWNS)?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    std::env::set_current_dir(&base)?;
    let relative: Vec<String> = layers
        .iter()
        .map(|layer| layer.strip_prefix(&base).unwrap_or(layer))
        .map(|layer| layer.display().to_string())
        .collect();
    let options = format!("lowerdir={}", relative.join(":"));
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    mount(Some("overlay"), target, Some("overlay"), flags, Some(options.as_str()))?;
    Ok(())
}

fn common_directory(paths: &[PathBuf]) -> PathBuf {
    let mut common = paths.first().cloned().unwrap_or_default();
    while !paths.iter().all(|path| path.starts_with(&common)) {
        common.pop();
    }
    common
}

/// A regular file's text; empty when there is none.
fn read_inside(root: &File, path: &str) -> io::Result<String> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(root.as_fd(), path, how) {
        Ok(fd) => File::from(fd),
        Err(nix::Error::ENOENT | nix::Error::ENOTDIR | nix::Error::ELOOP) => {
            return Ok(String::new());
        }
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn bind(source: &Path) -> Vec<Mount> {
        vec![Mount {
            r#type: "bind".to_owned(),
            source: source.display().to_string(),
            ..Mount::default()
        }]
    }

    fn overlay(lower: &[&Path]) -> Vec<Mount> {
        let lower: Vec<String> = lower.iter().map(|path| path.display().to_string()).collect();
        vec![Mount {
            r#type: "overlay".to_owned(),
            source: "overlay".to_owned(),
            options: vec!["upperdir=/x".to_owned(), format!("lowerdir={}", lower.join(":"))],
            ..Mount::default()
        }]
    }

    #[tokio::test]
    async fn a_link_stays_inside_the_image() {
        let image = tempfile::tempdir().unwrap();
        fs::create_dir_all(image.path().join("etc")).unwrap();
        fs::create_dir_all(image.path().join("private")).unwrap();
        fs::write(image.path().join("private/passwd"), "me:x:7:8:::\n").unwrap();
        symlink("/private/passwd", image.path().join("etc/passwd")).unwrap();
        symlink("../../../../../../../etc/hosts", image.path().join("etc/group")).unwrap();
        let accounts = read_accounts(&bind(image.path())).await.unwrap();
        assert_eq!(accounts.passwd, "me:x:7:8:::\n");
        assert_eq!(accounts.group, "", "the host's /etc/hosts is out of reach");
    }

    #[tokio::test]
    async fn layers_are_merged_and_nothing_stays_mounted() {
        let dir = tempfile::tempdir().unwrap();
        let (upper, lower) = (dir.path().join("2/fs"), dir.path().join("1/fs"));
        fs::create_dir_all(upper.join("etc")).unwrap();
        fs::create_dir_all(lower.join("etc")).unwrap();
        fs::write(lower.join("etc/passwd"), "old").unwrap();
        fs::write(upper.join("etc/passwd"), "new").unwrap();
        fs::write(lower.join("etc/group"), "kept").unwrap();
        let accounts = read_accounts(&overlay(&[&upper, &lower])).await.unwrap();
        assert_eq!((accounts.passwd.as_str(), accounts.group.as_str()), ("new", "kept"));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&dir.path().display().to_string()));
        assert!(!upper.join("etc/group").exists());
    }

    #[tokio::test]
    async fn an_unknown_mount_is_an_error() {
        let odd = vec![Mount {
            r#type: "zfs".to_owned(),
            ..Mount::default()
        }];
        assert!(read_accounts(&odd).await.unwrap_err().to_string().contains("zfs"));
        assert!(read_accounts(&[]).await.is_err());
    }
}
