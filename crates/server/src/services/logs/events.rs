//! Log events: stored, read from one stream, found in a group.
//!
//! Members that change nothing, here as at AWS: `sequenceToken` and `interleaved` are ignored by the service itself, and
//! `unmask` shows what is masked, which is nothing without data protection.

use berth_telemetry::logs::{self as store, StreamPath};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::logs::{
    FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent, GetLogEventsRequest, GetLogEventsResponse,
    OutputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedEntityInfo, RejectedLogEventsInfo,
};

use super::{Place, names, refusal};

/// PutLogEvents.
pub(super) fn put(place: &Place, request: PutLogEventsRequest) -> Result<PutLogEventsResponse, ServiceError> {
    let event = |event: berth_wire::shapes::logs::InputLogEvent| store::InputLogEvent {
        timestamp_ms: event.timestamp,
        message: event.message,
    };
    let wanted = store::PutLogEvents {
        stream: StreamPath::new(request.log_group_name, request.log_stream_name),
        log_events: request.log_events.into_iter().map(event).collect(),
    };
    let answer = place
        .store
        .put_log_events(&place.shelf, wanted, place.now_ms)
        .map_err(refusal::of)?;
    // Entities are not kept. A rejected one does not keep the events from being stored, at AWS neither.
    let rejected = |_| RejectedEntityInfo {
        error_type: "UnsupportedLogGroupType".to_owned(),
    };
    Ok(PutLogEventsResponse {
        next_sequence_token: Some(answer.next_sequence_token),
        rejected_log_events_info: answer.rejected_log_events_info.map(rejected_events),
        rejected_entity_info: request.entity.map(rejected),
    })
}

fn rejected_events(rejected: store::RejectedLogEvents) -> RejectedLogEventsInfo {
    // A request has at most 10,000 events.
    let index = |index: Option<usize>| index.and_then(|index| i32::try_from(index).ok());
    RejectedLogEventsInfo {
        too_new_log_event_start_index: index(rejected.too_new_log_event_start_index),
        too_old_log_event_end_index: index(rejected.too_old_log_event_end_index),
        expired_log_event_end_index: index(rejected.expired_log_event_end_index),
    }
}

/// GetLogEvents.
pub(super) fn get(place: &Place, request: GetLogEventsRequest) -> Result<GetLogEventsResponse, ServiceError> {
    let group = names::group(&place.scope, request.log_group_name, request.log_group_identifier)?;
    let wanted = store::GetLogEvents {
        stream: StreamPath::new(group, request.log_stream_name),
        start_time_ms: request.start_time,
        end_time_ms: request.end_time,
        limit: request.limit.map(i64::from),
        start_from_head: request.start_from_head.unwrap_or_default(),
        next_token: request.next_token,
    };
    let page = place
        .store
        .get_log_events(&place.shelf, &wanted, place.now_ms)
        .map_err(refusal::of)?;
    let event = |event: store::OutputLogEvent| OutputLogEvent {
        timestamp: Some(event.timestamp_ms),
        message: Some(event.message),
        ingestion_time: Some(event.ingestion_time_ms),
    };
    Ok(GetLogEventsResponse {
        events: Some(page.events.into_iter().map(event).collect()),
        next_forward_token: Some(page.next_forward_token),
        next_backward_token: Some(page.next_backward_token),
    })
}

/// FilterLogEvents.
pub(super) fn filter(place: &Place, request: FilterLogEventsRequest) -> Result<FilterLogEventsResponse, ServiceError> {
    let wanted = store::FilterLogEvents {
        log_group_name: names::group(&place.scope, request.log_group_name, request.log_group_identifier)?,
        log_stream_names: request.log_stream_names.unwrap_or_default(),
        log_stream_name_prefix: request.log_stream_name_prefix,
        start_time_ms: request.start_time,
        end_time_ms: request.end_time,
        filter_pattern: request.filter_pattern,
        limit: request.limit.map(i64::from),
        start_from_head: request.start_from_head,
        next_token: request.next_token,
    };
    let page = place
        .store
        .filter_log_events(&place.shelf, &wanted, place.now_ms)
        .map_err(refusal::of)?;
    let event = |event: store::FilteredLogEvent| FilteredLogEvent {
        log_stream_name: Some(event.log_stream_name),
        timestamp: Some(event.timestamp_ms),
        message: Some(event.message),
        ingestion_time: Some(event.ingestion_time_ms),
        event_id: Some(event.event_id),
    };
    Ok(FilterLogEventsResponse {
        events: Some(page.events.into_iter().map(event).collect()),
        // Empty since 2020: pages do not end where streams do.
        searched_log_streams: Some(Vec::new()),
        next_token: page.next_token,
    })
}
