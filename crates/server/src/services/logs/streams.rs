//! Log streams: made, listed and deleted. Their events are the business of `events`.

use berth_telemetry::logs::{self as store, OrderBy, StreamPath};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::Empty;
use berth_wire::shapes::logs::{
    CreateLogStreamRequest, DeleteLogStreamRequest, DescribeLogStreamsRequest, DescribeLogStreamsResponse, LogStream,
};

use super::refusal::{self, invalid};
use super::{Place, done, names};

/// CreateLogStream.
pub(super) fn create(place: &Place, request: CreateLogStreamRequest) -> Result<Empty, ServiceError> {
    let path = StreamPath::new(request.log_group_name, request.log_stream_name);
    place
        .store
        .create_log_stream(&place.shelf, &path, place.now_ms)
        .map(done)
        .map_err(refusal::of)
}

/// DeleteLogStream.
pub(super) fn delete(place: &Place, request: DeleteLogStreamRequest) -> Result<Empty, ServiceError> {
    let path = StreamPath::new(request.log_group_name, request.log_stream_name);
    place
        .store
        .delete_log_stream(&place.shelf, &path)
        .map(done)
        .map_err(refusal::of)
}

/// DescribeLogStreams.
pub(super) fn describe(
    place: &Place,
    request: DescribeLogStreamsRequest,
) -> Result<DescribeLogStreamsResponse, ServiceError> {
    let wanted = store::DescribeLogStreams {
        log_group_name: names::group(&place.scope, request.log_group_name, request.log_group_identifier)?,
        log_stream_name_prefix: request.log_stream_name_prefix,
        order_by: order(request.order_by.as_deref())?,
        descending: request.descending.unwrap_or_default(),
        limit: request.limit.map(i64::from),
        next_token: request.next_token,
    };
    let page = place
        .store
        .describe_log_streams(&place.shelf, &wanted, place.now_ms)
        .map_err(refusal::of)?;
    let group = &wanted.log_group_name;
    let log_streams = page
        .log_streams
        .into_iter()
        .map(|stream| shape(place, group, stream))
        .collect();
    Ok(DescribeLogStreamsResponse {
        log_streams: Some(log_streams),
        next_token: page.next_token,
    })
}

fn order(order_by: Option<&str>) -> Result<OrderBy, ServiceError> {
    match order_by {
        None | Some("LogStreamName") => Ok(OrderBy::LogStreamName),
        Some("LastEventTime") => Ok(OrderBy::LastEventTime),
        Some(other) => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'orderBy' failed to satisfy constraint: Member must satisfy \
             enum value set: [LogStreamName, LastEventTime]"
        ))),
    }
}

fn shape(place: &Place, group: &str, stream: store::LogStream) -> LogStream {
    LogStream {
        arn: Some(names::stream_arn(&place.scope, group, &stream.log_stream_name)),
        log_stream_name: Some(stream.log_stream_name),
        creation_time: Some(stream.creation_time_ms),
        first_event_timestamp: stream.first_event_timestamp_ms,
        last_event_timestamp: stream.last_event_timestamp_ms,
        last_ingestion_time: stream.last_ingestion_time_ms,
        upload_sequence_token: Some(stream.upload_sequence_token),
        // AWS shows 0 here since 2019; a group's bytes are counted.
        stored_bytes: Some(0),
    }
}
