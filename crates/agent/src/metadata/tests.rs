//! The endpoint without its socket: documents of recorded tasks, and who may have them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use berth_core::kernel::Timestamp;
use berth_core::kernel::names::Name;
use berth_core::node::{ContainerPhase, Event, MessageId, Node, NodeRecord, Restored, RuntimeId};
use berth_wire::link::acs::BackendMessage;
use berth_wire::link::assign;
use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::cgroups::Layout;
use crate::clock;
use crate::config::{Config, Credentials};
use crate::places::container_netns;

const AWSVPC: Ipv4Addr = Ipv4Addr::new(172, 31, 1, 2);
const BRIDGE: Ipv4Addr = Ipv4Addr::new(172, 30, 240, 2);
const STRANGER: Ipv4Addr = Ipv4Addr::new(172, 30, 240, 9);

/// The record that a brain makes of a task: its mode decides the last digit of its id.
fn record(mode: &str, digit: char) -> TaskRecord {
    let id = "1".repeat(31) + &digit.to_string();
    let interface = json!([{
        "ec2Id": "eni-0123456789abcdef0", "macAddress": "0a:58:ac:1f:8f:4d",
        "attachmentArn": "arn:aws:ecs:us-east-1:123456789012:attachment/11111111-2222-4333-8444-555555555555",
        "ipv4Addresses": [{ "privateAddress": AWSVPC.to_string(), "primary": true }],
        "subnetGatewayIpv4Address": "172.31.0.1/20", "privateDnsName": "ip-172-31-1-2.ec2.internal",
    }]);
    let options = json!({ "awslogs-group": "/g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p" });
    let task = json!({
        "arn": format!("arn:aws:ecs:us-east-1:123456789012:task/default/{id}"), "desiredStatus": "RUNNING",
        "family": "web", "version": "7", "networkMode": mode, "cpu": 0.25, "memory": 512, "zone": "us-east-1a",
        "group": "family:web", "launchType": "EC2",
        "elasticNetworkInterfaces": if mode == "awsvpc" { interface } else { json!([]) },
        "containers": [{
            "name": "web_1", "image": "httpd", "essential": true, "memory": 64,
            "portMappings": [{ "containerPort": 80, "hostPort": 8080, "protocol": "tcp" }],
            "containerArn": "arn:aws:ecs:us-east-1:123456789012:container/default/1/99999999-2222-4333-8444-555555555555",
            "berth": { "logConfiguration": { "logDriver": "awslogs", "options": options } },
        }],
    });
    let message = json!({ "messageId": "m", "clusterArn": "c", "containerInstanceArn": "i", "tasks": [task] });
    let frame = json!({ "type": "PayloadMessage", "message": message }).to_string();
    let BackendMessage::Payload(payload) = BackendMessage::parse(&frame).unwrap() else {
        panic!("it is a payload");
    };
    let mut node = Node::new(berth_core::node::Config::default());
    let restored = Restored {
        node: NodeRecord::default(),
        ..Restored::default()
    };
    node.handle(&mut clock::turn(), Event::Restored(restored));
    let payload = Event::Payload {
        seq: Some(1),
        message: MessageId("m".to_owned()),
        tasks: vec![assign::from_payload(&payload.tasks[0]).unwrap()],
    };
    node.handle(&mut clock::turn(), payload);
    let mut record = node.records().next().unwrap().clone();
    record.times = berth_core::node::model::NodeTimes::default();
    let container = &mut record.containers[0];
    container.runtime_id = RuntimeId(Name::new(&digit.to_string().repeat(64)));
    container.phase = ContainerPhase::Running;
    container.started_at = Some(Timestamp(1_795_000_000_041));
    container.image_digest = Some("sha256:abc".to_owned());
    record
}

pub(super) struct World {
    _dir: tempfile::TempDir,
    pub(super) metadata: Arc<Metadata>,
    tasks: BTreeMap<&'static str, TaskRecord>,
}

fn client() -> Client {
    // Nobody listens there.
    let config = Config {
        endpoint: "http://127.0.0.1:9".to_owned(),
        authority: None,
        cluster: "default".to_owned(),
        region: "us-east-1".to_owned(),
        credentials: Credentials {
            access_key_id: "a".to_owned(),
            secret_access_key: "b".to_owned(),
        },
        data_dir: PathBuf::new(),
        registry_mirrors: BTreeMap::new(),
        zone: None,
        launch_types: Vec::new(),
        attributes: BTreeMap::new(),
        containerd_socket: None,
        cdi_dirs: Vec::new(),
        bridge_cidr: None,
        logger_binary: PathBuf::new(),
    };
    Client::new(&config).unwrap()
}

