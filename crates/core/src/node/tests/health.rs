//! Health checks: when a container is probed, and what is told of it. Nothing is stopped for its health.

use expect_test::expect;

use super::script::check;

#[test]
fn failures_in_a_row_make_unhealthy_and_one_success_healthy() {
    check(
        "none\n web* a health=10",
        "run\n all\n wait 10\n all\n sick web\n wait 10\n all\n wait 10\n all\n wait 10\n all\n well web\n wait 10\n all\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
            > sick web
            > wait 10
              (at 20.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 30.000 s)
              probe web: /bin/sh -c look
            > all
              health: web UNHEALTHY
            > wait 10
              (at 40.000 s)
              probe web: /bin/sh -c look
            > all
            > well web
            > wait 10
              (at 50.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              remove web
              remove-cgroup
              report 2: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 50.000 s
        "#]],
    );
}

#[test]
fn a_probe_that_takes_too_long_has_failed() {
    check(
        "none\n web* a health=10",
        "run\n all\n wait 10\n fail probe web Timeout 5\n wait 20\n fail probe web Timeout 5\n wait 9\n wait 1",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > fail probe web Timeout 5
            > wait 20
              (at 20.000 s)
              probe web: /bin/sh -c look
            > fail probe web Timeout 5
              health: web UNHEALTHY
            > wait 9
            > wait 1
              (at 40.000 s)
              probe web: /bin/sh -c look
        "#]],
    );
}

#[test]
fn early_failures_do_not_count_until_the_first_success() {
    check(
        "none\n web* a health=10+35",
        "run\n all\n sick web\n wait 10\n all\n wait 10\n all\n wait 10\n all\n wait 10\n all\n wait 10\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > sick web
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 20.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 30.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 40.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 50.000 s)
              probe web: /bin/sh -c look
            > all
              health: web UNHEALTHY
        "#]],
    );
}

#[test]
fn after_the_first_success_early_failures_count() {
    check(
        "none\n web* a health=10+100",
        "run\n all\n wait 10\n all\n sick web\n wait 10\n all\n wait 10\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
            > sick web
            > wait 10
              (at 20.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 30.000 s)
              probe web: /bin/sh -c look
            > all
              health: web UNHEALTHY
        "#]],
    );
}

#[test]
fn an_agent_that_is_started_anew_goes_on_with_what_it_knew() {
    check(
        "none\n web* a health=10",
        "run\n all\n wait 10\n all\n wait 10\n crash\n all\n wait 10",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
            > wait 10
              (at 20.000 s)
              probe web: /bin/sh -c look
            > crash
              probe web: /bin/sh -c look
            > all
            > wait 10
              (at 30.000 s)
              probe web: /bin/sh -c look
        "#]],
    );
}

/// A probe of the process before says nothing about the one that runs now.
#[test]
fn a_container_that_is_started_again_is_unknown_again() {
    check(
        "none\n web* a health=10 again=60",
        "run\n all\n wait 10\n all\n wait 10\n all\n wait 50\n exit web 1\n ok start web\n all\n wait 10\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              report 1: RUNNING, web RUNNING
            > wait 10
              (at 10.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
            > wait 10
              (at 20.000 s)
              probe web: /bin/sh -c look
            > all
            > wait 50
              (at 30.000 s)
              probe web: /bin/sh -c look
            > exit web 1
              start web again (1) sha256:a on isolated
            > ok start web
              health: web UNKNOWN
            > all
            > wait 10
              (at 80.000 s)
              probe web: /bin/sh -c look
            > all
              health: web HEALTHY
        "#]],
    );
}

#[test]
fn nobody_is_probed_who_shall_stop() {
    check(
        "none\n web* a health=10\n side b on=web",
        "run\n all\n wait 5\n stubborn side\n stop\n wait 29",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              ack payload-1
            > all
              start web sha256:a on isolated
              health: web UNKNOWN
              start side sha256:b on isolated
              report 1: RUNNING, web RUNNING, side RUNNING
            > wait 5
            > stubborn side
            > stop
              stop side
              ack payload-2
            > wait 29
        "#]],
    );
}
