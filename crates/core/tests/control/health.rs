//! How well container instances are, as they say and as the control plane sees it.

use expect_test::expect;

use crate::world::check;

/// A machine that joined is looked at as soon as its agent connects, and tells of its runtime.
#[test]
fn a_machine_tells() {
    check(
        r#"
register m1
describe health m1
connect m1 answers
describe health m1
wait 5s
checked m1 CONTAINER_RUNTIME=OK
describe health m1
wait 20s
checked m1 CONTAINER_RUNTIME=IMPAIRED/"containerd does not answer" ACCELERATED_COMPUTE=OK
describe health m1
wait 20s
checked m1 CONTAINER_RUNTIME=IMPAIRED
describe health m1
        "#,
        expect![[r#"
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > describe health m1
              = CONTAINER_RUNTIME INITIALIZING since=0 seen=0
              = AGENT_CONNECTIVITY INITIALIZING since=0 seen=0
            > connect m1 answers
              m1 #1 < manifest 1.1:
            > describe health m1
              = CONTAINER_RUNTIME INITIALIZING since=0 seen=0
              = AGENT_CONNECTIVITY OK since=0 seen=0
            > wait 5s
            > checked m1 CONTAINER_RUNTIME=OK
            > describe health m1
              = CONTAINER_RUNTIME OK since=5 seen=5
              = AGENT_CONNECTIVITY OK since=0 seen=0
            > wait 20s
            > checked m1 CONTAINER_RUNTIME=IMPAIRED/"containerd does not answer" ACCELERATED_COMPUTE=OK
            > describe health m1
              = CONTAINER_RUNTIME IMPAIRED "containerd does not answer" since=25 seen=25
              = ACCELERATED_COMPUTE OK since=25 seen=25
              = AGENT_CONNECTIVITY OK since=0 seen=20
            > wait 20s
            > checked m1 CONTAINER_RUNTIME=IMPAIRED
            > describe health m1
              = CONTAINER_RUNTIME IMPAIRED since=25 seen=45
              = ACCELERATED_COMPUTE OK since=25 seen=25
              = AGENT_CONNECTIVITY OK since=0 seen=40
        "#]],
    );
}

/// What a machine said that is gone does not count any more; when it comes back, it does again.
#[test]
fn a_machine_goes() {
    check(
        r#"
machine m1
checked m1 CONTAINER_RUNTIME=OK
close m1
---
wait 4s
describe health m1
wait 1s
describe health m1
wait 10s
connect m1 answers
describe health m1
restart
describe health m1
wait 2m
describe health m1
leave m1
checked m1 CONTAINER_RUNTIME=OK
describe health m1
        "#,
        expect![[r#"
            > wait 4s
            > describe health m1
              = CONTAINER_RUNTIME OK since=0 seen=0
              = AGENT_CONNECTIVITY OK since=0 seen=0
            > wait 1s
            > describe health m1
              = CONTAINER_RUNTIME INSUFFICIENT_DATA since=5 seen=0
              = AGENT_CONNECTIVITY IMPAIRED since=5 seen=5
            > wait 10s
            > connect m1 answers
              m1 #2 < manifest 1.2:
            > describe health m1
              = CONTAINER_RUNTIME OK since=0 seen=0
              = AGENT_CONNECTIVITY OK since=15 seen=15
            > restart
              epoch 2
            > describe health m1
              = CONTAINER_RUNTIME INITIALIZING since=15 seen=15
              = AGENT_CONNECTIVITY OK since=15 seen=15
            > wait 2m
            > describe health m1
              = CONTAINER_RUNTIME INSUFFICIENT_DATA since=75 seen=75
              = AGENT_CONNECTIVITY IMPAIRED since=75 seen=75
            > leave m1
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > checked m1 CONTAINER_RUNTIME=OK
            > describe health m1
              = CONTAINER_RUNTIME INSUFFICIENT_DATA since=135 seen=135
              = AGENT_CONNECTIVITY IMPAIRED since=135 seen=135
        "#]],
    );
}
