//! Looks into the root of an image that is not mounted anywhere.
//!
//! A single layer is a plain directory. More layers are merged by a read-only overlay, mounted in a mount namespace of one
//! thread's own: nobody else sees it, and it ends with the thread even if the agent is killed. Paths are opened inside the
//! image's root, so that its symbolic links cannot lead to the host's files.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use tokio::sync::oneshot;

/// Does `work` with the root that `mounts` (an answer of `snapshots.prepare`) describe: that of the image, without what a
/// container has written.
pub(super) async fn in_image<T: Send + 'static>(
    mounts: &[Mount],
    work: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let layers = layer_directories(mounts)?;
    let (answer, result) = oneshot::channel();
    // A thread of its own, not one of a pool: it gives up its mount namespace for good.
    std::thread::Builder::new()
        .name("image-root".to_owned())
        .spawn(move || answer.send(open_root(&layers).and_then(|root| work(&root))))?;
    result
        .await
        .map_err(|_closed| io::Error::other("the thread that looks into an image ended early"))?
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

fn open_root(layers: &[PathBuf]) -> io::Result<File> {
    let top = layers
        .first()
        .ok_or_else(|| io::Error::other("a snapshot has at least one layer"))?;
    if layers.len() > 1 {
        mount_merged(layers, top)?;
    }
    File::open(top)
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

/// What is at `path` inside `root`, if anything is.
pub(super) fn open_inside(root: &File, path: &str) -> io::Result<Option<File>> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(root.as_fd(), path, how) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(nix::Error::ENOENT | nix::Error::ENOTDIR | nix::Error::ELOOP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
