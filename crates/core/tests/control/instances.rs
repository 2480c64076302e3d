//! Container instances: joining, coming back, leaving.

use berth_core::ecs::model::TaskStatus;
use expect_test::expect;

use crate::world::{World, check};

/// A machine joins with what its agent announces, and every attribute is answered.
#[test]
fn joins() {
    check(
        r#"
register m1 cpu=4096 memory=8000 zone=b taken=22,2375 attribute=rack:7 attribute=ecs.os-type:linux agent=1.2.3
describe instances m1
list instances
list instances status=INACTIVE
describe instances m1 nobody
        "#,
        expect![[r#"
            > register m1 cpu=4096 memory=8000 zone=b taken=22,2375 attribute=rack:7 attribute=ecs.os-type:linux agent=1.2.3
              cluster default ACTIVE
              instance m1 v1 ACTIVE 4096 cpu, 8000 MiB [capable ecs.availability-zone=us-east-1b ecs.os-type=linux rack=7] agent 1.2.3
              = instance m1 ACTIVE connected=false running=0 pending=0 left 4096 cpu, 8000 MiB, taken tcp [22,2375] udp []
            > describe instances m1
              = instance m1 ACTIVE connected=false running=0 pending=0 left 4096 cpu, 8000 MiB, taken tcp [22,2375] udp []
            > list instances
              = arn:container-instance/default/m1
            > list instances status=INACTIVE
              =
            > describe instances m1 nobody
              = instance m1 ACTIVE connected=false running=0 pending=0 left 4096 cpu, 8000 MiB, taken tcp [22,2375] udp []
              ! arn:container-instance/default/00000000000000000000000000000007 MISSING
        "#]],
    );
}

/// An agent that comes back keeps its instance, and what its operator gave it; capabilities are announced each time.
#[test]
fn comes_back() {
    check(
        r#"
register m1 attribute=rack:7 attribute=ecs.capability.gone tags=team:a agent=1.0.0
register m1 again bare attribute=ecs.os-type:linux cpu=2048
register m1 again bare attribute=ecs.os-type:linux cpu=2048
register m1 again bare attribute=ecs.os-type:linux cpu=2048 tags=team:b
        "#,
        expect![[r#"
            > register m1 attribute=rack:7 attribute=ecs.capability.gone tags=team:a agent=1.0.0
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable ecs.capability.gone rack=7] agent 1.0.0
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > register m1 again bare attribute=ecs.os-type:linux cpu=2048
              instance m1 v2 ACTIVE 2048 cpu, 2048 MiB [ecs.os-type=linux rack=7] agent 1.0.0
              = instance m1 ACTIVE connected=false running=0 pending=0 left 2048 cpu, 2048 MiB, taken tcp [] udp []
            > register m1 again bare attribute=ecs.os-type:linux cpu=2048
              = instance m1 ACTIVE connected=false running=0 pending=0 left 2048 cpu, 2048 MiB, taken tcp [] udp []
            > register m1 again bare attribute=ecs.os-type:linux cpu=2048 tags=team:b
              instance m1 v3 ACTIVE 2048 cpu, 2048 MiB [ecs.os-type=linux rack=7] agent 1.0.0
              = instance m1 ACTIVE connected=false running=0 pending=0 left 2048 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// The same token is the same machine; another token is another one.
#[test]
fn token() {
    check(
        r#"
register m1 token=a
register m2 token=b
register m3 token=a
list instances
        "#,
        expect![[r#"
            > register m1 token=a
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > register m2 token=b
              instance m2 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > register m3 token=a
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > list instances
              = arn:container-instance/default/m2 arn:container-instance/default/m1
        "#]],
    );
}

/// Of two attributes with one name the later one counts.
#[test]
fn same_name_twice() {
    check(
        r#"
register m1 bare attribute=rack:1 attribute=rack:2
        "#,
        expect![[r#"
            > register m1 bare attribute=rack:1 attribute=rack:2
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [rack=2]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// What a machine says of itself has bounds.
#[test]
fn limits() {
    check(
        r#"
register m1 cluster=nope
register m1 tags=aws:a:1
register m1 bare attribute=:x
register m1 arn=arn:aws:ecs:us-east-1:123456789012:container-instance/web/00000000000000000000000000000007
register m1 arn=arn:aws:ecs:us-east-2:123456789012:container-instance/default/00000000000000000000000000000007
register m1 token=01234567890123456789012345678901234567890123456789012345678901234
register m1 arn=arn:aws:ecs:us-east-1:123456789012:container-instance/default/00000000000000000000000000000007
        "#,
        expect![[r#"
            > register m1 cluster=nope
              ! ClusterNotFound
            > register m1 tags=aws:a:1
              ! Tags(Key("aws:a"))
            > register m1 bare attribute=:x
              ! Empty("Attribute names")
            > register m1 arn=arn:container-instance/web/m1
              ! Identifier("arn:container-instance/web/m1")
            > register m1 arn=arn:aws:ecs:us-east-2:123456789012:container-instance/default/m1
              ! ForeignArn("arn:aws:ecs:us-east-2:123456789012:container-instance/default/m1")
            > register m1 token=01234567890123456789012345678901234567890123456789012345678901234
              ! TooLong { member: "clientToken", most: 64 }
            > register m1 arn=arn:container-instance/default/m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// The bound is one for all that a machine has, also when it brings other attributes each time that it comes back.
#[test]
fn attributes_do_not_pile_up() {
    let mut world = World::new();
    let some =
        |first: u32, count: u32| -> String { (first..first + count).map(|n| format!(" attribute=a{n}")).collect() };
    world.tell_line(&format!("register m1 bare{}", some(0, 500)));
    for (line, expected) in [
        (format!("register m1 again bare{}", some(0, 500)), None),
        (format!("register m1 again bare{}", some(500, 1)), Some("attributes")),
        (format!("register m2 bare{}", some(0, 501)), Some("attributes")),
    ] {
        world.printed.clear();
        world.tell_line(&line);
        let refused = format!("! TooMany {{ what: {:?}, most: 500 }}", expected.unwrap_or_default());
        assert_eq!(
            world.printed.contains(&refused),
            expected.is_some(),
            "{}",
            world.printed
        );
    }
}

/// A machine without tasks leaves; it can be described, but takes nothing.
#[test]
fn leaves() {
    check(
        r#"
machine m1
define app
---
leave nobody
leave m1
leave m1
describe instances m1
list instances
list instances status=INACTIVE
run app
connect m1
        "#,
        expect![[r#"
            > leave nobody
              ! InstanceNotFound
            > leave m1
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              m1 #1 < close
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > leave m1
              ! InstanceNotFound
            > describe instances m1
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > list instances
              =
            > list instances status=INACTIVE
              = arn:container-instance/default/m1
            > run app
              ! NoInstances
            > connect m1
              m1 #2 < close
        "#]],
    );
}

/// With tasks it takes force: they are told to stop, and the connection lasts until they are over.
#[test]
fn leaves_with_tasks() {
    check(
        r#"
machine m1
define app
run app count=2
report t1 RUNNING app=RUNNING
report t2 RUNNING app=RUNNING
---
leave m1
leave m1 force
report t1 STOPPED app=STOPPED/143
report t2 STOPPED app=STOPPED/143
describe tasks t1 t2
        "#,
        expect![[r#"
            > leave m1
              ! InstanceHasTasks
            > leave m1 force
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              task t2 v3 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              task t1 v3 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              m1 #1 < payload 1.3: stop t2 (), stop t1 ()
              = instance m1 INACTIVE connected=false running=2 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
              task t2 v4 STOPPING
              task t1 v4 STOPPING
            > report t1 STOPPED app=STOPPED/143
              task t1 v5 STOPPED stoppedAt=0 [app STOPPED exit 143]
              = acknowledged
            > report t2 STOPPED app=STOPPED/143
              task t2 v5 STOPPED stoppedAt=0 [app STOPPED exit 143]
              m1 #1 < close
              = acknowledged
            > describe tasks t1 t2
              = task t1 STOPPED/STOPPED UserInitiated "Container instance deregistration forced by user."
              = task t2 STOPPED/STOPPED UserInitiated "Container instance deregistration forced by user."
        "#]],
    );
}

/// Tasks of a machine that left and whose agent is gone are over: nobody else could say so.
#[test]
fn leaves_without_its_agent() {
    check(
        r#"
machine m1
define app net=awsvpc
run app subnets=a count=2
report t1 RUNNING app=RUNNING attached
---
close m1
stop t2
wait 10s
leave m1
leave m1 force
delete default
        "#,
        expect![[r#"
            > close m1
            > stop t2
              task t2 v2 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              = task t2 PROVISIONING/STOPPED UserInitiated "Task stopped by user"
            > wait 10s
            > leave m1
              ! InstanceHasTasks
            > leave m1 force
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              task t2 v3 STOPPED stoppedAt=10 [app STOPPED]
              task t1 v3 STOPPED desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=10 stoppedAt=10 [app STOPPED]
              interface given back
              interface given back
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
            > delete default
              cluster default INACTIVE
              = cluster default INACTIVE instances=0 running=0 pending=0
        "#]],
    );
}

/// An agent that vanishes before it has said that its tasks are over is not waited for.
#[test]
fn leaves_and_then_falls_silent() {
    check(
        r#"
machine m1
define app
run app
---
mute m1
leave m1 force
close m1
connect m1
close m1
wait 10s
        "#,
        expect![[r#"
            > mute m1
            > leave m1 force
              instance m1 v2 INACTIVE 1024 cpu, 2048 MiB [capable]
              task t1 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              m1 #1 < payload 1.3: stop t1 ()
              = instance m1 INACTIVE connected=false running=0 pending=1 left 0 cpu, 0 MiB, taken tcp [] udp []
            > close m1
            > connect m1
              m1 #2 < heartbeat
              m1 #2 < manifest 1.4: stop t1
              m1 #2 < payload 1.5: stop t1 ()
            > close m1
            > wait 10s
              5s
              task t1 v3 STOPPED stoppedAt=5 [app STOPPED]
        "#]],
    );
}

/// Deregistering is final: whoever names the instance is told so, and the machine may join as a new one.
#[test]
fn what_left_is_gone() {
    check(
        r#"
register m1 token=x attribute=rack:7
leave m1
---
register m1 again bare
register m1 token=x bare
        "#,
        expect![[r#"
            > register m1 again bare
              ! InstanceGone(InstanceId(237729226909820703720243332763618106311))
            > register m1 token=x bare
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB []
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// An agent that starts again while its machine leaves gets its instance once more, to stop what is left on it.
#[test]
fn starts_again_while_it_leaves() {
    check(
        r#"
machine m1
define app
run app
mute m1
leave m1 force
---
register m1 again
connect m1
ack m1
run app
report t1 STOPPED app=STOPPED/0
register m1 again
describe instances m1
        "#,
        expect![[r#"
            > register m1 again
              = instance m1 INACTIVE connected=false running=0 pending=1 left 0 cpu, 0 MiB, taken tcp [] udp []
            > connect m1
              m1 #1 < close
              m1 #2 < heartbeat
              m1 #2 < manifest 1.4: stop t1
              m1 #2 < payload 1.5: stop t1 ()
            > ack m1
              task t1 v3 STOPPING
            > run app
              ! NoInstances
            > report t1 STOPPED app=STOPPED/0
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED exit 0]
              m1 #2 < close
              = acknowledged
            > register m1 again
              ! InstanceGone(InstanceId(237729226909820703720243332763618106311))
            > describe instances m1
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
        "#]],
    );
}

/// Many tasks are told in slices, one after the other, also when the control plane ends in between.
#[test]
fn leaves_with_many_tasks() {
    let scene =
        "machine m1 cpu=10000 memory=100000\ndefine app\nmute m1\n".to_owned() + &"run app count=10\n".repeat(6);
    let told = |world: &World| {
        let tasks = world.control.state().ecs().tasks();
        tasks
            .iter()
            .filter(|task| task.desired_status == TaskStatus::Stopped)
            .count()
    };
    let mut world = World::new();
    world.tell(&scene);
    world.tell("leave m1 force");
    assert_eq!(told(&world), 30);
    world.tell("wait 0s");
    assert_eq!(told(&world), 60);

    let mut world = World::new();
    world.tell(&scene);
    world.tell("leave m1 force\nrestart");
    assert_eq!(told(&world), 60);
}

/// A machine that comes back is of the type that it was.
#[test]
fn type_stays() {
    check(
        r#"
machine m1 attribute=ecs.instance-type:t3.micro
---
register m1 again attribute=ecs.instance-type:t3.large
register m1 again
register m1 again attribute=ecs.instance-type:t3.large attribute=ecs.instance-type:t3.micro
        "#,
        expect![[r#"
            > register m1 again attribute=ecs.instance-type:t3.large
              ! InstanceType { id: InstanceId(237729226909820703720243332763618106311), before: "t3.micro" }
            > register m1 again
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > register m1 again attribute=ecs.instance-type:t3.large attribute=ecs.instance-type:t3.micro
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// Lists can be narrowed by expressions, by themselves and beside a status, page by page.
#[test]
fn are_found_by_expressions() {
    check(
        r#"
machine m1 attribute=rack:7 agent=1.2.3
machine m2 attribute=rack:7
machine m3 attribute=rack:8
register m4 attribute=rack:7
define app
run app group=blue
turn DRAINING m2
---
list instances filter="attribute:rack == 7"
list instances filter="attribute:rack == 7" limit=1
list instances filter="attribute:rack == 7" status=DRAINING
list instances filter="not(attribute:rack == 7)"
list instances filter="agentConnected == false"
list instances filter="task:group == blue"
list instances filter="agentVersion >= 1.2"
        "#,
        expect![[r#"
            > list instances filter="attribute:rack == 7"
              = arn:container-instance/default/m2 arn:container-instance/default/m4 arn:container-instance/default/m1
            > list instances filter="attribute:rack == 7" limit=1
              = arn:container-instance/default/m2
              next arn:container-instance/default/m2
            > list instances filter="attribute:rack == 7" status=DRAINING
              = arn:container-instance/default/m2
            > list instances filter="not(attribute:rack == 7)"
              = arn:container-instance/default/m3
            > list instances filter="agentConnected == false"
              = arn:container-instance/default/m4
            > list instances filter="task:group == blue"
              = arn:container-instance/default/m1
            > list instances filter="agentVersion >= 1.2"
              = arn:container-instance/default/m1
        "#]],
    );
}
