//! What the integration tests share: a store in a directory that goes away, and short spellings of calls.
use berth_telemetry::Scope;
use berth_telemetry::logs::{
    DescribeLogGroups, FilterLogEvents, FilteredLogEvent, GetLogEvents, InputLogEvent, LogEventPage, LogGroup,
    LogStore, LogsError, PutLogEvents, PutLogEventsAnswer, StreamPath,
};

/// The clock of the tests: a day in 2025.
pub(crate) const NOW: i64 = 1_750_000_000_000;
pub(crate) const HOUR: i64 = 60 * 60 * 1000;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) struct Fixture {
    pub(crate) logs: LogStore,
    pub(crate) scope: Scope,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// An empty store.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logs = LogStore::open(&dir.path().join("logs")).unwrap();
        Self {
            logs,
            scope: Scope::new("012345678910", "eu-central-1"),
            dir,
        }
    }

    /// A store with the group `/ecs/web` and these streams.
    pub(crate) fn with_streams(names: &[&str]) -> Self {
        let fixture = Self::new();
        fixture.logs.create_log_group(&fixture.scope, "/ecs/web", NOW).unwrap();
        for name in names {
            fixture.create_stream(name);
        }
        fixture
    }

    /// The same store after it was closed and opened again.
    pub(crate) fn reopened(self) -> Self {
        let Self { logs, scope, dir } = self;
        drop(logs);
        Self {
            logs: LogStore::open(&dir.path().join("logs")).unwrap(),
            scope,
            dir,
        }
    }

    pub(crate) fn create_stream(&self, name: &str) {
        self.logs.create_log_stream(&self.scope, &stream(name), NOW).unwrap();
    }

    pub(crate) fn try_put(&self, name: &str, events: &[(i64, &str)]) -> Result<PutLogEventsAnswer, LogsError> {
        self.put_at(NOW, name, events)
    }

    pub(crate) fn put(&self, name: &str, events: &[(i64, &str)]) {
        let answer = self.try_put(name, events).unwrap();
        assert_eq!(answer.rejected_log_events_info, None);
    }

    pub(crate) fn put_at(&self, now: i64, name: &str, events: &[(i64, &str)]) -> Result<PutLogEventsAnswer, LogsError> {
        let event = |(timestamp_ms, message): &(i64, &str)| InputLogEvent {
            timestamp_ms: *timestamp_ms,
            message: (*message).to_owned(),
        };
        let log_events = events.iter().map(event).collect();
        self.logs.put_log_events(
            &self.scope,
            PutLogEvents {
                stream: stream(name),
                log_events,
            },
            now,
        )
    }

    pub(crate) fn get(&self, request: &GetLogEvents) -> LogEventPage {
        self.logs.get_log_events(&self.scope, request, NOW).unwrap()
    }

    /// All messages of a stream, page by page from the oldest.
    pub(crate) fn messages_at(&self, now: i64, name: &str) -> Vec<String> {
        let mut request = GetLogEvents {
            stream: stream(name),
            start_from_head: true,
            ..GetLogEvents::default()
        };
        let mut messages = Vec::new();
        loop {
            let page = self.logs.get_log_events(&self.scope, &request, now).unwrap();
            messages.extend(page.events.into_iter().map(|event| event.message));
            if request.next_token.as_ref() == Some(&page.next_forward_token) {
                return messages;
            }
            request.next_token = Some(page.next_forward_token);
        }
    }

    pub(crate) fn messages(&self, name: &str) -> Vec<String> {
        self.messages_at(NOW, name)
    }

    /// All events that a filter finds, page by page.
    pub(crate) fn filter_at(&self, now: i64, mut request: FilterLogEvents) -> Vec<FilteredLogEvent> {
        let mut events = Vec::new();
        loop {
            let page = self.logs.filter_log_events(&self.scope, &request, now).unwrap();
            events.extend(page.events);
            match page.next_token {
                Some(token) => request.next_token = Some(token),
                None => return events,
            }
        }
    }

    pub(crate) fn group(&self, name: &str) -> LogGroup {
        let request = DescribeLogGroups {
            log_group_name_prefix: Some(name.to_owned()),
            ..DescribeLogGroups::default()
        };
        let page = self.logs.describe_log_groups(&self.scope, &request).unwrap();
        page.log_groups
            .into_iter()
            .find(|group| group.log_group_name == name)
            .unwrap()
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        self.group("/ecs/web").stored_bytes
    }
}

/// The stream `name` of the group `/ecs/web`.
pub(crate) fn stream(name: &str) -> StreamPath {
    StreamPath::new("/ecs/web", name)
}

/// A filter of the group `/ecs/web`.
pub(crate) fn filter() -> FilterLogEvents {
    FilterLogEvents {
        log_group_name: "/ecs/web".to_owned(),
        ..FilterLogEvents::default()
    }
}

pub(crate) fn not_found(what: &str) -> LogsError {
    LogsError::ResourceNotFound(format!("The specified log {what} does not exist."))
}

pub(crate) fn invalid(message: &str) -> LogsError {
    LogsError::InvalidParameter(message.to_owned())
}
