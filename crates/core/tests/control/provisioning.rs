//! Tasks that wait for their interfaces: not for ever, and not for what nobody could tell of.

use expect_test::expect;

use crate::world::check;

/// A task whose interface does not come is stopped, and shows why. One that came in time is left alone.
#[test]
fn interfaces_that_never_come() {
    check(
        r#"
machine m1
define web net=awsvpc
run web subnets=a
wait 4m
run web subnets=a
attached t2
---
wait 59s
wait 1s
wait 10m
report t1 STOPPED app=STOPPED
describe tasks t1
describe tasks t2
        "#,
        expect![[r#"
            > wait 59s
            > wait 1s
              300s
              task t1 v2 desired STOPPED TaskFailedToStart "Timeout waiting for network interface provisioning to complete." stoppingAt=300
              m1 #1 < payload 1.4: stop t1 () with its interface
              task t1 v3 STOPPING
            > wait 10m
            > report t1 STOPPED app=STOPPED
              task t1 v4 STOPPED stoppedAt=900 [app STOPPED]
              interface given back
              = acknowledged
            > describe tasks t1
              = task t1 STOPPED/STOPPED TaskFailedToStart "Timeout waiting for network interface provisioning to complete."
            > describe tasks t2
              = task t2 PENDING/RUNNING
        "#]],
    );
}

/// A control plane that starts again waits anew: the agent could not tell anybody meanwhile.
#[test]
fn waits_begin_anew_with_the_control_plane() {
    check(
        r#"
machine m1
define web net=awsvpc
run web subnets=a
wait 4m
restart
connect m1 answers
---
wait 4m
attached t1
wait 10m
describe tasks t1
        "#,
        expect![[r#"
            > wait 4m
            > attached t1
              task t1 v2 PENDING connectivityAt=480
              = acknowledged
            > wait 10m
            > describe tasks t1
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// What the user has stopped keeps the user's reason.
#[test]
fn stopped_while_waiting() {
    check(
        r#"
machine m1
define web net=awsvpc
run web subnets=a
stop t1 reason=enough
---
wait 10m
describe tasks t1
        "#,
        expect![[r#"
            > wait 10m
            > describe tasks t1
              = task t1 STOPPING/STOPPED UserInitiated "enough"
        "#]],
    );
}

/// Amazon's agent confirms no interface that is no hardware: its task waits for it to take the task.
#[test]
fn an_agent_that_does_not_answer() {
    check(
        r#"
register m1
connect m1 stock
define web net=awsvpc
run web subnets=a
---
wait 5m
describe tasks t1
        "#,
        expect![[r#"
            > wait 5m
              15s
              m1 #1 < payload 1.3: run t1 (app) with its interface
              20s
              m1 #1 < heartbeat
              30s
              m1 #1 < payload 1.4: run t1 (app) with its interface
              40s
              m1 #1 < heartbeat
              45s
              m1 #1 < payload 1.5: run t1 (app) with its interface
              60s
              m1 #1 < close
              300s
              task t1 v2 desired STOPPED TaskFailedToStart "Timeout waiting for network interface provisioning to complete." stoppingAt=300
            > describe tasks t1
              = task t1 PROVISIONING/STOPPED TaskFailedToStart "Timeout waiting for network interface provisioning to complete."
        "#]],
    );
}
