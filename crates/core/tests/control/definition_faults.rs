//! Everything that can be wrong with a task definition, one case each.

use expect_test::expect;

use crate::world::check;

/// What is wrong with the definition as a whole.
#[test]
fn of_the_whole() {
    check(
        r#"
define "a b"
define web : no-container
define web : a | b | c | d | e | f | g | h | i | j | k
define web bytes=65537
define web cpu=1e3
define web cpu=100
define web memory=none
define web memory=0
define web net=overlay
define web for=EC2,MOON
define web for=MANAGED_INSTANCES
define web exec=me
define web role=arn:aws:iam::1:role/x
define web arch=SPARC
define web os=WINDOWS_SERVER_2025_CORE
define web tags=aws:a:1
define web tags=a:1,a:2
define web cpu=999999999.999999999vCPU
        "#,
        expect![[r#"
            > define "a b"
              ! Definition(Family)
            > define web : no-container
              ! Definition(ContainerCount)
            > define web : a | b | c | d | e | f | g | h | i | j | k
              ! Definition(ContainerCount)
            > define web bytes=65537
              ! Definition(Size)
            > define web cpu=1e3
              ! Definition(TaskCpu)
            > define web cpu=100
              ! Definition(TaskCpu)
            > define web memory=none
              ! Definition(TaskMemory)
            > define web memory=0
              ! Definition(TaskMemory)
            > define web net=overlay
              ! Definition(Word { member: "networkMode", word: "overlay" })
            > define web for=EC2,MOON
              ! Definition(Word { member: "requiresCompatibilities", word: "MOON" })
            > define web for=MANAGED_INSTANCES
              ! NotBuilt("Berth does not carry out the compatibility MANAGED_INSTANCES yet.")
            > define web exec=me
              ! Definition(Role("me"))
            > define web role=arn:aws:iam::1:role/x
              ! Definition(Role("arn:aws:iam::1:role/x"))
            > define web arch=SPARC
              ! Definition(Word { member: "runtimePlatform.cpuArchitecture", word: "SPARC" })
            > define web os=WINDOWS_SERVER_2025_CORE
              ! Definition(Word { member: "runtimePlatform.operatingSystemFamily", word: "WINDOWS_SERVER_2025_CORE" })
            > define web tags=aws:a:1
              ! Tags(Key("aws:a"))
            > define web tags=a:1,a:2
              ! Tags(Duplicate("a"))
            > define web cpu=999999999.999999999vCPU
              ! Definition(TaskCpu)
        "#]],
    );
}

/// What is wrong with a container.
#[test]
fn of_containers() {
    check(
        r#"
define web : ""
define web : app image=
define web : "a b"
define web : app | app
define web : app optional
define web : app unlimited
define web : app soft=200 memory=100
define web : app memory=5
define web : app memory=-1
define web : app cpu=-1
define web : app stop=-1
define web : app env=:x
define web cpu=256 memory=512 : app cpu=300
define web cpu=256 memory=512 : app memory=600
define web cpu=256 memory=512 : app soft=300 | side soft=300
        "#,
        expect![[r#"
            > define web : ""
              ! Definition(NameMissing)
            > define web : app image=
              ! Definition(ImageMissing)
            > define web : "a b"
              ! Definition(Name("a b"))
            > define web : app | app
              ! Definition(NameTwice("app"))
            > define web : app optional
              ! Definition(NothingEssential)
            > define web : app unlimited
              ! Definition(MemoryMissing("app"))
            > define web : app soft=200 memory=100
              ! Definition(ReservationAboveLimit("app"))
            > define web : app memory=5
              ! Definition(MemoryTooSmall("app"))
            > define web : app memory=-1
              ! Definition(Negative { member: "memory" })
            > define web : app cpu=-1
              ! Definition(Negative { member: "cpu" })
            > define web : app stop=-1
              ! Definition(Negative { member: "stopTimeout" })
            > define web : app env=:x
              ! Definition(EnvironmentName)
            > define web cpu=256 memory=512 : app cpu=300
              ! Definition(ContainersAboveTask("cpu"))
            > define web cpu=256 memory=512 : app memory=600
              ! Definition(ContainersAboveTask("memory"))
            > define web cpu=256 memory=512 : app soft=300 | side soft=300
              ! Definition(ContainersAboveTask("memory"))
        "#]],
    );
}

/// What is wrong with ports.
#[test]
fn of_ports() {
    check(
        r#"
define web net=awsvpc : app port=8080:80
define web net=host : app port=8080:80
define web net=none : app port=80
define web : app port=0
define web : app port=65536
define web : app port=-1:80
define web : app port=80/icmp
define web : app port=8080:80 | side port=8080:81
define web net=host : app port=80 | side port=80
define web : app port=80-70
define web : app port=a-b
define web : app port=8080:80 | side port=8080:80/udp
define web : app port=8000-8010
        "#,
        expect![[r#"
            > define web net=awsvpc : app port=8080:80
              ! Definition(PortsDiffer(Awsvpc))
            > define web net=host : app port=8080:80
              ! Definition(PortsDiffer(Host))
            > define web net=none : app port=80
              ! Definition(PortsWithoutNetwork)
            > define web : app port=0
              ! Definition(Port(0))
            > define web : app port=65536
              ! Definition(Port(65536))
            > define web : app port=-1:80
              ! Definition(Port(-1))
            > define web : app port=80/icmp
              ! Definition(Word { member: "protocol", word: "icmp" })
            > define web : app port=8080:80 | side port=8080:81
              ! Definition(PortTwice(8080))
            > define web net=host : app port=80 | side port=80
              ! Definition(PortTwice(80))
            > define web : app port=80-70
              ! Definition(Word { member: "containerPortRange", word: "80-70" })
            > define web : app port=a-b
              ! Definition(Word { member: "containerPortRange", word: "a-b" })
            > define web : app port=8080:80 | side port=8080:80/udp
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
            > define web : app port=8000-8010
              family web newest 2
              definition web:2 ACTIVE
              = definition web:2 ACTIVE requires [] fits [EC2,EXTERNAL] needs []
        "#]],
    );
}

/// What is wrong with where the output goes.
#[test]
fn of_logs() {
    check(
        r#"
define web : app log=papertrail
define web : app log=awslogs
define web : app log=awslogs options=awslogs-group:g
define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,colour:red
define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,mode:sometimes
define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,awslogs-create-group:yes
define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,mode:non-blocking,awslogs-create-group:true
        "#,
        expect![[r#"
            > define web : app log=papertrail
              ! Definition(Word { member: "logDriver", word: "papertrail" })
            > define web : app log=awslogs
              ! Definition(LogOptionMissing { driver: "awslogs", option: "awslogs-group" })
            > define web : app log=awslogs options=awslogs-group:g
              ! Definition(LogOptionMissing { driver: "awslogs", option: "awslogs-region" })
            > define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,colour:red
              ! Definition(LogOptionUnknown { driver: "awslogs", option: "colour" })
            > define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,mode:sometimes
              ! Definition(LogOptionValue { option: "mode", value: "sometimes" })
            > define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,awslogs-create-group:yes
              ! Definition(LogOptionValue { option: "awslogs-create-group", value: "yes" })
            > define web : app log=awslogs options=awslogs-group:g,awslogs-region:r,mode:non-blocking,awslogs-create-group:true
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.18 docker-remote-api.1.19 logging-driver.awslogs]
        "#]],
    );
}

/// What FARGATE does not take, though machines of one's own do.
#[test]
fn of_fargate() {
    check(
        r#"
define web for=FARGATE cpu=256 memory=512
define web for=FARGATE net=bridge cpu=256 memory=512
define web for=FARGATE net=awsvpc memory=512
define web for=FARGATE net=awsvpc cpu=256 : app
define web for=FARGATE net=awsvpc cpu=300 memory=512
define web for=FARGATE net=awsvpc cpu=256 memory=4096
define web for=FARGATE net=awsvpc cpu=256 memory=512 pid=host
define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=v=/srv
define web for=FARGATE net=awsvpc cpu=256 memory=512 where="attribute:a exists"
define web for=FARGATE net=awsvpc cpu=256 memory=512 unbuilt=ipcMode
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app privileged
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app unbuilt=links
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app security=no-new-privileges
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app needs=GPU:1
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app stop=121
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app log=json-file
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app log=awslogs options=awslogs-group:g,awslogs-region:r
define web for=FARGATE net=awsvpc cpu=256 memory=512 : app image=123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1
define web for=FARGATE net=awsvpc cpu=256 memory=512 pid=task : app stop=120 unbuilt=privileged? log=splunk
        "#,
        expect![[r#"
            > define web for=FARGATE cpu=256 memory=512
              ! Definition(FargateNetworkMode)
            > define web for=FARGATE net=bridge cpu=256 memory=512
              ! Definition(FargateNetworkMode)
            > define web for=FARGATE net=awsvpc memory=512
              ! Definition(FargateCpu)
            > define web for=FARGATE net=awsvpc cpu=256 : app
              ! Definition(FargateMemory)
            > define web for=FARGATE net=awsvpc cpu=300 memory=512
              ! Definition(FargateCpu)
            > define web for=FARGATE net=awsvpc cpu=256 memory=4096
              ! Definition(FargateSize)
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 pid=host
              ! Definition(FargatePidMode("host"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 volume=v=/srv
              ! Definition(Volume(Fargate("sourcePath")))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 where="attribute:a exists"
              ! Definition(FargateMember("placementConstraints"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 unbuilt=ipcMode
              ! Definition(FargateMember("ipcMode"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app privileged
              ! Definition(FargateMember("privileged"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app unbuilt=links
              ! Definition(FargateMember("links"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app security=no-new-privileges
              ! Definition(FargateMember("dockerSecurityOptions"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app needs=GPU:1
              ! Definition(FargateMember("resourceRequirements"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app stop=121
              ! Definition(StopTimeout(121))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app log=json-file
              ! Definition(FargateLogDriver("json-file"))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app log=awslogs options=awslogs-group:g,awslogs-region:r
              ! Definition(FargateLogRole)
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : app image=123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1
              ! Definition(FargateImageRole)
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 pid=task : app stop=120 unbuilt=privileged? log=splunk
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [FARGATE] fits [EC2,EXTERNAL,FARGATE] needs [docker-remote-api.1.18 logging-driver.splunk task-cpu-mem-limit task-eni]
        "#]],
    );
}
