//! Which machine a task goes to.

use expect_test::expect;

use crate::world::check;

/// Binpack fills the fullest machine that still has room.
#[test]
fn binpack() {
    check(
        r#"
machine m1 memory=1000 cpu=4000
machine m2 memory=600 cpu=5000
machine m3 memory=100 cpu=9000
define app : app memory=128 cpu=100
---
run app strategy=binpack-memory count=5
run app strategy=binpack-cpu count=2
        "#,
        expect![[r#"
            > run app strategy=binpack-memory count=5
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m2 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              task t3 PENDING of app:1 on m2 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              task t4 PENDING of app:1 on m2 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              task t5 PENDING of app:1 on m1 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.4: run t2 (app), run t1 (app), run t4 (app), run t3 (app)
              m1 #1 < payload 1.5: run t5 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
              = task t4 PENDING/RUNNING
              = task t5 PENDING/RUNNING
            > run app strategy=binpack-cpu count=2
              task t6 PENDING of app:1 on m1 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              task t7 PENDING of app:1 on m1 in us-east-1a as EC2, 100 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.6: run t6 (app), run t7 (app)
              = task t6 PENDING/RUNNING
              = task t7 PENDING/RUNNING
        "#]],
    );
}

/// Spread goes where the fewest tasks of the group are.
#[test]
fn spread() {
    check(
        r#"
machine m1 zone=a
machine m2 zone=a
machine m3 zone=b
define app
---
run app strategy=spread-instance count=4
run app strategy=spread-zone,binpack-memory count=4 group=other
        "#,
        expect![[r#"
            > run app strategy=spread-instance count=4
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m3 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:app
              task t3 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t4 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.4: run t1 (app), run t4 (app)
              m3 #3 < payload 1.5: run t2 (app)
              m1 #1 < payload 1.6: run t3 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
              = task t4 PENDING/RUNNING
            > run app strategy=spread-zone,binpack-memory count=4 group=other
              task t5 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group other
              task t6 PENDING of app:1 on m3 in us-east-1b as EC2, 0 cpu, 128 MiB, group other
              task t7 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group other
              task t8 PENDING of app:1 on m3 in us-east-1b as EC2, 0 cpu, 128 MiB, group other
              m2 #2 < payload 1.7: run t5 (app), run t7 (app)
              m3 #3 < payload 1.8: run t8 (app), run t6 (app)
              = task t5 PENDING/RUNNING
              = task t6 PENDING/RUNNING
              = task t7 PENDING/RUNNING
              = task t8 PENDING/RUNNING
        "#]],
    );
}

/// A later strategy decides among those that are equal by the earlier ones.
#[test]
fn in_order() {
    check(
        r#"
machine m1 zone=a memory=900
machine m2 zone=a memory=500
machine m3 zone=b memory=700
define app
---
run app strategy=spread-zone,binpack-memory count=3
        "#,
        expect![[r#"
            > run app strategy=spread-zone,binpack-memory count=3
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m3 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:app
              task t3 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.4: run t1 (app), run t3 (app)
              m3 #3 < payload 1.5: run t2 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
        "#]],
    );
}

/// Every machine says what it lacks.
#[test]
fn why_not() {
    check(
        r#"
machine m1 bare
machine m2 serves=EXTERNAL
machine m3 zone=b
machine m4 zone=a memory=10
machine m5 zone=a cpu=10
register m6 zone=a
define app net=awsvpc : app cpu=100
---
run app subnets=a
        "#,
        expect![[r#"
            > run app subnets=a
              ! arn:container-instance/default/m2 ATTRIBUTE
              ! arn:container-instance/default/m3 LOCATION
              ! arn:container-instance/default/m4 RESOURCE:MEMORY
              ! arn:container-instance/default/m6 AGENT
              ! arn:container-instance/default/m1 ATTRIBUTE
              ! arn:container-instance/default/m5 RESOURCE:CPU
        "#]],
    );
}

/// Tasks of a group that must not share machines, and why no machine is left.
#[test]
fn distinct_instances() {
    check(
        r#"
machine m1
machine m2
define app
define web
---
run app distinct count=3
run app count=1 group=other distinct
run web distinct strategy=binpack-memory count=2
        "#,
        expect![[r#"
            > run app distinct count=3
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.3: run t2 (app)
              m1 #1 < payload 1.4: run t1 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              ! arn:container-instance/default/m2 DistinctInstance placement constraint unsatisfied.
              ! arn:container-instance/default/m1 DistinctInstance placement constraint unsatisfied.
            > run app count=1 group=other distinct
              task t3 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group other
              m1 #1 < payload 1.5: run t3 (app)
              = task t3 PENDING/RUNNING
            > run web distinct strategy=binpack-memory count=2
              task t4 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              task t5 PENDING of web:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m2 #2 < payload 1.6: run t5 (app)
              m1 #1 < payload 1.7: run t4 (app)
              = task t4 PENDING/RUNNING
              = task t5 PENDING/RUNNING
        "#]],
    );
}

/// Only machines that are meant: by the request, by the definition, by both.
#[test]
fn members() {
    check(
        r#"
machine m1 attribute=rack:r1 attribute=ssd
machine m2 attribute=rack:r2 attribute=ssd
machine m3 attribute=rack:r2
define app where="attribute:ssd exists"
define any
---
run app where="attribute:rack == r2"
run app count=2 where="attribute:rack =~ r[0-9]" where="not(task:group == family:app)"
run any where="task:group == family:app" where="runningTasksCount < 1" where="attribute:rack != r2"
run any where="attribute:rack in [r3, r4]"
run any where="ec2InstanceId == i-1 or agentConnected != true"
        "#,
        expect![[r#"
            > run app where="attribute:rack == r2"
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.4: run t1 (app)
              = task t1 PENDING/RUNNING
            > run app count=2 where="attribute:rack =~ r[0-9]" where="not(task:group == family:app)"
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.5: run t2 (app)
              = task t2 PENDING/RUNNING
              ! arn:container-instance/default/m2 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m3 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m1 MemberOf placement constraint unsatisfied.
            > run any where="task:group == family:app" where="runningTasksCount < 1" where="attribute:rack != r2"
              task t3 PENDING of any:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:any
              m1 #1 < payload 1.6: run t3 (app)
              = task t3 PENDING/RUNNING
            > run any where="attribute:rack in [r3, r4]"
              ! arn:container-instance/default/m2 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m3 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m1 MemberOf placement constraint unsatisfied.
            > run any where="ec2InstanceId == i-1 or agentConnected != true"
              ! arn:container-instance/default/m2 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m3 MemberOf placement constraint unsatisfied.
              ! arn:container-instance/default/m1 MemberOf placement constraint unsatisfied.
        "#]],
    );
}

/// Constraints that cannot be are refused before anything changes.
#[test]
fn constraints_that_cannot_be() {
    check(
        r#"
machine m1
define app
define many where="attribute:a exists" where="attribute:b exists"
---
run app where="attribute:a ="
run app where=""
run app distinct distinct="attribute:a exists"
run many distinct distinct=x where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists"
run app type=FARGATE distinct
run app type=FARGATE strategy=binpack-cpu
define bad where="foo == bar"
define bad distinct
        "#,
        expect![[r#"
            > run app where="attribute:a ="
              ! Expression { text: "attribute:a =", fault: Fault { at: 13, wrong: Operator } }
            > run app where=""
              ! Empty("The expression of memberOf")
            > run app distinct distinct="attribute:a exists"
              ! DistinctExpression
            > run many distinct distinct=x where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists" where="attribute:a exists"
              ! TooMany { what: "placement constraints", most: 10 }
            > run app type=FARGATE distinct
              ! FargatePlacement("constraints")
            > run app type=FARGATE strategy=binpack-cpu
              ! FargatePlacement("strategies")
            > define bad where="foo == bar"
              ! Expression { text: "foo == bar", fault: Fault { at: 1, wrong: Subject } }
            > define bad distinct
              ! Definition(ConstraintType("distinctInstance"))
        "#]],
    );
}

/// Any attribute can be spread over; machines without it are together.
#[test]
fn spread_over_an_attribute() {
    check(
        r#"
machine m1 attribute=rack:r1
machine m2 attribute=rack:r1
machine m3 attribute=rack:r2
machine m4
define app
---
run app strategy=spread:rack,spread-instance count=6
        "#,
        expect![[r#"
            > run app strategy=spread:rack,spread-instance count=6
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m3 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t3 PENDING of app:1 on m4 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t4 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t5 PENDING of app:1 on m3 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              task t6 PENDING of app:1 on m4 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.5: run t1 (app)
              m3 #3 < payload 1.6: run t5 (app), run t2 (app)
              m4 #4 < payload 1.7: run t6 (app), run t3 (app)
              m1 #1 < payload 1.8: run t4 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
              = task t4 PENDING/RUNNING
              = task t5 PENDING/RUNNING
              = task t6 PENDING/RUNNING
        "#]],
    );
}

/// Who is no longer connected takes nothing, and takes tasks again when it is back.
#[test]
fn connected_again() {
    check(
        r#"
machine m1 memory=900
machine m2 memory=500
define app
---
run app strategy=binpack-memory
close m2
wait 6s
run app strategy=binpack-memory
connect m2
run app strategy=binpack-memory
        "#,
        expect![[r#"
            > run app strategy=binpack-memory
              task t1 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #2 < payload 1.3: run t1 (app)
              = task t1 PENDING/RUNNING
            > close m2
            > wait 6s
            > run app strategy=binpack-memory
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.4: run t2 (app)
              = task t2 PENDING/RUNNING
            > connect m2
              m2 #3 < heartbeat
              m2 #3 < manifest 1.5: run t1
              m2 #3 < payload 1.6: run t1 (app)
            > run app strategy=binpack-memory
              task t3 PENDING of app:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m2 #3 < payload 1.7: run t3 (app)
              = task t3 PENDING/RUNNING
        "#]],
    );
}

/// A definition says what machines must be capable of; a machine that does not announce it takes no such task.
#[test]
fn capabilities() {
    check(
        r#"
machine m1 bare attribute=ecs.capability.task-cpu-mem-limit
---
define plain
define logs exec=arn:aws:iam::123456789012:role/e : app log=awslogs options=awslogs-group:g,awslogs-region:us-east-1
define sized cpu=256 memory=256 : app soft=64
define later role=arn:aws:iam::123456789012:role/r : app privileged unbuilt=interactive unbuilt=links?
run plain
run sized
run logs
        "#,
        expect![[r#"
            > define plain
              family plain newest 1
              definition plain:1 ACTIVE
              = definition plain:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > define logs exec=arn:aws:iam::123456789012:role/e : app log=awslogs options=awslogs-group:g,awslogs-region:us-east-1
              family logs newest 1
              definition logs:1 ACTIVE
              = definition logs:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.18 docker-remote-api.1.19 logging-driver.awslogs execution-role-awslogs]
            > define sized cpu=256 memory=256 : app soft=64
              family sized newest 1
              definition sized:1 ACTIVE
              = definition sized:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.21 task-cpu-mem-limit]
            > define later role=arn:aws:iam::123456789012:role/r : app privileged unbuilt=interactive unbuilt=links?
              family later newest 1
              definition later:1 ACTIVE
              = definition later:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.17 docker-remote-api.1.18 privileged-container task-iam-role]
            > run plain
              task t1 PENDING of plain:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:plain
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run sized
              ! arn:container-instance/default/m1 ATTRIBUTE
            > run logs
              ! arn:container-instance/default/m1 ATTRIBUTE
        "#]],
    );
}
