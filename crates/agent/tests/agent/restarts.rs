//! Nothing is lost when the agent, the control plane or both die, and nothing stays when they end.

use std::fs;
use std::process::Command;

use berth_agent::cgroups::{Cgroups, GroupPath, Layout, Limits};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::control::arn;
use crate::world::{World, id, process_of, task};

/// A script that can be found among the processes, says that it is up, and ends when it is asked to.
fn waits(mark: &str) -> String {
    format!("trap 'exit 0' TERM; echo up {mark}; while :; do sleep 0.05; done")
}

fn reports_of<'a>(reports: &'a [Value], task: &str) -> Vec<&'a str> {
    let of_task = reports.iter().filter(|report| report["task"] == arn(task));
    of_task.filter_map(|report| report["status"].as_str()).collect()
}

pub(crate) async fn a_killed_agent_finds_its_tasks_again_and_tells_what_ended() {
    let (world, agent) = World::with_agent().await;
    let mut stays = world.script("web", &waits("stays-7313"));
    stays["portMappings"] = json!([{ "containerPort": 8080, "hostPort": 0 }]);
    let ends = world.script("main", &waits("ends-7313"));
    world
        .control
        .assign(json!([task(&id(1), "bridge", &[stays]), task(&id(2), "host", &[ends])]))
        .await;
    world.wait_line(&id(1), "web").await;
    world.wait_line(&id(2), "main").await;
    let (stays, ends) = (process_of("up stays-7313"), process_of("up ends-7313"));

    agent.kill();
    world.control.heard().reports.clear();
    kill(Pid::from_raw(ends), Signal::SIGKILL).unwrap();
    let agent = world.start_agent();
    world.control.wait_status(&id(2), "STOPPED").await;
    assert_eq!(world.control.wait_end(&id(2), "main").await["exitCode"], 137);
    assert_eq!(process_of("up stays-7313"), stays, "the other one was not touched");

    // And once more, in the middle of a stop.
    world.control.stop(&id(1)).await;
    agent.kill();
    let _agent = world.start_agent();
    world.control.wait_status(&id(1), "STOPPED").await;
    let heard = world.control.heard();
    assert_eq!(reports_of(&heard.reports, &id(1)).last(), Some(&"STOPPED"));
    let arn = |at: usize| &heard.registrations[at]["containerInstanceArn"];
    assert!(arn(0).is_null() && arn(1).is_string(), "it says who it was");
    let token = |at: usize| &heard.registrations[at]["clientToken"];
    assert_ne!(token(0), token(1));
}

pub(crate) async fn a_control_plane_that_was_away_hears_everything() {
    let (world, _agent) = World::with_agent().await;
    let script = "echo up; until [ -e /tmp/go ]; do sleep 0.05; done; echo last; exit 4";
    world
        .control
        .assign(json!([task(&id(1), "none", &[world.script("main", script)])]))
        .await;
    world.control.wait_status(&id(1), "RUNNING").await;
    world.wait_line(&id(1), "main").await;
    let process = process_of(script);

    world.control.go_away();
    std::fs::write(format!("/proc/{process}/root/tmp/go"), "").unwrap();
    let gone = || std::fs::metadata(format!("/proc/{process}/root")).is_err();
    while !gone() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    world.control.come_back();
    world.control.wait_status(&id(1), "STOPPED").await;
    assert_eq!(world.control.wait_end(&id(1), "main").await["exitCode"], 4);
    assert_eq!(world.lines(&id(1), "main"), ["up", "last"]);
    world.control.wait_connected().await;
    world
        .control
        .assign(json!([task(&id(2), "none", &[world.script("main", "exit 0")])]))
        .await;
    world.control.wait_status(&id(2), "STOPPED").await;
}

