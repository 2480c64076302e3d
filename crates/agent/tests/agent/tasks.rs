//! Tasks: what their containers see, how they end, and what the control plane hears of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::control::{ACCOUNT, Heard};
use crate::world::{LOG_GROUP, World, id, task};

/// A small web server that answers with the container's host name.
const WEB: &str = "mkdir /w; hostname > /w/index.html; cat /etc/hosts | tail -1; exec httpd -f -p 8080 -h /w";

/// The page of a web server that may not listen yet.
async fn page(address: Ipv4Addr, port: u16) -> String {
    let mut stream = loop {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page.lines().last().unwrap().to_owned()
}

fn container<'a>(report: &'a Value, name: &str, status: &str) -> &'a Value {
    let containers = report["containers"].as_array().unwrap();
    let is_it = |one: &&Value| one["containerName"] == name && one["status"] == status;
    containers
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {status} {name} in {report:#}"))
}

pub(crate) async fn a_task_on_the_host_runs_and_its_last_line_and_exit_code_arrive() {
    let (world, agent) = World::with_agent().await;
    let script = "echo one; echo two >&2; echo $GREETING; sleep 0.3; echo last; exit 3";
    let mut main = world.script("main", script);
    main["environment"] = json!({ "GREETING": "hello" });
    world.control.assign(json!([task(&id(1), "host", &[main])])).await;

    let running = world.control.wait_status(&id(1), "RUNNING").await;
    world.control.wait_status(&id(1), "STOPPED").await;
    assert_eq!(
        world.lines(&id(1), "main").last().unwrap(),
        "last",
        "the last line is there before the end is told"
    );
    let mut lines = world.lines(&id(1), "main");
    lines.sort();
    assert_eq!(lines, ["hello", "last", "one", "two"]);
    let image_digest = container(&running, "main", "RUNNING")["imageDigest"].as_str().unwrap();
    assert!(image_digest.starts_with("sha256:"), "{image_digest}");
    assert_eq!(world.control.wait_end(&id(1), "main").await["exitCode"], 3);
    assert_eq!(world.control.heard().groups, [LOG_GROUP]);
    assert_eq!(agent.end("leave"), "left");
}

pub(crate) async fn a_port_of_a_container_on_the_bridge_is_published() {
    let (world, _agent) = World::with_agent().await;
    let mut web = world.script("web", WEB);
    web["portMappings"] = json!([{ "containerPort": 8080, "hostPort": 0, "protocol": "tcp" }]);
    world.control.assign(json!([task(&id(1), "bridge", &[web])])).await;

    let running = world.control.wait_status(&id(1), "RUNNING").await;
    let web = container(&running, "web", "RUNNING");
    let port = u16::try_from(web["networkBindings"][0]["hostPort"].as_u64().unwrap()).unwrap();
    let short_id = &web["runtimeId"].as_str().unwrap()[..12];
    assert_eq!(page(Ipv4Addr::LOCALHOST, port).await, short_id);
    let own_line = world.wait_line(&id(1), "web").await;
    assert!(own_line.ends_with(short_id), "{own_line}");
}

pub(crate) async fn a_task_with_its_own_interface_is_reached_at_its_address() {
    let (world, _agent) = World::with_agent().await;
    let address = Ipv4Addr::new(172, 31, 143, 77);
    let mut assigned = task(&id(1), "awsvpc", &[world.script("web", WEB)]);
    assigned["elasticNetworkInterfaces"] = json!([{
        "attachmentArn": format!("arn:aws:ecs:us-east-1:{ACCOUNT}:attachment/11111111-2222-4333-8444-555555555555"),
        "ec2Id": "eni-0123456789abcdef0",
        "macAddress": "0a:58:ac:1f:8f:4d",
        "ipv4Addresses": [{ "privateAddress": address.to_string(), "primary": true }],
        "subnetGatewayIpv4Address": "172.31.128.1/20",
        "privateDnsName": "ip-172-31-143-77.ec2.internal",
    }]);
    world.control.assign(json!([assigned])).await;

    let attached = |report: &&Value| report["attachments"][0]["status"] == "ATTACHED";
    let attachment = world
        .control
        .wait_for("the attachment", |heard| heard.reports.iter().find(attached).cloned())
        .await;
    let attachment_arn = attachment["attachments"][0]["attachmentArn"].as_str().unwrap();
    assert!(
        attachment_arn.ends_with(":attachment/11111111-2222-4333-8444-555555555555"),
        "{attachment_arn}"
    );
    world.control.wait_status(&id(1), "RUNNING").await;
    assert_eq!(page(address, 8080).await, "ip-172-31-143-77.ec2.internal");
    world.control.stop(&id(1)).await;
    world.control.wait_status(&id(1), "STOPPED").await;
}

