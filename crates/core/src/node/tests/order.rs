//! Containers that depend on each other: who starts when, what becomes of those that never can, and who ends first.

use expect_test::expect;

use super::script::check;

#[test]
fn others_start_first_and_end_last() {
    check(
        "none\n web* a on=side\n side b on=base\n base c",
        "run\n all\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              pull base c
              ack payload-1
            > all
              start base sha256:c on isolated
              start side sha256:b on isolated
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING, side RUNNING, base RUNNING
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              stop side
              (side exits 143)
              stop base
              (base exits 143)
              remove web
              remove side
              remove base
              remove-cgroup
              report 2: STOPPED, web STOPPED 143, side STOPPED 143, base STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn what_comes_first_has_ended_well() {
    check(
        "none\n web* a on=init:SUCCESS on=other:COMPLETE\n init b\n other c",
        "run\n all\n exit other 3\n exit init 0\n all\n exit web 0\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              pull other c
              ack payload-1
            > all
              start init sha256:b on isolated
              start other sha256:c on isolated
            > exit other 3
            > exit init 0
              start web sha256:a on isolated
            > all
              report 1: RUNNING, web RUNNING, init RUNNING, init STOPPED 0, other RUNNING, other STOPPED 3
            > exit web 0
              remove web
              remove init
              remove other
            > all
              remove-cgroup
              report 2: STOPPED, web STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

/// As in ECS, the container that never starts has exit code 143.
#[test]
fn what_did_not_end_well_keeps_the_task_from_starting() {
    check(
        "none\n web* a on=init:SUCCESS\n init b",
        "run\n all\n exit init 2\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start init sha256:b on isolated
            > exit init 2
              remove init
            > all
              remove-cgroup
              report 1: STOPPED, web STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [init(b) (STOPPED->STOPPED) - Exit: 2] for target [web(a) (PULLED->RUNNING)] as dependency did not exit successfully.), init RUNNING, init STOPPED 2, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn what_is_not_essential_is_not_missed() {
    check(
        "none\n web* a\n side b on=init:SUCCESS\n last c on=side\n init d",
        "run\n all\n exit init 2\n all\n exit web 0\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              pull last c
              pull init d
              ack payload-1
            > all
              start web sha256:a on isolated
              start init sha256:d on isolated
            > exit init 2
              report 1: RUNNING, web RUNNING, side STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [init(d) (STOPPED->STOPPED) - Exit: 2] for target [side(b) (PULLED->RUNNING)] as dependency did not exit successfully.), last STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [side(b) (STOPPED->STOPPED) - Exit: 143] for target [last(c) (PULLED->RUNNING)] because dependency will never start), init RUNNING, init STOPPED 2
            > all
            > exit web 0
              remove web
              remove init
            > all
              remove-cgroup
              report 2: STOPPED, web STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_container_waits_until_another_is_healthy() {
    check(
        "none\n web* a on=db:HEALTHY\n db* b health=10",
        "run\n sick db\n all\n wait 10\n all\n well db\n wait 10\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull db b
              ack payload-1
            > sick db
            > all
              start db sha256:b on isolated
              health: db UNKNOWN
            > wait 10
              (at 1.000 s)
              report 1: PENDING, db RUNNING
              (at 10.000 s)
              probe db: /bin/sh -c look
            > all
            > well db
            > wait 10
              (at 20.000 s)
              probe db: /bin/sh -c look
            > all
              health: db HEALTHY
              start web sha256:a on isolated
              report 2: RUNNING, web RUNNING
        "#]],
    );
}

#[test]
fn waiting_for_health_ends_when_the_other_one_does() {
    check(
        "none\n web* a on=db:HEALTHY\n db b health=10",
        "run\n all\n wait 3\n exit db 0\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull db b
              ack payload-1
            > all
              start db sha256:b on isolated
              health: db UNKNOWN
            > wait 3
              (at 1.000 s)
              report 1: PENDING, db RUNNING
            > exit db 0
              remove db
            > all
              remove-cgroup
              report 2: STOPPED, web STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve the container ordering dependency [db(b) (STOPPED->STOPPED) - Exit: 0] for target [web(a) (PULLED->RUNNING)]), db STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 3.000 s
        "#]],
    );
}

/// The time counts from the start of the container that is waited for, also for an agent that is started anew.
#[test]
fn waiting_ends_with_the_start_timeout() {
    check(
        "none\n web* a on=init:COMPLETE\n init b begin=20",
        "run\n all\n wait 19\n crash\n all\n wait 1\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start init sha256:b on isolated
            > wait 19
              (at 1.000 s)
              report 1: PENDING, init RUNNING
            > crash
              report 2: PENDING, init RUNNING
            > all
            > wait 1
              (at 20.000 s)
              stop init
            > all
              (init exits 143)
              remove init
              remove-cgroup
              report 3: STOPPED, web STOPPED 143 (CannotStartContainerError: dependency graph: container ordering dependency [init(b) (RUNNING->RUNNING)] for target [web(a) (PULLED->RUNNING)] has timed out.), init STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 20.000 s
        "#]],
    );
}

#[test]
fn a_start_timeout_is_over_with_the_condition() {
    check(
        "none\n web* a on=init:COMPLETE\n init b begin=20",
        "run\n all\n exit init 1\n all\n wait 60",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start init sha256:b on isolated
            > exit init 1
              start web sha256:a on isolated
            > all
              report 1: RUNNING, web RUNNING, init RUNNING, init STOPPED 1
            > wait 60
        "#]],
    );
}

#[test]
fn who_depends_on_what_cannot_be_pulled_does_not_start() {
    check(
        "none\n web* a on=side\n side b on=base\n base c",
        "run\n ok create-cgroup\n ok pull web\n fail pull base CannotPull gone\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              pull base c
              ack payload-1
            > ok create-cgroup
            > ok pull web
            > fail pull base CannotPull gone
              cancel-pull side
            > all
              remove-cgroup
              report 1: STOPPED, web STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [side(b) (NONE->STOPPED) - Exit: 143] for target [web(a) (PULLED->RUNNING)] because dependency will never start), side STOPPED 143 (CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [base(c) (STOPPED->STOPPED)] for target [side(b) (NONE->RUNNING)] because dependency will never start), base STOPPED (CannotPullContainerError: gone), pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn each_has_its_own_time_to_end() {
    check(
        "none\n web* a on=db timeout=3\n db* b timeout=60",
        "run\n all\n stubborn web\n stubborn db\n stop\n all\n wait 2\n wait 1\n all\n wait 59\n wait 1\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull db b
              ack payload-1
            > all
              start db sha256:b on isolated
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING, db RUNNING
            > stubborn web
            > stubborn db
            > stop
              stop web
              ack payload-2
            > all
            > wait 2
            > wait 1
              (at 3.000 s)
              kill web
            > all
              (web exits 137)
              stop db
            > wait 59
              (at 4.000 s)
              report 2: RUNNING, web STOPPED 137
            > wait 1
              (at 63.000 s)
              kill db
            > all
              (db exits 137)
              remove web
              remove db
              remove-cgroup
              report 3: STOPPED, db STOPPED 137, pulling at 0.000 s, pulled at 0.000 s, ended at 3.000 s
        "#]],
    );
}

#[test]
fn who_waits_is_gone_at_once_when_the_task_is_to_stop() {
    check(
        "none\n web* a on=init:COMPLETE\n init b",
        "run\n all\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start init sha256:b on isolated
            > stop
              stop init
              ack payload-2
            > all
              (init exits 143)
              remove init
              remove-cgroup
              report 1: STOPPED, web STOPPED, init RUNNING, init STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn waiting_goes_on_after_a_death_of_the_agent() {
    check(
        "none\n web* a on=init:SUCCESS\n init b",
        "run\n all\n crash\n all\n exit init 0\n crash\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start init sha256:b on isolated
            > crash
            > all
            > exit init 0
              start web sha256:a on isolated
            > crash
              start web sha256:a on isolated
            > all
              report 1: RUNNING, web RUNNING, init RUNNING, init STOPPED 0
        "#]],
    );
}
