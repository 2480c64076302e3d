//! Account settings: said, inherited, taken back, refused; and what they do.

use berth_core::ecs::model::LogConfiguration;
use berth_core::ecs::view::assignment::assignment;
use expect_test::expect;

use crate::world::{World, check};

/// The root user's word is everybody's; a principal's own comes first. Nothing said means what is usual.
#[test]
fn said_and_inherited() {
    check(
        r#"
set containerInsights enabled default
set containerInsights enabled default
set containerInsights enhanced of=arn:aws:iam::123456789012:user/ann
set awsvpcTrunking enabled
list settings
list settings of=arn:aws:iam::123456789012:user/ann
list settings of=arn:aws:iam::123456789012:user/ann effective name=containerInsights
list settings of=arn:aws:iam::123456789012:role/bob effective name=containerInsights
list settings name=containerInsights value=disabled
restart
unset containerInsights of=arn:aws:iam::123456789012:user/ann
unset containerInsights
unset containerInsights
list settings effective limit=3
list settings effective limit=10 after=serviceLongArnFormat
        "#,
        expect![[r#"
            > set containerInsights enabled default
              setting containerInsights enabled of arn:aws:iam::123456789012:root
              = setting containerInsights enabled of arn:aws:iam::123456789012:root
            > set containerInsights enabled default
              = setting containerInsights enabled of arn:aws:iam::123456789012:root
            > set containerInsights enhanced of=arn:aws:iam::123456789012:user/ann
              setting containerInsights enhanced of arn:aws:iam::123456789012:user/ann
              = setting containerInsights enhanced of arn:aws:iam::123456789012:user/ann
            > set awsvpcTrunking enabled
              setting awsvpcTrunking enabled of arn:aws:iam::123456789012:root
              = setting awsvpcTrunking enabled of arn:aws:iam::123456789012:root
            > list settings
              = setting awsvpcTrunking enabled of arn:aws:iam::123456789012:root
              = setting containerInsights enabled of arn:aws:iam::123456789012:root
            > list settings of=arn:aws:iam::123456789012:user/ann
              = setting containerInsights enhanced of arn:aws:iam::123456789012:user/ann
            > list settings of=arn:aws:iam::123456789012:user/ann effective name=containerInsights
              = setting containerInsights enhanced of arn:aws:iam::123456789012:user/ann
            > list settings of=arn:aws:iam::123456789012:role/bob effective name=containerInsights
              = setting containerInsights enabled of arn:aws:iam::123456789012:root
            > list settings name=containerInsights value=disabled
              = nothing
            > restart
              epoch 2
            > unset containerInsights of=arn:aws:iam::123456789012:user/ann
              setting containerInsights of arn:aws:iam::123456789012:user/ann forgotten
              = setting containerInsights enabled of arn:aws:iam::123456789012:root
            > unset containerInsights
              setting containerInsights of arn:aws:iam::123456789012:root forgotten
              = setting containerInsights disabled of arn:aws:iam::123456789012:root
            > unset containerInsights
              = setting containerInsights disabled of arn:aws:iam::123456789012:root
            > list settings effective limit=3
              = setting awsvpcTrunking enabled of arn:aws:iam::123456789012:root
              = setting containerInsights disabled of arn:aws:iam::123456789012:root
              = setting containerInstanceLongArnFormat enabled of arn:aws:iam::123456789012:root
              next containerInstanceLongArnFormat
            > list settings effective limit=10 after=serviceLongArnFormat
              = setting tagResourceAuthorization on of arn:aws:iam::123456789012:root
              = setting taskLongArnFormat enabled of arn:aws:iam::123456789012:root
        "#]],
    );
}

/// New clusters want as much Container Insights as the account says, also the one that springs up.
#[test]
fn insights_of_new_clusters() {
    check(
        r#"
create before
set containerInsights enhanced
create web
create shop set=containerInsights:disabled
register m1
describe clusters before web shop default
        "#,
        expect![[r#"
            > create before
              cluster before ACTIVE
              = cluster before ACTIVE instances=0 running=0 pending=0
            > set containerInsights enhanced
              setting containerInsights enhanced of arn:aws:iam::123456789012:root
              = setting containerInsights enhanced of arn:aws:iam::123456789012:root
            > create web
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enhanced
            > create shop set=containerInsights:disabled
              cluster shop ACTIVE
              = cluster shop ACTIVE instances=0 running=0 pending=0
            > register m1
              cluster default ACTIVE
              instance m1 v1 ACTIVE 1024 cpu, 2048 MiB [capable]
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > describe clusters before web shop default
              = cluster before ACTIVE instances=0 running=0 pending=0
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enhanced
              = cluster shop ACTIVE instances=0 running=0 pending=0
              = cluster default ACTIVE instances=1 running=0 pending=0 insights=enhanced
        "#]],
    );
}

/// A value that would do nothing is refused, and so is what ECS does not let anybody say.
#[test]
#[expect(clippy::too_many_lines, reason = "one story with its outcome")]
fn refused() {
    check(
        r#"
set nothing enabled
set containerInsights on
set taskLongArnFormat enabled
set taskLongArnFormat disabled
set serviceLongArnFormat disabled
set containerInstanceLongArnFormat disabled default
set guardDutyActivate on
set fargateFIPSMode enabled
set fargateFIPSMode disabled
set fargateEventWindows enabled
set fargateTaskRetirementWaitPeriod 8
set fargateTaskRetirementWaitPeriod 14
set fargateTaskRetirementWaitPeriod 0 of=arn:aws:iam::123456789012:user/ann
set tagResourceAuthorization off
set awsvpcTrunking enabled of=arn:aws:iam::210987654321:root
set awsvpcTrunking enabled of=ann
unset nothing
list settings name=nothing
list settings value=enabled
list settings limit=11
list settings
        "#,
        expect![[r#"
            > set nothing enabled
              ! SettingName
            > set containerInsights on
              ! SettingValue
            > set taskLongArnFormat enabled
              setting taskLongArnFormat enabled of arn:aws:iam::123456789012:root
              = setting taskLongArnFormat enabled of arn:aws:iam::123456789012:root
            > set taskLongArnFormat disabled
              ! Setting(AlwaysEnabled(TaskLongArnFormat))
            > set serviceLongArnFormat disabled
              ! Setting(AlwaysEnabled(ServiceLongArnFormat))
            > set containerInstanceLongArnFormat disabled default
              ! Setting(AlwaysEnabled(ContainerInstanceLongArnFormat))
            > set guardDutyActivate on
              ! Setting(ReadOnly(GuardDutyActivate))
            > set fargateFIPSMode enabled
              ! NotBuilt("Berth does not carry out the account setting 'fargateFIPSMode' yet: it can only be 'disabled'.")
            > set fargateFIPSMode disabled
              setting fargateFIPSMode disabled of arn:aws:iam::123456789012:root
              = setting fargateFIPSMode disabled of arn:aws:iam::123456789012:root
            > set fargateEventWindows enabled
              ! NotBuilt("Berth does not carry out the account setting 'fargateEventWindows' yet: it can only be 'disabled'.")
            > set fargateTaskRetirementWaitPeriod 8
              ! SettingValue
            > set fargateTaskRetirementWaitPeriod 14
              setting fargateTaskRetirementWaitPeriod 14 of arn:aws:iam::123456789012:root
              = setting fargateTaskRetirementWaitPeriod 14 of arn:aws:iam::123456789012:root
            > set fargateTaskRetirementWaitPeriod 0 of=arn:aws:iam::123456789012:user/ann
              ! Setting(RootOnly(FargateTaskRetirementWaitPeriod))
            > set tagResourceAuthorization off
              setting tagResourceAuthorization off of arn:aws:iam::123456789012:root
              = setting tagResourceAuthorization off of arn:aws:iam::123456789012:root
            > set awsvpcTrunking enabled of=arn:aws:iam::210987654321:root
              ! Setting(Principal)
            > set awsvpcTrunking enabled of=ann
              ! Setting(Principal)
            > unset nothing
              ! SettingName
            > list settings name=nothing
              ! SettingName
            > list settings value=enabled
              ! Setting(ValueWithoutName)
            > list settings limit=11
              ! OutOfRange { member: "maxResults", least: 1, most: 10 }
            > list settings
              = setting fargateFIPSMode disabled of arn:aws:iam::123456789012:root
              = setting fargateTaskRetirementWaitPeriod 14 of arn:aws:iam::123456789012:root
              = setting tagResourceAuthorization off of arn:aws:iam::123456789012:root
              = setting taskLongArnFormat enabled of arn:aws:iam::123456789012:root
        "#]],
    );
}

/// Containers wait for their logs if the account says so and they do not: from the next task on, not for those that run.
#[test]
fn log_mode() {
    let mut world = World::new();
    world.tell(
        r#"
machine m1
define app : one log=awslogs options=awslogs-group:g,awslogs-region:us-east-1 | two log=awslogs options=awslogs-group:g,awslogs-region:us-east-1,mode:non-blocking | three
run app
set defaultLogDriverMode blocking
run app
        "#,
    );
    let modes = |nth: usize| {
        let ecs = world.control.state().ecs();
        let task = ecs.tasks().get(&world.tasks[nth]).expect("it runs");
        let definition = ecs.definitions().get(&task.definition_key()).expect("it is there");
        let containers = assignment(task, definition, None).containers;
        let mode = |log: &LogConfiguration| log.options.iter().find(|(name, _)| name == "mode").cloned();
        let modes = containers
            .iter()
            .map(|one| one.definition.log_configuration.as_ref().and_then(mode));
        modes.map(|mode| mode.map(|(_, mode)| mode)).collect::<Vec<_>>()
    };
    let said = |mode: &str| Some(mode.to_owned());
    assert_eq!(modes(0), [None, said("non-blocking"), None]);
    assert_eq!(modes(1), [said("blocking"), said("non-blocking"), None]);
}
