//! Programs that run beside the process of a container, and containers that are started again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use berth_agent::runtime::{ContainerStatus, Executed};

use crate::sandbox::Sandbox;

const LIMIT: Duration = Duration::from_secs(60);

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn script(text: &str) -> Vec<String> {
    ["/bin/sh", "-c", text].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_program_runs_as_the_container_does() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let mut spec = sandbox.script("c1", &image, "sleep 1000");
    spec.process.user = "app".to_owned();
    spec.process.env.push("SAID=hello there".to_owned());
    sandbox.run(&spec).await;
    let directory = sandbox.config.data_dir.clone();
    let run = async |args: Vec<String>| {
        let executed = sandbox.containerd.execute("c1", &args, LIMIT, &directory).await;
        executed.map_err(|error| error.to_string())
    };
    let ended = |code, output: &str| {
        let output = output.to_owned();
        Ok(Executed::Ended { code, output })
    };
    let said = run(script("id -un; echo $SAID; exit 3")).await;
    assert_eq!(said, ended(3, "app\nhello there\n"));
    assert_eq!(run(script("echo trouble >&2")).await, ended(0, "trouble\n"));
    assert_eq!(run(words("sleep 0")).await, ended(0, ""));
    let error = run(words("no-such-program")).await.unwrap_err();
    assert!(error.contains("no-such-program"), "{error}");
    // Writing much makes nobody wait, and the beginning is kept.
    let much = run(script("yes | head -c 1000000")).await;
    assert_eq!(much, ended(0, &"y\n".repeat(2048)));
    // What is left running does not hold the answer up for long.
    assert_eq!(run(script("sleep 300 & echo done")).await, ended(0, "done\n"));
    let left = fs::read_dir(&directory).unwrap().flatten();
    let left: Vec<_> = left
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("probe-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    let limit = Duration::from_millis(300);
    let args = words("sleep 12345");
    let begun = Instant::now();
    let executed = sandbox
        .containerd
        .execute("c1", &args, limit, &sandbox.config.data_dir)
        .await;
    assert_eq!(executed.unwrap(), Executed::TooLong);
    assert!(begun.elapsed() >= limit);
    let sleeps = |entry: fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line == b"sleep\x0012345\0"
    };
    assert!(!fs::read_dir("/proc").unwrap().flatten().any(sleeps), "it still runs");
    assert!(Path::new(&format!("/proc/{pid}")).exists(), "the container runs on");
}

#[tokio::test]
async fn a_container_that_has_ended_is_started_again_once_for_each_time() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let count = "echo x >> /count; wc -l < /count; exit $(wc -l < /count)";
    sandbox.run(&sandbox.script("c1", &image, count)).await;
    assert_eq!(containerd.wait("c1").await.unwrap().code, 1);
    for attempt in 0..2 {
        containerd.renew("c1", "berth.restarts", 1).await.unwrap();
        containerd.start("c1").await.unwrap();
        let code = containerd.wait("c1").await.unwrap().code;
        assert_eq!(code, 2, "attempt {attempt}: it keeps its files, and runs no third time");
    }
    let listed = containerd.list().await.unwrap();
    assert_eq!(listed[0].labels["berth.restarts"], "1");
    assert!(matches!(listed[0].status, ContainerStatus::Stopped(exit) if exit.code == 2));

    containerd.renew("c1", "berth.restarts", 2).await.unwrap();
    let listed = containerd.list().await.unwrap();
    assert_eq!(listed[0].status, ContainerStatus::Created, "the last end is forgotten");
    containerd.start("c1").await.unwrap();
    assert_eq!(containerd.wait("c1").await.unwrap().code, 3);
    assert_eq!(sandbox.output("c1"), "1\n2\n3\n");
}

#[tokio::test]
async fn what_runs_is_not_started_again() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    let error = containerd.renew("c1", "berth.restarts", 1).await.unwrap_err();
    assert!(error.to_string().contains("still running"), "{error}");
    assert_eq!(containerd.start("c1").await.unwrap(), pid);
}

/// As when the agent is killed: nobody reads the program's output any more, and nobody waits for its end.
#[tokio::test]
async fn a_program_that_is_left_alone_is_in_nobody_s_way() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = sandbox.containerd.clone();
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    let directory = sandbox.config.data_dir.clone();
    let left = tokio::spawn(async move { containerd.execute("c1", &script("yes"), LIMIT, &directory).await });
    let namespace = fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap();
    let runs = |entry: fs::DirEntry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.ends_with(b"yes\0") && fs::read_link(entry.path().join("ns/pid")).is_ok_and(|other| other == namespace)
    };
    while !fs::read_dir("/proc").unwrap().flatten().any(runs) {
        assert!(!left.is_finished());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    left.abort();
    let (args, directory) = (script("echo well"), &sandbox.config.data_dir);
    let executed = sandbox.containerd.execute("c1", &args, LIMIT, directory).await;
    let output = "well\n".to_owned();
    assert_eq!(executed.unwrap(), Executed::Ended { code: 0, output });
    sandbox.containerd.destroy("c1").await.unwrap();
    assert!(sandbox.containerd.list().await.unwrap().is_empty());
}
