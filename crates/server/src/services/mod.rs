//! The services behind the endpoint: each turns a decoded call into an answer or an exception of its own.

mod ec2;
mod ecs;
mod logs;
mod sts;

use berth_core::iam::{self, Attempt, Principal};
use berth_core::kernel::Scope;
use berth_wire::document::Document;
use berth_wire::ecs::refusals::denied_text;
use berth_wire::protocol::{self, Route, ServiceError};
use berth_wire::shapes::Operation;

use crate::App;

/// An authenticated call of a known operation.
pub(crate) struct Call<'a> {
    /// What is called, and how it is spelled.
    pub route: &'a Route,
    /// The request as it arrived.
    pub raw: &'a protocol::Request<'a>,
    /// Who calls.
    pub principal: Principal,
    /// In which account and region.
    pub scope: Scope,
    /// The endpoint as the client calls it: `host` or `host:port`.
    pub host: &'a str,
}

impl Call<'_> {
    /// Asks whether the caller may do this, for services whose facts are not the brain's. `code` is the service's exception
    /// for a refusal.
    ///
    /// # Errors
    /// If they may not.
    pub(crate) fn authorise(&self, code: &'static str) -> Result<(), ServiceError> {
        let action = format!("{}:{}", self.route.service().name, self.route.model().name);
        let attempt = Attempt {
            action: &action,
            account: self.scope.account,
            place: None,
        };
        iam::authorise(&self.principal, &attempt).map_err(|denied| ServiceError::client(code, denied_text(&denied)))
    }
}

/// Answers a call with a document of its operation's output.
///
/// # Errors
/// The service's exception.
pub(crate) async fn answer(app: &App, call: &Call<'_>) -> Result<Document, ServiceError> {
    match call.route.operation {
        Operation::Ecs(operation) => ecs::answer(app, call, operation).await,
        Operation::Logs(operation) => logs::answer(app, call, operation).await,
        Operation::Ec2(operation) => ec2::answer(app, call, operation).await,
        Operation::Sts(operation) => sts::answer(app, call, operation),
    }
}
