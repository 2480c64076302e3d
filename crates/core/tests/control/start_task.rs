//! StartTask: the caller names the machines; each that cannot take its task is a failure of its own.

use expect_test::expect;

use crate::world::check;

/// One task per machine, in the order given; a machine that is named twice gets two.
#[test]
fn on_named_machines() {
    check(
        r#"
machine m1
machine m2 zone=b external
define web
---
start web on=m2,m1,m1 by=me group=g
list tasks on=m1
        "#,
        expect![[r#"
            > start web on=m2,m1,m1 by=me group=g
              task t1 PENDING of web:1 on m2 in us-east-1b as EXTERNAL, 0 cpu, 128 MiB, group g, by me
              task t2 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group g, by me
              task t3 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group g, by me
              m2 #2 < payload 1.3: run t1 (app)
              m1 #1 < payload 1.4: run t2 (app), run t3 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
            > list tasks on=m1
              = arn:task/default/t2 arn:task/default/t3
        "#]],
    );
}

/// Whatever keeps a machine from taking a task is told by machine, and the others get theirs.
#[test]
fn failures() {
    check(
        r#"
machine m1 memory=200
machine m2 cpu=5
machine m3 arch=arm64
machine m4
machine m5
machine m6 serves=FARGATE
machine m7
machine m8
close m5
wait 1m
leave m4
turn DRAINING m8
define web arch=X86_64 : app memory=150 cpu=10 port=80:80
---
start web on=m1,m2,m3,m4,m5,m6,nobody,m7,m7,m8
start web on=m1
        "#,
        expect![[r#"
            > start web on=m1,m2,m3,m4,m5,m6,nobody,m7,m7,m8
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 10 cpu, 150 MiB, group family:web
              task t2 PENDING of web:1 on m7 in us-east-1a as EC2, 10 cpu, 150 MiB, group family:web
              m7 #7 < payload 1.9: run t2 (app)
              m1 #1 < payload 1.10: run t1 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              ! arn:container-instance/default/m2 RESOURCE:CPU
              ! arn:container-instance/default/m3 ATTRIBUTE
              ! arn:container-instance/default/m4 INACTIVE
              ! arn:container-instance/default/m5 AGENT
              ! arn:container-instance/default/m6 ATTRIBUTE
              ! arn:container-instance/default/nobody MISSING
              ! arn:container-instance/default/m7 RESOURCE:PORTS
              ! arn:container-instance/default/m8 INACTIVE
            > start web on=m1
              ! arn:container-instance/default/m1 RESOURCE:MEMORY
        "#]],
    );
}

/// An awsvpc task needs a subnet in the zone of its machine.
#[test]
fn awsvpc() {
    check(
        r#"
machine m1 zone=a
machine m2 zone=b
define web net=awsvpc
---
start web on=m1
start web on=m1,m2 subnets=b
        "#,
        expect![[r#"
            > start web on=m1
              ! NetworkMissing
            > start web on=m1,m2 subnets=b
              task t1 PROVISIONING of web:1 on m2 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:web
              interface in us-east-1b
              m2 #2 < payload 1.3: run t1 (app) with its interface
              = task t1 PROVISIONING/RUNNING
              ! arn:container-instance/default/m1 LOCATION
        "#]],
    );
}

/// What no machine could mend is refused as a whole.
#[test]
fn refusals() {
    check(
        r#"
machine m1
define web
define old
undefine old:1
define role role=arn:aws:iam::123456789012:role/x
---
start web
start web on=1,2,3,4,5,6,7,8,9,10,11
start web on=m1 by=0123456789012345678901234567890123456
start web on=m1 by=012345678901234567890123456789012345
start nobody on=m1
start old:1 on=m1
start role on=m1
start web on=m1 cluster=nope
start web on=m1 unbuilt=enableExecuteCommand
start web on=m1 group=service:web
start web on=m1 : other command=x
        "#,
        expect![[r#"
            > start web
              ! Empty("Container instances")
            > start web on=1,2,3,4,5,6,7,8,9,10,11
              ! TooMany { what: "container instances", most: 10 }
            > start web on=m1 by=0123456789012345678901234567890123456
              ! TooLong { member: "startedBy", most: 36 }
            > start web on=m1 by=012345678901234567890123456789012345
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, by 012345678901234567890123456789012345
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > start nobody on=m1
              ! DefinitionNotFound
            > start old:1 on=m1
              ! DefinitionInactive
            > start role on=m1
              ! NotBuilt("Berth does not carry out 'taskRoleArn' yet: tasks cannot have a role.")
            > start web on=m1 cluster=nope
              ! ClusterNotFound
            > start web on=m1 unbuilt=enableExecuteCommand
              ! NotBuilt("Berth does not carry out 'enableExecuteCommand' of StartTask yet.")
            > start web on=m1 group=service:web
              ! Launch(GroupReserved("service:web"))
            > start web on=m1 : other command=x
              ! Launch(OverrideUnknown("other"))
        "#]],
    );
}
