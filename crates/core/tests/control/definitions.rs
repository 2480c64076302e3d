//! Task definitions: registering, finding and retiring them.

use expect_test::expect;

use crate::world::check;

/// Every registration counts, and the newest active one is meant by the family.
#[test]
fn revisions() {
    check(
        r#"
define web
define web
undefine web:2
describe definition web
describe definition web:2
define web
describe definition web
describe definition arn:aws:ecs:us-east-1:123456789012:task-definition/web:1
list families
        "#,
        expect![[r#"
            > define web
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > define web
              family web newest 2
              definition web:2 ACTIVE
              = definition web:2 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > undefine web:2
              definition web:2 INACTIVE
              = definition web:2 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > describe definition web
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > describe definition web:2
              = definition web:2 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > define web
              family web newest 3
              definition web:3 ACTIVE
              = definition web:3 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > describe definition web
              = definition web:3 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > describe definition arn:task-definition/web:1
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > list families
              = web
        "#]],
    );
}

/// What is not there cannot be described, run or retired.
#[test]
fn unknown() {
    check(
        r#"
describe definition web
describe definition web:x
describe definition "a b"
undefine web
undefine web:1
machine m1
run web
define web
undefine web:1
undefine web:1
run web
run web:1
describe definition web
        "#,
        expect![[r#"
            > describe definition web
              ! DefinitionUnknown
            > describe definition web:x
              ! Revision("x")
            > describe definition "a b"
              ! Identifier("a b")
            > undefine web
              ! Revision("")
            > undefine web:1
              ! DefinitionUnknown
            > machine m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
              m1 #1 < manifest 1.1:
            > run web
              ! DefinitionNotFound
            > define web
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > undefine web:1
              definition web:1 INACTIVE
              = definition web:1 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > undefine web:1
              = definition web:1 INACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > run web
              ! DefinitionNotFound
            > run web:1
              ! DefinitionInactive
            > describe definition web
              ! DefinitionUnknown
        "#]],
    );
}

/// The sample of the documentation fits FARGATE and whatever machine one has.
#[test]
fn sample() {
    check(
        r#"
define fargate-task-definition cpu=256 memory=512 net=awsvpc for=FARGATE exec=arn:aws:iam::012345678910:role/ecsTaskExecutionRole os=LINUX : sample-fargate-app image=httpd:2.4 entry=sh,-c command="echo '<html>' > index.html && httpd-foreground" port=80:80/tcp log=awslogs options=awslogs-group:/ecs/fargate-task-definition,awslogs-region:us-east-1,awslogs-stream-prefix:ecs
        "#,
        expect![[r#"
            > define fargate-task-definition cpu=256 memory=512 net=awsvpc for=FARGATE exec=arn:aws:iam::012345678910:role/ecsTaskExecutionRole os=LINUX : sample-fargate-app image=httpd:2.4 entry=sh,-c command="echo '<html>' > index.html && httpd-foreground" port=80:80/tcp log=awslogs options=awslogs-group:/ecs/fargate-task-definition,awslogs-region:us-east-1,awslogs-stream-prefix:ecs
              family fargate-task-definition newest 1
              definition fargate-task-definition:1 ACTIVE
              = definition fargate-task-definition:1 ACTIVE requires [FARGATE] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 docker-remote-api.1.19 logging-driver.awslogs execution-role-awslogs task-cpu-mem-limit task-eni]
        "#]],
    );
}

/// What a definition fits follows from its rules; FARGATE is the narrower one.
#[test]
fn fits() {
    check(
        r#"
define bridge cpu=256 memory=512
define sized cpu=".5 vCPU" memory="1 GB" net=awsvpc
define odd cpu=300 memory=512 net=awsvpc
define arm cpu=256 memory=512 net=awsvpc arch=ARM64
        "#,
        expect![[r#"
            > define bridge cpu=256 memory=512
              family bridge newest 1
              definition bridge:1 ACTIVE
              = definition bridge:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [task-cpu-mem-limit]
            > define sized cpu=".5 vCPU" memory="1 GB" net=awsvpc
              family sized newest 1
              definition sized:1 ACTIVE
              = definition sized:1 ACTIVE requires [] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 task-cpu-mem-limit task-eni]
            > define odd cpu=300 memory=512 net=awsvpc
              family odd newest 1
              definition odd:1 ACTIVE
              = definition odd:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.18 task-cpu-mem-limit task-eni]
            > define arm cpu=256 memory=512 net=awsvpc arch=ARM64
              family arm newest 1
              definition arm:1 ACTIVE
              = definition arm:1 ACTIVE requires [] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 task-cpu-mem-limit task-eni]
        "#]],
    );
}

/// Families can be found by how they begin and by whether they are in use.
#[test]
fn families() {
    check(
        r#"
define web
define web-a
define db
undefine db:1
---
list families
list families status=ACTIVE
list families status=INACTIVE
list families prefix=web
list definitions
list definitions status=INACTIVE
list definitions family=web
list definitions descending
        "#,
        expect![[r#"
            > list families
              = db web web-a
            > list families status=ACTIVE
              = web web-a
            > list families status=INACTIVE
              = db
            > list families prefix=web
              = web web-a
            > list definitions
              = arn:task-definition/web:1 arn:task-definition/web-a:1
            > list definitions status=INACTIVE
              = arn:task-definition/db:1
            > list definitions family=web
              = arn:task-definition/web:1
            > list definitions descending
              = arn:task-definition/web-a:1 arn:task-definition/web:1
        "#]],
    );
}
