//! What RunTask and StartTask share beside overrides: groups, starters, tags, and which of them are refused.

use berth_core::ecs::Refusal;
use berth_core::ecs::view::Reply;
use berth_core::kernel::tags::TagFault;
use expect_test::expect;

use crate::world::{World, check};

/// A task gets the call's tags, then the definition's if they are asked for, then ECS's own.
#[test]
fn tags() {
    check(
        r#"
machine m1
define web tags=a:definition,c:definition
---
run web tags=a:call,b:call
run web tags=a:call,b:call propagate=NONE
run web tags=a:call,b:call propagate=TASK_DEFINITION managed
start web on=m1 managed
run web propagate=SERVICE
run web propagate=service
run web tags=aws:x:y
        "#,
        expect![[r#"
            > run web tags=a:call,b:call
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, a=call, b=call
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run web tags=a:call,b:call propagate=NONE
              task t2 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, a=call, b=call
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
            > run web tags=a:call,b:call propagate=TASK_DEFINITION managed
              task t3 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, a=call, c=definition, b=call, aws:ecs:clusterName=default
              m1 #1 < payload 1.4: run t3 (app)
              = task t3 PENDING/RUNNING
            > start web on=m1 managed
              task t4 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web, aws:ecs:clusterName=default
              m1 #1 < payload 1.5: run t4 (app)
              = task t4 PENDING/RUNNING
            > run web propagate=SERVICE
              ! Launch(PropagateTags("SERVICE"))
            > run web propagate=service
              ! Launch(PropagateTags("service"))
            > run web tags=aws:x:y
              ! Tags(Key("aws:x"))
        "#]],
    );
}

/// The user's tags and those of the definition have one limit together; ECS's own does not count.
#[test]
fn the_limit_of_tags() {
    let numbered = |first: usize, last: usize| {
        let all: Vec<String> = (first..=last).map(|n| format!("k{n}:v")).collect();
        all.join(",")
    };
    let mut world = World::new();
    world.tell(&format!("machine m1\ndefine web tags={}", numbered(1, 30)));
    let mut run = |last| {
        let tags = numbered(31, last);
        world.tell(&format!("run web tags={tags} propagate=TASK_DEFINITION managed"));
        world.reply.clone().expect("an answer")
    };
    assert!(matches!(run(50), Ok(Reply::Tasks(tasks, _)) if tasks[0].task.tags.iter().count() == 51));
    assert_eq!(run(51), Err(Refusal::Tags(TagFault::TooMany)));
}

/// Groups that look like ECS's own are refused, but for the one that the task has anyway.
#[test]
fn groups() {
    check(
        r#"
machine m1
define web
---
run web
run web group=
run web group=family:web
run web group=batch
run web group=family:other
run web group=service:web
        "#,
        expect![[r#"
            > run web
              task t1 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.2: run t1 (app)
              = task t1 PENDING/RUNNING
            > run web group=
              task t2 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.3: run t2 (app)
              = task t2 PENDING/RUNNING
            > run web group=family:web
              task t3 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:web
              m1 #1 < payload 1.4: run t3 (app)
              = task t3 PENDING/RUNNING
            > run web group=batch
              task t4 PENDING of web:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group batch
              m1 #1 < payload 1.5: run t4 (app)
              = task t4 PENDING/RUNNING
            > run web group=family:other
              ! Launch(GroupReserved("family:other"))
            > run web group=service:web
              ! Launch(GroupReserved("service:web"))
        "#]],
    );
}

/// Texts have limits, whatever else is wrong.
#[test]
fn lengths() {
    let long = |length: usize| "x".repeat(length);
    check(
        &format!(
            "machine m1\ndefine web\n---\nrun nobody by={}\nrun nobody group={}\nrun nobody reference={}\nrun nobody by={} group={} reference={}",
            long(129),
            long(256),
            long(1025),
            long(128),
            long(255),
            long(1024)
        ),
        expect![[r#"
            > run nobody by=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              ! TooLong { member: "startedBy", most: 128 }
            > run nobody group=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              ! TooLong { member: "group", most: 255 }
            > run nobody reference=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              ! TooLong { member: "referenceId", most: 1024 }
            > run nobody by=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx group=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx reference=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              ! DefinitionNotFound
        "#]],
    );
}
