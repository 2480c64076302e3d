//! The operator's socket: a Unix socket in the data directory, which only the directory's owner can open. Whoever opens it may
//! see everything.
//!
//! One line asks, and the answer follows until the socket is closed: `snapshot` or `snapshot logs`, answered with a backup
//! without files. An answer that breaks off lacks its end, so that nobody takes it for whole.

use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::UnixListener;

use crate::App;
use crate::backup::{Sources, Writer};

/// The socket's name in the control plane's folder.
const NAME: &str = "admin.sock";
/// How long one who asks may keep us waiting for a line, or for room to write.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest line.
const MOST_LINE: usize = 64;

/// Where the socket of a control plane stands whose folder is `dir`.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// Listens. A socket that an ended process left behind is replaced: the data directory is ours.
///
/// # Errors
/// The file system's.
pub(crate) fn listen(dir: &Path) -> Result<UnixListener> {
    let path = path(dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
    .and_then(|()| UnixListener::bind(&path))
    .and_then(|listener| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    })
    .with_context(|| format!("cannot listen on the operator's socket {}", path.display()))
}

/// Answers those who ask, until it is aborted.
pub(crate) async fn serve(listener: UnixListener, app: Arc<App>) {
    loop {
        let accepted = listener.accept().await.and_then(|(socket, _)| socket.into_std());
        match accepted {
            Ok(socket) => {
                let app = Arc::clone(&app);
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = answer(&app, socket) {
                        tracing::warn!("an operator's request failed: {error:#}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the operator's socket does not answer");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn answer(app: &App, mut socket: UnixStream) -> Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let logs = match line(&mut socket)?.as_str() {
        "snapshot" => None,
        "snapshot logs" => Some(&*app.logs),
        other => bail!("nobody knows what {other:?} asks for"),
    };
    let sources = Sources {
        store: &app.store,
        history: app.history.store(),
        logs,
    };
    let mut writer = Writer::new(BufWriter::new(socket))?;
    sources.write(&mut writer)?;
    writer.finish()?.flush()?;
    Ok(())
}

fn line(socket: &mut UnixStream) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() <= MOST_LINE {
        socket.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(String::from_utf8(line)?);
        }
        line.extend(byte);
    }
    bail!("a request has more than {MOST_LINE} bytes")
}
