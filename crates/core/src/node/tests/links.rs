//! Messages of the control plane: repeated, late, lost; manifests; reports that fail; the end of the agent.

use expect_test::expect;

use super::script::check;

const JOB: &str = "none\n job* busybox";

#[test]
fn a_payload_again_changes_nothing() {
    check(
        JOB,
        "run\n run\n all\n run",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job busybox
          ack payload-1
        > run
          ack payload-2
        > all
          start job sha256:busybox on isolated
          report 1: RUNNING, job RUNNING
        > run
          ack payload-3
    "#]],
    );
}

#[test]
fn stops_come_first_and_last() {
    check(
        JOB,
        "payload 1 2 stop 1\n all",
        &expect![[r#"
        > payload 1 2 stop 1
          task 2: create-cgroup cpu=256
          task 2: pull job busybox
          report 1: STOPPED, (TaskStateError: Agent could not progress task's state to stopped)
          ack payload-1
        > all
          task 2: start job sha256:busybox on isolated
          task 2: report 1: RUNNING, job RUNNING
    "#]],
    );
    check(
        JOB,
        "run\n all\n stop\n run\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job busybox
          ack payload-1
        > all
          start job sha256:busybox on isolated
          report 1: RUNNING, job RUNNING
        > stop
          stop job
          ack payload-2
        > run
          ack payload-3
        > all
          (job exits 143)
          remove job
          remove-cgroup
          report 2: STOPPED, job STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn the_stop_of_an_unknown_task_is_answered() {
    check(
        JOB,
        "stop 7\n all",
        &expect![[r#"
        > stop 7
          task 7: report 1: STOPPED, (TaskStateError: Agent could not progress task's state to stopped)
          ack payload-1
        > all
    "#]],
    );
}

#[test]
fn a_late_payload_does_not_run_a_task_again() {
    check(
        JOB,
        "run\n all\n exit job 0\n all\n run\n all\n wait 599\n wait 1",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull job busybox
              ack payload-1
            > all
              start job sha256:busybox on isolated
              report 1: RUNNING, job RUNNING
            > exit job 0
              remove job
            > all
              remove-cgroup
              report 2: STOPPED, job STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
            > run
              report 3: STOPPED, job RUNNING, job STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
              ack payload-2
            > all
            > wait 599
            > wait 1
              (at 600.000 s)
              forget 1
        "#]],
    );
}

#[test]
fn a_manifest_says_everything() {
    let story = "payload 1 2 3\n all\n manifest 1 1\n manifest 2 1\n verify 1 2 3\n verify 2 3\n verify 2 2\n all";
    check(
        JOB,
        story,
        &expect![[r#"
        > payload 1 2 3
          create-cgroup cpu=256
          pull job busybox
          task 2: create-cgroup cpu=256
          task 2: pull job busybox
          task 3: create-cgroup cpu=256
          task 3: pull job busybox
          ack payload-1
        > all
          start job sha256:busybox on isolated
          task 2: start job sha256:busybox on isolated
          task 3: start job sha256:busybox on isolated
          report 1: RUNNING, job RUNNING
          task 2: report 1: RUNNING, job RUNNING
          task 3: report 1: RUNNING, job RUNNING
        > manifest 1 1
        > manifest 2 1
          ack manifest-2
          candidates of manifest-2: 2 3
        > verify 1 2 3
        > verify 2 3
          task 3: stop job
        > verify 2 2
        > all
          (job exits 143)
          task 3: remove job
          task 3: remove-cgroup
          task 3: report 2: STOPPED, job STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn a_manifest_that_wants_what_is_over_hears_it_again() {
    check(
        JOB,
        "run\n all\n exit job 0\n all\n manifest 9 1\n all\n manifest 10 1 2",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull job busybox
              ack payload-1
            > all
              start job sha256:busybox on isolated
              report 1: RUNNING, job RUNNING
            > exit job 0
              remove job
            > all
              remove-cgroup
              report 2: STOPPED, job STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
            > manifest 9 1
              report 3: STOPPED, job RUNNING, job STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
              ack manifest-9
            > all
            > manifest 10 1 2
              report 4: STOPPED, job RUNNING, job STOPPED 0, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
              ack manifest-10
        "#]],
    );
}

#[test]
fn another_container_instance_begins_another_sequence() {
    check(
        JOB,
        "registered a\n run\n all\n manifest 500 1\n registered a\n manifest 7\n crash\n registered b\n manifest 7\n \
         verify 7 1\n manifest 6 1",
        &expect![[r#"
            > registered a
            > run
              create-cgroup cpu=256
              pull job busybox
              ack payload-1
            > all
              start job sha256:busybox on isolated
              report 1: RUNNING, job RUNNING
            > manifest 500 1
              ack manifest-500
            > registered a
            > manifest 7
            > crash
              report 2: RUNNING, job RUNNING
            > registered b
            > manifest 7
              ack manifest-7
              candidates of manifest-7: 1
            > verify 7 1
              stop job
            > manifest 6 1
        "#]],
    );
}

#[test]
fn the_sequence_survives_a_restart() {
    check(
        JOB,
        "run\n all\n manifest 5 1\n crash\n manifest 5\n manifest 6 1",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull job busybox
              ack payload-1
            > all
              start job sha256:busybox on isolated
              report 1: RUNNING, job RUNNING
            > manifest 5 1
              ack manifest-5
            > crash
              report 2: RUNNING, job RUNNING
            > manifest 5
            > manifest 6 1
              ack manifest-6
        "#]],
    );
}

#[test]
fn reports_are_repeated_until_they_are_answered() {
    let story = "run\n ok pull job\n ok create-cgroup\n ok start job\n lose\n wait 2\n lose\n exit job 0\n ok remove job\n \
        ok remove-cgroup\n wait 4\n accept\n reject";
    check(
        JOB,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job busybox
          ack payload-1
        > ok pull job
        > ok create-cgroup
          start job sha256:busybox on isolated
        > ok start job
          report 1: RUNNING, job RUNNING
        > lose
        > wait 2
          (at 1.158 s)
          report 2: RUNNING, job RUNNING
        > lose
        > exit job 0
          remove job
        > ok remove job
          remove-cgroup
        > ok remove-cgroup
        > wait 4
          (at 4.382 s)
          report 3: RUNNING, job RUNNING, job STOPPED 0
        > accept
          report 4: STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 2.000 s
        > reject
    "#]],
    );
}

#[test]
fn the_end_of_the_agent() {
    let task = "awsvpc\n web* a\n side b";
    check(
        task,
        "run\n all\n shutdown\n run 2\n all",
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          pull web a
          pull side b
          ack payload-1
        > all
          report 1: ATTACHED
          start web sha256:a on task
          start side sha256:b on task
          report 2: RUNNING, web RUNNING, side RUNNING
        > shutdown
          stop web
          stop side
        > run 2
        > all
          (web exits 143)
          (side exits 143)
          remove web
          remove side
          tear-down-network 172.31.0.4
          remove-cgroup
          report 3: STOPPED, (The agent of the container instance was shut down.), web STOPPED 143, side STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
          forget 1
    "#]],
    );
}
