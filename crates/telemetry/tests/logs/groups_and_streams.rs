//! Groups and streams: life, names, lists and pages.

use crate::common::{DAY, Fixture, HOUR, NOW, invalid, not_found, stream};
use berth_telemetry::Scope;
use berth_telemetry::logs::{
    DescribeLogGroups, DescribeLogStreams, LogGroup, LogStream, LogStreamPage, LogsError, OrderBy, StreamPath,
};

fn group_names(fixture: &Fixture, request: &DescribeLogGroups) -> (Vec<String>, Option<String>) {
    let page = fixture.logs.describe_log_groups(&fixture.scope, request).unwrap();
    (
        page.log_groups.into_iter().map(|group| group.log_group_name).collect(),
        page.next_token,
    )
}

fn streams(fixture: &Fixture, request: DescribeLogStreams) -> LogStreamPage {
    let request = DescribeLogStreams {
        log_group_name: "/ecs/web".to_owned(),
        ..request
    };
    fixture
        .logs
        .describe_log_streams(&fixture.scope, &request, NOW)
        .unwrap()
}

fn all_stream_names(fixture: &Fixture, mut request: DescribeLogStreams) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = streams(fixture, request.clone());
        pages.push(
            page.log_streams
                .into_iter()
                .map(|stream| stream.log_stream_name)
                .collect(),
        );
        match page.next_token {
            Some(token) => request.next_token = Some(token),
            None => return pages,
        }
    }
}

#[test]
fn a_group_lives_and_survives_reopening() {
    let fixture = Fixture::new();
    let create = |name| fixture.logs.create_log_group(&fixture.scope, name, NOW);
    create("/ecs/web").unwrap();
    let exists = LogsError::ResourceAlreadyExists("The specified log group already exists".to_owned());
    assert_eq!(create("/ecs/web"), Err(exists));
    let fixture = fixture.reopened();
    let expected = LogGroup {
        log_group_name: "/ecs/web".to_owned(),
        creation_time_ms: NOW,
        retention_in_days: None,
        stored_bytes: 0,
    };
    assert_eq!(fixture.group("/ecs/web"), expected);
    fixture.logs.delete_log_group(&fixture.scope, "/ecs/web").unwrap();
    let fixture = fixture.reopened();
    assert_eq!(
        fixture.logs.delete_log_group(&fixture.scope, "/ecs/web"),
        Err(not_found("group"))
    );
    assert_eq!(group_names(&fixture, &DescribeLogGroups::default()), (vec![], None));
}

#[test]
fn bad_group_names_are_refused() {
    let fixture = Fixture::new();
    for name in ["", "with space", "colon:", "é", &"a".repeat(513)] {
        let refusal = fixture.logs.create_log_group(&fixture.scope, name, NOW).unwrap_err();
        assert!(matches!(refusal, LogsError::InvalidParameter(_)), "{name}: {refusal:?}");
    }
    let reserved = invalid("Log groups starting with AWS/ are reserved for AWS.");
    assert_eq!(
        fixture.logs.create_log_group(&fixture.scope, "aws/mine", NOW),
        Err(reserved)
    );
    fixture.logs.create_log_group(&fixture.scope, "/aws/mine", NOW).unwrap();
}

#[test]
fn scopes_are_apart() {
    let fixture = Fixture::with_streams(&["a"]);
    let other = Scope::new("012345678910", "eu-west-1");
    assert_eq!(
        fixture
            .logs
            .describe_log_groups(&other, &DescribeLogGroups::default())
            .unwrap()
            .log_groups,
        vec![]
    );
    assert_eq!(
        fixture.logs.create_log_stream(&other, &stream("b"), NOW),
        Err(not_found("group"))
    );
    fixture.logs.create_log_group(&other, "/ecs/web", NOW).unwrap();
    fixture.logs.delete_log_group(&other, "/ecs/web").unwrap();
    assert_eq!(fixture.group("/ecs/web").log_group_name, "/ecs/web");
}

