//! GPUs: each is one container's at a time, and which one it is stands with the task for good.

use expect_test::expect;

use crate::world::check;

/// Containers get GPUs of their own; what is left is shown, and comes back when the task is over.
#[test]
fn shared_out() {
    check(
        r#"
machine m1 gpus=G1,G2,G3
define one : app needs=GPU:1
define two : app needs=GPU:1 | side optional needs=GPU:1
---
run two
run one
describe instances m1
run one
report t1 STOPPED app=STOPPED/0 side=STOPPED/0
run one
describe instances m1
describe tasks t1
        "#,
        expect![[r#"
            > run two
              task t1 PENDING of two:1 on m1 in us-east-1a as EC2, 0 cpu, 256 MiB, group family:two, app has G1, side has G2
              m1 #1 < payload 1.2: run t1 (app with G1 side with G2)
              = task t1 PENDING/RUNNING
            > run one
              task t2 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G3
              m1 #1 < payload 1.3: run t2 (app with G3)
              = task t2 PENDING/RUNNING
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=2 left 1024 cpu, 1664 MiB, taken tcp [] udp [] gpus []
            > run one
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > report t1 STOPPED app=STOPPED/0 side=STOPPED/0
              task t1 v2 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0 [app STOPPED exit 0] [side STOPPED exit 0]
              = acknowledged
            > run one
              task t3 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G1
              m1 #1 < payload 1.4: run t3 (app with G1)
              = task t3 PENDING/RUNNING
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=2 left 1024 cpu, 1792 MiB, taken tcp [] udp [] gpus [G2]
            > describe tasks t1
              = task t1 STOPPED/STOPPED EssentialContainerExited "Essential container in task exited"
        "#]],
    );
}

/// A definition can ask for every GPU of its machine: then no other task has one, and nobody gets one beside it.
#[test]
fn all_of_them() {
    check(
        r#"
machine m1
machine m2 gpus=G1,G2
define all : app needs=GPU:ALL
define both : app needs=GPU:ALL | side optional needs=GPU:1
define one : app needs=GPU:1
---
run both
run all
run one
stop t1
run one
report t1 STOPPED app=STOPPED/0
run one
run all
        "#,
        expect![[r#"
            > run both
              ! arn:container-instance/default/m2 RESOURCE:GPU
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > run all
              task t1 PENDING of all:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:all, app has G1 G2
              m2 #2 < payload 1.3: run t1 (app with G1 with G2)
              = task t1 PENDING/RUNNING
            > run one
              ! arn:container-instance/default/m2 RESOURCE:GPU
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > stop t1
              task t1 v2 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=0
              m2 #2 < payload 1.4: stop t1 ()
              = task t1 PENDING/STOPPED UserInitiated "Task stopped by user"
              task t1 v3 STOPPING
            > run one
              ! arn:container-instance/default/m2 RESOURCE:GPU
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > report t1 STOPPED app=STOPPED/0
              task t1 v4 STOPPED stoppedAt=0 [app STOPPED exit 0]
              = acknowledged
            > run one
              task t2 PENDING of one:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G1
              m2 #2 < payload 1.5: run t2 (app with G1)
              = task t2 PENDING/RUNNING
            > run all
              ! arn:container-instance/default/m2 RESOURCE:GPU
              ! arn:container-instance/default/m1 RESOURCE:GPU
        "#]],
    );
}

/// What the overrides say takes the place of what the definition says, for placement too.
#[test]
fn overridden() {
    check(
        r#"
machine m1 gpus=G1,G2,G3
define none
define one : app needs=GPU:1
define neuron : app needs=NeuronDevice:ALL
---
run none : app needs=GPU:2
run one : app needs=GPU:2
run one : app needs=
run neuron
run neuron : app needs=GPU:1
run one type=EXTERNAL : app needs=NeuronDevice:ALL
        "#,
        expect![[r#"
            > run none : app needs=GPU:2
              task t1 PENDING of none:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:none, app has G1 G2
              m1 #1 < payload 1.2: run t1 (app with G1 with G2)
              = task t1 PENDING/RUNNING
            > run one : app needs=GPU:2
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > run one : app needs=
              task t2 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G3
              m1 #1 < payload 1.3: run t2 (app with G3)
              = task t2 PENDING/RUNNING
            > run neuron
              ! NotBuilt("Berth does not carry out 'resourceRequirements.type NeuronDevice' yet, which container 'app' asks for.")
            > run neuron : app needs=GPU:1
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > run one type=EXTERNAL : app needs=NeuronDevice:ALL
              ! NotBuilt("Berth does not carry out 'resourceRequirements.type NeuronDevice' yet, which container 'app' asks for.")
        "#]],
    );
}

/// The caller of StartTask names the machines; each of them gives its own GPUs.
#[test]
fn started() {
    check(
        r#"
machine m1 gpus=G1
machine m2 gpus=G1,G2
machine m3
define one : app needs=GPU:1
---
start one on=m1,m2,m3,m1,m2,m2
        "#,
        expect![[r#"
            > start one on=m1,m2,m3,m1,m2,m2
              task t1 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G1
              task t2 PENDING of one:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G1
              task t3 PENDING of one:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G2
              m2 #2 < payload 1.4: run t2 (app with G1), run t3 (app with G2)
              m1 #1 < payload 1.5: run t1 (app with G1)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
              ! arn:container-instance/default/m3 RESOURCE:GPU
              ! arn:container-instance/default/m1 RESOURCE:GPU
              ! arn:container-instance/default/m2 RESOURCE:GPU
        "#]],
    );
}

/// A machine that comes back with other GPUs gives those that it has now, and what runs keeps what it got.
#[test]
fn a_machine_comes_back_with_others() {
    check(
        r#"
machine m1 gpus=G1,G2
define one : app needs=GPU:1
run one
---
register m1 again gpus=G2,G3
describe instances m1
run one
run one
restart
run one
describe instances m1
describe tasks t1
        "#,
        expect![[r#"
            > register m1 again gpus=G2,G3
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=true running=0 pending=1 left 1024 cpu, 1920 MiB, taken tcp [] udp [] gpus [G2,G3]
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=1 left 1024 cpu, 1920 MiB, taken tcp [] udp [] gpus [G2,G3]
            > run one
              task t2 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G2
              m1 #1 < payload 1.3: run t2 (app with G2)
              = task t2 PENDING/RUNNING
            > run one
              task t3 PENDING of one:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:one, app has G3
              m1 #1 < payload 1.4: run t3 (app with G3)
              = task t3 PENDING/RUNNING
            > restart
              epoch 2
            > run one
              ! arn:container-instance/default/m1 RESOURCE:GPU
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=3 left 1024 cpu, 1664 MiB, taken tcp [] udp [] gpus []
            > describe tasks t1
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// Tasks of FARGATE, GPUs that are shared and other devices are refused by name; definitions of nonsense are not made.
#[test]
fn refusals() {
    check(
        r#"
machine m1 gpus=G1
define shared : app needs=GPU:~{}
define neuron : app needs=NeuronDevice:ALL
define accelerator : app needs=InferenceAccelerator:a,InferenceAccelerator:b
define vpc net=awsvpc cpu=256 memory=512
---
run shared
run neuron
run accelerator
run vpc type=FARGATE subnets=a : app needs=GPU:1
define bad : app needs=GPU:0
define bad : app needs=GPU:-1
define bad : app needs=GPU:+1
define bad : app needs=GPU:all
define bad : app needs=GPU:
define bad : app needs=GPU:4294967296
define bad : app needs=TPU:1
define bad : app needs=NeuronDevice:1
define bad : app needs=InferenceAccelerator:
define bad : app needs=GPU:1,GPU:ALL
define bad : app needs=InferenceAccelerator:a,InferenceAccelerator:a
define huge : app needs=GPU:4294967295 | side needs=GPU:4294967295
run huge
        "#,
        expect![[r#"
            > run shared
              ! NotBuilt("Berth does not carry out 'resourceRequirements.sharingStrategy' yet, which container 'app' asks for.")
            > run neuron
              ! NotBuilt("Berth does not carry out 'resourceRequirements.type NeuronDevice' yet, which container 'app' asks for.")
            > run accelerator
              ! NotBuilt("Berth does not carry out 'resourceRequirements.type InferenceAccelerator' yet, which container 'app' asks for.")
            > run vpc type=FARGATE subnets=a : app needs=GPU:1
              ! Launch(Override(FargateMember("resourceRequirements")))
            > define bad : app needs=GPU:0
              ! Definition(Word { member: "resourceRequirements.value", word: "0" })
            > define bad : app needs=GPU:-1
              ! Definition(Word { member: "resourceRequirements.value", word: "-1" })
            > define bad : app needs=GPU:+1
              ! Definition(Word { member: "resourceRequirements.value", word: "+1" })
            > define bad : app needs=GPU:all
              ! Definition(Word { member: "resourceRequirements.value", word: "all" })
            > define bad : app needs=GPU:
              ! Definition(Word { member: "resourceRequirements.value", word: "" })
            > define bad : app needs=GPU:4294967296
              ! Definition(Word { member: "resourceRequirements.value", word: "4294967296" })
            > define bad : app needs=TPU:1
              ! Definition(Word { member: "resourceRequirements.type", word: "TPU" })
            > define bad : app needs=NeuronDevice:1
              ! Definition(Word { member: "resourceRequirements.value", word: "1" })
            > define bad : app needs=InferenceAccelerator:
              ! Definition(Word { member: "resourceRequirements.value", word: "" })
            > define bad : app needs=GPU:1,GPU:ALL
              ! Definition(RequirementTwice { container: "app", kind: "GPU" })
            > define bad : app needs=InferenceAccelerator:a,InferenceAccelerator:a
              ! Definition(RequirementTwice { container: "app", kind: "InferenceAccelerator" })
            > define huge : app needs=GPU:4294967295 | side needs=GPU:4294967295
              family huge newest 1
              definition huge:1 ACTIVE
              = definition huge:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > run huge
              ! arn:container-instance/default/m1 RESOURCE:GPU
        "#]],
    );
}
