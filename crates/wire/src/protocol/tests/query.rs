//! awsQuery and ec2Query as bytes: forms in, XML out, refusals in the words of each service.

use expect_test::{Expect, expect};
use quick_xml::events::Event;

use super::super::query::{Dialect, decode};
use super::super::*;
use super::{form, show};
use crate::document::Timestamp;
use crate::schema::{Kind, ListSchema, MapSchema, StructureSchema, member};
use crate::shapes::{Operation, Structure, ec2, sts};

fn sts_route(operation: sts::Operation) -> Route {
    Route::new(Operation::Sts(operation), Protocol::AwsQuery)
}

fn ec2_route(operation: ec2::Operation) -> Route {
    Route::new(Operation::Ec2(operation), Protocol::Ec2Query)
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn a_query_form_becomes_a_struct() {
    let body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=a+b\
                &DurationSeconds=900&Tags.member.2.Key=k2&Tags.member.2.Value=&Tags.member.1.Key=k1&Tags.member.1.Value=v1\
                &TransitiveTagKeys=";
    let request: sts::AssumeRoleRequest = sts_route(sts::Operation::AssumeRole)
        .decode(&form(body))
        .expect("readable");
    let tag = |key: &str, value: &str| sts::Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let expected = sts::AssumeRoleRequest {
        role_arn: "arn:aws:iam::1:role/r".to_owned(),
        role_session_name: "a b".to_owned(),
        duration_seconds: Some(900),
        tags: Some(vec![tag("k1", "v1"), tag("k2", "")]),
        transitive_tag_keys: Some(Vec::new()),
        ..Default::default()
    };
    assert_eq!(request, expected);
}

#[test]
fn an_ec2_form_has_capitals_and_bare_numbers() {
    let body = "Action=DescribeVpcs&Filter.1.Name=vpc-id&Filter.1.Value.1=a&Filter.1.Value.2=b&Filter.10.Name=last\
                &Filter.2.Name=isDefault&VpcId.1=vpc-1&DryRun=false&MaxResults=5";
    let request: ec2::DescribeVpcsRequest = ec2_route(ec2::Operation::DescribeVpcs)
        .decode(&form(body))
        .expect("readable");
    let filter = |name: &str, values: Option<Vec<String>>| ec2::Filter {
        name: text(name),
        values,
    };
    let values = Some(vec!["a".to_owned(), "b".to_owned()]);
    let expected = ec2::DescribeVpcsRequest {
        filters: Some(vec![
            filter("vpc-id", values),
            filter("isDefault", None),
            filter("last", None),
        ]),
        vpc_ids: Some(vec!["vpc-1".to_owned()]),
        dry_run: Some(false),
        max_results: Some(5),
        ..Default::default()
    };
    assert_eq!(request, expected);
}

#[test]
fn a_query_answer_has_a_wrapper_and_metadata() {
    let answer = sts::GetCallerIdentityResponse {
        user_id: text("AIDA<&>"),
        account: text("000000000000"),
        arn: text("arn:aws:iam::000000000000:root"),
    };
    let response = sts_route(sts::Operation::GetCallerIdentity).answer(answer, "5e1c");
    expect![[r#"
        200
        content-type: text/xml
        x-amzn-requestid: 5e1c

        <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId>AIDA&lt;&amp;&gt;</UserId><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>5e1c</RequestId></ResponseMetadata></GetCallerIdentityResponse>
    "#]]
    .assert_eq(&show(&response));
}

#[test]
fn moments_are_iso_8601() {
    let credentials = sts::Credentials {
        expiration: Timestamp(1_795_179_233_445),
        ..Default::default()
    };
    let answer = sts::AssumeRoleResponse {
        credentials: Some(credentials),
        ..Default::default()
    };
    let response = sts_route(sts::Operation::AssumeRole).answer(answer, "5e1c");
    let body = String::from_utf8(response.body).expect("text");
    assert!(
        body.contains("<Expiration>2026-11-20T12:53:53.445Z</Expiration>"),
        "{body}"
    );
}

#[test]
fn an_ec2_answer_has_its_request_id_first_and_items_in_lists() {
    let vpc = ec2::Vpc {
        vpc_id: text("vpc-1"),
        is_default: Some(true),
        tags: Some(Vec::new()),
        ..Default::default()
    };
    let answer = ec2::DescribeVpcsResult {
        vpcs: Some(vec![vpc]),
        ..Default::default()
    };
    let response = ec2_route(ec2::Operation::DescribeVpcs).answer(answer, "5e1c");
    expect![[r#"
        200
        content-type: text/xml;charset=UTF-8
        x-amzn-requestid: 5e1c

        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>5e1c</requestId><vpcSet><item><isDefault>true</isDefault><tagSet></tagSet><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>
    "#]]
    .assert_eq(&show(&response));
}

#[test]
fn a_query_refusal_says_who_is_to_blame() {
    let error = ServiceError::with_status("AccessDenied", "User: a<b is not authorized\u{1}", 403);
    expect![[r#"
        403
        content-type: text/xml
        x-amzn-requestid: 5e1c

        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: a&lt;b is not authorized�</Message></Error><RequestId>5e1c</RequestId></ErrorResponse>
    "#]]
    .assert_eq(&show(&sts_route(sts::Operation::AssumeRole).refuse(&error, "5e1c")));
}

#[test]
fn an_ec2_refusal_has_its_own_form() {
    let error = ServiceError::client("InvalidVpcID.NotFound", "The vpc ID 'vpc-9' does not exist");
    expect![[r#"
        400
        content-type: text/xml;charset=UTF-8
        x-amzn-requestid: 5e1c

        <?xml version="1.0" encoding="UTF-8"?>
        <Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID &apos;vpc-9&apos; does not exist</Message></Error></Errors><RequestID>5e1c</RequestID></Response>
    "#]]
    .assert_eq(&show(&ec2_route(ec2::Operation::DescribeVpcs).refuse(&error, "5e1c")));
}

fn check_refusal<I: crate::shapes::Input + std::fmt::Debug>(route: Route, body: &str, expected: Expect) {
    let refusal = route.decode::<I>(&form(body)).expect_err("refused");
    expected.assert_eq(&format!("{}: {}", refusal.code, refusal.message));
}

#[test]
fn unreadable_forms_are_refused_in_the_words_of_the_service() {
    check_refusal::<sts::AssumeRoleRequest>(
        sts_route(sts::Operation::AssumeRole),
        "RoleSessionName=a",
        expect![
            "ValidationError: 1 validation error detected: Value null at 'RoleArn' failed to satisfy constraint: Member must not be null"
        ],
    );
    check_refusal::<sts::AssumeRoleRequest>(
        sts_route(sts::Operation::AssumeRole),
        "RoleArn=a&RoleSessionName=b&DurationSeconds=ten",
        expect!["MalformedInput: DurationSeconds: expected a 32-bit integer, found other text"],
    );
    check_refusal::<sts::AssumeRoleRequest>(
        sts_route(sts::Operation::AssumeRole),
        "RoleArn=%ff",
        expect!["MalformedQueryString: the request cannot be parsed: the form is not UTF-8 text"],
    );
    check_refusal::<sts::AssumeRoleRequest>(
        sts_route(sts::Operation::AssumeRole),
        "RoleArn.x=a&RoleSessionName=b",
        expect!["MalformedInput: RoleArn: expected a string, found a structure"],
    );
    check_refusal::<ec2::DescribeVpcsRequest>(
        ec2_route(ec2::Operation::DescribeVpcs),
        "VpcId=vpc-1",
        expect!["InvalidParameterValue: VpcIds: expected a list, found something else"],
    );
    check_refusal::<ec2::DescribeVpcsRequest>(
        ec2_route(ec2::Operation::DescribeVpcs),
        "DryRun=maybe",
        expect!["InvalidParameterValue: DryRun: expected a boolean, found other text"],
    );
}

#[test]
fn the_query_string_is_as_good_as_a_form() {
    let head = crate::sigv4::RequestHead {
        method: "GET",
        target: "/?Action=DescribeVpcs&VpcId.1=vpc-1&VpcId.2=vpc%2D2",
        headers: &[],
    };
    let request = Request { head, body: b"" };
    let decoded: Result<ec2::DescribeVpcsRequest, _> = ec2_route(ec2::Operation::DescribeVpcs).decode(&request);
    assert_eq!(
        decoded.expect("readable").vpc_ids,
        Some(vec!["vpc-1".to_owned(), "vpc-2".to_owned()])
    );
}

/// What services of later parts use: flattened lists, lists with names of their own, maps.
mod other_spellings {
    use super::*;

    static NAMES: ListSchema = ListSchema {
        member: Kind::String,
        member_name: "Name",
        flattened: true,
    };
    static GROUPS: ListSchema = ListSchema {
        member: Kind::String,
        member_name: "Group",
        flattened: false,
    };
    static LABELS: MapSchema = MapSchema {
        value: Kind::Integer,
        key_name: "key",
        value_name: "value",
        flattened: false,
    };
    static ATTRIBUTES: MapSchema = MapSchema {
        value: Kind::String,
        key_name: "Name",
        value_name: "Value",
        flattened: true,
    };
    static SCHEMA: StructureSchema = StructureSchema {
        name: "Other",
        members: &[
            member("Names", Kind::List(&NAMES)),
            member("Groups", Kind::List(&GROUPS)),
            member("Labels", Kind::Map(&LABELS)),
            member("Attribute", Kind::Map(&ATTRIBUTES)),
            member("Rate", Kind::Double),
            member("Data", Kind::Blob),
        ],
        error: None,
    };

    fn read(pairs: &[(&str, &str)]) -> Result<Document, DecodeError> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        decode(&pairs, &SCHEMA, Dialect::Aws)
    }

    #[test]
    fn are_read_and_written() {
        let document = read(&[
            ("Name.1", "a"),
            ("Name.2", "b"),
            ("Groups.Group.1", "g"),
            ("Labels.entry.1.key", "x"),
            ("Labels.entry.1.value", "7"),
            ("Attribute.1.Name", "n"),
            ("Attribute.1.Value", "v"),
            ("Rate", "1.5"),
            ("Data", "AQI="),
        ])
        .expect("readable");
        let operation: &'static OperationModel = Box::leak(Box::new(OperationModel {
            name: "Other",
            input: &SCHEMA,
            output: &SCHEMA,
            result_wrapper: Some("OtherResult"),
            errors: &[],
            read_only: false,
            idempotent: false,
        }));
        let call = Call {
            service: &sts::SERVICE,
            operation,
            request_id: "5e1c",
        };
        let response = Protocol::AwsQuery.encode_response(call, &document);
        let body = String::from_utf8(response.body).expect("text");
        let members = body.split("OtherResult>").nth(1).expect("a wrapper");
        expect!["<Name>a</Name><Name>b</Name><Groups><Group>g</Group></Groups><Labels><entry><key>x</key><value>7</value></entry></Labels><Attribute><Name>n</Name><Value>v</Value></Attribute><Rate>1.5</Rate><Data>AQI=</Data></"].assert_eq(members);
    }

    #[test]
    fn numbers_must_be_finite_and_entries_whole() {
        for text in ["NaN", "inf", "-Infinity", ""] {
            assert!(
                matches!(read(&[("Rate", text)]), Err(DecodeError::WrongType { .. })),
                "{text}"
            );
        }
        let entry = read(&[("Labels.entry.1.key", "x")]);
        assert_eq!(
            entry,
            Err(DecodeError::Missing {
                path: "Labels.x".to_owned()
            })
        );
    }
}

#[test]
fn every_output_is_well_formed_xml_with_all_its_texts() {
    for route in sts::Operation::ALL
        .iter()
        .map(|it| sts_route(*it))
        .chain(ec2::Operation::ALL.iter().map(|it| ec2_route(*it)))
    {
        let document = sample(route.model().output);
        let body = String::from_utf8(route.encode(document, "5e1c").body).expect("text");
        let mut reader = quick_xml::Reader::from_str(&body);
        let (mut depth, mut texts) = (0, 0);
        loop {
            let event = reader.read_event().expect("well-formed");
            depth += i32::from(matches!(event, Event::Start(_))) - i32::from(matches!(event, Event::End(_)));
            texts += usize::from(matches!(event, Event::Text(_)));
            if matches!(event, Event::Eof) {
                break;
            }
        }
        assert_eq!(depth, 0, "{}", route.model().name);
        assert!(texts > 3, "{}: {body}", route.model().name);
    }
}

#[test]
fn an_empty_structure_is_still_there() {
    let mut result = ec2::DescribeVpcsResult::default();
    assert_eq!(result.schema().members.len(), 2);
    result.vpcs = Some(vec![ec2::Vpc::default()]);
    let response = ec2_route(ec2::Operation::DescribeVpcs).answer(result, "5e1c");
    assert!(String::from_utf8_lossy(&response.body).contains("<vpcSet><item></item></vpcSet>"));
}
