//! What ended long ago is forgotten.

use expect_test::expect;

use crate::world::check;

/// A task that is over can be described for an hour.
#[test]
fn tasks() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a
report t1 STOPPED
---
wait 59m
describe tasks t1
wait 61s
describe tasks t1
list tasks desired=STOPPED
        "#,
        expect![[r#"
            > wait 59m
            > describe tasks t1
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
            > wait 61s
              3600s
              task t1 forgotten
            > describe tasks t1
              ! arn:task/default/t1 MISSING
            > list tasks desired=STOPPED
              =
        "#]],
    );
}

/// A client token is remembered for a day, a slice at a time.
#[test]
fn tokens() {
    check(
        r#"
machine m1
define app
run app token=a
wait 1h
run app token=b
report t1 STOPPED
report t2 STOPPED
---
wait 23h
wait 1h
        "#,
        expect![[r#"
            > wait 23h
              7200s
              task t1 forgotten
              task t2 forgotten
              86400s
              token a forgotten
            > wait 1h
              90000s
              token b forgotten
        "#]],
    );
}

/// A reset stops and forgets everything but machines.
#[test]
fn reset() {
    check(
        r#"
machine m1
define app
run app token=a count=2
create web
---
reset
report t1 STOPPED
reset
report t2 STOPPED
reset
reset
reset
list clusters
list families
list instances
        "#,
        expect![[r#"
            > reset
              task t2 v2 desired STOPPED UserInitiated "Berth was reset." stoppingAt=0
              task t1 v2 desired STOPPED UserInitiated "Berth was reset." stoppingAt=0
              m1 #1 < payload 1.3: stop t2 (), stop t1 ()
              = 4 left
              task t2 v3 STOPPING
              task t1 v3 STOPPING
            > report t1 STOPPED
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
            > reset
              task t1 forgotten
              token a forgotten
              = 3 left
            > report t2 STOPPED
              task t2 v4 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
            > reset
              task t2 forgotten
              = 1 left
            > reset
              definition app:1 forgotten
              family app forgotten
              cluster web forgotten
              = 3 left
            > reset
              = 0 left
            > list clusters
              = arn:cluster/default
            > list families
              =
            > list instances
              = arn:container-instance/default/m1
        "#]],
    );
}
