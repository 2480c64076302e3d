//! RunTask: what is admitted, what is placed, what is refused.

use berth_core::control::{Change, Event, State};
use berth_core::ecs::admit::cluster::CreateCluster;
use berth_core::ecs::api::{Read, Write};
use berth_core::ecs::model::Task;
use berth_core::ecs::{self, Refusal};
use berth_core::iam::{Identity, Principal};
use berth_core::kernel::Edit;
use berth_core::kernel::ids::{Ec2Digits, Uuid};
use berth_core::network::interface::Mac;
use berth_core::network::view::Extent;
use berth_core::network::{self, DefaultNetwork, Interface, InterfaceId, InterfaceKey};
use expect_test::expect;

use crate::world::{World, check};

/// A task in the host's network goes to a machine and its agent is told at once.
#[test]
fn host_mode() {
    check(
        r#"
machine m1
define web net=host : app port=80
---
run web by=me
list tasks
list tasks by=me
list tasks by=you
describe instances m1
        "#,
        expect![[r#"
            > run web by=me
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, by me
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > list tasks
              = arn:task/default/t1
            > list tasks by=me
              = arn:task/default/t1
            > list tasks by=you
              =
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=1 left 1024 cpu, 1920 MiB, taken tcp [80] udp []
        "#]],
    );
}

/// An awsvpc task gets an interface in the zone of its machine.
#[test]
fn awsvpc() {
    check(
        r#"
machine m1 zone=a
machine m2 zone=b
define web net=awsvpc
---
run web
run web subnets=
run web subnets=x
run web subnets=a groups=sg-1
run web subnets=c
run web subnets=b count=2
report t1 RUNNING app=RUNNING attached
define plain
run plain subnets=a
        "#,
        expect![[r#"
            > run web
              ! NetworkMissing
            > run web subnets=
              ! Empty("Subnets")
            > run web subnets=x
              ! SubnetNotFound("subnet-x")
            > run web subnets=a groups=sg-1
              ! SecurityGroupNotFound("sg-1")
            > run web subnets=c
              ! arn:container-instance/default/m2 LOCATION
              ! arn:container-instance/default/m1 LOCATION
            > run web subnets=b count=2
              task t1 PROVISIONING of web:1 on m2 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:web
              interface in us-east-1b
              task t2 PROVISIONING of web:1 on m2 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:web
              interface in us-east-1b
              m2 #2 < payload 1.3: run t1 (app) with its interface, run t2 (app) with its interface
              = task t1 PROVISIONING/RUNNING
              = task t2 PROVISIONING/RUNNING
            > report t1 RUNNING app=RUNNING attached
              task t1 v2 RUNNING connectivityAt=0 startedAt=0 [app RUNNING]
              = acknowledged
            > define plain
              family plain newest 1
              definition plain:1 ACTIVE
              = definition plain:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > run plain subnets=a
              ! NetworkUnwanted
        "#]],
    );
}

/// Version 1.0.0 is that of Windows, on which no task of Linux runs; other launch types have no versions.
#[test]
fn platforms_of_windows() {
    check(
        r#"
machine m1 serves=FARGATE,EC2
define web net=awsvpc cpu=256 memory=512
---
run web subnets=a type=FARGATE platform=1.0.0
run web subnets=a type=EC2 platform=1.0.0
        "#,
        expect![[r#"
            > run web subnets=a type=FARGATE platform=1.0.0
              ! PlatformUnfit
            > run web subnets=a type=EC2 platform=1.0.0
              ! PlatformUnknown
        "#]],
    );
}

/// Each machine serves what it announces; a definition runs on what it fits.
#[test]
fn launch_types() {
    check(
        r#"
machine m1 serves=FARGATE
define web net=awsvpc cpu=256 memory=512
define odd net=awsvpc cpu=300 memory=512
---
run web subnets=a
run web subnets=a type=EXTERNAL
run odd subnets=a type=FARGATE
run web subnets=a type=FARGATE
run web subnets=a type=FARGATE platform=LATEST
run web subnets=a type=FARGATE platform=1.4.0
run web subnets=a type=FARGATE platform=9.9.9
machine m2 external
run web subnets=a type=EXTERNAL
run web subnets=a type=EC2 platform=LATEST
machine m3
run web subnets=a
list tasks type=FARGATE
        "#,
        expect![[r#"
            > run web subnets=a
              ! arn:container-instance/default/m1 ATTRIBUTE
            > run web subnets=a type=EXTERNAL
              ! arn:container-instance/default/m1 ATTRIBUTE
            > run odd subnets=a type=FARGATE
              ! LaunchTypeUnsupported(Fargate)
            > run web subnets=a type=FARGATE
              task t1 PROVISIONING of web:1 on m1 in us-east-1a as FARGATE, 256 cpu, 512 MiB, group family:web
              interface in us-east-1a
              m1 #1 < payload 1.2: run t1 (app) with its interface
              = task t1 PROVISIONING/RUNNING
            > run web subnets=a type=FARGATE platform=LATEST
              task t2 PROVISIONING of web:1 on m1 in us-east-1a as FARGATE, 256 cpu, 512 MiB, group family:web
              interface in us-east-1a
              m1 #1 < payload 1.3: run t2 (app) with its interface
              = task t2 PROVISIONING/RUNNING
            > run web subnets=a type=FARGATE platform=1.4.0
              task t3 PROVISIONING of web:1 on m1 in us-east-1a as FARGATE, 256 cpu, 512 MiB, group family:web
              interface in us-east-1a
              m1 #1 < payload 1.4: run t3 (app) with its interface
              = task t3 PROVISIONING/RUNNING
            > run web subnets=a type=FARGATE platform=9.9.9
              ! PlatformUnknown
            > machine m2 external
              instance m2 v1 ACTIVE 1024 cpu, 2048 MiB [capable ecs.capability.external]
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              m2 #2 < manifest 1.5:
            > run web subnets=a type=EXTERNAL
              task t4 PROVISIONING of web:1 on m2 in us-east-1a as EXTERNAL, 256 cpu, 512 MiB, group family:web
              interface in us-east-1a
              m2 #2 < payload 1.6: run t4 (app) with its interface
              = task t4 PROVISIONING/RUNNING
            > run web subnets=a type=EC2 platform=LATEST
              ! PlatformUnknown
            > machine m3
              instance m3 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m3 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              m3 #3 < manifest 1.7:
            > run web subnets=a
              task t5 PROVISIONING of web:1 on m3 in us-east-1a as EC2, 256 cpu, 512 MiB, group family:web
              interface in us-east-1a
              m3 #3 < payload 1.8: run t5 (app) with its interface
              = task t5 PROVISIONING/RUNNING
            > list tasks type=FARGATE
              = arn:task/default/t3 arn:task/default/t1 arn:task/default/t2
        "#]],
    );
}

/// A cluster without machines refuses; FARGATE says that capacity is short, for it hides its machines.
#[test]
fn no_instances() {
    check(
        r#"
create web
define app net=awsvpc cpu=256 memory=512
---
run app cluster=web subnets=a
run app cluster=web subnets=a type=EXTERNAL
run app cluster=web subnets=a type=FARGATE
run app cluster=nope subnets=a
        "#,
        expect![[r#"
            > run app cluster=web subnets=a
              ! NoInstances
            > run app cluster=web subnets=a type=EXTERNAL
              ! NoInstances
            > run app cluster=web subnets=a type=FARGATE
              ! - Capacity is unavailable at this time. Please try again later or in a different availability zone
            > run app cluster=nope subnets=a
              ! ClusterNotFound
        "#]],
    );
}

/// As many as fit are placed, and what is short is said once.
#[test]
fn partly() {
    check(
        r#"
machine m1 cpu=1024 memory=300
machine m2 cpu=100 memory=2000
define app : app cpu=200 memory=128
---
run app count=10
        "#,
        expect![[r#"
            > run app count=10
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 200 cpu, 128 MiB, group family:app
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 200 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.3: run t2 (app), run t1 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              ! arn:container-instance/default/m2 RESOURCE:CPU
              ! arn:container-instance/default/m1 RESOURCE:MEMORY
        "#]],
    );
}

/// A host port is taken once per machine and protocol, by a task or by the machine itself.
#[test]
fn fixed_ports() {
    check(
        r#"
machine m1 taken=22
define fixed : app port=8080:80
define udp : app port=8080:80/udp
define reserved : app port=22:22
---
run fixed
run fixed
run udp
run udp
run reserved
describe instances m1
report t1 STOPPED
run fixed
        "#,
        expect![[r#"
            > run fixed
              task t1 PENDING of fixed:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:fixed
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run fixed
              ! arn:container-instance/default/m1 RESOURCE:PORTS
            > run udp
              task t2 PENDING of udp:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:udp
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
            > run udp
              ! arn:container-instance/default/m1 RESOURCE:PORTS_UDP
            > run reserved
              ! arn:container-instance/default/m1 RESOURCE:PORTS
            > describe instances m1
              = instance m1 ACTIVE connected=true running=0 pending=2 left 1024 cpu, 1792 MiB, taken tcp [22,8080] udp [8080]
            > report t1 STOPPED
              task t1 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED]
              = acknowledged
            > run fixed
              task t3 PENDING of fixed:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:fixed
              m1 #1 < payload 1.4: run t3 (app)
              = task t3 PENDING/RUNNING
        "#]],
    );
}

/// Dynamic ports are never short; one that the agent chose is taken until its task is over.
#[test]
fn chosen_ports() {
    check(
        r#"
machine m1
define dynamic : app port=80
define clash : app port=32768:80
---
run dynamic count=3
report t1 RUNNING app=RUNNING/80>32768
run clash
describe instances m1
report t1 STOPPED
run clash
        "#,
        expect![[r#"
            > run dynamic count=3
              task t1 PENDING of dynamic:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:dynamic
              task t2 PENDING of dynamic:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:dynamic
              task t3 PENDING of dynamic:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:dynamic
              m1 #1 < payload 1.2: run t3 (app), run t1 (app), run t2 (app)
              = task t1 PENDING/RUNNING
              = task t2 PENDING/RUNNING
              = task t3 PENDING/RUNNING
            > report t1 RUNNING app=RUNNING/80>32768
              task t1 v2 RUNNING startedAt=0 [app RUNNING 80>32768]
              = acknowledged
            > run clash
              ! arn:container-instance/default/m1 RESOURCE:PORTS
            > describe instances m1
              = instance m1 ACTIVE connected=true running=1 pending=2 left 1024 cpu, 1664 MiB, taken tcp [32768] udp []
            > report t1 STOPPED
              task t1 v3 STOPPED desired STOPPED EssentialContainerExited "Essential container in task exited" stoppingAt=0 stoppedAt=0 [app STOPPED 80>32768]
              = acknowledged
            > run clash
              task t4 PENDING of clash:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:clash
              m1 #1 < payload 1.3: run t4 (app)
              = task t4 PENDING/RUNNING
        "#]],
    );
}

/// What a request says has bounds.
#[test]
fn counts_and_texts() {
    check(
        r#"
machine m1
define app
---
run app count=0
run app count=11
run app token=01234567890123456789012345678901234567890123456789012345678901234
run app by=012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678
run app strategy=random,random,random,random,random,random
run app tags=aws:x:1
run app:9
run app:x
run arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1
        "#,
        expect![[r#"
            > run app count=0
              ! OutOfRange { member: "count", least: 1, most: 10 }
            > run app count=11
              ! OutOfRange { member: "count", least: 1, most: 10 }
            > run app token=01234567890123456789012345678901234567890123456789012345678901234
              ! TooLong { member: "clientToken", most: 64 }
            > run app by=012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678
              ! TooLong { member: "startedBy", most: 128 }
            > run app strategy=random,random,random,random,random,random
              ! TooMany { what: "placement strategies", most: 5 }
            > run app tags=aws:x:1
              ! Tags(Key("aws:x"))
            > run app:9
              ! DefinitionNotFound
            > run app:x
              ! Revision("x")
            > run arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1
              ! ForeignArn("arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1")
        "#]],
    );
}

/// A machine whose agent is not connected takes nothing; one that may come back does.
#[test]
fn agent() {
    check(
        r#"
register m1
define app
---
run app
connect m1 answers
run app
close m1
run app
wait 6s
run app
        "#,
        expect![[r#"
            > run app
              ! arn:container-instance/default/m1 AGENT
            > connect m1 answers
              m1 #1 < manifest 1.1:
            > run app
              task t1 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > close m1
            > run app
              task t2 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              = task t2 PENDING/RUNNING
            > wait 6s
            > run app
              ! arn:container-instance/default/m1 AGENT
        "#]],
    );
}

/// Nothing is run without what it asked for; what asks for nothing is no hindrance.
#[test]
fn unbuilt() {
    check(
        r#"
machine m1
define role role=arn:aws:iam::123456789012:role/r
define volumes volume=far=efs
define health : app unbuilt=healthCheck
define range : app port=8000-8010
define fluent : app log=fluentd
define lines : app log=awslogs options=awslogs-group:g,awslogs-region:r,awslogs-datetime-format:x
define fine unbuilt=volumes? : app unbuilt=healthCheck? log=none
---
run role
run volumes
run health
run range
run fluent
run lines
run fine unbuilt=overrides
run fine
        "#,
        expect![[r#"
            > run role
              ! NotBuilt("Berth does not carry out 'taskRoleArn' yet: tasks cannot have a role.")
            > run volumes
              ! NotBuilt("Berth does not carry out 'volumes.efsVolumeConfiguration' of task definitions yet.")
            > run health
              ! NotBuilt("Berth does not carry out 'healthCheck' yet, which container 'app' asks for.")
            > run range
              ! NotBuilt("Berth does not carry out 'portMappings.containerPortRange' yet, which container 'app' asks for.")
            > run fluent
              ! NotBuilt("Berth does not carry out 'logConfiguration.logDriver fluentd' yet, which container 'app' asks for.")
            > run lines
              ! NotBuilt("Berth does not carry out 'logConfiguration.options.awslogs-datetime-format' yet, which container 'app' asks for.")
            > run fine unbuilt=overrides
              ! NotBuilt("Berth does not carry out 'overrides' of RunTask yet.")
            > run fine
              task t1 PENDING of fine:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:fine
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
        "#]],
    );
}

/// A definition that names an architecture goes to machines that have it.
#[test]
fn architecture() {
    check(
        r#"
machine m1 arch=x86_64
machine m2 arch=arm64
machine m3
define arm arch=ARM64
define intel arch=X86_64
---
run arm
run intel strategy=binpack-memory
run arm strategy=binpack-memory
leave m2 force
run arm
        "#,
        expect![[r#"
            > run arm
              task t1 PENDING of arm:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:arm
              m2 #2 < payload 1.4: run t1 (app)
              = task t1 PENDING/RUNNING
            > run intel strategy=binpack-memory
              task t2 PENDING of intel:1 on m3 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:intel
              m3 #3 < payload 1.5: run t2 (app)
              = task t2 PENDING/RUNNING
            > run arm strategy=binpack-memory
              task t3 PENDING of arm:1 on m2 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:arm
              m2 #2 < payload 1.6: run t3 (app)
              = task t3 PENDING/RUNNING
            > leave m2 force
              instance m2 v2 INACTIVE 1024 cpu, 2048 MiB [capable ecs.cpu-architecture=arm64]
              task t3 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              task t1 v2 desired STOPPED UserInitiated "Container instance deregistration forced by user." stoppingAt=0
              m2 #2 < payload 1.7: stop t3 (), stop t1 ()
              = instance m2 INACTIVE connected=false running=0 pending=2 left 0 cpu, 0 MiB, taken tcp [] udp []
              task t3 v3 STOPPING
              task t1 v3 STOPPING
            > run arm
              ! arn:container-instance/default/m3 ATTRIBUTE
              ! arn:container-instance/default/m1 ATTRIBUTE
        "#]],
    );
}

/// A subnet without free addresses counts as full; another one that was named takes its place.
#[test]
fn addresses_run_out() {
    let mut world = World::new();
    world.tell("machine m1 zone=a\nmachine m2 zone=b\ndefine app net=awsvpc");
    let network = DefaultNetwork::of(&World::scope());
    let subnet = &network.subnets[0];
    let holder = |address: u32| Interface {
        key: InterfaceKey {
            scope: World::scope(),
            id: InterfaceId(Ec2Digits::new(address.into())),
        },
        subnet: subnet.id,
        address: address.into(),
        mac: Mac::of(address.into()),
        security_groups: Vec::new(),
        attachment: Uuid(0),
        description: String::new(),
        created_at: world.now,
    };
    let held = subnet.assignable().map(holder);
    let held: Vec<Change> = held
        .map(|one| Change::Network(network::Change::Interface(Edit::Put(one))))
        .collect();
    world.log.extend(held);
    world.tell("restart\nconnect m1 answers\nconnect m2 answers");
    world.printed.clear();
    world.tell("run app subnets=a\nrun app subnets=a,b");
    expect![[r#"
        > run app subnets=a
          ! - RESOURCE:ENI
        > run app subnets=a,b
          task t1 PROVISIONING of app:1 on m2 in us-east-1b as EC2, 0 cpu, 128 MiB, group family:app
          interface in us-east-1b
          m2 #4 < payload 2.3: run t1 (app) with its interface
          = task t1 PROVISIONING/RUNNING
    "#]]
    .assert_eq(&world.printed);
}

/// Somebody from another account may do nothing here.
#[test]
fn foreign_principals() {
    let mut world = World::new();
    let foreign = Principal {
        account: "210987654321".parse().unwrap(),
        identity: Identity::Administrator,
    };
    world.handle(Event::Request {
        principal: foreign.clone(),
        scope: World::scope(),
        write: Write::CreateCluster(CreateCluster::default()),
    });
    let read = Read::DescribeClusters(Vec::new());
    let read = world.control.read(&foreign, &World::scope(), &read);
    assert!(matches!(read, Err(Refusal::Denied(_))), "{read:?}");
    let network = world
        .control
        .read_network(&foreign, &World::scope(), "ec2:DescribeVpcs", Extent::Network);
    assert!(network.is_err());
    let said = r#"! Denied(Denied { principal: "arn:aws:iam::210987654321:root", action: "ecs:CreateCluster" })"#;
    assert_eq!(world.printed.trim(), said);
}

/// What tasks have in common is kept once, also when each of them comes from the store with copies of its own.
#[test]
fn tasks_share_their_texts() {
    let mut world = World::new();
    world.tell("machine m1\ndefine web net=host : app port=80\nrun web by=me\nreport t1 RUNNING app=RUNNING\ndefine api\nrun api by=me");
    let mut state = State::default();
    for task in world.control.state().ecs().tasks().iter() {
        let stored = serde_json::to_string(task).expect("tasks are stored");
        let task = serde_json::from_str(&stored).expect("what is stored is loaded");
        state.apply(Change::Ecs(ecs::Change::Task(Edit::Put(task))));
    }
    let tasks: Vec<&Task> = state.ecs().tasks().iter().collect();
    let [one, other] = tasks[..] else {
        panic!("there are two tasks");
    };
    for text in [
        |task: &Task| task.key.scope.region.as_str().as_ptr(),
        |task: &Task| task.key.cluster.as_str().as_ptr(),
        |task: &Task| task.zone.as_ptr(),
        |task: &Task| task.containers[0].name.as_ptr(),
        |task: &Task| task.started_by.as_ref().map_or(std::ptr::null(), |who| who.as_ptr()),
    ] {
        assert_eq!(text(one), text(other));
    }
    assert_ne!(one.group.as_ptr(), other.group.as_ptr(), "they are of two families");
}
