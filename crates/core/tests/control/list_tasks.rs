//! ListTasks: every filter, filters together, and pages while tasks come and go.

use std::collections::BTreeSet;

use berth_core::ecs::api::Read;
use berth_core::ecs::view::Reply;
use berth_core::ecs::view::list::{PageWish, TaskFilter};
use expect_test::expect;

use crate::world::{World, check};

/// Each filter alone and those that go together.
#[test]
fn filters() {
    check(
        r#"
machine m1
machine m2 external
define web
define job
run web by=a
run job by=b
run web type=EXTERNAL by=a
run job
stop t1
---
list tasks
list tasks desired=RUNNING
list tasks desired=STOPPED
list tasks desired=PENDING
list tasks family=web
list tasks family=web desired=STOPPED
list tasks family=nobody
list tasks on=m1
list tasks on=m1 family=job
list tasks on=m2 family=job
list tasks on=m1 desired=STOPPED type=EC2
list tasks type=EXTERNAL
list tasks by=a
list tasks by=a desired=STOPPED
list tasks by=b
list tasks by=nobody
        "#,
        expect![[r#"
            > list tasks
              = arn:task/default/t3 arn:task/default/t2 arn:task/default/t4
            > list tasks desired=RUNNING
              = arn:task/default/t3 arn:task/default/t2 arn:task/default/t4
            > list tasks desired=STOPPED
              = arn:task/default/t1
            > list tasks desired=PENDING
              =
            > list tasks family=web
              = arn:task/default/t3
            > list tasks family=web desired=STOPPED
              = arn:task/default/t1
            > list tasks family=nobody
              =
            > list tasks on=m1
              = arn:task/default/t2 arn:task/default/t4
            > list tasks on=m1 family=job
              = arn:task/default/t2 arn:task/default/t4
            > list tasks on=m2 family=job
              =
            > list tasks on=m1 desired=STOPPED type=EC2
              = arn:task/default/t1
            > list tasks type=EXTERNAL
              = arn:task/default/t3
            > list tasks by=a
              = arn:task/default/t3
            > list tasks by=a desired=STOPPED
              = arn:task/default/t1
            > list tasks by=b
              = arn:task/default/t2
            > list tasks by=nobody
              =
        "#]],
    );
}

/// Who started a task is the only filter, but for where the tasks shall be.
#[test]
fn refusals() {
    check(
        r#"
machine m1
define web
---
list tasks by=a family=web
list tasks by=a on=m1
list tasks by=a type=EC2
list tasks by=a service=s
list tasks by=a daemon=d
list tasks service=s
list tasks daemon=d
list tasks family=a/b
list tasks cluster=nope
list tasks limit=0
list tasks limit=101
        "#,
        expect![[r#"
            > list tasks by=a family=web
              ! StartedByAndOthers
            > list tasks by=a on=m1
              ! StartedByAndOthers
            > list tasks by=a type=EC2
              ! StartedByAndOthers
            > list tasks by=a service=s
              ! StartedByAndOthers
            > list tasks by=a daemon=d
              ! StartedByAndOthers
            > list tasks service=s
              ! ServiceNotFound
            > list tasks daemon=d
              ! DaemonNotFound
            > list tasks family=a/b
              ! Identifier("a/b")
            > list tasks cluster=nope
              ! ClusterNotFound
            > list tasks limit=0
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
            > list tasks limit=101
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
        "#]],
    );
}

/// Every page of a filter, with changes between the pages: whatever is there from the first page to the last is listed once.
#[test]
fn pages_are_complete_while_tasks_come_and_go() {
    let mut world = World::new();
    world.tell("machine m1 cpu=100000 memory=1000000\ndefine web\ndefine job");
    for _ in 0..4 {
        world.tell("run web count=10 by=me\nrun job count=10");
    }
    let filters = [
        TaskFilter {
            family: Some("web".to_owned()),
            ..TaskFilter::default()
        },
        TaskFilter {
            started_by: Some("me".to_owned()),
            ..TaskFilter::default()
        },
        TaskFilter {
            instance: Some(world.machines["m1"].key.arn().to_string()),
            ..TaskFilter::default()
        },
        TaskFilter::default(),
    ];
    for filter in filters {
        let before = listed(&world, &filter, 100).0;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = page(&world, &filter, 7, after);
            seen.extend(page.0);
            // The last one that was shown ends, and others begin.
            let gone = seen.last().cloned().unwrap();
            let at = world
                .tasks
                .iter()
                .position(|key| key.arn().to_string() == gone)
                .unwrap();
            world.tell(&format!("stop t{}\nrun web by=me", at + 1));
            match page.1 {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "nothing is shown twice");
        let still = listed(&world, &filter, 100).0;
        let lasting = before.iter().filter(|arn| still.contains(arn));
        lasting.for_each(|arn| assert!(distinct.contains(arn), "{arn} was there all the time"));
    }
}

fn listed(world: &World, filter: &TaskFilter, limit: i64) -> (Vec<String>, Option<String>) {
    page(world, filter, limit, None)
}

fn page(world: &World, filter: &TaskFilter, limit: i64, after: Option<String>) -> (Vec<String>, Option<String>) {
    let wish = PageWish {
        limit: Some(limit),
        after,
    };
    let read = Read::ListTasks(None, filter.clone(), wish);
    match world.control.read(&World::principal(), &World::scope(), &read) {
        Ok(Reply::Page(page)) => (page.items, page.next),
        other => panic!("a page, not {other:?}"),
    }
}
