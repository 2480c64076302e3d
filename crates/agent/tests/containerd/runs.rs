//! Containers: what they see, how they end, what is left.

use std::fs;

use berth_agent::runtime::{
    BindMount, ContainerStatus, Created, NetworkNamespace, Resources, Rlimit, RuntimeError, parse_signal,
};

use crate::sandbox::Sandbox;

const SIGTERM: u32 = 15;

#[tokio::test]
async fn a_container_runs_ends_and_is_removed() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let mut spec = sandbox.script("c1", &image, "echo hello; exit 7");
    spec.labels.insert("berth.task".to_owned(), "t1".to_owned());

    assert_eq!(containerd.create(&spec).await.unwrap(), Created::New);
    assert_eq!(containerd.create(&spec).await.unwrap(), Created::AlreadyExists);
    let listed = containerd.list().await.unwrap();
    assert_eq!(listed[0].status, ContainerStatus::Created);
    assert_eq!(listed[0].labels["berth.task"], "t1");
    assert_eq!(listed[0].image, image.name);

    let pid = containerd.start("c1").await.unwrap();
    let exit = containerd.wait("c1").await.unwrap();
    assert_eq!((exit.code, exit.oom), (7, false));
    assert!(exit.at_ms >= listed[0].created_at_ms);
    assert_eq!(
        containerd.wait("c1").await.unwrap(),
        exit,
        "waiting after the exit answers the same"
    );
    assert_eq!(
        containerd.start("c1").await.unwrap(),
        pid,
        "a second start changes nothing"
    );
    assert_eq!(
        containerd.list().await.unwrap()[0].status,
        ContainerStatus::Stopped(exit)
    );
    assert_eq!(sandbox.output("c1"), "hello\n");

    containerd.kill("c1", SIGTERM, true).await.unwrap();
    containerd.delete("c1").await.unwrap();
    containerd.delete("c1").await.unwrap();
    containerd.kill("c1", SIGTERM, false).await.unwrap();
    assert!(containerd.list().await.unwrap().is_empty());
    assert!(matches!(containerd.wait("c1").await, Err(RuntimeError::NotFound(_))));
}

#[tokio::test]
async fn signals_reach_the_process_and_a_running_container_is_not_deleted() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let polite = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    sandbox.run(&sandbox.script("polite", &image, polite)).await;
    sandbox
        .run(&sandbox.script("deaf", &image, "trap '' TERM; sleep 1000"))
        .await;

    assert!(matches!(
        containerd.delete("polite").await,
        Err(RuntimeError::StillRunning(_))
    ));
    while !sandbox.output_path("polite").exists() || sandbox.output("polite").is_empty() {
        tokio::task::yield_now().await;
    }
    containerd
        .kill("polite", parse_signal("SIGTERM").unwrap(), false)
        .await
        .unwrap();
    assert_eq!(containerd.wait("polite").await.unwrap().code, 3);

    containerd.kill("deaf", SIGTERM, false).await.unwrap();
    containerd.kill("deaf", 9, true).await.unwrap();
    assert_eq!(containerd.wait("deaf").await.unwrap().code, 137);
    containerd.destroy("deaf").await.unwrap();
    containerd.destroy("polite").await.unwrap();
    containerd.destroy("never-was").await.unwrap();
    assert!(containerd.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_process_sees_what_docker_would_show_it() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let hosts = sandbox.config.data_dir.join("hosts");
    fs::write(&hosts, "10.0.0.9 me\n").unwrap();
    let script = "id; pwd; hostname; echo $FROM_IMAGE $HOSTNAME $HOME; cat /etc/hosts; ulimit -n; \
                  { echo x > /etc/hosts; } 2>/dev/null || echo read-only; ls /sys/class/net; ls -d /dev/shm /dev/mqueue";
    let mut spec = sandbox.script("c1", &image, script);
    spec.process.user = "app".to_owned();
    spec.process.cwd = "/made/for/me".to_owned();
    spec.hostname = Some("ip-10-0-0-9".to_owned());
    spec.mounts.push(BindMount {
        source: hosts,
        destination: "/etc/hosts".to_owned(),
        read_only: true,
    });
    spec.rlimits.push(Rlimit {
        kind: "RLIMIT_NOFILE".to_owned(),
        soft: 321,
        hard: 654,
        is_default: false,
    });
    sandbox.run(&spec).await;
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 0);
    expect_test::expect![[r#"
        uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)
        /made/for/me
        ip-10-0-0-9
        1 ip-10-0-0-9 /srv/app
        10.0.0.9 me
        321
        read-only
        lo
        /dev/mqueue
        /dev/shm
    "#]]
    .assert_eq(&sandbox.output("c1"));
}

