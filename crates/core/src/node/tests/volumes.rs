//! Volumes: made before containers start, seen where definitions say so, and the task's own gone after the end.

use expect_test::expect;

use super::script::check;

#[test]
fn made_before_and_removed_after() {
    let task = "none scratch logs=/var/log all=shared\n web* a mount=scratch:/tmp/x mount=logs:/logs:ro mount=all:/all";
    check(
        task,
        "run\n ok create-cgroup\n ok pull web\n ok create-volumes\n all\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              create-volumes scratch logs all
              pull web a
              ack payload-1
            > ok create-cgroup
            > ok pull web
            > ok create-volumes
              start web sha256:a on isolated
                shared all at /all taking over
                /var/log at /logs read-only
                task 1's scratch at /tmp/x taking over
            > all
              report 1: RUNNING, web RUNNING
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              remove web
              remove-cgroup
              remove-volumes
              report 2: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn taken_over_from_containers_that_start_first() {
    let task =
        "none data\n web* a from=mid:ro mount=data:/data/own\n mid b from=db mount=data:/x\n db* c mount=data:/data/";
    check(
        task,
        "run\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          create-volumes data
          pull web a
          pull mid b
          pull db c
          ack payload-1
        > all
          start db sha256:c on isolated
            task 1's data at /data/ taking over
          start mid sha256:b on isolated
            task 1's data at /data/
            task 1's data at /x taking over
          start web sha256:a on isolated
            task 1's data at /data/ read-only
            task 1's data at /x read-only
            task 1's data at /data/own taking over
          report 1: RUNNING, web RUNNING, mid RUNNING, db RUNNING
    "#]],
    );
}

#[test]
fn what_is_taken_over_gives_way_to_what_is_said() {
    let task = "none a b\n web* i from=db:ro mount=b:/data\n db* c mount=a:/data";
    check(
        task,
        "run\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          create-volumes a b
          pull web i
          pull db c
          ack payload-1
        > all
          start db sha256:c on isolated
            task 1's a at /data taking over
          start web sha256:i on isolated
            task 1's b at /data taking over
          report 1: RUNNING, web RUNNING, db RUNNING
    "#]],
    );
}

#[test]
fn a_volume_that_cannot_be_made_ends_the_task() {
    check(
        "none data\n web* a mount=data:/data",
        "run\n fail create-volumes Other no space\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              create-volumes data
              pull web a
              ack payload-1
            > fail create-volumes Other no space
              cancel-pull web
            > all
              remove-cgroup
              remove-volumes
              report 1: STOPPED, (CannotCreateVolumeError: no space), web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_restart_makes_and_removes_them_again() {
    check(
        "none data\n web* a mount=data:/data",
        "run\n crash\n all\n exit web 0\n ok remove web\n crash\n fail remove-volumes Other busy\n crash\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              create-volumes data
              pull web a
              ack payload-1
            > crash
              create-cgroup cpu=256
              create-volumes data
              pull web a
            > all
              start web sha256:a on isolated
                task 1's data at /data taking over
              report 1: RUNNING, web RUNNING
            > exit web 0
              remove web
            > ok remove web
              remove-cgroup
              remove-volumes
            > crash
              remove-cgroup
              remove-volumes
            > fail remove-volumes Other busy
            > crash
              remove-cgroup
              remove-volumes
            > all
              report 2: STOPPED, web STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_task_that_stops_while_they_are_made_leaves_none() {
    check(
        "none data\n web* a mount=data:/data",
        "run\n stop\n ok create-volumes\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              create-volumes data
              pull web a
              ack payload-1
            > stop
              cancel-pull web
              ack payload-2
            > ok create-volumes
            > all
              remove-cgroup
              remove-volumes
              report 1: STOPPED, web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
    check(
        "none data\n web* a mount=data:/data",
        "run\n reboot\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              create-volumes data
              pull web a
              ack payload-1
            > reboot
              remove-cgroup
              remove-volumes
            > all
              report 1: STOPPED, (The container instance was rebooted while the task was on it.), web STOPPED, pulling at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn volumes_that_are_not_there_are_refused() {
    check(
        "none ..\n web* a mount=..:/x",
        "run",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - a volume cannot be called ..), web STOPPED, ended at 0.000 s
          ack payload-1
    "#]],
    );
    check(
        "none\n web* a mount=data:/x",
        "run",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - it has no volume called data), web STOPPED, ended at 0.000 s
          ack payload-1
    "#]],
    );
    check(
        "none\n web* a from=db",
        "run",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - it has no container called db), web STOPPED, ended at 0.000 s
          ack payload-1
    "#]],
    );
}
