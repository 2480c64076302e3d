//! Starts that were broken off, by a kill of the agent or by impatience with a shim: the next one makes the container
//! anew, and its program runs once.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use berth_agent::runtime::{ContainerStatus, Containerd};
use containerd_client::services::v1::CreateTaskRequest;
use containerd_client::services::v1::snapshots::MountsRequest;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::tonic::Request;
use nix::libc::O_NONBLOCK;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::image::busybox_layer;
use crate::sandbox::Sandbox;

fn runc_state(sandbox: &Sandbox, id: &str) -> PathBuf {
    Path::new("/run/containerd/runc")
        .join(&sandbox.config.namespace)
        .join(id)
}

#[tokio::test]
async fn a_start_that_was_broken_off_can_be_repeated_at_once() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    for patience_ms in (4..60).step_by(12) {
        let id = format!("c{patience_ms}");
        let spec = sandbox.script(&id, &image, "exit 3");
        sandbox.containerd.create(&spec).await.unwrap();
        // An agent that is killed breaks its calls off wherever they are.
        let broken_off = timeout(Duration::from_millis(patience_ms), sandbox.containerd.start(&id)).await;
        let again = Containerd::connect_or_start(&sandbox.config).await.unwrap();
        if let Err(error) = again.start(&id).await {
            panic!("after {patience_ms} ms ({broken_off:?}): {error}");
        }
        assert_eq!(again.wait(&id).await.unwrap().code, 3);
        again.delete(&id).await.unwrap();
    }
}

/// Makes the container's task and executes nothing, as an agent that is killed between the two.
async fn make_task(sandbox: &Sandbox, id: &str) -> Pid {
    fn of_namespace<T>(sandbox: &Sandbox, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let namespace = sandbox.config.namespace.parse().unwrap();
        request.metadata_mut().insert("containerd-namespace", namespace);
        request
    }
    let channel = containerd_client::connect(sandbox.containerd.socket()).await.unwrap();
    let mounts = MountsRequest {
        snapshotter: "overlayfs".to_owned(),
        key: id.to_owned(),
    };
    let mut snapshots = SnapshotsClient::new(channel.clone());
    let mounts = snapshots.mounts(of_namespace(sandbox, mounts)).await.unwrap();
    let output = format!("file://{}", sandbox.output_path(id).display());
    let task = CreateTaskRequest {
        container_id: id.to_owned(),
        rootfs: mounts.into_inner().mounts,
        stdout: output.clone(),
        stderr: output,
        ..CreateTaskRequest::default()
    };
    let mut tasks = TasksClient::new(channel);
    let made = tasks.create(of_namespace(sandbox, task)).await.unwrap();
    Pid::from_raw(made.into_inner().pid.cast_signed())
}

/// runc's init opens its FIFO for writing, which ends when somebody opens it for reading. Lets it come so far and no
/// farther: the reader is gone before init can write.
fn break_off(init: Pid, fifo: &Path) {
    let opens = format!("{} ", nix::libc::SYS_openat);
    let is_in_open = |thread: &Path| {
        let read = |file| fs::read_to_string(thread.join(file)).unwrap_or_default();
        let waits = read("stat")
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('S'));
        waits && read("syscall").starts_with(&opens)
    };
    let find = || {
        let threads = fs::read_dir(format!("/proc/{init}/task")).unwrap().flatten();
        let mut paths = threads.map(|thread| thread.path());
        paths.find(|path| is_in_open(path))
    };
    let writer = loop {
        if let Some(path) = find() {
            break path;
        }
    };
    let thread = Pid::from_raw(writer.file_name().unwrap().to_str().unwrap().parse().unwrap());

    // Held at the beginning and at the end of each call into the kernel. Being stopped, it calls again.
    ptrace::seize(thread, Options::PTRACE_O_TRACESYSGOOD).unwrap();
    ptrace::interrupt(thread).unwrap();
    wait_stopped(thread);
    let reader = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(fifo)
        .unwrap();
    let mut of_open = 0;
    while of_open < 2 {
        ptrace::syscall(thread, None).unwrap();
        let at_call = matches!(wait_stopped(thread), WaitStatus::PtraceSyscall(_));
        let call = fs::read_to_string(writer.join("syscall")).unwrap();
        of_open += u32::from(at_call && call.starts_with(&opens));
    }
    drop(reader);
    ptrace::detach(thread, None).unwrap();
}

fn wait_stopped(thread: Pid) -> WaitStatus {
    waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap()
}

