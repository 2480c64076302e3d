//! What is acknowledged survives kill -9: a child process writes and says what was acknowledged, and is killed in the
//! middle of it.

use crate::common::{NOW, filter, stream};
use berth_telemetry::Scope;
use berth_telemetry::logs::{GetLogEvents, InputLogEvent, LogStore, PutLogEvents};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const DIR: &str = "BERTH_TELEMETRY_TEST_DIR";
const WRITERS: usize = 4;

fn scope() -> Scope {
    Scope::new("012345678910", "eu-central-1")
}

/// Not a test of its own: what the child process runs.
#[test]
fn child_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let logs = LogStore::open(Path::new(&dir)).unwrap();
    if logs.create_log_group(&scope(), "/ecs/web", NOW).is_ok() {
        for writer in 0..WRITERS {
            logs.create_log_stream(&scope(), &stream(&format!("w{writer}")), NOW)
                .unwrap();
        }
    }
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let logs = &logs;
            threads.spawn(move || write_for_ever(logs, writer));
        }
    });
}

fn write_for_ever(logs: &LogStore, writer: usize) {
    let name = format!("w{writer}");
    let mut number = messages(logs, &name).len();
    loop {
        let event = |number: usize| InputLogEvent {
            timestamp_ms: NOW,
            message: number.to_string(),
        };
        let log_events = (number..number + 3).map(event).collect();
        logs.put_log_events(
            &scope(),
            PutLogEvents {
                stream: stream(&name),
                log_events,
            },
            NOW,
        )
        .unwrap();
        number += 3;
        // Straight to the pipe, in one write: the test harness would buffer it.
        std::io::stdout()
            .write_all(format!("\nacknowledged {writer} {number}\n").as_bytes())
            .unwrap();
    }
}

fn messages(logs: &LogStore, name: &str) -> Vec<String> {
    let mut request = GetLogEvents {
        stream: stream(name),
        start_from_head: true,
        ..GetLogEvents::default()
    };
    let mut messages = Vec::new();
    loop {
        let page = logs.get_log_events(&scope(), &request, NOW).unwrap();
        if page.events.is_empty() {
            return messages;
        }
        messages.extend(page.events.into_iter().map(|event| event.message));
        request.next_token = Some(page.next_forward_token);
    }
}

fn start(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kill::child_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a child until it has acknowledged `count` calls, kills it, and notes the newest number of each writer.
fn write_and_kill(dir: &Path, count: usize, acknowledged: &mut BTreeMap<usize, usize>) {
    let mut child = start(dir);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    for line in lines.map_while(Result::ok) {
        let Some(numbers) = line.strip_prefix("acknowledged ") else {
            continue;
        };
        let (writer, number) = numbers.split_once(' ').unwrap();
        // The last line may be cut off by the kill.
        let (Ok(writer), Ok(number)) = (writer.parse(), number.parse()) else {
            continue;
        };
        acknowledged.insert(writer, number);
        seen += 1;
        if seen == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= count, "the child ended by itself");
}

fn check(dir: &Path, acknowledged: &BTreeMap<usize, usize>) {
    let logs = LogStore::open(dir).unwrap();
    let mut bytes = 0;
    let mut total = 0;
    for writer in 0..WRITERS {
        let number = acknowledged.get(&writer).copied().unwrap_or_default();
        let messages = messages(&logs, &format!("w{writer}"));
        let expected: Vec<String> = (0..messages.len()).map(|number| number.to_string()).collect();
        assert_eq!(messages, expected, "in order, without a gap");
        assert!(
            messages.len() >= number,
            "acknowledged {number}, found {}",
            messages.len()
        );
        assert_eq!(messages.len() % 3, 0, "a call is stored as a whole");
        bytes += messages.iter().map(|message| message.len() as u64 + 26).sum::<u64>();
        total += messages.len();
    }
    let group = logs
        .describe_log_groups(&scope(), &Default::default())
        .unwrap()
        .log_groups
        .remove(0);
    assert_eq!(group.stored_bytes, bytes);
    let mut request = filter();
    let mut filtered = 0;
    loop {
        let page = logs.filter_log_events(&scope(), &request, NOW).unwrap();
        filtered += page.events.len();
        match page.next_token {
            Some(token) => request.next_token = Some(token),
            None => break,
        }
    }
    assert_eq!(filtered, total);
}

#[test]
fn acknowledged_events_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("logs");
    let mut acknowledged = BTreeMap::new();
    for count in [1, 50, 200] {
        write_and_kill(&dir, count, &mut acknowledged);
        check(&dir, &acknowledged);
    }
}