#[tokio::test]
async fn a_default_limit_is_lowered_to_what_the_host_allows() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", sandbox.daemon_pid())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let most: u64 = open_files.split_whitespace().nth(4).unwrap().parse().unwrap();
    let mut spec = sandbox.script("c1", &image, "ulimit -Sn; ulimit -Hn");
    spec.rlimits.push(Rlimit {
        kind: "RLIMIT_NOFILE".to_owned(),
        soft: 256,
        hard: most + 1,
        is_default: true,
    });
    sandbox.run(&spec).await;
    assert_eq!(sandbox.containerd.wait("c1").await.unwrap().code, 0);
    assert_eq!(sandbox.output("c1"), format!("256\n{most}\n"));
}

#[tokio::test]
async fn an_unknown_user_and_a_missing_program_are_refused_and_leave_nothing() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let containerd = &sandbox.containerd;
    let mut spec = sandbox.script("nobody", &image, "id");
    spec.process.user = "nobody".to_owned();
    let error = containerd.create(&spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "unable to find user nobody: no matching entries in passwd file"
    );

    let mut spec = sandbox.script("nothing", &image, "");
    spec.process.args = vec!["no-such-program".to_owned()];
    containerd.create(&spec).await.unwrap();
    let error = containerd.start("nothing").await.unwrap_err().to_string();
    assert!(error.starts_with("failed to create task for container: "), "{error}");
    assert!(
        error.contains("exec: \"no-such-program\": executable file not found in $PATH"),
        "{error}"
    );
    containerd.delete("nothing").await.unwrap();
    assert!(containerd.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn memory_beyond_the_limit_is_an_oom_kill_and_the_cgroup_is_where_it_should_be() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let mut greedy = sandbox.script("greedy", &image, "exec dd if=/dev/zero of=/dev/null bs=256M count=4");
    greedy.resources = Resources {
        memory_limit_bytes: Some(16 << 20),
        memory_reservation_bytes: Some(8 << 20),
        cpu_shares: Some(128),
        cpu_quota_us: Some(50_000),
    };
    sandbox.run(&greedy).await;
    let exit = sandbox.containerd.wait("greedy").await.unwrap();
    assert_eq!((exit.code, exit.oom), (137, true));
    let listed = sandbox.containerd.list().await.unwrap();
    assert_eq!(listed[0].status, ContainerStatus::Stopped(exit));

    let calm = sandbox.script("calm", &image, "sleep 1000");
    let pid = sandbox.run(&calm).await;
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(cgroups.contains(&calm.cgroup.to_oci()), "{cgroups}");
}

#[tokio::test]
async fn a_container_uses_the_host_s_or_a_given_network() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let first = sandbox.run(&sandbox.script("first", &image, "sleep 1000")).await;
    let namespace_of = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();

    let mut joined = sandbox.script("joined", &image, "sleep 1000");
    joined.network = NetworkNamespace::Path(format!("/proc/{first}/ns/net").into());
    let joined = sandbox.run(&joined).await;
    assert_eq!(namespace_of(joined), namespace_of(first));

    let mut host = sandbox.script("host", &image, "sleep 1000");
    host.network = NetworkNamespace::Host;
    let host = sandbox.run(&host).await;
    assert_eq!(namespace_of(host), namespace_of(std::process::id()));
}

#[tokio::test]
async fn containers_of_a_group_share_a_shim() {
    let (sandbox, image) = Sandbox::with_busybox().await;
    let mut pids = Vec::new();
    for id in ["a", "b", "c"] {
        let mut spec = sandbox.script(id, &image, "sleep 1000");
        spec.shim_group = (id != "c").then(|| "task".to_owned());
        pids.push(sandbox.run(&spec).await);
    }
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(parent(pids[0]), parent(pids[1]));
    assert_ne!(parent(pids[0]), parent(pids[2]));
    sandbox.containerd.destroy("a").await.unwrap();
    assert!(matches!(
        sandbox.containerd.list().await.unwrap()[0].status,
        ContainerStatus::Running { .. }
    ));
}
