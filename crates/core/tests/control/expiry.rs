//! What ended long ago is forgotten.

use expect_test::expect;

use crate::world::check;

/// A task that is over leaves the state after a minute. The history still knows it.
#[test]
fn tasks() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a
report t1 STOPPED
---
wait 59s
describe tasks t1
wait 1s
describe tasks t1
list tasks desired=STOPPED
list tasks
stop t1
report t1 STOPPED
describe tasks t1 t9
stop t9
        "#,
        expect![[r#"
            > wait 59s
            > describe tasks t1
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
            > wait 1s
              60s
              task t1 forgotten
              = acknowledged
            > describe tasks t1
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
            > list tasks desired=STOPPED
              = arn:task/default/t1
            > list tasks
              =
            > stop t1
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
            > report t1 STOPPED
              = acknowledged
            > describe tasks t1 t9
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
              ! arn:task/default/00000000000000000000000000000009 MISSING
            > stop t9
              ! TaskNotFound
        "#]],
    );
}

/// What the history has not confirmed stays, and is handed over again after a restart.
#[test]
fn unconfirmed() {
    check(
        r#"
machine m1
define app
run app count=2
report t1 STOPPED
report t2 STOPPED
history fails
---
wait 2m
list tasks desired=STOPPED
history confirms
restart
list tasks desired=STOPPED
wait 1s
list tasks desired=STOPPED
        "#,
        expect![[r#"
            > wait 2m
            > list tasks desired=STOPPED
              = arn:task/default/t2 arn:task/default/t1
            > history confirms
            > restart
              epoch 2
            > list tasks desired=STOPPED
              = arn:task/default/t2 arn:task/default/t1
            > wait 1s
              120s
              task t2 forgotten
              task t1 forgotten
              = acknowledged
            > list tasks desired=STOPPED
              = arn:task/default/t2 arn:task/default/t1
        "#]],
    );
}

/// Pages run through what is in the state and what is in the history, in one order.
#[test]
fn pages() {
    check(
        r#"
machine m1
define app
define other
run app count=2 by=ci
report t1 STOPPED
report t2 STOPPED
wait 1m
run app by=ci
run other
report t3 STOPPED
report t4 STOPPED
---
list tasks desired=STOPPED
list tasks desired=STOPPED limit=3
list tasks desired=STOPPED limit=1 after=t1
list tasks desired=STOPPED by=ci
list tasks desired=STOPPED family=other
list tasks desired=STOPPED on=m1 type=EC2 limit=2 after=t4
list tasks desired=STOPPED type=FARGATE
list tasks desired=STOPPED cluster=web
list tasks desired=STOPPED limit=0
        "#,
        expect![[r#"
            > list tasks desired=STOPPED
              = arn:task/default/t4 arn:task/default/t3 arn:task/default/t1 arn:task/default/t2
            > list tasks desired=STOPPED limit=3
              = arn:task/default/t4 arn:task/default/t3 arn:task/default/t1
              next arn:task/default/t1
            > list tasks desired=STOPPED limit=1 after=t1
              = arn:task/default/t4
              next arn:task/default/t4
            > list tasks desired=STOPPED by=ci
              = arn:task/default/t3 arn:task/default/t1 arn:task/default/t2
            > list tasks desired=STOPPED family=other
              = arn:task/default/t4
            > list tasks desired=STOPPED on=m1 type=EC2 limit=2 after=t4
              = arn:task/default/t4 arn:task/default/t3
              next arn:task/default/t3
            > list tasks desired=STOPPED type=FARGATE
              =
            > list tasks desired=STOPPED cluster=web
              ! ClusterNotFound
            > list tasks desired=STOPPED limit=0
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
        "#]],
    );
}

/// A repeated RunTask answers the tasks that it made, wherever they are.
#[test]
fn repetitions() {
    check(
        r#"
machine m1
define app
run app token=a count=2
report t1 STOPPED
wait 1m
---
run app token=a count=2
run app token=a count=3
report t2 STOPPED
wait 1m
run app token=a count=2
        "#,
        expect![[r#"
            > run app token=a count=2
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
              = task t2 PENDING/RUNNING
            > run app token=a count=3
              ! TokenConflict { resource_ids: ["arn:task/default/t1", "arn:task/default/t2"] }
            > report t2 STOPPED
              task t2 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=60 stoppedAt=60 [app STOPPED]
              = acknowledged
            > wait 1m
              120s
              task t2 forgotten
              = acknowledged
            > run app token=a count=2
              = task t1 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
              = task t2 STOPPED/STOPPED TaskFailedToStart "Task failed to start"
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
              3660s
              task t1 forgotten
              task t2 forgotten
              = acknowledged
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
