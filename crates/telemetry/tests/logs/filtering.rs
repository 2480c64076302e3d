//! FilterLogEvents: many streams in one order, pages, times and patterns.

use crate::common::{DAY, Fixture, NOW, filter, invalid, not_found, stream};
use berth_telemetry::logs::{FilterLogEvents, FilteredLogEvent, LogsError};
use std::collections::BTreeSet;

fn texts(events: &[FilteredLogEvent]) -> Vec<&str> {
    events.iter().map(|event| event.message.as_str()).collect()
}

/// Three streams whose events interleave, two of them in one millisecond.
fn three_streams() -> Fixture {
    let fixture = Fixture::with_streams(&["web/1", "web/2", "db/1"]);
    fixture.put("web/1", &[(NOW - 9, "1 GET"), (NOW - 5, "4 ERROR"), (NOW - 5, "5 GET")]);
    fixture.put("web/2", &[(NOW - 8, "2 GET"), (NOW - 5, "6 GET"), (NOW - 1, "8 ERROR")]);
    fixture.put("db/1", &[(NOW - 6, "3 SELECT"), (NOW - 4, "7 ERROR")]);
    fixture
}

#[test]
fn streams_are_interleaved_by_time_and_arrival() {
    let fixture = three_streams();
    let events = fixture.filter_at(NOW, filter());
    let expected = [
        "1 GET", "2 GET", "3 SELECT", "4 ERROR", "5 GET", "6 GET", "7 ERROR", "8 ERROR",
    ];
    assert_eq!(texts(&events), expected);
    assert_eq!(
        (events[2].log_stream_name.as_str(), events[2].timestamp_ms),
        ("db/1", NOW - 6)
    );
    let ids: BTreeSet<&String> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!(ids.len(), 8);
    assert!(
        ids.iter()
            .all(|id| id.len() == 56 && id.bytes().all(|byte| byte.is_ascii_digit()))
    );
    assert_eq!(
        fixture.filter_at(NOW, filter()),
        events,
        "ids are the same in every answer"
    );
}

#[test]
fn every_page_size_gives_the_same_events_in_both_directions() {
    let fixture = three_streams();
    let all = fixture.filter_at(NOW, filter());
    for limit in 1..=9 {
        let request = FilterLogEvents {
            limit: Some(limit),
            ..filter()
        };
        assert_eq!(fixture.filter_at(NOW, request.clone()), all, "limit {limit}");
        let newest_first = FilterLogEvents {
            start_from_head: Some(false),
            ..request
        };
        let mut reversed = fixture.filter_at(NOW, newest_first);
        reversed.reverse();
        assert_eq!(reversed, all, "backward with limit {limit}");
    }
    let exact = FilterLogEvents {
        limit: Some(8),
        ..filter()
    };
    assert_eq!(
        fixture
            .logs
            .filter_log_events(&fixture.scope, &exact, NOW)
            .unwrap()
            .next_token,
        None
    );
}

#[test]
fn streams_are_chosen_by_name_or_prefix() {
    let fixture = three_streams();
    let names = |names: &[&str]| FilterLogEvents {
        log_stream_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..filter()
    };
    assert_eq!(
        texts(&fixture.filter_at(NOW, names(&["db/1"]))),
        ["3 SELECT", "7 ERROR"]
    );
    assert_eq!(fixture.filter_at(NOW, names(&["db/1", "web/1", "db/1"])).len(), 5);
    let prefix = |prefix: &str| FilterLogEvents {
        log_stream_name_prefix: Some(prefix.to_owned()),
        ..filter()
    };
    assert_eq!(fixture.filter_at(NOW, prefix("web/")).len(), 6);
    assert_eq!(fixture.filter_at(NOW, prefix("nothing")).len(), 0);
    let refusal = |request| {
        fixture
            .logs
            .filter_log_events(&fixture.scope, &request, NOW)
            .unwrap_err()
    };
    assert_eq!(refusal(names(&["web/1", "web/3"])), not_found("stream"));
    let other_group = FilterLogEvents {
        log_group_name: "other".to_owned(),
        ..filter()
    };
    assert_eq!(refusal(other_group), not_found("group"));
}

#[test]
fn both_ends_of_the_time_are_included() {
    let fixture = three_streams();
    let between = |start: i64, end: i64| {
        let request = FilterLogEvents {
            start_time_ms: Some(start),
            end_time_ms: Some(end),
            ..filter()
        };
        texts(&fixture.filter_at(NOW, request))
            .iter()
            .map(|text| &text[..1])
            .collect::<String>()
    };
    assert_eq!(between(NOW - 8, NOW - 5), "23456");
    assert_eq!(between(NOW - 5, NOW - 5), "456");
    assert_eq!(between(NOW - 4, NOW - 5), "");
}

