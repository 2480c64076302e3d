//! How well containers are, as their agents say: shown with the tasks, and nothing follows from it.

use expect_test::expect;

use crate::world::check;

#[test]
fn essential_containers_decide() {
    check(
        r#"
register m1
connect m1 answers
define web : a health=CMD,true | b health=CMD,true | c optional health=CMD,true
run web
report t1 RUNNING
describe tasks t1
probed m1 t1 a=HEALTHY
describe tasks t1
probed m1 t1 b=HEALTHY c=UNHEALTHY
describe tasks t1
probed m1 t1 b=UNHEALTHY
describe tasks t1
probed m1 t1 a=UNKNOWN
describe tasks t1
        "#,
        expect![[r#"
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #1 < manifest 1.1:
            > define web : a health=CMD,true | b health=CMD,true | c optional health=CMD,true
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.24 container-health-check]
            > run web
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 384 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (a b c)
              = task t1 PENDING/RUNNING
            > report t1 RUNNING
              task t1 v2 RUNNING startedAt=0
              = acknowledged
            > describe tasks t1
              = task t1 RUNNING/RUNNING
            > probed m1 t1 a=HEALTHY
            > describe tasks t1
              = task t1 RUNNING/RUNNING UNKNOWN [HEALTHY UNKNOWN UNKNOWN]
            > probed m1 t1 b=HEALTHY c=UNHEALTHY
            > describe tasks t1
              = task t1 RUNNING/RUNNING HEALTHY [HEALTHY HEALTHY UNHEALTHY]
            > probed m1 t1 b=UNHEALTHY
            > describe tasks t1
              = task t1 RUNNING/RUNNING UNHEALTHY [HEALTHY UNHEALTHY UNHEALTHY]
            > probed m1 t1 a=UNKNOWN
            > describe tasks t1
              = task t1 RUNNING/RUNNING UNHEALTHY [UNKNOWN UNHEALTHY UNHEALTHY]
        "#]],
    );
}

#[test]
fn an_agent_tells_of_its_own_tasks_and_their_containers_only() {
    check(
        r#"
register m1
connect m1 answers
register m2
connect m2 answers
define web : a health=CMD,true
start web on=m1
probed m2 t1 a=HEALTHY
probed m1 t1 b=HEALTHY
describe tasks t1
probed m1 t1 a=HEALTHY
describe tasks t1
        "#,
        expect![[r#"
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #1 < manifest 1.1:
            > register m2
              instance m2 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m2 answers
              m2 #2 < manifest 1.2:
            > define web : a health=CMD,true
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.24 container-health-check]
            > start web on=m1
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.3: run t1 (a)
              = task t1 PENDING/RUNNING
            > probed m2 t1 a=HEALTHY
            > probed m1 t1 b=HEALTHY
            > describe tasks t1
              = task t1 PENDING/RUNNING
            > probed m1 t1 a=HEALTHY
            > describe tasks t1
              = task t1 PENDING/RUNNING HEALTHY [HEALTHY]
        "#]],
    );
}

/// What was said last counts while the agent is away, and is not stored: after a restart it is said again.
#[test]
fn what_was_said_last_counts_until_the_control_plane_starts_anew() {
    check(
        r#"
register m1
connect m1 answers
define web : a health=CMD,true
run web
probed m1 t1 a=HEALTHY
close m1
describe tasks t1
restart
describe tasks t1
        "#,
        expect![[r#"
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 answers
              m1 #1 < manifest 1.1:
            > define web : a health=CMD,true
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.24 container-health-check]
            > run web
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (a)
              = task t1 PENDING/RUNNING
            > probed m1 t1 a=HEALTHY
            > close m1
            > describe tasks t1
              = task t1 PENDING/RUNNING HEALTHY [HEALTHY]
            > restart
              epoch 2
            > describe tasks t1
              = task t1 PENDING/RUNNING
        "#]],
    );
}
