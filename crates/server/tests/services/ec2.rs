//! The default network and the interfaces of tasks, as clients of EC2 see them.

use serde_json::json;

use crate::common::{ACCOUNT, TestServer};

#[tokio::test]
async fn the_default_vpc_is_described() {
    let server = TestServer::start().await;
    let client = server.client();
    let answer = client
        .ec2(
            "DescribeVpcs",
            &[("Filter.1.Name", "isDefault"), ("Filter.1.Value.1", "true")],
        )
        .await
        .ok();
    assert_eq!(answer.texts("isDefault"), ["true"]);
    assert_eq!(answer.texts("ownerId"), [ACCOUNT]);
    let [vpc] = answer.texts("vpcId")[..] else {
        panic!("{}", answer.body)
    };
    let by_id = client.ec2("DescribeVpcs", &[("VpcId.1", vpc)]).await.ok();
    assert_eq!(by_id.texts("vpcId"), [vpc]);
    let elsewhere = client.in_region("eu-central-1").ec2("DescribeVpcs", &[]).await.ok();
    assert_ne!(elsewhere.texts("vpcId"), [vpc]);
}

#[tokio::test]
async fn subnets_are_described() {
    let server = TestServer::start().await;
    let client = server.client();
    let all = client.ec2("DescribeSubnets", &[]).await.ok();
    assert_eq!(
        all.texts("availabilityZone"),
        ["us-east-1a", "us-east-1b", "us-east-1c"]
    );
    assert_eq!(
        all.texts("cidrBlock"),
        ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"]
    );
    assert_eq!(all.texts("availableIpAddressCount"), ["4091"; 3]);
    let vpc = all.texts("vpcId")[0];
    let filters = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", vpc),
        ("Filter.2.Name", "availability-zone"),
        ("Filter.2.Value.1", "us-east-1b"),
        ("Filter.2.Value.2", "*c"),
    ];
    let some = client.ec2("DescribeSubnets", &filters).await.ok();
    assert_eq!(some.texts("subnetId"), all.texts("subnetId")[1..]);
}