#[test]
fn groups_are_listed_by_name_prefix_and_page() {
    let fixture = Fixture::new();
    for name in ["b", "/ecs/2", "/ecs/10", "/ecs/1", "/ecsx"] {
        fixture.logs.create_log_group(&fixture.scope, name, NOW).unwrap();
    }
    let mut request = DescribeLogGroups {
        log_group_name_prefix: Some("/ecs/".to_owned()),
        limit: Some(2),
        ..DescribeLogGroups::default()
    };
    let (first, token) = group_names(&fixture, &request);
    assert_eq!(first, ["/ecs/1", "/ecs/10"]);
    request.next_token = token;
    assert_eq!(group_names(&fixture, &request), (vec!["/ecs/2".to_owned()], None));
    let pattern = DescribeLogGroups {
        log_group_name_pattern: Some("cs".to_owned()),
        ..DescribeLogGroups::default()
    };
    assert_eq!(
        group_names(&fixture, &pattern).0,
        ["/ecs/1", "/ecs/10", "/ecs/2", "/ecsx"]
    );
    assert_eq!(group_names(&fixture, &DescribeLogGroups::default()).0.len(), 5);
}

#[test]
fn a_page_holds_fifty_groups_and_ends_without_a_token() {
    let fixture = Fixture::new();
    for number in 0..50 {
        fixture
            .logs
            .create_log_group(&fixture.scope, &format!("g{number:02}"), NOW)
            .unwrap();
    }
    let (names, token) = group_names(&fixture, &DescribeLogGroups::default());
    assert_eq!((names.len(), token), (50, None));
    fixture.logs.create_log_group(&fixture.scope, "g50", NOW).unwrap();
    let (names, next_token) = group_names(&fixture, &DescribeLogGroups::default());
    assert_eq!(names.len(), 50);
    let rest = group_names(
        &fixture,
        &DescribeLogGroups {
            next_token,
            ..DescribeLogGroups::default()
        },
    );
    assert_eq!(rest, (vec!["g50".to_owned()], None));
}

#[test]
fn bad_descriptions_are_refused() {
    let fixture = Fixture::with_streams(&["a"]);
    let groups = |request: DescribeLogGroups| fixture.logs.describe_log_groups(&fixture.scope, &request).unwrap_err();
    let both = DescribeLogGroups {
        log_group_name_prefix: Some("a".to_owned()),
        log_group_name_pattern: Some("a".to_owned()),
        ..DescribeLogGroups::default()
    };
    let words = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
    assert_eq!(groups(both), invalid(words));
    let token = DescribeLogGroups {
        next_token: Some("garbage".to_owned()),
        ..DescribeLogGroups::default()
    };
    assert_eq!(groups(token), invalid("The specified nextToken is invalid."));
    let limit = DescribeLogGroups {
        limit: Some(51),
        ..DescribeLogGroups::default()
    };
    assert!(matches!(groups(limit), LogsError::InvalidParameter(_)));
    let request = DescribeLogStreams {
        log_group_name: "/ecs/web".to_owned(),
        log_stream_name_prefix: Some("a".to_owned()),
        order_by: OrderBy::LastEventTime,
        ..DescribeLogStreams::default()
    };
    let refusal = fixture.logs.describe_log_streams(&fixture.scope, &request, NOW);
    assert_eq!(
        refusal,
        Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."))
    );
}

#[test]
fn only_the_retentions_of_aws_are_taken() {
    let fixture = Fixture::with_streams(&[]);
    let put = |days| fixture.logs.put_retention_policy(&fixture.scope, "/ecs/web", days);
    for days in [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ] {
        put(days).unwrap();
        assert_eq!(fixture.group("/ecs/web").retention_in_days, Some(days));
    }
    for days in [-1, 0, 2, 3654] {
        assert!(matches!(put(days), Err(LogsError::InvalidParameter(_))), "{days}");
    }
    assert_eq!(fixture.group("/ecs/web").retention_in_days, Some(3653));
    fixture
        .logs
        .delete_retention_policy(&fixture.scope, "/ecs/web")
        .unwrap();
    assert_eq!(fixture.group("/ecs/web").retention_in_days, None);
    assert_eq!(
        fixture.logs.put_retention_policy(&fixture.scope, "other", 7),
        Err(not_found("group"))
    );
    assert_eq!(
        fixture.logs.delete_retention_policy(&fixture.scope, "other"),
        Err(not_found("group"))
    );
}

