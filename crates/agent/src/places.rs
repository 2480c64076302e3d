//! Where one agent keeps what: its files in the data directory, and the names of what it puts into the kernel and into
//! containerd. All of them follow from the data directory, so that two Berths on one machine never meet.
//!
//! ```text
//! <data dir>/agent/
//!   agent.lock            held while an agent runs
//!   instance.json         who this machine is to the control plane
//!   metadata.key          the secret behind the ids of the task metadata endpoint
//!   node.json             the brain's record about itself
//!   tasks/<id>.json       the brain's record of each task
//!   logs/<runtime id>/    output on its way to the control plane
//!   volumes/tasks/<id>/<name>/_data   a volume of a task
//!   volumes/shared/<name>/_data       a volume that tasks share
//!   containers/<id>/      hosts, hostname and resolv.conf of a container
//!   containerd/           a private containerd
//! /run/berth/<suffix>/netns/<id>
//! ```

use std::io;
use std::path::{Path, PathBuf};

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::names::Name;
use berth_core::node::RuntimeId;
use sha2::{Digest as _, Sha256};

use crate::cgroups::GroupPath;
use crate::runtime::namespace_of;

/// A file system that a restart of the machine empties, as it does network namespaces.
const RUN_DIR: &str = "/run/berth";
/// The suffix of the default data directory.
const DEFAULT_SUFFIX: &str = "default";

/// The places of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// `<data dir>/agent`.
    pub(crate) agent_dir: PathBuf,
    /// The namespace in containerd and the root of the control groups: `berth` or `berth-<suffix>`.
    pub(crate) namespace: String,
    /// Tells several Berths on one machine apart.
    pub(crate) suffix: String,
}

impl Places {
    /// # Errors
    /// If the path is empty.
    pub(crate) fn new(data_dir: &Path) -> io::Result<Self> {
        let data_dir = std::path::absolute(data_dir)?;
        let namespace = namespace_of(&data_dir);
        let suffix = namespace.strip_prefix("berth-").unwrap_or(DEFAULT_SUFFIX).to_owned();
        Ok(Self {
            agent_dir: data_dir.join("agent"),
            namespace,
            suffix,
        })
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.agent_dir.join("agent.lock")
    }

    pub(crate) fn instance_file(&self) -> PathBuf {
        self.agent_dir.join("instance.json")
    }

    pub(crate) fn metadata_secret(&self) -> PathBuf {
        self.agent_dir.join("metadata.key")
    }

    pub(crate) fn logs_dir(&self) -> PathBuf {
        self.agent_dir.join("logs")
    }

    pub(crate) fn spool(&self, container: &RuntimeId) -> PathBuf {
        self.logs_dir().join(container.0.as_str())
    }

    pub(crate) fn containers_dir(&self) -> PathBuf {
        self.agent_dir.join("containers")
    }

    pub(crate) fn container_dir(&self, container: &RuntimeId) -> PathBuf {
        self.containers_dir().join(container.0.as_str())
    }

    /// The volumes that are tasks' own.
    pub(crate) fn tasks_volumes(&self) -> PathBuf {
        self.volumes_dir().join("tasks")
    }

    /// The volumes that are the own ones of the task with this id.
    pub(crate) fn task_volumes(&self, task: &str) -> PathBuf {
        self.tasks_volumes().join(task)
    }

    /// The volumes in which tasks meet.
    pub(crate) fn shared_volumes(&self) -> PathBuf {
        self.volumes_dir().join("shared")
    }

    pub(crate) fn volumes_dir(&self) -> PathBuf {
        self.agent_dir.join("volumes")
    }

    /// What of this agent is under /run.
    pub(crate) fn run_dir(&self) -> PathBuf {
        Path::new(RUN_DIR).join(&self.suffix)
    }

    pub(crate) fn netns_dir(&self) -> PathBuf {
        self.run_dir().join("netns")
    }

    /// The control group above all others.
    pub(crate) fn cgroup_root(&self) -> GroupPath {
        GroupPath::new(self.namespace.clone()).expect("a namespace is a plain name")
    }

    pub(crate) fn cgroup(&self, task: &TaskKey) -> GroupPath {
        let root = self.cgroup_root();
        root.join(&task.id.to_string()).expect("a task's id is a plain name")
    }
}

/// The name of the network namespace that a task's containers share.
pub(crate) fn task_netns(task: &TaskKey) -> String {
    task.id.to_string()
}

/// The name of the network namespace that a container has for itself on the bridge. Containers' names may be longer than
/// those of namespaces.
pub(crate) fn container_netns(task: &TaskKey, container: &Name) -> String {
    let digest = Sha256::digest(container.as_str().as_bytes());
    format!("{}-{}", task.id, hex::encode(&digest[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_data_directories_share_nothing() {
        let (one, two) = (
            Places::new(Path::new("/a")).unwrap(),
            Places::new(Path::new("/b")).unwrap(),
        );
        assert_ne!(one.namespace, two.namespace);
        assert_ne!(one.run_dir(), two.run_dir());
        let default = Places::new(Path::new("/var/lib/berth")).unwrap();
        assert_eq!(
            (default.namespace.as_str(), default.suffix.as_str()),
            ("berth", "default")
        );
    }
}
