//! awsJson as bytes: requests, answers, refusals, and the words with which unreadable requests are refused.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::super::*;
use super::{post, show};
use crate::document::Timestamp;
use crate::shapes::{ecs, from_document, into_document, logs};

fn route_to(operation: ecs::Operation) -> Route {
    Route::new(crate::shapes::Operation::Ecs(operation), Protocol::AwsJson11)
}

fn check_refusal(operation: ecs::Operation, body: &str, expected: Expect) {
    let error = Protocol::AwsJson11
        .decode_request(operation.model(), &post(&[], body))
        .expect_err("refused");
    let refusal = ServiceError::unreadable(&ecs::SERVICE, Protocol::AwsJson11, &error);
    expected.assert_eq(&format!("{}: {}", refusal.code, refusal.message));
}

#[test]
fn a_request_becomes_a_struct() {
    let body = r#"{"cluster":"blue","taskDefinition":"web:3","count":2,"launchType":null,
        "overrides":{"containerOverrides":[{"name":"app","environment":[{"name":"A","value":"b\u00e9"}]}]},
        "tags":[],"newerThanThisModel":{"x":[1,{"y":null}]}}"#;
    let request: ecs::RunTaskRequest = route_to(ecs::Operation::RunTask)
        .decode(&post(&[], body))
        .expect("readable");
    let environment = vec![ecs::KeyValuePair {
        name: Some("A".to_owned()),
        value: Some("bé".to_owned()),
    }];
    let container = ecs::ContainerOverride {
        name: Some("app".to_owned()),
        environment: Some(environment),
        ..Default::default()
    };
    let expected = ecs::RunTaskRequest {
        cluster: Some("blue".to_owned()),
        task_definition: "web:3".to_owned(),
        count: Some(2),
        overrides: Some(ecs::TaskOverride {
            container_overrides: Some(vec![container]),
            ..Default::default()
        }),
        tags: Some(Vec::new()),
        ..Default::default()
    };
    assert_eq!(request, expected);
}

#[test]
fn no_body_is_a_request_without_members() {
    for body in ["", " \n", "{}"] {
        let request: Result<ecs::ListClustersRequest, _> =
            route_to(ecs::Operation::ListClusters).decode(&post(&[], body));
        assert_eq!(request, Ok(ecs::ListClustersRequest::default()));
    }
}

