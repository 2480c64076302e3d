//! Clusters: made, sprung up, refused to go, gone.

use expect_test::expect;

use crate::world::check;

/// To create a cluster again answers the one that is there.
#[test]
fn created_once() {
    check(
        r#"
create web tags=team:a
create web tags=team:b
create
describe clusters web default nope
list clusters
        "#,
        expect![[r#"
            > create web tags=team:a
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0
            > create web tags=team:b
              = cluster web ACTIVE instances=0 running=0 pending=0
            > create
              cluster default ACTIVE
              = cluster default ACTIVE instances=0 running=0 pending=0
            > describe clusters web default nope
              = cluster web ACTIVE instances=0 running=0 pending=0
              = cluster default ACTIVE instances=0 running=0 pending=0
              ! arn:cluster/nope MISSING
            > list clusters
              = arn:cluster/default arn:cluster/web
        "#]],
    );
}

/// Names have a form, and an ARN is not a name for a new cluster.
#[test]
fn names() {
    check(
        r#"
create "a b"
create arn:aws:ecs:us-east-1:123456789012:cluster/web
create web tags=aws:x:1
describe clusters
describe clusters arn:aws:ecs:eu-west-1:123456789012:cluster/web
        "#,
        expect![[r#"
            > create "a b"
              ! ClusterName("a b")
            > create arn:cluster/web
              ! ClusterName("arn:cluster/web")
            > create web tags=aws:x:1
              ! Tags(Key("aws:x"))
            > describe clusters
              ! arn:cluster/default MISSING
            > describe clusters arn:aws:ecs:eu-west-1:123456789012:cluster/web
              ! arn:aws:ecs:eu-west-1:123456789012:cluster/web MISSING
        "#]],
    );
}

/// The default cluster is there once a machine or a task wants it, and no other one.
#[test]
fn default_springs_up() {
    check(
        r#"
list tasks
register m1 cluster=web
register m1
list tasks
leave m1
delete default
define web
run web type=FARGATE
define far net=awsvpc cpu=256 memory=512 for=FARGATE
run far type=FARGATE subnets=a
list clusters
        "#,
        expect![[r#"
            > list tasks
              ! ClusterNotFound
            > register m1 cluster=web
              ! ClusterNotFound
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > list tasks
              =
            > leave m1
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > delete default
              cluster default INACTIVE
              = cluster default INACTIVE instances=0 running=0 pending=0
            > define web
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > run web type=FARGATE
              ! LaunchTypeUnsupported(Fargate)
            > define far net=awsvpc cpu=256 memory=512 for=FARGATE
              family far newest 1
              definition far:1 ACTIVE
              = definition far:1 ACTIVE requires [FARGATE] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 task-cpu-mem-limit task-eni]
            > run far type=FARGATE subnets=a
              cluster default ACTIVE
              ! - Capacity is unavailable at this time. Please try again later or in a different availability zone
            > list clusters
              = arn:cluster/default
        "#]],
    );
}

/// A cluster with machines or tasks stays; one that is gone can be described, and made anew.
#[test]
fn delete_refuses() {
    check(
        r#"
create web
machine m1 cluster=web
define app
---
delete nope
delete web
run app cluster=web
leave m1 cluster=web force
delete web
describe clusters web
report t1 STOPPED cluster=web
delete web
delete web
describe clusters web
list clusters
list tasks cluster=web
run app cluster=web
create web
        "#,
        expect![[r#"
            > delete nope
              ! ClusterNotFound
            > delete web
              ! ClusterContainsInstances
            > run app cluster=web
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > leave m1 cluster=web force
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              task t1 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              m1 #1 < payload 1.3: stop t1 ()
              = instance m1 INACTIVE connected=false running=0 pending=1 left 0 cpu, 0 MiB, taken tcp [] udp []
              task t1 v3 STOPPING
            > delete web
              ! ClusterContainsTasks
            > describe clusters web
              = cluster web ACTIVE instances=0 running=1 pending=0
            > report t1 STOPPED cluster=web
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED]
              m1 #1 < close
              = acknowledged
            > delete web
              cluster web INACTIVE
              = cluster web INACTIVE instances=0 running=0 pending=0
            > delete web
              ! ClusterNotFound
            > describe clusters web
              = cluster web INACTIVE instances=0 running=0 pending=0
            > list clusters
              =
            > list tasks cluster=web
              ! ClusterNotFound
            > run app cluster=web
              ! ClusterNotFound
            > create web
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0
        "#]],
    );
}
