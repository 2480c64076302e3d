//! How groups and streams are named outside the store: ARNs, and members that take a name or an ARN.

use berth_core::kernel::{Arn, Scope};
use berth_wire::protocol::ServiceError;

use super::refusal::invalid;

/// What the resource of a group's ARN begins with.
const GROUP: &str = "log-group:";

/// The ARN of a group.
pub(super) fn group_arn(scope: &Scope, group: &str) -> String {
    Arn::new("logs", scope, format!("{GROUP}{group}")).to_string()
}

/// The ARN of a group with everything in it, as policies name it.
pub(super) fn group_arn_with_streams(scope: &Scope, group: &str) -> String {
    group_arn(scope, group) + ":*"
}

/// The ARN of a stream.
pub(super) fn stream_arn(scope: &Scope, group: &str, stream: &str) -> String {
    group_arn(scope, group) + ":log-stream:" + stream
}

/// The name of the group that a request means: exactly one of `name` and `identifier` must be there.
///
/// # Errors
/// Both or none, or an ARN that is no group's or belongs to others.
pub(super) fn group(scope: &Scope, name: Option<String>, identifier: Option<String>) -> Result<String, ServiceError> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => identified(scope, &identifier),
        (Some(_), Some(_)) => Err(invalid("Specify either logGroupName or logGroupIdentifier, not both.")),
        (None, None) => Err(invalid("Specify either logGroupName or logGroupIdentifier.")),
    }
}

/// The name of the group that `identifier`, a name or an ARN, stands for.
///
/// # Errors
/// An ARN that is no group's, or of another account or region.
pub(super) fn identified(scope: &Scope, identifier: &str) -> Result<String, ServiceError> {
    if !identifier.starts_with("arn:") {
        return Ok(identifier.to_owned());
    }
    let malformed = || {
        invalid(format!(
            "The ARN is not one of a log group (without a trailing :*): {identifier}"
        ))
    };
    let arn: Arn = identifier.parse().map_err(|_| malformed())?;
    let name = arn
        .resource
        .strip_prefix(GROUP)
        .filter(|name| arn.service == "logs" && !name.contains(':'));
    let name = name.ok_or_else(malformed)?;
    if arn.scope != *scope {
        return Err(invalid(format!(
            "The log group belongs to another account or region: {identifier}"
        )));
    }
    Ok(name.to_owned())
}
