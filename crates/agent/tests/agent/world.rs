//! One test's machine: a control plane, a registry, a data directory, an agent, and the promise that nothing of it stays.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::control::{Control, arn};
use crate::image::busybox_image;
use crate::process::{Agent, config};
use crate::registry::Registry;

pub(crate) const LOG_GROUP: &str = "/test";

pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) registry: Registry,
    dir: Option<TempDir>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let registry = Registry::start().await;
        registry.push("busybox", "1", &busybox_image());
        Self {
            control: Control::start().await,
            registry,
            dir: Some(tempfile::Builder::new().prefix("berth-").tempdir().unwrap()),
        }
    }

    /// With an agent that has joined.
    pub(crate) async fn with_agent() -> (Self, Agent) {
        let world = Self::new().await;
        let agent = world.start_agent();
        world.control.wait_connected().await;
        (world, agent)
    }

    pub(crate) fn start_agent(&self) -> Agent {
        Agent::start(&self.control.endpoint(), self.data_dir())
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    /// `berth down` without an agent.
    pub(crate) async fn clean(&self) -> berth_agent::Cleaned {
        let config = config(&self.control.endpoint(), self.data_dir());
        berth_agent::clean(config).await.unwrap()
    }

    /// A container that runs a shell script, with its output among the logs.
    pub(crate) fn script(&self, name: &str, script: &str) -> Value {
        let options = json!({
            "awslogs-group": LOG_GROUP, "awslogs-stream-prefix": "p", "awslogs-create-group": "true",
        });
        json!({
            "name": name,
            "containerArn": format!("{}/99999999-2222-4333-8444-555555555555", arn("container")),
            "image": self.registry.name("busybox:1"),
            "essential": true,
            "entryPoint": ["/bin/sh", "-c"],
            "command": [script],
            "memory": 64,
            "stopTimeout": 2,
            "berth": { "logConfiguration": { "logDriver": "awslogs", "options": options } },
        })
    }

    /// The lines of a container so far.
    pub(crate) fn lines(&self, task: &str, container: &str) -> Vec<String> {
        let stream = (LOG_GROUP.to_owned(), format!("p/{container}/{task}"));
        self.control.heard().logs.get(&stream).cloned().unwrap_or_default()
    }

    /// Waits until a container has said a line, and answers it.
    pub(crate) async fn wait_line(&self, task: &str, container: &str) -> String {
        let stream = (LOG_GROUP.to_owned(), format!("p/{container}/{task}"));
        let line = move |heard: &crate::control::Heard| heard.logs.get(&stream)?.first().cloned();
        self.control.wait_for("a line", line).await
    }

    /// What the machine still has of this agent: mounts, processes, namespaces, links, tables, control groups.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let dir = self.data_dir().display().to_string();
        let suffix = berth_agent::runtime::namespace_of(self.data_dir());
        let suffix = suffix.trim_start_matches("berth-");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let own_mounts = mounts
            .lines()
            .filter(|line| line.contains(&dir) || line.contains(suffix));
        let mut found: Vec<String> = own_mounts.map(str::to_owned).collect();
        found.extend(processes(&dir));
        let run = Path::new("/run/berth").join(suffix);
        found.extend(run.exists().then(|| run.display().to_string()));
        let tables = std::process::Command::new("nft")
            .args(["list", "tables"])
            .output()
            .unwrap();
        let tables = String::from_utf8(tables.stdout).unwrap();
        found.extend(tables.lines().filter(|line| line.contains(suffix)).map(str::to_owned));
        found.extend(cgroups(Path::new("/sys/fs/cgroup"), suffix, 3));
        found
    }
}

/// Processes that name the directory in their arguments.
fn processes(dir: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let command_lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let command_lines = command_lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    command_lines.filter(|line| line.contains(dir)).collect()
}

fn cgroups(directory: &Path, suffix: &str, depth: u32) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut found = Vec::new();
    for path in directories.map(|entry| entry.path()) {
        if path.file_name().unwrap().to_string_lossy().contains(suffix) {
            found.push(path.display().to_string());
        } else if depth > 1 {
            found.extend(cgroups(&path, suffix, depth - 1));
        }
    }
    found
}

impl Drop for World {
    fn drop(&mut self) {
        let config = config(&self.control.endpoint(), self.data_dir());
        // Also when the test panicked.
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime
                .block_on(berth_agent::clean(config))
                .map_err(|error| error.to_string())
        });
        let cleaned = cleaned.join().unwrap();
        let left = self.leftovers();
        drop(self.dir.take());
        if !std::thread::panicking() {
            let cleaned = cleaned.unwrap();
            assert!(cleaned.failures.is_empty(), "{cleaned:?}");
            assert!(left.is_empty(), "{left:#?}");
        }
    }
}

/// A task with one or more containers.
pub(crate) fn task(id: &str, mode: &str, containers: &[Value]) -> Value {
    json!({
        "arn": arn(id), "desiredStatus": "RUNNING", "family": "f", "version": "1", "launchType": "EC2",
        "networkMode": mode, "containers": containers,
    })
}

/// The id of the task with this number.
pub(crate) fn id(number: u8) -> String {
    format!("{number:032x}")
}

/// The process that runs this script in a container.
pub(crate) fn process_of(script: &str) -> i32 {
    let is_it = |path: &PathBuf| {
        let command_line = fs::read(path.join("cmdline")).unwrap_or_default();
        command_line.starts_with(b"/bin/sh\0-c\0") && String::from_utf8_lossy(&command_line).contains(script)
    };
    let mut paths = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let path = paths.find(is_it).expect("the container runs");
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}
