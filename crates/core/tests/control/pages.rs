//! Lists in pages: nothing is shown twice or left out, also while things come and go.

use expect_test::expect;

use crate::world::check;

/// A page has 1 to 100 entries.
#[test]
fn limits() {
    check(
        r#"
create a
create b
create c
---
list clusters limit=0
list clusters limit=101
list clusters limit=2
list clusters limit=2 after=arn:cluster/b
list clusters limit=3
list clusters after=arn:cluster/c
        "#,
        expect![[r#"
            > list clusters limit=0
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
            > list clusters limit=101
              ! OutOfRange { member: "maxResults", least: 1, most: 100 }
            > list clusters limit=2
              = arn:cluster/a arn:cluster/b
              next arn:cluster/b
            > list clusters limit=2 after=arn:cluster/b
              = arn:cluster/c
            > list clusters limit=3
              = arn:cluster/a arn:cluster/b arn:cluster/c
            > list clusters after=arn:cluster/c
              =
        "#]],
    );
}

/// The place where a page ended need not be there any more.
#[test]
fn while_things_disappear() {
    check(
        r#"
create a
create b
create c
create d
---
list clusters limit=2
delete b
delete c
list clusters limit=2 after=arn:cluster/b
        "#,
        expect![[r#"
            > list clusters limit=2
              = arn:cluster/a arn:cluster/b
              next arn:cluster/b
            > delete b
              cluster b INACTIVE
              = cluster b INACTIVE instances=0 running=0 pending=0
            > delete c
              cluster c INACTIVE
              = cluster c INACTIVE instances=0 running=0 pending=0
            > list clusters limit=2 after=arn:cluster/b
              = arn:cluster/d
        "#]],
    );
}

/// Families whose names begin alike do not hide each other.
#[test]
fn definitions() {
    check(
        r#"
define web
define web
define web-a
define web-a
define web_b
---
list definitions limit=2
list definitions limit=2 after="web 0000000002"
list definitions limit=2 after="web-a 0000000002"
list definitions limit=2 descending
list definitions limit=2 descending after="web-a 0000000002"
list definitions limit=2 descending after="web 0000000002"
list families limit=2
list families limit=2 after=web-a
        "#,
        expect![[r#"
            > list definitions limit=2
              = arn:task-definition/web:1 arn:task-definition/web:2
              next web 0000000002
            > list definitions limit=2 after="web 0000000002"
              = arn:task-definition/web-a:1 arn:task-definition/web-a:2
              next web-a 0000000002
            > list definitions limit=2 after="web-a 0000000002"
              = arn:task-definition/web_b:1
            > list definitions limit=2 descending
              = arn:task-definition/web_b:1 arn:task-definition/web-a:2
              next web-a 0000000002
            > list definitions limit=2 descending after="web-a 0000000002"
              = arn:task-definition/web-a:1 arn:task-definition/web:2
              next web 0000000002
            > list definitions limit=2 descending after="web 0000000002"
              = arn:task-definition/web:1
            > list families limit=2
              = web web-a
              next web-a
            > list families limit=2 after=web-a
              = web_b
        "#]],
    );
}

/// Tasks and instances go on after their ids.
#[test]
fn tasks_and_instances() {
    check(
        r#"
machine m1
machine m2
define app
run app count=3
---
list tasks limit=3
list instances limit=2
list tasks on=m1
list tasks on=nobody
list tasks family=app limit=1
list tasks family=other
        "#,
        expect![[r#"
            > list tasks limit=3
              = arn:task/default/t2 arn:task/default/t1 arn:task/default/t3
            > list instances limit=2
              = arn:container-instance/default/m2 arn:container-instance/default/m1
            > list tasks on=m1
              = arn:task/default/t2 arn:task/default/t1
            > list tasks on=nobody
              =
            > list tasks family=app limit=1
              = arn:task/default/t2
              next arn:task/default/t2
            > list tasks family=other
              =
        "#]],
    );
}
