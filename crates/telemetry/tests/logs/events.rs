//! Putting events and reading them stream by stream.

use crate::common::{DAY, Fixture, HOUR, NOW, invalid, not_found, stream};
use berth_telemetry::logs::{GetLogEvents, LogEventPage, LogsError, RejectedLogEvents};

fn get(name: &str) -> GetLogEvents {
    GetLogEvents {
        stream: stream(name),
        ..GetLogEvents::default()
    }
}

fn texts(page: &LogEventPage) -> Vec<&str> {
    page.events.iter().map(|event| event.message.as_str()).collect()
}

fn ten_events() -> Fixture {
    let fixture = Fixture::with_streams(&["a"]);
    let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let events: Vec<(i64, &str)> = (NOW - 10..).zip(names.iter().map(String::as_str)).collect();
    fixture.put("a", &events);
    fixture
}

#[test]
fn events_come_back_as_they_went_in() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put(
        "a",
        &[
            (NOW - 2, "🙀 - 参よ - 日本語"),
            (NOW - 1, "\ttabs \"and\" \u{1b}[31mcolours\n"),
        ],
    );
    let page = fixture.reopened().get(&get("a"));
    assert_eq!(
        texts(&page),
        ["🙀 - 参よ - 日本語", "\ttabs \"and\" \u{1b}[31mcolours\n"]
    );
    assert_eq!(
        (page.events[0].timestamp_ms, page.events[0].ingestion_time_ms),
        (NOW - 2, NOW)
    );
}

