//! ECS: requests go to the brain, writes through the one writer, reads past it.

use std::sync::PoisonError;

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

/// The port that URLs of https mean when they name none.
const HTTPS_PORT: u16 = 443;

/// Answers a call of ECS.
///
/// # Errors
/// The exception.
pub(crate) async fn answer(app: &App, call: &Call<'_>, operation: ecs::Operation) -> Result<Document, ServiceError> {
    let request = requests::request(operation, call.route, call.raw).map_err(Unasked::into_error)?;
    keep_rates(app, call, &request).map_err(|refusal| refusals::error(&refusal))?;
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
        Request::DiscoverPollEndpoint => {
            call.authorise("AccessDeniedException")?;
            return Ok(poll_endpoints(app, call));
        }
    };
    let reply = told(reply)?;
    let completed = app.history.complete(reply).await;
    let completed = completed.map_err(|error| ServiceError::server("ServerException", error.to_string()))?;
    let reply = completed.map_err(|refusal| refusals::error(&refusal))?;
    Ok(replies::document(operation, reply, &included))
}

/// Refuses a call that comes too early.
fn keep_rates(app: &App, call: &Call<'_>, request: &Request) -> Result<(), Refusal> {
    let now = app.config.clock.now();
    let mut rates = app.rates.lock().unwrap_or_else(PoisonError::into_inner);
    match request {
        Request::Write(write) => rates.write(now, &call.scope, write),
        Request::Read(..) => rates.call(now, &call.scope),
        Request::DiscoverPollEndpoint => Ok(()),
    }
}

fn told(reply: Result<Result<Reply, Refusal>, Stopping>) -> Result<Reply, ServiceError> {
    let reply = reply.map_err(|stopping| ServiceError::server("ServerException", stopping.to_string()))?;
    reply.map_err(|refusal| refusals::error(&refusal))
}

/// The sockets stand at the endpoint that the agent has reached, whatever name it has there. The stock agent opens them over
/// TLS only if the URL names no port: so it does not where the endpoint listens on the port that is meant then.
fn poll_endpoints(app: &App, call: &Call<'_>) -> Document {
    let base = match &app.config.tls {
        None => format!("http://{}", call.host),
        Some(_) if app.config.listen.iter().any(|address| address.port() == HTTPS_PORT) => {
            format!("https://{}", without_port(call.host))
        }
        Some(_) => format!("https://{}", call.host),
    };
    let endpoint = |socket: &str| Some(format!("{base}/{socket}"));
    into_document(ecs::DiscoverPollEndpointResponse {
        endpoint: endpoint("acs"),
        telemetry_endpoint: endpoint("tcs"),
        ..ecs::DiscoverPollEndpointResponse::default()
    })
}

/// `host` of `host:port`; an address of IPv6 keeps its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(']') => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn ports_are_left_out() {
        for (host, name) in [
            ("berth.example:4566", "berth.example"),
            ("berth.example", "berth.example"),
            ("192.0.2.1:4566", "192.0.2.1"),
            ("[fd00::7]:4566", "[fd00::7]"),
            ("[fd00::7]", "[fd00::7]"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }
}
