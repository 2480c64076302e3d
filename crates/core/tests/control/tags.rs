//! Tags of what is there: added, changed, taken away, refused.

use expect_test::expect;

use crate::world::check;

/// Clusters, instances, definitions and tasks have tags; what is said again is no change.
#[test]
fn four_kinds() {
    check(
        r#"
create web tags=team:a
machine m1 cluster=web
define app
run app cluster=web
---
tag arn:cluster/web tags=team:b,env:x
tag arn:cluster/web tags=team:b
list tags arn:cluster/web
tag arn:container-instance/web/m1 tags=rack:7
list tags arn:container-instance/web/m1
tag arn:task-definition/app:1 tags=team:c
untag arn:task-definition/app:1 keys=team,nothing
list tags arn:task-definition/app:1
tag arn:task/web/t1 tags=job:1
untag arn:task/web/t1 keys=nothing
list tags arn:task/web/t1
        "#,
        expect![[r#"
            > tag arn:cluster/web tags=team:b,env:x
              cluster web ACTIVE
              = acknowledged
            > tag arn:cluster/web tags=team:b
              = acknowledged
            > list tags arn:cluster/web
              = team:b env:x
            > tag arn:container-instance/web/m1 tags=rack:7
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [capable]
              = acknowledged
            > list tags arn:container-instance/web/m1
              = rack:7
            > tag arn:task-definition/app:1 tags=team:c
              definition app:1 ACTIVE
              = acknowledged
            > untag arn:task-definition/app:1 keys=team,nothing
              definition app:1 ACTIVE
              = acknowledged
            > list tags arn:task-definition/app:1
              = no tags
            > tag arn:task/web/t1 tags=job:1
              task t1 v2
              = acknowledged
            > untag arn:task/web/t1 keys=nothing
              = acknowledged
            > list tags arn:task/web/t1
              = job:1
        "#]],
    );
}

/// The tags of a task that is over can be read, also from the history, and not be changed.
#[test]
fn tasks_that_are_over() {
    check(
        r#"
machine m1
define app
run app tags=a:1
report t1 STOPPED
---
list tags arn:task/default/t1
tag arn:task/default/t1 tags=b:2
wait 2m
list tags arn:task/default/t1
tag arn:task/default/t1 tags=b:2
untag arn:task/default/t1 keys=a
list tags arn:task/default/0123456789abcdef0123456789abcdef
untag arn:task/default/0123456789abcdef0123456789abcdef keys=a
        "#,
        expect![[r#"
            > list tags arn:task/default/t1
              = a:1
            > tag arn:task/default/t1 tags=b:2
              ! Untaggable(StoppedTask)
            > wait 2m
              60s
              task t1 forgotten
              = acknowledged
            > list tags arn:task/default/t1
              = a:1
            > tag arn:task/default/t1 tags=b:2
              ! Untaggable(StoppedTask)
            > untag arn:task/default/t1 keys=a
              ! Untaggable(StoppedTask)
            > list tags arn:task/default/0123456789abcdef0123456789abcdef
              ! Untaggable(Missing("task"))
            > untag arn:task/default/0123456789abcdef0123456789abcdef keys=a
              ! Untaggable(Missing("task"))
        "#]],
    );
}

/// A thing that is over or was never there has no tags, and each kind says so in its own way.
#[test]
fn refused() {
    check(
        r#"
create gone
delete gone
create web
machine m1 cluster=web
machine m2 cluster=web
define app
define old
undefine old:1
run app cluster=web
report t1 STOPPED cluster=web
leave m2 cluster=web
---
tag web tags=a:b
tag arn:cluster/nope tags=a:b
tag arn:cluster/gone tags=a:b
list tags arn:cluster/gone
tag arn:task/web/t1 tags=a:b
tag arn:task/web/0123456789abcdef0123456789abcdef tags=a:b
tag arn:task/0123 tags=a:b
tag arn:container-instance/web/m2 tags=a:b
tag arn:container-instance/nope/m1 tags=a:b
tag arn:task-definition/old:1 tags=a:b
tag arn:task-definition/app:7 tags=a:b
tag arn:task-definition/app tags=a:b
untag arn:service/web/shop keys=a
tag arn:ship/web tags=a:b
tag arn:aws:ecs:eu-west-1:123456789012:cluster/web tags=a:b
        "#,
        expect![[r#"
            > tag web tags=a:b
              ! Identifier("web")
            > tag arn:cluster/nope tags=a:b
              ! ClusterNotFound
            > tag arn:cluster/gone tags=a:b
              ! Untaggable(Inactive("cluster"))
            > list tags arn:cluster/gone
              ! Untaggable(Inactive("cluster"))
            > tag arn:task/web/t1 tags=a:b
              ! Untaggable(StoppedTask)
            > tag arn:task/web/0123456789abcdef0123456789abcdef tags=a:b
              ! Untaggable(Missing("task"))
            > tag arn:task/0123 tags=a:b
              ! Untaggable(ShortArn)
            > tag arn:container-instance/web/m2 tags=a:b
              ! Untaggable(Inactive("container instance"))
            > tag arn:container-instance/nope/m1 tags=a:b
              ! ClusterNotFound
            > tag arn:task-definition/old:1 tags=a:b
              ! Untaggable(Inactive("task definition"))
            > tag arn:task-definition/app:7 tags=a:b
              ! Untaggable(MissingDefinition)
            > tag arn:task-definition/app tags=a:b
              ! Identifier("arn:task-definition/app")
            > untag arn:service/web/shop keys=a
              ! Untaggable(Missing("service"))
            > tag arn:ship/web tags=a:b
              ! Identifier("arn:ship/web")
            > tag arn:aws:ecs:eu-west-1:123456789012:cluster/web tags=a:b
              ! ForeignArn("arn:aws:ecs:eu-west-1:123456789012:cluster/web")
        "#]],
    );
}

/// The limits are those of tags that are given when something is made.
#[test]
fn limits() {
    let many = |from: usize, to: usize| (from..to).map(|n| format!("k{n}:v")).collect::<Vec<_>>().join(",");
    let story = format!(
        "create web tags={}\n---\ntag arn:cluster/web tags=k0:new\ntag arn:cluster/web tags={}\n\
         tag arn:cluster/web tags=aws:x:1\nuntag arn:cluster/web keys=AWS:x\ntag arn:cluster/web tags=a:b,a:c\n\
         tag arn:cluster/web tags=a!:b",
        many(0, 49),
        many(49, 51)
    );
    check(
        &story,
        expect![[r#"
        > tag arn:cluster/web tags=k0:new
          cluster web ACTIVE
          = acknowledged
        > tag arn:cluster/web tags=k49:v,k50:v
          ! Tags(TooMany)
        > tag arn:cluster/web tags=aws:x:1
          ! Tags(Key("aws:x"))
        > untag arn:cluster/web keys=AWS:x
          ! Tags(Key("AWS:x"))
        > tag arn:cluster/web tags=a:b,a:c
          ! Tags(Duplicate("a"))
        > tag arn:cluster/web tags=a!:b
          ! Tags(Key("a!"))
    "#]],
    );
}
