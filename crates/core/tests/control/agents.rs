//! Conversations with agents: what they are told, when, and how often.

use expect_test::expect;

use crate::world::check;

/// An agent that connects hears everything that it should do.
#[test]
fn connects() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a count=2
report t1 RUNNING app=RUNNING attached
stop t1
close m1
---
connect m1
        "#,
        expect![[r#"
            > connect m1
              m1 #2 < heartbeat
              m1 #2 < manifest 1.4: run t2, stop t1
              m1 #2 < payload 1.5: run t2 (app) with its interface, stop t1 () with its interface
        "#]],
    );
}

/// What was told is not told again, whatever happens to the task.
#[test]
fn nothing_twice() {
    check(
        r#"
machine m1
define app
---
mute m1
run app
ack m1
report t1 RUNNING app=RUNNING
stop t1
ack m1
report t1 STOPPED
        "#,
        expect![[r#"
            > mute m1
            > run app
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > ack m1
            > report t1 RUNNING app=RUNNING
              task t1 v2 RUNNING startedAt=0 [app RUNNING]
              = acknowledged
            > stop t1
              task t1 v3 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              m1 #1 < payload 1.3: stop t1 ()
              = task t1 RUNNING/STOPPED UserInitiated "Task stopped by user"
            > ack m1
              task t1 v4 STOPPING
            > report t1 STOPPED
              task t1 v5 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
        "#]],
    );
}

/// What is not confirmed is told again, until it is or there is no need.
#[test]
fn unconfirmed() {
    check(
        r#"
machine m1
define app
mute m1
---
run app
hear m1
wait 16s
hear m1
wait 5s
ack m1
wait 15s
run app
report t2 STOPPED
wait 14s
        "#,
        expect![[r#"
            > run app
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > hear m1
            > wait 16s
              15s
              m1 #1 < payload 1.3: run t1 (app)
            > hear m1
            > wait 5s
              20s
              m1 #1 < heartbeat
            > ack m1
            > wait 15s
            > run app
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.4: run t2 (app)
              = task t2 PENDING/RUNNING
            > report t2 STOPPED
              task t2 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=36 stoppedAt=36 [app STOPPED]
              = acknowledged
            > wait 14s
              40s
              m1 #1 < heartbeat
        "#]],
    );
}

/// A connection that answers nothing is closed, and counts for a little longer.
#[test]
fn silence() {
    check(
        r#"
machine m1
define app
mute m1
---
wait 79s
wait 1s
describe instances m1
hear m1
wait 5s
describe instances m1
connect m1 answers
describe instances m1
wait 1h
describe instances m1
        "#,
        expect![[r#"
            > wait 79s
              20s
              m1 #1 < heartbeat
              40s
              m1 #1 < heartbeat
              60s
              m1 #1 < heartbeat
            > wait 1s
              80s
              m1 #1 < close
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > hear m1
            > wait 5s
            > describe instances m1
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #2 < manifest 1.2:
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > wait 1h
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// The stock agent does not confirm interfaces: for it, to take the task is enough.
#[test]
fn stock() {
    check(
        r#"
register m1
connect m1 stock agent=1.105.1
define app net=awsvpc
run app subnets=a
---
ack m1
report t1 RUNNING app=RUNNING
        "#,
        expect![[r#"
            > ack m1
              task t1 v2 PENDING connectivityAt=0
            > report t1 RUNNING app=RUNNING
              task t1 v3 RUNNING startedAt=0 [app RUNNING]
              = acknowledged
        "#]],
    );
}

/// A new connection takes the place of the old one, whose last words do not count.
#[test]
fn superseded() {
    check(
        r#"
machine m1
define app
mute m1
---
connect m1
close m1 old
run app
        "#,
        expect![[r#"
            > connect m1
              m1 #1 < close
              m1 #2 < heartbeat
              m1 #2 < manifest 1.2:
            > close m1 old
            > run app
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #2 < payload 1.3: run t1 (app)
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// A task that should run may not be stopped because it was missing in a manifest; what nobody knows may.
#[test]
fn verification() {
    check(
        r#"
machine m1
machine m2
define app
run app strategy=binpack-memory
run app
stop t2
---
candidates m1 t1 t2 t9
candidates m2 t1
candidates m1 t1
candidates m1 nonsense arn:aws:ecs:us-east-1:123456789012:task/other/00000000000000000000000000000009
        "#,
        expect![[r#"
            > candidates m1 t1 t2 t9
              m1 #1 < may stop t1, t2, 00000000000000000000000000000009
            > candidates m2 t1
            > candidates m1 t1
              m1 #1 < may stop t1
            > candidates m1 nonsense arn:task/other/00000000000000000000000000000009
        "#]],
    );
}

/// After a restart everybody counts as connected for a while, and numbers go on above the old ones.
#[test]
fn restart() {
    check(
        r#"
machine m1
machine m2
define app
run app strategy=binpack-memory
---
restart
describe instances m1 m2
connect m1 answers
wait 59s
run app strategy=binpack-memory
describe instances m1 m2
wait 2s
run app strategy=binpack-memory
describe instances m1 m2
        "#,
        expect![[r#"
            > restart
              epoch 2
            > describe instances m1 m2
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              = instance m2 ACTIVE connected=true running=0 pending=1 left 1024 cpu, 1920 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #3 < manifest 2.1:
            > wait 59s
            > run app strategy=binpack-memory
              task t2 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              = task t2 PENDING/RUNNING
            > describe instances m1 m2
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              = instance m2 ACTIVE connected=true running=0 pending=2 left 1024 cpu, 1792 MiB, taken tcp [] udp []
            > wait 2s
            > run app strategy=binpack-memory
              task t3 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #3 < payload 2.2: run t3 (app)
              = task t3 PENDING/RUNNING
            > describe instances m1 m2
              = instance m1 ACTIVE connected=true running=0 pending=1 left 1024 cpu, 1920 MiB, taken tcp [] udp []
              = instance m2 ACTIVE connected=false running=0 pending=2 left 1024 cpu, 1792 MiB, taken tcp [] udp []
        "#]],
    );
}

/// Payloads hold ten tasks at most.
#[test]
fn many() {
    check(
        r#"
register m1 cpu=10000 memory=100000
define app
connect m1 answers
close m1
run app count=10
run app count=5
---
connect m1
        "#,
        expect![[r#"
            > connect m1
              m1 #2 < heartbeat
              m1 #2 < manifest 1.2: run t10, run t4, run t5, run t11, run t14, run t9, run t13, run t3, run t7, run t12, run t15, run t1, run t2, run t8, run t6
              m1 #2 < payload 1.3: run t10 (app), run t4 (app), run t5 (app), run t11 (app), run t14 (app), run t9 (app), run t13 (app), run t3 (app), run t7 (app), run t12 (app)
              m1 #2 < payload 1.4: run t15 (app), run t1 (app), run t2 (app), run t8 (app), run t6 (app)
        "#]],
    );
}

/// An agent whose machine nobody knows is sent away, and one whose machine has left.
#[test]
fn strangers() {
    check(
        r#"
machine m1
leave m1
---
connect m1
        "#,
        expect![[r#"
            > connect m1
              m1 #2 < close
        "#]],
    );
}

/// What an agent says of itself is kept, and an agent that says nothing takes nothing back.
#[test]
fn versions() {
    check(
        r#"
register m1
---
connect m1 agent=1.0.0
connect m1
connect m1 agent=1.0.1
register m1 again
        "#,
        expect![[r#"
            > connect m1 agent=1.0.0
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.0.0
              m1 #1 < heartbeat
              m1 #1 < manifest 1.1:
            > connect m1
              m1 #1 < close
              m1 #2 < heartbeat
              m1 #2 < manifest 1.2:
            > connect m1 agent=1.0.1
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.0.1
              m1 #2 < close
              m1 #3 < heartbeat
              m1 #3 < manifest 1.3:
            > register m1 again
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}
