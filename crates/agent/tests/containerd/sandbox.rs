//! A place for one test: a data directory with its own containerd, a control group, and the
//! promise that nothing of it stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use berth_agent::cgroups::{Cgroups, GroupPath, Layout};
use berth_agent::images::{Images, PulledImage};
use berth_agent::runtime::{
    Confinement, ContainerEdits, ContainerSpec, Containerd, ContainerdConfig, NetworkNamespace, ProcessOverrides,
    Resources, SocketChoice, Stdio, resolve_process, stop_private,
};
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::image::busybox_image;
use crate::registry::Registry;

pub(crate) struct Sandbox {
    pub(crate) config: ContainerdConfig,
    pub(crate) containerd: Containerd,
    pub(crate) images: Images,
    group: GroupPath,
    dir: Option<TempDir>,
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
        assert!(
            Uid::effective().is_root(),
            "these tests start containers: run them as root"
        );
        let dir = tempfile::Builder::new().prefix("berth-").tempdir().unwrap();
        let mut config = ContainerdConfig::new(dir.path());
        config.socket = SocketChoice::Private;
        let containerd = Containerd::connect_or_start(&config)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            images: Images::new(containerd.clone(), Vec::new()).unwrap(),
            group: GroupPath::new(config.namespace.clone()).unwrap(),
            config,
            containerd,
            dir: Some(dir),
        }
    }

    /// With busybox pulled.
    pub(crate) async fn with_busybox() -> (Self, PulledImage) {
        let sandbox = Self::start().await;
        let registry = Registry::start().await;
        registry.push("busybox", "1", &busybox_image());
        let image = sandbox.images.pull(&registry.name("busybox:1")).await.unwrap();
        (sandbox, image)
    }

    /// A container that runs a shell script and writes what it says to a file.
    pub(crate) fn script(&self, id: &str, image: &PulledImage, script: &str) -> ContainerSpec {
        let overrides = ProcessOverrides {
            entry_point: vec!["/bin/sh".to_owned(), "-c".to_owned()],
            command: vec![script.to_owned()],
            ..ProcessOverrides::default()
        };
        ContainerSpec {
            id: id.to_owned(),
            image: image.root_image(),
            process: resolve_process(&image.config, &overrides).unwrap(),
            hostname: None,
            network: NetworkNamespace::New,
            mounts: Vec::new(),
            resources: Resources::default(),
            edits: ContainerEdits::default(),
            rlimits: Vec::new(),
            confinement: Confinement::default(),
            cgroup: self.cgroup(id),
            stdio: Stdio::Log(format!("file://{}", self.output_path(id).display())),
            shim_group: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    pub(crate) async fn run(&self, spec: &ContainerSpec) -> u32 {
        self.containerd.create(spec).await.unwrap();
        self.containerd.start(&spec.id).await.unwrap()
    }

    /// What a finished container said.
    pub(crate) fn output(&self, id: &str) -> String {
        fs::read_to_string(self.output_path(id)).unwrap()
    }

    pub(crate) fn output_path(&self, id: &str) -> PathBuf {
        self.config.data_dir.join(format!("{id}.log"))
    }

    /// The control group of a container that [`Sandbox::script`] describes.
    pub(crate) fn cgroup(&self, id: &str) -> GroupPath {
        self.group.join(id).unwrap()
    }

    /// The processes in the control group of a container.
    pub(crate) fn processes_of(&self, id: &str) -> Vec<u32> {
        let tree = match Cgroups::detect().unwrap().layout() {
            Layout::V1 { mounts, .. } => mounts["memory"].clone(),
            Layout::V2 { mount } => mount.clone(),
        };
        let group = self.cgroup(id).to_oci();
        let text = fs::read_to_string(tree.join(group.trim_start_matches('/')).join("cgroup.procs"));
        text.unwrap_or_default()
            .lines()
            .map(|line| line.parse().unwrap())
            .collect()
    }

    pub(crate) fn daemon_pid(&self) -> i32 {
        let pid = fs::read_to_string(self.config.data_dir.join("containerd/containerd.pid")).unwrap();
        pid.trim().parse().unwrap()
    }

    /// Mounts, and processes that name our directory in their arguments.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut found = leftovers(&self.config.data_dir);
        let runc_state = Path::new("/run/containerd/runc").join(&self.config.namespace);
        found.extend(runc_state.exists().then(|| runc_state.display().to_string()));
        found
    }
}

fn leftovers(data_dir: &Path) -> Vec<String> {
    let dir = data_dir.display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut found: Vec<String> = mounts
        .lines()
        .filter(|line| line.contains(&dir))
        .map(str::to_owned)
        .collect();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
        if command_line.contains(&dir) {
            found.push(command_line);
        }
    }
    found
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let config = self.config.clone();
        // Also when the test panicked, and whatever runtime it used.
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime
                .block_on(stop_private(&config))
                .map_err(|error| error.to_string())
        });
        let stopped = stopped.join().expect("stopping does not panic");
        let left = self.leftovers();
        drop(self.dir.take());
        let removed = Cgroups::detect()
            .unwrap()
            .remove(&self.group)
            .map_err(|error| error.to_string());
        if !std::thread::panicking() {
            stopped.unwrap();
            removed.unwrap();
            assert!(left.is_empty(), "{left:#?}");
        }
    }
}
