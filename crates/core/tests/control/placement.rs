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
