//! What is translated and what is refused, on a real store.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_core::kernel::Scope;
use berth_telemetry::logs::{LogStore, LogsError};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::logs::{
    CreateLogGroupRequest, CreateLogStreamRequest, DescribeLogGroupsRequest, DescribeLogGroupsResponse,
    DescribeLogStreamsRequest, Entity, InputLogEvent, PutLogEventsRequest,
};

use super::{Place, events, groups, names, refusal, streams};

const NOW_MS: i64 = 1_700_000_000_000;

struct Fixture {
    place: Place,
    _dir: tempfile::TempDir,
}

/// A store with these groups.
fn fixture(names: &[&str]) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let scope = Scope {
        account: "012345678910".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
    };
    let place = Place {
        store: Arc::new(LogStore::open(&dir.path().join("logs")).unwrap()),
        shelf: berth_telemetry::Scope::new("012345678910", "us-east-1"),
        scope,
        now_ms: NOW_MS,
    };
    for name in names {
        groups::create(&place, group(name)).unwrap();
    }
    Fixture { place, _dir: dir }
}

fn group(name: &str) -> CreateLogGroupRequest {
    CreateLogGroupRequest {
        log_group_name: name.to_owned(),
        ..Default::default()
    }
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn listed(answer: Result<DescribeLogGroupsResponse, ServiceError>) -> Vec<String> {
    answer
        .unwrap()
        .log_groups
        .unwrap()
        .into_iter()
        .filter_map(|group| group.log_group_name)
        .collect()
}

#[test]
fn every_error_has_its_exception() {
    let text = || "x".to_owned();
    for (error, code) in [
        (
            LogsError::ResourceAlreadyExists(text()),
            "ResourceAlreadyExistsException",
        ),
        (LogsError::ResourceNotFound(text()), "ResourceNotFoundException"),
        (LogsError::InvalidParameter(text()), "InvalidParameterException"),
        (LogsError::LimitExceeded(text()), "LimitExceededException"),
    ] {
        let error = refusal::of(error);
        assert_eq!(
            (error.code.as_ref(), error.status, error.message.as_str()),
            (code, 400, "x")
        );
    }
    let failed = refusal::unavailable(&std::io::Error::other("/var/lib is gone"));
    assert_eq!(
        (failed.code.as_ref(), failed.status),
        ("ServiceUnavailableException", 503)
    );
    assert!(!failed.message.contains("/var/lib"));
}

#[test]
fn what_is_not_done_is_refused_and_creates_nothing() {
    let fixture = fixture(&[]);
    let place = &fixture.place;
    let tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    for (request, member) in [
        (
            CreateLogGroupRequest {
                kms_key_id: Some("arn:x".to_owned()),
                ..group("g")
            },
            "kmsKeyId",
        ),
        (
            CreateLogGroupRequest {
                tags: Some(tags),
                ..group("g")
            },
            "tags",
        ),
        (
            CreateLogGroupRequest {
                deletion_protection_enabled: Some(true),
                ..group("g")
            },
            "deletionProtectionEnabled",
        ),
        (
            CreateLogGroupRequest {
                log_group_class: Some("DELIVERY".to_owned()),
                ..group("g")
            },
            "logGroupClass",
        ),
    ] {
        let error = groups::create(place, request).unwrap_err();
        assert_eq!(error.code, "InvalidParameterException");
        assert!(
            error.message.starts_with(&format!("{member} is not supported: ")),
            "{}",
            error.message
        );
    }
    assert_eq!(listed(groups::describe(place, Default::default())), [""; 0]);
}

#[test]
fn members_that_ask_for_what_is_done_anyway_are_taken() {
    let fixture = fixture(&[]);
    let request = CreateLogGroupRequest {
        tags: Some(BTreeMap::new()),
        log_group_class: Some("STANDARD".to_owned()),
        deletion_protection_enabled: Some(false),
        ..group("g")
    };
    groups::create(&fixture.place, request).unwrap();
}

#[test]
fn other_accounts_cannot_be_asked() {
    let fixture = fixture(&["g"]);
    let linked = DescribeLogGroupsRequest {
        include_linked_accounts: Some(true),
        ..Default::default()
    };
    let accounts = DescribeLogGroupsRequest {
        account_identifiers: texts(&["012345678911"]),
        ..Default::default()
    };
    for request in [linked, accounts] {
        assert_eq!(
            groups::describe(&fixture.place, request).unwrap_err().code,
            "InvalidParameterException"
        );
    }
    let neither = DescribeLogGroupsRequest {
        include_linked_accounts: Some(false),
        account_identifiers: Some(Vec::new()),
        ..Default::default()
    };
    assert_eq!(listed(groups::describe(&fixture.place, neither)), ["g"]);
}

#[test]
fn all_groups_are_of_the_standard_class() {
    let fixture = fixture(&["g"]);
    let of_class = |class: &str| {
        let request = DescribeLogGroupsRequest {
            log_group_class: Some(class.to_owned()),
            ..Default::default()
        };
        groups::describe(&fixture.place, request)
    };
    assert_eq!(listed(of_class("STANDARD")), ["g"]);
    assert_eq!(listed(of_class("INFREQUENT_ACCESS")), [""; 0]);
    assert_eq!(of_class("GOLD").unwrap_err().code, "InvalidParameterException");
}

#[test]
fn groups_are_found_by_their_identifiers() {
    let fixture = fixture(&["/a", "/a/b", "/c"]);
    let arn = names::group_arn(&fixture.place.scope, "/a");
    let of = |identifiers: &[&str], limit, next_token| {
        let request = DescribeLogGroupsRequest {
            log_group_identifiers: texts(identifiers),
            limit,
            next_token,
            ..Default::default()
        };
        groups::describe(&fixture.place, request)
    };
    assert_eq!(listed(of(&["/c", &arn, "/a", "/gone"], None, None)), ["/a", "/c"]);
    let first = of(&["/c", "/a", "/a/b"], Some(2), None).unwrap();
    let token = first.next_token.clone();
    assert_eq!(listed(Ok(first)), ["/a", "/a/b"]);
    let second = of(&["/c", "/a", "/a/b"], Some(2), token).unwrap();
    assert_eq!(second.next_token, None);
    assert_eq!(listed(Ok(second)), ["/c"]);
    for refused in [
        of(&["/a"], Some(0), None),
        of(&["arn:aws:logs:us-east-1:999999999999:log-group:/a"], None, None),
        of(&vec!["/a"; 51], None, None),
    ] {
        assert_eq!(refused.unwrap_err().code, "InvalidParameterException");
    }
}

#[test]
fn a_group_is_named_in_exactly_one_way() {
    let fixture = fixture(&[]);
    let named = |name: Option<&str>, identifier: Option<&str>| {
        names::group(
            &fixture.place.scope,
            name.map(str::to_owned),
            identifier.map(str::to_owned),
        )
    };
    assert_eq!(named(Some("/a"), None).unwrap(), "/a");
    assert_eq!(named(None, Some("/a")).unwrap(), "/a");
    assert_eq!(
        named(None, Some("arn:aws:logs:us-east-1:012345678910:log-group:/a")).unwrap(),
        "/a"
    );
    for (name, identifier) in [
        (None, None),
        (Some("/a"), Some("/a")),
        (None, Some("arn:aws:logs:us-east-1:012345678910:log-group:/a:*")),
        (
            None,
            Some("arn:aws:logs:us-east-1:012345678910:log-group:/a:log-stream:s"),
        ),
        (None, Some("arn:aws:ecs:us-east-1:012345678910:log-group:/a")),
        (None, Some("arn:aws:logs:us-east-2:012345678910:log-group:/a")),
        (None, Some("arn:aws:logs")),
    ] {
        assert_eq!(
            named(name, identifier).unwrap_err().code,
            "InvalidParameterException",
            "{identifier:?}"
        );
    }
}

#[test]
fn streams_are_listed_in_a_known_order() {
    let fixture = fixture(&["g"]);
    let described = |order_by: Option<&str>| {
        let request = DescribeLogStreamsRequest {
            log_group_name: Some("g".to_owned()),
            order_by: order_by.map(str::to_owned),
            ..Default::default()
        };
        streams::describe(&fixture.place, request)
    };
    assert!(described(None).is_ok() && described(Some("LastEventTime")).is_ok());
    assert_eq!(described(Some("Name")).unwrap_err().code, "InvalidParameterException");
}

#[test]
fn an_entity_is_rejected_and_the_events_are_kept() {
    let fixture = fixture(&["g"]);
    let stream = CreateLogStreamRequest {
        log_group_name: "g".to_owned(),
        log_stream_name: "s".to_owned(),
    };
    streams::create(&fixture.place, stream).unwrap();
    let request = |entity| PutLogEventsRequest {
        log_group_name: "g".to_owned(),
        log_stream_name: "s".to_owned(),
        log_events: vec![InputLogEvent {
            timestamp: NOW_MS,
            message: "hello".to_owned(),
        }],
        entity,
        ..Default::default()
    };
    let without = events::put(&fixture.place, request(None)).unwrap();
    assert_eq!(
        (without.rejected_entity_info, without.rejected_log_events_info),
        (None, None)
    );
    let with = events::put(&fixture.place, request(Some(Entity::default()))).unwrap();
    assert_eq!(with.rejected_entity_info.unwrap().error_type, "UnsupportedLogGroupType");
    assert!(with.next_sequence_token.is_some());
}
