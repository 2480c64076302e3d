//! Client tokens in stories: a repeated request answers what the first one made, whatever has changed since.

use crate::world::check;
use expect_test::expect;

/// A repeated request answers the tasks that it made, whatever has changed since; another request may not use the token.
#[test]
fn token() {
    check(
        r#"
machine m1
define app
---
run app token=a count=2
run app token=a count=2
run app token=a count=3
undefine app:1
leave m1 force
run app token=a count=2
report t1 STOPPED
report t2 STOPPED
wait 61m
run app token=a count=2
wait 24h
run app token=a count=2
        "#,
        expect![[r#"
            > run app token=a count=2
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              token a remembered
              m1 #1 < payload 1.2: run t2 (app), run t1 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
            > run app token=a count=2
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
            > run app token=a count=3
              ! TokenConflict { resource_ids: ["arn:task/default/t1", "arn:task/default/t2"] }
            > undefine app:1
              definition app:1 INACTIVE
              = definition app:1 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > leave m1 force
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              task t2 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              task t1 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              m1 #1 < payload 1.3: stop t2 (), stop t1 ()
              = instance m1 INACTIVE connected=false running=0 pending=2 left 0 cpu, 0 MiB, taken tcp [] udp []
              task t2 v3 STOPPING
              task t1 v3 STOPPING
            > run app token=a count=2
              = task t1 STOPPING/STOPPED UserInitiated "Container instance deregistration forced by user."
              = task t2 STOPPING/STOPPED UserInitiated "Container instance deregistration forced by user."
            > report t1 STOPPED
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
            > report t2 STOPPED
              task t2 v4 STOPPED stoppedAt=0 [app STOPPED]
              m1 #1 < close
              = acknowledged
            > wait 61m
              60s
              task t2 forgotten
              task t1 forgotten
              = acknowledged
              3600s
              instance m1 forgotten
            > run app token=a count=2
              = task t1 STOPPED/STOPPED UserInitiated "Container instance deregistration forced by user."
              = task t2 STOPPED/STOPPED UserInitiated "Container instance deregistration forced by user."
            > wait 24h
              86400s
              token a forgotten
            > run app token=a count=2
              ! DefinitionNotFound
        "#]],
    );
}

/// A token that made nothing is free.
#[test]
fn token_of_a_failure() {
    check(
        r#"
machine m1 cpu=10
define app : app cpu=100
---
run app token=a
machine m2
run app token=a
        "#,
        expect![[r#"
            > run app token=a
              ! arn:container-instance/default/m1 RESOURCE:CPU
            > machine m2
              instance m2 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              m2 #2 < manifest 1.2:
            > run app token=a
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              token a remembered
              m2 #2 < payload 1.3: run t1 (app)
              = task t1 PENDING/RUNNING
        "#]],
    );
}
