//! Containers that are started again when they end: the control plane sees them run on.

use expect_test::expect;

use super::script::check;

/// Its log stream stays, and so does its task. One that ends too early is over.
#[test]
fn a_container_that_ran_long_enough_is_started_again() {
    check(
        "none\n web* a again=60 logs=/g",
        "run\n all\n wait 60\n exit web 1\n all\n wait 61\n exit web 0\n all\n wait 59\n exit web 1\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              prepare-logs web /g p/web/..00000001 non-blocking
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated with logs
              report 1: RUNNING, web RUNNING
            > wait 60
            > exit web 1
              start web again (1) sha256:a on isolated with logs
            > all
            > wait 61
            > exit web 0
              start web again (2) sha256:a on isolated with logs
            > all
            > wait 59
            > exit web 1
              drain-logs web
            > all
              remove web
              remove-cgroup
              report 2: STOPPED, web STOPPED 1, pulling at 0.000 s, pulled at 0.000 s, ended at 180.000 s
        "#]],
    );
}

#[test]
fn some_exit_codes_are_an_end() {
    check(
        "none\n web* a\n side b again=60",
        "run\n all\n wait 100\n exit side 4\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              ack payload-1
            > all
              start web sha256:a on isolated
              start side sha256:b on isolated
              report 1: RUNNING, web RUNNING, side RUNNING
            > wait 100
            > exit side 4
            > all
        "#]],
    );
}

#[test]
fn a_container_that_was_stopped_is_not_started_again() {
    check(
        "none\n web* a again=60",
        "run\n all\n wait 100\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > wait 100
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              remove web
              remove-cgroup
              report 2: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 100.000 s
        "#]],
    );
}

#[test]
fn a_start_that_was_under_way_goes_on() {
    check(
        "bridge\n web* a again=60 port=80",
        "run\n all\n wait 100\n exit web 1\n crash\n all\n wait 100\n exit web 1",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              connect web 0:80
              pull web a
              ack payload-1
            > all
              start web sha256:a on bridge
              report 1: RUNNING, web RUNNING 0.0.0.0:32768->80
            > wait 100
            > exit web 1
              start web again (1) sha256:a on bridge
            > crash
              start web again (1) sha256:a on bridge
            > all
            > wait 100
            > exit web 1
              start web again (2) sha256:a on bridge
        "#]],
    );
}

#[test]
fn an_end_that_nobody_saw_is_made_good() {
    check(
        "none\n web* a again=60",
        "run\n all\n wait 100\n dies web 1\n crash\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > wait 100
            > dies web 1
            > crash
              start web again (1) sha256:a on isolated
              report 2: RUNNING, web RUNNING
            > all
        "#]],
    );
}

#[test]
fn a_second_start_that_fails_is_the_end() {
    check(
        "none\n web* a again=60",
        "run\n all\n wait 100\n exit web 7\n fail start web CannotStart boom\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > wait 100
            > exit web 7
              start web again (1) sha256:a on isolated
            > fail start web CannotStart boom
              remove web
            > all
              remove-cgroup
              report 2: STOPPED, web STOPPED 7 (CannotStartContainerError: boom), pulling at 0.000 s, pulled at 0.000 s, ended at 100.000 s
        "#]],
    );
}

#[test]
fn a_stop_reaches_a_container_that_is_started_again() {
    check(
        "none\n web* a again=60",
        "run\n all\n wait 100\n exit web 7\n stop\n ok start web\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > wait 100
            > exit web 7
              start web again (1) sha256:a on isolated
            > stop
              ack payload-2
            > ok start web
              stop web
            > all
              (web exits 143)
              remove web
              remove-cgroup
              report 2: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 100.000 s
        "#]],
    );
}

#[test]
fn who_depended_on_it_does_not_start_again_with_it() {
    check(
        "none\n web* a on=db\n db b again=60",
        "run\n all\n wait 100\n exit db 1\n all\n stop\n all",
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
            > wait 100
            > exit db 1
              start db again (1) sha256:b on isolated
            > all
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              stop db
              (db exits 143)
              remove web
              remove db
              remove-cgroup
              report 2: STOPPED, web STOPPED 143, db STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 100.000 s
        "#]],
    );
}

#[test]
fn a_machine_that_starts_anew_starts_nothing_again() {
    check(
        "none\n web* a again=60",
        "run\n all\n wait 100\n exit web 7\n reboot\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > wait 100
            > exit web 7
              start web again (1) sha256:a on isolated
            > reboot
              remove web
            > all
              remove-cgroup
              report 2: STOPPED, (The container instance was rebooted while the task was on it.), web STOPPED 7 (ContainerVanishedError: No container matching saved ID found), pulling at 0.000 s, pulled at 0.000 s, ended at 100.000 s
        "#]],
    );
}