#[test]
fn events_of_one_millisecond_keep_their_order_across_calls() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW, "1"), (NOW, "2"), (NOW, "3")]);
    fixture.put("a", &[(NOW, "4"), (NOW, "5")]);
    fixture.put("a", &[(NOW - 1, "0")]);
    assert_eq!(fixture.messages("a"), ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn pages_go_forward_to_the_end_and_on_when_more_arrives() {
    let fixture = ten_events();
    let mut request = GetLogEvents {
        limit: Some(4),
        start_from_head: true,
        ..get("a")
    };
    let mut pages = Vec::new();
    loop {
        let page = fixture.get(&request);
        if request.next_token.as_ref() == Some(&page.next_forward_token) {
            assert_eq!(texts(&page), [""; 0]);
            break;
        }
        pages.push(texts(&page).concat());
        request.next_token = Some(page.next_forward_token);
    }
    assert_eq!(pages, ["0123", "4567", "89"]);
    fixture.put("a", &[(NOW - 1, "a"), (NOW, "b")]);
    assert_eq!(texts(&fixture.get(&request)), ["a", "b"]);
}

#[test]
fn pages_go_backward_to_the_beginning_each_in_order_of_time() {
    let fixture = ten_events();
    let mut request = GetLogEvents {
        limit: Some(4),
        ..get("a")
    };
    let mut pages = Vec::new();
    loop {
        let page = fixture.get(&request);
        if request.next_token.as_ref() == Some(&page.next_backward_token) {
            assert_eq!(texts(&page), [""; 0]);
            break;
        }
        pages.push(texts(&page).concat());
        request.next_token = Some(page.next_backward_token);
    }
    assert_eq!(pages, ["6789", "2345", "01"]);
}

#[test]
fn a_reader_can_turn_around() {
    let fixture = ten_events();
    let newest = fixture.get(&GetLogEvents {
        limit: Some(3),
        ..get("a")
    });
    assert_eq!(texts(&newest), ["7", "8", "9"]);
    let older = fixture.get(&GetLogEvents {
        limit: Some(3),
        next_token: Some(newest.next_backward_token),
        ..get("a")
    });
    assert_eq!(texts(&older), ["4", "5", "6"]);
    // The token knows its direction, whatever startFromHead says.
    let back = fixture.get(&GetLogEvents {
        limit: Some(3),
        next_token: Some(older.next_forward_token),
        ..get("a")
    });
    assert_eq!(texts(&back), ["7", "8", "9"]);
}

#[test]
fn an_empty_stream_has_tokens_that_find_later_events() {
    let fixture = Fixture::with_streams(&["a"]);
    for start_from_head in [true, false] {
        let page = fixture.get(&GetLogEvents {
            start_from_head,
            ..get("a")
        });
        assert_eq!(texts(&page), [""; 0]);
        let token = Some(page.next_forward_token.clone());
        let again = fixture.get(&GetLogEvents {
            next_token: token,
            ..get("a")
        });
        assert_eq!(again.next_forward_token, page.next_forward_token);
    }
    let token = Some(fixture.get(&get("a")).next_forward_token);
    fixture.put("a", &[(NOW - HOUR, "first")]);
    assert_eq!(
        texts(&fixture.get(&GetLogEvents {
            next_token: token,
            ..get("a")
        })),
        ["first"]
    );
}

#[test]
fn the_start_is_included_and_the_end_is_not() {
    let fixture = ten_events();
    let read = |start: Option<i64>, end: Option<i64>| {
        texts(&fixture.get(&GetLogEvents {
            start_time_ms: start,
            end_time_ms: end,
            ..get("a")
        }))
        .concat()
    };
    assert_eq!(read(Some(NOW - 8), Some(NOW - 5)), "234");
    assert_eq!(read(Some(NOW - 2), None), "89");
    assert_eq!(read(None, Some(NOW - 9)), "0");
    assert_eq!(read(Some(NOW), Some(NOW)), "");
    assert_eq!(read(Some(NOW), Some(NOW - 5)), "");
    assert_eq!(read(None, Some(0)), "");
}

#[test]
fn times_hold_on_every_page() {
    let fixture = ten_events();
    let mut request = GetLogEvents {
        limit: Some(2),
        start_time_ms: Some(NOW - 9),
        end_time_ms: Some(NOW - 4),
        start_from_head: true,
        ..get("a")
    };
    let mut seen = String::new();
    for _ in 0..4 {
        let page = fixture.get(&request);
        seen += &texts(&page).concat();
        request.next_token = Some(page.next_forward_token);
    }
    assert_eq!(seen, "12345");
}

#[test]
fn a_page_holds_one_mebibyte() {
    let fixture = Fixture::with_streams(&["a"]);
    let line = "x".repeat(400_000 - 26);
    for number in 0..3 {
        fixture.put("a", &[(NOW - 3 + number, &line)]);
    }
    let request = GetLogEvents {
        start_from_head: true,
        ..get("a")
    };
    let page = fixture.get(&request);
    assert_eq!(page.events.len(), 2);
    let next = fixture.get(&GetLogEvents {
        next_token: Some(page.next_forward_token),
        ..request
    });
    assert_eq!(next.events.len(), 1);
}

#[test]
fn ten_thousand_events_fit_one_call_and_one_page() {
    let fixture = Fixture::with_streams(&["a"]);
    let events: Vec<(i64, &str)> = (NOW - 10_000..NOW).map(|time| (time, "x")).collect();
    fixture.put("a", &events);
    assert_eq!(fixture.get(&get("a")).events.len(), 10_000);
    assert_eq!(fixture.stored_bytes(), 270_000);
    let mut too_many = events.clone();
    too_many.push((NOW, "x"));
    assert!(matches!(
        fixture.try_put("a", &too_many),
        Err(LogsError::InvalidParameter(_))
    ));
    assert_eq!(fixture.stored_bytes(), 270_000);
}

#[test]
fn bad_reads_are_refused() {
    let fixture = ten_events();
    let refusal = |request: GetLogEvents| fixture.logs.get_log_events(&fixture.scope, &request, NOW).unwrap_err();
    for token in [
        "",
        "not-existing-token",
        "n/00000000000000000000000000000000000000000000000000000000",
    ] {
        let request = GetLogEvents {
            next_token: Some(token.to_owned()),
            ..get("a")
        };
        assert_eq!(refusal(request), invalid("The specified nextToken is invalid."));
    }
    for (limit, start_time_ms) in [(Some(0), None), (Some(10_001), None), (None, Some(-1))] {
        let request = GetLogEvents {
            limit,
            start_time_ms,
            ..get("a")
        };
        assert!(matches!(refusal(request), LogsError::InvalidParameter(_)));
    }
    assert_eq!(refusal(get("b")), not_found("stream"));
    let mut other = get("a");
    other.stream.log_group_name = "other".to_owned();
    assert_eq!(refusal(other), not_found("group"));
}

#[test]
fn bad_events_change_nothing() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW, "kept")]);
    let (largest, larger) = ("x".repeat(1_048_576 - 26), "x".repeat(1_048_576 - 25));
    let half = "x".repeat(524_288 - 25);
    for (events, message) in [
        (
            vec![(NOW, "b"), (NOW - 1, "a")],
            "Log events in a single PutLogEvents request must be in chronological order.",
        ),
        (
            vec![(NOW - DAY - 1, "a"), (NOW, "b")],
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ),
        (
            vec![(NOW, larger.as_str())],
            "Log event too large: 1048577 bytes exceeds limit of 1048576",
        ),
        (
            vec![(NOW, half.as_str()); 2],
            "Upload too large: 1048578 bytes exceeds limit of 1048576",
        ),
        (
            vec![(NOW, "a"), (NOW, "")],
            "1 validation error detected: Value '' at 'logEvents.2.member.message' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        ),
        (
            vec![(-1, "a")],
            "1 validation error detected: Value '-1' at 'logEvents.1.member.timestamp' failed to satisfy constraint: \
             Member must have value greater than or equal to 0",
        ),
    ] {
        assert_eq!(fixture.try_put("a", &events), Err(invalid(message)));
    }
    assert!(matches!(fixture.try_put("a", &[]), Err(LogsError::InvalidParameter(_))));
    assert_eq!(fixture.try_put("b", &[(NOW, "x")]), Err(not_found("stream")));
    assert_eq!(fixture.messages("a"), ["kept"]);
    assert_eq!(fixture.stored_bytes(), 30);
    fixture.put("a", &[(NOW, &largest)]);
    fixture.put("a", &[(NOW - DAY, "a"), (NOW, "b")]);
}

