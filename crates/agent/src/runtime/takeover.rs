//! A volume that is empty takes over what an image has in its place, with owners and rights, as Docker's volumes do.
//!
//! A volume is a directory with `_data` in it, which containers see. The copy is made beside it and then moved in, so that a
//! container that has the volume already can neither lead the copy astray nor see half a file, and so that it goes on after
//! the agent was killed on any line.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use tokio::sync::Mutex;

use super::connection::Containerd;
use super::error::RuntimeError;
use super::image_root::{in_image, open_inside};

/// What containers see of a volume.
pub(crate) const DATA: &str = "_data";
/// A copy that is being made.
const COPYING: &str = "copying";
/// A copy that is whole, and moves in.
const COPIED: &str = "copied";

impl Containerd {
    /// Fills each volume, given by its directory and its place in the container, if it is empty. One is filled at a time:
    /// `turn` is held until that is done, even if nobody waits for it any more.
    pub(crate) async fn take_over(
        &self,
        id: &str,
        volumes: Vec<(std::path::PathBuf, String)>,
        turn: &Arc<Mutex<()>>,
    ) -> Result<(), RuntimeError> {
        let failed = |error| RuntimeError::io("copy what the image has in the place of a volume", error);
        let mounts = self.rootfs_mounts(id).await;
        let mounts = mounts.map_err(|status| RuntimeError::from_status("look into the image", &status))?;
        let held = Arc::clone(turn).lock_owned().await;
        let fill_all = move |root: &File| {
            let _held = held;
            volumes.iter().try_for_each(|(volume, place)| fill(root, place, volume))
        };
        in_image(&mounts, fill_all).await.map_err(failed)
    }
}

fn fill(root: &File, place: &str, volume: &Path) -> io::Result<()> {
    let (data, copying, copied) = (volume.join(DATA), volume.join(COPYING), volume.join(COPIED));
    if !copied.try_exists()? {
        let empty = fs::read_dir(&data)?.next().is_none();
        let source = open_inside(root, place)?.filter(|file| file.metadata().is_ok_and(|meta| meta.is_dir()));
        let Some(source) = source.filter(|_| empty) else {
            return Ok(());
        };
        match fs::remove_dir_all(&copying) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => DirBuilder::new().mode(0o700).create(&copying)?,
        }
        copy(&source, &copying)?;
        fs::rename(&copying, &copied)?;
    }
    for entry in fs::read_dir(&copied)? {
        let entry = entry?;
        let to = data.join(entry.file_name());
        match renameat2(AT_FDCWD, &entry.path(), AT_FDCWD, &to, RenameFlags::RENAME_NOREPLACE) {
            // What a container has written meanwhile stays.
            Ok(()) | Err(nix::Error::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let own = fs::metadata(&copied)?;
    chown(&data, Some(own.uid()), Some(own.gid()))?;
    fs::set_permissions(&data, own.permissions())?;
    fs::remove_dir_all(&copied)
}

/// Copies a tree with all that its files have. The directory is entered by its descriptor: no path leads there.
fn copy(source: &File, target: &Path) -> io::Result<()> {
    let ended = Command::new("cp")
        .args(["-a", "-T", "--", "."])
        .arg(target)
        .current_dir(format!("/proc/self/fd/{}", source.as_raw_fd()))
        .stdin(Stdio::null())
        .output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&ended.stderr).trim().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    struct Places {
        image: PathBuf,
        volume: PathBuf,
        _dir: tempfile::TempDir,
    }

    fn places() -> Places {
        let dir = tempfile::tempdir().unwrap();
        let (image, volume) = (dir.path().join("image"), dir.path().join("volume"));
        fs::create_dir_all(image.join("srv/www/deep")).unwrap();
        fs::write(image.join("srv/www/deep/page"), "hello").unwrap();
        fs::write(image.join("srv/www/index"), "index").unwrap();
        symlink("/etc/passwd", image.join("srv/www/link")).unwrap();
        fs::set_permissions(image.join("srv/www"), fs::Permissions::from_mode(0o1770)).unwrap();
        fs::create_dir_all(volume.join(DATA)).unwrap();
        Places {
            image,
            volume,
            _dir: dir,
        }
    }

    fn fill_from(places: &Places, path: &str) {
        fill(&File::open(&places.image).unwrap(), path, &places.volume).unwrap();
    }

    fn names(places: &Places) -> Vec<String> {
        let entries = fs::read_dir(places.volume.join(DATA)).unwrap();
        let mut names: Vec<String> = entries
            .map(|one| one.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_empty_volume_takes_over_what_the_image_has() {
        let places = places();
        fill_from(&places, "/srv/www");
        assert_eq!(names(&places), ["deep", "index", "link"]);
        let data = places.volume.join(DATA);
        assert_eq!(fs::read_to_string(data.join("deep/page")).unwrap(), "hello");
        assert_eq!(fs::read_link(data.join("link")).unwrap(), Path::new("/etc/passwd"));
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o7777, 0o1770);
        assert!(!places.volume.join(COPIED).exists() && !places.volume.join(COPYING).exists());
    }

    #[test]
    fn a_volume_with_something_in_it_stays_as_it_is() {
        let places = places();
        fs::write(places.volume.join("_data/mine"), "x").unwrap();
        fill_from(&places, "/srv/www");
        assert_eq!(names(&places), ["mine"]);
    }

    #[test]
    fn what_is_not_a_directory_of_the_image_is_not_taken_over() {
        for path in ["/nothing", "/srv/www/index", "/srv/www/link"] {
            let places = places();
            fill_from(&places, path);
            assert!(names(&places).is_empty(), "{path}");
        }
        let places = places();
        symlink("../../../../..", places.image.join("out")).unwrap();
        fill_from(&places, "/out/srv");
        assert_eq!(names(&places), ["www"], "links stay inside the image");
    }

    #[test]
    fn a_copy_that_was_broken_off_is_made_again() {
        let places = places();
        fs::create_dir(places.volume.join(COPYING)).unwrap();
        fs::write(places.volume.join("copying/half"), "").unwrap();
        fill_from(&places, "/srv/www");
        assert_eq!(names(&places), ["deep", "index", "link"]);
    }

    #[test]
    fn a_copy_goes_on_to_move_in_and_leaves_what_is_there() {
        let places = places();
        fs::create_dir(places.volume.join(COPIED)).unwrap();
        for name in ["moved", "rest"] {
            fs::write(places.volume.join(COPIED).join(name), "image").unwrap();
        }
        symlink("/etc/hosts", places.volume.join("_data/moved")).unwrap();
        fill_from(&places, "/srv/www");
        assert_eq!(names(&places), ["moved", "rest"]);
        assert!(places.volume.join("_data/moved").is_symlink());
        assert!(!places.volume.join(COPIED).exists());
    }
}