pub(crate) async fn a_forgotten_machine_registers_again() {
    let (world, _agent) = World::with_agent().await;
    world.control.forget_machine();
    let again = |heard: &crate::control::Heard| (heard.registrations.len() == 2).then_some(());
    world.control.wait_for("the second registration", again).await;
    world.control.wait_connected().await;
    // A manifest that does not name a task that runs: the agent asks before it stops it.
    world
        .control
        .assign(json!([task(
            &id(1),
            "none",
            &[world.script("main", &waits("ghost-7313"))]
        )]))
        .await;
    world.wait_line(&id(1), "main").await;
    let manifest = world
        .control
        .say("TaskManifestMessage", json!({ "tasks": [], "timeline": 9 }));
    let candidates = |heard: &crate::control::Heard| {
        let asks = |message: &&Value| message["type"] == "TaskStopVerificationMessage";
        heard
            .messages
            .iter()
            .find(asks)
            .map(|message| message["message"].clone())
    };
    let asked = world.control.wait_for("the stop candidates", candidates).await;
    assert_eq!(
        (&asked["messageId"], &asked["stopCandidates"][0]["taskArn"]),
        (&json!(manifest), &json!(arn(&id(1))))
    );
}

pub(crate) async fn an_agent_that_ends_cleanly_leaves_nothing() {
    let (world, agent) = World::with_agent().await;
    let one = world.script("one", &waits("clean-7313"));
    let two = world.script("two", &waits("clean-7314"));
    world
        .control
        .assign(json!([task(&id(1), "bridge", &[one]), task(&id(2), "none", &[two])]))
        .await;
    world.wait_line(&id(1), "one").await;
    world.wait_line(&id(2), "two").await;
    assert!(!world.leftovers().is_empty(), "the test can see what is there");

    assert_eq!(
        agent.end("clean"),
        "Cleaned { containers: 2, networks: 1, failures: [] }"
    );
    assert!(world.leftovers().is_empty(), "{:#?}", world.leftovers());
    for task in [id(1), id(2)] {
        assert_eq!(
            reports_of(&world.control.heard().reports, &task).last(),
            Some(&"STOPPED")
        );
    }
    assert_eq!(
        world.clean().await,
        berth_agent::Cleaned::default(),
        "nothing is left to clean"
    );
}

pub(crate) async fn what_a_killed_agent_left_is_cleaned_without_one() {
    let (world, agent) = World::with_agent().await;
    let main = world.script("main", &waits("down-7313"));
    world.control.assign(json!([task(&id(1), "bridge", &[main])])).await;
    world.wait_line(&id(1), "main").await;
    let lock = world.start_agent().last_words();
    assert!(lock.starts_with("failed: another agent uses "), "{lock}");

    agent.kill();
    let cleaned = world.clean().await;
    assert_eq!((cleaned.containers, cleaned.networks), (1, 1));
    assert!(cleaned.failures.is_empty(), "{cleaned:?}");
    assert!(world.leftovers().is_empty(), "{:#?}", world.leftovers());
    assert_eq!(
        reports_of(&world.control.heard().reports, &id(1)).last(),
        Some(&"STOPPED")
    );
}

pub(crate) async fn control_groups_of_tasks_that_nobody_knows_are_removed() {
    let (world, agent) = World::with_agent().await;
    let main = world.script("main", &waits("groups-7313"));
    world.control.assign(json!([task(&id(1), "none", &[main])])).await;
    world.wait_line(&id(1), "main").await;
    agent.kill();
    let cgroups = Cgroups::detect().unwrap();
    let root = GroupPath::new(berth_agent::runtime::namespace_of(world.data_dir())).unwrap();
    for number in [2, 3] {
        cgroups
            .create(&root.join(&id(number)).unwrap(), &Limits::default())
            .unwrap();
    }
    // One of them has a process, which will end.
    let tree = match cgroups.layout() {
        Layout::V1 { mounts, .. } => mounts["memory"].clone(),
        Layout::V2 { mount } => mount.clone(),
    };
    let mut process = Command::new("sleep").arg("1000").spawn().unwrap();
    let group = root.join(&id(3)).unwrap().to_oci();
    let members = tree.join(group.trim_start_matches('/')).join("cgroup.procs");
    fs::write(&members, process.id().to_string()).unwrap();

    let _agent = world.start_agent();
    let until = async |names: &[String]| {
        while !cgroups.children(&root).iter().eq(names) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    until(&[id(1), id(3)]).await;
    process.kill().unwrap();
    process.wait().unwrap();
    until(&[id(1)]).await;
    process_of("up groups-7313");
}
