//! STS: tells callers who they are. Roles and sessions are not built.

use berth_wire::document::Document;
use berth_wire::protocol::{ServiceError, not_built};
use berth_wire::shapes::{into_document, sts};

use super::Call;
use crate::App;

/// Answers a call of STS.
///
/// # Errors
/// The exception.
pub(crate) fn answer(_: &App, call: &Call<'_>, operation: sts::Operation) -> Result<Document, ServiceError> {
    match operation {
        sts::Operation::GetCallerIdentity => {
            let _: sts::GetCallerIdentityRequest = call.route.decode(call.raw)?;
            // Everybody may ask who they are: AWS demands no permission for it.
            Ok(into_document(sts::GetCallerIdentityResponse {
                user_id: Some(call.principal.account.to_string()),
                account: Some(call.principal.account.to_string()),
                arn: Some(call.principal.arn()),
            }))
        }
        other @ sts::Operation::AssumeRole => Err(not_built(&sts::SERVICE, other.name())),
    }
}
