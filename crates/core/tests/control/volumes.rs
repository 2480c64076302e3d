//! Volumes of task definitions: what is refused, what they require of machines, and what cannot be run.

use expect_test::expect;

use crate::world::check;

#[test]
fn faults() {
    check(
        r#"
define web volume=a volume=a
define web volume=
define web volume=a.b
define web volume=a=two
define web volume=a=srv
define web volume=a=/srv/../etc
define web volume=a=docker:global
define web volume=a : app mount=b:/b
define web volume=a : app mount=a:b
define web volume=a : app mount=a:/
define web volume=a : app mount=a:/x/../../y
define web volume=a volume=b : app mount=a:/x mount=b:/x/./
define web : app from=side
define web : app from=app
define web : app from=side | side on=app
define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a=/srv
define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a=docker:task
define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a : app mount=a:/a
        "#,
        expect![[r#"
            > define web volume=a volume=a
              ! Definition(Volume(NameTwice("a")))
            > define web volume=
              ! Definition(Volume(Name("")))
            > define web volume=a.b
              ! Definition(Volume(Name("a.b")))
            > define web volume=a=two
              ! Definition(Volume(Places))
            > define web volume=a=srv
              ! Definition(Volume(HostPath("srv")))
            > define web volume=a=/srv/../etc
              ! Definition(Volume(HostPath("/srv/../etc")))
            > define web volume=a=docker:global
              ! Definition(Word { member: "dockerVolumeConfiguration.scope", word: "global" })
            > define web volume=a : app mount=b:/b
              ! Definition(Volume(Unknown("b")))
            > define web volume=a : app mount=a:b
              ! Definition(Volume(ContainerPath { container: "app", path: "b" }))
            > define web volume=a : app mount=a:/
              ! Definition(Volume(ContainerPath { container: "app", path: "/" }))
            > define web volume=a : app mount=a:/x/../../y
              ! Definition(Volume(ContainerPath { container: "app", path: "/x/../../y" }))
            > define web volume=a volume=b : app mount=a:/x mount=b:/x/./
              ! Definition(Volume(ContainerPathTwice { container: "app", path: "/x/./" }))
            > define web : app from=side
              ! Definition(Volume(UnknownContainer("side")))
            > define web : app from=app
              ! Definition(Lifecycle(Cycle))
            > define web : app from=side | side on=app
              ! Definition(Lifecycle(Cycle))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a=/srv
              ! Definition(Volume(Fargate("sourcePath")))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a=docker:task
              ! Definition(Volume(Fargate("dockerVolumeConfiguration")))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=a : app mount=a:/a
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [FARGATE] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 task-cpu-mem-limit task-eni]
        "#]],
    );
}

/// Other drivers and options of drivers are accepted, but nothing is run with them.
#[test]
fn what_is_not_built() {
    check(
        r#"
machine m1
define efs volume=a=efs
define driver volume=a=docker:shared:rexray
define options volume=a=docker:task:opts
---
run efs
run driver
run options
        "#,
        expect![[r#"
            > run efs
              ! NotBuilt("Berth does not carry out 'volumes.efsVolumeConfiguration' of task definitions yet.")
            > run driver
              ! NotBuilt("Berth does not carry out 'volumes.dockerVolumeConfiguration.driver rexray' of task definitions yet.")
            > run options
              ! NotBuilt("Berth does not carry out 'volumes.dockerVolumeConfiguration.driverOpts.o' of task definitions yet.")
        "#]],
    );
}
