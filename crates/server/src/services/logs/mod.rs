//! CloudWatch Logs: requests become calls on the log store, its answers and errors become shapes and exceptions.
//!
//! Reading order: this file, `names` (ARNs), `groups`, `streams`, `events`, `refusal`. What a value must look like is checked
//! by the store; here is checked what the store knows nothing of. A member that asks for something which is not done is
//! refused, never ignored.

mod events;
mod groups;
mod names;
mod refusal;
mod streams;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use berth_core::kernel::Scope;
use berth_telemetry::logs::LogStore;
use berth_wire::document::Document;
use berth_wire::protocol::{ServiceError, not_built};
use berth_wire::shapes::logs::{self, Operation};
use berth_wire::shapes::{Empty, Input, into_document};

use super::Call;
use crate::App;

/// Where a request is answered: the logs of one scope, at one moment.
struct Place {
    store: Arc<LogStore>,
    scope: Scope,
    /// The scope as the store has it.
    shelf: berth_telemetry::Scope,
    now_ms: i64,
}

/// Answers a call of CloudWatch Logs.
///
/// # Errors
/// The exception.
pub(super) async fn answer(app: &App, call: &Call<'_>, operation: Operation) -> Result<Document, ServiceError> {
    call.authorise("AccessDeniedException")?;
    if app.space.is_low() && creates(operation) {
        return Err(refusal::low_space());
    }
    match operation {
        Operation::CreateLogGroup => answered(app, call, groups::create).await,
        Operation::CreateLogStream => answered(app, call, streams::create).await,
        Operation::DeleteLogGroup => answered(app, call, groups::delete).await,
        Operation::DeleteLogStream => answered(app, call, streams::delete).await,
        Operation::DeleteRetentionPolicy => answered(app, call, groups::delete_retention_policy).await,
        Operation::DescribeLogGroups => answered(app, call, groups::describe).await,
        Operation::DescribeLogStreams => answered(app, call, streams::describe).await,
        Operation::FilterLogEvents => answered(app, call, events::filter).await,
        Operation::GetLogEvents => answered(app, call, events::get).await,
        Operation::PutLogEvents => answered(app, call, events::put).await,
        Operation::PutRetentionPolicy => answered(app, call, groups::put_retention_policy).await,
        other @ (Operation::ListTagsForResource | Operation::TagResource) => {
            Err(not_built(&logs::SERVICE, other.name()))
        }
    }
}

/// Whether an operation asks for something new, which needs disk space. Senders of events keep them and come again.
fn creates(operation: Operation) -> bool {
    match operation {
        Operation::CreateLogGroup | Operation::CreateLogStream | Operation::PutLogEvents | Operation::TagResource => {
            true
        }
        Operation::DeleteLogGroup
        | Operation::DeleteLogStream
        | Operation::DeleteRetentionPolicy
        | Operation::DescribeLogGroups
        | Operation::DescribeLogStreams
        | Operation::FilterLogEvents
        | Operation::GetLogEvents
        | Operation::PutRetentionPolicy
        | Operation::ListTagsForResource => false,
    }
}

/// Decodes the request and has `answer` work on a thread that may block: the store waits for the disk.
async fn answered<I>(
    app: &App,
    call: &Call<'_>,
    answer: fn(&Place, I) -> Result<I::Output, ServiceError>,
) -> Result<Document, ServiceError>
where
    I: Input + Send + 'static,
    I::Output: Send,
{
    let request: I = call.route.decode(call.raw)?;
    let place = Place {
        store: Arc::clone(&app.logs),
        scope: call.scope.clone(),
        shelf: berth_telemetry::Scope::new(call.scope.account.to_string(), call.scope.region.as_str()),
        now_ms: app.config.clock.now().0,
    };
    let work = tokio::task::spawn_blocking(move || answer(&place, request)).await;
    // The work itself ended early: a panic, or the process is ending.
    let output = work.map_err(|error| refusal::unavailable(&error))?;
    output.map(into_document)
}

/// The answer of operations that have none.
fn done((): ()) -> Empty {
    Empty {}
}
