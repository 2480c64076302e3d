//! RegisterContainerInstance: who joins, and as whom.

use serde_json::{Value, json};

use crate::recording::{CLUSTER, INSTANCE, Line, line};
use crate::world::{RETURN, World};

/// The agent's first start.
fn first() -> Line {
    line(1)
}

fn arn(answer: &Value) -> &str {
    answer["containerInstance"]["containerInstanceArn"].as_str().unwrap()
}

/// Name and value, in the order of the names.
fn attributes(of: &Value) -> Vec<Value> {
    let mut attributes = of["attributes"].as_array().unwrap().clone();
    attributes.sort_by_key(|attribute| attribute["name"].to_string());
    attributes
}

#[test]
fn the_stock_agent_joins_and_the_default_cluster_springs_up() {
    let world = World::at(&first());
    let clusters = || world.plane.call("DescribeClusters", &json!({})).ok();
    assert_eq!(clusters()["failures"][0]["reason"], "MISSING");
    let answer = world.plane.send(&first()).ok();
    let instance = &answer["containerInstance"];
    assert!(arn(&answer).starts_with("arn:aws:ecs:us-east-1:123456789012:container-instance/default/"));
    assert_eq!(
        attributes(instance),
        attributes(&first().request()),
        "all that was announced, and nothing else"
    );
    assert_eq!(
        (&instance["status"], &instance["agentConnected"]),
        (&json!("ACTIVE"), &json!(false))
    );
    let amounts = |member: &str| {
        let resources = instance[member].as_array().unwrap();
        let amount = |one: &Value| {
            if one["type"] == "INTEGER" {
                one["integerValue"].clone()
            } else {
                one["stringSetValue"].clone()
            }
        };
        resources
            .iter()
            .map(|one| (one["name"].as_str().unwrap().to_owned(), amount(one)))
            .collect::<Vec<_>>()
    };
    let registered = [
        ("CPU", json!(2048)),
        ("MEMORY", json!(24105)),
        ("PORTS", json!(["22", "2375", "2376", "51678", "51679"])),
        ("PORTS_UDP", json!([])),
    ];
    assert_eq!(
        amounts("registeredResources"),
        registered.map(|(name, amount)| (name.to_owned(), amount))
    );
    assert_eq!(amounts("remainingResources"), amounts("registeredResources"));
    let cluster = &clusters()["clusters"][0];
    assert_eq!(
        (&cluster["clusterArn"], &cluster["registeredContainerInstancesCount"]),
        (&json!(CLUSTER), &json!(1))
    );
}

#[test]
fn one_start_of_an_agent_is_one_instance() {
    let world = World::at(&first());
    let once = world.plane.send(&first()).ok();
    assert_eq!(
        world.plane.send(&first()).ok(),
        once,
        "an SDK repeats calls, and nothing changes"
    );
    let world = world.restart();
    let again = world.plane.send(&first()).ok();
    assert_eq!(arn(&again), arn(&once), "also after a restart");
    assert_eq!(again["containerInstance"]["version"], 1);
    let mut another = first().request();
    another["clientToken"] = "2b8f2f0e-79c5-4d0f-8a5c-0b1f3c7d9e11".into();
    let another = world.plane.send_changed(&first(), &another).ok();
    assert_ne!(arn(&another), arn(&once));
    let listed = world.plane.call("ListContainerInstances", &json!({})).ok();
    assert_eq!(listed["containerInstanceArns"].as_array().unwrap().len(), 2);
}

#[test]
fn an_agent_that_comes_back_is_the_instance_that_it_was_and_keeps_its_custom_attributes() {
    let world = World::at(&line(RETURN));
    let mut body = first().request();
    let announced = body["attributes"].as_array_mut().unwrap();
    announced.push(json!({ "name": "stack", "value": "prod" }));
    announced.push(json!({ "name": "ecs.capability.that-will-be-gone" }));
    body["tags"] = json!([{ "key": "team", "value": "one" }]);
    let joined = world.plane.send_changed(&first(), &body).ok();
    // It does not repeat attributes and tags that its operator gave it at first.
    let mut back = line(RETURN).request();
    back["containerInstanceArn"] = arn(&joined).into();
    let returned = world.plane.send_changed(&line(RETURN), &back).ok();
    assert_eq!(arn(&returned), arn(&joined));
    let mut expected = back;
    expected["attributes"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "stack", "value": "prod" }));
    assert_eq!(attributes(&returned["containerInstance"]), attributes(&expected));
    assert_eq!(returned["containerInstance"]["tags"], body["tags"]);
}