#[test]
fn a_stream_lives_and_tells_its_times() {
    let fixture = Fixture::with_streams(&["web/nginx/1"]);
    let exists = LogsError::ResourceAlreadyExists("The specified log stream already exists".to_owned());
    assert_eq!(
        fixture
            .logs
            .create_log_stream(&fixture.scope, &stream("web/nginx/1"), NOW),
        Err(exists)
    );
    let described = |fixture: &Fixture| streams(fixture, DescribeLogStreams::default()).log_streams[0].clone();
    let empty = described(&fixture);
    let expected = LogStream {
        log_stream_name: "web/nginx/1".to_owned(),
        creation_time_ms: NOW,
        first_event_timestamp_ms: None,
        last_event_timestamp_ms: None,
        last_ingestion_time_ms: None,
        upload_sequence_token: empty.upload_sequence_token.clone(),
    };
    assert_eq!(empty, expected);
    assert_eq!(empty.upload_sequence_token.len(), 56);
    fixture.put("web/nginx/1", &[(NOW - HOUR, "b"), (NOW - 5, "c")]);
    fixture.put("web/nginx/1", &[(NOW - 2 * HOUR, "a")]);
    let described = described(&fixture.reopened());
    assert_eq!(described.first_event_timestamp_ms, Some(NOW - 2 * HOUR));
    assert_eq!(described.last_event_timestamp_ms, Some(NOW - 5));
    assert_eq!(described.last_ingestion_time_ms, Some(NOW));
    assert_ne!(described.upload_sequence_token, empty.upload_sequence_token);
}

#[test]
fn bad_stream_names_are_refused_and_missing_things_are_named() {
    let fixture = Fixture::with_streams(&[]);
    let create = |path| fixture.logs.create_log_stream(&fixture.scope, &path, NOW);
    for name in ["", "a:b", "a*", &"a".repeat(513)] {
        assert!(
            matches!(create(stream(name)), Err(LogsError::InvalidParameter(_))),
            "{name}"
        );
    }
    create(stream("2026/10/05/[$LATEST]é b")).unwrap();
    assert_eq!(create(StreamPath::new("other", "a")), Err(not_found("group")));
    assert_eq!(
        fixture.logs.delete_log_stream(&fixture.scope, &stream("a")),
        Err(not_found("stream"))
    );
    assert_eq!(
        all_stream_names(&fixture, DescribeLogStreams::default()),
        [["2026/10/05/[$LATEST]é b"]]
    );
}

#[test]
fn a_deleted_stream_is_gone_with_its_bytes_and_may_be_created_anew() {
    let fixture = Fixture::with_streams(&["a", "b"]);
    fixture.put("a", &[(NOW, "old")]);
    fixture.put("b", &[(NOW, "kept!")]);
    fixture.logs.delete_log_stream(&fixture.scope, &stream("a")).unwrap();
    assert_eq!(fixture.stored_bytes(), 26 + 5);
    assert_eq!(fixture.try_put("a", &[(NOW, "x")]), Err(not_found("stream")));
    fixture.create_stream("a");
    assert_eq!(fixture.messages("a"), Vec::<String>::new());
    fixture.put("a", &[(NOW, "new")]);
    while fixture.logs.expire(NOW, 10).unwrap().more {}
    let fixture = fixture.reopened();
    assert_eq!(fixture.messages("a"), ["new"]);
    assert_eq!(fixture.stored_bytes(), 26 + 5 + 26 + 3);
}

