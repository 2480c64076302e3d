//! Container instances that take no new tasks, and what is left of those that were deregistered.

use expect_test::expect;

use crate::world::check;

/// A machine that drains keeps its tasks and its connection, takes no new ones, and can be turned back.
#[test]
fn drains() {
    check(
        r#"
machine m1
define app
run app
report t1 RUNNING app=RUNNING
---
turn DRAINING m1
turn DRAINING m1
describe instances m1
describe clusters
run app
list instances
list instances status=ACTIVE
list instances status=DRAINING
list instances status=REGISTERING
report t1 STOPPED app=STOPPED/0
turn ACTIVE m1
run app
        "#,
        expect![[r#"
            > turn DRAINING m1
              instance m1 v2 DRAINING 1024 cpu, 2048 MiB [capable]
              = instance m1 DRAINING connected=true running=1 pending=0 left 1024 cpu, 1920 MiB, taken tcp [] udp []
            > turn DRAINING m1
              = instance m1 DRAINING connected=true running=1 pending=0 left 1024 cpu, 1920 MiB, taken tcp [] udp []
            > describe instances m1
              = instance m1 DRAINING connected=true running=1 pending=0 left 1024 cpu, 1920 MiB, taken tcp [] udp []
            > describe clusters
              = cluster default ACTIVE instances=1 running=1 pending=0
            > run app
              ! NoInstances
            > list instances
              = arn:container-instance/default/m1
            > list instances status=ACTIVE
              =
            > list instances status=DRAINING
              = arn:container-instance/default/m1
            > list instances status=REGISTERING
              =
            > report t1 STOPPED app=STOPPED/0
              task t1 v3 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0 [app STOPPED exit 0]
              = acknowledged
            > turn ACTIVE m1
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > run app
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
        "#]],
    );
}

/// Tasks go to the machines that are left.
#[test]
fn others_take_over() {
    check(
        r#"
machine m1
machine m2
define app
turn DRAINING m1
---
run app count=3 strategy=spread-instance
turn ACTIVE m1 m2
        "#,
        expect![[r#"
            > run app count=3 strategy=spread-instance
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t3 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.3: run t3 (app), run t2 (app), run t1 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
            > turn ACTIVE m1 m2
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              = instance m2 ACTIVE connected=true running=0 pending=3 left 1024 cpu, 1664 MiB, taken tcp [] udp []
        "#]],
    );
}

/// A machine drains however often its agent starts, and also when the control plane starts anew.
#[test]
fn still_drains_after_starts() {
    check(
        r#"
machine m1
define app
turn DRAINING m1
---
register m1 again
connect m1 answers
restart
run app
turn ACTIVE m1
run app
        "#,
        expect![[r#"
            > register m1 again
              = instance m1 DRAINING connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #1 < close
              m1 #2 < manifest 1.2:
            > restart
              epoch 2
            > run app
              ! NoInstances
            > turn ACTIVE m1
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > run app
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// What cannot be turned is a failure of its own; bad calls turn nothing.
#[test]
fn refusals() {
    check(
        r#"
machine m1
machine m2
leave m2
create web
---
turn DRAINING m1 nobody m2 m1
turn INACTIVE m1
turn ASLEEP m1
turn DRAINING
turn DRAINING m1 cluster=nope
turn DRAINING m1 cluster=web
turn DRAINING a b c d e f g h i j k
        "#,
        expect![[r#"
            > turn DRAINING m1 nobody m2 m1
              instance m1 v2 DRAINING 1024 cpu, 2048 MiB [capable]
              = instance m1 DRAINING connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              ! arn:container-instance/default/00000000000000000000000000000007 MISSING
              ! arn:container-instance/default/m2 INACTIVE
            > turn INACTIVE m1
              ! InstanceStatus
            > turn ASLEEP m1
              ! InstanceStatus
            > turn DRAINING
              ! Empty("Container instances")
            > turn DRAINING m1 cluster=nope
              ! ClusterNotFound
            > turn DRAINING m1 cluster=web
              ! arn:container-instance/default/m1 MISSING
            > turn DRAINING a b c d e f g h i j k
              ! TooManyInstances(10)
        "#]],
    );
}

/// A cluster cannot be deleted while machines drain in it, and draining machines can leave.
#[test]
fn drains_and_leaves() {
    check(
        r#"
machine m1
turn DRAINING m1
---
delete default
leave m1
delete default
        "#,
        expect![[r#"
            > delete default
              ! ClusterContainsInstances
            > leave m1
              instance m1 v3 INACTIVE 1024 cpu, 2048 MiB [capable]
              m1 #1 < close
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > delete default
              cluster default INACTIVE
              = cluster default INACTIVE instances=0 running=0 pending=0
        "#]],
    );
}

/// A machine that left can be described for an hour, also across a restart; with tasks on it for as long as it has them.
#[test]
fn is_forgotten() {
    check(
        r#"
machine m1
machine m2
define app
run app strategy=spread-instance count=2
mute m1
mute m2
report t1 STOPPED app=STOPPED/0
leave m1 force
leave m2 force
---
describe instances m1 m2
list instances status=INACTIVE
restart
wait 59m
list instances status=INACTIVE
wait 1m
describe instances m1 m2
list instances status=INACTIVE
        "#,
        expect![[r#"
            > describe instances m1 m2
              = instance m1 INACTIVE connected=false running=0 pending=1 left 0 cpu, 0 MiB, taken tcp [] udp []
              = instance m2 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > list instances status=INACTIVE
              = arn:container-instance/default/m2 arn:container-instance/default/m1
            > restart
              epoch 2
            > wait 59m
              60s
              task t2 v3 STOPPED stoppedAt=60 [app STOPPED]
              task t1 forgotten
              = acknowledged
              120s
              task t2 forgotten
              = acknowledged
            > list instances status=INACTIVE
              = arn:container-instance/default/m2 arn:container-instance/default/m1
            > wait 1m
              3600s
              instance m2 forgotten
              instance m1 forgotten
            > describe instances m1 m2
              ! arn:container-instance/default/m1 MISSING
              ! arn:container-instance/default/m2 MISSING
            > list instances status=INACTIVE
              =
        "#]],
    );
}
