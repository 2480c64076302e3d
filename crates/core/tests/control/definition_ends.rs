//! Task definitions that are deleted: when they may be, and when they are gone.

use expect_test::expect;

use crate::world::check;

/// A revision is deregistered, then deleted, then gone; the others of its family stay.
#[test]
fn a_life_ends() {
    check(
        r#"
define app
define app
undefine app:1
---
erase app:1
erase app:1
undefine app:1
describe definition app:1
list definitions
list definitions status=INACTIVE
list definitions status=DELETE_IN_PROGRESS
wait 10s
describe definition app:1
list definitions status=DELETE_IN_PROGRESS
        "#,
        expect![[r#"
            > erase app:1
              definition app:1 DELETE_IN_PROGRESS
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > erase app:1
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > undefine app:1
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > describe definition app:1
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > list definitions
              = arn:task-definition/app:2
            > list definitions status=INACTIVE
              =
            > list definitions status=DELETE_IN_PROGRESS
              = arn:task-definition/app:1
            > wait 10s
              10s
              definition app:1 forgotten
            > describe definition app:1
              ! DefinitionUnknown
            > list definitions status=DELETE_IN_PROGRESS
              =
        "#]],
    );
}

/// When the last revision is gone, the family is not listed; its name is free, but its numbers are never used again.
#[test]
fn the_last_one_goes() {
    check(
        r#"
define app
define app
undefine app:1
undefine app:2
---
erase arn:aws:ecs:us-east-1:123456789012:task-definition/app:2 app:1
list families
list families status=INACTIVE
wait 10s
list families
erase app:2
define app
list families
        "#,
        expect![[r#"
            > erase arn:task-definition/app:2 app:1
              definition app:2 DELETE_IN_PROGRESS
              definition app:1 DELETE_IN_PROGRESS
              = definition app:2 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > list families
              = app
            > list families status=INACTIVE
              = app
            > wait 10s
              10s
              definition app:1 forgotten
              definition app:2 forgotten
            > list families
              =
            > erase app:2
              ! app:2 The specified task definition does not exist. Specify a valid account, family, revision and try again.
            > define app
              family app newest 3
              definition app:3 ACTIVE
              = definition app:3 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > list families
              = app
        "#]],
    );
}

/// What cannot be deleted is a failure of its own, and changes nothing.
#[test]
fn failures() {
    check(
        r#"
define app
define app
undefine app:1
---
erase app:1 app:2 app:3 app nobody:1 "a b" app:x arn:aws:ecs:us-east-1:999999999999:task-definition/app:1 app:1
erase
erase a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11
        "#,
        expect![[r#"
            > erase app:1 app:2 app:3 app nobody:1 "a b" app:x arn:aws:ecs:us-east-1:999999999999:task-definition/app:1 app:1
              definition app:1 DELETE_IN_PROGRESS
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
              ! app:2 The specified task definition is still in ACTIVE status. Please deregister the target and try again.
              ! app:3 The specified task definition does not exist. Specify a valid account, family, revision and try again.
              ! app The specified task definition identifier is invalid. Specify a valid name or ARN and try again.
              ! nobody:1 The specified task definition does not exist. Specify a valid account, family, revision and try again.
              ! a b The specified task definition identifier is invalid. Specify a valid name or ARN and try again.
              ! app:x The specified task definition identifier is invalid. Specify a valid name or ARN and try again.
              ! arn:aws:ecs:us-east-1:999999999999:task-definition/app:1 The specified task definition does not exist. Specify a valid account, family, revision and try again.
            > erase
              ! Empty("Task definitions")
            > erase a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9 a:10 a:11
              ! TooMany { what: "task definitions", most: 10 }
        "#]],
    );
}

/// What is being deleted runs no new tasks. Those that it has go on, and can be described with what it says until they are
/// forgotten; only then it goes, also after a restart.
#[test]
fn tasks_keep_it() {
    check(
        r#"
machine m1
define app
run app token=once
report t1 RUNNING app=RUNNING
undefine app:1
erase app:1
---
run app
run app:1
run app token=once
wait 1m
describe definition app:1
stop t1
report t1 STOPPED app=STOPPED/0
restart
wait 59m
describe tasks t1
describe definition app:1
wait 1m
describe tasks t1
describe definition app:1
        "#,
        expect![[r#"
            > run app
              ! DefinitionNotFound
            > run app:1
              ! DefinitionInactive
            > run app token=once
              = task t1 RUNNING/RUNNING
            > wait 1m
            > describe definition app:1
              = definition app:1 DELETE_IN_PROGRESS requires [] fits [EC2,EXTERNAL] needs []
            > stop t1
              task t1 v3 desired STOPPED UserInitiated "Task stopped by user" stoppingAt=60
              m1 #1 < payload 1.3: stop t1 ()
              = task t1 RUNNING/STOPPED UserInitiated "Task stopped by user"
              task t1 v4 STOPPING
            > report t1 STOPPED app=STOPPED/0
              task t1 v5 STOPPED stoppedAt=60 [app STOPPED exit 0]
              = acknowledged
            > restart
              epoch 2
            > wait 59m
              120s
              task t1 forgotten
              = acknowledged
              120s
              definition app:1 forgotten
            > describe tasks t1
              = task t1 STOPPED/STOPPED UserInitiated "Task stopped by user"
            > describe definition app:1
              ! DefinitionUnknown
            > wait 1m
            > describe tasks t1
              = task t1 STOPPED/STOPPED UserInitiated "Task stopped by user"
            > describe definition app:1
              ! DefinitionUnknown
        "#]],
    );
}

/// Many go a slice at a time.
#[test]
fn many_go() {
    let lines = |word: &str| {
        (1..=40)
            .map(|number| format!("{word} app:{number}\n"))
            .collect::<String>()
    };
    let mut world = crate::world::World::new();
    world.tell(&"define app\n".repeat(40));
    world.tell(&(lines("undefine") + &lines("erase")));
    let left = |world: &crate::world::World| world.control.state().ecs().definitions().iter().count();
    world.now = world.now.plus_ms(10_000);
    world.tick();
    assert_eq!(left(&world), 10);
    world.tell("wait 0s");
    assert_eq!(left(&world), 0);
}