#[tokio::test]
async fn a_container_that_ended_before_its_program_was_executed_is_made_anew() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let spec = sandbox.script("c1", &image, "echo once; exit 3");
    sandbox.containerd.create(&spec).await.unwrap();
    let init = make_task(&sandbox, "c1").await;
    // Who starts it opens runc's FIFO, and is killed before it has read what the container writes.
    let fifo = runc_state(&sandbox, "c1").join("exec.fifo");
    tokio::task::spawn_blocking(move || break_off(init, &fifo))
        .await
        .unwrap();
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 1);
    assert_eq!(
        sandbox.containerd.list().await.unwrap()[0].status,
        ContainerStatus::Created
    );

    sandbox.containerd.start("c1").await.unwrap();
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 3);
    let times = || sandbox.output("c1").lines().filter(|line| *line == "once").count();
    assert_eq!(times(), 1);
    // Once its program was executed, it is never started again.
    sandbox.containerd.start("c1").await.unwrap();
    assert!(matches!(
        sandbox.containerd.list().await.unwrap()[0].status,
        ContainerStatus::Stopped(_)
    ));
    assert_eq!(times(), 1);
    sandbox.containerd.delete("c1").await.unwrap();
}

/// Has runc make a container of this id that nobody knows of: what a shim leaves that was ended in the middle of it.
fn leave_runc_state(sandbox: &Sandbox, id: &str) {
    let bundle = sandbox.config.data_dir.join("bundle");
    fs::create_dir_all(bundle.join("rootfs")).unwrap();
    let layer = bundle.join("layer.tar");
    fs::write(&layer, busybox_layer()).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&bundle)
            .stdin(std::process::Stdio::null());
        assert!(command.status().unwrap().success(), "{program} {arguments:?}");
    };
    run("tar", &["-xf", "layer.tar", "-C", "rootfs"]);
    run("runc", &["spec"]);
    let path = bundle.join("config.json");
    let mut spec: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    spec["process"]["terminal"] = json!(false);
    spec["process"]["args"] = json!(["/bin/sh", "-c", "sleep 1000"]);
    spec["linux"]["cgroupsPath"] = json!(sandbox.cgroup(id).to_oci());
    fs::write(&path, spec.to_string()).unwrap();
    let root = runc_state(sandbox, id);
    let root = root.parent().unwrap().to_str().unwrap();
    run("runc", &["--root", root, "create", "--no-pivot", id]);
}

#[tokio::test]
async fn what_runc_has_of_a_container_without_a_task_is_cleared_away() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    leave_runc_state(&sandbox, "c1");
    let spec = sandbox.script("c1", &image, "echo once; exit 3");
    sandbox.run(&spec).await;
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 3);
    assert_eq!(sandbox.output("c1"), "once\n");
    sandbox.containerd.delete("c1").await.unwrap();
}

/// The shims of a container that live, by their arguments.
fn shims_of(sandbox: &Sandbox, id: &str) -> Vec<Pid> {
    let socket = sandbox.containerd.socket().display().to_string();
    let is_it = |process: &Path| {
        let command_line = fs::read(process.join("cmdline")).unwrap_or_default();
        let text = String::from_utf8_lossy(&command_line).into_owned();
        let words: Vec<&str> = text.split('\0').collect();
        words[0].contains("containerd-shim") && words.contains(&socket.as_str()) && words.contains(&id)
    };
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let found = entries.filter(|path| is_it(path));
    found
        .filter_map(|path| path.file_name()?.to_str()?.parse().ok().map(Pid::from_raw))
        .collect()
}

/// A shim that is slow at some moment of the start, for longer than anybody has patience with it.
#[tokio::test]
async fn a_shim_that_is_slow_leaves_no_container_without_a_task() {
    let (mut sandbox, image) = Sandbox::with_busybox().await;
    sandbox.config.shim_patience = Duration::from_millis(400);
    let containerd = Containerd::connect_or_start(&sandbox.config).await.unwrap();
    let mut replaced = 0;
    for delay_ms in (0..80).step_by(10) {
        let id = format!("c{delay_ms}");
        containerd
            .create(&sandbox.script(&id, &image, "echo once; exec sleep 1000"))
            .await
            .unwrap();
        let starting = tokio::spawn({
            let (containerd, id) = (containerd.clone(), id.clone());
            async move { containerd.start(&id).await }
        });
        let mut shims = shims_of(&sandbox, &id);
        while shims.is_empty() && !starting.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            shims = shims_of(&sandbox, &id);
        }
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        for shim in &shims {
            let _ = kill(*shim, Signal::SIGSTOP); // it may have been one that only starts another
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        for shim in &shims {
            let _ = kill(*shim, Signal::SIGCONT); // it may have been replaced
        }
        let pid = starting
            .await
            .unwrap()
            .unwrap_or_else(|error| panic!("after {delay_ms} ms: {error}"));
        let listed = containerd.list().await.unwrap();
        let own = listed.iter().find(|info| info.id == id).unwrap();
        assert_eq!(own.status, ContainerStatus::Running { pid }, "after {delay_ms} ms");
        assert_eq!(sandbox.processes_of(&id), [pid], "after {delay_ms} ms");
        replaced += shims_of(&sandbox, &id)
            .iter()
            .filter(|shim| !shims.contains(shim))
            .count();
        containerd.destroy(&id).await.unwrap();
        assert!(!runc_state(&sandbox, &id).exists());
    }
    assert!(replaced > 0, "nobody ever lost patience: this has tested nothing");
}
