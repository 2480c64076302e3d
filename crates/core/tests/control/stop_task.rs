//! StopTask: asked, told, confirmed, over.

use expect_test::expect;

use crate::world::check;

/// A task that is told to stop stops on its way; the interface comes back at the end.
#[test]
fn by_a_user() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a
report t1 RUNNING app=RUNNING attached
mute m1
---
stop t1 reason="Enough of it."
stop t1 reason="Once more."
ack m1
report t1 STOPPED app=STOPPED/143 executionStopped=0
stop t1
list tasks
list tasks desired=STOPPED
        "#,
        expect![[r#"
            > stop t1 reason="Enough of it."
              task t1 v3 desired STOPPED UserInitiated "Enough of it." stoppingAt=0
              m1 #1 < payload 1.3: stop t1 () with its interface
              = task t1 RUNNING/STOPPED UserInitiated "Enough of it."
            > stop t1 reason="Once more."
              = task t1 RUNNING/STOPPED UserInitiated "Enough of it."
            > ack m1
              task t1 v4 STOPPING
            > report t1 STOPPED app=STOPPED/143 executionStopped=0
              task t1 v5 STOPPED executionStoppedAt=0 stoppedAt=0 [app STOPPED exit 143]
              interface given back
              = acknowledged
            > stop t1
              = task t1 STOPPED/STOPPED UserInitiated "Enough of it."
            > list tasks
              =
            > list tasks desired=STOPPED
              = arn:task/default/t1
        "#]],
    );
}

/// A task that is stopped without a reason has one all the same.
#[test]
fn without_a_reason() {
    check(
        r#"
machine m1
define app
run app
---
stop t1
report t1 STOPPED
        "#,
        expect![[r#"
            > stop t1
              task t1 v2 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              m1 #1 < payload 1.3: stop t1 ()
              = task t1 PENDING/STOPPED UserInitiated "Task stopped by user"
              task t1 v3 STOPPING
            > report t1 STOPPED
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
        "#]],
    );
}

/// What is not there cannot be stopped.
#[test]
fn unknown() {
    check(
        r#"
machine m1
define app
run app
---
stop t9
stop nonsense
stop t1 cluster=nope
stop arn:aws:ecs:us-east-1:123456789012:task/web/00000000000000000000000000000001
stop arn:aws:ecs:eu-west-1:123456789012:task/default/00000000000000000000000000000001
        "#,
        expect![[r#"
            > stop t9
              ! TaskNotFound
            > stop nonsense
              ! TaskIdLength
            > stop t1 cluster=nope
              ! ClusterNotFound
            > stop arn:task/web/00000000000000000000000000000001
              ! TaskNotFound
            > stop arn:aws:ecs:eu-west-1:123456789012:task/default/00000000000000000000000000000001
              ! ForeignArn("arn:aws:ecs:eu-west-1:123456789012:task/default/00000000000000000000000000000001")
        "#]],
    );
}

/// A task that is stopped while its agent is away is told once, as stopped.
#[test]
fn before_the_agent_hears() {
    check(
        r#"
register m1
define app
connect m1 answers
close m1
run app
stop t1
---
connect m1
ack m1
report t1 STOPPED reason="TaskStateError: Agent could not progress task's state to stopped"
        "#,
        expect![[r#"
            > connect m1
              m1 #2 < heartbeat
              m1 #2 < manifest 1.2: stop t1
              m1 #2 < payload 1.3: stop t1 ()
            > ack m1
              task t1 v3 STOPPING
            > report t1 STOPPED reason="TaskStateError: Agent could not progress task's state to stopped"
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
        "#]],
    );
}
