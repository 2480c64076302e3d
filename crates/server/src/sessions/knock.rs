//! Who may open a socket: the signature, the query, the instance; and how others are refused.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use berth_core::control::Control;
use berth_core::ecs::model::InstanceKey;
use berth_core::ecs::{Refusal, refer};
use berth_core::kernel::Scope;
use berth_wire::ecs::refusals::denied_text;
use berth_wire::link::upgrade::{Connect, RefusalKind, UpgradeRefusal};

use crate::App;
use crate::auth::{self, Head};

/// What an agent has to say of itself to open a socket.
pub(super) struct Knock {
    /// What it said.
    pub connect: Connect,
    /// The instance that it speaks for.
    pub instance: InstanceKey,
}

/// Whether a socket may be opened: `action` is the kind of socket in IAM's words.
///
/// # Errors
/// Why not, in the agent's words.
pub(super) async fn admit(app: &App, request: Request<Body>, action: &str) -> Result<Knock, UpgradeRefusal> {
    let (parts, _) = request.into_parts();
    let head = Head::of(&parts);
    let headers = head.headers();
    let caller = auth::authenticate(app, &head.request(&headers), b"")
        .await
        .map_err(|error| refusal(RefusalKind::AccessDenied, error.to_string()))?;
    let connect = Connect::parse(parts.uri.query().unwrap_or_default())
        .map_err(|error| refusal(RefusalKind::BadRequest, error.to_string()))?;
    let instance = instance_of(&caller.scope, &connect)?;
    let look = |control: &Control| control.may_connect(&caller.principal, action, &instance);
    match app.engine.read(look).await {
        Ok(Ok(())) => Ok(Knock { connect, instance }),
        // It stays away until it registers again.
        Ok(Err(Refusal::InstanceInactive)) => {
            let text = "The container instance has been deregistered.".to_owned();
            Err(refusal(RefusalKind::InactiveInstance, text))
        }
        Ok(Err(Refusal::Denied(denied))) => Err(refusal(RefusalKind::AccessDenied, denied_text(&denied))),
        Ok(Err(_)) => {
            let text = "The container instance is not registered.".to_owned();
            Err(refusal(RefusalKind::InvalidInstance, text))
        }
        Err(stopping) => Err(refusal(RefusalKind::Server, stopping.to_string())),
    }
}

/// The instance that an agent speaks for. It names the cluster as it was configured, and the instance by its ARN.
fn instance_of(scope: &Scope, connect: &Connect) -> Result<InstanceKey, UpgradeRefusal> {
    let cluster = refer::cluster(scope, Some(&connect.cluster)).map_err(|_| {
        let text = "The cluster's name cannot be read.".to_owned();
        refusal(RefusalKind::InvalidCluster, text)
    })?;
    refer::instance(&cluster, &connect.container_instance_arn).map_err(|_| {
        let text = "The ARN is not one of a container instance in this cluster.".to_owned();
        refusal(RefusalKind::InvalidInstance, text)
    })
}

fn refusal(kind: RefusalKind, message: String) -> UpgradeRefusal {
    UpgradeRefusal { kind, message }
}

/// The answer to an upgrade that is refused.
pub(super) fn refuse(refusal: &UpgradeRefusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    response
        .body(Body::from(refusal.encode()))
        .expect("a status, a fixed header and a body make a response")
}
