//! When there is too little disk space, nothing new is taken in, and everything else goes on.

use expect_test::expect;

use crate::world::check;

#[test]
fn creations_are_refused_and_all_else_works() {
    check(
        r#"
machine m1
define app
run app token=a
create web
disk full
---
create db
create web
define app
run app
run app token=a
report t1 RUNNING
stop t1
report t1 STOPPED
register m2
undefine app:1
delete web
list clusters
disk free
create db
        "#,
        expect![[r#"
            > create db
              ! LowSpace
            > create web
              ! LowSpace
            > define app
              ! LowSpace
            > run app
              ! LowSpace
            > run app token=a
              ! LowSpace
            > report t1 RUNNING
              task t1 v2 RUNNING startedAt=0
              = acknowledged
            > stop t1
              task t1 v3 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              m1 #1 < payload 1.3: stop t1 ()
              = task t1 RUNNING/STOPPED UserInitiated "Task stopped by user"
              task t1 v4 STOPPING
            > report t1 STOPPED
              task t1 v5 STOPPED stoppedAt=0 [app STOPPED]
              = acknowledged
            > register m2
              instance m2 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > undefine app:1
              definition app:1 INACTIVE
              = definition app:1 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > delete web
              cluster web INACTIVE
              = cluster web INACTIVE instances=0 running=0 pending=0
            > list clusters
              = arn:cluster/default
            > disk free
            > create db
              cluster db ACTIVE
              = cluster db ACTIVE instances=0 running=0 pending=0
        "#]],
    );
}