#[tokio::test]
async fn the_default_security_group_is_described() {
    let server = TestServer::start().await;
    let client = server.client();
    let answer = client
        .ec2("DescribeSecurityGroups", &[("GroupName.1", "default")])
        .await
        .ok();
    assert_eq!(answer.texts("groupName"), ["default"]);
    assert_eq!(answer.texts("ipProtocol"), ["-1", "-1"]);
    assert_eq!(answer.texts("cidrIp"), ["0.0.0.0/0"]);
    let ids = answer.texts("groupId");
    assert_eq!(ids.len(), 2, "the group, and the group in its own rule");
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn zones_are_described() {
    let server = TestServer::start().await;
    let answer = server
        .client()
        .ec2("DescribeAvailabilityZones", &[("ZoneName.1", "us-east-1b")])
        .await
        .ok();
    assert_eq!(answer.texts("zoneId"), ["use1-az2"]);
    assert_eq!(answer.texts("zoneState"), ["available"]);
    assert_eq!(answer.texts("zoneType"), ["availability-zone"]);
    assert_eq!(answer.texts("optInStatus"), ["opt-in-not-required"]);
    assert_eq!(answer.texts("regionName"), ["us-east-1"]);
}

#[tokio::test]
async fn regions_are_described() {
    let server = TestServer::start().await;
    let client = server.client();
    let own = client.ec2("DescribeRegions", &[]).await.ok();
    assert_eq!(own.texts("regionName"), ["us-east-1"]);
    assert_eq!(own.texts("regionEndpoint"), [client.host()]);
    let named = client
        .ec2("DescribeRegions", &[("RegionName.1", "mars-north-12")])
        .await
        .ok();
    assert_eq!(named.texts("regionName"), ["mars-north-12"]);
}

/// A machine counts as connected for a while after the control plane has started: no agent is needed to hold an address.
async fn with_awsvpc_task() -> TestServer {
    let server = TestServer::start().await;
    let client = server.client();
    client.ecs("CreateCluster", json!({})).await.ok();
    let integer = |name: &str, value: u32| json!({"name": name, "type": "INTEGER", "integerValue": value});
    let capability = |name: &str| json!({"name": format!("ecs.capability.{name}")});
    let docker = |version: &str| json!({"name": format!("com.amazonaws.ecs.capability.docker-remote-api.{version}")});
    let machine = json!({
        "cluster": "default",
        "totalResources": [integer("CPU", 4096), integer("MEMORY", 8192)],
        "attributes": [capability("task-eni"), docker("1.17"), docker("1.18"), docker("1.21"),
            {"name": "ecs.availability-zone", "value": "us-east-1b"},
            {"name": "ecs.os-type", "value": "linux"}, {"name": "ecs.cpu-architecture", "value": "x86_64"}],
    });
    client.ecs("RegisterContainerInstance", machine).await.ok();
    let definition = json!({"family": "web", "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "web", "image": "httpd:2.4", "memory": 128}]});
    client.ecs("RegisterTaskDefinition", definition).await.ok();
    let server = server.restart().await;
    let client = server.client();
    let subnets = client
        .ec2(
            "DescribeSubnets",
            &[("Filter.1.Name", "cidr"), ("Filter.1.Value.1", "172.31.16.0/20")],
        )
        .await;
    let network = json!({"awsvpcConfiguration": {"subnets": subnets.texts("subnetId")}});
    let run = json!({"taskDefinition": "web", "launchType": "EC2", "networkConfiguration": network});
    let ran = client.ecs("RunTask", run).await.json();
    assert_eq!(ran["failures"], json!([]));
    server
}

#[tokio::test]
async fn the_interface_of_a_task_is_described() {
    let server = with_awsvpc_task().await;
    let client = server.client();
    let tasks = client.ecs("ListTasks", json!({})).await.json();
    let described = client
        .ecs("DescribeTasks", json!({"tasks": tasks["taskArns"]}))
        .await
        .json();
    let details = described["tasks"][0]["attachments"][0]["details"]
        .as_array()
        .unwrap()
        .clone();
    let detail = |name: &str| {
        let found = details.iter().find(|detail| detail["name"] == name).unwrap();
        found["value"].as_str().unwrap().to_owned()
    };
    let id = detail("networkInterfaceId");
    let answer = client
        .ec2("DescribeNetworkInterfaces", &[("NetworkInterfaceId.1", &id)])
        .await
        .ok();
    assert_eq!(answer.texts("networkInterfaceId"), [id.as_str()]);
    assert_eq!(answer.texts("macAddress"), [detail("macAddress")]);
    assert_eq!(answer.texts("subnetId"), [detail("subnetId")]);
    assert_eq!(answer.texts("availabilityZone"), ["us-east-1b"]);
    assert_eq!(answer.texts("interfaceType"), ["interface"]);
    assert_eq!(answer.texts("requesterManaged"), ["true"]);
    assert_eq!(answer.texts("groupName"), ["default"]);
    let address = detail("privateIPv4Address");
    let by_address = [
        ("Filter.1.Name", "addresses.private-ip-address"),
        ("Filter.1.Value.1", address.as_str()),
    ];
    let found = client.ec2("DescribeNetworkInterfaces", &by_address).await.ok();
    assert_eq!(found.texts("networkInterfaceId"), [id.as_str()]);
    let subnets = client
        .ec2("DescribeSubnets", &[("SubnetId.1", &detail("subnetId"))])
        .await
        .ok();
    assert_eq!(subnets.texts("availableIpAddressCount"), ["4090"]);
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_the_words_of_ec2() {
    let server = TestServer::start().await;
    let client = server.client();
    let refused =
        async |operation: &str, parameters: &[(&str, &str)]| client.ec2(operation, parameters).await.refusal();
    let text = "The vpc ID 'vpc-00000000000000000' does not exist";
    let unknown = refused("DescribeVpcs", &[("VpcId.1", "vpc-00000000000000000")]).await;
    assert_eq!(unknown, (400, "InvalidVpcID.NotFound".to_owned(), text.to_owned()));
    let malformed = refused("DescribeSubnets", &[("SubnetId.1", "mine")]).await;
    assert_eq!(malformed.1, "InvalidSubnetID.Malformed");
    let filter = [("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")];
    let invalid = refused("DescribeNetworkInterfaces", &filter).await;
    assert_eq!(
        (invalid.1.as_str(), invalid.2.as_str()),
        ("InvalidParameterValue", "The filter 'colour' is invalid")
    );
    let dry = refused("DescribeSecurityGroups", &[("DryRun", "true")]).await;
    assert_eq!((dry.0, dry.1.as_str()), (412, "DryRunOperation"));
}

#[tokio::test]
async fn what_is_not_built_is_refused() {
    let server = TestServer::start().await;
    let client = server.client();
    assert_eq!(client.ec2("RunInstances", &[]).await.code(), "UnsupportedOperation");
    assert_eq!(client.ec2("DescribeNothing", &[]).await.code(), "InvalidAction");
}
