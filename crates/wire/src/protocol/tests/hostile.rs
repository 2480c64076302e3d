//! Bytes from nowhere: whatever arrives, a decoder answers with a document or with an error.

use proptest::prelude::*;

use super::super::walk::{MAX_DEPTH, MAX_LIST, Strictness};
use super::super::*;
use super::form;
use crate::shapes::{SERVICES, ec2, ecs, logs, sts};

fn read(operation: ecs::Operation, body: &str) -> Result<Document, DecodeError> {
    json::decode(body.as_bytes(), operation.model().input, Strictness::Request)
}

#[test]
fn depth_is_bounded_in_known_and_unknown_members() {
    let deep = |count: usize| "[".repeat(count) + &"]".repeat(count);
    let unknown = |count: usize| format!(r#"{{"unknown":{}}}"#, deep(count));
    assert!(read(ecs::Operation::ListClusters, &unknown(MAX_DEPTH - 1)).is_ok());
    assert_eq!(
        read(ecs::Operation::ListClusters, &unknown(MAX_DEPTH + 1)),
        Err(DecodeError::TooDeep)
    );
    assert_eq!(
        read(ecs::Operation::ListClusters, &unknown(1_000_000)),
        Err(DecodeError::TooDeep)
    );
    let hook = format!(r#"{{"a":{}}}"#, deep(200));
    let body =
        format!(r#"{{"serviceName":"s","deploymentConfiguration":{{"lifecycleHooks":[{{"hookDetails":{hook}}}]}}}}"#);
    assert_eq!(read(ecs::Operation::CreateService, &body), Err(DecodeError::TooDeep));
}

#[test]
fn lists_are_bounded() {
    let list = |count: usize| format!(r#"{{"clusters":[{}]}}"#, vec!["\"a\""; count].join(","));
    assert!(read(ecs::Operation::DescribeClusters, &list(MAX_LIST)).is_ok());
    let path = format!("clusters[{MAX_LIST}]");
    assert_eq!(
        read(ecs::Operation::DescribeClusters, &list(MAX_LIST + 1)),
        Err(DecodeError::TooLarge { path })
    );
}

#[test]
fn a_batch_of_ten_thousand_log_events_passes() {
    let events = vec![r#"{"timestamp":1795179233445,"message":"line"}"#; 10_000].join(",");
    let body = format!(r#"{{"logGroupName":"g","logStreamName":"s","logEvents":[{events}]}}"#);
    let document = json::decode(
        body.as_bytes(),
        logs::Operation::PutLogEvents.model().input,
        Strictness::Request,
    );
    assert!(document.is_ok());
}

#[test]
fn few_bytes_cannot_ask_for_much_memory() {
    let containers = vec!["{}"; MAX_LIST].join(",");
    let body = format!(r#"{{"family":"f","containerDefinitions":[{containers}]}}"#);
    assert!(read(ecs::Operation::RegisterTaskDefinition, &body).is_ok());
    let limits = vec![
        format!(
            r#"{{"ulimits":[{}]}}"#,
            vec!["{\"name\":\"a\",\"softLimit\":1,\"hardLimit\":1}"; 200].join(",")
        );
        5_000
    ];
    let body = format!(r#"{{"family":"f","containerDefinitions":[{}]}}"#, limits.join(","));
    assert!(matches!(
        read(ecs::Operation::RegisterTaskDefinition, &body),
        Err(DecodeError::TooLarge { .. })
    ));
}

#[test]
fn forms_are_bounded() {
    let deep = format!("Filter{}=x", ".1".repeat(1_000));
    let decode = |body: &str| Protocol::Ec2Query.decode_request(ec2::Operation::DescribeVpcs.model(), &form(body));
    assert_eq!(decode(&deep), Err(DecodeError::TooDeep));
    let long: String = (0..30_000).map(|index| format!("VpcId.{index}=x&")).collect();
    assert!(matches!(decode(&long), Err(DecodeError::TooLarge { .. })));
    assert!(decode("VpcId.18446744073709551615=x&VpcId.99999999999999999999999=y&VpcId.-1=z").is_ok());
}

/// JSON texts that look like requests: the words of the model in the wrong places.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "\"[a-z\\\\\"]{0,4}\"",
        Just("[[[[".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 4, |inner| {
        let key = prop_oneof![
            Just("containerDefinitions"),
            Just("name"),
            Just("tasks"),
            Just("cluster"),
            Just("overrides"),
            Just("tags"),
            Just("environment"),
            Just("count"),
            Just("pullStartedAt"),
            Just("dockerLabels"),
            Just("x"),
        ];
        let member = (key, inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for service in SERVICES {
            for operation in service.operations.iter().take(3) {
                let _ = json::decode(&bytes, operation.input, Strictness::Request);
            }
        }
        let _ = json::decode_error(400, None, &bytes);
        let headers: [(&str, &[u8]); 3] = [("x-amz-target", &bytes), ("content-type", &bytes), ("content-type", b"")];
        let head = crate::sigv4::RequestHead { method: "POST", target: "/?%", headers: &headers };
        let _ = route(None, &Request { head, body: &bytes });
    }

    #[test]
    fn any_json_is_answered_and_what_is_read_can_be_written(text in json_text()) {
        for operation in [ecs::Operation::RegisterTaskDefinition, ecs::Operation::RunTask, ecs::Operation::SubmitTaskStateChange] {
            let schema = operation.model().input;
            if let Ok(document) = json::decode(text.as_bytes(), schema, Strictness::Response) {
                let bytes = json::encode(&document, schema);
                let again = json::decode(&bytes, schema, Strictness::Response);
                prop_assert_eq!(again, Ok(document));
            }
        }
    }

    #[test]
    fn any_form_is_answered(body in "(Filter|VpcId|Tags|RoleArn|member|entry|[.&=%+]|[0-9]{1,3}|Name|Value|\\PC){0,40}") {
        let request = form(&body);
        for operation in [ec2::Operation::DescribeVpcs, ec2::Operation::DescribeSubnets] {
            let _ = Protocol::Ec2Query.decode_request(operation.model(), &request);
        }
        let _ = Protocol::AwsQuery.decode_request(sts::Operation::AssumeRole.model(), &request);
        let _ = route(Some("ec2"), &request);
    }

    #[test]
    fn moments_survive_json(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
        let spelled = moment::to_epoch_seconds(crate::document::Timestamp(ms));
        let seconds: f64 = spelled.parse().expect("a number");
        prop_assert_eq!(moment::from_epoch_seconds(seconds), Some(crate::document::Timestamp(ms)));
        let iso = moment::to_iso8601(crate::document::Timestamp(ms));
        prop_assert_eq!(moment::from_iso8601(&iso), Some(crate::document::Timestamp(ms)));
    }
}