#[test]
fn events_outside_of_the_window_are_reported_and_the_others_stored() {
    let fixture = Fixture::with_streams(&["a"]);
    let events = [
        (NOW - 20 * DAY, "too old"),
        (NOW - 14 * DAY - 1, "too old"),
        (NOW - HOUR, "kept 1"),
        (NOW + 2 * HOUR, "kept 2"),
        (NOW + 2 * HOUR + 1, "too new"),
        (NOW + 30 * DAY, "too new"),
    ];
    let answer = fixture.try_put("a", &events).unwrap();
    let expected = RejectedLogEvents {
        too_old_log_event_end_index: Some(2),
        too_new_log_event_start_index: Some(4),
        expired_log_event_end_index: None,
    };
    assert_eq!(answer.rejected_log_events_info, Some(expected));
    assert_eq!(answer.next_sequence_token.len(), 56);
    assert_eq!(fixture.messages("a"), ["kept 1", "kept 2"]);
    assert_eq!(fixture.stored_bytes(), 2 * (26 + 6));
    fixture.put("a", &[(NOW - 14 * DAY, "just young enough")]);
}

#[test]
fn events_past_the_retention_are_reported_as_expired() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture
        .logs
        .put_retention_policy(&fixture.scope, "/ecs/web", 3)
        .unwrap();
    let events = [
        (NOW - 15 * DAY, "too old"),
        (NOW - 3 * DAY - 1, "expired"),
        (NOW - 3 * DAY, "kept"),
    ];
    let answer = fixture.try_put("a", &events).unwrap();
    let expected = RejectedLogEvents {
        too_old_log_event_end_index: Some(1),
        expired_log_event_end_index: Some(2),
        too_new_log_event_start_index: None,
    };
    assert_eq!(answer.rejected_log_events_info, Some(expected));
    assert_eq!(fixture.messages("a"), ["kept"]);
    let all_gone = fixture.try_put("a", &[(NOW - 4 * DAY, "expired")]).unwrap();
    assert_eq!(
        all_gone.rejected_log_events_info.unwrap().expired_log_event_end_index,
        Some(1)
    );
    assert_eq!(fixture.messages("a"), ["kept"]);
}

#[test]
fn concurrent_writers_lose_nothing() {
    let fixture = Fixture::with_streams(&["shared", "w0", "w1", "w2", "w3", "w4", "w5"]);
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let fixture = &fixture;
            scope.spawn(move || {
                for number in 0..40 {
                    let line = format!("{writer}/{number:02}");
                    fixture.put("shared", &[(NOW + number, &line)]);
                    fixture.put(&format!("w{writer}"), &[(NOW, &line)]);
                }
            });
        }
    });
    let mut shared = fixture.messages("shared");
    assert_eq!(shared.len(), 240);
    shared.sort_unstable();
    shared.dedup();
    assert_eq!(shared.len(), 240);
    for writer in 0..6 {
        let expected: Vec<String> = (0..40).map(|number| format!("{writer}/{number:02}")).collect();
        assert_eq!(fixture.messages(&format!("w{writer}")), expected);
    }
    assert_eq!(fixture.stored_bytes(), 480 * (26 + 4));
    assert_eq!(fixture.filter_at(NOW, crate::common::filter()).len(), 480);
}

#[test]
fn concurrent_creations_have_one_winner() {
    let fixture = Fixture::with_streams(&[]);
    let won = std::thread::scope(|scope| {
        let create = || {
            fixture
                .logs
                .create_log_stream(&fixture.scope, &stream("one"), NOW)
                .is_ok()
        };
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        racers
            .into_iter()
            .filter(|_| true)
            .map(|racer| racer.join().unwrap())
            .filter(|won| *won)
            .count()
    });
    assert_eq!(won, 1);
}
