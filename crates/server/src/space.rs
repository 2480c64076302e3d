//! Free disk space: below a floor nothing new is taken in, so that there is room for what must still be written down, such as
//! what agents report and what users stop.
//!
//! What counts as new is the brain's business for ECS; here the disk is looked at, and others are told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use berth_core::control::Event;
use nix::sys::statvfs::statvfs;

use crate::App;
use crate::config::Config;
use crate::engine::Engine;

/// The time between two looks. What comes in meanwhile is far less than the floor.
const PAUSE: Duration = Duration::from_secs(1);
/// The floor of a disk that is large enough; a smaller one keeps a twentieth free.
const USUAL_FLOOR: u64 = 512 << 20;

/// Whether there is less free space than the floor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space(Arc<AtomicBool>);

impl Space {
    /// Whether nothing new may be taken in.
    pub(crate) fn is_low(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks, and tells the brain if it is otherwise than before.
    ///
    /// # Errors
    /// If the system cannot say.
    pub(crate) async fn look(&self, config: &Config, engine: &Engine) -> Result<()> {
        let (dir, floor) = (config.data_dir.clone(), config.min_free_bytes);
        let look = move || Disk::of(&dir).map(|disk| (disk, disk.floor(floor)));
        let (disk, floor) = tokio::task::spawn_blocking(look).await??;
        let low = disk.free < floor;
        if self.0.swap(low, Ordering::Relaxed) != low {
            let (free_mib, floor_mib) = (disk.free >> 20, floor >> 20);
            if low {
                tracing::warn!(
                    free_mib,
                    floor_mib,
                    "disk space is low: nothing new is taken in until some is freed"
                );
            } else {
                tracing::info!(free_mib, floor_mib, "there is disk space again");
            }
            engine.tell(Event::LowSpace(low)).await;
        }
        Ok(())
    }
}

/// Looks for as long as the server runs. Also at whether a write of log events has failed, after which they take no others.
pub(crate) async fn watch(app: Arc<App>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Some(error) = app.logs.failed() {
            crate::ending::unwritable(&error);
        }
        if let Err(error) = app.space.look(&app.config, &app.engine).await {
            tracing::warn!("nobody knows how much disk space is free: {error:#}");
        }
    }
}

/// The disk that a directory is on, in bytes.
#[derive(Clone, Copy, Debug)]
struct Disk {
    size: u64,
    free: u64,
}

impl Disk {
    fn of(dir: &Path) -> Result<Self> {
        let found = statvfs(dir).with_context(|| format!("cannot see how full the disk of {} is", dir.display()))?;
        let block = found.fragment_size();
        Ok(Self {
            size: found.blocks().saturating_mul(block),
            free: found.blocks_available().saturating_mul(block),
        })
    }

    /// The operator's floor, or one that fits the disk.
    fn floor(self, wanted: Option<u64>) -> u64 {
        wanted.unwrap_or_else(|| USUAL_FLOOR.min(self.size / 20))
    }
}

#[cfg(test)]
mod tests {
    use super::Disk;

    #[test]
    fn a_small_disk_has_a_low_floor() {
        let floor = |size_mib: u64, wanted| {
            let size = size_mib << 20;
            Disk { size, free: 0 }.floor(wanted) >> 20
        };
        assert_eq!(floor(100_000, None), 512);
        assert_eq!(floor(2_000, None), 100);
        assert_eq!(floor(2_000, Some(7 << 20)), 7);
    }
}