#[test]
fn an_agent_is_taken_back_by_a_control_plane_that_has_forgotten_it() {
    let world = World::at(&line(RETURN));
    assert_eq!(arn(&world.plane.send(&line(RETURN)).ok()), INSTANCE);
    let left = json!({ "containerInstance": INSTANCE });
    let left = world.plane.call("DeregisterContainerInstance", &left).ok();
    assert_eq!(left["containerInstance"]["status"], "INACTIVE");
    // What was deregistered is gone for good: the stock agent ends, until its operator removes its data.
    let (kind, text) = world.plane.send(&line(RETURN)).refusal();
    let id = INSTANCE.rsplit('/').next().unwrap();
    assert_eq!(
        (kind.as_str(), text),
        ("ClientException", format!("Container instance {id} is inactive."))
    );
}

#[test]
fn other_clusters_do_not_spring_up() {
    let world = World::at(&first());
    let nope = |line: &Line| {
        let mut body = line.request();
        body["cluster"] = "nope".into();
        body
    };
    // The agent reads the words, and makes the cluster if its operator named none.
    let not_found = ("ClusterNotFoundException".to_owned(), "Cluster not found.".to_owned());
    assert_eq!(world.plane.send_changed(&first(), &nope(&first())).refusal(), not_found);
    let (kind, _) = world.plane.send_changed(&line(RETURN), &nope(&line(RETURN))).refusal();
    assert_eq!(kind, "ClusterNotFoundException");
    let made = world
        .plane
        .call("CreateCluster", &json!({ "clusterName": "nope" }))
        .ok();
    assert_eq!(made["cluster"]["clusterName"], "nope");
    let joined = world.plane.send_changed(&first(), &nope(&first())).ok();
    assert!(arn(&joined).contains(":container-instance/nope/"));
    // The same token in another cluster is another instance.
    let elsewhere = world.plane.send(&first()).ok();
    assert!(arn(&elsewhere).contains(":container-instance/default/"));
    // An instance of another cluster cannot come back here.
    let (kind, _) = world.plane.send_changed(&line(RETURN), &nope(&line(RETURN))).refusal();
    assert_eq!(kind, "InvalidParameterException");
}

#[test]
fn registrations_that_make_no_sense_are_refused_so_that_the_agent_gives_up() {
    let world = World::at(&first());
    let refused = |change: fn(&mut Value)| {
        let mut body = first().request();
        change(&mut body);
        world.plane.send_changed(&first(), &body).refusal().0
    };
    let invalid = "InvalidParameterException";
    assert_eq!(refused(|body| body["cluster"] = "a b".into()), invalid);
    assert_eq!(refused(|body| body["containerInstanceArn"] = "nope".into()), invalid);
    assert_eq!(refused(|body| body["attributes"][0] = json!({ "name": "" })), invalid);
    assert_eq!(
        refused(|body| body["attributes"][0]["value"] = "x".repeat(129).into()),
        invalid
    );
    assert_eq!(
        refused(|body| body["totalResources"][0]["integerValue"] = (-1).into()),
        invalid
    );
    assert_eq!(
        refused(|body| body["totalResources"][2]["stringSetValue"][0] = "ssh".into()),
        invalid
    );
    assert_eq!(
        refused(|body| body["tags"] = json!([{ "key": "aws:x", "value": "" }])),
        invalid
    );
    let (kind, _) = world.plane.call("ListContainerInstances", &json!({})).refusal();
    assert_eq!(
        kind, "ClusterNotFoundException",
        "nothing has joined, and nothing has sprung up"
    );
}
