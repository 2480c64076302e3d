//! What agents report: statuses move forward, reasons are kept, repetitions change nothing.

use expect_test::expect;

use crate::world::check;

/// From PENDING to STOPPED, with every moment in its place.
#[test]
fn a_life() {
    check(
        r#"
machine m1
define app : app | side optional
run app
---
report t1 PENDING app=PENDING
wait 2s
report t1 RUNNING app=RUNNING side=RUNNING pullStarted=0 pullStopped=1
report t1 RUNNING app=RUNNING side=RUNNING pullStarted=0 pullStopped=1
wait 3s
report t1 RUNNING side=STOPPED/0
wait 5s
report t1 STOPPED app=STOPPED/3 executionStopped=9
report t1 STOPPED app=STOPPED/3 executionStopped=9
describe tasks t1
        "#,
        expect![[r#"
            > report t1 PENDING app=PENDING
              = acknowledged
            > wait 2s
            > report t1 RUNNING app=RUNNING side=RUNNING pullStarted=0 pullStopped=1
              task t1 v2 RUNNING pullStartedAt=0 pullStoppedAt=1 startedAt=2 [app RUNNING] [side RUNNING]
              = acknowledged
            > report t1 RUNNING app=RUNNING side=RUNNING pullStarted=0 pullStopped=1
              = acknowledged
            > wait 3s
            > report t1 RUNNING side=STOPPED/0
              task t1 v3 [side STOPPED exit 0]
              = acknowledged
            > wait 5s
            > report t1 STOPPED app=STOPPED/3 executionStopped=9
              task t1 v4 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=9 executionStoppedAt=9 stoppedAt=10 [app STOPPED exit 3]
              = acknowledged
            > report t1 STOPPED app=STOPPED/3 executionStopped=9
              = acknowledged
            > describe tasks t1
              = task t1 STOPPED/STOPPED EssentialContainerExited "Essential container in task exited"
        "#]],
    );
}

/// A container can come and go within one report.
#[test]
fn twice_in_one() {
    check(
        r#"
machine m1
define app : app | init optional
run app
---
report t1 RUNNING init=RUNNING init=STOPPED/0 app=RUNNING
        "#,
        expect![[r#"
            > report t1 RUNNING init=RUNNING init=STOPPED/0 app=RUNNING
              task t1 v2 RUNNING startedAt=0 [app RUNNING] [init STOPPED exit 0]
              = acknowledged
        "#]],
    );
}

/// What comes late changes what is not known yet, and takes nothing back.
#[test]
fn out_of_order() {
    check(
        r#"
machine m1
define app
run app
---
report t1 RUNNING app=STOPPED/1
report t1 RUNNING app=RUNNING
report t1 PENDING app=PENDING
report t1 STOPPED
report t1 RUNNING app=RUNNING
        "#,
        expect![[r#"
            > report t1 RUNNING app=STOPPED/1
              task t1 v2 RUNNING startedAt=0 [app STOPPED exit 1]
              = acknowledged
            > report t1 RUNNING app=RUNNING
              = acknowledged
            > report t1 PENDING app=PENDING
              = acknowledged
            > report t1 STOPPED
              task t1 v3 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0
              = acknowledged
            > report t1 RUNNING app=RUNNING
              = acknowledged
        "#]],
    );
}

/// Reports about what nobody knows are taken and forgotten.
#[test]
fn strangers() {
    check(
        r#"
machine m1
define app
run app
---
report t9 STOPPED
report t1 RUNNING nobody=RUNNING
report t1 nothing
report nonsense STOPPED
        "#,
        expect![[r#"
            > report t9 STOPPED
              = acknowledged
            > report t1 RUNNING nobody=RUNNING
              task t1 v2 RUNNING startedAt=0
              = acknowledged
            > report t1 nothing
              = acknowledged
            > report nonsense STOPPED
              ! Identifier("nonsense")
        "#]],
    );
}

/// An essential container that ends by itself ends the task.
#[test]
fn essential_exit() {
    check(
        r#"
machine m1
define app : app | side
run app
report t1 RUNNING app=RUNNING side=RUNNING
---
wait 4s
report t1 RUNNING app=STOPPED/0 executionStopped=3
report t1 STOPPED side=STOPPED/137
        "#,
        expect![[r#"
            > wait 4s
            > report t1 RUNNING app=STOPPED/0 executionStopped=3
              task t1 v3 executionStoppedAt=3 [app STOPPED exit 0]
              = acknowledged
            > report t1 STOPPED side=STOPPED/137
              task t1 v4 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=3 stoppedAt=4 [side STOPPED exit 137]
              = acknowledged
        "#]],
    );
}

/// An essential container that ends before the others run has run all the same.
#[test]
fn essential_exit_before_all_run() {
    check(
        r#"
machine m1
define app : app | side
run app
---
report t1 STOPPED app=STOPPED/7 side=STOPPED
        "#,
        expect![[r#"
            > report t1 STOPPED app=STOPPED/7 side=STOPPED
              task t1 v2 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0 [app STOPPED exit 7] [side STOPPED]
              = acknowledged
        "#]],
    );
}

/// A container that did its work is no reason; the essential one that cannot start is.
#[test]
fn init_then_failure() {
    check(
        r#"
machine m1
define app : app | init optional
run app
---
report t1 PENDING init=STOPPED/0
report t1 STOPPED "app=STOPPED/x/CannotPullContainerError: no such image"
        "#,
        expect![[r#"
            > report t1 PENDING init=STOPPED/0
              task t1 v2 [init STOPPED exit 0]
              = acknowledged
            > report t1 STOPPED "app=STOPPED/x/CannotPullContainerError: no such image"
              task t1 v3 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED "CannotPullContainerError: no such image"]
              = acknowledged
        "#]],
    );
}

/// A container that could not start has not run, though the runtime gave it an exit code.
#[test]
fn cannot_start() {
    check(
        r#"
machine m1
define app
run app
---
report t1 STOPPED "app=STOPPED/128/CannotStartContainerError: no such file"
        "#,
        expect![[r#"
            > report t1 STOPPED "app=STOPPED/128/CannotStartContainerError: no such file"
              task t1 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED exit 128 "CannotStartContainerError: no such file"]
              = acknowledged
        "#]],
    );
}

/// On FARGATE the container's reason is the task's: there is no machine to look at.
#[test]
fn failed_on_fargate() {
    check(
        r#"
machine m1 serves=FARGATE
define app net=awsvpc cpu=256 memory=512
run app subnets=a type=FARGATE count=2
---
report t1 STOPPED "app=STOPPED/x/CannotPullContainerError: no such image"
report t2 STOPPED reason="ResourceInitializationError: no"
        "#,
        expect![[r#"
            > report t1 STOPPED "app=STOPPED/x/CannotPullContainerError: no such image"
              task t1 v2 STOPPED desired STOPPED TaskFailedToStart "CannotPullContainerError: no such image" stoppingAt=0 stoppedAt=0 [app STOPPED "CannotPullContainerError: no such image"]
              interface given back
              = acknowledged
            > report t2 STOPPED reason="ResourceInitializationError: no"
              task t2 v2 STOPPED desired STOPPED TaskFailedToStart "ResourceInitializationError: no" stoppingAt=0 stoppedAt=0 [app STOPPED]
              interface given back
              = acknowledged
        "#]],
    );
}

/// What the agent says of the task as a whole is what is shown.
#[test]
fn reason_of_the_task() {
    check(
        r#"
machine m1
define app
run app count=2
report t2 RUNNING app=RUNNING
---
report t1 STOPPED reason="TaskStateError: no"
report t2 STOPPED reason="TaskStateError: no"
        "#,
        expect![[r#"
            > report t1 STOPPED reason="TaskStateError: no"
              task t1 v2 STOPPED desired STOPPED TaskFailedToStart "TaskStateError: no" stoppingAt=0 stoppedAt=0 [app STOPPED]
              = acknowledged
            > report t2 STOPPED reason="TaskStateError: no"
              task t2 v3 STOPPED desired STOPPED EssentialContainerExited "TaskStateError: no" stoppingAt=0 stoppedAt=0 [app STOPPED]
              = acknowledged
        "#]],
    );
}

/// A task is PENDING once its interface is there; its own agent says so.
#[test]
fn attachment() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a count=2
---
report t1 attached
report t1 attached
report t2 RUNNING app=RUNNING
report t1 STOPPED
        "#,
        expect![[r#"
            > report t1 attached
              task t1 v2 PENDING connectivityAt=0
              = acknowledged
            > report t1 attached
              = acknowledged
            > report t2 RUNNING app=RUNNING
              task t2 v2 RUNNING connectivityAt=0 startedAt=0 [app RUNNING]
              = acknowledged
            > report t1 STOPPED
              task t1 v3 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED]
              interface given back
              = acknowledged
        "#]],
    );
}

/// An agent may say that interfaces are in place without naming their tasks. What nobody knows is taken and forgotten.
#[test]
fn attachments_alone() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a count=2
---
attached t1 t1 arn:aws:ecs:us-east-1:123456789012:attachment/01234567-89ab-4def-8123-456789abcdef
attached t1
report t2 STOPPED app=STOPPED/1
attached t2
attached
attached arn:aws:ecs:us-east-1:123456789012:attachment/nonsense
attached arn:aws:ecs:us-east-1:123456789012:task/default/t1
attached arn:aws:ecs:eu-west-1:123456789012:attachment/01234567-89ab-4def-8123-456789abcdef
attached t1 cluster="a b"
restart
attached t1
        "#,
        expect![[r#"
            > attached t1 t1 arn:attachment/01234567-89ab-4def-8123-456789abcdef
              task t1 v2 PENDING connectivityAt=0
              = acknowledged
            > attached t1
              = acknowledged
            > report t2 STOPPED app=STOPPED/1
              task t2 v2 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0 [app STOPPED exit 1]
              interface given back
              = acknowledged
            > attached t2
              = acknowledged
            > attached
              = acknowledged
            > attached arn:attachment/nonsense
              ! Identifier("arn:attachment/nonsense")
            > attached arn:task/default/t1
              ! Identifier("arn:task/default/t1")
            > attached arn:aws:ecs:eu-west-1:123456789012:attachment/01234567-89ab-4def-8123-456789abcdef
              ! ForeignArn("arn:aws:ecs:eu-west-1:123456789012:attachment/01234567-89ab-4def-8123-456789abcdef")
            > attached t1 cluster="a b"
              ! ClusterName("a b")
            > restart
              epoch 2
            > attached t1
              = acknowledged
        "#]],
    );
}
