//! Leaves nothing on the machine: containers, a private containerd, networks, control groups, mounts, spools. What the
//! control plane has yet to hear stays in the records, and images stay for the next start.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use berth_core::node::{ContainerPhase, ContainerRecord, Phase, TaskRecord};

use crate::cgroups::{CgroupError, Cgroups, Removal};
use crate::config::Cleaned;
use crate::net::{self, Network, Removed};
use crate::ops::Machine;
use crate::places::Places;
use crate::records::Records;
use crate::runtime::{ContainerdConfig, clean_up};

/// How often control groups are tried: processes that were killed take a moment to be gone.
const CGROUP_TRIES: u32 = 50;
const CGROUP_PAUSE: Duration = Duration::from_millis(100);

/// Takes everything away, by the adapters of the agent that ran just now, or else from outside. `cleaned` is what was there
/// before anything was stopped.
pub(crate) async fn sweep(
    places: &Places,
    machine: Option<&Machine>,
    (containerd, network): (&ContainerdConfig, &net::Config),
    mut cleaned: Cleaned,
) -> Cleaned {
    let stopped = match machine {
        Some(machine) => machine.containerd.shut_down().await,
        None => clean_up(containerd).await,
    };
    cleaned.note("containers", stopped);
    let removed = match machine {
        Some(machine) => machine.network.clone().remove_all().await,
        None => Network::sweep(network.clone()).await,
    };
    let removed: Removed = cleaned.note("networks", removed).unwrap_or_default();
    cleaned.failures.extend(removed.failures);
    let groups = remove_cgroups(places).await;
    cleaned.note("control groups", groups);
    let directories = [
        places.logs_dir(),
        places.containers_dir(),
        places.volumes_dir(),
        places.run_dir(),
    ];
    for directory in directories {
        let removed = remove_dir(&directory);
        cleaned.note(&directory.display().to_string(), removed);
    }
    if let Some(parent) = places.run_dir().parent() {
        let _ = fs::remove_dir(parent); // another Berth may use it
    }
    let forgotten = forget_boot(places);
    cleaned.note("records", forgotten);
    cleaned
}

impl Cleaned {
    /// What the records say to be on the machine.
    pub(crate) fn of<'a>(tasks: impl Iterator<Item = &'a TaskRecord>) -> Self {
        let is_there = |phase: Phase| !matches!(phase, Phase::Absent | Phase::Gone);
        let mut there = Self::default();
        for task in tasks {
            let started = |c: &&ContainerRecord| c.started_at.is_some() && c.phase != ContainerPhase::Removed;
            there.containers += task.containers.iter().filter(started).count();
            let networks = task
                .containers
                .iter()
                .filter_map(|container| container.bridge)
                .chain(task.network);
            there.networks += networks.filter(|phase| is_there(*phase)).count();
        }
        there
    }

    /// The result, or nothing with the failure noted.
    fn note<T, E: std::fmt::Display>(&mut self, what: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| self.failures.push(format!("{what}: {error}")))
            .ok()
    }
}

async fn remove_cgroups(places: &Places) -> Result<(), String> {
    let text = |error: CgroupError| error.to_string();
    let cgroups = Cgroups::detect().map_err(text)?;
    let mut left = Vec::new();
    for _ in 0..CGROUP_TRIES {
        match cgroups.remove(&places.cgroup_root()).map_err(text)? {
            Removal::Removed | Removal::Absent => return Ok(()),
            Removal::Busy { pids } => left = pids,
        }
        tokio::time::sleep(CGROUP_PAUSE).await;
    }
    Err(format!("processes are still in them: {left:?}"))
}

fn remove_dir(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// For the records it is now as after a restart of the machine: nothing of them is left.
fn forget_boot(places: &Places) -> Result<(), crate::records::RecordError> {
    let records = Records::open(places)?;
    if let Some(mut identity) = records.identity()? {
        identity.boot_id = None;
        records.save_identity(&identity)?;
    }
    Ok(())
}
