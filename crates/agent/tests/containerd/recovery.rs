//! Nothing is lost when containerd or the agent dies.

use std::fs;

use berth_agent::images::Images;
use berth_agent::runtime::{
    ContainerStatus, Containerd, ContainerdConfig, RuntimeError, SocketChoice, clean_up, stop_private,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::image::busybox_image;
use crate::registry::Registry;
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
    clean_up(&sandbox.config).await.unwrap();
    assert!(sandbox.leftovers().is_empty(), "{:#?}", sandbox.leftovers());
}

#[tokio::test]
async fn stopping_leaves_nothing_even_when_containerd_is_dead() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let pid = sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    kill_9(sandbox.daemon_pid());
    stop_private(&sandbox.config).await.unwrap();
    assert!(sandbox.leftovers().is_empty(), "{:#?}", sandbox.leftovers());
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(
        stat.is_empty() || stat.contains(") Z "),
        "gone, whether or not somebody has noticed: {stat}"
    );
    stop_private(&sandbox.config).await.unwrap();
}

#[tokio::test]
async fn a_shut_down_is_final_for_those_who_wait() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    let (waited, stopped) = tokio::join!(sandbox.containerd.wait("c1"), sandbox.containerd.shut_down());
    stopped.unwrap();
    // It either saw the end or the connection's.
    assert!(waited.map_or(true, |exit| exit.code == 137));
    assert!(matches!(
        sandbox.containerd.wait("c1").await,
        Err(RuntimeError::Unavailable { .. })
    ));
    assert!(sandbox.leftovers().is_empty(), "{:#?}", sandbox.leftovers());
}

#[tokio::test]
async fn stopping_leaves_nothing_even_when_containerd_cannot_be_started_again() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    sandbox.run(&sandbox.script("c1", &image, "sleep 1000")).await;
    kill_9(sandbox.daemon_pid());
    let socket = sandbox.containerd.socket();
    fs::remove_file(&socket).unwrap();
    fs::create_dir_all(socket.join("in-the-way")).unwrap();

    let error = sandbox.containerd.list().await.unwrap_err().to_string();
    assert!(
        error.contains("the private containerd did not start: it ended with exit status: 1"),
        "{error}"
    );
    stop_private(&sandbox.config).await.unwrap();
    assert!(sandbox.leftovers().is_empty(), "{:#?}", sandbox.leftovers());
}

#[tokio::test]
async fn two_data_directories_share_the_host_s_containerd_without_seeing_each_other() {
    let (host, image) = Sandbox::with_busybox().await;
    host.run(&host.script("c1", &image, "sleep 1000")).await;
    let dir = tempfile::tempdir().unwrap();
    let mut config = ContainerdConfig::new(dir.path());
    config.socket = SocketChoice::Host(host.containerd.socket());
    Containerd::connect_or_start(&config).await.unwrap();
    config.socket = SocketChoice::Auto;
    let guest = Containerd::connect_or_start(&config).await.unwrap();
    assert_eq!(
        guest.socket(),
        host.containerd.socket(),
        "the first choice is remembered"
    );
    assert!(!guest.is_private() && host.containerd.is_private());
    assert!(guest.list().await.unwrap().is_empty());

    let registry = Registry::start().await;
    registry.push("busybox", "1", &busybox_image());
    let images = Images::new(guest.clone(), Vec::new()).unwrap();
    let own = images.pull(&registry.name("busybox:1")).await.unwrap();
    let mut spec = host.script("guest", &own, "sleep 1000");
    spec.id = "c1".to_owned();
    guest.create(&spec).await.unwrap();
    guest.start("c1").await.unwrap();

    clean_up(&config).await.unwrap();
    assert!(guest.list().await.unwrap().is_empty());
    assert!(matches!(
        host.containerd.list().await.unwrap()[0].status,
        ContainerStatus::Running { .. }
    ));
}
