//! The history keeps tasks once, finds them again after a restart, lists them in order, and lets go of old ones.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use berth_telemetry::history::{ClusterPath, EndedTask, HistoryStore, Limits, Swept, TaskPath};
use berth_telemetry::{Scope, StorageError};
use tempfile::TempDir;

/// Everything stays.
const ALL: i64 = i64::MIN;

struct World {
    dir: TempDir,
    history: HistoryStore,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let history = HistoryStore::open(&dir.path().join("history")).unwrap();
        Self { dir, history }
    }

    fn restart(self) -> Self {
        let Self { dir, history } = self;
        drop(history);
        let history = HistoryStore::open(&dir.path().join("history")).unwrap();
        Self { dir, history }
    }

    fn put(&self, tasks: &[(&str, u128, i64, &str)]) {
        let ended = |(cluster, task, ended_ms, body): &(&str, u128, i64, &str)| EndedTask {
            path: path(cluster, *task),
            ended_ms: *ended_ms,
            body: body.as_bytes().to_vec(),
        };
        self.history.put(&tasks.iter().map(ended).collect::<Vec<_>>()).unwrap();
    }

    fn get(&self, cluster: &str, task: u128) -> Option<String> {
        let body = self.history.get(&path(cluster, task), ALL).unwrap();
        body.map(|body| String::from_utf8(body).unwrap())
    }

    fn list(&self, cluster: &str, after: Option<u128>, oldest_ms: i64) -> Vec<u128> {
        let listed = self.history.list(&path(cluster, 0).cluster, after, oldest_ms);
        listed.map(|task| task.unwrap().0).collect()
    }

    fn expire(&self, now_ms: i64, keep_ms: i64, most_bytes: u64, budget: usize) -> Swept {
        let limits = Limits { keep_ms, most_bytes };
        self.history.expire(now_ms, limits, budget).unwrap()
    }
}

fn path(cluster: &str, task: u128) -> TaskPath {
    TaskPath {
        cluster: ClusterPath {
            scope: Scope::new("012345678910", "eu-west-1"),
            name: cluster.to_owned(),
        },
        task,
    }
}

#[test]
fn a_task_is_found_again_after_a_restart() {
    let world = World::new();
    world.put(&[("web", 7, 100, "seven"), ("db", 7, 100, "another")]);
    let world = world.restart();
    assert_eq!(world.get("web", 7).as_deref(), Some("seven"));
    assert_eq!(world.get("db", 7).as_deref(), Some("another"));
    assert_eq!(world.get("web", 8), None);
}

#[test]
fn a_task_that_comes_again_is_kept_once_as_it_came_last() {
    let world = World::new();
    world.put(&[("web", 7, 100, "first")]);
    let size = world.history.size().unwrap();
    world.put(&[("web", 7, 100, "again")]);
    assert_eq!(world.history.size().unwrap(), size);
    world.put(&[("web", 7, 200, "later")]);
    assert_eq!(world.history.size().unwrap(), size);
    assert_eq!(world.get("web", 7).as_deref(), Some("later"));
    assert_eq!(world.list("web", None, ALL), [7]);
    assert_eq!(
        world.expire(250, 100, u64::MAX, 9).deleted,
        0,
        "its older end is forgotten"
    );
    assert_eq!(world.expire(301, 100, u64::MAX, 9).deleted, 1);
    assert_eq!(world.history.size().unwrap(), (0, 0));
}

#[test]
fn a_cluster_is_listed_in_the_order_of_numbers() {
    let world = World::new();
    world.put(&[("web", 9, 1, ""), ("web", u128::MAX, 2, ""), ("webs", 5, 2, "")]);
    world.put(&[("web", 1, 3, "")]);
    assert_eq!(world.list("web", None, ALL), [1, 9, u128::MAX]);
    assert_eq!(world.list("web", Some(1), ALL), [9, u128::MAX]);
    assert_eq!(world.list("web", Some(8), ALL), [9, u128::MAX]);
    assert_eq!(world.list("web", Some(u128::MAX), ALL), [0; 0]);
    assert_eq!(world.list("we", None, ALL), [0; 0]);
}

#[test]
fn what_is_too_old_is_not_shown_and_deleted_in_slices() {
    let world = World::new();
    world.put(&[("web", 1, 100, ""), ("web", 2, 200, ""), ("web", 3, 300, "")]);
    assert_eq!(world.list("web", None, 200), [2, 3]);
    assert_eq!(world.history.get(&path("web", 1), 200).unwrap(), None);
    let swept = |deleted, more| Swept { deleted, more };
    assert_eq!(world.expire(401, 200, u64::MAX, 1), swept(1, true));
    assert_eq!(world.expire(401, 200, u64::MAX, 1), swept(1, false));
    assert_eq!(world.expire(401, 200, u64::MAX, 1), swept(0, false));
    assert_eq!(world.restart().list("web", None, ALL), [3]);
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let world = World::new();
    world.put(&[("web", 1, 300, "x"), ("web", 2, 100, "x"), ("web", 3, 200, "x")]);
    let (_, bytes) = world.history.size().unwrap();
    assert_eq!(world.expire(300, 1000, bytes, 9).deleted, 0);
    assert_eq!(world.expire(300, 1000, bytes - 1, 9).deleted, 1);
    assert_eq!(world.list("web", None, ALL), [1, 3]);
    world.history.clear().unwrap();
    assert_eq!(world.list("web", None, ALL), [0; 0]);
    assert_eq!(world.history.size().unwrap(), (0, 0));
}

#[test]
fn a_second_opener_is_kept_out() {
    let world = World::new();
    let second = HistoryStore::open(&world.dir.path().join("history"));
    assert!(matches!(second.err(), Some(StorageError::InUse { .. })));
}
