//! Log streams: created and deleted, listed by name or by their last event.
//!
//! It does not read events, beyond when the first one was.

use super::check::Checks;
use super::groups::{self, Group};
use super::keys::{Position, Span};
use super::listing::Listing;
use super::rows::{DeletedStreamRow, MarkRow, StreamNameRow, StreamRow};
use super::{DescribeLogStreams, LogStore, LogStream, LogStreamPage, LogsError, OrderBy, StreamPath, keys, limits};
use crate::Scope;
use crate::store::{Read, Row, Table, View, decode};

/// The stream called `name`.
pub(super) fn find(read: &impl Read, group: &Group, name: &str) -> Result<StreamRow, LogsError> {
    read.get(&keys::stream(group.id, name))?
        .ok_or_else(LogsError::no_stream)
}

/// Whether both names of `path` are well formed.
pub(super) fn check_path(path: &StreamPath) -> Checks {
    Checks::default()
        .group("logGroupName", &path.log_group_name)
        .stream("logStreamName", &path.log_stream_name)
}

impl LogStore {
    /// CreateLogStream.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] (the group),
    /// [`LogsError::ResourceAlreadyExists`] or [`LogsError::Storage`].
    pub fn create_log_stream(&self, scope: &Scope, path: &StreamPath, now_ms: i64) -> Result<(), LogsError> {
        check_path(path).done()?;
        let name = path.log_stream_name.as_str();
        self.store.turn(|turn| {
            let group = groups::find(turn, scope, &path.log_group_name)?;
            let key = keys::stream(group.id, name);
            if turn.get(&key)?.is_some() {
                return Err(LogsError::stream_exists());
            }
            let stream = StreamRow {
                id: groups::new_id(turn)?,
                created_ms: now_ms,
                last_event_ms: None,
                last_ingestion_ms: None,
                stored_bytes: 0,
                uploads: 0,
            };
            turn.put(key, &stream);
            turn.put(
                keys::stream_name(stream.id),
                &StreamNameRow {
                    group: group.id,
                    name: name.to_owned(),
                },
            );
            turn.put(keys::recency(group.id, stream.recency_ms(), name), &MarkRow {});
            Ok(())
        })
    }

    /// DeleteLogStream: the stream and its events are gone at once; [`LogStore::expire`] frees their space.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn delete_log_stream(&self, scope: &Scope, path: &StreamPath) -> Result<(), LogsError> {
        check_path(path).done()?;
        let name = path.log_stream_name.as_str();
        self.store.turn(|turn| {
            let mut group = groups::find(turn, scope, &path.log_group_name)?;
            let stream = find(turn, &group, name)?;
            group.state.stored_bytes = group.state.stored_bytes.saturating_sub(stream.stored_bytes);
            turn.put(keys::group_state(group.id), &group.state);
            turn.remove(keys::stream(group.id, name));
            turn.remove(keys::stream_name(stream.id));
            turn.remove(keys::recency(group.id, stream.recency_ms(), name));
            turn.put(keys::deleted_stream(stream.id), &DeletedStreamRow::new(group.id));
            Ok(())
        })
    }

    /// DescribeLogStreams.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] (the group) or [`LogsError::Storage`].
    pub fn describe_log_streams(
        &self,
        scope: &Scope,
        request: &DescribeLogStreams,
        now_ms: i64,
    ) -> Result<LogStreamPage, LogsError> {
        check_description(request)?;
        let limit = usize::try_from(request.limit.unwrap_or(limits::DESCRIBED)).expect("the limit is checked");
        let view = self.store.view();
        let group = groups::find(&view, scope, &request.log_group_name)?;
        let (listing, name_at) = listing(&group, request);
        let mut page = LogStreamPage {
            log_streams: Vec::new(),
            next_token: None,
        };
        let mut last: Option<Row> = None;
        for row in listing.rows(&view, request.next_token.as_deref())? {
            let row = row?;
            if let Some(last) = last.filter(|_| page.log_streams.len() == limit) {
                page.next_token = Some(listing.token_after(&last.key));
                break;
            }
            let name = keys::text(&row.key, name_at)?;
            let stream = match request.order_by {
                OrderBy::LogStreamName => decode(&row.value)?,
                OrderBy::LastEventTime => find(&view, &group, name)?,
            };
            let oldest_ms = group.state.oldest_readable_ms(now_ms);
            page.log_streams.push(describe(&view, name, &stream, oldest_ms)?);
            last = Some(row);
        }
        Ok(page)
    }
}

fn check_description(request: &DescribeLogStreams) -> Result<(), LogsError> {
    let mut checks = Checks::default().group("logGroupName", &request.log_group_name);
    if let Some(prefix) = &request.log_stream_name_prefix {
        checks = checks.stream("logStreamNamePrefix", prefix);
    }
    checks.range("limit", request.limit, (1, limits::DESCRIBED)).done()?;
    if request.order_by == OrderBy::LastEventTime && request.log_stream_name_prefix.is_some() {
        return Err(LogsError::invalid(
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ));
    }
    Ok(())
}

/// The list in the requested order, and where the name begins in its keys.
fn listing(group: &Group, request: &DescribeLogStreams) -> (Listing, usize) {
    let prefix = request.log_stream_name_prefix.as_deref().unwrap_or_default();
    let (tag, keys, name_at) = match request.order_by {
        OrderBy::LogStreamName => ('t', keys::streams(group.id, prefix), keys::STREAM_NAME_AT),
        OrderBy::LastEventTime => ('r', keys::recencies(group.id), keys::RECENCY_NAME_AT),
    };
    // Both lists differ from the end of the group's number on.
    (
        Listing {
            tag,
            keys,
            sort_at: keys::STREAM_NAME_AT,
            descending: request.descending,
        },
        name_at,
    )
}

fn describe(view: &View<'_>, name: &str, stream: &StreamRow, oldest_ms: i64) -> Result<LogStream, LogsError> {
    let live = Span {
        from: Position::before(oldest_ms),
        to: Position::before(i64::MAX),
    };
    let first = view.range(Table::Events, &live.keys(stream.id)).next().transpose()?;
    let first_event_timestamp_ms = first
        .map(|row| keys::position(&row.key))
        .transpose()?
        .map(|at| at.timestamp_ms);
    Ok(LogStream {
        log_stream_name: name.to_owned(),
        creation_time_ms: stream.created_ms,
        first_event_timestamp_ms,
        last_event_timestamp_ms: stream.last_event_ms.filter(|last_ms| *last_ms >= oldest_ms),
        last_ingestion_time_ms: stream.last_ingestion_ms,
        upload_sequence_token: stream.sequence_token(),
    })
}