#[test]
fn a_group_created_anew_has_nothing_of_the_old_one() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW, "old")]);
    fixture
        .logs
        .put_retention_policy(&fixture.scope, "/ecs/web", 7)
        .unwrap();
    fixture.logs.delete_log_group(&fixture.scope, "/ecs/web").unwrap();
    fixture
        .logs
        .create_log_group(&fixture.scope, "/ecs/web", NOW + 1)
        .unwrap();
    let group = fixture.group("/ecs/web");
    assert_eq!(
        (group.stored_bytes, group.retention_in_days, group.creation_time_ms),
        (0, None, NOW + 1)
    );
    assert_eq!(all_stream_names(&fixture, DescribeLogStreams::default()), [[""; 0]]);
    assert_eq!(fixture.filter_at(NOW, crate::common::filter()), vec![]);
}

#[test]
fn streams_are_listed_by_name_in_both_directions() {
    let fixture = Fixture::with_streams(&["web/2", "db/1", "web/10", "web/1", "x"]);
    let request = DescribeLogStreams {
        limit: Some(2),
        ..DescribeLogStreams::default()
    };
    let ascending = all_stream_names(&fixture, request.clone());
    assert_eq!(ascending, [vec!["db/1", "web/1"], vec!["web/10", "web/2"], vec!["x"]]);
    let descending = all_stream_names(
        &fixture,
        DescribeLogStreams {
            descending: true,
            ..request.clone()
        },
    );
    assert_eq!(descending, [vec!["x", "web/2"], vec!["web/10", "web/1"], vec!["db/1"]]);
    let prefix = DescribeLogStreams {
        log_stream_name_prefix: Some("web/".to_owned()),
        ..request
    };
    assert_eq!(
        all_stream_names(&fixture, prefix.clone()),
        [vec!["web/1", "web/10"], vec!["web/2"]]
    );
    let prefix_descending = DescribeLogStreams {
        descending: true,
        ..prefix
    };
    assert_eq!(
        all_stream_names(&fixture, prefix_descending),
        [vec!["web/2", "web/10"], vec!["web/1"]]
    );
}

#[test]
fn streams_are_listed_by_their_last_event_in_both_directions() {
    let fixture = Fixture::with_streams(&["a", "b", "c", "d"]);
    fixture.put("b", &[(NOW - 30, "x")]);
    fixture.put("c", &[(NOW - 20, "x")]);
    fixture.put("a", &[(NOW - 10, "x")]);
    fixture.put("b", &[(NOW - 5, "x")]);
    fixture.put("c", &[(NOW - 40, "late arrival")]);
    let request = DescribeLogStreams {
        order_by: OrderBy::LastEventTime,
        limit: Some(3),
        ..DescribeLogStreams::default()
    };
    assert_eq!(
        all_stream_names(&fixture, request.clone()),
        [vec!["d", "c", "a"], vec!["b"]]
    );
    let newest_first = DescribeLogStreams {
        descending: true,
        ..request.clone()
    };
    assert_eq!(
        all_stream_names(&fixture, newest_first),
        [vec!["b", "a", "c"], vec!["d"]]
    );
    let token = streams(&fixture, request).next_token;
    let other_list = DescribeLogStreams {
        log_group_name: "/ecs/web".to_owned(),
        next_token: token,
        ..DescribeLogStreams::default()
    };
    let refusal = fixture.logs.describe_log_streams(&fixture.scope, &other_list, NOW);
    assert_eq!(refusal, Err(invalid("The specified nextToken is invalid.")));
}

#[test]
fn everything_can_be_deleted_at_once() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW, "x")]);
    let other = Scope::new("999999999999", "us-east-1");
    for number in 0..600 {
        fixture
            .logs
            .create_log_group(&other, &format!("g{number}"), NOW)
            .unwrap();
    }
    fixture.logs.delete_all_log_groups().unwrap();
    for scope in [&fixture.scope, &other] {
        assert_eq!(
            fixture
                .logs
                .describe_log_groups(scope, &DescribeLogGroups::default())
                .unwrap()
                .log_groups,
            vec![]
        );
    }
    while fixture.logs.expire(NOW + 400 * DAY, 100).unwrap().more {}
    fixture.logs.create_log_group(&other, "g0", NOW).unwrap();
}
