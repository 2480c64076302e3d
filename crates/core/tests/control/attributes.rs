//! What operators say of instances: put, replaced, taken away, listed; lost by nobody.

use expect_test::expect;

use crate::world::check;

/// Attributes are put on several machines at once, replaced, and outlive the agent and the control plane.
#[test]
fn put_and_removed() {
    check(
        r#"
register m1 bare zone=a
register m2 bare
---
put m1 rack:7 ssd | m2 rack:8
put m1 rack:7
put m1 rack:9
list attributes
list attributes name=rack
list attributes name=rack value=8
restart
register m1 again bare zone=a
remove m1 rack:7
remove m1 rack ssd | m2 rack:8
remove m1 rack
list attributes
        "#,
        expect![[r#"
            > put m1 rack:7 ssd | m2 rack:8
              instance m2 v2 ACTIVE 1024 cpu, 2048 MiB [rack=8]
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [ecs.availability-zone=us-east-1a rack=7 ssd]
              = m1/rack:7 m1/ssd m2/rack:8
            > put m1 rack:7
              = m1/rack:7
            > put m1 rack:9
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [ecs.availability-zone=us-east-1a rack=9 ssd]
              = m1/rack:9
            > list attributes
              = m2/rack:8 m1/ecs.availability-zone:us-east-1a m1/rack:9 m1/ssd
            > list attributes name=rack
              = m2/rack:8 m1/rack:9
            > list attributes name=rack value=8
              = m2/rack:8
            > restart
              epoch 2
            > register m1 again bare zone=a
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > remove m1 rack:7
              = m1/rack:7
            > remove m1 rack ssd | m2 rack:8
              instance m2 v3 ACTIVE 1024 cpu, 2048 MiB []
              instance m1 v4 ACTIVE 1024 cpu, 2048 MiB [ecs.availability-zone=us-east-1a]
              = m1/rack m1/ssd m2/rack:8
            > remove m1 rack
              = m1/rack
            > list attributes
              = m1/ecs.availability-zone:us-east-1a
        "#]],
    );
}

/// A page ends within a machine and the next one goes on there.
#[test]
fn pages() {
    check(
        r#"
register m1 bare
register m2 bare
put m1 a:1 b:2 c:3
put m2 a:1
---
list attributes limit=2
list attributes limit=2 name=a
list attributes limit=0
list attributes value=1
list attributes cluster=nope
        "#,
        expect![[r#"
            > list attributes limit=2
              = m2/a:1 m1/a:1
              next m1 a
            > list attributes limit=2 name=a
              = m2/a:1 m1/a:1
            > list attributes limit=0
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
            > list attributes value=1
              ! Attribute(ValueWithoutName)
            > list attributes cluster=nope
              ! ClusterNotFound
        "#]],
    );
}

/// Whatever is wrong with one attribute, none is put.
#[test]
#[expect(clippy::too_many_lines, reason = "one story with its outcome")]
fn refused() {
    check(
        r#"
register m1 bare
register m2 bare
leave m2
---
put m1
put m1 good:1 ecs.os-type:windows
put m1 com.amazonaws.ecs.capability.x
put m1 berth.launch-types:FARGATE
put m1 a!b:1
put m1 "a:b "
put m1 a:
put m1 a:<
put m1 good:1 | m2 good:1
put m9 good:1
put m1 good:1 cluster=nope
put m1 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11
put m1 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10
put m1 a10:again
put m1 a11
remove m1 ecs.os-type
remove m1 a1
put m1 a11
list attributes name=good
        "#,
        expect![[r#"
            > put m1
              ! Empty("Attributes")
            > put m1 good:1 ecs.os-type:windows
              ! Attribute(Name("ecs.os-type"))
            > put m1 com.amazonaws.ecs.capability.x
              ! Attribute(Name("com.amazonaws.ecs.capability.x"))
            > put m1 berth.launch-types:FARGATE
              ! Attribute(Name("berth.launch-types"))
            > put m1 a!b:1
              ! Attribute(Name("a!b"))
            > put m1 "a:b "
              ! Attribute(Value("b "))
            > put m1 a:
              ! Attribute(Value(""))
            > put m1 a:<
              ! Attribute(Value("<"))
            > put m1 good:1 | m2 good:1
              ! TargetNotFound
            > put m9 good:1
              ! TargetNotFound
            > put m1 good:1 cluster=nope
              ! ClusterNotFound
            > put m1 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11
              ! TooMany { what: "attributes", most: 10 }
            > put m1 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [a1 a10 a2 a3 a4 a5 a6 a7 a8 a9]
              = m1/a1 m1/a2 m1/a3 m1/a4 m1/a5 m1/a6 m1/a7 m1/a8 m1/a9 m1/a10
            > put m1 a10:again
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [a1 a10=again a2 a3 a4 a5 a6 a7 a8 a9]
              = m1/a10:again
            > put m1 a11
              ! Attribute(TooManyCustom(10))
            > remove m1 ecs.os-type
              ! Attribute(Name("ecs.os-type"))
            > remove m1 a1
              instance m1 v4 ACTIVE 1024 cpu, 2048 MiB [a10=again a2 a3 a4 a5 a6 a7 a8 a9]
              = m1/a1
            > put m1 a11
              instance m1 v5 ACTIVE 1024 cpu, 2048 MiB [a10=again a11 a2 a3 a4 a5 a6 a7 a8 a9]
              = m1/a11
            > list attributes name=good
              =
        "#]],
    );
}