impl World {
    /// A machine with a task of every mode.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::new(dir.path()).unwrap();
        let records = Records::open(&places).unwrap();
        let cgroups = Cgroups::new(Layout::V2 {
            mount: dir.path().join("cgroup"),
        });
        let metadata = Metadata::open(&places, records, client(), cgroups).unwrap();
        let modes = ["awsvpc", "bridge", "host", "none"];
        let tasks: BTreeMap<_, _> = modes
            .into_iter()
            .zip('1'..)
            .map(|(mode, digit)| (mode, record(mode, digit)))
            .collect();
        for record in tasks.values() {
            metadata.note_task(record);
        }
        let bridge = &tasks["bridge"];
        metadata.place(container_netns(bridge.key(), &bridge.containers[0].name), BRIDGE);
        Self {
            _dir: dir,
            metadata: Arc::new(metadata),
            tasks,
        }
    }

    pub(super) fn id(&self, mode: &str) -> String {
        self.metadata.ids.of(&self.tasks[mode].containers[0].runtime_id)
    }

    async fn ask(&self, peer: Ipv4Addr, method: &str, path: &str, body: &str) -> (u16, Value) {
        let answer = self.metadata.answer(peer, method, path, body.as_bytes()).await;
        let text = String::from_utf8(answer.body).unwrap();
        (
            answer.status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    async fn get(&self, peer: Ipv4Addr, path: &str) -> (u16, Value) {
        self.ask(peer, "GET", path, "").await
    }
}

#[tokio::test]
async fn only_the_container_itself_has_its_documents() {
    let world = World::new();
    let addresses = [("awsvpc", AWSVPC), ("bridge", BRIDGE), ("host", METADATA_ADDRESS)];
    for (mode, own) in addresses {
        let id = world.id(mode);
        for peer in [AWSVPC, BRIDGE, METADATA_ADDRESS, STRANGER] {
            for (path, right, wrong) in [("v4", 200, 404), ("v3", 200, 400)] {
                let (status, _) = world.get(peer, &format!("/{path}/{id}")).await;
                assert_eq!(status, if peer == own { right } else { wrong }, "{mode} from {peer}");
            }
        }
    }
    let none = world.id("none");
    for peer in [AWSVPC, BRIDGE, METADATA_ADDRESS, STRANGER] {
        assert_eq!(world.get(peer, &format!("/v4/{none}/task")).await.0, 404);
    }
    assert!(world.metadata.knows(AWSVPC) && world.metadata.knows(BRIDGE) && world.metadata.knows(METADATA_ADDRESS));
    assert!(!world.metadata.knows(STRANGER));
}

#[tokio::test]
async fn version_2_knows_tasks_with_an_interface_by_their_address() {
    let world = World::new();
    let (status, told) = world.get(AWSVPC, "/v2/metadata").await;
    assert_eq!(
        (status, &told["TaskARN"]),
        (200, &json!(world.tasks["awsvpc"].key().arn().to_string()))
    );
    let (_, own) = world.get(AWSVPC, &format!("/v2/metadata/{}", "1".repeat(64))).await;
    assert_eq!(own, told["Containers"][0]);
    assert!(own.get("ContainerARN").is_none() && own["Networks"][0].get("MACAddress").is_none());
    let other = "2".repeat(64);
    let unknown = json!(format!("Unable to generate metadata for container '{other}'"));
    assert_eq!(
        world.get(AWSVPC, &format!("/v2/metadata/{other}")).await,
        (400, unknown)
    );
    let refused = json!("Unable to get task arn from request: unable to associate '172.30.240.2' with task");
    assert_eq!(world.get(BRIDGE, "/v2/metadata").await, (400, refused));
    assert_eq!(world.get(METADATA_ADDRESS, "/v2/stats").await.0, 400);
}

#[tokio::test]
async fn a_task_that_ended_leaves_its_address_to_the_next() {
    let mut world = World::new();
    let mut ended = world.tasks.remove("awsvpc").unwrap();
    ended.containers[0].phase = ContainerPhase::Exited;
    world.metadata.note_task(&ended);
    assert!(!world.metadata.knows(AWSVPC));
    let mut next = record("awsvpc", '9');
    world.metadata.note_task(&next);
    let (_, told) = world.get(AWSVPC, "/v2/metadata").await;
    assert_eq!(told["TaskARN"], next.key().arn().to_string());
    world.metadata.note(&Save::Delete(next.key().clone()));
    assert_eq!(world.get(AWSVPC, "/v2/metadata").await.0, 400);
    next.containers.clear();
    assert_eq!(world.metadata.book().by_address(AWSVPC).map(|_| ()), None);
}

#[tokio::test]
async fn unknown_ids_are_refused_in_the_stock_agents_words() {
    let world = World::new();
    let cases = [
        (
            "/v4/bad",
            404,
            "V4 container metadata handler: unable to get container ID from request: unable to get docker ID from v3 endpoint ID: bad",
        ),
        (
            "/v4/",
            404,
            "V4 container metadata handler: unable to get container ID from request: unable to get docker ID from v3 endpoint ID: ",
        ),
        (
            "/v4/bad/task",
            404,
            "V4 task metadata handler: unable to get task arn from request: unable to get task Arn from v3 endpoint ID: bad",
        ),
        (
            "/v4/bad/stats",
            404,
            "V4 container stats handler: unable to get task arn from request: unable to get task Arn from v3 endpoint ID: bad",
        ),
        (
            "/v3/bad/task/stats",
            400,
            "V3 task stats handler: unable to get task arn from request: unable to get task Arn from v3 endpoint ID: bad",
        ),
        ("/v1/credentials", 404, "404 page not found\n"),
    ];
    for (path, status, text) in cases {
        assert_eq!(world.get(BRIDGE, path).await, (status, json!(text)), "{path}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one document, whole")]
async fn documents_have_the_stock_agents_members() {
    let world = World::new();
    let (_, told) = world.get(AWSVPC, &format!("/v4/{}/task", world.id("awsvpc"))).await;
    expect![[r#"
        {
          "AvailabilityZone": "us-east-1a",
          "Cluster": "default",
          "Containers": [
            {
              "ContainerARN": "arn:aws:ecs:us-east-1:123456789012:container/default/11111111111111111111111111111111/99999999-2222-4333-8444-555555555555",
              "CreatedAt": "2026-11-18T11:06:40.041Z",
              "DesiredStatus": "RUNNING",
              "DockerId": "1111111111111111111111111111111111111111111111111111111111111111",
              "DockerName": "ecs-web-7-web1-11111111111111111111",
              "Image": "httpd",
              "ImageID": "sha256:abc",
              "KnownStatus": "RUNNING",
              "Labels": {
                "com.amazonaws.ecs.cluster": "default",
                "com.amazonaws.ecs.container-name": "web_1",
                "com.amazonaws.ecs.task-arn": "arn:aws:ecs:us-east-1:123456789012:task/default/11111111111111111111111111111111",
                "com.amazonaws.ecs.task-definition-family": "web",
                "com.amazonaws.ecs.task-definition-version": "7"
              },
              "Limits": {
                "CPU": 2,
                "Memory": 64
              },
              "LogDriver": "awslogs",
              "LogOptions": {
                "awslogs-group": "/g",
                "awslogs-region": "us-east-1",
                "awslogs-stream": "p/web_1/11111111111111111111111111111111"
              },
              "Name": "web_1",
              "Networks": [
                {
                  "AttachmentIndex": 0,
                  "IPv4Addresses": [
                    "172.31.1.2"
                  ],
                  "IPv4SubnetCIDRBlock": "172.31.0.0/20",
                  "MACAddress": "0a:58:ac:1f:8f:4d",
                  "NetworkMode": "awsvpc",
                  "PrivateDNSName": "ip-172-31-1-2.ec2.internal",
                  "SubnetGatewayIpv4Address": "172.31.0.1/20"
                }
              ],
              "Ports": [
                {
                  "ContainerPort": 80,
                  "HostPort": 80,
                  "Protocol": "tcp"
                }
              ],
              "StartedAt": "2026-11-18T11:06:40.041Z",
              "Type": "NORMAL"
            }
          ],
          "DesiredStatus": "RUNNING",
          "Family": "web",
          "FaultInjectionEnabled": false,
          "KnownStatus": "CREATED",
          "LaunchType": "EC2",
          "Limits": {
            "CPU": 0.25,
            "Memory": 512
          },
          "Revision": "7",
          "TaskARN": "arn:aws:ecs:us-east-1:123456789012:task/default/11111111111111111111111111111111",
          "VPCID": "vpc-0c31c547fc4f703ec"
        }"#]].assert_eq(&serde_json::to_string_pretty(&told).unwrap());
}

#[tokio::test]
async fn other_versions_and_modes_tell_less() {
    let world = World::new();
    let (_, own) = world.get(BRIDGE, &format!("/v3/{}", world.id("bridge"))).await;
    assert_eq!(
        own["Networks"],
        json!([{ "NetworkMode": "bridge", "IPv4Addresses": ["172.30.240.2"] }])
    );
    assert!(own.get("LogDriver").is_none());
    let (_, host) = world.get(METADATA_ADDRESS, &format!("/v4/{}", world.id("host"))).await;
    assert_eq!(
        host["Networks"],
        json!([{ "NetworkMode": "host", "IPv4Addresses": [""] }])
    );
}

#[tokio::test]
async fn a_control_plane_that_is_away_leaves_tags_out_and_says_why() {
    let world = World::new();
    let (status, told) = world
        .get(BRIDGE, &format!("/v4/{}/taskWithTags", world.id("bridge")))
        .await;
    assert_eq!(status, 200);
    assert!(told.get("TaskTags").is_none());
    assert_eq!(told["Errors"][0]["ErrorField"], "TaskTags");
    assert_eq!(told["Errors"][0]["ResourceARN"], told["TaskARN"]);
}

#[tokio::test]
async fn what_does_not_run_has_no_stats() {
    let world = World::new();
    let id = world.id("bridge");
    let text = json!(format!("Unable to get container stats for: {}", "2".repeat(64)));
    assert_eq!(world.get(BRIDGE, &format!("/v4/{id}/stats")).await, (500, text.clone()));
    assert_eq!(world.get(BRIDGE, &format!("/v3/{id}/stats")).await, (400, text));
    let all = world.get(BRIDGE, &format!("/v4/{id}/task/stats")).await;
    assert_eq!(all, (200, json!({ "2".repeat(64): null })));
}

#[tokio::test]
async fn gpus_are_associated() {
    let mut world = World::new();
    let mut task = world.tasks.remove("bridge").unwrap();
    Arc::make_mut(&mut task.assignment).containers[0].gpu_ids = vec!["GPU-1".to_owned()];
    world.metadata.note_task(&task);
    let id = world.metadata.ids.of(&task.containers[0].runtime_id);
    let names = |names: &[&str]| (200, json!({ "Associations": names }));
    assert_eq!(
        world.get(BRIDGE, &format!("/v4/{id}/associations/gpu")).await,
        names(&["GPU-1"])
    );
    assert_eq!(
        world.get(BRIDGE, &format!("/v3/{id}/associations/other")).await,
        names(&[])
    );
    assert_eq!(world.get(STRANGER, &format!("/v4/{id}/associations/gpu")).await.0, 404);
}

#[tokio::test]
async fn protection_is_for_tasks_of_services() {
    let world = World::new();
    let path = format!("/api/{}/task-protection/v1/state", world.id("bridge"));
    let arn = world.tasks["bridge"].key().arn().to_string();
    let failure = json!({ "failure": { "Arn": arn, "Detail": null, "Reason": "TASK_NOT_VALID" } });
    let error = |code: &str, message: &str| json!({ "error": { "Code": code, "Message": message } });
    assert_eq!(world.get(BRIDGE, &path).await, (200, failure.clone()));
    let put = async |body: &str| world.ask(BRIDGE, "PUT", &path, body).await;
    assert_eq!(
        put(r#"{"ProtectionEnabled":true,"ExpiresInMinutes":5}"#).await,
        (200, failure)
    );
    let undecoded = error(
        "InvalidParameterException",
        "UpdateTaskProtection: failed to decode request",
    );
    assert_eq!(put("{").await, (400, undecoded.clone()));
    assert_eq!(put(r#"{"Other":1}"#).await, (400, undecoded));
    let (status, missing) = put("{}").await;
    assert_eq!(
        (status, &missing["error"]["Message"]),
        (
            400,
            &json!("Invalid request: does not contain 'ProtectionEnabled' field")
        )
    );
    let unknown = error("ResourceNotFoundException", "Failed to find a task for the request");
    assert_eq!(world.get(STRANGER, &path).await, (404, unknown));
    assert_eq!(world.ask(BRIDGE, "DELETE", &path, "").await.0, 405);
}

#[tokio::test]
async fn faults_are_refused() {
    let world = World::new();
    let path = format!("/api/{}/fault/v1/network-blackhole-port/start", world.id("bridge"));
    let body = r#"{"Port":80,"Protocol":"tcp","TrafficType":"ingress"}"#;
    let arn = world.tasks["bridge"].key().arn();
    let off = json!({ "Error": format!("enableFaultInjection is not enabled for task: {arn}") });
    assert_eq!(world.ask(BRIDGE, "POST", &path, body).await, (400, off));
    let missing = json!({ "Error": "required request body is missing" });
    assert_eq!(world.ask(BRIDGE, "POST", &path, "").await, (400, missing));
    let unknown = json!({ "Error": format!("unable to lookup container: {}", world.id("bridge")) });
    assert_eq!(world.ask(STRANGER, "POST", &path, body).await, (404, unknown));
    assert_eq!(world.get(BRIDGE, &path).await.0, 405);
}

#[tokio::test]
async fn a_hostile_container_is_bounded() {
    let world = World::new();
    // Whatever bytes a path has, the answer is a refusal, and no longer than the path.
    let long = "x".repeat(8_000);
    for path in [
        format!("/v4/{long}"),
        format!("/v4/%00%ff{long}/task"),
        "/".repeat(8_000),
        "/v2/metadata/../..".to_owned(),
    ] {
        let answer = world.metadata.answer(AWSVPC, "GET", &path, b"").await;
        assert!(
            answer.status >= 400 && answer.body.len() < path.len() + 300,
            "{}",
            answer.status
        );
    }
}
