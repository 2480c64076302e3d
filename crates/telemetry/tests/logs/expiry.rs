//! Retention, and freeing the space of what is gone.

use crate::common::{DAY, Fixture, HOUR, NOW, filter, stream};
use berth_telemetry::logs::{DescribeLogStreams, Expired};

fn retain(fixture: &Fixture, days: i64) {
    fixture
        .logs
        .put_retention_policy(&fixture.scope, "/ecs/web", days)
        .unwrap();
}

/// Deletes until there is no more, and says how many rows went.
fn expire(fixture: &Fixture, now: i64) -> usize {
    let mut deleted = 0;
    loop {
        let done = fixture.logs.expire(now, 3).unwrap();
        deleted += done.deleted;
        if !done.more {
            return deleted;
        }
    }
}

#[test]
fn expired_events_are_not_returned_even_before_they_are_deleted() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW - HOUR, "old"), (NOW, "new")]);
    retain(&fixture, 1);
    let later = NOW + DAY - HOUR + 1;
    assert_eq!(fixture.messages_at(later - 1, "a"), ["old", "new"]);
    assert_eq!(fixture.messages_at(later, "a"), ["new"]);
    assert_eq!(fixture.filter_at(later, filter()).len(), 1);
    let request = DescribeLogStreams {
        log_group_name: "/ecs/web".to_owned(),
        ..DescribeLogStreams::default()
    };
    let described = |now| {
        fixture
            .logs
            .describe_log_streams(&fixture.scope, &request, now)
            .unwrap()
            .log_streams
            .remove(0)
    };
    assert_eq!(described(later).first_event_timestamp_ms, Some(NOW));
    let gone = described(NOW + 2 * DAY);
    assert_eq!(
        (gone.first_event_timestamp_ms, gone.last_event_timestamp_ms),
        (None, None)
    );
    fixture
        .logs
        .delete_retention_policy(&fixture.scope, "/ecs/web")
        .unwrap();
    assert_eq!(fixture.messages_at(later, "a"), ["old", "new"]);
}

#[test]
fn expiry_deletes_what_is_past_and_keeps_count() {
    let fixture = Fixture::with_streams(&["a", "b"]);
    fixture.put(
        "a",
        &[(NOW - 3 * HOUR, "1234"), (NOW - 2 * HOUR, "1234"), (NOW, "1234")],
    );
    fixture.put("b", &[(NOW - 3 * HOUR, "1234")]);
    assert_eq!(
        expire(&fixture, NOW + 100 * DAY),
        0,
        "without a retention nothing expires"
    );
    retain(&fixture, 1);
    expire(&fixture, NOW);
    assert_eq!(fixture.stored_bytes(), 120);
    expire(&fixture, NOW + DAY - HOUR);
    assert_eq!(fixture.stored_bytes(), 30);
    let fixture = fixture.reopened();
    fixture
        .logs
        .delete_retention_policy(&fixture.scope, "/ecs/web")
        .unwrap();
    assert_eq!(fixture.messages_at(NOW, "a"), ["1234"]);
    assert_eq!(fixture.messages_at(NOW, "b"), Vec::<String>::new());
    fixture.logs.delete_log_stream(&fixture.scope, &stream("a")).unwrap();
    assert_eq!(fixture.stored_bytes(), 0);
}

#[test]
fn events_that_come_later_expire_in_their_turn() {
    let fixture = Fixture::with_streams(&["a"]);
    retain(&fixture, 1);
    assert_eq!(
        fixture.logs.expire(NOW, 100).unwrap(),
        Expired {
            deleted: 0,
            more: false
        }
    );
    fixture.put("a", &[(NOW, "young")]);
    fixture.put("a", &[(NOW - HOUR, "older, came later")]);
    expire(&fixture, NOW + DAY - HOUR);
    assert_eq!(fixture.stored_bytes(), 26 + 5 + 26 + 17);
    expire(&fixture, NOW + DAY - HOUR + 1);
    assert_eq!(fixture.stored_bytes(), 26 + 5);
    expire(&fixture, NOW + DAY);
    assert_eq!(fixture.stored_bytes(), 26 + 5);
    expire(&fixture, NOW + DAY + 1);
    assert_eq!(fixture.stored_bytes(), 0);
    let answer = fixture.put_at(NOW + 5 * DAY, "a", &[(NOW + 5 * DAY, "again")]).unwrap();
    assert_eq!(answer.rejected_log_events_info, None);
    expire(&fixture, NOW + 7 * DAY);
    assert_eq!(fixture.stored_bytes(), 0);
}

