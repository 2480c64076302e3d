//! Logs of containers: their streams, their spools, and the way from the one to the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use berth_core::node::{AwsLogs, LogMode, RuntimeId, StepFacts, StepFailure};
use berth_wire::shapes::logs as api;
use tokio::time::{Instant, sleep};

use super::{Machine, Outcome};
use crate::backoff::Backoff;
use crate::client::{Client, ClientError};
use crate::logs::{Destination, LogEvent, LogOptions, LogSink, Mode, Pace, Shipper, SinkError, spool};

/// How long a control plane that does not answer is asked for a log stream before the task fails.
const PREPARE_TIME: Duration = Duration::from_secs(60);

/// The delivery of one container's output.
pub(crate) struct Shipment {
    shipper: Shipper,
    sink: Arc<CloudWatch>,
}

impl Machine {
    pub(super) async fn prepare_logs(&self, logs: &AwsLogs) -> Outcome {
        let until = Instant::now() + PREPARE_TIME;
        let mut backoff = Backoff::default();
        loop {
            match make_stream(&self.client, logs).await {
                Ok(()) => return Ok(StepFacts::Done),
                Err(ClientError::Unreachable { .. }) if Instant::now() < until => sleep(backoff.pause()).await,
                Err(error) if error.code() == Some(NOT_FOUND) => return Err(StepFailure::LogGroupMissing),
                Err(error) => return Err(StepFailure::Logs(error.to_string())),
            }
        }
    }

    /// Makes the spool that the container's logger writes to, and begins to ship it.
    pub(super) fn open_spool(&self, id: &RuntimeId, logs: &AwsLogs) -> io::Result<()> {
        spool::prepare(&self.places.spool(id), &options(logs))?;
        self.ship(id, logs)
    }

    /// Ships a spool that is there, unless that goes on already.
    pub(crate) fn ship(&self, id: &RuntimeId, logs: &AwsLogs) -> io::Result<()> {
        let mut live = self.live();
        if live.shipments.contains_key(id) {
            return Ok(());
        }
        let sink = Arc::new(CloudWatch {
            client: self.client.clone(),
            logs: logs.clone(),
            draining: AtomicBool::new(false),
        });
        let shipper = Shipper::start(&self.places.spool(id), Arc::clone(&sink), Pace::default())?;
        live.shipments.insert(id.clone(), Arc::new(Shipment { shipper, sink }));
        Ok(())
    }

    /// The logger ends when the container is removed from the runtime; only then is the last line known to be the last.
    pub(super) async fn drain_logs(&self, id: &RuntimeId, logs: &AwsLogs) -> Outcome {
        let failed = |error: String| StepFailure::Other(error);
        let removed = self.containerd.delete(id.0.as_str()).await;
        removed.map_err(|error| failed(error.to_string()))?;
        if spool::options(&self.places.spool(id)).is_ok() {
            self.ship(id, logs).map_err(|error| failed(error.to_string()))?;
        }
        let shipment = self.live().shipments.get(id).cloned();
        if let Some(shipment) = shipment {
            shipment.sink.draining.store(true, Ordering::Relaxed);
            let drained = shipment.shipper.drained().await;
            tracing::debug!(container = %id, ?drained, "all output is delivered");
        }
        self.close_spool(id).map_err(|error| failed(error.to_string()))?;
        Ok(StepFacts::Done)
    }

    /// Ends the shipment, and removes the spool with whatever is still in it.
    pub(super) fn close_spool(&self, id: &RuntimeId) -> io::Result<()> {
        drop(self.live().shipments.remove(id));
        spool::remove(&self.places.spool(id))
    }
}

fn options(logs: &AwsLogs) -> LogOptions {
    LogOptions {
        destination: Destination {
            group: logs.group.clone(),
            stream: logs.stream.clone(),
        },
        mode: match logs.mode {
            LogMode::Blocking => Mode::default(),
            LogMode::NonBlocking { max_buffer_bytes } => Mode::NonBlocking { max_buffer_bytes },
        },
    }
}

const NOT_FOUND: &str = "ResourceNotFoundException";
const EXISTS: &str = "ResourceAlreadyExistsException";

/// Makes the stream, and the group if that is allowed. What is there already is success.
async fn make_stream(client: &Client, logs: &AwsLogs) -> Result<(), ClientError> {
    match create_stream(client, logs).await {
        Err(error) if error.code() == Some(NOT_FOUND) && logs.create_group => {
            create_group(client, logs).await?;
            create_stream(client, logs).await
        }
        made => made,
    }
}

