//! The life of a task when things go well: each network mode, ends of containers, stops.

use expect_test::expect;

use super::script::check;

#[test]
fn awsvpc_from_start_to_end() {
    let task = "awsvpc\n web* httpd:2.4 logs=/ecs/web port=80\n side busybox";
    let story = "run\n ok set-up-network\n accept\n all\n wait 5\n exit web 0\n all\n wait 600";
    check(
        task,
        story,
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          prepare-logs web /ecs/web p/web/..00000001 non-blocking
          pull web httpd:2.4
          pull side busybox
          ack payload-1
        > ok set-up-network
          report 1: ATTACHED
        > accept
        > all
          start web sha256:httpd:2.4 on task with logs
          start side sha256:busybox on task
          report 2: RUNNING, web RUNNING, side RUNNING
        > wait 5
        > exit web 0
          drain-logs web
          stop side
        > all
          (side exits 143)
          remove web
          remove side
          tear-down-network 172.31.0.4
          remove-cgroup
          report 3: STOPPED, web STOPPED 0, side STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 5.000 s
        > wait 600
          (at 605.000 s)
          forget 1
    "#]],
    );
}

#[test]
fn bridge_publishes_ports() {
    let task = "bridge\n web* httpd:2.4 port=80\n admin* httpd:2.4 port=81 host=8081";
    check(
        task,
        "run\n all\n stop\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          connect web 0:80
          pull web httpd:2.4
          connect admin 8081:81
          pull admin httpd:2.4
          ack payload-1
        > all
          start web sha256:httpd:2.4 on bridge
          start admin sha256:httpd:2.4 on bridge
          report 1: RUNNING, web RUNNING 0.0.0.0:32768->80, admin RUNNING 0.0.0.0:8081->81
        > stop
          stop web
          stop admin
          ack payload-2
        > all
          (web exits 143)
          (admin exits 143)
          remove web
          remove admin
          disconnect web
          remove-cgroup
          disconnect admin
          report 2: STOPPED, web STOPPED 143, admin STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn host_and_none_need_no_network() {
    check(
        "host\n web* httpd:2.4 port=80",
        "run\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull web httpd:2.4
          ack payload-1
        > all
          start web sha256:httpd:2.4 on host
          report 1: RUNNING, web RUNNING 0.0.0.0:80->80
    "#]],
    );
    check(
        "none\n job* busybox",
        "run\n all\n exit job 3\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job busybox
          ack payload-1
        > all
          start job sha256:busybox on isolated
          report 1: RUNNING, job RUNNING
        > exit job 3
          remove job
        > all
          remove-cgroup
          report 2: STOPPED, job STOPPED 3, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn others_start_after_the_first() {
    let task = "none\n first* a\n second b\n third c";
    let story = "run\n ok create-cgroup\n ok pull third\n ok pull second\n ok pull first\n ok start first";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull first a
          pull second b
          pull third c
          ack payload-1
        > ok create-cgroup
        > ok pull third
        > ok pull second
        > ok pull first
          start first sha256:a on isolated
        > ok start first
          start second sha256:b on isolated
          start third sha256:c on isolated
    "#]],
    );
}

#[test]
fn an_essential_end_stops_the_others() {
    let task = "none\n web* a\n side b\n log c";
    check(
        task,
        "run\n all\n wait 2\n exit web 1\n ok stop side\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull side b
              pull log c
              ack payload-1
            > all
              start web sha256:a on isolated
              start side sha256:b on isolated
              start log sha256:c on isolated
              report 1: RUNNING, web RUNNING, side RUNNING, log RUNNING
            > wait 2
            > exit web 1
              stop side
              stop log
            > ok stop side
            > all
              (side exits 143)
              (log exits 143)
              remove web
              remove side
              remove log
              remove-cgroup
              report 2: STOPPED, web STOPPED 1, side STOPPED 143, log STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 2.000 s
        "#]],
    );
}

#[test]
fn another_end_is_told_after_a_while() {
    let task = "none\n web* a\n init b";
    check(
        task,
        "run\n all\n exit init 0\n wait 2\n all\n stop\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              pull init b
              ack payload-1
            > all
              start web sha256:a on isolated
              start init sha256:b on isolated
              report 1: RUNNING, web RUNNING, init RUNNING
            > exit init 0
            > wait 2
              (at 1.000 s)
              report 2: RUNNING, init STOPPED 0
            > all
            > stop
              stop web
              ack payload-2
            > all
              (web exits 143)
              remove web
              remove init
              remove-cgroup
              report 3: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 2.000 s
        "#]],
    );
}

#[test]
fn an_end_before_the_answer_of_the_start() {
    let task = "none\n job* a";
    let story = "run\n ok create-cgroup\n ok pull job\n early job 4\n ok start job\n accept\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job a
          ack payload-1
        > ok create-cgroup
        > ok pull job
          start job sha256:a on isolated
        > early job 4
        > ok start job
          remove job
          report 1: RUNNING, job RUNNING, job STOPPED 4
        > accept
        > all
          remove-cgroup
          report 2: STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn out_of_memory() {
    check(
        "none\n job* a",
        "run\n all\n oom job\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull job a
          ack payload-1
        > all
          start job sha256:a on isolated
          report 1: RUNNING, job RUNNING
        > oom job
          remove job
        > all
          remove-cgroup
          report 2: STOPPED, job STOPPED 137 (OutOfMemoryError: Container killed due to memory usage), pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn stop_before_start() {
    let task = "awsvpc\n web* a logs=/g";
    let story = "run\n ok pull web\n ok prepare-logs web\n ok create-cgroup\n stop\n ok set-up-network\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          prepare-logs web /g p/web/..00000001 non-blocking
          pull web a
          ack payload-1
        > ok pull web
        > ok prepare-logs web
        > ok create-cgroup
        > stop
          remove-cgroup
          ack payload-2
        > ok set-up-network
          tear-down-network 172.31.0.4
        > all
          report 1: STOPPED, web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn stop_during_the_pull() {
    let task = "bridge\n web* a\n side b";
    let story = "run\n ok pull side\n stop\n fail pull web Cancelled\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          connect web
          pull web a
          connect side
          pull side b
          ack payload-1
        > ok pull side
        > stop
          cancel-pull web
          ack payload-2
        > fail pull web Cancelled
        > all
          remove-cgroup
          disconnect web
          disconnect side
          report 1: STOPPED, web STOPPED, side STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn stop_during_the_start() {
    check(
        "none\n web* a",
        "run\n ok create-cgroup\n ok pull web\n stop\n ok start web\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > ok create-cgroup
            > ok pull web
              start web sha256:a on isolated
            > stop
              ack payload-2
            > ok start web
              stop web
            > all
              (web exits 143)
              remove web
              remove-cgroup
              report 1: STOPPED, web RUNNING, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_kill_follows_when_the_time_is_over() {
    let task = "none\n web* a timeout=5\n side b";
    let story = "run\n all\n stubborn web\n stubborn side\n wait 10\n stop\n wait 4\n wait 1\n wait 25\n all";
    check(
        task,
        story,
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
        > stubborn web
        > stubborn side
        > wait 10
        > stop
          stop web
          stop side
          ack payload-2
        > wait 4
        > wait 1
          (at 15.000 s)
          kill web
        > wait 25
          (at 40.000 s)
          kill side
        > all
          (web exits 137)
          (side exits 137)
          remove web
          remove side
          remove-cgroup
          report 2: STOPPED, web STOPPED 137, side STOPPED 137, pulling at 0.000 s, pulled at 0.000 s, ended at 40.000 s
    "#]],
    );
}

#[test]
fn a_container_without_a_network_gets_no_place_on_the_bridge() {
    check(
        "bridge\n web* a alone=yes",
        "run\n all",
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull web a
          ack payload-1
        > all
          start web sha256:a on isolated
          report 1: RUNNING, web RUNNING
    "#]],
    );
}
