//! UpdateContainerAgent: what the operator offers, what Amazon's agent makes of it, and what must not be lost on the way.

use expect_test::expect;

use crate::world::check;

/// Without an offer nobody is updated, and whoever asks is told so, with what is known of the agent.
#[test]
fn what_is_not_to_be_had() {
    check(
        r#"
register m1
register m2 agent=1.105.1
register m3 agent=1.105.1
leave m3
register m4 agent=mine
register m5 agent=1.106.0
register m6 agent=1.105.1
connect m6
---
renew m1
renew m2
renew m3
renew nobody
renew m1 cluster=nope
offer 1.106.0
renew m4
renew m5
renew m6
        "#,
        expect![[r#"
            > renew m1
              ! AgentVersionUnknown
            > renew m2
              ! NoAgentUpdate(NotOffered)
            > renew m3
              ! InstanceInactive
            > renew nobody
              ! InstanceNotFound
            > renew m1 cluster=nope
              ! ClusterNotFound
            > offer 1.106.0
            > renew m4
              ! AgentVersionUnknown
            > renew m5
              ! NoAgentUpdate(Newest)
            > renew m6
              ! NoAgentUpdate(OwnAgent)
        "#]],
    );
}

/// Each step is told once the agent has taken the one before.
#[test]
fn an_update_from_end_to_end() {
    check(
        r#"
offer 1.106.0
register m1
connect m1 stock agent=1.105.1
ack m1
---
renew m1
renew m1
ack m1
renew m1
ack m1
ack m1
close m1
register m1 again
connect m1 stock agent=1.106.0
renew m1
offer 1.107.0
renew m1
        "#,
        expect![[r#"
            > renew m1
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              instance m1 v4 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < Stage 1.106.0 of https://there/agent.tar
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > renew m1
              ! AgentUpdateUnderWay
            > ack m1
              instance m1 v5 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGED
              m1 #1 < Perform 1.106.0 of https://there/agent.tar
            > renew m1
              ! AgentUpdateUnderWay
            > ack m1
              instance m1 v6 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update UPDATING
            > ack m1
            > close m1
            > register m1 again
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 stock agent=1.106.0
              instance m1 v7 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update UPDATING
              instance m1 v8 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update UPDATED
              m1 #2 < heartbeat
              m1 #2 < manifest 1.4:
            > renew m1
              ! NoAgentUpdate(Newest)
            > offer 1.107.0
            > renew m1
              instance m1 v9 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update PENDING
              instance m1 v10 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update STAGING
              m1 #2 < Stage 1.107.0 of https://there/agent.tar
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// The agent may refuse either step; then another update can be asked for.
#[test]
fn refused_updates() {
    check(
        r#"
offer 1.106.0
register m1
connect m1 stock agent=1.105.1
ack m1
---
renew m1
nack m1
nack m1
renew m1
ack m1
nack m1
renew m1
        "#,
        expect![[r#"
            > renew m1
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              instance m1 v4 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < Stage 1.106.0 of https://there/agent.tar
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > nack m1
              instance m1 v5 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update FAILED
            > nack m1
            > renew m1
              instance m1 v6 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              instance m1 v7 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < Stage 1.106.0 of https://there/agent.tar
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > ack m1
              instance m1 v8 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGED
              m1 #1 < Perform 1.106.0 of https://there/agent.tar
            > nack m1
              instance m1 v9 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update FAILED
            > renew m1
              instance m1 v10 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              instance m1 v11 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < Stage 1.106.0 of https://there/agent.tar
              = instance m1 ACTIVE connected=true running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
        "#]],
    );
}

/// An agent that agreed to become the new one, and comes back as the old one, has failed. Before, it goes on where it stopped.
#[test]
fn agents_that_come_back_as_they_were() {
    check(
        r#"
offer 1.106.0
register m1
connect m1 stock agent=1.105.1
ack m1
renew m1
---
close m1
connect m1 stock agent=1.105.1
ack m1
close m1
connect m1 stock agent=1.105.1
ack m1
ack m1
close m1
connect m1 stock agent=1.105.1
        "#,
        expect![[r#"
            > close m1
            > connect m1 stock agent=1.105.1
              m1 #2 < heartbeat
              m1 #2 < manifest 1.3:
              m1 #2 < Stage 1.106.0 of https://there/agent.tar
            > ack m1
              instance m1 v5 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGED
              m1 #2 < Perform 1.106.0 of https://there/agent.tar
            > close m1
            > connect m1 stock agent=1.105.1
              m1 #3 < heartbeat
              m1 #3 < manifest 1.6:
              m1 #3 < Stage 1.106.0 of https://there/agent.tar
            > ack m1
              m1 #3 < Perform 1.106.0 of https://there/agent.tar
            > ack m1
              instance m1 v6 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update UPDATING
            > close m1
            > connect m1 stock agent=1.105.1
              instance m1 v7 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update FAILED
              m1 #4 < heartbeat
              m1 #4 < manifest 1.9:
        "#]],
    );
}

/// An update goes on to what was on offer when it was asked for, whatever the control plane offers after its restart.
#[test]
fn restarts() {
    check(
        r#"
offer 1.106.0
register m1
connect m1 stock agent=1.105.1
ack m1
renew m1
ack m1
---
restart
renew m1
connect m1 stock agent=1.105.1
ack m1
ack m1
restart
connect m1 stock agent=1.106.0
        "#,
        expect![[r#"
            > restart
              epoch 2
            > renew m1
              ! AgentUpdateUnderWay
            > connect m1 stock agent=1.105.1
              m1 #2 < heartbeat
              m1 #2 < manifest 2.1:
              m1 #2 < Stage 1.106.0 of https://there/agent.tar
            > ack m1
              m1 #2 < Perform 1.106.0 of https://there/agent.tar
            > ack m1
              instance m1 v6 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update UPDATING
            > restart
              epoch 3
            > connect m1 stock agent=1.106.0
              instance m1 v7 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update UPDATING
              instance m1 v8 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update UPDATED
              m1 #3 < heartbeat
              m1 #3 < manifest 3.1:
        "#]],
    );
}

/// An agent that is away hears of it when it comes back. One that turns out to be Berth's own cannot become another.
#[test]
fn agents_that_are_away() {
    check(
        r#"
offer 1.106.0
register m1 agent=1.105.1
register m2 agent=1.105.1
register m3 agent=1.105.1
---
renew m1
renew m2
renew m3
connect m1 stock
connect m2
connect m3 stock agent=1.106.0
leave m1
        "#,
        expect![[r#"
            > renew m1
              instance m1 v2 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              = instance m1 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > renew m2
              instance m2 v2 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              = instance m2 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > renew m3
              instance m3 v2 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update PENDING
              = instance m3 ACTIVE connected=false running=0 pending=0 left 1024 cpu, 2048 MiB, taken tcp [] udp []
            > connect m1 stock
              instance m1 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < heartbeat
              m1 #1 < manifest 1.1:
              m1 #1 < Stage 1.106.0 of https://there/agent.tar
            > connect m2
              instance m2 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update FAILED
              m2 #2 < heartbeat
              m2 #2 < manifest 1.3:
            > connect m3 stock agent=1.106.0
              instance m3 v3 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update PENDING
              instance m3 v4 ACTIVE 1024 cpu, 2048 MiB [capable] agent 1.106.0 update UPDATED
              m3 #3 < heartbeat
              m3 #3 < manifest 1.4:
            > leave m1
              instance m1 v4 INACTIVE 1024 cpu, 2048 MiB [capable] agent 1.105.1 update STAGING
              m1 #1 < close
              = instance m1 INACTIVE connected=false running=0 pending=0 left 0 cpu, 0 MiB, taken tcp [] udp []
        "#]],
    );
}
