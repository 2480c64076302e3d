//! Overrides: what they change, what they reserve, and which are refused.

use berth_core::ecs::view::Reply;
use expect_test::expect;

use crate::world::{World, check};

/// The agent is told what the overrides make of the definition, and keeps being told so after a restart.
#[test]
fn command_and_environment() {
    check(
        r#"
machine m1
define web : app command=serve env=A:1,B:2 | side optional env=S:1
---
run web : app command=once,twice env=B:3,C:4
report t1 RUNNING app=RUNNING side=RUNNING
restart
connect m1
        "#,
        expect![[r#"
            > run web : app command=once,twice env=B:3,C:4
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 256 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (app runs once twice A=1 B=3 C=4 side S=1)
              = task t1 PENDING/RUNNING
            > report t1 RUNNING app=RUNNING side=RUNNING
              task t1 v2 RUNNING startedAt=0 [app RUNNING] [side RUNNING]
              = acknowledged
            > restart
              epoch 2
            > connect m1
              m1 #2 < heartbeat
              m1 #2 < manifest 2.1: run t1
              m1 #2 < payload 2.2: run t1 (app runs once twice A=1 B=3 C=4 side S=1)
        "#]],
    );
}

/// Sizes change what a task takes from its machine.
#[test]
fn sizes() {
    check(
        r#"
machine m1 cpu=1000 memory=1000
define web : app memory=100 cpu=10
define sized cpu=256 memory=512 : app memory=100
---
run web : app memory=600 cpu=500
run web : app memory=600
run web : app memory=100 soft=50 cpu=500
describe instances m1
run sized cpu=200 memory=300 : app memory=280
run sized "memory=0.1 GB" cpu=.125vcpu : app memory=64
stop t1
report t1 STOPPED app=STOPPED/0
describe instances m1
        "#,
        expect![[r#"
            > run web : app memory=600 cpu=500
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 500 cpu, 600 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run web : app memory=600
              ! arn:container-instance/default/m1 RESOURCE:MEMORY
            > run web : app memory=100 soft=50 cpu=500
              task t2 PENDING of web:1 on m1 in us-east-1a as EC2, 500 cpu, 50 MiB, group family:web
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=2 left 0 cpu, 350 MiB, taken tcp [] udp []
            > run sized cpu=200 memory=300 : app memory=280
              ! arn:container-instance/default/m1 RESOURCE:CPU
            > run sized "memory=0.1 GB" cpu=.125vcpu : app memory=64
              ! Launch(Override(TaskMemory))
            > stop t1
              task t1 v2 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              m1 #1 < payload 1.4: stop t1 ()
              = task t1 PENDING/STOPPED UserInitiated "Task stopped by user"
              task t1 v3 STOPPING
            > report t1 STOPPED app=STOPPED/0
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED exit 0]
              = acknowledged
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=1 left 500 cpu, 950 MiB, taken tcp [] udp []
        "#]],
    );
}

/// A task that gets a size needs a machine that can limit whole tasks.
#[test]
fn sizes_need_a_capability() {
    check(
        r#"
register m1 bare attribute=com.amazonaws.ecs.capability.docker-remote-api.1.18
connect m1 answers
define web
---
run web cpu=256
run web : app cpu=256
        "#,
        expect![[r#"
            > run web cpu=256
              ! arn:container-instance/default/m1 ATTRIBUTE
            > run web : app cpu=256
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 256 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// FARGATE has certain sizes only, also by override.
#[test]
fn fargate_sizes() {
    check(
        r#"
machine m1 serves=FARGATE cpu=4096 memory=8192
define web net=awsvpc cpu=256 memory=512
---
run web subnets=a type=FARGATE cpu=300
run web subnets=a type=FARGATE memory=4096
run web subnets=a type=FARGATE cpu=512 memory=4096
        "#,
        expect![[r#"
            > run web subnets=a type=FARGATE cpu=300
              ! Launch(Override(FargateCpu))
            > run web subnets=a type=FARGATE memory=4096
              ! Launch(Override(FargateSize))
            > run web subnets=a type=FARGATE cpu=512 memory=4096
              task t1 PROVISIONING of web:1 on m1 in us-east-1a as FARGATE, 512 cpu, 4096 MiB, group family:web
              interface in us-east-1a
              m1 #1 < payload 1.2: run t1 (app) with its interface
              = task t1 PROVISIONING/RUNNING
        "#]],
    );
}

/// What cannot be overridden of a container is refused, whatever else would be fine.
#[test]
fn refusals_of_containers() {
    check(
        r#"
machine m1
define web memory=256 : app memory=128 soft=64
---
run web : nobody command=x
run web : command=x
run web : app command=x | app command=y
run web : app env=:x
run web : app cpu=-1
run web : app memory=-1
run web : app soft=-1
run web : app memory=3
run web : app memory=3 soft=3
run web : app memory=32
run web : app memory=300
run web : app soft=300
        "#,
        expect![[r#"
            > run web : nobody command=x
              ! Launch(OverrideUnknown("nobody"))
            > run web : command=x
              ! Launch(OverrideNameMissing)
            > run web : app command=x | app command=y
              ! Launch(OverrideTwice("app"))
            > run web : app env=:x
              ! Launch(Override(EnvironmentName))
            > run web : app cpu=-1
              ! Launch(Override(Negative { member: "cpu" }))
            > run web : app memory=-1
              ! Launch(Override(Negative { member: "memory" }))
            > run web : app soft=-1
              ! Launch(Override(Negative { member: "memoryReservation" }))
            > run web : app memory=3
              ! Launch(Override(ReservationAboveLimit("app")))
            > run web : app memory=3 soft=3
              ! Launch(Override(MemoryTooSmall("app")))
            > run web : app memory=32
              ! Launch(Override(ReservationAboveLimit("app")))
            > run web : app memory=300
              ! Launch(Override(ContainersAboveTask("memory")))
            > run web : app soft=300
              ! Launch(Override(ReservationAboveLimit("app")))
        "#]],
    );
}

/// What is required of the machine must have a value that can be, and be something that is shared out.
#[test]
fn refusals_of_resources() {
    check(
        r#"
machine m1
define web
---
run web : app needs=GPU:0
run web : app needs=GPU:x
run web : app needs=NeuronDevice:1
run web : app needs=FPGA:1
run web : app needs=GPU:1,GPU:2
run web : app needs=NeuronDevice:ALL
run web type=FARGATE : app needs=GPU:1
        "#,
        expect![[r#"
            > run web : app needs=GPU:0
              ! Launch(Override(Word { member: "resourceRequirements.value", word: "0" }))
            > run web : app needs=GPU:x
              ! Launch(Override(Word { member: "resourceRequirements.value", word: "x" }))
            > run web : app needs=NeuronDevice:1
              ! Launch(Override(Word { member: "resourceRequirements.value", word: "1" }))
            > run web : app needs=FPGA:1
              ! Launch(Override(Word { member: "resourceRequirements.type", word: "FPGA" }))
            > run web : app needs=GPU:1,GPU:2
              ! Launch(Override(RequirementTwice { container: "app", kind: "GPU" }))
            > run web : app needs=NeuronDevice:ALL
              ! NotBuilt("Berth does not carry out 'resourceRequirements.type NeuronDevice' yet, which container 'app' asks for.")
            > run web type=FARGATE : app needs=GPU:1
              ! LaunchTypeUnsupported(Fargate)
        "#]],
    );
}

/// What cannot be overridden of the task is refused.
#[test]
fn refusals_of_tasks() {
    check(
        r#"
machine m1
define web
---
run web characters=8193
run web cpu=many
run web memory=0
run web exec=nonsense
run web exec=arn:aws:iam::123456789012:role/x
run web unbuilt=overrides.taskRoleArn
run web characters=8192 : app
        "#,
        expect![[r#"
            > run web characters=8193
              ! Launch(OverridesTooLong(8192))
            > run web cpu=many
              ! Launch(Override(TaskCpu))
            > run web memory=0
              ! Launch(Override(TaskMemory))
            > run web exec=nonsense
              ! Launch(Override(Role("nonsense")))
            > run web exec=arn:aws:iam::123456789012:role/x
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run web unbuilt=overrides.taskRoleArn
              ! NotBuilt("Berth does not carry out 'overrides.taskRoleArn' of RunTask yet.")
            > run web characters=8192 : app
              task t2 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
        "#]],
    );
}

/// What a task shows of its containers is what they have; a task that overrides nothing carries no overrides.
#[test]
fn shown() {
    let mut world = World::new();
    world.tell("machine m1\ndefine web cpu=256 memory=512 : app memory=100 cpu=7");
    world.tell("run web : app\nrun web cpu=128 : app memory=64");
    let Some(Ok(Reply::Tasks(tasks, _))) = &world.reply else {
        panic!("a task runs")
    };
    assert_eq!(tasks[0].parts[0].size.memory.unwrap().0, 64);
    assert_eq!(tasks[0].parts[0].size.cpu.unwrap().0, 7);
    assert_eq!(tasks[0].size.cpu.unwrap().0, 128);
    let tasks = world.control.state().ecs().tasks();
    let carried: Vec<bool> = world
        .tasks
        .iter()
        .map(|key| tasks.get(key).unwrap().overrides.is_some())
        .collect();
    assert_eq!(carried, [false, true]);
}