async fn create_stream(client: &Client, logs: &AwsLogs) -> Result<(), ClientError> {
    let request = api::CreateLogStreamRequest {
        log_group_name: logs.group.clone(),
        log_stream_name: logs.stream.clone(),
    };
    existing_is_fine(client.call_in(logs.region.as_str(), request).await)
}

async fn create_group(client: &Client, logs: &AwsLogs) -> Result<(), ClientError> {
    let request = api::CreateLogGroupRequest {
        log_group_name: logs.group.clone(),
        ..api::CreateLogGroupRequest::default()
    };
    existing_is_fine(client.call_in(logs.region.as_str(), request).await)
}

fn existing_is_fine<T>(made: Result<T, ClientError>) -> Result<(), ClientError> {
    match made {
        Err(error) if error.code() != Some(EXISTS) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The log stream of one container.
#[derive(Debug)]
struct CloudWatch {
    client: Client,
    logs: AwsLogs,
    /// Whether the container has ended: then nobody waits for a group that was deleted to come back.
    draining: AtomicBool,
}

impl LogSink for CloudWatch {
    /// Delivers in one call, or in several smaller ones if that is too large. If one of those fails, all are repeated.
    async fn put(&self, destination: &Destination, events: &[LogEvent]) -> Result<(), SinkError> {
        let mut parts = vec![events];
        while let Some(part) = parts.pop() {
            match self.put_once(destination, part).await {
                Ok(()) => {}
                Err(ClientError::Refused(error)) if error.status == 413 && part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error) if error.code() == Some(NOT_FOUND) => return Err(self.restore_stream(&error).await),
                Err(error) => return Err(sink_error(&error)),
            }
        }
        Ok(())
    }
}

impl CloudWatch {
    async fn put_once(&self, destination: &Destination, events: &[LogEvent]) -> Result<(), ClientError> {
        let event = |event: &LogEvent| api::InputLogEvent {
            timestamp: event.timestamp_ms,
            message: event.message.clone(),
        };
        let request = api::PutLogEventsRequest {
            log_group_name: destination.group.clone(),
            log_stream_name: destination.stream.clone(),
            log_events: events.iter().map(event).collect(),
            ..api::PutLogEventsRequest::default()
        };
        match self.client.call_in(self.logs.region.as_str(), request).await {
            Err(error) if error.code() != Some("DataAlreadyAcceptedException") => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Somebody deleted the stream, or its group: it is made again where that is allowed.
    async fn restore_stream(&self, gone: &ClientError) -> SinkError {
        match make_stream(&self.client, &self.logs).await {
            Ok(()) => SinkError::Retry("the log stream was deleted and made again".to_owned()),
            Err(error) if error.code() != Some(NOT_FOUND) => sink_error(&error),
            Err(_) if self.draining.load(Ordering::Relaxed) => SinkError::Rejected(gone.to_string()),
            Err(_) => SinkError::Gone(gone.to_string()),
        }
    }
}

/// Only what is wrong with the events themselves is refused for good.
fn sink_error(error: &ClientError) -> SinkError {
    let text = error.to_string();
    match error {
        ClientError::Refused(refused) if refused.status == 413 => SinkError::Rejected(text),
        ClientError::Refused(refused)
            if matches!(&*refused.code, "InvalidParameterException" | "SerializationException") =>
        {
            SinkError::Rejected(text)
        }
        ClientError::Refused(_) | ClientError::Unreachable { .. } => SinkError::Retry(text),
    }
}

#[cfg(test)]
mod tests {
    use berth_wire::protocol::ServiceError;

    use super::*;

    #[test]
    fn only_bad_events_are_given_up() {
        let refused = |code, status| sink_error(&ClientError::Refused(ServiceError::with_status(code, "x", status)));
        assert!(matches!(
            refused("InvalidParameterException", 400),
            SinkError::Rejected(_)
        ));
        assert!(matches!(refused("RequestEntityTooLarge", 413), SinkError::Rejected(_)));
        assert!(matches!(
            refused("UnrecognizedClientException", 400),
            SinkError::Retry(_)
        ));
        assert!(matches!(
            refused("ServiceUnavailableException", 503),
            SinkError::Retry(_)
        ));
        let unreachable = ClientError::Unreachable {
            endpoint: "e".to_owned(),
            reason: "r".to_owned(),
        };
        assert!(matches!(sink_error(&unreachable), SinkError::Retry(_)));
    }
}