pub(crate) async fn what_cannot_be_had_is_told_in_the_words_of_ecs() {
    let (world, _agent) = World::with_agent().await;
    let mut no_image = world.script("x", "true");
    no_image["image"] = json!(world.registry.name("nothing:1"));
    let mut no_program = world.script("x", "true");
    no_program["entryPoint"] = json!(["/no-such-program"]);
    let mut no_group = world.script("x", "true");
    no_group["berth"]["logConfiguration"]["options"] = json!({ "awslogs-group": "/nowhere" });
    let mut no_user = world.script("x", "true");
    no_user["berth"]["user"] = json!("stranger");
    let same_on_fargate = no_image.clone();
    let mut tasks: Vec<Value> = [no_image, no_program, no_group, no_user, same_on_fargate]
        .into_iter()
        .zip(1..)
        .map(|(container, number)| task(&id(number), "none", &[container]))
        .collect();
    tasks[4]["launchType"] = json!("FARGATE");
    world.control.assign(json!(tasks)).await;

    let reason = async |number| {
        let stopped = world.control.wait_status(&id(number), "STOPPED").await;
        container(&stopped, "x", "STOPPED")["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        reason(1).await,
        "CannotPullImageManifestError: Error response from daemon: manifest unknown: manifest unknown"
    );
    let image = world.registry.name("nothing:1");
    assert_eq!(
        reason(5).await,
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): \
             failed to resolve ref {image}: {image}: not found"
        )
    );
    let program = reason(2).await;
    assert!(
        program.starts_with("CannotStartContainerError: ") && program.contains("/no-such-program"),
        "{program}"
    );
    let group = reason(3).await;
    assert!(
        group.starts_with("ResourceInitializationError: failed to validate logger args"),
        "{group}"
    );
    assert!(group.contains("The specified log group does not exist"), "{group}");
    let user = reason(4).await;
    assert_eq!(
        user,
        "CannotCreateContainerError: unable to find user stranger: no matching entries in passwd file"
    );
}

pub(crate) async fn stopping_asks_first_and_kills_late() {
    let (world, _agent) = World::with_agent().await;
    let polite = world.script(
        "polite",
        "trap 'echo asked; exit 5' TERM; echo up; while :; do sleep 0.05; done",
    );
    let mut deaf = world.script("deaf", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    deaf["stopTimeout"] = json!(1);
    world
        .control
        .assign(json!([task(&id(1), "none", &[polite, deaf])]))
        .await;
    world.wait_line(&id(1), "polite").await;
    world.wait_line(&id(1), "deaf").await;

    world.control.stop(&id(1)).await;
    world.control.wait_status(&id(1), "STOPPED").await;
    assert_eq!(world.control.wait_end(&id(1), "polite").await["exitCode"], 5);
    assert_eq!(world.control.wait_end(&id(1), "deaf").await["exitCode"], 137);
    assert_eq!(world.lines(&id(1), "polite"), ["up", "asked"]);
}

pub(crate) async fn a_pull_is_called_off_when_its_task_is_stopped() {
    let (world, _agent) = World::with_agent().await;
    // It takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut slow = world.script("slow", "true");
    slow["image"] = json!(format!("{}/slow:1", silent.local_addr().unwrap()));
    world.control.assign(json!([task(&id(1), "none", &[slow])])).await;
    let _pull = silent.accept().await.unwrap();
    world.control.stop(&id(1)).await;
    world.control.wait_status(&id(1), "STOPPED").await;
    assert!(world.control.wait_end(&id(1), "slow").await["exitCode"].is_null());
}

pub(crate) async fn an_agent_tells_how_well_its_machine_is() {
    let (world, agent) = World::with_agent().await;
    // Whoever ends the connection is told again over the next one.
    let twice = |heard: &Heard| heard.telemetry.get(1).cloned();
    let told = world.control.wait_for("telemetry", twice).await;
    assert_eq!(told["type"], "PublishInstanceStatusRequest");
    let status = &told["message"]["statuses"][0];
    assert_eq!(status["type"], "ContainerRuntime");
    assert_eq!(status["status"], "OK");
    let first = world.control.heard().telemetry[0]["message"]["statuses"][0].clone();
    assert_eq!(status["lastStatusChange"], first["lastStatusChange"]);
    assert_eq!(agent.end("leave"), "left");
}
