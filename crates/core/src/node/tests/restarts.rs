//! The agent may die on any line: nothing is lost, nothing runs twice.

use expect_test::expect;

use super::draft::{assignment, task_key};
use super::script::{check, tell};
use super::world::{Heard, World};
use crate::kernel::names::Name;
use crate::node::{Answer, Event, MessageId};

const TASKS: [&str; 4] = [
    "awsvpc\n web* httpd:2.4 logs=/g\n side busybox",
    "bridge\n web* httpd:2.4 port=80\n side busybox logs=/g",
    "host\n web* httpd:2.4 port=80",
    "none\n web* httpd:2.4\n side busybox\n third busybox",
];

/// Where the agent dies: at this step of the story, before or after the machine has done what is under way.
#[derive(Clone, Copy)]
struct Death {
    at: usize,
    done: bool,
}

/// Runs a task until its essential container ends by itself, and to its end. Answers what the control plane heard and how many
/// steps it took.
fn live(task: &str, death: Option<Death>) -> (Heard, usize) {
    let mut world = World::new();
    let run = || Event::Payload {
        seq: Some(1),
        message: MessageId("m".to_owned()),
        tasks: vec![assignment(1, task)],
    };
    world.handle(run());
    let (mut steps, mut exited) = (0, false);
    loop {
        if let Some(death) = death.filter(|death| death.at == steps) {
            die(&mut world, death);
        }
        steps += 1;
        if !world.ops.is_empty() {
            world.answer_op(0, None);
        } else if !world.exits.is_empty() {
            world.tell_exit(0);
        } else if !world.reports.is_empty() {
            world.answer_report(0, Answer::Accepted);
        } else if !exited {
            exited = true;
            world.end(&task_key(1), &Name::new("web"), 7, false);
        } else {
            break;
        }
    }
    world.assert_clean();
    let mut heard = world.heard.remove(&task_key(1)).unwrap();
    heard.attached.dedup();
    (heard, steps)
}

fn die(world: &mut World, death: Death) {
    if death.done {
        for op in world.ops.clone() {
            world.execute(&op);
        }
    }
    world.crash(false);
}

#[test]
fn a_death_at_every_point_changes_nothing() {
    for task in TASKS {
        let (expected, steps) = live(task, None);
        assert!(expected.ran && steps > 7);
        for at in 0..=steps {
            for done in [false, true] {
                let (heard, _) = live(task, Some(Death { at, done }));
                assert_eq!(heard, expected, "death at {at} of {steps}, done: {done}\n{task}");
            }
        }
    }
}

#[test]
fn what_was_under_way_is_asked_for_again() {
    check(
        TASKS[0],
        "run\n crash\n ok pull web\n crash\n all\n crash\n exit web 0\n crash\n all",
        &expect![[r#"
            > run
              set-up-network 172.31.0.4
              create-cgroup cpu=256
              prepare-logs web /g p/web/..00000001 non-blocking
              pull web httpd:2.4
              pull side busybox
              ack payload-1
            > crash
              set-up-network 172.31.0.4
              create-cgroup cpu=256
              prepare-logs web /g p/web/..00000001 non-blocking
              pull web httpd:2.4
              pull side busybox
            > ok pull web
            > crash
              set-up-network 172.31.0.4
              create-cgroup cpu=256
              prepare-logs web /g p/web/..00000001 non-blocking
              pull web httpd:2.4
              pull side busybox
            > all
              report 1: ATTACHED
              start web sha256:httpd:2.4 on task with logs
              start side sha256:busybox on task
              report 2: RUNNING, web RUNNING, side RUNNING
            > crash
              report 3: RUNNING, web RUNNING, side RUNNING
            > exit web 0
              drain-logs web
              stop side
            > crash
              drain-logs web
              stop side
              report 4: RUNNING, web RUNNING, web STOPPED 0, side RUNNING
            > all
              (side exits 143)
              remove web
              remove side
              tear-down-network 172.31.0.4
              remove-cgroup
              report 5: STOPPED, side STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn an_end_while_nobody_looked_is_found() {
    let task = "none\n web* a\n side b";
    let (mut world, _) = tell(task, "run\n all");
    world.end(&task_key(1), &Name::new("web"), 3, false);
    world.crash(false);
    world.settle();
    let heard = &world.heard[&task_key(1)];
    assert_eq!(heard.containers["web"].1, Some(3));
    assert_eq!(heard.containers["side"].1, Some(143));
    world.assert_clean();
}

#[test]
fn a_container_that_is_gone_has_ended() {
    check(
        "none\n web* a\n side b",
        "run\n all\n vanish web\n crash\n all",
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
            > vanish web
            > crash
              stop side
              report 2: RUNNING, web RUNNING, web STOPPED (ContainerVanishedError: No container matching saved ID found), side RUNNING
            > all
              (side exits 143)
              remove web
              remove side
              remove-cgroup
              report 3: STOPPED, side STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_reboot_ends_what_was_there() {
    check(
        "awsvpc\n web* a\n side b",
        "run\n all\n reboot\n all",
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
        > reboot
          remove web
          remove side
          report 3: RUNNING, (The container instance was rebooted while the task was on it.), web RUNNING, web STOPPED (ContainerVanishedError: No container matching saved ID found), side RUNNING, side STOPPED (ContainerVanishedError: No container matching saved ID found)
        > all
          tear-down-network 172.31.0.4
          remove-cgroup
          report 4: STOPPED, (The container instance was rebooted while the task was on it.), pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
    check(
        "awsvpc\n web* a",
        "run\n ok pull web\n reboot\n all",
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          pull web a
          ack payload-1
        > ok pull web
        > reboot
          tear-down-network 172.31.0.4
          remove-cgroup
        > all
          report 1: STOPPED, (The container instance was rebooted while the task was on it.), web STOPPED, pulling at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn a_stop_goes_on_after_a_restart() {
    let story = "run\n all\n stubborn web\n stop\n wait 10\n crash\n wait 19\n wait 1\n all";
    check(
        "none\n web* a",
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull web a
          ack payload-1
        > all
          start web sha256:a on isolated
          report 1: RUNNING, web RUNNING
        > stubborn web
        > stop
          stop web
          ack payload-2
        > wait 10
        > crash
          stop web
        > wait 19
        > wait 1
          (at 30.000 s)
          kill web
        > all
          (web exits 137)
          remove web
          remove-cgroup
          report 2: STOPPED, web STOPPED 137, pulling at 0.000 s, pulled at 0.000 s, ended at 30.000 s
    "#]],
    );
}

#[test]
fn nothing_is_begun_for_a_task_that_shall_stop() {
    check(
        "awsvpc\n web* a logs=/g",
        "run\n stop\n crash\n all",
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          prepare-logs web /g p/web/..00000001 non-blocking
          pull web a
          ack payload-1
        > stop
          cancel-pull web
          ack payload-2
        > crash
          tear-down-network 172.31.0.4
          remove-cgroup
        > all
          report 1: STOPPED, web STOPPED, pulling at 0.000 s, ended at 0.000 s
    "#]],
    );
    let story = "run\n ok create-cgroup\n ok pull web\n stop\n crash\n all";
    check(
        "none\n web* a",
        story,
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
        > crash
          remove web
        > all
          remove-cgroup
          report 1: STOPPED, web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn containers_of_nobody_are_removed() {
    let (mut world, _) = tell("none\n web* a", "run\n all");
    world.disk.clear();
    let output = world.crash(false);
    assert_eq!(output.ops.len(), 1);
    world.settle();
    assert!(world.machine.is_empty());
}