#[test]
fn events_older_than_what_was_deleted_may_come_after_a_longer_retention() {
    let fixture = Fixture::with_streams(&["a"]);
    fixture.put("a", &[(NOW - 5 * DAY, "gone")]);
    retain(&fixture, 1);
    assert_eq!(expire(&fixture, NOW), 1);
    fixture
        .logs
        .delete_retention_policy(&fixture.scope, "/ecs/web")
        .unwrap();
    fixture.put("a", &[(NOW - 6 * DAY, "late")]);
    assert_eq!(fixture.messages("a"), ["late"]);
    assert_eq!(fixture.filter_at(NOW, filter()).len(), 1);
    retain(&fixture, 7);
    assert_eq!(expire(&fixture, NOW), 0);
    assert_eq!(expire(&fixture, NOW + 2 * DAY), 1);
    assert_eq!(fixture.stored_bytes(), 0);
}

#[test]
fn a_call_keeps_to_its_budget() {
    let fixture = Fixture::with_streams(&["a"]);
    let events: Vec<(i64, &str)> = (0..2000).map(|number| (NOW + number, "x")).collect();
    fixture.put("a", &events);
    retain(&fixture, 1);
    let later = NOW + 3 * DAY;
    assert_eq!(
        fixture.logs.expire(later, 700).unwrap(),
        Expired {
            deleted: 700,
            more: true
        }
    );
    assert_eq!(fixture.stored_bytes(), 1300 * 27);
    assert!(!fixture.logs.expire(later, 100_000).unwrap().more);
    assert_eq!(fixture.stored_bytes(), 0);
    assert_eq!(
        fixture.logs.expire(later, 10).unwrap(),
        Expired {
            deleted: 0,
            more: false
        }
    );
}

#[test]
fn what_is_left_of_deleted_groups_and_streams_goes_too() {
    let fixture = Fixture::with_streams(&["a", "b", "c", "d", "e"]);
    for name in ["a", "b", "c", "d", "e"] {
        fixture.put(name, &[(NOW, "1"), (NOW, "2")]);
    }
    fixture.logs.delete_log_stream(&fixture.scope, &stream("e")).unwrap();
    fixture.logs.delete_log_group(&fixture.scope, "/ecs/web").unwrap();
    let fixture = fixture.reopened();
    // Four streams of the group, ten events, and the marks of what is finished.
    assert!(expire(&fixture, NOW) >= 14);
    assert_eq!(
        fixture.logs.expire(NOW, 10).unwrap(),
        Expired {
            deleted: 0,
            more: false
        }
    );
}

#[test]
fn expiry_beside_writers_keeps_the_count_true() {
    let fixture = Fixture::with_streams(&["a", "b"]);
    retain(&fixture, 1);
    std::thread::scope(|scope| {
        let writers: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let fixture = &fixture;
                scope.spawn(move || (0..150).for_each(|number| fixture.put(name, &[(NOW - DAY + number, "1234")])))
            })
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            fixture.logs.expire(NOW + 75, 20).unwrap();
        }
    });
    expire(&fixture, NOW + 75);
    // Of each stream the times from NOW - DAY + 75 on are live.
    assert_eq!(fixture.stored_bytes(), 2 * 75 * 30);
    assert_eq!(fixture.filter_at(NOW + 75, filter()).len(), 150);
    expire(&fixture, NOW + DAY);
    assert_eq!(fixture.stored_bytes(), 0);
}
