//! What can be said of clusters: settings, ExecuteCommand, namespaces, capacity providers; and how they are forgotten.

use expect_test::expect;

use crate::world::check;

/// What is said at creation shows; to say the same again, or less, is the same request; anything else is another one.
#[test]
fn said_at_creation() {
    check(
        r#"
create web set=containerInsights:enhanced log=OVERRIDE into=/exec namespace=shop providers=FARGATE,FARGATE_SPOT share=FARGATE_SPOT:3,FARGATE:1:2
create web
create web set=containerInsights:enhanced providers=FARGATE,FARGATE_SPOT
create web set=containerInsights:enabled
create web providers=FARGATE
create web log=NONE
delete web
create web
        "#,
        expect![[r#"
            > create web set=containerInsights:enhanced log=OVERRIDE into=/exec namespace=shop providers=FARGATE,FARGATE_SPOT share=FARGATE_SPOT:3,FARGATE:1:2
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enhanced log=OVERRIDE into /exec namespace=shop [Fargate, FargateSpot] FARGATE_SPOT:3:0 FARGATE:1:2
            > create web
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enhanced log=OVERRIDE into /exec namespace=shop [Fargate, FargateSpot] FARGATE_SPOT:3:0 FARGATE:1:2
            > create web set=containerInsights:enhanced providers=FARGATE,FARGATE_SPOT
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enhanced log=OVERRIDE into /exec namespace=shop [Fargate, FargateSpot] FARGATE_SPOT:3:0 FARGATE:1:2
            > create web set=containerInsights:enabled
              ! ClusterDiffers
            > create web providers=FARGATE
              ! ClusterDiffers
            > create web log=NONE
              ! ClusterDiffers
            > delete web
              cluster web INACTIVE
              = cluster web INACTIVE instances=0 running=0 pending=0 insights=enhanced log=OVERRIDE into /exec namespace=shop [Fargate, FargateSpot] FARGATE_SPOT:3:0 FARGATE:1:2
            > create web
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0
        "#]],
    );
}

/// Updates change what they name and leave the rest.
#[test]
fn updated() {
    check(
        r#"
create web
---
update web set=containerInsights:enabled
update web set=containerInsights:enabled
update web log=DEFAULT kms=key
update web namespace=shop
update web set=containerInsights:enhanced,containerInsights:disabled namespace=
update nope set=containerInsights:enabled
update web set=insights:enabled
update web set=containerInsights:on
update web log=LOUD
update web log=OVERRIDE
update web log=OVERRIDE into=
update web log=NONE into=/exec
describe clusters web
        "#,
        expect![[r#"
            > update web set=containerInsights:enabled
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enabled
            > update web set=containerInsights:enabled
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enabled
            > update web log=DEFAULT kms=key
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enabled log=DEFAULT into -
            > update web namespace=shop
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 insights=enabled log=DEFAULT into - namespace=shop
            > update web set=containerInsights:enhanced,containerInsights:disabled namespace=
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 log=DEFAULT into -
            > update nope set=containerInsights:enabled
              ! ClusterNotFound
            > update web set=insights:enabled
              ! SettingName
            > update web set=containerInsights:on
              ! SettingValue
            > update web log=LOUD
              ! Word { member: "logging", word: "LOUD" }
            > update web log=OVERRIDE
              ! Command(LogMissing)
            > update web log=OVERRIDE into=
              ! Command(LogNowhere)
            > update web log=NONE into=/exec
              ! Command(LogUnwanted)
            > describe clusters web
              = cluster web ACTIVE instances=0 running=0 pending=0 log=DEFAULT into -
        "#]],
    );
}

/// Providers and the default strategy are replaced together; what contradicts itself is refused.
#[test]
fn providers() {
    check(
        r#"
create web
---
providers web FARGATE FARGATE_SPOT share=FARGATE_SPOT:1
providers web FARGATE_SPOT FARGATE_SPOT arn:aws:ecs:us-east-1:123456789012:capacity-provider/FARGATE
providers web FARGATE share=FARGATE_SPOT:1
providers web FARGATE share=FARGATE:1,FARGATE:2
providers web FARGATE FARGATE_SPOT share=FARGATE:1:1,FARGATE_SPOT:1:1
providers web FARGATE share=FARGATE:1001
providers web FARGATE share=FARGATE:0:100001
providers web FARGATE share=FARGATE:-1
providers web mine
providers web FARGATE share=mine:1
providers nope
providers web
create other share=FARGATE:1
create other providers=mine
describe clusters web
        "#,
        expect![[r#"
            > providers web FARGATE FARGATE_SPOT share=FARGATE_SPOT:1
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 [Fargate, FargateSpot] FARGATE_SPOT:1:0
            > providers web FARGATE_SPOT FARGATE_SPOT arn:capacity-provider/FARGATE
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0 [FargateSpot, Fargate]
            > providers web FARGATE share=FARGATE_SPOT:1
              ! Strategy(NotAssociated)
            > providers web FARGATE share=FARGATE:1,FARGATE:2
              ! Strategy(Duplicate)
            > providers web FARGATE FARGATE_SPOT share=FARGATE:1:1,FARGATE_SPOT:1:1
              ! Strategy(Bases)
            > providers web FARGATE share=FARGATE:1001
              ! OutOfRange { member: "weight", least: 0, most: 1000 }
            > providers web FARGATE share=FARGATE:0:100001
              ! OutOfRange { member: "base", least: 0, most: 100000 }
            > providers web FARGATE share=FARGATE:-1
              ! OutOfRange { member: "weight", least: 0, most: 1000 }
            > providers web mine
              ! ProviderUnknown
            > providers web FARGATE share=mine:1
              ! ProviderUnknown
            > providers nope
              ! ClusterNotFound
            > providers web
              cluster web ACTIVE
              = cluster web ACTIVE instances=0 running=0 pending=0
            > create other share=FARGATE:1
              ! Strategy(NotAssociated)
            > create other providers=mine
              ! ProviderUnknown
            > describe clusters web
              = cluster web ACTIVE instances=0 running=0 pending=0
        "#]],
    );
}

/// The two that every account has, page by page.
#[test]
fn described_providers() {
    check(
        r#"
create web providers=FARGATE_SPOT
---
describe providers
describe providers limit=1
describe providers limit=1 after=FARGATE
describe providers FARGATE_SPOT mine arn:aws:ecs:us-east-1:123456789012:capacity-provider/FARGATE FARGATE
describe providers cluster=web
describe providers FARGATE cluster=web
describe providers cluster=nope
describe providers limit=11
        "#,
        expect![[r#"
            > describe providers
              = provider FARGATE arn:capacity-provider/FARGATE
              = provider FARGATE_SPOT arn:capacity-provider/FARGATE_SPOT
            > describe providers limit=1
              = provider FARGATE arn:capacity-provider/FARGATE
              next FARGATE
            > describe providers limit=1 after=FARGATE
              = provider FARGATE_SPOT arn:capacity-provider/FARGATE_SPOT
            > describe providers FARGATE_SPOT mine arn:capacity-provider/FARGATE FARGATE
              = provider FARGATE arn:capacity-provider/FARGATE
              = provider FARGATE_SPOT arn:capacity-provider/FARGATE_SPOT
              ! arn:capacity-provider/mine MISSING
            > describe providers cluster=web
              = provider FARGATE_SPOT arn:capacity-provider/FARGATE_SPOT
            > describe providers FARGATE cluster=web
              ! arn:capacity-provider/FARGATE MISSING
            > describe providers cluster=nope
              ! ClusterNotFound
            > describe providers limit=11
              ! OutOfRange { member: "maxResults", least: 1, most: 10 }
        "#]],
    );
}

/// A deleted cluster is forgotten after an hour, also across a restart; one that was made anew is not.
#[test]
fn forgotten() {
    check(
        r#"
create web
create shop
wait 10s
delete web
delete shop
---
wait 20m
restart
create shop
wait 40m
describe clusters web shop
        "#,
        expect![[r#"
            > wait 20m
            > restart
              epoch 2
            > create shop
              cluster shop ACTIVE
              = cluster shop ACTIVE instances=0 running=0 pending=0
            > wait 40m
              3610s
              cluster web forgotten
            > describe clusters web shop
              = cluster shop ACTIVE instances=0 running=0 pending=0
              ! arn:cluster/web MISSING
        "#]],
    );
}

/// Tasks are shared out by the strategy of the request, else by the cluster's; a provider with tasks stays with its cluster.
#[test]
#[expect(clippy::too_many_lines, reason = "one story with its outcome")]
fn shared_out() {
    check(
        r#"
create web providers=FARGATE,FARGATE_SPOT share=FARGATE_SPOT:1
machine m1 cluster=web serves=EC2,FARGATE cpu=4096 memory=8192
define far net=awsvpc cpu=256 memory=512 for=FARGATE
define app
---
run far cluster=web subnets=a
run far cluster=web subnets=a count=3 share=FARGATE:1:1,FARGATE_SPOT:2
run far cluster=web subnets=a type=FARGATE
run app cluster=web
run app cluster=web type=EC2
run far cluster=web subnets=a type=FARGATE share=FARGATE:1
run far cluster=web subnets=a share=FARGATE,FARGATE_SPOT
run far cluster=web subnets=a share=mine:1
providers web FARGATE
report t1 STOPPED cluster=web
report t3 STOPPED cluster=web
report t4 STOPPED cluster=web
providers web FARGATE
run far cluster=web subnets=a share=FARGATE_SPOT:1
run far cluster=default subnets=a share=FARGATE:1
restart
describe clusters web
        "#,
        expect![[r#"
            > run far cluster=web subnets=a
              task t1 PROVISIONING of far:1 on m1 in us-east-1a as FARGATE of FARGATE_SPOT, 256 cpu, 512 MiB, group family:far
              interface in us-east-1a
              m1 #1 < payload 1.2: run t1 (app) with its interface
              = task t1 PROVISIONING/RUNNING
            > run far cluster=web subnets=a count=3 share=FARGATE:1:1,FARGATE_SPOT:2
              task t2 PROVISIONING of far:1 on m1 in us-east-1a as FARGATE of FARGATE, 256 cpu, 512 MiB, group family:far
              interface in us-east-1a
              task t3 PROVISIONING of far:1 on m1 in us-east-1a as FARGATE of FARGATE_SPOT, 256 cpu, 512 MiB, group family:far
              interface in us-east-1a
              task t4 PROVISIONING of far:1 on m1 in us-east-1a as FARGATE of FARGATE, 256 cpu, 512 MiB, group family:far
              interface in us-east-1a
              m1 #1 < payload 1.3: run t3 (app) with its interface, run t2 (app) with its interface, run t4 (app) with its interface
              = task t2 PROVISIONING/RUNNING
              = task t3 PROVISIONING/RUNNING
              = task t4 PROVISIONING/RUNNING
            > run far cluster=web subnets=a type=FARGATE
              task t5 PROVISIONING of far:1 on m1 in us-east-1a as FARGATE, 256 cpu, 512 MiB, group family:far
              interface in us-east-1a
              m1 #1 < payload 1.4: run t5 (app) with its interface
              = task t5 PROVISIONING/RUNNING
            > run app cluster=web
              ! LaunchTypeUnsupported(Fargate)
            > run app cluster=web type=EC2
              task t6 PENDING of app:1 on m1 in us-east-1a as EC2, 0 cpu, 128 MiB, group family:app
              m1 #1 < payload 1.5: run t6 (app)
              = task t6 PENDING/RUNNING
            > run far cluster=web subnets=a type=FARGATE share=FARGATE:1
              ! LaunchTypeAndStrategy
            > run far cluster=web subnets=a share=FARGATE,FARGATE_SPOT
              ! Strategy(NoWeight)
            > run far cluster=web subnets=a share=mine:1
              ! ProviderUnknown
            > providers web FARGATE
              ! ProviderInUse
            > report t1 STOPPED cluster=web
              task t1 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED]
              interface given back
              = acknowledged
            > report t3 STOPPED cluster=web
              task t3 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED]
              interface given back
              = acknowledged
            > report t4 STOPPED cluster=web
              task t4 v2 STOPPED desired STOPPED TaskFailedToStart "Task failed to start" stoppingAt=0 stoppedAt=0 [app STOPPED]
              interface given back
              = acknowledged
            > providers web FARGATE
              cluster web ACTIVE
              = cluster web ACTIVE instances=1 running=0 pending=3 [Fargate]
            > run far cluster=web subnets=a share=FARGATE_SPOT:1
              ! Strategy(NotAssociated)
            > run far cluster=default subnets=a share=FARGATE:1
              ! Strategy(NotAssociated)
            > restart
              epoch 2
            > describe clusters web
              = cluster web ACTIVE instances=1 running=0 pending=3 [Fargate]
        "#]],
    );
}
