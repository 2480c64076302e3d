//! Who is called: targets and actions, signatures that decide, and what is said when nobody can be called.

use expect_test::{Expect, expect};

use super::super::*;
use super::{form, post};

fn check(signed_for: Option<&str>, request: &Request<'_>, expected: Expect) {
    let shown = match route(signed_for, request) {
        Ok(route) => format!(
            "{} {} by {:?}",
            route.service().name,
            route.model().name,
            route.protocol
        ),
        Err(unrouted) => {
            let response = unrouted.refuse("5e1c");
            format!(
                "{} {}: {}",
                response.status, unrouted.error.code, unrouted.error.message
            )
        }
    };
    expected.assert_eq(&shown);
}

fn target(value: &str) -> [(&str, &[u8]); 2] {
    [
        ("X-Amz-Target", value.as_bytes()),
        ("Content-Type", b"application/x-amz-json-1.1"),
    ]
}

#[test]
fn a_target_names_service_and_operation() {
    let headers = target("AmazonEC2ContainerServiceV20141113.RunTask");
    check(Some("ecs"), &post(&headers, "{}"), expect!["ecs RunTask by AwsJson11"]);
    check(None, &post(&headers, "{}"), expect!["ecs RunTask by AwsJson11"]);
    check(
        None,
        &post(&target("Logs_20140328.PutLogEvents"), "{}"),
        expect!["logs PutLogEvents by AwsJson11"],
    );
}

#[test]
fn the_signature_decides_about_the_service() {
    let headers = target("AmazonEC2ContainerServiceV20141113.RunTask");
    check(
        Some("logs"),
        &post(&headers, "{}"),
        expect!["400 UnknownOperationException: "],
    );
    check(
        Some("s3"),
        &post(&headers, "{}"),
        expect!["400 UnknownOperationException: "],
    );
}

#[test]
fn an_action_is_found_in_form_and_query_string() {
    check(
        Some("sts"),
        &form("Action=GetCallerIdentity&Version=2011-06-15"),
        expect!["sts GetCallerIdentity by AwsQuery"],
    );
    check(
        Some("ec2"),
        &form("Version=2016-11-15&Action=DescribeVpcs"),
        expect!["ec2 DescribeVpcs by Ec2Query"],
    );
    let head = crate::sigv4::RequestHead {
        method: "GET",
        target: "/?Action=DescribeVpcs",
        headers: &[],
    };
    check(
        Some("ec2"),
        &Request { head, body: b"" },
        expect!["ec2 DescribeVpcs by Ec2Query"],
    );
}

#[test]
fn unknown_and_unbuilt_operations_are_told_apart() {
    let ecs = |name: &str| format!("AmazonEC2ContainerServiceV20141113.{name}");
    check(
        Some("ecs"),
        &post(&target(&ecs("Nothing")), "{}"),
        expect!["400 UnknownOperationException: "],
    );
    check(
        Some("logs"),
        &post(&target("Logs_20140328.StartLiveTail"), "{}"),
        expect!["400 UnknownOperationException: The operation StartLiveTail of CloudWatch Logs is not available here."],
    );
    check(
        Some("ec2"),
        &form("Action=RunInstances"),
        expect!["400 UnsupportedOperation: The operation RunInstances of EC2 is not available here."],
    );
    check(
        Some("ec2"),
        &form("Action=Nothing"),
        expect!["400 InvalidAction: The action Nothing is not valid for this web service."],
    );
    check(
        Some("sts"),
        &form("Action=GetSessionToken"),
        expect!["400 InvalidAction: The operation GetSessionToken of STS is not available here."],
    );
    let refusal = not_built(&crate::shapes::ecs::SERVICE, "CreateDaemon");
    assert_eq!(refusal.code, "UnsupportedFeatureException");
}

#[test]
fn a_request_that_names_nothing_is_refused() {
    check(
        Some("ecs"),
        &post(&[], "{}"),
        expect!["400 UnknownOperationException: "],
    );
    check(
        Some("sts"),
        &form("Version=2011-06-15"),
        expect!["400 MissingAction: The request is missing an action or a required parameter."],
    );
    check(None, &post(&[], ""), expect!["400 UnknownOperationException: "]);
    check(
        None,
        &form("Action=DescribeVpcs"),
        expect!["400 MissingAction: The request is missing an action or a required parameter."],
    );
    check(
        Some("ec2"),
        &form("Action=%ff"),
        expect!["400 MalformedQueryString: the request cannot be parsed: the form is not UTF-8 text"],
    );
}

#[test]
fn a_repeated_target_is_no_target() {
    let value: &[u8] = b"AmazonEC2ContainerServiceV20141113.RunTask";
    let headers = [("x-amz-target", value), ("X-Amz-Target", value)];
    check(
        Some("ecs"),
        &post(&headers, "{}"),
        expect!["400 UnknownOperationException: "],
    );
}