#[test]
fn an_answer_leaves_absent_members_out() {
    let task = ecs::Task {
        task_arn: Some("arn:aws:ecs:eu-west-1:000000000000:task/blue/1".to_owned()),
        created_at: Some(Timestamp(1_795_179_233_445)),
        started_at: Some(Timestamp(1_795_179_234_000)),
        containers: Some(Vec::new()),
        ..Default::default()
    };
    let answer = ecs::RunTaskResponse {
        tasks: Some(vec![task]),
        failures: Some(Vec::new()),
    };
    let response = route_to(ecs::Operation::RunTask).answer(answer, "5e1c");
    expect![[r#"
        200
        content-type: application/x-amz-json-1.1
        x-amzn-requestid: 5e1c

        {"tasks":[{"containers":[],"createdAt":1795179233.445,"startedAt":1795179234,"taskArn":"arn:aws:ecs:eu-west-1:000000000000:task/blue/1"}],"failures":[]}
    "#]]
    .assert_eq(&show(&response));
}

#[test]
fn an_operation_without_output_answers_nothing() {
    let route = Route::new(
        crate::shapes::Operation::Logs(logs::Operation::CreateLogGroup),
        Protocol::AwsJson11,
    );
    let response = route.answer(crate::shapes::Empty {}, "5e1c");
    assert_eq!((response.status, response.body.as_slice()), (200, &b""[..]));
}

#[test]
fn a_refusal_has_type_message_and_its_own_members() {
    let error = ServiceError::client("ConflictException", "The client token is in use: \"a\".")
        .field("resourceIds", vec!["task/1".to_owned(), "task/2".to_owned()]);
    let response = route_to(ecs::Operation::RunTask).refuse(&error, "5e1c");
    expect![[r#"
        400
        content-type: application/x-amz-json-1.1
        x-amzn-requestid: 5e1c

        {"__type":"ConflictException","message":"The client token is in use: \"a\".","resourceIds":["task/1","task/2"]}
    "#]]
    .assert_eq(&show(&response));
}

#[test]
fn services_that_once_spoke_query_repeat_the_code_in_a_header() {
    static FORMER: ServiceModel = ServiceModel {
        name: "former",
        endpoint_prefix: "former",
        service_id: "Former",
        api_version: "2010-01-01",
        target_prefix: Some("Former"),
        xml_namespace: None,
        protocols: &[Protocol::AwsJson10],
        query_compatible: true,
        operations: &[],
        operation_names: &[],
    };
    let error = ServiceError::server("InternalFailure", "");
    let response = Protocol::AwsJson10.encode_error(Some(&FORMER), &error, "5e1c");
    expect![[r#"
        500
        content-type: application/x-amz-json-1.0
        x-amzn-requestid: 5e1c
        x-amzn-query-error: InternalFailure;Receiver

        {"__type":"InternalFailure","message":""}
    "#]]
    .assert_eq(&show(&response));
}

#[test]
fn values_of_the_wrong_kind_are_refused_where_they_stand() {
    use ecs::Operation::{RegisterTaskDefinition, RunTask, SubmitTaskStateChange};
    check_refusal(
        RegisterTaskDefinition,
        r#"{"family":"a","containerDefinitions":[{"name":"x"},{"cpu":"10"}]}"#,
        expect!["SerializationException: containerDefinitions[1].cpu: expected a 32-bit integer, found a string"],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":"a","count":2147483648}"#,
        expect!["SerializationException: count: expected a 32-bit integer, found a larger number"],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":"a","count":1.5}"#,
        expect![
            "SerializationException: count: expected a 32-bit integer, found a number with a fraction or out of range"
        ],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":7}"#,
        expect!["SerializationException: taskDefinition: expected a string, found a number"],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":"a","enableECSManagedTags":"true"}"#,
        expect!["SerializationException: enableECSManagedTags: expected a boolean, found a string"],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":"a","overrides":[]}"#,
        expect!["SerializationException: overrides: expected a structure, found a list"],
    );
    check_refusal(
        RunTask,
        r#"{"taskDefinition":"a","placementStrategy":{}}"#,
        expect!["SerializationException: placementStrategy: expected a list, found a map"],
    );
    check_refusal(
        RegisterTaskDefinition,
        r#"{"family":"a","containerDefinitions":[{"dockerLabels":{"k":null}}]}"#,
        expect!["SerializationException: containerDefinitions[0].dockerLabels.k: expected a string, found null"],
    );
    check_refusal(
        RegisterTaskDefinition,
        r#"{"family":"a","containerDefinitions":[null]}"#,
        expect!["SerializationException: containerDefinitions[0]: expected a structure, found null"],
    );
    check_refusal(
        SubmitTaskStateChange,
        r#"{"pullStartedAt":"2026-11-20T12:42:29Z"}"#,
        expect!["SerializationException: pullStartedAt: expected a timestamp, found a string"],
    );
    check_refusal(
        SubmitTaskStateChange,
        r#"{"pullStartedAt":1e300}"#,
        expect!["SerializationException: pullStartedAt: expected a timestamp, found a number out of range"],
    );
}

#[test]
fn required_members_are_named_by_their_path() {
    use ecs::Operation::{RegisterTaskDefinition, RunTask};
    check_refusal(
        RunTask,
        "{}",
        expect![
            "InvalidParameterException: 1 validation error detected: Value null at 'taskDefinition' failed to satisfy constraint: Member must not be null"
        ],
    );
    check_refusal(
        RegisterTaskDefinition,
        r#"{"family":"a","containerDefinitions":[{"ulimits":[{"name":"nofile","softLimit":1}]}]}"#,
        expect![
            "InvalidParameterException: 1 validation error detected: Value null at 'containerDefinitions[0].ulimits[0].hardLimit' failed to satisfy constraint: Member must not be null"
        ],
    );
}

#[test]
fn what_is_not_json_is_refused() {
    use ecs::Operation::ListClusters;
    check_refusal(
        ListClusters,
        "{\"maxResults\":",
        expect!["SerializationException: the request cannot be parsed: the body ends too early (line 1, column 14)"],
    );
    check_refusal(
        ListClusters,
        "{\"maxResults\":NaN}",
        expect!["SerializationException: the request cannot be parsed: the body is not JSON (line 1, column 15)"],
    );
    check_refusal(
        ListClusters,
        "{} {}",
        expect!["SerializationException: the request cannot be parsed: the body is not JSON (line 1, column 4)"],
    );
    check_refusal(
        ListClusters,
        "null",
        expect!["SerializationException: expected a structure, found null"],
    );
    check_refusal(
        ListClusters,
        "[]",
        expect!["SerializationException: expected a structure, found a list"],
    );
}

#[test]
fn moments_keep_their_milliseconds() {
    for (text, ms) in [
        ("1795179233.445", 1_795_179_233_445),
        ("1795179233", 1_795_179_233_000),
        ("1.795179233445E9", 1_795_179_233_445),
        ("-0.001", -1),
        ("0", 0),
    ] {
        let body = format!(r#"{{"pullStartedAt":{text}}}"#);
        let route = route_to(ecs::Operation::SubmitTaskStateChange);
        let request: ecs::SubmitTaskStateChangeRequest = route.decode(&post(&[], &body)).expect(text);
        assert_eq!(request.pull_started_at, Some(Timestamp(ms)), "{text}");
    }
    for (ms, text) in [(1_795_179_233_005, "1795179233.005"), (-1, "-0.001"), (-1000, "-1")] {
        assert_eq!(moment::to_epoch_seconds(Timestamp(ms)), text);
    }
}

#[test]
fn free_form_members_pass_through() {
    let details = r#"{"a":[1,2.5,true,null,"x",{}]}"#;
    let body = format!(
        r#"{{"cluster":"c","serviceName":"s","deploymentConfiguration":{{"lifecycleHooks":[{{"hookDetails":{details}}}]}}}}"#
    );
    let route = route_to(ecs::Operation::CreateService);
    let request: ecs::CreateServiceRequest = route.decode(&post(&[], &body)).expect("readable");
    let hooks = request
        .deployment_configuration
        .clone()
        .and_then(|it| it.lifecycle_hooks)
        .expect("one hook");
    let list = [
        Document::Integer(1),
        Document::Double(2.5),
        Document::Bool(true),
        Document::Null,
        "x".into(),
        Document::Map(BTreeMap::new()),
    ];
    let expected = BTreeMap::from([("a".to_owned(), Document::List(list.into()))]);
    assert_eq!(hooks[0].hook_details, Some(Document::Map(expected)));
    let bytes = json::encode(&into_document(request), route.model().input);
    assert!(String::from_utf8_lossy(&bytes).contains(details));
}

#[test]
fn our_own_calls_are_what_a_service_reads() {
    let call = ecs::SubmitTaskStateChangeRequest {
        task: Some("arn:task".to_owned()),
        status: Some("RUNNING".to_owned()),
        pull_started_at: Some(Timestamp(1_795_179_233_445)),
        ..Default::default()
    };
    let outgoing = encode_call(call.clone());
    expect![[r#"
        content-type: application/x-amz-json-1.1
        x-amz-target: AmazonEC2ContainerServiceV20141113.SubmitTaskStateChange
        {"task":"arn:task","status":"RUNNING","pullStartedAt":1795179233.445}"#]]
    .assert_eq(&format!(
        "{}{}",
        outgoing
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect::<String>(),
        String::from_utf8_lossy(&outgoing.body)
    ));
    let document = json::decode(
        &outgoing.body,
        ecs::Operation::SubmitTaskStateChange.model().input,
        walk::Strictness::Request,
    );
    assert_eq!(document.and_then(from_document), Ok(call));
}

#[test]
fn replies_become_results_or_refusals() {
    type Submit = ecs::SubmitTaskStateChangeRequest;
    let accepted = decode_reply::<Submit>(200, None, br#"{"acknowledgment":"ok","more":1}"#);
    let acknowledgment = Some("ok".to_owned());
    assert_eq!(accepted, Ok(ecs::SubmitTaskStateChangeResponse { acknowledgment }));
    assert_eq!(
        decode_reply::<logs::CreateLogGroupRequest>(200, None, b""),
        Ok(crate::shapes::Empty {})
    );

    let refused = |body: &str, header: Option<&str>| match decode_reply::<Submit>(400, header, body.as_bytes()) {
        Err(error @ CallError::Refused(_)) => error.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(
        refused(
            r#"{"__type":"com.amazonaws.ecs#ClientException:http://x","Message":"No."}"#,
            None
        ),
        "ClientException: No."
    );
    assert_eq!(
        refused(r#"{"message":"No."}"#, Some("ServerException:http://x")),
        "ServerException: No."
    );
    assert_eq!(refused("<html>", None), "Http400: ");
    assert!(matches!(
        decode_reply::<Submit>(200, None, b"<html>"),
        Err(CallError::Unreadable(_))
    ));
}

#[test]
fn replies_may_lack_what_requests_may_not() {
    type Events = logs::ListTagsForResourceRequest;
    assert!(decode_reply::<Events>(200, None, b"{}").is_ok());
}
