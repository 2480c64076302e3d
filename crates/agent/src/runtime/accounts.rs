//! Reads /etc/passwd and /etc/group of an image. This file does not interpret what it reads.

use std::fs::File;
use std::io::{self, Read as _};

use containerd_client::types::Mount;

use super::image_root::{in_image, open_inside};
use super::users::Accounts;

/// A file longer than this is no account file.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The account files below the root that `mounts` (an answer of `snapshots.prepare`) describe.
pub(crate) async fn read_accounts(mounts: &[Mount]) -> io::Result<Accounts> {
    let read = |root: &File| {
        Ok(Accounts {
            passwd: read_inside(root, "etc/passwd")?,
            group: read_inside(root, "etc/group")?,
        })
    };
    in_image(mounts, read).await
}

/// A regular file's text; empty when there is none.
fn read_inside(root: &File, path: &str) -> io::Result<String> {
    let Some(file) = open_inside(root, path)? else {
        return Ok(String::new());
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
    use std::path::Path;

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
