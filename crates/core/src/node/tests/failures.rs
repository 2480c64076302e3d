//! What goes wrong, and in which words it is told.

use expect_test::expect;

use super::script::{check, tell};

#[test]
fn an_image_cannot_be_pulled() {
    let task = "awsvpc\n web* missing:1\n side busybox";
    let story = "run\n fail pull web CannotPull pull access denied for missing\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          set-up-network 172.31.0.4
          create-cgroup cpu=256
          pull web missing:1
          pull side busybox
          ack payload-1
        > fail pull web CannotPull pull access denied for missing
          cancel-pull side
        > all
          report 1: ATTACHED
          tear-down-network 172.31.0.4
          remove-cgroup
          report 2: STOPPED, web STOPPED (CannotPullContainerError: pull access denied for missing), side STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn a_manifest_that_cannot_be_had_is_told_in_the_words_of_the_launch_type() {
    let told = |task: &str, kind: &str| {
        let story = format!("run\n fail pull web {kind} manifest unknown: manifest unknown\n all");
        let (_, text) = tell(task, &story);
        let begin = text.find("web STOPPED (").expect("the container ends");
        let reason = &text[begin + "web STOPPED (".len()..];
        reason[..reason.find(')').unwrap()].to_owned()
    };
    expect![[r#"
        CannotPullImageManifestError: Error response from daemon: manifest unknown: manifest unknown
        CannotPullContainerError: Error response from daemon: manifest unknown: manifest unknown
        CannotPullContainerError: failed to resolve: manifest unknown: manifest unknown
        CannotPullContainerError: failed to resolve: manifest unknown: manifest unknown"#]]
    .assert_eq(
        &[
            told("awsvpc\n web* missing:1", "Manifest"),
            told("awsvpc\n web* missing:1", "PinnedManifest"),
            told("awsvpc fargate\n web* missing:1", "Manifest"),
            told("awsvpc fargate\n web* missing:1", "PinnedManifest"),
        ]
        .join("\n"),
    );
}

#[test]
fn what_is_not_done_in_time_is_told_with_how_long_it_was_waited_for() {
    let task = "none\n web* a";
    let told = |story: &str| tell(task, story).1;
    let pull = told("run\n fail pull web Timeout 7200\n all");
    assert!(
        pull.contains(
            "web STOPPED (DockerTimeoutError: Could not transition to pulled; timed out after waiting 2h0m0s)"
        ),
        "{pull}"
    );
    let start = told("run\n ok create-cgroup\n ok pull web\n fail start web Timeout 240\n all");
    assert!(
        start.contains(
            "web STOPPED (DockerTimeoutError: Could not transition to started; timed out after waiting 4m0s)"
        ),
        "{start}"
    );
}

#[test]
fn one_that_is_not_essential_may_fail() {
    let task = "bridge\n side missing:1\n web* httpd\n";
    let story = "run\n fail pull side CannotPull not found\n all\n stop\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          connect side
          pull side missing:1
          connect web
          pull web httpd
          ack payload-1
        > fail pull side CannotPull not found
        > all
          disconnect side
          start web sha256:httpd on bridge
          report 1: RUNNING, side STOPPED (CannotPullContainerError: not found), web RUNNING
        > stop
          stop web
          ack payload-2
        > all
          (web exits 143)
          remove web
          remove-cgroup
          disconnect web
          report 2: STOPPED, web STOPPED 143, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn the_log_group_is_missing() {
    let task = "none\n web* a logs=/nowhere\n side b";
    check(
        task,
        "run\n fail prepare-logs web LogGroupMissing\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              prepare-logs web /nowhere p/web/..00000001 non-blocking
              pull web a
              pull side b
              ack payload-1
            > fail prepare-logs web LogGroupMissing
              cancel-pull web
              cancel-pull side
            > all
              remove-cgroup
              report 1: STOPPED, (ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1), web STOPPED (ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1), side STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn the_network_cannot_be_made() {
    let task = "awsvpc\n web* a";
    check(
        task,
        "run\n ok pull web\n fail set-up-network Network no address\n all",
        &expect![[r#"
            > run
              set-up-network 172.31.0.4
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > ok pull web
            > fail set-up-network Network no address
              tear-down-network 172.31.0.4
            > all
              remove-cgroup
              report 1: STOPPED, (ContainerNetworkingError: no address), web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
    let task = "bridge\n web* a port=80 host=80";
    check(
        task,
        "run\n fail connect web Network port 80 is taken\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              connect web 80:80
              pull web a
              ack payload-1
            > fail connect web Network port 80 is taken
              cancel-pull web
            > all
              remove-cgroup
              disconnect web
              report 1: STOPPED, web STOPPED (ContainerNetworkingError: port 80 is taken), pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn the_control_group_cannot_be_made() {
    check(
        "none\n web* a",
        "run\n fail create-cgroup Resource no such controller\n all",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > fail create-cgroup Resource no such controller
              cancel-pull web
            > all
              remove-cgroup
              report 1: STOPPED, (ResourceInitializationError: no such controller), web STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
        "#]],
    );
}

#[test]
fn a_container_cannot_be_started() {
    let task = "none\n web* a\n side b";
    let story =
        "run\n ok create-cgroup\n ok pull web\n ok pull side\n fail start web CannotStart exec: \"x\": not found\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull web a
          pull side b
          ack payload-1
        > ok create-cgroup
        > ok pull web
          start web sha256:a on isolated
        > ok pull side
        > fail start web CannotStart exec: "x": not found
          remove web
        > all
          remove-cgroup
          report 1: STOPPED, web STOPPED (CannotStartContainerError: exec: "x": not found), side STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
    let story =
        "run\n ok create-cgroup\n ok pull web\n ok pull side\n fail start web CannotCreate no user nobody\n all";
    check(
        task,
        story,
        &expect![[r#"
        > run
          create-cgroup cpu=256
          pull web a
          pull side b
          ack payload-1
        > ok create-cgroup
        > ok pull web
          start web sha256:a on isolated
        > ok pull side
        > fail start web CannotCreate no user nobody
          remove web
        > all
          remove-cgroup
          report 1: STOPPED, web STOPPED (CannotCreateContainerError: no user nobody), side STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
    "#]],
    );
}

#[test]
fn cleaning_is_never_given_up() {
    let task = "none\n web* a";
    let story = "run\n all\n exit web 0\n ok remove web\n fail remove-cgroup Other busy\n wait 1\n fail remove-cgroup Other busy\n \
        wait 2\n fail remove-cgroup Other busy\n wait 4\n fail remove-cgroup Other busy\n wait 8\n \
        fail remove-cgroup Other busy\n accept\n accept\n wait 700\n fail remove-cgroup Other busy\n wait 32\n crash\n \
        fail remove-cgroup Other busy\n wait 200\n ok remove-cgroup\n wait 700";
    check(
        task,
        story,
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > exit web 0
              remove web
            > ok remove web
              remove-cgroup
            > fail remove-cgroup Other busy
            > wait 1
              (at 1.000 s)
              remove-cgroup
              report 2: RUNNING, web STOPPED 0
            > fail remove-cgroup Other busy
            > wait 2
              (at 3.000 s)
              remove-cgroup
            > fail remove-cgroup Other busy
            > wait 4
              (at 7.000 s)
              remove-cgroup
            > fail remove-cgroup Other busy
            > wait 8
              (at 15.000 s)
              remove-cgroup
            > fail remove-cgroup Other busy
            > accept
              report 3: STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
            > accept
            > wait 700
              (at 31.000 s)
              remove-cgroup
            > fail remove-cgroup Other busy
            > wait 32
              (at 747.000 s)
              remove-cgroup
            > crash
              remove-cgroup
            > fail remove-cgroup Other busy
            > wait 200
              (at 811.000 s)
              remove-cgroup
            > ok remove-cgroup
              forget 1
            > wait 700
        "#]],
    );
}

#[test]
fn the_end_is_told_once_undelivered_output_has_resisted_often() {
    let task = "none\n web* a logs=/g opt:awslogs-stream-prefix=p";
    let mut story = "run\n all\n exit web 0\n".to_owned();
    for wait in [1, 2, 4, 8, 16, 32] {
        let accepted = if wait == 1 { "accept\n" } else { "" };
        story += &format!("fail drain-logs web Other no such region\n wait {wait}\n {accepted}");
    }
    check(
        task,
        &(story + " all"),
        &expect![[r#"
            > run
              create-cgroup cpu=256
              prepare-logs web /g p/web/..00000001 non-blocking
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated with logs
              report 1: RUNNING, web RUNNING
            > exit web 0
              drain-logs web
            > fail drain-logs web Other no such region
            > wait 1
              (at 1.000 s)
              drain-logs web
              report 2: RUNNING, web STOPPED 0
            > accept
            > fail drain-logs web Other no such region
            > wait 2
              (at 3.000 s)
              drain-logs web
            > fail drain-logs web Other no such region
            > wait 4
              (at 7.000 s)
              drain-logs web
            > fail drain-logs web Other no such region
            > wait 8
              (at 15.000 s)
              drain-logs web
            > fail drain-logs web Other no such region
              report 3: STOPPED, pulling at 0.000 s, pulled at 0.000 s, ended at 0.000 s
            > wait 16
              (at 31.000 s)
              drain-logs web
            > fail drain-logs web Other no such region
            > wait 32
              (at 63.000 s)
              drain-logs web
            > all
              remove web
              remove-cgroup
        "#]],
    );
}

/// The control plane gives the address and the ports to the next task once the end is told.
#[test]
fn the_end_is_never_told_while_the_task_is_on_the_network() {
    for (task, step) in [
        ("awsvpc\n web* a", "tear-down-network"),
        ("bridge\n web* a port=80 host=80", "disconnect web"),
    ] {
        let mut story = "run\n all\n exit web 0\n ok remove web\n ok remove-cgroup\n".to_owned();
        for wait in [1, 2, 4, 8, 16, 16, 16] {
            let accepted = if wait == 1 { "accept\n" } else { "" };
            story += &format!("fail {step} Other busy\n wait {wait}\n {accepted}");
        }
        let (_, told) = tell(task, &story);
        assert!(!told.contains(": STOPPED"), "{told}");
        let (_, told) = tell(task, &(story + &format!("ok {step}")));
        assert!(told.contains(": STOPPED"), "{told}");
    }
}

#[test]
fn the_network_does_not_wait_for_cleaning_that_resists() {
    for (task, step) in [
        ("awsvpc\n web* a", "remove web"),
        ("bridge\n web* a port=80 host=80", "remove web"),
        ("awsvpc\n web* a logs=/g opt:awslogs-stream-prefix=p", "drain-logs web"),
    ] {
        let mut story = "run\n all\n exit web 0\n".to_owned();
        for wait in [1, 2, 4, 8] {
            let accepted = if wait == 1 { "accept\n" } else { "" };
            story += &format!("fail {step} Other busy\n wait {wait}\n {accepted}");
        }
        let (_, told) = tell(task, &(story.clone() + &format!("fail {step} Other busy")));
        assert!(!told.contains(": STOPPED"), "{told}");
        let off = if task.starts_with("awsvpc") {
            "tear-down-network"
        } else {
            "disconnect web"
        };
        let (_, told) = tell(task, &(story + &format!("fail {step} Other busy\n ok {off}\n")));
        assert!(told.contains(": STOPPED"), "{told}");
    }
}

#[test]
fn a_container_without_a_task_is_removed_however_often_that_fails() {
    check(
        "none\n web* a",
        "run\n all\n stray\n fail remove web Other containerd is away\n wait 1\n fail remove web Other containerd is away\n \
         wait 1\n wait 1\n ok remove web\n wait 1000",
        &expect![[r#"
            > run
              create-cgroup cpu=256
              pull web a
              ack payload-1
            > all
              start web sha256:a on isolated
              report 1: RUNNING, web RUNNING
            > stray
              remove web
            > fail remove web Other containerd is away
            > wait 1
              (at 1.000 s)
              remove web
            > fail remove web Other containerd is away
            > wait 1
            > wait 1
              (at 3.000 s)
              remove web
            > ok remove web
            > wait 1000
        "#]],
    );
}

#[test]
fn a_kill_is_never_given_up() {
    let task = "none\n web* a timeout=0";
    let story = "run\n all\n stubborn web\n stop\n ok stop web\n fail kill web Other containerd is away\n wait 1\n \
        fail kill web Other containerd is away\n wait 2\n all";
    check(
        task,
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
          kill web
          ack payload-2
        > ok stop web
        > fail kill web Other containerd is away
        > wait 1
          (at 1.000 s)
          kill web
        > fail kill web Other containerd is away
        > wait 2
          (at 3.000 s)
          kill web
        > all
          (web exits 137)
          remove web
          remove-cgroup
          report 2: STOPPED, web STOPPED 137, pulling at 0.000 s, pulled at 0.000 s, ended at 3.000 s
    "#]],
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    check(
        "none\n web* a unbuilt=privileged",
        "run\n all",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - privileged is not supported), web STOPPED, ended at 0.000 s
          ack payload-1
        > all
    "#]],
    );
    check(
        "none\n web* a driver=gelf",
        "run\n all",
        &expect![[r#"
        > run
          report 1: STOPPED, (ResourceInitializationError: failed to validate logger args: log driver 'gelf' is not supported), web STOPPED, ended at 0.000 s
          ack payload-1
        > all
    "#]],
    );
    check(
        "none\n web* a logs=/g opt:awslogs-multiline-pattern=x",
        "run\n all",
        &expect![[r#"
            > run
              report 1: STOPPED, (ResourceInitializationError: failed to validate logger args: option awslogs-multiline-pattern is not supported), web STOPPED, ended at 0.000 s
              ack payload-1
            > all
        "#]],
    );
    check(
        "none",
        "run\n all",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - it has no containers)
          ack payload-1
        > all
    "#]],
    );
    check(
        "none\n a* b\n a* c",
        "run\n all",
        &expect![[r#"
        > run
          report 1: STOPPED, (UnrecogniedTaskError: Error loading task - it has two containers called a), a STOPPED, a STOPPED, ended at 0.000 s
          ack payload-1
        > all
    "#]],
    );
}