#[test]
fn patterns_choose_messages_on_every_page() {
    let fixture = three_streams();
    let request = FilterLogEvents {
        filter_pattern: Some("ERROR -7".to_owned()),
        limit: Some(1),
        ..filter()
    };
    assert_eq!(texts(&fixture.filter_at(NOW, request)), ["4 ERROR", "8 ERROR"]);
    fixture.put(
        "db/1",
        &[
            (NOW, r#"{"level": "warn", "latency": 7}"#),
            (NOW, r#"{"level": "warn", "latency": 3}"#),
        ],
    );
    let json = r#"{ $.level = "warn" && $.latency > 5 }"#.to_owned();
    let request = FilterLogEvents {
        filter_pattern: Some(json),
        ..filter()
    };
    assert_eq!(
        texts(&fixture.filter_at(NOW, request)),
        [r#"{"level": "warn", "latency": 7}"#]
    );
}

#[test]
fn bad_filters_are_refused() {
    let fixture = three_streams();
    let refusal = |request| {
        fixture
            .logs
            .filter_log_events(&fixture.scope, &request, NOW)
            .unwrap_err()
    };
    let pattern = |pattern: &str| FilterLogEvents {
        filter_pattern: Some(pattern.to_owned()),
        ..filter()
    };
    for unsupported in ["[ip, user]", "%x%", "a:b"] {
        assert!(
            matches!(refusal(pattern(unsupported)), LogsError::InvalidParameter(_)),
            "{unsupported}"
        );
    }
    let both = FilterLogEvents {
        log_stream_names: vec!["db/1".to_owned()],
        log_stream_name_prefix: Some("web".to_owned()),
        ..filter()
    };
    assert!(matches!(refusal(both), LogsError::InvalidParameter(_)));
    let token = FilterLogEvents {
        next_token: Some("x".to_owned()),
        ..filter()
    };
    assert_eq!(refusal(token), invalid("The specified nextToken is invalid."));
    let names = FilterLogEvents {
        log_stream_names: vec!["db/1".to_owned(); 101],
        ..filter()
    };
    assert!(matches!(refusal(names), LogsError::InvalidParameter(_)));
    let early = FilterLogEvents {
        start_from_head: Some(false),
        start_time_ms: Some(1),
        ..filter()
    };
    assert!(matches!(refusal(early), LogsError::InvalidParameter(_)));
    let limit = FilterLogEvents {
        limit: Some(10_001),
        ..filter()
    };
    assert!(matches!(refusal(limit), LogsError::InvalidParameter(_)));
}

#[test]
fn a_group_of_many_streams_is_read_by_its_timeline() {
    let names: Vec<String> = (0..130).map(|number| format!("task/{number:03}")).collect();
    let fixture = Fixture::with_streams(&names.iter().map(String::as_str).collect::<Vec<_>>());
    fixture.create_stream("other");
    for round in 0..2 {
        for (number, name) in (0..).zip(&names) {
            fixture.put(name, &[(NOW - 1000 + number * 2 + round, &format!("{name} {round}"))]);
        }
    }
    fixture.put("other", &[(NOW - 500, "other")]);
    let expected: Vec<String> = names
        .iter()
        .flat_map(|name| [format!("{name} 0"), format!("{name} 1")])
        .chain(["other".to_owned()])
        .collect();
    let all = fixture.filter_at(
        NOW,
        FilterLogEvents {
            limit: Some(7),
            ..filter()
        },
    );
    assert_eq!(texts(&all), expected);
    let mut reversed = fixture.filter_at(
        NOW,
        FilterLogEvents {
            limit: Some(50),
            start_from_head: Some(false),
            ..filter()
        },
    );
    reversed.reverse();
    assert_eq!(reversed, all);
    let prefix = FilterLogEvents {
        log_stream_name_prefix: Some("task/".to_owned()),
        ..filter()
    };
    assert_eq!(fixture.filter_at(NOW, prefix).len(), 260);
    fixture
        .logs
        .delete_log_stream(&fixture.scope, &stream("task/000"))
        .unwrap();
    assert_eq!(texts(&fixture.filter_at(NOW, filter())), &expected[2..]);
}

#[test]
fn one_call_looks_at_a_bounded_number_of_events() {
    let fixture = Fixture::with_streams(&["a"]);
    for batch in 0..6 {
        let events: Vec<(i64, &str)> = (0..10_000)
            .map(|number| (NOW - DAY + batch * 10_000 + number, "x"))
            .collect();
        fixture.put("a", &events);
    }
    fixture.put("a", &[(NOW, "needle")]);
    let request = FilterLogEvents {
        filter_pattern: Some("needle".to_owned()),
        ..filter()
    };
    let first = fixture.logs.filter_log_events(&fixture.scope, &request, NOW).unwrap();
    assert_eq!(first.events, vec![]);
    assert!(first.next_token.is_some());
    assert_eq!(texts(&fixture.filter_at(NOW, request)), ["needle"]);
}
