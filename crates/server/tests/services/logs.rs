//! Log groups, streams and events, as clients of CloudWatch Logs see them.

use serde_json::{Value, json};

use crate::common::{ACCOUNT, Client, TestServer, now_ms};

/// A group `/ecs/web` with the streams `a` and `b`.
async fn with_streams(client: &Client) {
    client
        .logs("CreateLogGroup", json!({"logGroupName": "/ecs/web"}))
        .await
        .ok();
    for stream in ["a", "b"] {
        let path = json!({"logGroupName": "/ecs/web", "logStreamName": stream});
        client.logs("CreateLogStream", path).await.ok();
    }
}

async fn put(client: &Client, stream: &str, events: &[(i64, &str)]) -> Value {
    let events: Vec<Value> = events
        .iter()
        .map(|(at, text)| json!({"timestamp": at, "message": text}))
        .collect();
    let request = json!({"logGroupName": "/ecs/web", "logStreamName": stream, "logEvents": events});
    client.logs("PutLogEvents", request).await.json()
}

/// The members `name` of a list of objects.
fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[name].as_str().expect("a text")).collect()
}

#[tokio::test]
async fn groups_are_created_described_and_deleted() {
    let server = TestServer::start().await;
    let client = server.client();
    let before_ms = now_ms();
    for name in ["/ecs/web", "/ecs/api", "other"] {
        client.logs("CreateLogGroup", json!({"logGroupName": name})).await.ok();
    }
    let again = client.logs("CreateLogGroup", json!({"logGroupName": "other"})).await;
    assert_eq!(again.refusal().1, "ResourceAlreadyExistsException");

    let page = client
        .logs("DescribeLogGroups", json!({"logGroupNamePrefix": "/ecs/", "limit": 1}))
        .await
        .json();
    let group = &page["logGroups"][0];
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/api");
    assert_eq!(group["logGroupName"], "/ecs/api");
    assert_eq!(group["logGroupArn"], arn);
    assert_eq!(group["arn"], format!("{arn}:*"));
    assert_eq!(
        (&group["storedBytes"], &group["metricFilterCount"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(group["logGroupClass"], "STANDARD");
    assert!(group["creationTime"].as_i64().unwrap() >= before_ms);
    let next = json!({"logGroupNamePrefix": "/ecs/", "limit": 1, "nextToken": page["nextToken"]});
    let page = client.logs("DescribeLogGroups", next).await.json();
    assert_eq!(texts(&page["logGroups"], "logGroupName"), ["/ecs/web"]);
    assert_eq!(page.get("nextToken"), None);

    client
        .logs("DeleteLogGroup", json!({"logGroupName": "/ecs/web"}))
        .await
        .ok();
    let gone = client.logs("DeleteLogGroup", json!({"logGroupName": "/ecs/web"})).await;
    assert_eq!(gone.code(), "ResourceNotFoundException");
    let rest = client.logs("DescribeLogGroups", json!({})).await.json();
    assert_eq!(texts(&rest["logGroups"], "logGroupName"), ["/ecs/api", "other"]);
}

#[tokio::test]
async fn groups_are_found_by_pattern_and_by_identifier() {
    let server = TestServer::start().await;
    let client = server.client();
    for name in ["/ecs/web", "/ecs/web2", "other"] {
        client.logs("CreateLogGroup", json!({"logGroupName": name})).await.ok();
    }
    let found = client
        .logs("DescribeLogGroups", json!({"logGroupNamePattern": "the"}))
        .await
        .json();
    assert_eq!(texts(&found["logGroups"], "logGroupName"), ["other"]);
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/web");
    let found = client
        .logs("DescribeLogGroups", json!({"logGroupIdentifiers": ["other", arn]}))
        .await
        .json();
    assert_eq!(texts(&found["logGroups"], "logGroupName"), ["/ecs/web", "other"]);
}

#[tokio::test]
async fn every_region_has_its_own_groups() {
    let server = TestServer::start().await;
    let client = server.client();
    client
        .logs("CreateLogGroup", json!({"logGroupName": "here"}))
        .await
        .ok();
    let there = client
        .in_region("eu-central-1")
        .logs("DescribeLogGroups", json!({}))
        .await
        .json();
    assert_eq!(there["logGroups"], json!([]));
}

#[tokio::test]
async fn retention_is_set_and_taken_back() {
    let server = TestServer::start().await;
    let client = server.client();
    let group = json!({"logGroupName": "g"});
    client.logs("CreateLogGroup", group.clone()).await.ok();
    let retention =
        async || client.logs("DescribeLogGroups", json!({})).await.json()["logGroups"][0]["retentionInDays"].clone();
    client
        .logs("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 7}))
        .await
        .ok();
    assert_eq!(retention().await, 7);
    let odd = client
        .logs("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 2}))
        .await;
    assert_eq!(odd.code(), "InvalidParameterException");
    client.logs("DeleteRetentionPolicy", group).await.ok();
    assert_eq!(retention().await, Value::Null);
}

#[tokio::test]
async fn streams_are_created_described_and_deleted() {
    let server = TestServer::start().await;
    let client = server.client();
    with_streams(&client).await;
    let at_ms = now_ms();
    put(&client, "b", &[(at_ms, "hello")]).await;
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/web");
    let page = client
        .logs("DescribeLogStreams", json!({"logGroupIdentifier": arn}))
        .await
        .json();
    assert_eq!(texts(&page["logStreams"], "logStreamName"), ["a", "b"]);
    let [empty, written] = [0, 1].map(|index| &page["logStreams"][index]);
    assert_eq!(empty["arn"], format!("{arn}:log-stream:a"));
    assert_eq!(empty.get("lastEventTimestamp"), None);
    assert_eq!(
        (&written["firstEventTimestamp"], &written["lastEventTimestamp"]),
        (&json!(at_ms), &json!(at_ms))
    );
    assert!(written["lastIngestionTime"].as_i64().unwrap() >= at_ms);

    let latest = json!({"logGroupName": "/ecs/web", "orderBy": "LastEventTime", "descending": true, "limit": 1});
    let page = client.logs("DescribeLogStreams", latest).await.json();
    assert_eq!(texts(&page["logStreams"], "logStreamName"), ["b"]);

    let path = json!({"logGroupName": "/ecs/web", "logStreamName": "a"});
    client.logs("DeleteLogStream", path.clone()).await.ok();
    assert_eq!(
        client.logs("DeleteLogStream", path).await.code(),
        "ResourceNotFoundException"
    );
    let page = client
        .logs("DescribeLogStreams", json!({"logGroupName": "/ecs/web"}))
        .await
        .json();
    assert_eq!(texts(&page["logStreams"], "logStreamName"), ["b"]);
}

#[tokio::test]
async fn events_are_put_and_got_from_either_end() {
    let server = TestServer::start().await;
    let client = server.client();
    with_streams(&client).await;
    let at_ms = now_ms() - 1000;
    put(
        &client,
        "a",
        &[(at_ms, "one"), (at_ms + 1, "two"), (at_ms + 2, "three")],
    )
    .await;
    let get = async |more: Value| {
        let mut request = json!({"logGroupName": "/ecs/web", "logStreamName": "a", "limit": 2});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        client.logs("GetLogEvents", request).await.json()
    };
    let last = get(json!({})).await;
    assert_eq!(texts(&last["events"], "message"), ["two", "three"]);
    assert_eq!(last["events"][0]["timestamp"], at_ms + 1);
    let before = get(json!({"nextToken": last["nextBackwardToken"]})).await;
    assert_eq!(texts(&before["events"], "message"), ["one"]);
    let first = get(json!({"startFromHead": true})).await;
    assert_eq!(texts(&first["events"], "message"), ["one", "two"]);
    let behind = get(json!({"startFromHead": true, "nextToken": first["nextForwardToken"]})).await;
    assert_eq!(texts(&behind["events"], "message"), ["three"]);
    let end = get(json!({"startFromHead": true, "nextToken": behind["nextForwardToken"]})).await;
    assert_eq!(
        (&end["events"], &end["nextForwardToken"]),
        (&json!([]), &behind["nextForwardToken"])
    );
    let within = get(json!({"startTime": at_ms + 1, "endTime": at_ms + 2})).await;
    assert_eq!(texts(&within["events"], "message"), ["two"]);
}

#[tokio::test]
async fn events_of_a_wrong_time_are_reported() {
    let server = TestServer::start().await;
    let client = server.client();
    with_streams(&client).await;
    let (now, day) = (now_ms(), 86_400_000);
    let old = put(&client, "a", &[(now - 15 * day, "old"), (now, "new")]).await;
    assert_eq!(old["rejectedLogEventsInfo"], json!({"tooOldLogEventEndIndex": 1}));
    let early = put(&client, "a", &[(now, "now"), (now + day / 2, "tomorrow")]).await;
    assert_eq!(early["rejectedLogEventsInfo"], json!({"tooNewLogEventStartIndex": 1}));
    let unordered = json!({"logGroupName": "/ecs/web", "logStreamName": "a",
        "logEvents": [{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}]});
    assert_eq!(
        client.logs("PutLogEvents", unordered).await.code(),
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn events_of_a_group_are_filtered() {
    let server = TestServer::start().await;
    let client = server.client();
    with_streams(&client).await;
    let at_ms = now_ms() - 1000;
    put(&client, "a", &[(at_ms, "GET /"), (at_ms + 2, "ERROR disk full")]).await;
    put(&client, "b", &[(at_ms + 1, "ERROR no route"), (at_ms + 3, "GET /x")]).await;
    let filter = async |more: Value| {
        let mut request = json!({"logGroupName": "/ecs/web"});
        request
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        client.logs("FilterLogEvents", request).await.json()
    };
    let all = filter(json!({})).await;
    assert_eq!(
        texts(&all["events"], "message"),
        ["GET /", "ERROR no route", "ERROR disk full", "GET /x"]
    );
    assert_eq!(texts(&all["events"], "logStreamName"), ["a", "b", "a", "b"]);
    assert_eq!(all["searchedLogStreams"], json!([]));
    let errors = filter(json!({"filterPattern": "ERROR -route"})).await;
    assert_eq!(texts(&errors["events"], "message"), ["ERROR disk full"]);
    let of_b = filter(json!({"logStreamNames": ["b"], "endTime": at_ms + 1})).await;
    assert_eq!(texts(&of_b["events"], "message"), ["ERROR no route"]);
    let page = filter(json!({"logStreamNamePrefix": "a", "limit": 1})).await;
    assert_eq!(texts(&page["events"], "message"), ["GET /"]);
    let page = filter(json!({"logStreamNamePrefix": "a", "nextToken": page["nextToken"]})).await;
    assert_eq!(texts(&page["events"], "message"), ["ERROR disk full"]);
}

#[tokio::test]
async fn events_survive_a_restart() {
    let server = TestServer::start().await;
    let client = server.client();
    with_streams(&client).await;
    put(&client, "a", &[(now_ms(), "still here")]).await;
    let server = server.restart().await;
    let request = json!({"logGroupName": "/ecs/web", "logStreamName": "a"});
    let page = server.client().logs("GetLogEvents", request).await.json();
    assert_eq!(texts(&page["events"], "message"), ["still here"]);
}

#[tokio::test]
async fn what_is_missing_or_malformed_is_refused() {
    let server = TestServer::start().await;
    let client = server.client();
    for (operation, request, code) in [
        ("CreateLogGroup", json!({}), "InvalidParameterException"),
        (
            "CreateLogGroup",
            json!({"logGroupName": "a b"}),
            "InvalidParameterException",
        ),
        (
            "CreateLogGroup",
            json!({"logGroupName": "a", "kmsKeyId": "k"}),
            "InvalidParameterException",
        ),
        ("CreateLogGroup", json!({"logGroupName": 7}), "SerializationException"),
        (
            "CreateLogStream",
            json!({"logGroupName": "a", "logStreamName": "s"}),
            "ResourceNotFoundException",
        ),
        (
            "GetLogEvents",
            json!({"logStreamName": "s"}),
            "InvalidParameterException",
        ),
        (
            "GetLogEvents",
            json!({"logGroupName": "a", "logStreamName": "s"}),
            "ResourceNotFoundException",
        ),
        (
            "FilterLogEvents",
            json!({"logGroupName": "a", "limit": 0}),
            "InvalidParameterException",
        ),
    ] {
        let answer = client.logs(operation, request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, code),
            "{operation} {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn what_is_not_built_is_refused() {
    let server = TestServer::start().await;
    let client = server.client();
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g");
    for (operation, request) in [
        ("TagResource", json!({"resourceArn": arn, "tags": {"a": "b"}})),
        ("ListTagsForResource", json!({"resourceArn": arn})),
        ("StartQuery", json!({})),
        ("PutSubscriptionFilter", json!({})),
    ] {
        assert_eq!(
            client.logs(operation, request).await.code(),
            "UnknownOperationException",
            "{operation}"
        );
    }
}
