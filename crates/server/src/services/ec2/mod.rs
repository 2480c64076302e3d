//! EC2 as far as networks of tasks are looked at: every call reads the derived [`NetworkView`] of its scope.
//!
//! Reading order: this file, `list` (what all lists have in common), then one file per resource. Resources are made into
//! the shapes of the API first; ids, filters and pages then choose among the shapes, so a filter can only see what is shown.
//!
//! Nothing can be created or changed here.

mod filter;
mod groups;
mod interfaces;
mod list;
mod regions;
mod subnets;
mod vpcs;
mod zones;

#[cfg(test)]
mod tests;

use berth_core::kernel::Arn;
use berth_core::network::view::{Extent, NetworkView};
use berth_wire::document::Document;
use berth_wire::ecs::refusals::denied_text;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{self, Operation};
use berth_wire::shapes::{Input, into_document};

use super::Call;
use crate::App;

/// Answers a call of EC2.
///
/// # Errors
/// The error of EC2.
pub(super) async fn answer(app: &App, call: &Call<'_>, operation: Operation) -> Result<Document, ServiceError> {
    let extent = match operation {
        Operation::DescribeNetworkInterfaces => Extent::Interfaces,
        Operation::DescribeAvailabilityZones
        | Operation::DescribeRegions
        | Operation::DescribeSecurityGroups
        | Operation::DescribeSubnets
        | Operation::DescribeVpcs => Extent::Network,
    };
    let view = look(app, call, extent).await?;
    match operation {
        Operation::DescribeAvailabilityZones => described(call, |request: &ec2::DescribeAvailabilityZonesRequest| {
            Ok((zones::describe(&view, request)?, request.dry_run))
        }),
        Operation::DescribeNetworkInterfaces => described(call, |request: &ec2::DescribeNetworkInterfacesRequest| {
            Ok((interfaces::describe(&view, request)?, request.dry_run))
        }),
        Operation::DescribeRegions => described(call, |request: &ec2::DescribeRegionsRequest| {
            Ok((regions::describe(&view, request, call.host)?, request.dry_run))
        }),
        Operation::DescribeSecurityGroups => described(call, |request: &ec2::DescribeSecurityGroupsRequest| {
            Ok((groups::describe(&view, request)?, request.dry_run))
        }),
        Operation::DescribeSubnets => described(call, |request: &ec2::DescribeSubnetsRequest| {
            Ok((subnets::describe(&view, request)?, request.dry_run))
        }),
        Operation::DescribeVpcs => described(call, |request: &ec2::DescribeVpcsRequest| {
            Ok((vpcs::describe(&view, request)?, request.dry_run))
        }),
    }
}

/// The networks of the caller's scope, if they may see them.
async fn look(app: &App, call: &Call<'_>, extent: Extent) -> Result<NetworkView, ServiceError> {
    let action = format!("ec2:{}", call.route.model().name);
    let look = app
        .engine
        .read(|control| control.read_network(&call.principal, &call.scope, &action, extent));
    let view = look
        .await
        .map_err(|stopping| ServiceError::with_status("Unavailable", stopping.to_string(), 503))?;
    view.map_err(|denied| {
        let text = format!(
            "You are not authorized to perform this operation. {}",
            denied_text(&denied)
        );
        ServiceError::with_status("UnauthorizedOperation", text, 403)
    })
}

/// Answers with what `describe` makes of the request. A dry run ends where only the answer is missing, so that what it says
/// is true.
fn described<I: Input>(
    call: &Call<'_>,
    describe: impl FnOnce(&I) -> Result<(I::Output, Option<bool>), ServiceError>,
) -> Result<Document, ServiceError> {
    let request: I = call.route.decode(call.raw)?;
    let (output, dry_run) = describe(&request)?;
    if dry_run == Some(true) {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(ServiceError::with_status("DryRunOperation", text, 412));
    }
    Ok(into_document(output))
}

/// The account that owns everything in `view`.
fn owner(view: &NetworkView) -> Option<String> {
    Some(view.scope.account.to_string())
}

fn arn(view: &NetworkView, resource: String) -> Option<String> {
    Some(Arn::new("ec2", &view.scope, resource).to_string())
}

fn invalid_value(text: impl Into<String>) -> ServiceError {
    ServiceError::client("InvalidParameterValue", text)
}
