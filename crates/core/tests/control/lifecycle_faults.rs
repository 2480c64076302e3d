//! What can be wrong with what containers wait for, with restart policies and with health checks.

use expect_test::expect;

use crate::world::check;

#[test]
fn of_dependencies() {
    check(
        r#"
define web : a on=b
define web : a on=b:SOON | b optional
define web : a on=b:COMPLETE | b
define web : a on=b:SUCCESS | b
define web : a on=b:HEALTHY | b
define web : a on=a
define web : a on=b | b on=c | c on=b
define web : a begin=-1
define web for=FARGATE net=awsvpc cpu=256 memory=512 : a begin=121
define web for=FARGATE net=awsvpc cpu=256 memory=512 : a begin=1
define web for=FARGATE net=awsvpc cpu=256 memory=512 : a stop=1
        "#,
        expect![[r#"
            > define web : a on=b
              ! Definition(Lifecycle(UnknownDependency("b")))
            > define web : a on=b:SOON | b optional
              ! Definition(Word { member: "dependsOn.condition", word: "SOON" })
            > define web : a on=b:COMPLETE | b
              ! Definition(Lifecycle(EssentialDependency))
            > define web : a on=b:SUCCESS | b
              ! Definition(Lifecycle(EssentialDependency))
            > define web : a on=b:HEALTHY | b
              ! Definition(Lifecycle(UnprobedDependency))
            > define web : a on=a
              ! Definition(Lifecycle(Cycle))
            > define web : a on=b | b on=c | c on=b
              ! Definition(Lifecycle(Cycle))
            > define web : a begin=-1
              ! Definition(Negative { member: "startTimeout" })
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : a begin=121
              ! Definition(Lifecycle(StartTimeout(121)))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : a begin=1
              ! Definition(Lifecycle(StartTimeout(1)))
            > define web for=FARGATE net=awsvpc cpu=256 memory=512 : a stop=1
              ! Definition(StopTimeout(1))
        "#]],
    );
}

#[test]
fn of_restart_policies_and_health_checks() {
    check(
        r#"
define web : a again=59
define web : a again=1801
define web : a again=60 ignore=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50
define web : a health=true
define web : a health=CMD
define web : a health=NONE,x
define web : a health=CMD,true every=4
define web : a health=CMD,true every=301
define web : a health=CMD,true within=1
define web : a health=CMD,true within=61
define web : a health=CMD,true retries=0
define web : a health=CMD,true retries=11
define web : a health=CMD,true grace=301
define web : a health=CMD,true grace=-1
        "#,
        expect![[r#"
            > define web : a again=59
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "restartPolicy.restartAttemptPeriod", least: 60, most: 1800 }))
            > define web : a again=1801
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "restartPolicy.restartAttemptPeriod", least: 60, most: 1800 }))
            > define web : a again=60 ignore=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50
              ! Definition(Lifecycle(IgnoredExitCodes("a")))
            > define web : a health=true
              ! Definition(Lifecycle(HealthCommand("a")))
            > define web : a health=CMD
              ! Definition(Lifecycle(HealthCommand("a")))
            > define web : a health=NONE,x
              ! Definition(Lifecycle(HealthCommand("a")))
            > define web : a health=CMD,true every=4
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.interval", least: 5, most: 300 }))
            > define web : a health=CMD,true every=301
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.interval", least: 5, most: 300 }))
            > define web : a health=CMD,true within=1
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.timeout", least: 2, most: 60 }))
            > define web : a health=CMD,true within=61
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.timeout", least: 2, most: 60 }))
            > define web : a health=CMD,true retries=0
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.retries", least: 1, most: 10 }))
            > define web : a health=CMD,true retries=11
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.retries", least: 1, most: 10 }))
            > define web : a health=CMD,true grace=301
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.startPeriod", least: 0, most: 300 }))
            > define web : a health=CMD,true grace=-1
              ! Definition(Lifecycle(OutOfRange { container: "a", member: "healthCheck.startPeriod", least: 0, most: 300 }))
        "#]],
    );
}

#[test]
fn what_is_right_asks_for_what_an_agent_must_be_capable_of() {
    check(
        r#"
define web : a on=b:HEALTHY begin=9 | b health=CMD-SHELL,true every=5 within=60 retries=10 grace=0 again=1800 | c on=b:START on=a
define web : a begin=2
define web : a again=60
        "#,
        expect![[r#"
            > define web : a on=b:HEALTHY begin=9 | b health=CMD-SHELL,true every=5 within=60 retries=10 grace=0 again=1800 | c on=b:START on=a
              family web newest 1
              definition web:1 ACTIVE
              = definition web:1 ACTIVE requires [] fits [EC2,EXTERNAL] needs [docker-remote-api.1.24 container-health-check container-ordering container-restart-policy]
            > define web : a begin=2
              family web newest 2
              definition web:2 ACTIVE
              = definition web:2 ACTIVE requires [] fits [EC2,EXTERNAL] needs [container-ordering]
            > define web : a again=60
              family web newest 3
              definition web:3 ACTIVE
              = definition web:3 ACTIVE requires [] fits [EC2,EXTERNAL] needs [container-restart-policy]
        "#]],
    );
}
