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
