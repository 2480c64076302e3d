//! ECS: requests go to the brain, writes through the one writer, reads past it.

use berth_core::control::Event;
use berth_core::ecs::Refusal;
use berth_core::ecs::view::Reply;
use berth_wire::document::Document;
use berth_wire::ecs::{Request, Unasked, refusals, replies, requests};
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::{ecs, into_document};

use super::Call;
use crate::App;
use crate::engine::Stopping;

/// Answers a call of ECS.
///
/// # Errors
/// The exception.
pub(crate) async fn answer(app: &App, call: &Call<'_>, operation: ecs::Operation) -> Result<Document, ServiceError> {
    let request = requests::request(operation, call.route, call.raw).map_err(Unasked::into_error)?;
    let (reply, included) = match request {
        Request::Write(write) => {
            let event = Event::Request {
                principal: call.principal.clone(),
                scope: call.scope.clone(),
                write,
            };
            (app.engine.write(event).await, Vec::new())
        }
        Request::Read(read, included) => {
            let look = app
                .engine
                .read(|control| control.read(&call.principal, &call.scope, &read));
            (look.await, included)
        }
        Request::DiscoverPollEndpoint => return Ok(poll_endpoints(call)),
    };
    let reply = told(reply)?;
    let completed = app.history.complete(reply).await;
    let completed = completed.map_err(|error| ServiceError::server("ServerException", error.to_string()))?;
    let reply = completed.map_err(|refusal| refusals::error(&refusal))?;
    Ok(replies::document(operation, reply, &included))
}

fn told(reply: Result<Result<Reply, Refusal>, Stopping>) -> Result<Reply, ServiceError> {
    let reply = reply.map_err(|stopping| ServiceError::server("ServerException", stopping.to_string()))?;
    reply.map_err(|refusal| refusals::error(&refusal))
}

/// The sockets stand at the endpoint that the agent has reached, whatever name it has there.
fn poll_endpoints(call: &Call<'_>) -> Document {
    let endpoint = |socket: &str| Some(format!("http://{}/{socket}", call.host));
    into_document(ecs::DiscoverPollEndpointResponse {
        endpoint: endpoint("acs"),
        telemetry_endpoint: endpoint("tcs"),
        ..ecs::DiscoverPollEndpointResponse::default()
    })
}
