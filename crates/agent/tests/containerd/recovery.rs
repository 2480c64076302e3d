//! Nothing is lost when containerd or the agent dies.

use std::path::Path;

use berth_agent::runtime::{ContainerStatus, Containerd, stop_private};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sandbox::Sandbox;

fn kill_9(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn containers_survive_a_killed_containerd_and_their_ends_are_known() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let goes_on = sandbox.run(&sandbox.script("goes-on", &image, "sleep 1000")).await;
    let ends = sandbox.run(&sandbox.script("ends", &image, "sleep 1000")).await;
    let waiting = tokio::spawn({
        let containerd = containerd.clone();
        async move { containerd.wait("goes-on").await }
    });

    let daemon = sandbox.daemon_pid();
    kill_9(daemon);
    kill_9(ends.cast_signed());
    // Any call brings containerd back, and what ended meanwhile is told.
    assert_eq!(containerd.wait("ends").await.unwrap().code, 137);
    assert_ne!(sandbox.daemon_pid(), daemon);
    let listed = containerd.list().await.unwrap();
    assert_eq!(listed[1].status, ContainerStatus::Running { pid: goes_on });
    assert!(!waiting.is_finished());

    // Also in the middle of everything else.
    kill_9(sandbox.daemon_pid());
    sandbox.run(&sandbox.script("new", &image, "exit 5")).await;
    assert_eq!(containerd.wait("new").await.unwrap().code, 5);
    containerd.kill("goes-on", 9, true).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().code, 137);
}

#[tokio::test]
async fn a_restarted_agent_finds_its_containers_again() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    let daemon = sandbox.daemon_pid();
    let again = Containerd::connect_or_start(&sandbox.config).await.unwrap();
    assert_eq!(sandbox.daemon_pid(), daemon, "the running containerd is used again");
    assert_eq!(again.list().await.unwrap()[0].status, ContainerStatus::Running { pid });
    assert_eq!(again.start("c1").await.unwrap(), pid);
}

#[tokio::test]
async fn stopping_leaves_nothing_even_when_containerd_is_dead() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    kill_9(sandbox.daemon_pid());
    stop_private(&sandbox.config).await.unwrap();
    assert!(sandbox.leftovers().is_empty(), "{:#?}", sandbox.leftovers());
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    stop_private(&sandbox.config).await.unwrap();
}
