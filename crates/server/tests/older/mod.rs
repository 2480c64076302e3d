//! What older versions have written is still read, for as long as there is a file of theirs under `data/`.

use std::path::Path;

use berth_core::control::State;
use berth_core::ecs::model::{ContainerStatus, DefinitionStatus, TaskStatus};
use berth_server::backup::Restore;
use berth_server::store::Store;

/// The state in a backup of an older version.
fn state_of(backup: &str) -> State {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(backup);
    let bytes = std::fs::read(path).expect("it is in the repository");
    assert!(Restore::check(bytes.as_slice()).expect("it is whole").rows > 0);
    let dir = tempfile::tempdir().expect("a directory");
    let server = dir.path().join("server");
    Restore::rows(bytes.as_slice(), &server).expect("it can be restored");
    let store = Store::open(&server.join("state")).expect("it opens");
    store.load().expect("its rows are read")
}

/// A cluster with a tag, two definitions, an instance, a task that runs, one that ended, their token and an interface: written
/// before there was a history, before tasks had overrides, and before clusters had settings.
#[test]
fn rows_of_20_november_2026_are_read() {
    let state = state_of("2026-11-20.backup");
    let ecs = state.ecs();
    let cluster = ecs.clusters().iter().next().unwrap();
    assert_eq!(cluster.key.to_string(), "012345678910/us-east-1/web");
    let tags: Vec<String> = cluster
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    assert_eq!(tags, ["team=blue"]);
    let definitions = ecs.definitions().iter();
    let definitions: Vec<_> = definitions.map(|one| (one.key.family.as_str(), one.status)).collect();
    assert_eq!(
        definitions,
        [("old", DefinitionStatus::Inactive), ("web", DefinitionStatus::Active)]
    );
    assert_eq!(ecs.instances().iter().next().unwrap().registered.cpu.0, 2048);
    let tasks = ecs.tasks().iter();
    let tasks: Vec<_> = tasks
        .map(|task| {
            (
                task.last_status,
                task.containers[0].status,
                task.containers[0].exit_code,
            )
        })
        .collect();
    assert_eq!(
        tasks,
        [
            (TaskStatus::Running, ContainerStatus::Running, None),
            (TaskStatus::Stopped, ContainerStatus::Stopped, Some(7))
        ]
    );
    assert_eq!(ecs.tokens().iter().next().unwrap().tasks.len(), 2);
    assert_eq!(state.network().interfaces().len(), 1);
    assert!(
        state.epoch() > 1 << 16,
        "agents have heard numbers of the epoch that was"
    );
}
